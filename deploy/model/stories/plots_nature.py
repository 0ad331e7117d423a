"""Plots of gardens, woods, water and weather."""
from . import words as W
from .plots_home import toy


def baby_bird(s):
    s.hero(0.4)
    s.friend()
    s.intro()
    s.set(bird=s.pick(W.BIRDS), tree=s.pick(W.TREES),
          bed=s.pick(["an old hat", "a small basket", "{his} scarf", "a box with soft grass", "{his} two hands", "a soft leaf"]))
    s.say("<oneday>, {N} was walking under a tall {tree} tree.",
          "{he} heard a [tiny|small|sad] voice. \"[Peep, peep|Cheep, cheep|Help, help]!\"",
          "a baby {bird} [had fallen out of the nest|had fallen from the tree|lay in the grass].")
    s.par()
    s.one_of("\"[Poor little bird|You poor thing]!\" said {N}. \"I will help you.\"",
             "{N} looked up. The nest was [very high|high] in the tree.")
    s.say("{he} put the baby {bird} in {bed}.", "{he} [tried to climb|began to climb] the tree, but [it was too high|the branches were wet|{his} [arms|legs] were too short].")
    s.one_of(("so {he} called {friend}.", "{N2} [stood|knelt] under the tree, and {N} climbed on {his2} back."),
             ("so {he} ran to get {friend}.", "{N2} brought a [long ladder|strong rope], and they tried again."),
             ("then {friend} came by.", "\"We can make a ladder of [branches|old crates],\" said {N2}, and so they did."))
    s.par()
    s.say("very [slowly|carefully], {N} [lifted the little bird up and|climbed up and] put it back [in|into] the nest.",
          "the mother {bird} flew around and [sang|chirped] [happily|with joy].")
    s.one_of("\"Thank you for saving my baby,\" she sang.", "it sounded like a thank you.")
    s.maybe(0.6, "[some weeks later|when summer came], the little {bird} learned to fly, and it flew around {N}'s head.")
    s.closing(("every morning after that, the {bird} sang a song [at {N}'s window|for {N} and {N2}].",
               "{N} and {N2} were [glad|happy] that they had helped.",
               "{N} learned that even a small hand can do a big thing." if not s.is_animal else
               "{N} learned that even someone small can do a big thing."))


def stuck_thing(s):
    s.hero(0.3)
    s.friend()
    s.intro()
    thing = s.pick(["kite", "ball", "hat", "paper plane", "balloon", "scarf"])
    s.set(thing=s.pick(W.COLORS) + " " + thing, thingn=thing, tree=s.pick(W.TREES))
    s.say("<oneday>, {N} played with {his} {thing} [in the park|in the meadow|on the hill].",
          "[suddenly|then], a strong wind came and [took|carried] the {thingn} away.",
          "it flew [up and up|higher and higher] and got stuck in a [tall|big] {tree} tree.") if thing not in ("hat", "scarf") else s.say(
          "<oneday>, {N} put on {his} {thing} and went for a walk [in the park|in the meadow|on the hill].",
          "[suddenly|then], a strong wind came and [took|carried] the {thingn} away.",
          "it flew [up and up|higher and higher] and got stuck in a [tall|big] {tree} tree.")
    s.par()
    tries = [("{he} jumped as high as {he} could, but {he} could not reach it.",),
             ("{he} shook the tree, but only [leaves|some leaves] fell down.",),
             ("{he} threw a stick at it, and then the stick was stuck, too.",),
             ("{he} called to the wind, but the wind only laughed.",),
             ("{he} tried to climb up, but {he} slid down again.",)]
    tries = s.distinct(tries, 2)
    s.say(*tries[0])
    s.say(*tries[1])
    s.say("{N} sat down under the tree and was <sad>.",
          "then {friend} came [along|by|down the path].", "\"What is wrong?\" {he2} asked.",
          "\"My {thingn} is up there,\" said {N}.")
    s.par()
    s.one_of(("\"Climb on my back,\" said {N2}.", "{N} climbed up, [stretched|reached] out, and got it!"),
             ("{N2} found a [very |]long [pole|stick], and together they pushed and pushed.",
              "[pop|plop]! The {thingn} came down."),
             ("{N2} asked a [little bird|squirrel] in the tree to help.",
              "it hopped to the {thingn} and pulled it free."),
             ("{N2} ran home and came back with a ladder.", "{N2} held the ladder, and {N} climbed up and got the {thingn}."))
    s.say("\"<thanks>!\" [said|cried] {N}.",
          "then they [played together until it was dark|played together until the sun went down|ran home together]." if thing not in ("hat", "scarf") else
          "{N} put it on again and held it [tight|with both hands].")
    s.closing(("{N} learned that two friends can reach higher than one.",
               "<fromthen>, {N} stayed away from the tree when it was windy." if thing in ("kite", "balloon", "paper plane") else
               "{N} learned that it is good to ask for help.",
               "<fromthen>, {N} was careful when the wind blew."))


def lost_way(s):
    s.hero(0.45)
    s.intro(0)
    s.animal("2", s.pick(["owl-x", "fox", "deer", "hedgehog", "bear", "badger", "rabbit", "squirrel"]).replace("owl-x", "turtle"))
    while s.v["kind2"] == s.v["kind"]:
        s.animal("2", s.pick(["turtle", "fox", "deer", "hedgehog"]))
    lure = s.pick([("a blue butterfly", "butterfly"), ("a white feather in the wind", "feather"), ("a trail of sweet berries", "berries"),
                   ("a strange song", "song"), ("a row of mushrooms", "mushrooms"), ("a shiny beetle", "beetle"),
                   ("a small stream", "stream"), ("a red leaf in the wind", "leaf")])
    s.set(lure=lure[0], luren=lure[1])
    s.say("<oneday>, {N} [went for a walk|walked] [in|through] the woods and saw {lure}.".replace("saw", "heard") if lure[1] == "song" else
          "<oneday>, {N} [went for a walk|walked] [in|through] the woods and saw {lure}.",
          "{he} followed the {luren} deeper and deeper into the trees.",
          "when {he} looked around, {he} did not know where {he} was.")
    s.par()
    s.say("\"I am lost!\" {he} [cried|said].", "the [trees were tall and dark|sun went down|shadows grew long], and {N} was <afraid>.")
    s.maybe(0.5, "{he} called {his} {kin}, but only the [wind|echo] answered.")
    s.say("then {he} met a {kind2}[ under a tree| on a stone| by the path|].",
          "\"Why are you crying?\" asked the {kind2}.".replace("crying", "so sad"),
          "\"I cannot find the way home,\" said {N}.")
    s.one_of("\"My name is {N2}, and I know every path in the woods,\" said the {kind2}. \"Come with me.\"",
             "\"Do not be afraid. I am {N2}, and I will help you,\" said the {kind2}.")
    s.par()
    s.one_of(("\"Look for the brightest star,\" said {N2}. \"It shines over your {home}.\"",
              "they followed the star [over the hill|through the woods|for a long time]."),
             ("\"Follow the water. It always runs to the village,\" said {N2}.",
              "they walked [along the stream|next to the water] for a long time."),
             ("{N2} [went|walked] ahead, past the [big rock|old oak|fallen tree] and over the [little bridge|stream].",
              "{N} stayed close behind {him2}."),
             ("a [swarm of fireflies|row of fireflies] came and lit the path.",
              "{N2} and {N} followed the little lights."))
    s.say("<atlast>, {N} saw a light in a window." if not s.is_animal else "<atlast>, {N} saw {his} own {home}.",
          "{his} {kin} [ran out|came running] and <hug> {him}.",
          "\"I was so worried!\" {kinhe} said.")
    s.say("{N} turned around to thank {N2}[, but the {kind2} was already gone|, and the {kind2} waved goodbye].")
    s.closing(("<fromthen>, {N} never went into the woods alone.",
               "<fromthen>, {N} left [berries|apples|a bowl of nuts] at the edge of the woods for {N2}.",
               "{N} never forgot {his} new friend."), feeling=False)


def seed(s):
    s.hero(0.4)
    s.intro(0)
    plant = s.pick([("sunflower", "flower", "as tall as {his} {kin}", 0), ("pumpkin", "pumpkin", "as big as a [cart|chair|barrel]", 1),
                    ("apple tree", "tree", "full of red apples", 2), ("rose bush", "bush", "full of red roses", 0),
                    ("melon", "melon", "as round as the moon", 1), ("cherry tree", "tree", "full of sweet cherries", 2),
                    ("turnip", "turnip", "as heavy as a stone", 1), ("blue lily", "flower", "as blue as the sky", 0),
                    ("carrot", "carrot", "as long as {his} arm", 1), ("plum tree", "tree", "full of purple plums", 2)])
    s.set(plant=plant[0], pn=plant[1], big=plant[2])
    s.say("<oneday>, {N} found a [tiny|little|brown|small] seed [in {his} pocket|on the path|under a tree|in an old box].",
          "\"What will you be, little seed?\" {he} asked.",
          "{he} made a hole in the [ground|garden|warm earth], put the seed in it, and [gave it water|covered it with earth].")
    s.par()
    s.say("the next day, {N} looked, but [nothing was there|there was nothing to see].",
          "{he} waited [one day, two days, three days|a whole week], but nothing [came up|grew].")
    s.one_of("\"It is no good,\" [laughed|said] a [crow|goose|magpie] on the fence. \"It will never grow.\"",
             "\"Maybe it is asleep,\" {he} thought.", "\"Why does it not grow?\" {he} asked {his} {kin}. \"Good things take time,\" said {his} {kin}.")
    s.say("but {N} did not give up.", "{he} gave it water every [day|morning], and {he} [sang to it|talked to it|pulled out the weeds].")
    s.par()
    s.say("then, one [fine|warm|sunny] morning, a [tiny|little] green leaf looked out of the earth.",
          "\"It is growing!\" {N} [cried|shouted] and jumped for joy.",
          "the leaf grew and grew [in the sun and the rain|day after day|all summer long].",
          "<atlast>, it was a {plant}, {big}.")
    if plant[3] == 0:
        s.one_of("people came from far away to see the [beautiful|wonderful] {pn}.", "[bees|butterflies] came from everywhere to visit it.")
    elif plant[3] == 1:
        s.one_of("{N} and {his} {kin} cooked a [big pot of soup|wonderful soup] and gave some to all the neighbors.",
                 "it was so big that all the neighbors had to help to pull it out, and then they all ate [it|dinner] together.")
    else:
        s.one_of("{N} gave the fruit to [all the neighbors|everyone who was hungry], and everyone thanked {him}.",
                 "birds came to sing in it, and {N} sat in its shade.")
    s.closing(("{N} learned to wait and to care.", "{N} kept [a|one] seed for the next [spring|year].",
               "{N} knew now that good things take time."))


def snowman(s):
    s.hero(0.3)
    s.friend()
    s.intro(0.4)
    s.set(nose=s.pick(["a carrot", "a potato", "a red apple", "a pine cone"]), eyes=s.pick(["two black stones", "two buttons", "two nuts"]),
          snowname=s.pick(["Mr. Frost", "Flake", "Snowball", "Captain Cold", "Crystal", "Uncle Winter"]))
    s.say("one [winter|cold|snowy] morning, {N} looked [outside|out], and the whole world was white.",
          "{he} called {friend}, and together they built a [big|fat|tall] snowman.",
          "they gave him {nose} for a nose and {eyes} for eyes.", "they called him {snowname}.")
    s.par()
    s.one_of(("that [evening|night], a cold wind blew.", "\"{snowname} is all alone out there,\" said {N}.",
              "{he} took {his} [red|warm|own] scarf and put it around the snowman.",
              "{N2} gave him {his2} [old|blue|own] hat."),
             ("but there was no [mouth|arm] on the snowman, and he looked sad.",
              "{N} <look> in the [shed|kitchen] and {N2} <look> in the [garden|woods].",
              "they found [a row of berries|two long sticks] and a [hat|old broom], and then the snowman looked happy."),
             ("the next day, the sun was warm, and the snowman began to [drip|melt].", "\"Oh no! He is getting small,\" cried {N}.",
              "they [pushed him into|built a roof of branches to keep him in] the [cool shade|shade], and they [gave him|put] more snow [|]on his [head|belly].".replace("[gave him|put] more snow [|]on", "put more snow on")))
    s.say("{N} and {N2} visited the snowman every day and told him [stories|jokes|secrets].")
    s.par()
    s.say("but when spring came, the snowman [grew smaller and smaller|melted away].", "{N} was <sad>.")
    s.one_of(("only [his hat|{nose}] lay in the grass.", "\"He is not gone,\" said {N2}. \"He is in the [river|rain|clouds] now, and he will come back [next winter|with the snow].\""),
             ("but where the snowman had stood, [white flowers|snowdrops|small white flowers] [came up|grew].", "\"Look! {snowname} left us a gift,\" said {N2}."))
    s.say("{N} smiled again.")
    s.closing(("and when the snow came back the next year, they built {snowname} again.",
               "they waved at the sky and said, \"See you next winter!\"",
               "{N} learned that some goodbyes are not forever."))


def water_rescue(s):
    s.hero(0.45)
    s.intro(0)
    s.animal("2", s.pick(W.SMALL_ANIMALS))
    while s.v["kind2"] == s.v["kind"] or s.v["kind2"] in ("frog", "turtle"):
        s.animal("2", s.pick(W.SMALL_ANIMALS))
    s.set(water=s.pick(["river", "stream", "pond", "lake"]))
    s.say("one [day|morning|afternoon], {N} walked along the {water}.", "[the rain had fallen for days|it had rained all night], and the water was [high|wild|cold].",
          "[suddenly|then], {he} heard a cry. \"Help! Help!\"",
          "a little {kind2} was in the water and held on to a [piece of wood|leaf|small branch].")
    s.par()
    s.one_of("\"Hold on! I am coming!\" called {N}.", "\"Do not let go!\" [called|shouted] {N}.")
    t = [("{he} tried to reach the {kind2} with {his} [hand|arm], but it was too far.", "{he} [leaned|bent] over the water, but the {kind2} was too far away.")[int(s.is_animal)],
         "{he} threw a [leaf|flower], but it sank."]
    s.say(t[0])
    s.say("{N} looked around and <think>.".replace("<think>", "had an idea"))
    s.one_of(("{he} found a [long|strong] [branch|stick] and held it out over the water.", "\"Grab it!\" {he} [shouted|called].", "the {kind2} [grabbed it with both paws|held it tight], and {N} pulled and pulled."),
             ("{he} tied [a rope|a vine] to a tree and threw the end into the water.", "\"Take the rope!\" {he} called.".replace("the rope", "it"), "the {kind2} [took it|held on], and {N} pulled with all {his} strength."),
             ("an old [basket|bucket] lay in the grass.", "{N} pushed it into the water with a long pole.", "the {kind2} climbed in, and {N} pulled it back to the bank."))
    s.par()
    s.say("<atlast>, the {kind2} was [safe|on dry land|safe on the grass].",
          "{he2} was wet and cold, so {N} [put {him2} in the warm sun|dried {him2} with soft leaves|wrapped {him2} in a scarf].",
          "\"You saved me! My name is {N2},\" said the {kind2}. \"How can I thank you?\"")
    s.one_of(("\"[Just|You can] be my friend,\" said {N}.", "and {N2} was {his} friend [forever|for the rest of their days|from that moment]."),
             ("\"You do not have to,\" said {N}.", "but the next morning, there was a [heap of berries|basket of nuts|bunch of flowers] at {N}'s door."))
    s.closing(("{N} learned that quick thinking can save a friend.", "<fromthen>, they often sat together by the {water}.",
               "<fromthen>, {N2} never went near the wild water again."))


def sandcastle(s):
    s.hero(0.25)
    s.friend()
    s.intro(0.4)
    b = s.pick([("sandcastle", "on the beach", "a big wave", "washed it away", "farther from the water", "sand and shells"),
                ("dam", "in the stream", "the strong water", "broke it", "with bigger stones", "stones and mud"),
                ("hut", "in the woods", "a strong wind", "blew it down", "with thicker branches", "sticks and leaves"),
                ("tower", "in the yard", "a big dog", "ran right through it", "behind the fence", "boxes and cans"),
                ("tree house", "in the old oak tree", "a storm", "blew the roof away", "with long nails and rope", "boards and nails"),
                ("raft", "by the river", "the fast water", "pulled it apart", "with stronger rope", "logs and rope"),
                ("snow house", "on the hill", "the warm sun", "melted the roof", "in the shade", "blocks of snow")])
    s.set(b=b[0], where=b[1], force=b[2], did=b[3], how=b[4], stuff=b[5])
    s.say("<oneday>, {N} built a {b} {where}." if b[0] != "snow house" else "one winter day, {N} built a {b} {where}.",
          "{he} used {stuff} and worked [all morning|for a long time|very hard].",
          "\"It is the best {b} in the world!\" {he} said [proudly|].")
    s.par()
    s.say("but then {force} came and {did}." if b[0] not in ("dam", "raft") else "but then {force} {did}.",
          "{N}'s [eyes filled with tears|heart sank].", "\"All my work is gone!\" {he} cried." if b[0] != "tree house" else "\"All my work was for nothing!\" {he} cried.")
    s.one_of("{he} kicked [the ground|a stone] and wanted to go home.", "{he} sat down and did not want to [build|play] anymore.")
    s.say("{friend} [saw it and came over|came by and saw it].",
          "\"I know what we can do,\" said {N2}. \"We can build it again {how}.\"")
    s.one_of("\"It is no use,\" said {N}. But {N2} had already begun.", "{N} wiped {his} eyes and nodded.")
    s.par()
    s.say("{N} [carried|brought] the {stuff}, and {N2} [helped to build|put everything in place].",
          "this time, they built it {how}.", "when they were done, {force} came again, but the {b} [stood|stayed] strong." if b[0] not in ("dam", "raft") else "when they were done, the {b} was strong, and {force} could not break it.")
    s.say("\"We did it!\" they [cried|shouted|cheered].")
    s.maybe(0.5, "they put a [little flag|red flag|flower] on top.")
    s.closing(("{N} learned that you can always begin again.", "{N} learned that two can build better than one.",
               "<fromthen>, they [built|made] [many|all kinds of] things together."))


def picnic(s):
    s.hero(0.45)
    s.friend()
    s.intro(0.5)
    food, fn, it, bit = s.pick(W.FOODS)
    thief = s.pick([("ants", "a long line of ants", "carried"), ("crows", "three black crows", "flew away with"), ("squirrels", "two quick squirrels", "ran off with"),
                    ("geese", "four hungry geese", "ate"), ("goats", "two cheeky goats", "ate"), ("mice", "five little mice", "carried off")])
    s.set(food=food, fn=fn, it=it, thieves=thief[0], tmany=thief[1], took=thief[2], place=s.pick(["by the lake", "on a hill", "in the meadow", "under a big tree", "by the river"]))
    s.fix(sw="[lemonade|apple juice|cold milk|tea]")
    s.say("<oneday>, {N} and {friend} went on a picnic {place}.",
          "they brought {food} and a bottle of {sw}, and they put [everything|it all] on a [red|blue|white|striped] blanket.",
          "\"First we play, and then we eat,\" said {N}.", "so they [ran and jumped|played ball|played tag|picked flowers] in the [sun|grass].")
    s.par()
    verb = "carried the {fn} away" if thief[0] == "ants" else "{took} the {fn}"
    s.say("when they came back, the {fn} [was|were] gone!".replace("[was|were]", "were" if it == "them" else "was"),
          "\"Who took our {fn}?\" asked {N2}.",
          "then they saw {tmany}.", "the {thieves} had " + {"carried": "carried {it} away", "flew away with": "taken {it}", "ran off with": "taken {it}", "ate": "eaten {it}", "carried off": "carried {it} off"}[thief[2]] + ", [bit by bit|and only crumbs were left|and nothing was left].")
    s.one_of("{N} was angry at first, but {N2} began to laugh.", "{N2} was angry, but {N} began to laugh.")
    s.say("\"They [were|must have been] [very |so ]hungry,\" [{he}|{N}] said." )
    s.par()
    s.one_of(("\"But now we are hungry, too,\" said {N2}.", "they looked around and found a bush full of [ripe|sweet|blue] berries.", "they ate [berries|them] until they were full."),
             ("then {N}'s {kin} came with [a pot of soup|a basket of buns|warm pancakes].", "\"I thought that you might be hungry,\" {kinhe} said.", "they all sat down and ate together."),
             ("a farmer who had seen everything [laughed|smiled], too.", "{he4} gave them [warm bread and cheese|a bowl of cherries|fresh milk and bread].".replace("{he4}", s.pick(["he", "she"])), "\"<thanks>,\" said {N} and {N2}."))
    s.say("they left a few crumbs for the {thieves}.")
    s.closing(("<fromthen>, they always ate first and played later.", "<fromthen>, they brought a little more food for the {thieves}.",
               "it was the [funniest|best] picnic of [the year|all]."))


def food_thief(s):
    s.at_home = True
    s.hero(0.25)
    s.intro(0)
    s.animal("2", s.pick(["mouse", "hedgehog", "raccoon", "squirrel", "rabbit", "fox"]))
    food, fn, it, bit = s.pick([f for f in W.FOODS if f[2] == "them"])
    if s.v["kind"] == s.v["kind2"]:
        s.animal("2", "mole")
    s.set(food=food, fn=fn, bit=bit)
    s.say("<oneday>, {N} put {food} on the [kitchen table|window sill|porch].",
          "the next morning, some of the {fn} were gone.", "\"Who took my {fn}?\" {he} [asked|wondered].",
          "the next night, it happened again.")
    s.par()
    s.say("{N} wanted to find the thief.")
    s.one_of(("{he} put flour on the floor and went to bed.", "in the morning, there were [tiny|small|little] footprints [in the flour|all the way to the door]."),
             ("{he} hid behind the [curtain|door] and waited in the dark.", "the clock [struck|said] twelve, and {he} heard [soft|tiny] steps."),
             ("{he} tied a [small|little] bell to the {fn} and waited.".replace("to the {fn}", "to the bowl"), "in the middle of the night, the bell rang."))
    s.say("{he} [followed|looked] [quietly|with a candle in {his} hand], and there was a {kind2}!" .replace("[followed|looked]", "looked"),
          "\"Please do not be angry,\" said the {kind2}. \"My name is {N2}. [My babies are|I was] so hungry, and [it is cold outside|I found nothing to eat].\"")
    s.par()
    s.say("{N} was not angry anymore.", "\"You do not have to steal,\" {he} said <kindly>. \"You can just ask.\"",
          "{he} gave the {kind2} {bit} and [a bowl of milk|a warm place by the fire|a little basket to take home].",
          "\"<thanks>,\" said {N2}.")
    s.say("the next day, {N2} came back with [a bag of berries|wild strawberries|a flower|a shiny stone] for {N}.")
    s.closing(("<fromthen>, {N} [and {N2} ate together|put a little plate for {N2} by the door] every evening.",
               "{N} learned that a thief is sometimes only hungry.", "and so, the little thief became a good friend."))


def small_helper(s):
    """A big animal spares or saves a small one, which repays it."""
    big = s.pick([("bear", 1), ("lion", 0), ("elephant", 0), ("wolf", 0), ("tiger", 0), ("fox", 1), ("deer", 1), ("eagle", 0)])[0]
    W_home = {"lion": "cave", "wolf": "den", "tiger": "cave", "eagle": "nest"}
    female = s.chance(0.4)
    s.is_animal = True
    s.creature("", big, female)
    s.set(home=W_home.get(big, "den"), kin="mother")
    small = s.pick(["mouse", "ant", "bee", "cricket", "frog", "mole", "beetle", "sparrow"])
    s.creature("2", small)
    s.like_done = "looked up at the stars"
    s.set(site=s.pick(W.WOOD_SITES), village=s.pick(["green forest", "big forest", "valley", "deep wood"]))
    s.opening("a [big|strong|proud|great] {kind} named {N}")
    s.say("all the animals were [a little |]<afraid> of {him}.",
          "<oneday>, {N} was [asleep|resting] in the shade when a little {kind2} [ran|landed|fell] on {his} nose.",
          "{N} woke up and caught the {kind2}.")
    s.par()
    s.say("\"Please let me go,\" said the {kind2}. \"I am {N2}. One day, I will help you, too.\"")
    s.one_of("{N} laughed. \"How can someone so small help me?\" {he} said. But {he} let {him2} go.",
             "{N} laughed out loud, but {he} had a good heart, so {he} opened {his} [paw|big paws] and let {him2} go." if big != "eagle" else
             "{N} laughed out loud, but {he} had a good heart and let {him2} go.")
    s.maybe(0.5, "\"I will not forget it,\" said {N2} and [hurried|went] away.")
    s.par()
    gnaw = small in ("mouse", "mole", "cricket", "beetle", "ant")
    if gnaw:
        s.say("some [days|weeks] later, {N} was caught in a [hunter's net|net|trap of ropes].",
              "{he} pulled and [roared|cried], but the ropes were too strong.",
              "{N2} heard {him} and came [running|as fast as {he2} could].",
              "bite by bite, the little {kind2} cut the ropes.".replace("cut", "chewed through"))
        s.maybe(0.4, "it took [the whole night|a long time], but {he2} did not stop.")
        s.say("<atlast>, {N} was free!")
    else:
        s.say("some [days|weeks] later, {N} was lost in a thick fog.",
              "{he} could not see {his} own [feet|nose], and the cliff was [near|very near].",
              "\"Stop! Do not take another step!\" called a small voice.", "it was {N2}!",
              "the little {kind2} [went|led the way] in front and called, \"This way! This way!\"", "step by step, {N2} led {N} home.")
    s.say("\"You were right,\" said {N}. \"<thanks>, little friend.\"")
    s.closing(("<fromthen>, the {kind} and the {kind2} were best friends.", "{N} learned that no one is too small to help.",
               "and {N} never laughed at small animals again."), feeling=False)


def winter_store(s):
    a = s.pick(["squirrel", "mouse", "hamster", "badger", "mole", "beaver"])
    b = s.pick(["grasshopper", "rabbit", "fox", "frog", "cricket", "sparrow", "hare"])
    s.is_animal = True
    s.creature("", a)
    s.creature("2", b)
    s.set(site=s.pick(W.WOOD_SITES), village=s.pick(["green forest", "big forest", "valley", "meadow"]), kin="mother",
          home=W.ANIMALS[a][0])
    s.like_done = "told a story by the fire"
    s.set(store=s.pick(["nuts", "seeds", "dried apples", "roots", "corn", "berries", "acorns"]), fun=s.pick(["played the fiddle", "danced in the sun", "slept in the grass", "sang all day", "swam in the pond", "chased butterflies"]))
    s.opening("a [busy|careful|hard-working] {kind} named {N}")
    s.say("{his} neighbor was a {kind2} named {N2}.", "all summer long, {N} gathered {store} for the winter.",
          "{N2} only {fun}.")
    s.par()
    s.say("\"Come and play with me!\" called {N2}.", "\"I have to get ready for the winter,\" said {N}. \"You should do that, too.\"",
          "but {N2} laughed. \"Winter is far away,\" {he2} said.")
    s.say("then the leaves fell, and the [first snow came|cold wind blew|snow began to fall].",
          "{N2} was cold and [hungry|had nothing to eat].".replace("cold and [hungry|had nothing to eat]", "cold and hungry"),
          "{he2} <look> under the snow, but there was nothing [to eat|left].")
    s.par()
    s.say("one [dark|cold|stormy] evening, {he2} knocked on {N}'s door.", "\"You were right,\" {he2} said in a small voice. \"I am sorry that I laughed.\"")
    s.one_of("{N} [saw how {he2} shook|looked at {him2}] and opened the door wide. \"Come in. There is enough for two,\" {he} said.",
             "\"Come in and get warm,\" said {N}. \"I have enough {store} for both of us.\"")
    s.say("they ate {store} by the fire, and {N2} [played music|sang songs|told funny stories] for {N}.")
    s.maybe(0.6, "\"I never knew that winter could be [so merry|such fun],\" said {N}.")
    s.closing(("when summer came again, {N2} worked, and {N} played a little, too.",
               "the next summer, they gathered {store} together and {fun} together.".replace("{fun} together", "played together"),
               "{N2} learned to work, and {N} learned to play."), feeling=False)


def bridge_quarrel(s):
    s.is_animal = True
    a = s.pick(["goat", "bear", "donkey", "pig", "deer", "badger", "cow", "ram"])
    b = s.pick(["goat", "fox", "sheep", "dog", "pony", "goose", "boar", "raccoon"])
    if a == b:
        b = "sheep"
    s.creature("", a)
    s.creature("2", b)
    s.set(site=s.pick(W.WOOD_SITES), village=s.pick(["green valley", "valley", "quiet valley", "deep valley"]), kin="mother",
          load=s.pick(["a sack of corn", "a basket of plums", "a heavy bag", "a bundle of hay", "a pot of soup"]))
    s.set(theload="the " + s.v["load"][2:])
    s.like_done = "laughed about the bridge"
    s.opening("a [stubborn|proud|strong] {kind} named {N}")
    s.say("<oneday>, {N} had to cross a narrow bridge over a [deep|wild|cold] river.", "{he} carried {load}.",
          "in the middle of the bridge, {he} met a {kind2} named {N2}.")
    s.par()
    s.say("\"Go back! I was here first,\" said {N}.", "\"No, you go back! I am in a hurry,\" said {N2}.",
          "they [stood nose to nose|looked at each other angrily|stamped their feet], and [neither|none of the two] wanted to go back.".replace("none of the two", "neither of them"))
    s.one_of(("they pushed and pushed until the old bridge began to [crack|shake].", "\"Stop! We will both fall in!\" cried {N2}."),
             ("the sun went down, and they still stood there.", "it grew [cold|dark], and both were [tired|hungry]."),
             ("they pushed, and splash! Both fell into the cold water.", "they [swam to the bank|climbed out] and were wet from head to [foot|tail]."))
    s.par()
    if s.chance(0.5):
        s.say("then a [little turtle|small frog|wise old owl|snail] who had seen everything said, \"[If one of you waits, both of you can cross|The first to be kind is the winner].\"")
    else:
        s.say("<atlast>, {N} [sighed|thought about it]. \"This is silly,\" {he} said.")
    s.one_of(("\"You go first,\" said {N}.", "\"No, please, you go first,\" said {N2}.", "then they both had to laugh."),
             ("{N} lay down, and {N2} [stepped|climbed] carefully over {him}.", "\"<thanks>,\" said {N2}. \"That was [very |]kind.\""))
    s.say("{N2} even helped {N} to carry {theload} home.")
    s.maybe(0.4, "they [ate supper|had a good meal] together.")
    s.closing(("<fromthen>, they always let each other go first.", "they learned that it is better to be kind than to be first.",
               "later, they built a wider bridge together, and there was room for everyone."), feeling=False)


def race(s):
    s.is_animal = True
    fast = s.pick(["hare", "fox", "deer", "pony", "cat", "dog", "squirrel", "ostrich"])
    slow = s.pick(["turtle", "snail", "hedgehog", "mole", "duck", "frog", "piglet", "caterpillar"])
    s.creature("", slow)
    s.creature("2", fast)
    s.set(site=s.pick(W.WOOD_SITES), village=s.pick(["green forest", "meadow", "big forest", "valley"]), kin="mother", goal=s.pick(["the old mill", "the big oak tree", "the lake", "the end of the field", "the top of the hill", "the stone bridge"]))
    s.like_done = "danced with all the others"
    s.opening("a {kind} named {N}")
    s.say("{he} was slow, but {he} never gave up.", "{his} neighbor {N2} the {kind2} was very fast.",
          "\"Nobody is as fast as I am!\" {N2} [said every day|always said|said proudly].".replace("said every day|always said", "said again and again|always said"))
    s.par()
    s.say("<oneday>, {N} said, \"Let us have a race to {goal}.\"", "{N2} laughed. \"[That will be easy|I will win before you take ten steps],\" {he2} said.",
          "\"Ready, set, go!\" [called|cried] the [owl|frog|crow|badger].",
          "{N2} was soon [far ahead|out of sight].")
    s.one_of("\"I have so much time,\" {he2} thought, and {he2} lay down [under a tree|in the grass] and fell asleep.",
             "{he2} stopped to [eat berries|look at {himself2} in the pond|pick flowers|talk to a friend] and forgot the time.",
             "{he2} looked back to laugh at {N} and [ran into a bush full of thorns|fell into the mud].")
    s.par()
    s.say("{N} went on, [step by step|slowly but surely|little by little].", "{he} did not stop [once|to rest|to look around].",
          "when {N2} [woke up|looked up|was free again], {N} was already [near|at] {goal}.".replace("[woke up|looked up|was free again]", "looked up"),
          "{N2} ran as fast as {he2} could, but it was too late.", "{N} had won!")
    s.say("all the animals [cheered|clapped and cheered].",
          "\"I am sorry that I laughed at you,\" said {N2}." )
    s.one_of("\"That is all right,\" said {N}. \"Let us go home together, but slowly, please.\"", "\"I forgive you,\" said {N}, and they shook hands.".replace("shook hands", "were friends again"))
    s.closing(("and {N2} never [bragged|boasted] again.", "{N2} learned that it is not enough to be fast.", "everyone learned that slow and steady wins the race."), feeling=False)


def balloon(s):
    s.hero(0.15)
    s.intro(0)
    s.set(color=s.pick(["red", "blue", "yellow", "green", "purple", "orange", "pink"]), giver=s.pick(["at the fair", "at the market", "from {his} {kin}", "for {his} birthday", "at the zoo"]))
    s.say("<oneday>, {N} got a big {color} balloon {giver}.", "{he} [held|tied] the string [tight|tightly] and walked [proudly |]down the street.".replace("[held|tied]", "held"),
          "but a [bee|gust of wind|big dog] came, and {N} let go.", "the balloon [rose|flew] up, over the [roofs|trees|houses].")
    s.par()
    s.say("\"Come back!\" cried {N}.", "{he} ran after the balloon, past the [church|school|mill] and over the [bridge|field|hill].",
          "but it [flew higher and higher|grew smaller and smaller] until it was only a {color} dot.", "{N} sat down and [cried|was <sad>].")
    s.par()
    end = s.chance(0.5)
    if end:
        s.animal("2", s.pick(["dog", "cat"]))
        s.set(kid2=s.pick(["girl", "boy"]))
        s.say("far away, on the other side of the [hill|river], a [sick|lonely|sad] {kid2} looked out of the window.",
              "the {color} balloon came [slowly |]down, right into {his5} garden.".replace("{his5}", "her" if s.v["kid2"] == "girl" else "his"),
              "for the first time in [weeks|a long time], the {kid2} smiled.",
              "when {N} came [running|along], {he} saw the [smile|happy {kid2}] and stopped.",
              "\"Is this your balloon?\" asked the {kid2}.", "\"It was, but now it is yours,\" said {N}.")
        s.say("then they played together in the garden.")
        s.closing(("{N} had lost a balloon, but {he} had found a friend.", "<fromthen>, {N} visited the {kid2} every [week|day]."))
    else:
        s.set(bird=s.pick(["crow", "swallow", "stork", "gull", "magpie", "wild goose"]))
        s.say("a {bird} saw that {N} was sad.", "\"I can fly as high as your balloon,\" said the {bird}.",
              "the {bird} [spread its wings and|] flew up into the sky.", "it took the string in its beak and [brought|pulled] the balloon down again.",
              "\"<thanks>!\" cried {N}, and {he} gave the {bird} [half of {his} bun|some bread|a handful of seeds].")
        s.closing(("this time, {N} tied the string around {his} [wrist|arm].", "<fromthen>, the {bird} came to see {N} every day."))


def cloud(s):
    name = s.name(["Puff", "Nimbus", "Fluff", "Misty", "Cotton", "Drizzle", "Wisp", "Pearl", "Downy", "Feather"])
    s.is_animal = True
    s.person("", s.chance(0.5), name, "cloud")
    s.set(kin="mother", village="blue sky", site="high in the sky", land=s.pick(["farm", "garden", "little village", "dry field", "valley"]), flower=s.pick(W.FLOWERS + ["bean", "carrot", "pumpkin"]))
    f = s.v["flower"]
    s.set(flowers=f[:-1] + "ies" if f.endswith("y") else f + "s")
    s.like_done = "floated home under the moon"
    s.say(s.pick(["Once upon a time, there was a [little|small|tiny] cloud named {N}.", "Once upon a time there was a [little|small] white cloud named {N}.",
                  "Once upon a time, a little cloud named {N} lived high in the sky.", "There once was a small cloud named {N}."]))
    s.say("the other clouds were big and [dark|strong], and they could make [thunder|great storms].",
          "\"You are too small,\" they said to {N}. \"You cannot do anything.\"", "{N} was <sad> and floated away[ alone|].")
    s.par()
    s.say("<oneday>, {he} came to a {land}.", "the ground was [dry|hard and dry|cracked], and the {flowers} hung their heads." ,
          "\"Please, little cloud, give us some water,\" [whispered|asked] a {flower}.",
          "\"I am too small,\" said {N}, \"but I will try.\"")
    s.one_of("{he} [squeezed|pushed] and [squeezed|pushed], but only one drop fell.", "{he} thought of something sad, but only one drop came.")
    s.say("\"That was [wonderful|a good start]! [Try again|More, please]!\" called the {flower}.")
    s.par()
    s.one_of("so {N} flew to the sea, drank as much water as {he} could, and came back.", "{N} flew to the lake, filled {himself} with water, and hurried back.",
             "{N} took a deep breath and thought of all the thirsty flowers.".replace("flowers", "plants"))
    s.say("then it began to rain, [soft and cool|a soft, warm rain].", "drip, drop, drip, drop!",
          "the {flowers} lifted their heads and [drank|smiled].", "[a farmer|a girl|an old woman] danced in the rain and called, \"Thank you, little cloud!\"")
    s.maybe(0.6, "when the sun came out, there was a [big|bright|beautiful] rainbow in the sky.")
    s.closing(("the big clouds saw it, and they never laughed at {N} again.", "{N} learned that small drops can do great things.",
               "<fromthen>, {N} came back every week to water the {land}."), feeling=s.chance(0.2) and False)


def spring_water(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.4)
    s.set(leader=s.pick(["the old well", "the well", "the stream", "the pond"]))
    s.say("one summer, it did not rain for [many weeks|a long time|forty days].", "{leader} was dry, and [everyone|everyone in the village] was thirsty." if not s.is_animal else "{leader} was dry, and all the animals were thirsty.",
          "\"What shall we do?\" they asked [each other|].")
    s.par()
    sign = s.pick([("a line of ants that came out of a crack in the rock", "ants"), ("a small patch of green grass between dry stones", "green grass"),
                   ("a bee that flew into a hole in the hill", "bee"), ("a frog that jumped under a rock", "frog"), ("wet moss under an old tree", "moss")])
    s.set(sign=sign[0], signn=sign[1])
    s.say("one [day|morning|evening], {N} saw {sign}.", "\"Where there is {x}, there must be water,\" {he} [thought|said].".replace("{x}", {"ants": "life", "green grass": "green grass", "bee": "a bee", "frog": "a frog", "moss": "moss"}[sign[1]]),
          "{he} began to dig, but the ground was [hard|very hard|full of stones].")
    s.one_of("some laughed at {him}. \"There is no water here,\" they said.", "{he} dug all [morning|day] and found only [sand|dry earth|stones].")
    s.say("but {friend} came to help.", "\"Two can dig deeper than one,\" said {N2}.")
    s.par()
    s.say("they dug and dug.", "<soon>, the earth was [cool|dark], and then it was wet.",
          "splash! [Clear|Cold|Fresh] water came out of the ground!", "\"Water! Water!\" {N} and {N2} [shouted|cried].",
          "everyone came [running|] with [buckets and cups|pots and bowls] and drank." if not s.is_animal else "all the animals came running and drank.")
    s.closing(("those who had laughed said, \"We are sorry, and we thank you.\"", "and the spring never [ran|went] dry again.",
               "they named it {N}'s spring.", "{N} learned to look closely at small things."))


def caterpillar(s):
    s.hero(0.3)
    s.intro(0)
    s.creature("2", "caterpillar")
    s.set(home_=s.pick(["in a glass jar with holes", "on a twig in {his} room", "on a rose bush in the garden", "in a box with fresh leaves", "on the window sill"]),
          color=s.pick(["blue", "golden", "red", "orange", "yellow", "purple", "white"]))
    s.say("<oneday>, {N} found a [green|little|fat|small] caterpillar[ on a leaf| on the path|].",
          "{he} named it {N2} and [put|kept] it {home_}.".replace("[put|kept]", "put"),
          "every day, {N} brought fresh leaves, and {N2} ate and ate.", "they became good friends.")
    s.par()
    s.say("but one morning, {N2} was gone.", "there was only a [strange|small|hard] brown thing that hung [from a twig|under a leaf].",
          "{N} <look> everywhere. \"{N2}, where are you?\" {he} called.", "{he} was <sad>.")
    s.one_of("\"{N2} is not gone,\" said {his} {kin}. \"{He2} is asleep in there. You must wait.\"",
             "{his} {kin} looked at the brown thing and smiled. \"Wait and see,\" {kinhe} said.")
    s.say("so {N} waited, [day after day|one week, two weeks].", )
    s.par()
    s.say("then, one [sunny|bright|warm] morning, the brown thing began to [move|shake].", "it [opened|broke open], and out came a butterfly with {color} wings!",
          "\"{N2}, is it you?\" [asked|whispered] {N}.", "the butterfly [flew around {his} head|sat down on {his} nose].".replace("flew around {his} head|sat down on {his} nose", "flew around {N}'s head|sat down on {N}'s nose"))
    s.one_of("\"You are beautiful,\" said {N}. Then {he} opened the window, and {N2} flew out into the sun.",
             "{N} was sad to say goodbye, but {he} knew that {N2} wanted to fly.")
    s.closing(("every summer, a {color} butterfly came back to visit {N}.", "{N} learned that change can be beautiful.",
               "\"Goodbye, {N2}!\" {he} called and waved until the butterfly was gone."))


PLOTS = [baby_bird, stuck_thing, lost_way, seed, snowman, water_rescue, sandcastle, picnic, food_thief, small_helper,
         winter_store, bridge_quarrel, race, balloon, cloud, spring_water, caterpillar]
