"""Plots of trees, seeds and weather."""

from . import words as W


def baby_bird(s):
    s.hero(0.4)
    s.friend()
    s.intro()
    s.set(
        bird=s.pick(W.BIRDS),
        tree=s.pick(W.TREES),
        bed=s.pick(
            [
                "an old hat",
                "a small basket",
                "{his} scarf",
                "a box with soft grass",
                "{his} two hands",
                "a soft leaf",
            ]
        ),
    )
    s.say(
        "<oneday>, {N} was walking under a tall {tree} tree.",
        '{he} heard a [tiny|small|sad] voice. "[Peep, peep|Cheep, cheep|Help, help]!"',
        "a baby {bird} [had fallen out of the nest|had fallen from the tree|lay in the grass].",
    )
    s.par()
    s.one_of(
        '"[Poor little bird|You poor thing]!" said {N}. "I will help you."',
        "{N} looked up. The nest was [very high|high] in the tree.",
    )
    s.say(
        "{he} put the baby {bird} in {bed}.",
        (
            "{he} [tried to climb|began to climb] the tree, but [it was too high|the branches were wet|{his}"
            " [arms|legs] were too short]."
        ),
    )
    s.one_of(
        ("so {he} called {friend}.", "{N2} [stood|knelt] under the tree, and {N} climbed on {his2} back."),
        ("so {he} ran to get {friend}.", "{N2} brought a [long ladder|strong rope], and they tried again."),
        (
            "then {friend} came by.",
            '"We can make a ladder of [branches|old crates]," said {N2}, and so they did.',
        ),
    )
    s.par()
    s.say(
        (
            "very [slowly|carefully], {N} [lifted the little bird up and|climbed up and] put it back"
            " [in|into] the nest."
        ),
        "the mother {bird} flew around and [sang|chirped] [happily|with joy].",
    )
    s.one_of('"Thank you for saving my baby," she sang.', "it sounded like a thank you.")
    s.maybe(
        0.6,
        (
            "[some weeks later|when summer came], the little {bird} learned to fly, and it flew around {N}'s"
            " head."
        ),
    )
    s.closing(
        (
            "every morning after that, the {bird} sang a song [at {N}'s window|for {N} and {N2}].",
            "{N} and {N2} were [glad|happy] that they had helped.",
            (
                "{N} learned that even a small hand can do a big thing."
                if not s.is_animal
                else "{N} learned that even someone small can do a big thing."
            ),
        )
    )


def stuck_thing(s):
    s.hero(0.3)
    s.friend()
    s.intro()
    thing = s.pick(["kite", "ball", "hat", "paper plane", "balloon", "scarf"])
    s.set(thing=s.pick(W.COLORS) + " " + thing, thingn=thing, tree=s.pick(W.TREES))
    (
        s.say(
            "<oneday>, {N} played with {his} {thing} [in the park|in the meadow|on the hill].",
            "[suddenly|then], a strong wind came and [took|carried] the {thingn} away.",
            "it flew [up and up|higher and higher] and got stuck in a [tall|big] {tree} tree.",
        )
        if thing not in ("hat", "scarf")
        else s.say(
            "<oneday>, {N} put on {his} {thing} and went for a walk [in the park|in the meadow|on the hill].",
            "[suddenly|then], a strong wind came and [took|carried] the {thingn} away.",
            "it flew [up and up|higher and higher] and got stuck in a [tall|big] {tree} tree.",
        )
    )
    s.par()
    tries = [
        ("{he} jumped as high as {he} could, but {he} could not reach it.",),
        ("{he} shook the tree, but only [leaves|some leaves] fell down.",),
        ("{he} threw a stick at it, and then the stick was stuck, too.",),
        ("{he} called to the wind, but the wind only laughed.",),
        ("{he} tried to climb up, but {he} slid down again.",),
    ]
    tries = s.distinct(tries, 2)
    s.say(*tries[0])
    s.say(*tries[1])
    s.say(
        "{N} sat down under the tree and was <sad>.",
        "then {friend} came [along|by|down the path].",
        '"What is wrong?" {he2} asked.',
        '"My {thingn} is up there," said {N}.',
    )
    s.par()
    s.one_of(
        ('"Climb on my back," said {N2}.', "{N} climbed up, [stretched|reached] out, and got it!"),
        (
            "{N2} found a [very |]long [pole|stick], and together they pushed and pushed.",
            "[pop|plop]! The {thingn} came down.",
        ),
        (
            "{N2} asked a [little bird|squirrel] in the tree to help.",
            "it hopped to the {thingn} and pulled it free.",
        ),
        (
            "{N2} ran home and came back with a ladder.",
            "{N2} held the ladder, and {N} climbed up and got the {thingn}.",
        ),
    )
    s.say(
        '"<thanks>!" [said|cried] {N}.',
        (
            "then they [played together until it was dark|played together until the sun went down|ran home"
            " together]."
            if thing not in ("hat", "scarf")
            else "{N} put it on again and held it [tight|with both hands]."
        ),
    )
    s.closing(
        (
            "{N} learned that two friends can reach higher than one.",
            (
                "<fromthen>, {N} stayed away from the tree when it was windy."
                if thing in ("kite", "balloon", "paper plane")
                else "{N} learned that it is good to ask for help."
            ),
            "<fromthen>, {N} was careful when the wind blew.",
        )
    )


def seed(s):
    s.hero(0.4)
    s.intro(0)
    plant = s.pick(
        [
            ("sunflower", "flower", "as tall as {his} {kin}", 0),
            ("pumpkin", "pumpkin", "as big as a [cart|chair|barrel]", 1),
            ("apple tree", "tree", "full of red apples", 2),
            ("rose bush", "bush", "full of red roses", 0),
            ("melon", "melon", "as round as the moon", 1),
            ("cherry tree", "tree", "full of sweet cherries", 2),
            ("turnip", "turnip", "as heavy as a stone", 1),
            ("blue lily", "flower", "as blue as the sky", 0),
            ("carrot", "carrot", "as long as {his} arm", 1),
            ("plum tree", "tree", "full of purple plums", 2),
        ]
    )
    s.set(plant=plant[0], pn=plant[1], big=plant[2])
    s.say(
        (
            "<oneday>, {N} found a [tiny|little|brown|small] seed [in {his} pocket|on the path|under a"
            " tree|in an old box]."
        ),
        '"What will you be, little seed?" {he} asked.',
        (
            "{he} made a hole in the [ground|garden|warm earth], put the seed in it, and [gave it"
            " water|covered it with earth]."
        ),
    )
    s.par()
    s.say(
        "the next day, {N} looked, but [nothing was there|there was nothing to see].",
        "{he} waited [one day, two days, three days|a whole week], but nothing [came up|grew].",
    )
    s.one_of(
        '"It is no good," [laughed|said] a [crow|goose|magpie] on the fence. "It will never grow."',
        '"Maybe it is asleep," {he} thought.',
        '"Why does it not grow?" {he} asked {his} {kin}. "Good things take time," said {his} {kin}.',
    )
    s.say(
        "but {N} did not give up.",
        "{he} gave it water every [day|morning], and {he} [sang to it|talked to it|pulled out the weeds].",
    )
    s.par()
    s.say(
        "then, one [fine|warm|sunny] morning, a [tiny|little] green leaf looked out of the earth.",
        '"It is growing!" {N} [cried|shouted] and jumped for joy.',
        "the leaf grew and grew [in the sun and the rain|day after day|all summer long].",
        "<atlast>, it was a {plant}, {big}.",
    )
    if plant[3] == 0:
        s.one_of(
            "people came from far away to see the [beautiful|wonderful] {pn}.",
            "[bees|butterflies] came from everywhere to visit it.",
        )
    elif plant[3] == 1:
        s.one_of(
            (
                "{N} and {his} {kin} cooked a [big pot of soup|wonderful soup] and gave some to all the"
                " neighbors."
            ),
            (
                "it was so big that all the neighbors had to help to pull it out, and then they all ate"
                " [it|dinner] together."
            ),
        )
    else:
        s.one_of(
            "{N} gave the fruit to [all the neighbors|everyone who was hungry], and everyone thanked {him}.",
            "birds came to sing in it, and {N} sat in its shade.",
        )
    s.closing(
        (
            "{N} learned to wait and to care.",
            "{N} kept [a|one] seed for the next [spring|year].",
            "{N} knew now that good things take time.",
        )
    )


def snowman(s):
    s.hero(0.3)
    s.friend()
    s.intro(0.4)
    s.set(
        nose=s.pick(["a carrot", "a potato", "a red apple", "a pine cone"]),
        eyes=s.pick(["two black stones", "two buttons", "two nuts"]),
        snowname=s.pick(["Mr. Frost", "Flake", "Snowball", "Captain Cold", "Crystal", "Uncle Winter"]),
    )
    s.say(
        "one [winter|cold|snowy] morning, {N} looked [outside|out], and the whole world was white.",
        "{he} called {friend}, and together they built a [big|fat|tall] snowman.",
        "they gave him {nose} for a nose and {eyes} for eyes.",
        "they called him {snowname}.",
    )
    s.par()
    s.one_of(
        (
            "that [evening|night], a cold wind blew.",
            '"{snowname} is all alone out there," said {N}.',
            "{he} took {his} [red|warm|own] scarf and put it around the snowman.",
            "{N2} gave him {his2} [old|blue|own] hat.",
        ),
        (
            "but there was no [mouth|arm] on the snowman, and he looked sad.",
            "{N} <look> in the [shed|kitchen] and {N2} <look> in the [garden|woods].",
            (
                "they found [a row of berries|two long sticks] and a [hat|old broom], and then the snowman"
                " looked happy."
            ),
        ),
        (
            "the next day, the sun was warm, and the snowman began to [drip|melt].",
            '"Oh no! He is getting small," cried {N}.',
            (
                "they [pushed him into|built a roof of branches to keep him in] the [cool shade|shade], and"
                " they put more snow on his [head|belly]."
            ),
        ),
    )
    s.say("{N} and {N2} visited the snowman every day and told him [stories|jokes|secrets].")
    s.par()
    s.say("but when spring came, the snowman [grew smaller and smaller|melted away].", "{N} was <sad>.")
    s.one_of(
        (
            "only [his hat|{nose}] lay in the grass.",
            (
                '"He is not gone," said {N2}. "He is in the [river|rain|clouds] now, and he will come back'
                ' [next winter|with the snow]."'
            ),
        ),
        (
            "but where the snowman had stood, [white flowers|snowdrops|small white flowers] [came up|grew].",
            '"Look! {snowname} left us a gift," said {N2}.',
        ),
    )
    s.say("{N} smiled again.")
    s.closing(
        (
            "and when the snow came back the next year, they built {snowname} again.",
            'they waved at the sky and said, "See you next winter!"',
            "{N} learned that some goodbyes are not forever.",
        )
    )


def caterpillar(s):
    s.hero(0.3)
    s.intro(0)
    s.creature("2", "caterpillar")
    s.set(
        home_=s.pick(
            [
                "in a glass jar with holes",
                "on a twig in {his} room",
                "on a rose bush in the garden",
                "in a box with fresh leaves",
                "on the window sill",
            ]
        ),
        color=s.pick(["blue", "golden", "red", "orange", "yellow", "purple", "white"]),
    )
    s.say(
        "<oneday>, {N} found a [green|little|fat|small] caterpillar[ on a leaf| on the path|].",
        "{he} named it {N2} and put it {home_}.",
        "every day, {N} brought fresh leaves, and {N2} ate and ate.",
        "they became good friends.",
    )
    s.par()
    s.say(
        "but one morning, {N2} was gone.",
        "there was only a [strange|small|hard] brown thing that hung [from a twig|under a leaf].",
        '{N} <look> everywhere. "{N2}, where are you?" {he} called.',
        "{he} was <sad>.",
    )
    s.one_of(
        '"{N2} is not gone," said {his} {kin}. "{He2} is asleep in there. You must wait."',
        '{his} {kin} looked at the brown thing and smiled. "Wait and see," {kinhe} said.',
    )
    s.say("so {N} waited, [day after day|one week, two weeks].")
    s.par()
    s.say(
        "then, one [sunny|bright|warm] morning, the brown thing began to [move|shake].",
        "it [opened|broke open], and out came a butterfly with {color} wings!",
        '"{N2}, is it you?" [asked|whispered] {N}.',
        "the butterfly [flew around {N}'s head|sat down on {N}'s nose].",
    )
    s.one_of(
        '"You are beautiful," said {N}. Then {he} opened the window, and {N2} flew out into the sun.',
        "{N} was sad to say goodbye, but {he} knew that {N2} wanted to fly.",
    )
    s.closing(
        (
            "every summer, a {color} butterfly came back to visit {N}.",
            "{N} learned that change can be beautiful.",
            '"Goodbye, {N2}!" {he} called and waved until the butterfly was gone.',
        )
    )


def spring_water(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.4)
    s.set(leader=s.pick(["the old well", "the well", "the stream", "the pond"]))
    s.say(
        "one summer, it did not rain for [many weeks|a long time|forty days].",
        (
            "{leader} was dry, and [everyone|everyone in the village] was thirsty."
            if not s.is_animal
            else "{leader} was dry, and all the animals were thirsty."
        ),
        '"What shall we do?" they asked [each other|].',
    )
    s.par()
    sign = s.pick(
        [
            ("a line of ants that came out of a crack in the rock", "ants"),
            ("a small patch of green grass between dry stones", "green grass"),
            ("a bee that flew into a hole in the hill", "bee"),
            ("a frog that jumped under a rock", "frog"),
            ("wet moss under an old tree", "moss"),
        ]
    )
    s.set(sign=sign[0], signn=sign[1])
    s.say(
        "one [day|morning|evening], {N} saw {sign}.",
        '"Where there is {x}, there must be water," {he} [thought|said].'.replace(
            "{x}",
            {"ants": "life", "green grass": "green grass", "bee": "a bee", "frog": "a frog", "moss": "moss"}[
                sign[1]
            ],
        ),
        "{he} began to dig, but the ground was [hard|very hard|full of stones].",
    )
    s.one_of(
        'some laughed at {him}. "There is no water here," they said.',
        "{he} dug all [morning|day] and found only [sand|dry earth|stones].",
    )
    s.say("but {friend} came to help.", '"Two can dig deeper than one," said {N2}.')
    s.par()
    s.say(
        "they dug and dug.",
        "<soon>, the earth was [cool|dark], and then it was wet.",
        "splash! [Clear|Cold|Fresh] water came out of the ground!",
        '"Water! Water!" {N} and {N2} [shouted|cried].',
        (
            "everyone came [running|] with [buckets and cups|pots and bowls] and drank."
            if not s.is_animal
            else "all the animals came running and drank."
        ),
    )
    s.closing(
        (
            'those who had laughed said, "We are sorry, and we thank you."',
            "and the spring never [ran|went] dry again.",
            "they named it {N}'s spring.",
            "{N} learned to look closely at small things.",
        )
    )
