"""Plots at home."""

from .characters import toy


def lost_toy(s):
    s.hero(0.3)
    s.friend()
    s.intro()
    toy(s)
    places = [
        ("under the bed", "a sock"),
        ("behind the door", "an old broom"),
        ("in the kitchen", "a spoon"),
        ("in the garden", "a snail"),
        ("under the table", "some crumbs"),
        ("behind the shed", "a flower pot"),
        ("in the cupboard", "a cup"),
        ("on the stairs", "a button"),
        ("under the bench", "a leaf"),
        ("next to the well", "a bucket"),
        ("in the tall grass", "a beetle"),
        ("by the gate", "a feather"),
    ]
    places = s.distinct(places, 3)
    (p1, t1), (p2, t2), (p3, _) = places[:3]
    s.set(p1=p1, t1=t1, p2=p2, t2=t2, p3=p3)
    s.say(
        "{he} had a {toy} that {he} loved [very much|more than anything|with all {his} heart].",
        "<oneday>, the {toyn} was [gone|not there|missing].",
        "{N} was <sad>.",
    )
    s.par()
    s.say(
        "[first|at first], {he} <look> {p1}, but {he} found only {t1}.",
        "then {he} <look> {p2}, but there was only {t2}.",
    )
    s.maybe(0.4, '"Where can it be?" {he} [cried|asked|said].')
    s.one_of(
        ("{friend} saw that {N} was sad.", '"What is wrong?" asked {N2}.', '"I lost my {toyn}," said {N}.'),
        (
            "{N} asked {friend} for help.",
            '"I cannot find my {toyn}," {he} said.',
            '"[Do not worry|Do not cry|Do not be sad]. We will find it together," said {N2}.',
        ),
    )
    s.par()
    s.one_of(
        ("together, they <look> everywhere.", "<atlast>, {N2} looked {p3}, and there was {his} {toy}!"),
        (
            '{N2} asked, "Where did you [play|have it] last?"',
            "{N} thought about it.",
            '"I was {p3}!" {he} said.',
            "they ran to look, and there it was!",
        ),
        ("they <look> and <look>.", "<then>, {N} saw something {p3}.", "it was {his} {toy}!"),
    )
    s.say("{N} <hug> {his} {toyn} and [smiled|laughed].", '"<thanks>, {N2}!" {he} said.')
    s.maybe(
        0.4, "then the two friends played with the {toyn} [all afternoon|until it was dark|all day long]."
    )
    s.closing(
        (
            "<fromthen>, {N} always put the {toyn} back in its place.",
            "{N} learned that it is easier to find things with a friend.",
            "<fromthen>, {N} took good care of the {toyn}.",
        )
    )


def broken_thing(s):
    s.at_home = True
    s.hero(0.25)
    s.intro()
    thing = s.pick(
        ["vase", "blue cup", "teapot", "lamp", "plate", "mirror", "clock", "flower pot", "glass bowl", "jug"]
    )
    how = s.pick(
        [
            ("played with a ball in the house", "the ball hit"),
            ("ran through the kitchen", "{his} arm hit"),
            ("danced around the table", "{his} foot hit"),
            ("jumped on the chair", "{he} fell against"),
            ("tried to reach the cookies", "{his} hand hit"),
            ("chased a fly around the room", "{he} bumped into"),
        ]
    )
    s.set(thing=thing, what=how[0], hit=how[1])
    s.say(
        "<oneday>, {N} {what}.",
        "[suddenly|then], {hit} {his} {kin}'s [best |favorite |]{thing}.",
        "[crash|bang]! The {thing} fell [down|to the floor] and broke into [many|three|five|little] pieces.",
    )
    s.par()
    s.say("{N} was <afraid>.")
    s.one_of(
        (
            "{he} hid the pieces [under the bed|in a box|behind the curtain].",
            "but {he} could not [eat|play|sleep|smile].",
            "{his} [heart|tummy] felt heavy.",
        ),
        ('"[Maybe|Perhaps] nobody will see it," {he} thought.', "but {he} knew that this was not right."),
        ('"I could say that the [cat|wind] did it," {he} thought.', "but {N} did not want to tell a lie."),
    )
    s.one_of(
        "<atlast>, {he} went to {his} {kin}.", "so {he} [took a deep breath and|] went to find {his} {kin}."
    )
    s.say('"I broke your {thing}," {he} said. "I am [so |very |]sorry."')
    s.par()
    s.one_of(
        "{his} {kin} was [quiet|sad] for a moment, but then {kinhe} [smiled|hugged {him}].",
        "{his} {kin} looked at {N} and took {his} hand.",
    )
    s.say('"[Thank you for telling me|I am glad that you told me] the truth," {kinhe} said.')
    s.one_of(
        (
            "together, they [picked up|found] all the pieces and glued the {thing} back together.",
            "it was not [perfect|as pretty as before], but they [both|] loved it [even more|very much].",
        ),
        (
            '"A {thing} can be replaced, but you cannot."',
            "together, they swept the floor.",
            "the next day, they [bought|made] a new {thing}.",
        ),
    )
    s.closing(
        (
            "<fromthen>, {N} always told the truth.",
            "{N} felt as light as a feather.",
            "{N} learned that telling the truth makes the heart light.",
            "<fromthen>, {N} was very careful [in the house|with {his} {kin}'s things].",
        )
    )


def dark_noise(s):
    s.hero(0.35)
    s.intro(0)
    noise = s.pick(
        [
            ("tap, tap, tap", "at the window", "a branch that moved in the wind", "branch"),
            (
                "scratch, scratch",
                "behind the door",
                "a [little|hungry|wet] kitten that wanted to come in",
                "kitten",
            ),
            ("whoo, whoo", "on the roof", "a big owl that sat in the moonlight", "owl"),
            ("squeak, squeak", "under the bed", "a tiny mouse with a piece of cheese", "mouse"),
            ("drip, drip, drip", "in the kitchen", "water that fell into a bowl", "water"),
            ("bump, bump", "in the attic", "an old shutter that swung in the wind", "shutter"),
            ("croak, croak", "by the door", "a fat green frog that sang to the moon", "frog"),
            ("rustle, rustle", "in the basket", "a small hedgehog that had made a bed of paper", "hedgehog"),
        ]
    )
    s.set(noise=noise[0], at=noise[1], src=noise[2], srcn=noise[3])
    s.fix(src="{src}")
    s.say(
        "but {N} was <afraid> of the dark.",
        (
            "one [dark|stormy|windy|cold|rainy] night, {he} [lay in bed|could not sleep] and heard a"
            " [strange|funny|scary] sound."
        ),
        '"{noise}!" it went [{at}|somewhere {at}].',
    )
    s.par()
    s.one_of(
        "{N} pulled the blanket over {his} head.",
        "{N}'s heart beat [very|] fast.",
        "{N} held {his} pillow [tight|very tight].",
    )
    s.say('"[Is it a monster|Is it a ghost|What can it be|Who is there]?" {he} whispered.')
    s.say('"{noise}!" it went again.')
    s.one_of(
        ("{N} called for {his} {kin}, but nobody [came|heard {him}].", "so {he} had to be brave."),
        ('"I [want|have] to be brave," {N} said to {himself}.',),
        (
            "{he} called {his} {kin}, and {kinhe} came with a [lamp|candle|lantern].",
            '"Let us look together," {kinhe} said.',
        ),
    )
    s.par()
    s.one_of(
        "slowly, {N} [took a lamp and|] went to look.",
        "step by step, {N} walked through the dark [house|room].",
    )
    s.say("{he} looked {at}, and [what did {he} see|what was it]?", "it was only {src}!")
    if noise[3] in ("kitten", "owl", "mouse", "frog", "hedgehog"):
        s.one_of(
            '"Hello, little {srcn}," said {N}. "You are not scary at all."',
            "{N} gave the {srcn} [something to eat|a bit of bread], and they became friends.",
        )
    else:
        s.one_of(
            '{N} laughed [out loud|and laughed]. "I was afraid of nothing!" {he} said.',
            '"How silly of me!" {N} said and laughed.',
        )
    s.closing(
        (
            "<fromthen>, {N} was not afraid of the dark anymore.",
            "{N} learned that things are not so scary when you look at them.",
            "then {he} went back to bed and slept until the sun came up.",
        ),
        feeling=False,
    )


def rainy_day(s):
    s.at_home = True
    s.hero(0.25)
    s.friend()
    s.intro()
    plan = s.pick(
        [
            "go to the park",
            "play outside",
            "go to the beach",
            "fly a kite",
            "have a picnic",
            "ride a bike",
            "climb the hill",
            "go fishing",
        ]
    )
    build = s.pick(
        [
            ("a castle", "blankets and chairs", "a [king|queen|knight]"),
            ("a ship", "boxes and a sheet", "a [captain|sailor|pirate]"),
            ("a rocket", "boxes and pots", "a [pilot|star traveler]"),
            ("a cave", "pillows and blankets", "a [bear|dragon]"),
            ("a train", "six chairs", "a [driver|conductor]"),
            ("a shop", "boxes and bottles", "a [shopkeeper|baker]"),
            ("a tent", "an old sheet", "an [explorer|animal doctor]"),
            ("a theater", "a curtain and two lamps", "a [singer|clown]"),
        ]
    )
    s.set(plan=plan, b=build[0], stuff=build[1], role=build[2], bn=build[0].split()[1])
    s.fix(role="{role}")
    s.say(
        "<oneday>, {N} wanted to {plan}[ with {friend}| together with {friend}].",
        "but [dark|big gray] clouds came, and it began to rain.",
        "it rained [and rained|harder and harder|all morning].",
    )
    s.par()
    s.say('"[Oh no|What a pity]! Now we cannot {plan}," [said|sighed] {N}.')
    s.one_of("{N2} looked out of the window and <think>.", "{N2} was sad, too, but then {he2} had an idea.")
    s.say(
        '"We can build {b} [inside|in the house|right here]!" {he2} said.',
        "so they [took|found|got] {stuff} and [began to build|went to work].",
    )
    s.maybe(0.5, "it was not easy, and [once|two times] the {bn} fell down, but they did not give up.")
    s.par()
    s.say("<soon>, the {bn} was ready.", "{N} was {role}, and {N2} [was {his} helper|helped {him}].")
    s.maybe(0.6, "{N}'s {kin} brought them [hot milk|warm soup|cookies|tea and cake] [in|inside] the {bn}.")
    s.say(
        "they played [and laughed|] [until the evening|all day long|for hours].",
        (
            "when they looked out [again|of the window], the rain had stopped[, and there was a rainbow in"
            " the sky|]."
        ),
    )
    s.one_of(
        "but {N} and {N2} did not want to go out.",
        '"I like rain now," said {N}.',
        '"I hope it rains tomorrow, too!" said {N2}.',
    )
    s.closing(
        (
            "{N} learned that a rainy day can be [a good day|the best day] with a friend.",
            "<fromthen>, {N} smiled when it rained.",
        )
    )


def birthday_gift(s):
    s.hero(0.35)
    s.friend()
    s.intro(0.6)
    gift = s.pick(
        [
            ("a necklace of shells", "shells", "on the beach"),
            ("a crown of flowers", "flowers", "in the meadow"),
            ("a little boat of bark", "bark and a leaf", "in the woods"),
            ("a basket of berries", "berries", "on the hill"),
            ("a picture with many colors", "paper and paint", "in the house"),
            ("a scarf of red wool", "red wool", "in the attic"),
            ("a doll made of straw", "straw", "in the barn"),
            ("a flute made of reed", "reed", "by the lake"),
            ("a lantern made of paper", "paper and glue", "in the kitchen"),
            ("a star made of wood", "wood", "in the shed"),
            ("a bracelet of beads", "beads", "in an old box"),
            ("a song", "words that rhyme", "in an old book"),
        ]
    )
    s.set(gift=gift[0], thegift="the " + gift[0][2:], stuff=gift[1], src=gift[2])
    if s.friend_known:
        s.say("<oneday>, it was {N2}'s birthday.")
    else:
        s.say("<oneday>, it was the birthday of {friend}.")
    s.say(
        "{N} wanted to give {him2} a [nice|special|beautiful] [gift|present], but {he} had no money.",
        "{he} [looked in the shop|went to the market], but everything cost too much.",
    )
    s.maybe(0.5, '"What can I do?" {he} [asked|said sadly|thought].')
    s.par()
    s.say(
        "{N} <think>.",
        '"I will make something [myself|with my own hands]!" {he} said.',
        "{he} found {stuff} {src} and [worked all morning|worked and worked|sat down to work].",
    )
    s.maybe(
        0.5,
        (
            "[once|two times], it [went wrong|did not turn out right], but {N} [tried again|began again|did"
            " not give up]."
        ),
    )
    s.say("<atlast>, {he} had made {gift}.")
    s.par()
    s.say(
        "at the party, the others [gave {N2}|brought] [big boxes|big presents|shiny things].",
        (
            "{N} felt [shy|small|a little shy], but {he} gave {N2} {thegift}."
            if gift[0] != "a song"
            else (
                "{N} felt [shy|small|a little shy], but {he} [sang the song for {N2}|stood up and sang the"
                " song]."
            )
        ),
    )
    s.one_of("{N2}'s eyes [shone|grew wide|were bright].", "{N2} <smile> and <hug> {N}.")
    s.say('"You made this for me? It is the best [gift|present] of all!" {he2} said.')
    s.closing(
        (
            "{N} learned that a gift from the heart is the best gift.",
            "{N2} kept it for [many years|a long, long time].",
            "then they all ate cake and danced.",
        )
    )


def baking(s):
    s.at_home = True
    s.hero(0.3)
    s.intro(0)
    good = s.pick(["cake", "pie", "bread", "pudding"])
    mistake = s.pick(
        [
            ("put in salt and not sugar", "tasted [awful|terrible|very salty]", "tasted it"),
            ("forgot the eggs", "was as hard as a stone", "touched it"),
            ("forgot to look at the oven", "was [black and burned|as black as coal]", "opened the oven"),
            ("put in too much [water|milk]", "was as wet as soup", "opened the oven"),
            ("put in a whole cup of pepper", "made everyone sneeze", "tasted it"),
            ("opened the oven too soon", "was as flat as a plate", "looked at it"),
        ]
    )
    s.set(
        article="some" if good == "bread" else "a",
        good=good,
        wrong=mistake[0],
        bad=mistake[1],
        test=mistake[2],
        kind_of=s.pick(
            ["apple", "honey", "berry", "cherry", "nut", "carrot", "plum", "pumpkin", "lemon", "banana"]
        ),
    )
    s.say(
        "<oneday>, {N} wanted to bake {article} {kind_of} {good} for {his} {kin}.",
        (
            "{he} put on [an apron|a white apron|a big hat] and took [flour, eggs, and sugar|a big bowl and a"
            " spoon|everything {he} needed]."
        ),
        "{he} [stirred and stirred|sang a song and stirred|mixed it all well].",
    )
    s.say("but {N} {wrong}.")
    s.par()
    s.say(
        "when {he} {test}, [oh no|oh dear]! The {good} {bad}.",
        "{N} was <sad>. {he} [almost cried|sat down on the floor].",
    )
    s.one_of(
        (
            "{his} {kin} came into the kitchen and saw the {good}.",
            (
                '"[Do not cry|Do not be sad]," {kinhe} said <kindly>. "Everyone makes mistakes. Let us try'
                ' again."'
            ),
        ),
        (
            '"I will never be a good baker," {he} said.',
            (
                'but {his} {kin} smiled. "My first {good} was [bad|much worse], too," {kinhe} said. "We can'
                ' try again."'
            ),
        ),
    )
    s.par()
    s.say("so they [washed the bowl and|] began again.", "this time, {N} was very careful.")
    s.maybe(0.6, "{he} read every word [in the book|of the recipe] two times.")
    s.say(
        "<soon>, a [sweet|wonderful|warm] smell filled the [house|kitchen|room].",
        "the {kind_of} {good} was [golden and soft|just right|perfect].",
    )
    s.one_of(
        "they [both|] ate a [big|warm] piece, and it was [delicious|very good].",
        "they shared it with [all the neighbors|everyone in the street], and nothing was left but crumbs.",
    )
    s.closing(
        (
            "{N} learned that a mistake is not the end.",
            '"[Trying again is the secret|It is good to try again]," said {his} {kin}.',
            "<fromthen>, {N} baked {article} {good} every Sunday.",
        )
    )


def messy_room(s):
    s.at_home = True
    s.hero(0.2)
    s.intro(0)
    thing = s.pick(
        [
            "left shoe",
            "green sweater",
            "ticket",
            "blue hat",
            "raincoat",
            "red scarf",
            "right boot",
            "new jacket",
            "backpack",
            "striped sock",
        ]
    )
    event = s.pick(
        [
            "a school trip",
            "the circus",
            "a party",
            "the fair",
            "a picnic by the lake",
            "the theater",
            "a boat trip",
            "the zoo",
        ]
    )
    s.set(
        thing=thing, event=event, theevent=event.replace("a ", "the ", 1) if event.startswith("a ") else event
    )
    s.say(
        "{N} was [nice|kind|clever], but {his} room was [always|] a mess.",
        (
            "there were [socks on the lamp|crumbs in the bed|toys on the floor], [books under the"
            " chair|clothes on every chair|paper everywhere], and [apples under the bed|a shoe on the"
            " shelf|marbles in the bed]."
        ),
        '"Please clean your room," said {his} {kin}.',
        'but {N} [always|only] said, "[Tomorrow|Later|Not now]!"',
    )
    s.par()
    s.say(
        "<oneday>, {N} wanted to go to {event}.",
        "but {he} could not find {his} {thing}.",
        "{he} looked [here and there|under this and behind that], but [it was nowhere|the mess was too big].",
        '"Hurry! We must go [soon|in an hour]!" called {his} {kin}.',
    )
    s.par()
    s.say(
        "so {N} [began to clean|put everything away] [as fast as {he} could|very quickly].",
        (
            "{he} put the [toys in the box|books on the shelf|clothes in the cupboard] and the [socks in the"
            " drawer|paper in the basket|shoes by the door]."
        ),
        (
            "<atlast>, [under the very last pile|at the bottom of the last pile|behind the last box], {he}"
            " found {his} {thing}."
        ),
    )
    s.maybe(
        0.5,
        (
            "{he} [also|even] found [a coin|two coins|a letter from {his} grandmother|a toy that {he} had"
            " lost long ago]."
        ),
    )
    s.say(
        "{N} and {his} {kin} [came just in time|were just in time], and {theevent} was [wonderful|great fun]."
    )
    s.closing(
        (
            "<fromthen>, {N} cleaned {his} room every [day|week|evening].",
            "{N} learned that it is good to put things in their place.",
        )
    )
