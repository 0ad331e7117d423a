"""Plots of tales: wishes, giants, kings, honest finders, brave machines."""
from . import words as W


def magic_item(s):
    s.hero(0.25)
    s.friend()
    s.intro(1)
    s.set(item=s.pick(["lamp", "stone", "ring", "bell", "shell", "feather", "coin", "bottle", "key", "mirror"]),
          look2=s.pick(["old", "golden", "strange", "shiny", "blue", "dusty"]))
    wish = s.pick([("a mountain of candy", "candy", "ate and ate until {his} tummy hurt", "I feel sick"),
                   ("a castle of gold", "castle", "walked through a hundred empty rooms", "It is so lonely here"),
                   ("to be as tall as a tree", "tall body", "could not go through any door", "Nobody can play with me now"),
                   ("to fly", "wings", "flew up until everything below was small", "It is cold and lonely up here"),
                   ("a thousand toys", "toys", "played until {he} was bored", "It is no fun alone"),
                   ("that it would never be night", "sun", "could not sleep for three days", "I am so tired"),
                   ("that everything {he} touched would turn to chocolate", "chocolate", "could not even drink a cup of water", "Everything tastes the same"),
                   ("to be invisible", "magic", "walked through the town, but nobody saw {him}", "Nobody talks to me")])
    s.set(wish=wish[0], bad=wish[2], sigh=wish[3])
    s.say("<oneday>, {N} found a {look2} {item} [on the beach|under a tree|in the attic|by the river].",
          "when {he} [touched|rubbed|cleaned] it, [a tiny fairy|a little blue spirit|a small green man] came out.",
          "\"I am the spirit of the {item}. You have two wishes,\" [said the voice|it said].".replace("[said the voice|it said]", "said a tiny voice"))
    s.par()
    s.say("\"I wish {W}!\" {N} [said|cried|called] at once.".replace("{W}", {"a": "for " + wish[0], "t": wish[0]}[wish[0][0]].replace("{he}", "I").replace("I touched", "I touch").replace("would turn", "turned")),
          "and so it was." if wish[0][0] != "a" else "puff! There they were." if wish[0].endswith("toys") else "puff! There it was.")
    s.say("at first, {N} was <happy>.", "{he} {bad}.".replace("{bad}", wish[2]),
          "\"{sigh},\" {he} [said|sighed].")
    s.par()
    s.say("then {he} saw {friend}, who [was|sat] all alone.",
          "{N} took the {item} in {his} hand[|s] and [closed {his} eyes|thought about the last wish].".replace(" in {his} hand[|s]", " again"))
    s.one_of(("\"I wish that everything were as it was before,\" {he} said.", "and in a moment, it was."),
             ("\"I wish to be home with my friend,\" {he} said.", "there was a flash of light, and everything was as before."))
    s.say("{N} [ran to|found] {N2} and <hug> {him2}.", "\"You are better than any wish,\" {he} said.")
    s.closing(("{N} learned that friends are the best magic.", "{N} put the {item} back where {he} had found it.",
               "<fromthen>, {N} was happy with what {he} had."))


def fallen_star(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.3)
    s.set(where=s.pick(["in the garden", "in the meadow", "in the pond", "behind the barn", "on the roof", "in a haystack", "in the snow"]))
    s.say("one [clear|cold|quiet|warm] night, {N} looked up at the sky and saw a star fall.",
          "{he} ran outside and found it {where}.", "it was small and [bright|golden], and it was crying.")
    s.par()
    s.say("\"I fell down, and I cannot get home,\" said the little star. \"My mother is [the moon|the brightest star].\"",
          "\"Do not cry. I will help you,\" said {N}.")
    tries = [("{he} threw the star up as high as {he} could, but it fell down again.",),
             ("{he} tied the star to a kite, but the string was too short.",),
             ("{he} climbed the tallest tree, but the sky was still far away.",),
             ("{he} stood on the roof and stretched, but it was not high enough.",),
             ("{he} asked an owl to carry it, but the star was too hot.",)]
    tries = s.distinct(tries, 2)
    s.say(*tries[0])
    s.maybe(0.5, *tries[1])
    s.say("\"We need help,\" said {N}, and {he} called {friend}.", "{N2} looked at the star and <think>.")
    s.par()
    s.one_of(("\"The mountain is the highest place of all,\" said {N2}.", "so they put the star in a basket and walked up the mountain.",
              "at the top, [the moon|the sky] was so near that the star could jump."),
             ("\"Stars are light when they are happy,\" said {N2}. \"We must make it laugh.\"",
              "{N} made a funny face, and {N2} told a joke.", "the star laughed, and it began to float, higher and higher."),
             ("\"The north wind can carry anything,\" said {N2}.", "they went to the hill and called the wind.",
              "the wind came with a whoosh and lifted the star into the sky."),
             ("\"We can build a big swing,\" said {N2}.", "they tied a rope to the tallest tree and put the star on the swing.",
              "one, two, three, and up it flew, all the way to the sky."))
    s.say("\"Goodbye, and thank you!\" called the star.")
    s.closing(("<fromthen>, one star [winked at|shone for] {N} every night.", "when {N} looked up, {he} saw it [blink|twinkle], and {he} waved.",
               "and on dark nights, the star lit the way for {N} and {N2}."), feeling=False)


def giant(s):
    s.hero(0.2)
    s.intro(0)
    beast = s.pick([("dragon", "cave"), ("giant", "castle"), ("troll", "bridge"), ("monster", "lake"), ("sea monster", "bay"), ("big bear", "forest")])
    female = s.chance(0.35)
    s.person("2", female, s.name(["Bertha", "Dora", "Ember", "Gerda", "Stormy"] if female else
                                 ["Grum", "Boro", "Smoky", "Thud", "Rumble", "Mossback", "Olaf", "Gorm"]), beast[0])
    s.set(lair=beast[1], lairname=s.pick(["dark", "old", "deep", "lonely"]))
    trouble = s.pick([("had a [thorn|splinter|nail] in {his2} foot", "pulled it out", "hurt"), ("had a toothache", "gave {him2} [warm tea with honey|a cool leaf to chew]", "tooth"),
                      ("had nobody to play with", "taught {him2} a game", "lonely"), ("had lost {his2} teddy bear", "found it behind a rock", "toy"),
                      ("could not sleep because of bad dreams", "sang {him2} a soft song", "sleep"), ("had a cold and could not stop sneezing", "cooked a big pot of soup", "cold")])
    s.set(trouble=trouble[0], fix=trouble[1])
    s.say("near {his} village, a {kind2} lived in the {lairname} {lair}." if beast[1] not in ("bridge", "forest", "lake", "bay") else "near {his} village, a {kind2} lived [under|by] the {lairname} {lair}.".replace("[under|by]", {"bridge": "under", "forest": "in", "lake": "in", "bay": "in"}[beast[1]]),
          "every night, [a terrible roar|a loud cry|a loud noise] came from there, and everyone was <afraid>.",
          "\"[Stay away|Never go there]! It will eat you!\" the [people|others] said.")
    s.par()
    s.say("but {N} [wondered why|did not believe it].", "<oneday>, {he} went to the {lair}, [step by step|very quietly|with a lamp in {his} hand].".replace("|with a lamp in {his} hand", ""),
          "there sat the {kind2}, as big as a [house|hill], and [big|fat] tears rolled down {his2} face.",
          "\"Why are you crying?\" asked {N}[ in a small voice|].")
    s.one_of("\"Are you not afraid of me?\" asked the {kind2}. \"Everyone runs away.\"", "the {kind2} looked up. \"You did not run away,\" {he2} said [with surprise|].")
    s.say("{he2} {trouble}." if trouble[2] != "x" else "")
    s.par()
    s.say("\"I can help you,\" said {N}, and {he} {fix}.")
    s.say("the {kind2} [smiled|gave a great smile]. \"<thanks>! My name is {N2},\" {he2} said.")
    s.one_of(("{N} brought {N2} to the village.", "at first, the people [hid|were afraid], but then {N2} [carried heavy stones for the new bridge|lit all the lamps|played with the children|helped to bring in the hay]." if beast[0] != "dragon" else
              "at first, the people [hid|were afraid], but then {N2} [lit all the lamps with {his2} breath|let the children ride on {his2} back]."),
             ("when {N} told the people about it, they were ashamed.", "they baked a [huge|giant] cake and brought it to {N2}."))
    s.closing(("<fromthen>, nobody was afraid of {N2} anymore.", "and {N} and {N2} were friends for the rest of their lives.",
               "{N} learned that you must not judge someone by {his2} looks.".replace("{his2}", "their")))


def market_errand(s):
    s.hero(0.2)
    s.intro(0)
    s.elder("3")
    buy = s.pick([("eggs", "the eggs"), ("milk", "the milk"), ("bread", "the bread"), ("flour", "the flour"), ("fish", "the fish"), ("butter", "the butter"), ("apples", "the apples"), ("tea", "the tea")])
    s.set(buy=buy[0], thebuy=buy[1], coin=s.pick(["a silver coin", "three coins", "a gold coin", "two coins", "five pennies"]))
    it = "it" if s.v["coin"].startswith("a ") else "them"
    s.set(it=it, was="was" if it == "it" else "were", coins=s.v["coin"].split()[-1])
    s.say("<oneday>, {his} {kin} gave {him} {coin} and said, \"Please go to the market and buy {buy}.\"",
          "{N} was proud and [put {it} in {his} pocket|held {it} tight].", "{he} [sang|skipped|hopped] along the road.")
    s.par()
    s.say("but when {he} came to the market, the {coins} {was} gone!",
          "there was a hole in {his} [pocket|bag]." , "{N} was <sad>. \"What will my {kin} say?\" {he} thought.")
    s.say("{he} walked back and looked [under every bush|at every stone|in the grass along the road].")
    s.one_of("the coin was nowhere to be seen." if it == "it" else "the coins were nowhere to be seen.", "it was getting late, and {he} found nothing.")
    s.par()
    s.one_of(("then {he} met {N3}, an old {kind3} with a heavy basket.", "{N} was sad, but {he} carried the basket all the way to the {kind3}'s house.",
              "\"You are a kind {kind}. Here is {buy} for your {kin},\" said {N3}." if buy[0] not in ("eggs", "apples") else "\"You are a kind {kind}. Here are {buy} for your {kin},\" said {N3}.",
              "and what was in the basket, under a cabbage? {Coin}! {N3} had found {it} on the road.".replace("{Coin}", s.v["coin"].capitalize())),
             ("then {he} met {N3}, the [miller|shoemaker|postman|tailor].".replace("postman|", "") , "\"Did you lose something?\" asked {N3}. \"I found {coin} on the road.\"",
              "\"Yes, I lost {coin}!\" cried {N}. \"<thanks>!\"", "{he} ran to the market and bought {thebuy}."),
             ("{he} told the truth to {N3}, who sold {buy}.", "\"You can sweep my shop, and I will give you {thebuy},\" said {N3}.",
              "{N} swept every corner, and under the [counter|carpet|shelf], {he} found a [coin|ring].".replace("coin|ring", "golden ring"),
              "\"My lost ring!\" cried {N3} and gave {him} {thebuy} and [a bag of sweets|a cake|some candy] besides."))
    s.say("when {N} came home, {he} told {his} {kin} everything.", "{kinhe} [smiled|laughed] and [sewed up the hole|<hug> {him}].")
    s.closing(("{N} learned that kindness comes back to you.", "<fromthen>, {N} [always looked for holes|looked twice] before {he} went out.",
               "that [evening|night], they had a good supper."), feeling=False)


def honest_finder(s):
    s.hero(0.3)
    s.intro(0)
    s.elder("3")
    k = s.pick(W.KEEPSAKES)
    s.set(item=s.pick(W.KEEPSAKE_LOOKS) + " " + k, itemn=k, place=s.pick(["on the road", "in the grass", "at the beach", "under a bench", "by the fountain", "in the park"]),
          want=s.pick(["a new kite", "a red bike", "a big cake", "new boots", "a warm coat", "a drum", "a book of maps"]))
    s.say("<oneday>, {N} found a {item} {place}.", "\"How [beautiful|pretty] it is! I could sell it and buy {want},\" {he} thought.",
          "but then {he} thought, \"Somebody must be looking for it.\"")
    s.par()
    s.one_of(("{he} went from door to door and asked, \"Did you lose a {itemn}?\"", "\"No,\" said the baker. \"No,\" said the [teacher|farmer|miller]."),
             ("{he} sat down {place} and waited for [an hour|a long time|two hours].", "many people walked by, but nobody had lost a {itemn}."))
    s.maybe(0.5, "\"Just keep it,\" said a [man|boy|woman] [with a big hat|who saw it]. But {N} shook {his} head.")
    s.say("<atlast>, {he} met an old {kind3} who [looked at the ground|walked slowly and looked sad].", "it was {N3}.",
          "\"I have lost my {itemn}. It was [a gift from my mother|all that I have from my father|my good luck],\" said {N3}.".replace("it was", "It was"))
    s.par()
    s.say("\"Is it this one?\" asked {N} and held out the {item}.", "{N3}'s eyes [filled with tears of joy|lit up|shone].",
          "\"Yes! <thanks>, {name_}!\" {he3} said.".replace("{name_}", "dear child" if not s.is_animal else "little friend"))
    s.one_of(("the next day, {N3} came to {N}'s {home} with a big box.", "in the box was {want}!" if s.v["want"] != "new boots" else "in the box were new boots!"),
             ("{N3} invited {N} for [tea and cake|pancakes], and they talked [all afternoon|for hours].", "{he3} knew the most wonderful stories."))
    s.closing(("{N} was glad that {he} had been honest.", "{N} learned that an honest heart is worth more than gold.",
               "<fromthen>, {N3} and {N} were good friends."))


def key_box(s):
    s.hero(0.2)
    s.friend()
    s.intro(0.4)
    s.set(metal=s.pick(["rusty", "golden", "silver", "small", "old", "black", "tiny"]), place=s.pick(["under a loose stone", "in the garden", "in an old coat", "at the bottom of a drawer", "in a bird's nest", "on the beach"]))
    treasure = s.pick([("an old wooden door behind the [ivy|roses]", "door", "a secret garden full of [roses|flowers and birds]"), ("a chest in the attic", "chest", "old costumes, hats, and [crowns|masks]"),
                       ("a little box under the stairs", "box", "a map of the [village|woods] from long ago"), ("a tall clock in the hall", "clock", "a [nest|family] of tiny singing birds made of gold".replace("[nest|family] of tiny singing birds", "tiny singing bird")),
                       ("a small house in the old oak tree", "house", "a table, two chairs, and [many books|a teapot]"), ("a boat house by the lake", "boat house", "a [green|blue|white] rowboat with two oars"),
                       ("a music box in the cellar", "music box", "a tiny dancer who turned to a sweet song")])
    s.set(lock=treasure[0], lockn=treasure[1], inside=treasure[2])
    s.say("<oneday>, {N} found a {metal} key {place}.", "\"What does it open?\" {he} [asked|wondered].",
          "{he} showed it to {friend}.", "\"Let us find out!\" said {N2}.")
    s.par()
    s.say("they tried the key in the [front door|kitchen door|garden gate], but it was too [big|small].",
          "they tried it in the [cupboard|cellar door|shed], but it did not [turn|fit].")
    s.maybe(0.6, "they asked [{N}'s {kin}|the old gardener|the shoemaker], who only smiled and said, \"Keep looking.\"")
    s.say("\"Maybe it opens nothing [at all|anymore],\" said {N}.", "\"We must not give up,\" said {N2}.")
    s.par()
    s.say("<then>, {N} saw {lock}.", "{he} put the key in the lock and turned it.", "click! The {lockn} opened.",
          "inside was {inside}." if not treasure[2].startswith(("old costumes", "a table")) else "inside were {inside}.")
    s.one_of("\"It is [wonderful|beautiful|like a dream],\" whispered {N2}.", "{N} and {N2} could not believe their eyes.")
    s.maybe(0.5, "there was a letter, too. It said, \"For [the one who finds this|whoever does not give up]. Share it with a friend.\"")
    s.closing(("<fromthen>, it was their secret place." if treasure[1] in ("door", "house", "boat house") else "<fromthen>, it was their secret treasure.",
               "{N} kept the key on a string around {his} neck.", "they learned that you must look a little longer to find a treasure."))


def lighthouse(s):
    """A lamp or lighthouse that thinks it is useless until a stormy night."""
    s.is_animal = True
    thing = s.pick([("lighthouse", "by the sea", "ships"), ("street lamp", "at the end of the street", "people"), ("lantern", "on an old boat", "fishermen"), ("candle", "in a window", "people"),
                    ("lamp", "at a small train station", "trains")])
    s.person("", s.chance(0.5), s.name(["Lumi", "Glim", "Beam", "Flicker", "Sparky", "Glow", "Ray", "Shine", "Blink", "Dot"]), thing[0])
    s.set(where=thing[1], kin="keeper")
    s.like_done = "shone with joy"
    s.set(rival=s.pick(["moon", "big new lamp", "sun", "tall tower", "stars"]))
    s.say(s.pick(["Once upon a time, there was a [little|small|old] {kind} named {N} {where}.", "Once upon a time, a [little|small|old] {kind} named {N} stood {where}.",
                  "There once was a [little|small] {kind} named {N} {where}."]))
    s.say("{his} light was [small|weak|not very bright].", "\"I am not as bright as the {rival},\" {he} often [said|sighed].", "\"Nobody needs me.\"")
    s.par()
    s.say("one [stormy|dark|wild] night, [thick clouds covered the sky|fog came in from the sea|the wind blew out every other light].",
          "the {rival} [could not be seen|gave no light]." ,)
    who = s.pick([("a small boat", "was lost in the waves", "it"), ("a father and his little son", "could not find the way home", "them"), ("a ship full of sailors", "came near the rocks", "it"),
                  ("a girl with her dog", "was lost in the dark", "her"), ("an old fisherman", "could not see the shore", "him")])
    if (who[1] in ("could not find the way home", "was lost in the dark")) == (thing[0] in ("lighthouse", "lantern")):
        who = ("a small boat", "was lost in the waves", "it") if thing[0] in ("lighthouse", "lantern") else s.pick([
            ("a father and his little son", "could not find the way home", "them"),
            ("a girl with her dog", "was lost in the dark", "her")])
    s.set(who=who[0], thewho=who[0].replace("a ", "the ", 1).replace("an ", "the ", 1) if not who[0].startswith("an ") else "the " + who[0][3:], lost=who[1], them=who[2])
    s.say("out there, {who} {lost}.", "\"Help! [Where is the way|Which way is home]?\" [called a voice|cried a voice].",
          "{N} was <afraid>, but {he} [shone|burned] as bright as {he} could.")
    s.one_of("the wind [pushed|blew] and the rain [fell|beat], but {he} did not go out.", "\"I must not go out,\" {he} said to {himself} [again and again|all night long].")
    s.par()
    s.say("\"Look! A light!\" [called|cried] the voice.", "slowly, {thewho} came closer and closer." if who[0] != "a father and his little son" else "slowly, they came closer and closer.", "[at last|finally], they were safe." if who[2] in ("it", "them") else "[at last|finally], the shore was near and all was well." if who[2] == "him" else "[at last|finally], the girl was safe.",
          "\"That little {kind} saved us,\" [they|everyone] said." if who[2] in ("it", "them") else "\"That little {kind} saved me,\" said the voice.",
          "in the morning, [people|the children] came and [cleaned {his} glass|put flowers around {him}|sang a song for {him}].")
    s.closing(("<fromthen>, {N} was proud of {his} small light.", "{N} learned that a small light can be the most important light of all.",
               "and {N} never wished to be the {rival} again."), feeling=False)


def engine(s):
    s.is_animal = True
    th = s.pick([("train", "a long load of toys", "the steep mountain", "puff, puff", "engines"), ("tugboat", "a huge ship", "the stormy bay", "chug, chug", "boats"), ("truck", "a load of bricks", "the muddy hill", "brum, brum", "trucks"),
                 ("bus", "forty children", "the snowy hill", "honk, honk", "buses"), ("tractor", "a wagon of hay", "the wet field", "rattle, rattle", "tractors"), ("plane", "letters and gifts", "the high mountains", "whirr, whirr", "planes")])
    female = s.chance(0.5)
    s.person("", female, s.name(["Rosie", "Molly", "Betsy", "Winnie", "Scout", "Bumble", "Pippin"] if female else
                                ["Tuff", "Chuck", "Toot", "Rusty", "Ollie", "Scout", "Bumble"]), th[0])
    s.set(load=th[1], obst=th[2], sound=th[3], others=th[4], kin="driver", color=s.pick(["red", "blue", "green", "yellow", "orange"]))
    s.like_done = "slept well in the warm shed"
    s.say(s.pick(["Once upon a time, there was a little {color} {kind} named {N}.", "Once upon a time there was a little {color} {kind} named {N}.",
                  "There once was a small {color} {kind} called {N}.", "Long ago, there was a little {color} {kind} named {N}."]))
    s.say("the other {others} were big and [strong|shiny], and they [laughed at|did not look at] {N}.", "\"You are too [small|old|slow] for real work,\" they said.")
    s.par()
    s.say("<oneday>, {load} had to go across {obst}." .replace("across", "over" if "mount" in th[2] or "hill" in th[2] else "across"),
          "\"I am too busy,\" said the first of the big {others}.", "\"I am too [fine|tired|important] for that,\" said the second.",
          "\"I will try,\" said {N}[ in a small voice|].")
    s.say("\"{sound}!\" went {N}.", "the way was [long|hard], and [rain|the wind] [came|blew] into {his} face.".replace("[rain|the wind] [came|blew]", "the [rain|wind] blew"))
    s.one_of("in the middle, {he} almost stopped. \"I must not give up. I can do it,\" {he} said.", "{his} wheels [slipped|began to slip], but {he} did not give up." if th[0] not in ("tugboat", "plane") else "{he} was so tired, but {he} did not give up.")
    s.par()
    s.say("[slowly, slowly|little by little], {N} went on.", "<atlast>, {he} [was there|had done it]!",
          "everyone [cheered|clapped] and [waved|threw hats in the air]." , "\"[Hooray|Three cheers] for {N}!\" they [cried|called].")
    s.closing(("the big {others} never laughed at {N} again.", "{N} learned that it is the heart that makes you strong.", "<fromthen>, {N} was given the most important work of all."),
              feeling=False)


def cry_wolf(s):
    s.hero(0.2)
    s.intro(0)
    danger = s.pick([("wolf", "the sheep", "watched the sheep", "Wolf! Wolf!"), ("fox", "the hens", "watched the hens", "Fox! Fox!"), ("bear", "the bees", "took care of the bees", "Bear! Bear!"), ("fire", "the barn", "watched the barn at night", "Fire! Fire!"),
                     ("flood", "the river", "watched the river", "Flood! Flood!")])
    if s.v["kind"] == danger[0]:
        danger = ("fire", "the barn", "watched the barn at night", "Fire! Fire!")
    s.set(danger=danger[0], herd=danger[1], work=danger[2], cry=danger[3])
    s.say("every day, {N} {work}, and {he} was bored.", "\"I want to have some fun,\" {he} thought.",
          "so {he} [called|shouted], \"{cry}\"", "all the neighbors came running [with sticks|with buckets|].".replace("with sticks|with buckets", "as fast as they could"),
          "but there was no {danger}, and {N} laughed.")
    s.par()
    s.say("the next day, {he} did it again.", "\"{cry}\" {he} called, and again they came for nothing.".replace("\"{cry}\" {he}", "\"{cry}\" {he}"),
          "\"That is not funny,\" said {his} {kin}. \"Nobody believes [a liar|someone who lies].\"")
    s.say("then, one [evening|dark night|morning], a real {danger} came." if danger[0] not in ("fire", "flood") else ("then, one night, the barn really began to burn." if danger[0] == "fire" else "then, one night, the river really began to rise."),
          "\"{cry}\" cried {N}. \"This time it is true!\"", "but nobody came.")
    s.par()
    s.say("{N} was <afraid>.")
    end = {"wolf": "beat on a pot with a spoon until the wolf ran away", "fox": "waved a lamp and shouted until the fox ran away", "bear": "threw apples far into the woods until the bear ran after them",
           "fire": "carried water from the well, bucket after bucket, until the fire was out", "flood": "piled up sand, bag after bag, until the water stopped"}[danger[0]]
    s.set(end=end)
    s.say("{he} had to do it alone.", "{he} {end}." )
    s.say("{he} was so tired that {he} could [hardly|not] stand.".replace("[hardly|not]", "hardly"), "in the morning, {he} went to [all the neighbors|everyone] and said, \"I am sorry that I lied.\"")
    s.one_of("they saw that {he} meant it, and they forgave {him}.", "\"We forgive you, but never do it again,\" they said.")
    s.closing(("<fromthen>, {N} only called for help when {he} needed it.", "<fromthen>, {N} always told the truth.", "{N} learned that trust is [easy to lose and hard to find|a precious thing]."), feeling=False)


def greedy_wish(s):
    s.hero(0)
    s.intro(0)
    who = s.pick(["golden fish", "silver bird", "white deer", "little elf", "green frog", "tiny fairy", "talking tree"])
    s.set(giver=who, caught=s.pick(["caught in a net", "stuck between two stones", "caught in a bush of thorns", "stuck in the mud"]) if who not in ("talking tree", "golden fish") else ("caught in a net" if who == "golden fish" else "covered with heavy snow"))
    w = s.pick([("a bag of gold", "a house", "a castle", "king of the world"), ("a new coat", "a horse", "a palace", "ruler of the sea"), ("a cake", "a kitchen full of food", "a town of sugar", "master of the sun"),
                ("a toy", "a room full of toys", "a whole toy shop", "ruler of the moon")])
    s.set(w1=w[0], w2=w[1], w3=w[2], w4=w[3])
    s.say("{N} was poor, but {he} was not unhappy.", "<oneday>, {he} met a {giver} that was {caught}, and {he} set it free." if who != "talking tree" else "one winter day, {he} met a {giver} that was {caught}, and {he} cleaned its branches.",
          "\"<thanks>,\" said the {giver}. \"You may have a wish.\"", "\"I would like {w1},\" said {N}, and there it was.")
    s.par()
    s.say("but the next day, {N} wanted more.", "{he} went back. \"I would like {w2},\" {he} said, and {he} got it.",
          "[soon|two days later], even that was not enough.", "\"I want {w3}!\" {he} [said|cried], and {he} got that, too.", "but {N} was not happy, and {he} [had no friends anymore|could not sleep|was always afraid of thieves].")
    s.par()
    s.say("\"Now make me {w4}!\" {he} [shouted|called].", "the {giver} looked at {him} sadly. \"You have forgotten how to be happy,\" it said.",
          "there was a [flash|crack of thunder|gust of wind], and everything was gone.")
    s.say("{N} sat in {his} old house again.", "{he} [heard the birds sing|saw the sun come up|smelled the warm soup on the stove], and {he} began to laugh.",
          "\"[All I need is here|I have enough],\" {he} said.")
    s.closing(("<fromthen>, {N} never asked for more than {he} needed.", "{N} learned that those who want everything have nothing.", "{he} shared {his} soup with {his} neighbors, and {he} was happier than any king."), feeling=False)


def kind_stranger(s):
    s.hero(0.15)
    s.intro(0)
    food, fn, it, bit = s.pick(W.FOODS)
    s.elder("3")
    s.set(food=food, fn=fn, bit=bit, stranger=s.pick(["an old woman in a gray cloak", "an old man with a long beard", "a hungry traveler", "a poor musician", "an old beggar", "a tired old soldier"]))
    s.set(sn=[w for w in s.v["stranger"].split() if w in ("woman", "man", "traveler", "musician", "beggar", "soldier")][0])
    gift = s.pick([("a little bag of seeds", "seeds", "The next spring, flowers that glowed at night grew from them"), ("a small wooden flute", "flute", "Whoever heard its song forgot all sorrow"),
                   ("a plain gray stone", "stone", "It was always warm, even on the coldest winter day"), ("an empty bowl", "bowl", "Whenever {N} was hungry, it was full of hot soup"),
                   ("an old pair of shoes", "shoes", "With them, {N} could run as fast as the wind"), ("a blue feather", "feather", "It always pointed the way home"), ("a rusty little bell", "bell", "When it rang, everyone who was angry began to smile")])
    s.set(gift=gift[0], giftn=gift[1])
    s.say("<oneday>, {N} [walked|went] through the [woods|hills|fields] with {food} in {his} bag.", "it was all that {he} had to eat.",
          "by the road sat {stranger}.", "\"I am so hungry. Can you give me something to eat?\" asked the {sn}.")
    s.par()
    s.one_of("{N} looked at the {fn} and felt how hungry {he} was.", "{N} was hungry, too, and it was a long way home.")
    s.say("but {he} sat down and [smiled|opened {his} bag].", "\"We can share,\" {he} said and gave the {sn} {bit}." if "half" not in bit else "\"We can share,\" {he} said and gave half to the {sn}.",
          "they ate together and talked about [the stars|far countries|the weather|old times].")
    s.say("when the {sn} stood up, there was a [bright|soft|golden] light.", "\"You have a good heart,\" [said the {sn}|the {sn} said]. \"Take this.\"", "it was {gift}.")
    s.par()
    s.say("then the {sn} was gone.", "{N} went home and wondered about the {giftn}.", gift[2] + ".")
    s.say("{N} [used|kept] it to help others." if gift[1] not in ("seeds", "shoes") else "{N} used them to make others happy.")
    s.closing(("and that is how a little kindness became a great gift.", "{N} learned that those who share are rich.", "everyone in the [village|land] knew {N}'s name and loved {him}."), feeling=False)


def king_contest(s):
    s.hero(0.15)
    s.intro(0)
    ruler = s.pick([("king", "he", "his"), ("queen", "she", "her")])
    s.set(ruler=ruler[0], rhe=ruler[1], rhis=ruler[2])
    task = s.pick([("had not laughed for a year", "Whoever makes me laugh shall have a bag of gold", "laugh"), ("could not sleep", "Whoever helps me to sleep shall have a bag of gold", "sleep"),
                   ("had lost {rhis} crown", "Whoever finds my crown shall have a wish", "crown"), ("was always bored", "Whoever brings me the most precious thing shall have a wish", "precious")])
    s.set(task=task[0], prize=task[1], gift=s.pick(["glass of cool water", "little flower in a pot", "small loaf of bread",
                                                     "little apple tree in a pot"]))
    s.say("in that land, there was a {ruler} who {task}.", "\"{prize},\" said the {ruler}.")
    s.par()
    if task[2] == "laugh":
        s.say("clowns came, and dancers came, but the {ruler} [only yawned|did not laugh].", "{N} went to the castle, too, but {he} was so nervous that {he} [slipped|fell over {his} own feet] at the door.",
              "[a cake flew|his hat flew|a pie flew] through the air and landed on the {ruler}'s head.".replace("his hat flew|", ""), "it was very quiet.", "everyone was <afraid>.")
        s.par()
        s.say("then the {ruler} began to [giggle|smile], and then {rhe} laughed until tears ran down {rhis} face.", "\"[That was the funniest thing I have ever seen|That was wonderful]!\" {rhe} said.")
    elif task[2] == "sleep":
        s.say("doctors came with [bitter drinks|strange powders], and musicians came with [loud drums|trumpets], but nothing helped.", "{N} went to the castle with nothing but a [book|story|warm cup of milk].",
              "\"What can you do?\" asked the guard and laughed.", "{N} sat down by the {ruler}'s bed and [told a long, soft story|sang the song that {his} {kin} always sang].")
        s.par()
        s.say("the {ruler} [yawned|closed {rhis} eyes], and soon, {rhe} was fast asleep.", "{rhe} slept for [two days|a whole night and a whole day].", "\"I have never slept so well,\" {rhe} said in the morning.")
    elif task[2] == "crown":
        s.say("knights rode over the mountains, and sailors sailed over the sea, but nobody found it.", "{N} asked only one question. \"Where did you have it last?\"",
              "\"In the [garden|bath|kitchen],\" said the {ruler}.", "so {N} looked [closely|carefully] there, and {he} heard a [chirp|peep].")
        s.par()
        s.say("a [little bird|robin|sparrow] had built a nest in the crown!", "\"Please let the bird keep it until the eggs hatch,\" said {N}.", "the {ruler} looked at the tiny eggs and smiled. \"You are right,\" {rhe} said.")
    else:
        s.say("rich people brought gold, silks, and diamonds, but the {ruler} [only yawned|shook {rhis} head].", "{N} had no gold.", "{he} brought a {gift}.",
              "the rich people laughed.")
        s.par()
        s.say("\"It must be cared for every day,\" said {N}. \"Then it makes you happy every day.\"" if s.v["gift"].startswith("little") else "\"It is the thing that you would miss the most if you did not have it,\" said {N}.",
              "the {ruler} [was quiet for a long time|thought for a long time]. \"That is true,\" {rhe} said at last.")
    if "wish" in task[1]:
        s.one_of("\"What is your wish?\" asked the {ruler}. \"A [warm house|garden] for [everyone|all the poor],\" said {N}.", "\"What is your wish?\" asked the {ruler}. \"I wish for a big feast for everyone,\" said {N}.")
    else:
        s.one_of("{N} shared the gold with [all {his} neighbors|everyone in the village].", "with the gold, {N} [built a school|bought bread for everyone|gave a big feast].")
    s.closing(("and the {ruler} and {N} became good friends.", "the whole land was happy, and so was {N}.", "{N} learned that the best ideas are often simple."))


def treasure_map(s):
    s.hero(0.3)
    s.friend()
    s.intro(0.4)
    st = s.distinct([("walk past the old mill", "walked past the old mill"), ("cross the stone bridge", "crossed the stone bridge"), ("climb the windy hill", "climbed the windy hill"), ("go around the lake", "went around the lake"),
                       ("follow the stream", "followed the stream"), ("go through the dark cave", "went through the dark cave"), ("turn left at the crooked tree", "turned left at the crooked tree"), ("cross the muddy field", "crossed the muddy field")], 2)
    s.set(t1=st[0][0], d1=st[0][1], t2=st[1][0], d2=st[1][1], found=s.pick(["in a bottle", "in an old book", "behind a picture", "under the floor", "in a hollow tree", "in the pocket of an old coat"]))
    s.say("<oneday>, {N} found a [yellow|torn|very old] map {found}.", "there was a red cross on it.", "\"It is a treasure map!\" {he} cried and ran to show it to {friend}.",
          "the map said, \"First {t1}, and then {t2}.\"")
    s.par()
    s.say("so the two friends {d1}.")
    s.one_of("{N2} was tired, but {N} gave {him2} [some water|a piece of bread|half of an apple].", "it began to rain, and they waited under a [big leaf|tree] until it stopped.",
             "a [dog barked at them|crow laughed at them], but they were not afraid.")
    s.say("then they {d2}.", "and there, between [two|three] [tall|big] [stones|trees], was a red cross.", "they dug [and dug|with their hands|a deep hole] until they found a [box|chest].")
    s.par()
    s.one_of(("there was no gold in it.", "there was only a paper that said, \"Look up!\"", "they looked up and saw [the whole valley|the sea|the whole land] in the golden evening light.", "it was the most beautiful thing they had ever seen."),
             ("in it were [old toys|wooden toys|marbles] and a letter.", "\"These were our toys when we were small. Now they are yours,\" it said.", "it was signed by {N}'s {kin}!"),
             ("it was full of [chocolate coins|candy|cookies].", "\"I hid it for you,\" laughed {N}'s {kin}, who came out from behind a [tree|rock].", "they all sat down and ate together."))
    s.say("\"[The best part was the way|It was a real adventure],\" said {N2}." )
    s.closing(("\"And the real treasure is a friend,\" said {N}.", "the next day, they drew a map of their own.", "{N} hung the map [on the wall|over {his} bed]."))


def caged_bird(s):
    s.hero(0.1)
    s.intro(0)
    s.set(bird=s.pick("robin sparrow blackbird finch thrush wren lark nightingale".split()), color=s.pick(["little", "brown", "yellow", "gray", "blue"]), food=s.pick(["the best seeds", "sweet berries", "fresh bread"]), cage=s.pick(["golden", "silver", "beautiful", "big"]))
    s.say("<oneday>, {N} heard a {color} {bird} sing in the [garden|woods|park].", "it was the most beautiful song {he} had ever heard.", "\"I want to hear it every day,\" {he} said.",
          "so {he} caught the {bird} and put it in a {cage} cage.")
    s.par()
    s.say("{N} gave the {bird} {food} and [clean|fresh] water.", "but the {bird} did not sing.", "it sat [in the corner|on the floor] of the cage and looked out of the window.",
          "\"Why do you not sing?\" asked {N}. \"You have everything.\"")
    s.one_of("\"It does not have the sky,\" said {his} {kin}.", "the {bird} looked at {him} and said nothing.", "then {N} saw that the {bird} looked at the clouds, and {he} understood.")
    s.say("{N} could not sleep that night.", "\"If I could not go out, I would not sing, either,\" {he} thought.")
    s.par()
    s.say("in the morning, {he} carried the cage [to the garden|outside] and opened the little door.", "the {bird} [hopped out|looked at {him}] and [flew up into the blue sky|was gone in a moment].".replace("[hopped out|looked at {him}]", "hopped out"),
          "{N} was a little sad, but {he} [smiled|felt that it was right].", "and then, from the [apple tree|top of the old tree|roof], {he} heard the song again.")
    s.say("it was even more beautiful than before.")
    s.closing(("<fromthen>, the {bird} came every morning to sing for {N}.", "{N} learned that you cannot own a song.", "{N} made the cage into a [flower pot|home for roses|lamp], and its door was never closed again."), feeling=False)


def scarecrow(s):
    s.is_animal = True
    th = s.pick([("scarecrow", "in a corn field", "birds"), ("snowman", "in front of a farm", "children"), ("wooden soldier", "in a toy shop", "toys"), ("rag doll", "on a high shelf", "toys"), ("teddy bear", "in a shop window", "toys"), ("stone lion", "in front of a library", "children")])
    s.person("", s.chance(0.4), s.name(["Patch", "Tatters", "Straw", "Button", "Woolly", "Barnaby", "Rags", "Jolly", "Buster", "Bonny"]), th[0])
    s.set(where=th[1], crowd=th[2], kin="farmer", small=s.pick(["mouse", "sparrow", "robin", "hedgehog", "kitten", "rabbit"]))
    s.like_done = "listened to the wind and smiled"
    s.say(s.pick(["Once upon a time, there was a {kind} named {N} who stood {where}.", "Once upon a time, a [lonely|quiet] {kind} named {N} stood {where}.", "There once was a {kind} named {N} who stood {where}."]))
    s.say("day after day, {he} [watched|saw] the {crowd}, but nobody ever talked to {him}.", "\"I wish I had a friend,\" {he} [often thought|said to the moon].")
    s.par()
    s.say("one [cold|stormy|windy|rainy] night, a little {small} came to {him}.", "\"I am so cold, and I have no place to sleep,\" said the {small}.", "\"You can sleep in my [pocket|arms|old coat],\" said {N}." if th[0] != "stone lion" else "\"You can sleep between my paws,\" said {N}.",
          "the {small} [crept|climbed] in and [was soon warm|fell asleep].")
    s.say("[all night long|all through the night], {N} kept the {small} warm.")
    s.maybe(0.5, "{he} told the {small} [stories|a story] about the [stars|moon|summer] in a soft voice.")
    s.par()
    s.say("in the morning, the {small} said, \"You are the kindest {kind} in the world. I will tell everyone about you.\"", "and that is what the {small} did.",
          "the next day, [three|five|two] more came, and the day after that, there were ten.", "they [sang|danced|played] around {N} and brought {him} [flowers|leaves|a new hat|a red scarf].")
    s.closing(("{N} was never lonely again.", "{N} had wished for one friend, and now {he} had many.", "and {N} learned that one kind deed can bring many friends."), feeling=False)


def helper_boat(s):
    s.hero(0.3)
    s.friend()
    s.intro(0.5)
    s.set(boat=s.pick(["raft", "little boat", "old rowboat", "boat with a red sail", "boat made of bark"]), goal=s.pick(["the island", "the other side of the lake", "the rocks where the seals sleep", "the old lighthouse", "the place where the sun goes down"]))
    s.set(bn="raft" if s.v["boat"] == "raft" else "boat")
    s.say("<oneday>, {N} and {friend} wanted to sail to {goal}.", "they had a {boat}, [a bag of bread|a basket of food], a long rope, and a [big|warm] blanket.", "the sun shone, and the water was [blue|calm|as smooth as glass].", "\"[Off we go|Hooray]!\" they [called|cried].")
    s.par()
    s.say("but in the middle of the water, [dark clouds came|the sky grew dark].", "the wind [blew|howled], and the waves [grew higher and higher|threw the {bn} up and down].",
          "\"I am <afraid>!\" cried {N2}.", "{N} was afraid, too, but {he} held {N2} [tight|close]." if not s.is_animal else "{N} was afraid, too, but {he} stayed close to {N2}.")
    s.one_of(("then water came into the {bn}.", "\"We must get the water out!\" called {N}, and they used [a cup|their hats|a pot]."), ("then they lost the [paddle|oar].", "\"We can use our hands!\" called {N}." if not s.is_animal else "\"We can use our paws!\" called {N}."))
    s.par()
    s.one_of(("<then>, a [dolphin|seal|whale] came up next to them.", "\"Throw me the rope,\" it said, and it pulled them [to the shore|back to land]."),
             ("<then>, they saw a light on the shore.", "it was {N}'s {kin} with a [lantern|lamp].", "they paddled toward the light with all their strength."),
             ("{N} tied the blanket to a stick to make a [new |]sail.", "the wind [caught|filled] the sail and pushed them to the shore."))
    s.say("<soon>, they [stood|were] on dry land again, wet and tired, but safe.", "\"We did it together,\" said {N2}.")
    s.maybe(0.5, "they sat by a warm fire, and {N}'s {kin} gave them [hot soup|hot tea|sweet milk].")
    s.closing(("<fromthen>, they always looked at the sky before they went out on the water.", "{N} learned that it is easier to be brave when you are not alone.", "it was an adventure that they told [many times|again and again]."))


def clock_song(s):
    s.hero(0.1)
    s.intro(0)
    s.elder("3")
    th = s.pick([("the big clock on the tower", "clock", "the time", "a mouse had built a nest in the wheels", "tick, tock"), ("the old bell of the village", "bell", "when to eat", "a bee's nest hung inside it", "ding, dong"), ("the mill by the river", "mill", "where to get flour", "a fat log was stuck in the wheel", "clip, clap"),
                 ("the merry-go-round in the park", "merry-go-round", "how to have fun", "a bird had put sticks between the wheels", "la, la, la"), ("the music organ at the market", "organ", "how to dance", "a sock was stuck in the biggest pipe", "tra, la, la"), ("the fountain in the square", "fountain", "where to drink", "a round stone was stuck in the pipe", "splish, splash")])
    s.set(th=th[0], thn=th[1], cause=th[3], sound=th[4], job=s.pick(["clever", "strong", "famous"]))
    s.say("everyone loved {th}.", "but <oneday>, it stopped.", "there was no \"{sound}\" anymore, and the [people|streets] were [sad|quiet].".replace("[people|streets] were [sad|quiet]", "whole place was [sad|quiet]"),
          "\"Who can make the {thn} work again?\" they asked.")
    s.par()
    s.say("a {job} man came with [a big hammer|many tools], but he could not do it.", "then {N3} came, who [was very old|knew many things], but {he3} could not do it, either.")
    s.say("\"May I try?\" asked {N}.", "\"You are only a {kind},\" [some|they] said, but {N3} said, \"Let {him} try.\"",
          "{N} [went|climbed] up close and did not touch anything.", "{he} only looked and listened." )
    s.par()
    s.say("then {he} saw it: {cause}!", "very [carefully|gently], {N} took it out" + (" and put it in a safe place." if any(w in th[3] for w in ("mouse", "bee", "bird")) else "."),
          "\"{sound}!\" went the {thn}.", "everyone [cheered|clapped|danced].", "\"How did you know what to do?\" asked {N3}.", "\"I [just looked closely|took my time],\" said {N}.")
    s.closing(("<fromthen>, {N} took care of the {thn}.", "{N} learned that quiet eyes see the most.", "and when the {thn} [sang|sounded], everyone thought of {N}."))


def gift_of_time(s):
    s.hero(0.2)
    s.intro(0)
    s.elder("3")
    task = s.pick([("chop wood", "chopped the wood", "a pile of wood"), ("rake the leaves", "raked the leaves", "a yard full of leaves"), ("shovel the snow", "shoveled the snow", "a path full of snow"), ("carry water", "carried the water", "a heavy bucket"), ("pick the apples", "picked the apples", "a tree full of apples"),
                   ("paint the fence", "painted the fence", "a long gray fence"), ("feed the hens", "fed the hens", "twelve hungry hens"), ("carry the bags", "carried the bags", "two heavy bags")])
    s.set(task=task[0], done=task[1], sight=task[2], play=s.pick({"shovel the snow": ["ride {his} sled", "build a snowman"], "rake the leaves": ["fly {his} kite", "climb trees"]}.get(
        task[0], ["play ball", "go fishing", "fly {his} kite", "go swimming", "climb trees"])))
    s.say("one [day|morning|afternoon], {N} was on the way to {play}.", "then {he} saw {N3}, an old {kind3} who lived [next door|down the road|in the last house], in front of {sight}.", "{N3} was tired and held {his3} back.")
    s.par()
    s.one_of("{N} wanted to go on, but {his} feet stopped.", "\"If I stay, I will miss the fun,\" thought {N}. But {he} could not just walk by.")
    s.say("\"Can I help you to {task}?\" {he} asked.", "\"That would be [so |very ]kind,\" said {N3}.", "so {N} {done}, and {he} worked [until noon|for two hours|until {he} was hot and tired].",
          "{N3} told {him} about the time when {he3} was [young|small], and they laughed a lot.".replace("small", "a child"))
    s.par()
    s.say("when the work was done, {N3} went into the house and came back with [a plate of pancakes|a warm apple pie|a jar of honey].", "\"This is for you,\" {he3} said. \"And this, too.\"")
    s.one_of("it was {his3} old [drum|flute|sled|telescope|fishing rod]. \"I am too old for it now,\" said {N3}.", "it was a [compass|box of colors|book of stories] from far away. \"A friend should have it,\" said {N3}.")
    s.say("{N} [thanked {him3} again and again|could not believe it].")
    s.closing(("<fromthen>, {N} helped {N3} every [Saturday|week].", "{N} had missed a game, but {he} had found a friend.", "{N} learned that helping can be more fun than playing."))


PLOTS = [magic_item, fallen_star, giant, market_errand, honest_finder, key_box, lighthouse, engine, cry_wolf, greedy_wish,
         kind_stranger, king_contest, treasure_map, caged_bird, scarecrow, helper_boat, clock_song, gift_of_time]
