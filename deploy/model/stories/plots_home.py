"""Plots of home, school and friends."""
from . import words as W


def toy(s, nouns=W.TOYS):
    """Sets {toy} (look and noun) and {toyn} (noun)."""
    n = s.pick(nouns)
    s.set(toyn=n, toy=s.pick(W.TOY_LOOKS) + " " + n)


def lost_toy(s):
    s.hero(0.3)
    s.friend()
    s.intro()
    toy(s)
    places = [("under the bed", "a sock"), ("behind the door", "an old broom"), ("in the kitchen", "a spoon"),
              ("in the garden", "a snail"), ("under the table", "some crumbs"), ("behind the shed", "a flower pot"),
              ("in the cupboard", "a cup"), ("on the stairs", "a button"), ("under the bench", "a leaf"),
              ("next to the well", "a bucket"), ("in the tall grass", "a beetle"), ("by the gate", "a feather")]
    places = s.distinct(places, 3)
    (p1, t1), (p2, t2), (p3, _) = places[:3]
    s.set(p1=p1, t1=t1, p2=p2, t2=t2, p3=p3)
    s.say("{he} had a {toy} that {he} loved [very much|more than anything|with all {his} heart].",
          "<oneday>, the {toyn} was [gone|not there|missing].", "{N} was <sad>.")
    s.par()
    s.say("[first|at first], {he} <look> {p1}, but {he} found only {t1}.",
          "then {he} <look> {p2}, but there was only {t2}.")
    s.maybe(0.4, "\"Where can it be?\" {he} [cried|asked|said].")
    s.one_of(("{friend} saw that {N} was sad.", "\"What is wrong?\" asked {N2}.", "\"I lost my {toyn},\" said {N}."),
             ("{N} asked {friend} for help.", "\"I cannot find my {toyn},\" {he} said.",
              "\"[Do not worry|Do not cry|Do not be sad]. We will find it together,\" said {N2}."))
    s.par()
    s.one_of(("together, they <look> everywhere.", "<atlast>, {N2} looked {p3}, and there was {his} {toy}!"),
             ("{N2} asked, \"Where did you [play|have it] last?\"", "{N} thought about it.",
              "\"I was {p3}!\" {he} said.", "they ran to look, and there it was!"),
             ("they <look> and <look>.", "<then>, {N} saw something {p3}.", "it was {his} {toy}!"))
    s.say("{N} <hug> {his} {toyn} and [smiled|laughed].", "\"<thanks>, {N2}!\" {he} said.")
    s.maybe(0.4, "then the two friends played with the {toyn} [all afternoon|until it was dark|all day long].")
    s.closing(("<fromthen>, {N} always put the {toyn} back in its place.",
               "{N} learned that it is easier to find things with a friend.",
               "<fromthen>, {N} took good care of the {toyn}."))


def broken_thing(s):
    s.at_home = True
    s.hero(0.25)
    s.intro()
    thing = s.pick(["vase", "blue cup", "teapot", "lamp", "plate", "mirror", "clock", "flower pot", "glass bowl", "jug"])
    how = s.pick([("played with a ball in the house", "the ball hit"), ("ran through the kitchen", "{his} arm hit"),
                  ("danced around the table", "{his} foot hit"), ("jumped on the chair", "{he} fell against"),
                  ("tried to reach the cookies", "{his} hand hit"), ("chased a fly around the room", "{he} bumped into")])
    s.set(thing=thing, what=how[0], hit=how[1])
    s.say("<oneday>, {N} {what}.", "[suddenly|then], {hit} {his} {kin}'s [best |favorite |]{thing}.",
          "[crash|bang]! The {thing} fell [down|to the floor] and broke into [many|three|five|little] pieces.")
    s.par()
    s.say("{N} was <afraid>.")
    s.one_of(("{he} hid the pieces [under the bed|in a box|behind the curtain].",
              "but {he} could not [eat|play|sleep|smile].", "{his} [heart|tummy] felt heavy."),
             ("\"[Maybe|Perhaps] nobody will see it,\" {he} thought.",
              "but {he} knew that this was not right."),
             ("\"I could say that the [cat|wind] did it,\" {he} thought.",
              "but {N} did not want to tell a lie."))
    s.one_of("<atlast>, {he} went to {his} {kin}.", "so {he} [took a deep breath and|] went to find {his} {kin}.")
    s.say("\"I broke your {thing},\" {he} said. \"I am [so |very |]sorry.\"")
    s.par()
    s.one_of("{his} {kin} was [quiet|sad] for a moment, but then {kinhe} [smiled|hugged {him}].",
             "{his} {kin} looked at {N} and took {his} hand.")
    s.say("\"[Thank you for telling me|I am glad that you told me] the truth,\" {kinhe} said.")
    s.one_of(("together, they [picked up|found] all the pieces and glued the {thing} back together.",
              "it was not [perfect|as pretty as before], but they [both|] loved it [even more|very much]."),
             ("\"A {thing} can be replaced, but you cannot.\"", "together, they swept the floor.",
              "the next day, they [bought|made] a new {thing}."))
    s.closing(("<fromthen>, {N} always told the truth.", "{N} felt as light as a feather.",
               "{N} learned that telling the truth makes the heart light.",
               "<fromthen>, {N} was very careful [in the house|with {his} {kin}'s things]."))


def dark_noise(s):
    s.hero(0.35)
    s.intro(0)
    noise = s.pick([("tap, tap, tap", "at the window", "a branch that moved in the wind", "branch"),
                    ("scratch, scratch", "behind the door", "a [little|hungry|wet] kitten that wanted to come in", "kitten"),
                    ("whoo, whoo", "on the roof", "a big owl that sat in the moonlight", "owl"),
                    ("squeak, squeak", "under the bed", "a tiny mouse with a piece of cheese", "mouse"),
                    ("drip, drip, drip", "in the kitchen", "water that fell into a bowl", "water"),
                    ("bump, bump", "in the attic", "an old shutter that swung in the wind", "shutter"),
                    ("croak, croak", "by the door", "a fat green frog that sang to the moon", "frog"),
                    ("rustle, rustle", "in the basket", "a small hedgehog that had made a bed of paper", "hedgehog")])
    s.set(noise=noise[0], at=noise[1], src=noise[2], srcn=noise[3])
    s.fix(src="{src}")
    s.say("but {N} was <afraid> of the dark.",
          "one [dark|stormy|windy|cold|rainy] night, {he} [lay in bed|could not sleep] and heard a [strange|funny|scary] sound.",
          "\"{noise}!\" it went [{at}|somewhere {at}].")
    s.par()
    s.one_of("{N} pulled the blanket over {his} head.", "{N}'s heart beat [very|] fast.",
             "{N} held {his} pillow [tight|very tight].")
    s.say("\"[Is it a monster|Is it a ghost|What can it be|Who is there]?\" {he} whispered.")
    s.say("\"{noise}!\" it went again.")
    s.one_of(("{N} called for {his} {kin}, but nobody [came|heard {him}].", "so {he} had to be brave."),
             ("\"I [want|have] to be brave,\" {N} said to {himself}.",),
             ("{he} called {his} {kin}, and {kinhe} came with a [lamp|candle|lantern].",
              "\"Let us look together,\" {kinhe} said."))
    s.par()
    s.one_of("slowly, {N} [took a lamp and|] went to look.", "step by step, {N} walked through the dark [house|room].")
    s.say("{he} looked {at}, and [what did {he} see|what was it]?", "it was only {src}!")
    if noise[3] in ("kitten", "owl", "mouse", "frog", "hedgehog"):
        s.one_of("\"Hello, little {srcn},\" said {N}. \"You are not scary at all.\"",
                 "{N} gave the {srcn} [something to eat|a bit of bread], and they became friends.")
    else:
        s.one_of("{N} laughed [out loud|and laughed]. \"I was afraid of nothing!\" {he} said.",
                 "\"How silly of me!\" {N} said and laughed.")
    s.closing(("<fromthen>, {N} was not afraid of the dark anymore.",
               "{N} learned that things are not so scary when you look at them.",
               "then {he} went back to bed and slept until the sun came up."), feeling=False)


def rainy_day(s):
    s.at_home = True
    s.hero(0.25)
    s.friend()
    s.intro()
    plan = s.pick(["go to the park", "play outside", "go to the beach", "fly a kite", "have a picnic", "ride a bike",
                   "climb the hill", "go fishing"])
    build = s.pick([("a castle", "blankets and chairs", "a [king|queen|knight]"), ("a ship", "boxes and a sheet", "a [captain|sailor|pirate]"),
                    ("a rocket", "boxes and pots", "a [pilot|star traveler]"), ("a cave", "pillows and blankets", "a [bear|dragon]"),
                    ("a train", "six chairs", "a [driver|conductor]"), ("a shop", "boxes and bottles", "a [shopkeeper|baker]"),
                    ("a tent", "an old sheet", "an [explorer|animal doctor]"), ("a theater", "a curtain and two lamps", "a [singer|clown]")])
    s.set(plan=plan, b=build[0], stuff=build[1], role=build[2], bn=build[0].split()[1])
    s.fix(role="{role}")
    s.say("<oneday>, {N} wanted to {plan}[ with {friend}| together with {friend}].",
          "but [dark|big gray] clouds came, and it began to rain.",
          "it rained [and rained|harder and harder|all morning].")
    s.par()
    s.say("\"[Oh no|What a pity]! Now we cannot {plan},\" [said|sighed] {N}.")
    s.one_of("{N2} looked out of the window and <think>.", "{N2} was sad, too, but then {he2} had an idea.")
    s.say("\"We can build {b} [inside|in the house|right here]!\" {he2} said.",
          "so they [took|found|got] {stuff} and [began to build|went to work].")
    s.maybe(0.5, "it was not easy, and [once|two times] the {bn} fell down, but they did not give up.")
    s.par()
    s.say("<soon>, the {bn} was ready.", "{N} was {role}, and {N2} [was {his} helper|helped {him}].")
    s.maybe(0.6, "{N}'s {kin} brought them [hot milk|warm soup|cookies|tea and cake] [in|inside] the {bn}.")
    s.say("they played [and laughed|] [until the evening|all day long|for hours].",
          "when they looked out [again|of the window], the rain had stopped[, and there was a rainbow in the sky|].")
    s.one_of("but {N} and {N2} did not want to go out.", "\"I like rain now,\" said {N}.",
             "\"I hope it rains tomorrow, too!\" said {N2}.")
    s.closing(("{N} learned that a rainy day can be [a good day|the best day] with a friend.",
               "<fromthen>, {N} smiled when it rained."))


def birthday_gift(s):
    s.hero(0.35)
    s.friend()
    s.intro(0.6)
    gift = s.pick([("a necklace of shells", "shells", "on the beach"), ("a crown of flowers", "flowers", "in the meadow"),
                   ("a little boat of bark", "bark and a leaf", "in the woods"), ("a basket of berries", "berries", "on the hill"),
                   ("a picture with many colors", "paper and paint", "in the house"), ("a scarf of red wool", "red wool", "in the attic"),
                   ("a doll made of straw", "straw", "in the barn"), ("a flute made of reed", "reed", "by the lake"),
                   ("a lantern made of paper", "paper and glue", "in the kitchen"), ("a star made of wood", "wood", "in the shed"),
                   ("a bracelet of beads", "beads", "in an old box"), ("a song", "words that rhyme", "in an old book")])
    s.set(gift=gift[0], thegift="the " + gift[0][2:], stuff=gift[1], src=gift[2])
    if s.friend_known:
        s.say("<oneday>, it was {N2}'s birthday.")
    else:
        s.say("<oneday>, it was the birthday of {friend}.")
    s.say("{N} wanted to give {him2} a [nice|special|beautiful] [gift|present], but {he} had no money.",
          "{he} [looked in the shop|went to the market], but everything cost too much.")
    s.maybe(0.5, "\"What can I do?\" {he} [asked|said sadly|thought].")
    s.par()
    s.say("{N} <think>.", "\"I will make something [myself|with my own hands]!\" {he} said.",
          "{he} found {stuff} {src} and [worked all morning|worked and worked|sat down to work].")
    s.maybe(0.5, "[once|two times], it [went wrong|did not turn out right], but {N} [tried again|began again|did not give up].")
    s.say("<atlast>, {he} had made {gift}.")
    s.par()
    s.say("at the party, the others [gave {N2}|brought] [big boxes|big presents|shiny things].",
          "{N} felt [shy|small|a little shy], but {he} gave {N2} {thegift}." if gift[0] != "a song" else
          "{N} felt [shy|small|a little shy], but {he} [sang the song for {N2}|stood up and sang the song].")
    s.one_of("{N2}'s eyes [shone|grew wide|were bright].", "{N2} <smile> and <hug> {N}.")
    s.say("\"You made this for me? It is the best [gift|present] of all!\" {he2} said.")
    s.closing(("{N} learned that a gift from the heart is the best gift.",
               "{N2} kept it for [many years|a long, long time].",
               "then they all ate cake and danced."))


def baking(s):
    s.at_home = True
    s.hero(0.3)
    s.intro(0)
    good = s.pick(["cake", "pie", "bread", "pudding"])
    mistake = s.pick([("put in salt and not sugar", "tasted [awful|terrible|very salty]", "tasted it"),
                      ("forgot the eggs", "was as hard as a stone", "touched it"),
                      ("forgot to look at the oven", "was [black and burned|as black as coal]", "opened the oven"),
                      ("put in too much [water|milk]", "was as wet as soup", "opened the oven"),
                      ("put in a whole cup of pepper", "made everyone sneeze", "tasted it"),
                      ("opened the oven too soon", "was as flat as a plate", "looked at it")])
    s.set(article="some" if good == "bread" else "a", good=good, wrong=mistake[0], bad=mistake[1], test=mistake[2],
          kind_of=s.pick(["apple", "honey", "berry", "cherry", "nut", "carrot", "plum", "pumpkin", "lemon", "banana"]))
    s.say("<oneday>, {N} wanted to bake {article} {kind_of} {good} for {his} {kin}.",
          "{he} put on [an apron|a white apron|a big hat] and took [flour, eggs, and sugar|a big bowl and a spoon|everything {he} needed].",
          "{he} [stirred and stirred|sang a song and stirred|mixed it all well].")
    s.say("but {N} {wrong}.")
    s.par()
    s.say("when {he} {test}, [oh no|oh dear]! The {good} {bad}.", "{N} was <sad>. {he} [almost cried|sat down on the floor].")
    s.one_of(("{his} {kin} came into the kitchen and saw the {good}.",
              "\"[Do not cry|Do not be sad],\" {kinhe} said <kindly>. \"Everyone makes mistakes. Let us try again.\""),
             ("\"I will never be a good baker,\" {he} said.",
              "but {his} {kin} smiled. \"My first {good} was [bad|much worse], too,\" {kinhe} said. \"We can try again.\""))
    s.par()
    s.say("so they [washed the bowl and|] began again.", "this time, {N} was very careful.")
    s.maybe(0.6, "{he} read every word [in the book|of the recipe] two times.")
    s.say("<soon>, a [sweet|wonderful|warm] smell filled the [house|kitchen|room].",
          "the {kind_of} {good} was [golden and soft|just right|perfect].")
    s.one_of("they [both|] ate a [big|warm] piece, and it was [delicious|very good].",
             "they shared it with [all the neighbors|everyone in the street], and nothing was left but crumbs.")
    s.closing(("{N} learned that a mistake is not the end.", "\"[Trying again is the secret|It is good to try again],\" said {his} {kin}.",
               "<fromthen>, {N} baked {article} {good} every Sunday."))


def sick_friend(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.6)
    s.set(soup=s.pick(["carrot", "mushroom", "onion", "potato", "pumpkin", "bean", "tomato", "pea"]),
          flower=s.pick(W.FLOWERS))
    s.say("<oneday>, {N} went to see {friend}, but {N2} was [sick|ill] in bed.",
          "{his2} nose was red, and {he2} could not [play|get up|go out].",
          "\"I feel [so |very |]bad,\" said {N2}.")
    s.par()
    s.say("{N} wanted to help.")
    act = s.pick([("{he} went home and cooked a pot of {soup} soup.", "carried the hot soup", "soup", "\"This soup makes me warm,\" {he2} said."),
                  ("{he} picked a [big|] bunch of flowers in the meadow.", "carried the flowers", "flowers", "\"They are so beautiful,\" {he2} said."),
                  ("{he} took {his} best book from the shelf.", "carried the book", "book", "\"Please read to me,\" {he2} said."),
                  ("{he} filled a jar with honey.", "carried the jar", "honey", "\"This is sweet and good,\" {he2} said."),
                  ("{he} made a funny puppet [out of a sock|out of old socks].", "carried the puppet", "puppet", "\"How funny it looks!\" {he2} said.")])
    s.set(item=act[2])
    s.say(act[0])
    s.one_of("on the way, it began to [rain|snow], but {N} did not [stop|turn back].",
             "the way was long, but {N} " + act[1] + " [very carefully|all the way].",
             "a cold wind blew, but {N} [went on|did not turn back].")
    s.par()
    s.say("when {N2} saw the {item}, {he2} smiled.", act[3])
    s.one_of("{N} sat [by|next to] the bed and told [funny stories|a long story|a story about a brave little bird].",
             "{N} sang a [song|soft song], and {N2} fell asleep.",
             "{N} stayed [until the evening|all day] and held {his2} hand.")
    s.say("[the next day|after two days|a few days later], {N2} was well again.",
          "\"You are a [good|true|wonderful] friend,\" {he2} said to {N}.")
    s.closing(("{N} learned that kindness is good medicine.",
               "then they went out to play in the [sun|garden|meadow].",
               "and when {N} was sick one day, {N2} came with [soup|flowers|a story], too."))


def messy_room(s):
    s.at_home = True
    s.hero(0.2)
    s.intro(0)
    thing = s.pick(["left shoe", "green sweater", "ticket", "blue hat", "raincoat", "red scarf", "right boot", "new jacket",
                    "backpack", "striped sock"])
    event = s.pick(["a school trip", "the circus", "a party", "the fair", "a picnic by the lake", "the theater", "a boat trip",
                    "the zoo"])
    s.set(thing=thing, event=event, theevent=event.replace("a ", "the ", 1) if event.startswith("a ") else event)
    s.say("{N} was [nice|kind|clever], but {his} room was [always|] a mess.",
          "there were [socks on the lamp|crumbs in the bed|toys on the floor], [books under the chair|clothes on every chair|paper everywhere], and [apples under the bed|a shoe on the shelf|marbles in the bed].",
          "\"Please clean your room,\" said {his} {kin}.", "but {N} [always|only] said, \"[Tomorrow|Later|Not now]!\"")
    s.par()
    s.say("<oneday>, {N} wanted to go to {event}.", "but {he} could not find {his} {thing}.",
          "{he} looked [here and there|under this and behind that], but [it was nowhere|the mess was too big].",
          "\"Hurry! We must go [soon|in an hour]!\" called {his} {kin}.")
    s.par()
    s.say("so {N} [began to clean|put everything away] [as fast as {he} could|very quickly].",
          "{he} put the [toys in the box|books on the shelf|clothes in the cupboard] and the [socks in the drawer|paper in the basket|shoes by the door].",
          "<atlast>, [under the very last pile|at the bottom of the last pile|behind the last box], {he} found {his} {thing}.")
    s.maybe(0.5, "{he} [also|even] found [a coin|two coins|a letter from {his} grandmother|a toy that {he} had lost long ago].")
    s.say("{N} and {his} {kin} [came just in time|were just in time], and {theevent} was [wonderful|great fun].")
    s.closing(("<fromthen>, {N} cleaned {his} room every [day|week|evening].",
               "{N} learned that it is good to put things in their place."))


def lost_pet(s):
    s.at_home = True
    s.hero(0)
    pet, sound = s.pick(W.PETS)
    female = s.chance(0.5)
    s.creature("2", pet, female)
    s.intro(0)
    hide = s.pick(["in an old boot", "behind the hay", "in the laundry basket", "up in a tree", "under the porch",
                   "in a flower pot", "inside a big drum", "behind the stove", "in a box of hats", "under the bridge",
                   "in the baker's basket", "in a wheelbarrow"])
    s.set(sound=sound, hide=hide)
    s.say("{he} had a {kind2} named {N2}.", "{N} and {N2} did everything together.",
          "<oneday>, {N2} was gone.")
    s.maybe(0.5, "the [door|gate|window] was open, and the {kind2} was nowhere [to be seen|in the house].")
    s.par()
    s.say("\"{N2}! {N2}!\" called {N}, but there was no answer.")
    s.one_of(("{he} drew a picture of {N2} and put it on [every tree|every door|a wall] in the street.",
              "\"Have you seen my {kind2}?\" {he} asked [everyone|all the neighbors]."),
             ("{he} asked the [baker|postman|farmer|teacher], but nobody there had seen the {kind2}.",
              "{he} asked {his} {kin}, but {kinhe} did not know, either."))
    s.say("the sun went down, and {N} was <sad>.",)
    s.par()
    s.say("<then>, {he} heard a [soft|tiny|little] sound.", "\"Listen! That was a {sound}!\" {he} said.",
          "{N} followed the sound and looked {hide}.", "there was {N2}!")
    s.one_of("{he2} was [cold and hungry|tired and dirty], but {he2} was safe.",
             "{he2} had [gone to sleep|fallen asleep] there[ in the sun|] and could not get out.",
             "{he2} had [followed a butterfly|run after a leaf] and did not know the way home.")
    s.say("{N} <hug> the little {kind2} and carried {him2} home.",
          "{he} gave {N2} [food and water|warm milk|a good meal] and a [soft|warm] bed.")
    s.closing(("<fromthen>, {N} always closed the [gate|door|window].",
               "<fromthen>, {N2} wore a [little bell|red ribbon], and {N} could always find {him2}."))


def stray_pet(s):
    s.at_home = True
    s.hero(0)
    pet, sound = s.pick(W.PETS[:5])
    female = s.chance(0.5)
    s.creature("2", pet, female)
    s.set(place=s.pick(["under a bench", "by the road", "in an empty box", "behind the school", "near the river",
                        "under a bush", "at the market", "by the old mill"]))
    s.intro(0)
    s.say("<oneday>, {N} was on the way home when {he} [heard|saw] something {place}.",
          "it was a [small|thin|wet|tiny] {kind2}.", "the {kind2} was [alone|all alone] and [hungry|cold|very tired].")
    s.par()
    s.say("\"[You poor thing|Poor little one]! Where is your home?\" {N} asked <kindly>.",
          "but the {kind2} only looked at {him} with big eyes.",
          "{N} took {his} [coat|scarf|sweater] and put it around the {kind2}.",
          "then {he} carried {him2} home.")
    s.one_of(("\"[Can|May] we keep {him2}?\" {N} asked.", "{his} {kin} thought for a moment.",
              "\"[First|But first], we must look for the owner,\" {kinhe} said.",
              "they asked [everyone|all the people] in the street, but nobody knew the {kind2}."),
             ("{his} {kin} shook {kinhis} head. \"A {kind2} is a lot of work,\" {kinhe} said.",
              "\"I will feed {him2} and brush {him2} every day,\" said {N}.",
              "and {he} did, [every morning and every evening|day after day]."))
    s.par()
    s.say("<atlast>, {his} {kin} smiled and said, \"[All right|Good]. {He2} can stay with us.\"",
          "{N} <cheer>.", "\"I will call you {N2},\" {he} said.")
    s.one_of("{N2} [jumped into {his} arms|licked {his} nose|fell asleep in {his} lap].",
             "{N2} ate [a big dinner|everything in the bowl] and fell asleep [by the fire|in a basket].")
    s.closing(("<fromthen>, {N} and {N2} were always together.", "<fromthen>, {N} had a friend who was always there.",
               "{N} kept {his} promise and took good care of {N2}."))


def quarrel_toy(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.5)
    toy(s, W.HARD_TOYS)
    s.say("<oneday>, {N} and {friend} found a {toy} [in the attic|in the grass|by the road|in an old box|on the beach].",
          "\"It is mine! I saw it first!\" [cried|shouted|said] {N}.",
          "\"No, it is mine!\" [cried|shouted|said] {N2}.")
    s.par()
    s.say("they pulled and pulled.", "crack! The {toyn} broke [in two|into two pieces].",
          "now {N} and {N2} were both <sad>.")
    s.one_of("{N} went home, and {N2} went home, too.", "for [a whole day|two days|a long time], they did not talk.")
    s.say("but it was [no fun|boring|lonely] to play alone.")
    s.par()
    s.one_of(("<atlast>, {N} took a [bottle|pot] of glue and went to {N2}.",
              "\"I am sorry. Let us fix it together,\" {he} said.", "\"I am sorry, too,\" said {N2}."),
             ("the next [day|morning], they met at the [gate|bridge|old tree].",
              "\"I am sorry,\" they [both said|said] at the same time, and then they laughed.",
              "together, they fixed the {toyn} with [glue|wire and a nail|some string]."))
    s.one_of("\"You can have it today, and I can have it tomorrow,\" said {N}.",
             "\"We can take turns,\" said {N2}.", "\"It can belong to both of us,\" said {N}.")
    s.say("and that is what they did.")
    s.closing(("<fromthen>, they shared [all their toys|everything].",
               "they learned that a friend is better than any {toyn}.",
               "and the {toyn} [was more fun than ever|made them both happy]."))


def loose_tooth(s):
    s.hero(0.1)
    s.friend()
    s.intro()
    s.say("<oneday>, {N} bit into [an apple|a carrot|a hard pear|a bun], and {his} tooth began to [move|wiggle].",
          "\"My tooth is loose!\" {he} cried.", "{N} was <afraid> that it would hurt.")
    s.par()
    s.one_of("{he} ate only [soup|soft bread|porridge] and did not [smile|laugh] [all day|for two days].",
             "{he} held {his} hand over {his} mouth and did not want to [talk|eat].")
    s.say("{friend} asked, \"Why are you so [quiet|sad]?\"", "{N} showed {him2} the tooth.")
    s.one_of("\"I lost [three|four|five] teeth, and it did not hurt at all,\" said {N2}.",
             "\"A loose tooth means that you are growing,\" said {N2}.")
    s.par()
    s.one_of(("then {N2} told such a funny story that {N} laughed and laughed.", "and pop! The tooth fell out[ into {his} hand|]."),
             ("then they [played|ran a race] in the garden, and {N} forgot all about the tooth.",
              "when {he} [jumped over a stone|sneezed], pop! The tooth was out."),
             ("that evening, {N} bit into a [piece of cake|soft cake].", "when {he} looked at the cake, the tooth was in it!"))
    s.say("\"It did not hurt [at all|a bit]!\" {he} [said|cried] [happily|and laughed].",
          "{he} put the tooth [under {his} pillow|in a little box].",
          "in the morning, there was a [shiny|silver|golden] coin in its place.")
    s.maybe(0.6, "with the coin, {N} bought [two buns, one for {himself} and one for {N2}|a pear for {N2}|a red balloon].")
    s.closing(("<fromthen>, {N} was not afraid of loose teeth.", "and <soon>, a new tooth began to grow.",
               "{N} smiled a big smile with a hole in it."))


def hide_seek(s):
    s.hero(0.5)
    s.friend()
    s.intro()
    place = s.pick(["inside a hollow tree", "behind a big haystack", "in an old barrel", "under a pile of leaves",
                    "in a wooden chest", "under a bush", "behind the curtain", "in an empty cart", "inside a big basket",
                    "under the stairs"])
    s.set(place=place, theplace=place.replace(" a ", " the ").replace(" an ", " the "), num=s.pick(["ten", "twenty", "fifty", "a hundred"]))
    s.say("<oneday>, {N} and {friend} played hide and seek.", "{N2} closed {his2} eyes and counted to {num}.",
          "{N} looked for a [good|secret|perfect] place and hid {place}.",
          "it was [warm|dark and quiet|soft and warm] there.")
    s.par()
    s.say("{N2} [began to look|looked everywhere].",
          "{he2} looked [behind the house|behind the trees|by the well], and {he2} looked [under the bench|near the fence|in the shed].",
          "but {he2} could not find {N}.", "\"{N}, where are you? You win!\" {he2} called.")
    s.say("but there was no answer.", "{N2} was [worried|afraid].")
    s.one_of("{he2} [ran to get|called] {N}'s {kin}, and they looked together.",
             "{he2} asked [the neighbors|a bird in a tree|the old dog], but nobody had seen {N}.")
    s.par()
    s.say("<then>, {N2} heard a [strange|funny|soft] sound.", "\"Snore, snore!\"",
          "{he2} looked {theplace}, and there was {N}.", "{he} had fallen asleep!")
    s.say("\"Wake up, sleepyhead!\" {N2} [said|called] and laughed.")
    s.one_of("{N} rubbed {his} eyes. \"Did I win?\" {he} asked.", "{N} woke up and <smile>. \"Did you not find me?\" {he} asked. \"Did I win?\"")
    s.say("\"Yes, you won,\" said {N2}, and they both laughed.")
    s.closing(("<fromthen>, {N} never [hid|played] when {he} was tired.",
               "then they went home to have [dinner|supper|some soup]."))


def learn_skill(s):
    s.hero(0.25)
    s.friend()
    s.intro(0.4)
    sk = s.pick([("ride a bike", "fell off", "the bike", "rode down the street", "at the park"),
                 ("swim", "swallowed water", "the water", "swam across the pond", "at the pond"),
                 ("skate", "fell on the ice", "the ice", "skated around the lake", "on the frozen lake"),
                 ("whistle", "only blew air", "a song", "whistled a whole song", "in the garden"),
                 ("jump rope", "caught {his} foot in the rope", "the rope", "jumped twenty times", "in the yard"),
                 ("play the violin", "made an awful sound", "the violin", "played a sweet song", "by the window"),
                 ("ski", "fell into the snow", "the hill", "went down the whole hill", "on the white hill"),
                 ("tie a bow", "made a big knot", "the string", "tied a perfect bow", "on the steps"),
                 ("juggle", "dropped all the balls", "the balls", "kept three balls in the air", "in the yard"),
                 ("stand on {his} hands", "fell over", "the grass", "stood on {his} hands and counted to ten", "in the meadow"),
                 ("row a boat", "went around in a circle", "the boat", "rowed across the lake", "on the lake"),
                 ("throw a ball into a basket", "missed", "the ball", "threw the ball right into the basket", "in the yard")])
    s.set(skill=sk[0], fail=sk[1], obj=sk[2], win=sk[3], where=sk[4], when="one winter day" if sk[0] in ("skate", "ski") else "<oneday>")
    s.say("more than anything, {N} wanted to {skill}.",
          "{when}, {he} tried it {where}, but {he} {fail}.", "{he} tried again, and again {he} {fail}.")
    s.maybe(0.5, "some [other|big] children laughed." if not s.is_animal else "some crows in a tree laughed.")
    s.par()
    s.say("\"I [will never|cannot] learn it,\" {N} said [sadly|with a sigh].",
          "{friend} came and sat down [next to|beside] {him}.")
    s.one_of("\"I could not do it at first, either,\" said {N2}. \"You must try a little every day.\"",
             "\"Nobody can do it the first time,\" said {N2}. \"I will help you.\"",
             "\"Go slowly, and do not be afraid,\" said {N2}. \"I will stay with you.\"")
    s.say("so {N} practiced every [day|morning|afternoon].")
    s.one_of("on the first day, {he} {fail}. On the second day, it was a little better.",
             "some days were [hard|bad], and some days were [good|better], but {he} did not give up.",
             "{N2} held {his} hand and [cheered|clapped] each time.")
    s.par()
    s.say("<atlast>, one [fine|bright] [day|morning], {N} {win}!",
          "\"I can do it! I can {skill}!\" {he} [cried|shouted|called].", "{N2} <cheer>.")
    s.closing(("{N} learned that you can do [hard|difficult] things if you do not give up.",
               "<fromthen>, {N} helped others who wanted to {skill}.",
               "and now {N} could {skill} every day."))


def stage_fright(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.4)
    act = s.pick([("sing", "sang", "song", "voice"), ("dance", "danced", "dance", "feet"), ("play the flute", "played", "tune", "hands"),
                  ("tell a story", "told", "story", "voice"), ("say a poem", "said", "poem", "voice"),
                  ("play the drum", "played", "drum song", "hands")])
    s.set(act=act[0], acted=act[1], piece=act[2], part=act[3])
    s.set(event=s.pick(["the spring fair", "the school show", "the village feast", "the summer party", "the harvest feast",
                        "the winter show"]))
    s.say("<oneday>, {N} was asked to {act} at {event}.",
          "{he} practiced [every day|for a week|in {his} room] until {he} knew the whole {piece} by heart.")
    s.par()
    s.say("but when the day came, [many|so many|a hundred] eyes looked at {N}.",
          "{his} {part} [began to shake|shook], and {he} forgot how to begin.",
          "\"I cannot do it,\" {he} whispered and ran behind the [curtain|stage].")
    s.say("there, {friend} found {him}.")
    s.one_of("\"Just look at me,\" said {N2}. \"Then it is like at home.\"",
             "\"Take a deep breath and count to three,\" said {N2}.",
             "\"I will stand [next to|beside] you,\" said {N2}. \"We are brave together.\"")
    s.par()
    s.say("{N} [nodded|took a deep breath|held {N2}'s hand for a moment] and went back.",
          "{he} looked at {N2} and began." if act[2] not in ("story", "poem") else "{he} looked at {N2} and said the first word.")
    s.one_of("at first, it was very [quiet|soft], but then it [grew|became] stronger and stronger.",
             "soon, {N} forgot [all the eyes|that {he} was afraid].")
    s.say("when the {piece} was over, [everyone|the whole crowd] [clapped and cheered|clapped for a long time].",
          "\"That was [wonderful|beautiful]!\" said {his} {kin}.")
    s.say("\"I could do it because of you,\" {N} said to {N2}.")
    s.closing(("{N} learned that being brave means to do it even when you are afraid.",
               "<fromthen>, {N} was not so shy anymore.", "the next year, {N} and {N2} [did it|stood there] together."))


def new_neighbor(s):
    s.hero(0.4)
    s.friend()
    s.set(new=s.text("a {kind2} named {N2}"))
    s.intro(0)
    toy(s)
    s.say("<oneday>, [a new family|someone new] moved in next door.",
          "there was {new}.", "{N2} did not know anyone and sat alone [on the steps|by the fence|under a tree].")
    s.par()
    s.say("{N} saw {him2} from the [window|garden|other side of the fence].")
    s.one_of("{N} was [shy|a little shy] and did not know what to say.",
             "\"Maybe {he2} does not like me,\" thought {N}.",
             "{N} wanted to say hello, but {his} [legs|feet] did not want to move.")
    s.say("{N} <think>.", "then {he} took {his} {toy} and went [outside|over].",
          "\"Hello, I am {N}. Do you want to play with my {toyn}?\" {he} asked.")
    s.par()
    s.say("{N2} looked up and [smiled|gave a small smile].", "\"[Yes, please|I would love to]! I am {N2},\" {he2} said.")
    s.one_of("they played with the {toyn} [all afternoon|until the sun went down|for a long time].",
             "first they played with the {toyn}, and then {N} showed {N2} [the whole street|the best trees to climb|the way to the river].")
    s.maybe(0.6, "{N2}'s mother gave them [cookies|warm buns|milk and cake].")
    s.say("\"I was afraid that I would have no friends here,\" said {N2}.", "\"Now you have one,\" said {N}.")
    s.closing(("<fromthen>, they played together every day.", "{N} learned that a kind word can make a new friend.",
               "and so, two shy [neighbors|little neighbors] became best friends."))


def gray_town(s):
    s.hero(0.15)
    s.friend()
    s.intro()
    c = s.distinct(["red", "blue", "green", "yellow", "orange", "purple", "pink"], 3)
    s.set(c1=c[0], c2=c[1], c3=c[2], thing=s.pick(["wall", "old fence", "bridge", "tower", "school", "train station"]))
    s.say("the place where {N} lived was [gray|very gray].", "the houses were gray, the streets were gray, and [even the sky was gray|nobody smiled].",
          "<oneday>, {N} found [a box of paints|three pots of paint] [in the attic|in the shed|at the market].")
    s.par()
    s.say("{he} looked at the gray {thing} and had an idea.",
          "{he} took a brush and painted [a big sun|a tree full of birds|a field of flowers|a rainbow] on it.",
          "\"What are you doing?\" asked [an old man|a tall woman|the mayor] [angrily|with a frown].",
          "\"I am making it [beautiful|bright|happy],\" said {N}.")
    s.one_of("\"Gray was good enough,\" [came the answer|was the answer], and {N} felt <sad>.",
             "nobody helped {him}, but {N} went on.")
    s.par()
    s.say("then {friend} came and [took a brush, too|asked, \"May I help?\"].",
          "{N} painted with {c1}, and {N2} painted with {c2}.",
          "<soon>, [another child|a neighbor|the baker] came, and then another, and they all [painted|wanted to help].")
    s.say("[in the evening|when the sun went down], the {thing} was {c1}, {c2}, and {c3}.",
          "people stopped and smiled.")
    s.one_of("even the [grumpy ones|people who had been angry] smiled. \"It is wonderful,\" [they|they all] said.",
             "\"Can you paint my door, too?\" asked [the baker|the teacher|a neighbor].")
    s.closing(("<fromthen>, the town was full of color.", "{N} learned that one small brush can change a whole town.",
               "and nobody ever called it a gray town again."))


def first_day(s):
    s.hero(0.3)
    s.friend()
    s.intro(0)
    s.set(lunch=s.pick(["sandwich", "apple", "pear", "bun", "banana", "pie"]))
    s.say("it was {N}'s first day at school.", "{his} bag was new, and {his} [shoes|boots|pencils] were new, too." if not s.is_animal else "{his} bag was new, and {his} pencils were new, too.",
          "but {N} was <afraid>.", "\"What if nobody [likes|talks to|plays with] me?\" {he} asked {his} {kin}.",
          "\"Just [smile|be yourself|be kind], and you will see,\" said {his} {kin}.")
    s.par()
    s.say("[in the classroom|at school], everyone was loud and busy.", "{N} sat down in the [last row|corner|back] and looked at {his} hands." if not s.is_animal else "{N} sat down in the [last row|corner|back] and looked at the floor.")
    s.one_of(("at noon, {N} saw a {kind2} who was crying.", "it was {N2}.", "{he2} had forgotten {his2} lunch.",
              "{N} broke {his} {lunch} in two and gave half to {N2}."),
             ("then {N} saw a {kind2} who sat alone, too.", "{his2} name was {N2}, and {he2} had no pencil.",
              "{N} gave {him2} {his} [best|second|new] pencil."),
             ("on the playground, a {kind2} named {N2} fell down and hurt {his2} knee.",
              "{N} helped {him2} up and [washed|cleaned] the knee with [cool|clean] water."))
    s.say("\"<thanks>,\" said {N2}. \"I am new here. Are you new, too?\"", "{N} nodded and smiled.")
    s.par()
    s.say("after that, they sat together.", "they [learned|sang] a [new|funny] song, [drew a big tree|counted to twenty|wrote their names], and [laughed a lot|played in the yard].")
    s.say("when school was over, {N} ran to {his} {kin}.", "\"I have a friend! {His2} name is {N2}!\" {he} [cried|called].")
    s.closing(("the next [day|morning], {N} could not wait to go to school.",
               "{N} was not afraid anymore.", "{N} learned that one kind act can make a friend."))


def quilt(s):
    s.hero(0.15)
    s.intro(0)
    s.elder("3")
    s.set(season=s.pick(["cold winter", "hard winter", "long winter", "snowy winter"]))
    c = s.distinct(W.COLORS, 3)
    s.set(c1=c[0], c2=c[1], c3=c[2])
    s.say("next door lived an old {kind3} named {N3}.",
          "it was a {season}, and {N3} had only one [thin|old] blanket.",
          "\"{He3} must be very cold,\" thought {N}.")
    s.par()
    s.say("{N} had no money for a [new|warm] blanket, but {he} had an idea.",
          "{he} went from house to house and asked for [old cloth|a small piece of cloth].",
          "one neighbor gave {him} a piece of {c1} cloth, and another gave {him} a {c2} one.",
          "{his} {kin} gave {him} a {c3} one[ from an old coat|].")
    s.say("{N} sewed all the pieces together.")
    s.maybe(0.6, "{he} pricked {his} finger [once|many times], but {he} did not stop.")
    s.say("[it took|the work took] [a whole week|five days|many evenings].")
    s.par()
    s.say("<atlast>, it was done: a [big|thick|warm] blanket in {c1}, {c2}, and {c3}.",
          "{N} knocked on the door and gave it to {N3}.")
    s.one_of("{N3} had tears in {his3} eyes. \"It is the [warmest|most beautiful] blanket in the world,\" {he3} said.",
             "\"Did you make this for me?\" asked {N3}. {N} nodded, and {N3} <hug> {him}.")
    s.say("then {he3} made [tea|hot milk] and told {N} [stories|an old story] by the fire.")
    s.closing(("<fromthen>, {N} visited {N3} every [week|Sunday|day].", "and {N3} was never cold again.",
               "{N} learned that many small pieces can make something big."))


PLOTS = [lost_toy, broken_thing, dark_noise, rainy_day, birthday_gift, baking, sick_friend, messy_room, lost_pet,
         stray_pet, quarrel_toy, loose_tooth, hide_seek, learn_skill, stage_fright, new_neighbor, gray_town, first_day,
         quilt]
