"""Plots about things: a cloud, a lamp, an engine, a scarecrow, a balloon."""

from . import words as W


def cloud(s):
    name = s.name(
        ["Puff", "Nimbus", "Fluff", "Misty", "Cotton", "Drizzle", "Wisp", "Pearl", "Downy", "Feather"]
    )
    s.is_animal = True
    s.person("", s.chance(0.5), name, "cloud")
    s.set(
        kin="mother",
        village="blue sky",
        site="high in the sky",
        land=s.pick(["farm", "garden", "little village", "dry field", "valley"]),
        flower=s.pick(W.FLOWERS + ["bean", "carrot", "pumpkin"]),
    )
    f = s.v["flower"]
    s.set(flowers=f[:-1] + "ies" if f.endswith("y") else f + "s")
    s.like_done = "floated home under the moon"
    s.say(
        s.pick(
            [
                "Once upon a time, there was a [little|small|tiny] cloud named {N}.",
                "Once upon a time there was a [little|small] white cloud named {N}.",
                "Once upon a time, a little cloud named {N} lived high in the sky.",
                "There once was a small cloud named {N}.",
            ]
        )
    )
    s.say(
        "the other clouds were big and [dark|strong], and they could make [thunder|great storms].",
        '"You are too small," they said to {N}. "You cannot do anything."',
        "{N} was <sad> and floated away[ alone|].",
    )
    s.par()
    s.say(
        "<oneday>, {he} came to a {land}.",
        "the ground was [dry|hard and dry|cracked], and the {flowers} hung their heads.",
        '"Please, little cloud, give us some water," [whispered|asked] a {flower}.',
        '"I am too small," said {N}, "but I will try."',
    )
    s.one_of(
        "{he} [squeezed|pushed] and [squeezed|pushed], but only one drop fell.",
        "{he} thought of something sad, but only one drop came.",
    )
    s.say('"That was [wonderful|a good start]! [Try again|More, please]!" called the {flower}.')
    s.par()
    s.one_of(
        "so {N} flew to the sea, drank as much water as {he} could, and came back.",
        "{N} flew to the lake, filled {himself} with water, and hurried back.",
        "{N} took a deep breath and thought of all the thirsty plants.",
    )
    s.say(
        "then it began to rain, [soft and cool|a soft, warm rain].",
        "drip, drop, drip, drop!",
        "the {flowers} lifted their heads and [drank|smiled].",
        '[a farmer|a girl|an old woman] danced in the rain and called, "Thank you, little cloud!"',
    )
    s.maybe(0.6, "when the sun came out, there was a [big|bright|beautiful] rainbow in the sky.")
    s.closing(
        (
            "the big clouds saw it, and they never laughed at {N} again.",
            "{N} learned that small drops can do great things.",
            "<fromthen>, {N} came back every week to water the {land}.",
        ),
        feeling=s.chance(0.2) and False,
    )


def lighthouse(s):
    """A lamp or lighthouse that thinks it is useless until a stormy night."""
    s.is_animal = True
    thing = s.pick(
        [
            ("lighthouse", "by the sea", "ships"),
            ("street lamp", "at the end of the street", "people"),
            ("lantern", "on an old boat", "fishermen"),
            ("candle", "in a window", "people"),
            ("lamp", "at a small train station", "trains"),
        ]
    )
    s.person(
        "",
        s.chance(0.5),
        s.name(["Lumi", "Glim", "Beam", "Flicker", "Sparky", "Glow", "Ray", "Shine", "Blink", "Dot"]),
        thing[0],
    )
    s.set(where=thing[1], kin="keeper")
    s.like_done = "shone with joy"
    s.set(rival=s.pick(["moon", "big new lamp", "sun", "tall tower", "stars"]))
    s.say(
        s.pick(
            [
                "Once upon a time, there was a [little|small|old] {kind} named {N} {where}.",
                "Once upon a time, a [little|small|old] {kind} named {N} stood {where}.",
                "There once was a [little|small] {kind} named {N} {where}.",
            ]
        )
    )
    s.say(
        "{his} light was [small|weak|not very bright].",
        '"I am not as bright as the {rival}," {he} often [said|sighed].',
        '"Nobody needs me."',
    )
    s.par()
    s.say(
        (
            "one [stormy|dark|wild] night, [thick clouds covered the sky|fog came in from the sea|the wind"
            " blew out every other light]."
        ),
        "the {rival} [could not be seen|gave no light].",
    )
    who = s.pick(
        [
            ("a small boat", "was lost in the waves", "it"),
            ("a father and his little son", "could not find the way home", "them"),
            ("a ship full of sailors", "came near the rocks", "it"),
            ("a girl with her dog", "was lost in the dark", "her"),
            ("an old fisherman", "could not see the shore", "him"),
        ]
    )
    if (who[1] in ("could not find the way home", "was lost in the dark")) == (
        thing[0] in ("lighthouse", "lantern")
    ):
        who = (
            ("a small boat", "was lost in the waves", "it")
            if thing[0] in ("lighthouse", "lantern")
            else s.pick(
                [
                    ("a father and his little son", "could not find the way home", "them"),
                    ("a girl with her dog", "was lost in the dark", "her"),
                ]
            )
        )
    s.set(
        who=who[0],
        thewho=(
            who[0].replace("a ", "the ", 1).replace("an ", "the ", 1)
            if not who[0].startswith("an ")
            else "the " + who[0][3:]
        ),
        lost=who[1],
        them=who[2],
    )
    s.say(
        "out there, {who} {lost}.",
        '"Help! [Where is the way|Which way is home]?" [called a voice|cried a voice].',
        "{N} was <afraid>, but {he} [shone|burned] as bright as {he} could.",
    )
    s.one_of(
        "the wind [pushed|blew] and the rain [fell|beat], but {he} did not go out.",
        '"I must not go out," {he} said to {himself} [again and again|all night long].',
    )
    s.par()
    s.say(
        '"Look! A light!" [called|cried] the voice.',
        (
            "slowly, {thewho} came closer and closer."
            if who[0] != "a father and his little son"
            else "slowly, they came closer and closer."
        ),
        (
            "[at last|finally], they were safe."
            if who[2] in ("it", "them")
            else (
                "[at last|finally], the shore was near and all was well."
                if who[2] == "him"
                else "[at last|finally], the girl was safe."
            )
        ),
        (
            '"That little {kind} saved us," [they|everyone] said.'
            if who[2] in ("it", "them")
            else '"That little {kind} saved me," said the voice.'
        ),
        (
            "in the morning, [people|the children] came and [cleaned {his} glass|put flowers around"
            " {him}|sang a song for {him}]."
        ),
    )
    s.closing(
        (
            "<fromthen>, {N} was proud of {his} small light.",
            "{N} learned that a small light can be the most important light of all.",
            "and {N} never wished to be the {rival} again.",
        ),
        feeling=False,
    )


def engine(s):
    s.is_animal = True
    th = s.pick(
        [
            ("train", "a long load of toys", "the steep mountain", "puff, puff", "engines"),
            ("tugboat", "a huge ship", "the stormy bay", "chug, chug", "boats"),
            ("truck", "a load of bricks", "the muddy hill", "brum, brum", "trucks"),
            ("bus", "forty children", "the snowy hill", "honk, honk", "buses"),
            ("tractor", "a wagon of hay", "the wet field", "rattle, rattle", "tractors"),
            ("plane", "letters and gifts", "the high mountains", "whirr, whirr", "planes"),
        ]
    )
    female = s.chance(0.5)
    s.person(
        "",
        female,
        s.name(
            ["Rosie", "Molly", "Betsy", "Winnie", "Scout", "Bumble", "Pippin"]
            if female
            else ["Tuff", "Chuck", "Toot", "Rusty", "Ollie", "Scout", "Bumble"]
        ),
        th[0],
    )
    s.set(
        load=th[1],
        obst=th[2],
        sound=th[3],
        others=th[4],
        kin="driver",
        color=s.pick(["red", "blue", "green", "yellow", "orange"]),
    )
    s.like_done = "slept well in the warm shed"
    s.say(
        s.pick(
            [
                "Once upon a time, there was a little {color} {kind} named {N}.",
                "Once upon a time there was a little {color} {kind} named {N}.",
                "There once was a small {color} {kind} called {N}.",
                "Long ago, there was a little {color} {kind} named {N}.",
            ]
        )
    )
    s.say(
        "the other {others} were big and [strong|shiny], and they [laughed at|did not look at] {N}.",
        '"You are too [small|old|slow] for real work," they said.',
    )
    s.par()
    s.say(
        "<oneday>, {load} had to go across {obst}.".replace(
            "across", "over" if "mount" in th[2] or "hill" in th[2] else "across"
        ),
        '"I am too busy," said the first of the big {others}.',
        '"I am too [fine|tired|important] for that," said the second.',
        '"I will try," said {N}[ in a small voice|].',
    )
    s.say('"{sound}!" went {N}.', "the way was [long|hard], and the [rain|wind] blew into {his} face.")
    s.one_of(
        'in the middle, {he} almost stopped. "I must not give up. I can do it," {he} said.',
        (
            "{his} wheels [slipped|began to slip], but {he} did not give up."
            if th[0] not in ("tugboat", "plane")
            else "{he} was so tired, but {he} did not give up."
        ),
    )
    s.par()
    s.say(
        "[slowly, slowly|little by little], {N} went on.",
        "<atlast>, {he} [was there|had done it]!",
        "everyone [cheered|clapped] and [waved|threw hats in the air].",
        '"[Hooray|Three cheers] for {N}!" they [cried|called].',
    )
    s.closing(
        (
            "the big {others} never laughed at {N} again.",
            "{N} learned that it is the heart that makes you strong.",
            "<fromthen>, {N} was given the most important work of all.",
        ),
        feeling=False,
    )


def scarecrow(s):
    s.is_animal = True
    th = s.pick(
        [
            ("scarecrow", "in a corn field", "birds"),
            ("snowman", "in front of a farm", "children"),
            ("wooden soldier", "in a toy shop", "toys"),
            ("rag doll", "on a high shelf", "toys"),
            ("teddy bear", "in a shop window", "toys"),
            ("stone lion", "in front of a library", "children"),
        ]
    )
    s.person(
        "",
        s.chance(0.4),
        s.name(
            ["Patch", "Tatters", "Straw", "Button", "Woolly", "Barnaby", "Rags", "Jolly", "Buster", "Bonny"]
        ),
        th[0],
    )
    s.set(
        where=th[1],
        crowd=th[2],
        kin="farmer",
        small=s.pick(["mouse", "sparrow", "robin", "hedgehog", "kitten", "rabbit"]),
    )
    s.like_done = "listened to the wind and smiled"
    s.say(
        s.pick(
            [
                "Once upon a time, there was a {kind} named {N} who stood {where}.",
                "Once upon a time, a [lonely|quiet] {kind} named {N} stood {where}.",
                "There once was a {kind} named {N} who stood {where}.",
            ]
        )
    )
    s.say(
        "day after day, {he} [watched|saw] the {crowd}, but nobody ever talked to {him}.",
        '"I wish I had a friend," {he} [often thought|said to the moon].',
    )
    s.par()
    s.say(
        "one [cold|stormy|windy|rainy] night, a little {small} came to {him}.",
        '"I am so cold, and I have no place to sleep," said the {small}.',
        (
            '"You can sleep in my [pocket|arms|old coat]," said {N}.'
            if th[0] != "stone lion"
            else '"You can sleep between my paws," said {N}.'
        ),
        "the {small} [crept|climbed] in and [was soon warm|fell asleep].",
    )
    s.say("[all night long|all through the night], {N} kept the {small} warm.")
    s.maybe(0.5, "{he} told the {small} [stories|a story] about the [stars|moon|summer] in a soft voice.")
    s.par()
    s.say(
        (
            'in the morning, the {small} said, "You are the kindest {kind} in the world. I will tell everyone'
            ' about you."'
        ),
        "and that is what the {small} did.",
        "the next day, [three|five|two] more came, and the day after that, there were ten.",
        "they [sang|danced|played] around {N} and brought {him} [flowers|leaves|a new hat|a red scarf].",
    )
    s.closing(
        (
            "{N} was never lonely again.",
            "{N} had wished for one friend, and now {he} had many.",
            "and {N} learned that one kind deed can bring many friends.",
        ),
        feeling=False,
    )


def balloon(s):
    s.hero(0.15)
    s.intro(0)
    s.set(
        color=s.pick(["red", "blue", "yellow", "green", "purple", "orange", "pink"]),
        giver=s.pick(
            ["at the fair", "at the market", "from {his} {kin}", "for {his} birthday", "at the zoo"]
        ),
    )
    s.say(
        "<oneday>, {N} got a big {color} balloon {giver}.",
        "{he} held the string [tight|tightly] and walked [proudly |]down the street.",
        "but a [bee|gust of wind|big dog] came, and {N} let go.",
        "the balloon [rose|flew] up, over the [roofs|trees|houses].",
    )
    s.par()
    s.say(
        '"Come back!" cried {N}.',
        "{he} ran after the balloon, past the [church|school|mill] and over the [bridge|field|hill].",
        "but it [flew higher and higher|grew smaller and smaller] until it was only a {color} dot.",
        "{N} sat down and [cried|was <sad>].",
    )
    s.par()
    end = s.chance(0.5)
    if end:
        s.animal("2", s.pick(["dog", "cat"]))
        s.set(kid2=s.pick(["girl", "boy"]))
        s.say(
            (
                "far away, on the other side of the [hill|river], a [sick|lonely|sad] {kid2} looked out of"
                " the window."
            ),
            "the {color} balloon came [slowly |]down, right into {his5} garden.".replace(
                "{his5}", "her" if s.v["kid2"] == "girl" else "his"
            ),
            "for the first time in [weeks|a long time], the {kid2} smiled.",
            "when {N} came [running|along], {he} saw the [smile|happy {kid2}] and stopped.",
            '"Is this your balloon?" asked the {kid2}.',
            '"It was, but now it is yours," said {N}.',
        )
        s.say("then they played together in the garden.")
        s.closing(
            (
                "{N} had lost a balloon, but {he} had found a friend.",
                "<fromthen>, {N} visited the {kid2} every [week|day].",
            )
        )
    else:
        s.set(bird=s.pick(["crow", "swallow", "stork", "gull", "magpie", "wild goose"]))
        s.say(
            "a {bird} saw that {N} was sad.",
            '"I can fly as high as your balloon," said the {bird}.',
            "the {bird} [spread its wings and|] flew up into the sky.",
            "it took the string in its beak and [brought|pulled] the balloon down again.",
            (
                '"<thanks>!" cried {N}, and {he} gave the {bird} [half of {his} bun|some bread|a handful of'
                " seeds]."
            ),
        )
        s.closing(
            (
                "this time, {N} tied the string around {his} [wrist|arm].",
                "<fromthen>, the {bird} came to see {N} every day.",
            )
        )
