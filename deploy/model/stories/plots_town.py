"""Plots of school, stage and neighbors."""

from . import words as W


def learn_skill(s):
    s.hero(0.25)
    s.friend()
    s.intro(0.4)
    sk = s.pick(
        [
            ("ride a bike", "fell off", "the bike", "rode down the street", "at the park"),
            ("swim", "swallowed water", "the water", "swam across the pond", "at the pond"),
            ("skate", "fell on the ice", "the ice", "skated around the lake", "on the frozen lake"),
            ("whistle", "only blew air", "a song", "whistled a whole song", "in the garden"),
            ("jump rope", "caught {his} foot in the rope", "the rope", "jumped twenty times", "in the yard"),
            ("play the violin", "made an awful sound", "the violin", "played a sweet song", "by the window"),
            ("ski", "fell into the snow", "the hill", "went down the whole hill", "on the white hill"),
            ("tie a bow", "made a big knot", "the string", "tied a perfect bow", "on the steps"),
            ("juggle", "dropped all the balls", "the balls", "kept three balls in the air", "in the yard"),
            (
                "stand on {his} hands",
                "fell over",
                "the grass",
                "stood on {his} hands and counted to ten",
                "in the meadow",
            ),
            ("row a boat", "went around in a circle", "the boat", "rowed across the lake", "on the lake"),
            (
                "throw a ball into a basket",
                "missed",
                "the ball",
                "threw the ball right into the basket",
                "in the yard",
            ),
        ]
    )
    s.set(
        skill=sk[0],
        fail=sk[1],
        obj=sk[2],
        win=sk[3],
        where=sk[4],
        when="one winter day" if sk[0] in ("skate", "ski") else "<oneday>",
    )
    s.say(
        "more than anything, {N} wanted to {skill}.",
        "{when}, {he} tried it {where}, but {he} {fail}.",
        "{he} tried again, and again {he} {fail}.",
    )
    s.maybe(0.5, "some [other|big] children laughed." if not s.is_animal else "some crows in a tree laughed.")
    s.par()
    s.say(
        '"I [will never|cannot] learn it," {N} said [sadly|with a sigh].',
        "{friend} came and sat down [next to|beside] {him}.",
    )
    s.one_of(
        '"I could not do it at first, either," said {N2}. "You must try a little every day."',
        '"Nobody can do it the first time," said {N2}. "I will help you."',
        '"Go slowly, and do not be afraid," said {N2}. "I will stay with you."',
    )
    s.say("so {N} practiced every [day|morning|afternoon].")
    s.one_of(
        "on the first day, {he} {fail}. On the second day, it was a little better.",
        "some days were [hard|bad], and some days were [good|better], but {he} did not give up.",
        "{N2} held {his} hand and [cheered|clapped] each time.",
    )
    s.par()
    s.say(
        "<atlast>, one [fine|bright] [day|morning], {N} {win}!",
        '"I can do it! I can {skill}!" {he} [cried|shouted|called].',
        "{N2} <cheer>.",
    )
    s.closing(
        (
            "{N} learned that you can do [hard|difficult] things if you do not give up.",
            "<fromthen>, {N} helped others who wanted to {skill}.",
            "and now {N} could {skill} every day.",
        )
    )


def stage_fright(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.4)
    act = s.pick(
        [
            ("sing", "sang", "song", "voice"),
            ("dance", "danced", "dance", "feet"),
            ("play the flute", "played", "tune", "hands"),
            ("tell a story", "told", "story", "voice"),
            ("say a poem", "said", "poem", "voice"),
            ("play the drum", "played", "drum song", "hands"),
        ]
    )
    s.set(act=act[0], acted=act[1], piece=act[2], part=act[3])
    s.set(
        event=s.pick(
            [
                "the spring fair",
                "the school show",
                "the village feast",
                "the summer party",
                "the harvest feast",
                "the winter show",
            ]
        )
    )
    s.say(
        "<oneday>, {N} was asked to {act} at {event}.",
        "{he} practiced [every day|for a week|in {his} room] until {he} knew the whole {piece} by heart.",
    )
    s.par()
    s.say(
        "but when the day came, [many|so many|a hundred] eyes looked at {N}.",
        "{his} {part} [began to shake|shook], and {he} forgot how to begin.",
        '"I cannot do it," {he} whispered and ran behind the [curtain|stage].',
    )
    s.say("there, {friend} found {him}.")
    s.one_of(
        '"Just look at me," said {N2}. "Then it is like at home."',
        '"Take a deep breath and count to three," said {N2}.',
        '"I will stand [next to|beside] you," said {N2}. "We are brave together."',
    )
    s.par()
    s.say(
        "{N} [nodded|took a deep breath|held {N2}'s hand for a moment] and went back.",
        (
            "{he} looked at {N2} and began."
            if act[2] not in ("story", "poem")
            else "{he} looked at {N2} and said the first word."
        ),
    )
    s.one_of(
        "at first, it was very [quiet|soft], but then it [grew|became] stronger and stronger.",
        "soon, {N} forgot [all the eyes|that {he} was afraid].",
    )
    s.say(
        (
            "when the {piece} was over, [everyone|the whole crowd] [clapped and cheered|clapped for a long"
            " time]."
        ),
        '"That was [wonderful|beautiful]!" said {his} {kin}.',
    )
    s.say('"I could do it because of you," {N} said to {N2}.')
    s.closing(
        (
            "{N} learned that being brave means to do it even when you are afraid.",
            "<fromthen>, {N} was not so shy anymore.",
            "the next year, {N} and {N2} [did it|stood there] together.",
        )
    )


def gray_town(s):
    s.hero(0.15)
    s.friend()
    s.intro()
    c = s.distinct(["red", "blue", "green", "yellow", "orange", "purple", "pink"], 3)
    s.set(
        c1=c[0],
        c2=c[1],
        c3=c[2],
        thing=s.pick(["wall", "old fence", "bridge", "tower", "school", "train station"]),
    )
    s.say(
        "the place where {N} lived was [gray|very gray].",
        "the houses were gray, the streets were gray, and [even the sky was gray|nobody smiled].",
        "<oneday>, {N} found [a box of paints|three pots of paint] [in the attic|in the shed|at the market].",
    )
    s.par()
    s.say(
        "{he} looked at the gray {thing} and had an idea.",
        "{he} took a brush and painted [a big sun|a tree full of birds|a field of flowers|a rainbow] on it.",
        '"What are you doing?" asked [an old man|a tall woman|the mayor] [angrily|with a frown].',
        '"I am making it [beautiful|bright|happy]," said {N}.',
    )
    s.one_of(
        '"Gray was good enough," [came the answer|was the answer], and {N} felt <sad>.',
        "nobody helped {him}, but {N} went on.",
    )
    s.par()
    s.say(
        'then {friend} came and [took a brush, too|asked, "May I help?"].',
        "{N} painted with {c1}, and {N2} painted with {c2}.",
        (
            "<soon>, [another child|a neighbor|the baker] came, and then another, and they all"
            " [painted|wanted to help]."
        ),
    )
    s.say(
        "[in the evening|when the sun went down], the {thing} was {c1}, {c2}, and {c3}.",
        "people stopped and smiled.",
    )
    s.one_of(
        'even the [grumpy ones|people who had been angry] smiled. "It is wonderful," [they|they all] said.',
        '"Can you paint my door, too?" asked [the baker|the teacher|a neighbor].',
    )
    s.closing(
        (
            "<fromthen>, the town was full of color.",
            "{N} learned that one small brush can change a whole town.",
            "and nobody ever called it a gray town again.",
        )
    )


def first_day(s):
    s.hero(0.3)
    s.friend()
    s.intro(0)
    s.set(lunch=s.pick(["sandwich", "apple", "pear", "bun", "banana", "pie"]))
    s.say(
        "it was {N}'s first day at school.",
        (
            "{his} bag was new, and {his} [shoes|boots|pencils] were new, too."
            if not s.is_animal
            else "{his} bag was new, and {his} pencils were new, too."
        ),
        "but {N} was <afraid>.",
        '"What if nobody [likes|talks to|plays with] me?" {he} asked {his} {kin}.',
        '"Just [smile|be yourself|be kind], and you will see," said {his} {kin}.',
    )
    s.par()
    s.say(
        "[in the classroom|at school], everyone was loud and busy.",
        (
            "{N} sat down in the [last row|corner|back] and looked at {his} hands."
            if not s.is_animal
            else "{N} sat down in the [last row|corner|back] and looked at the floor."
        ),
    )
    s.one_of(
        (
            "at noon, {N} saw a {kind2} who was crying.",
            "it was {N2}.",
            "{he2} had forgotten {his2} lunch.",
            "{N} broke {his} {lunch} in two and gave half to {N2}.",
        ),
        (
            "then {N} saw a {kind2} who sat alone, too.",
            "{his2} name was {N2}, and {he2} had no pencil.",
            "{N} gave {him2} {his} [best|second|new] pencil.",
        ),
        (
            "on the playground, a {kind2} named {N2} fell down and hurt {his2} knee.",
            "{N} helped {him2} up and [washed|cleaned] the knee with [cool|clean] water.",
        ),
    )
    s.say('"<thanks>," said {N2}. "I am new here. Are you new, too?"', "{N} nodded and smiled.")
    s.par()
    s.say(
        "after that, they sat together.",
        (
            "they [learned|sang] a [new|funny] song, [drew a big tree|counted to twenty|wrote their names],"
            " and [laughed a lot|played in the yard]."
        ),
    )
    s.say(
        "when school was over, {N} ran to {his} {kin}.",
        '"I have a friend! {His2} name is {N2}!" {he} [cried|called].',
    )
    s.closing(
        (
            "the next [day|morning], {N} could not wait to go to school.",
            "{N} was not afraid anymore.",
            "{N} learned that one kind act can make a friend.",
        )
    )


def quilt(s):
    s.hero(0.15)
    s.intro(0)
    s.elder("3")
    s.set(season=s.pick(["cold winter", "hard winter", "long winter", "snowy winter"]))
    c = s.distinct(W.COLORS, 3)
    s.set(c1=c[0], c2=c[1], c3=c[2])
    s.say(
        "next door lived an old {kind3} named {N3}.",
        "it was a {season}, and {N3} had only one [thin|old] blanket.",
        '"{He3} must be very cold," thought {N}.',
    )
    s.par()
    s.say(
        "{N} had no money for a [new|warm] blanket, but {he} had an idea.",
        "{he} went from house to house and asked for [old cloth|a small piece of cloth].",
        "one neighbor gave {him} a piece of {c1} cloth, and another gave {him} a {c2} one.",
        "{his} {kin} gave {him} a {c3} one[ from an old coat|].",
    )
    s.say("{N} sewed all the pieces together.")
    s.maybe(0.6, "{he} pricked {his} finger [once|many times], but {he} did not stop.")
    s.say("[it took|the work took] [a whole week|five days|many evenings].")
    s.par()
    s.say(
        "<atlast>, it was done: a [big|thick|warm] blanket in {c1}, {c2}, and {c3}.",
        "{N} knocked on the door and gave it to {N3}.",
    )
    s.one_of(
        (
            '{N3} had tears in {his3} eyes. "It is the [warmest|most beautiful] blanket in the world," {he3}'
            " said."
        ),
        '"Did you make this for me?" asked {N3}. {N} nodded, and {N3} <hug> {him}.',
    )
    s.say("then {he3} made [tea|hot milk] and told {N} [stories|an old story] by the fire.")
    s.closing(
        (
            "<fromthen>, {N} visited {N3} every [week|Sunday|day].",
            "and {N3} was never cold again.",
            "{N} learned that many small pieces can make something big.",
        )
    )


def gift_of_time(s):
    s.hero(0.2)
    s.intro(0)
    s.elder("3")
    task = s.pick(
        [
            ("chop wood", "chopped the wood", "a pile of wood"),
            ("rake the leaves", "raked the leaves", "a yard full of leaves"),
            ("shovel the snow", "shoveled the snow", "a path full of snow"),
            ("carry water", "carried the water", "a heavy bucket"),
            ("pick the apples", "picked the apples", "a tree full of apples"),
            ("paint the fence", "painted the fence", "a long gray fence"),
            ("feed the hens", "fed the hens", "twelve hungry hens"),
            ("carry the bags", "carried the bags", "two heavy bags"),
        ]
    )
    s.set(
        task=task[0],
        done=task[1],
        sight=task[2],
        play=s.pick(
            {
                "shovel the snow": ["ride {his} sled", "build a snowman"],
                "rake the leaves": ["fly {his} kite", "climb trees"],
            }.get(task[0], ["play ball", "go fishing", "fly {his} kite", "go swimming", "climb trees"])
        ),
    )
    s.say(
        "one [day|morning|afternoon], {N} was on the way to {play}.",
        (
            "then {he} saw {N3}, an old {kind3} who lived [next door|down the road|in the last house], in"
            " front of {sight}."
        ),
        "{N3} was tired and held {his3} back.",
    )
    s.par()
    s.one_of(
        "{N} wanted to go on, but {his} feet stopped.",
        '"If I stay, I will miss the fun," thought {N}. But {he} could not just walk by.',
    )
    s.say(
        '"Can I help you to {task}?" {he} asked.',
        '"That would be [so |very ]kind," said {N3}.',
        "so {N} {done}, and {he} worked [until noon|for two hours|until {he} was hot and tired].",
        "{N3} told {him} about the time when {he3} was [young|a child], and they laughed a lot.",
    )
    s.par()
    s.say(
        (
            "when the work was done, {N3} went into the house and came back with [a plate of pancakes|a warm"
            " apple pie|a jar of honey]."
        ),
        '"This is for you," {he3} said. "And this, too."',
    )
    s.one_of(
        'it was {his3} old [drum|flute|sled|telescope|fishing rod]. "I am too old for it now," said {N3}.',
        (
            'it was a [compass|box of colors|book of stories] from far away. "A friend should have it," said'
            " {N3}."
        ),
    )
    s.say("{N} [thanked {him3} again and again|could not believe it].")
    s.closing(
        (
            "<fromthen>, {N} helped {N3} every [Saturday|week].",
            "{N} had missed a game, but {he} had found a friend.",
            "{N} learned that helping can be more fun than playing.",
        )
    )


def clock_song(s):
    s.hero(0.1)
    s.intro(0)
    s.elder("3")
    th = s.pick(
        [
            (
                "the big clock on the tower",
                "clock",
                "the time",
                "a mouse had built a nest in the wheels",
                "tick, tock",
            ),
            (
                "the old bell of the village",
                "bell",
                "when to eat",
                "a bee's nest hung inside it",
                "ding, dong",
            ),
            (
                "the mill by the river",
                "mill",
                "where to get flour",
                "a fat log was stuck in the wheel",
                "clip, clap",
            ),
            (
                "the merry-go-round in the park",
                "merry-go-round",
                "how to have fun",
                "a bird had put sticks between the wheels",
                "la, la, la",
            ),
            (
                "the music organ at the market",
                "organ",
                "how to dance",
                "a sock was stuck in the biggest pipe",
                "tra, la, la",
            ),
            (
                "the fountain in the square",
                "fountain",
                "where to drink",
                "a round stone was stuck in the pipe",
                "splish, splash",
            ),
        ]
    )
    s.set(th=th[0], thn=th[1], cause=th[3], sound=th[4], job=s.pick(["clever", "strong", "famous"]))
    s.say(
        "everyone loved {th}.",
        "but <oneday>, it stopped.",
        'there was no "{sound}" anymore, and the whole place was [sad|quiet].',
        '"Who can make the {thn} work again?" they asked.',
    )
    s.par()
    s.say(
        "a {job} man came with [a big hammer|many tools], but he could not do it.",
        "then {N3} came, who [was very old|knew many things], but {he3} could not do it, either.",
    )
    s.say(
        '"May I try?" asked {N}.',
        '"You are only a {kind}," [some|they] said, but {N3} said, "Let {him} try."',
        "{N} [went|climbed] up close and did not touch anything.",
        "{he} only looked and listened.",
    )
    s.par()
    s.say(
        "then {he} saw it: {cause}!",
        "very [carefully|gently], {N} took it out"
        + (" and put it in a safe place." if any((w in th[3] for w in ("mouse", "bee", "bird"))) else "."),
        '"{sound}!" went the {thn}.',
        "everyone [cheered|clapped|danced].",
        '"How did you know what to do?" asked {N3}.',
        '"I [just looked closely|took my time]," said {N}.',
    )
    s.closing(
        (
            "<fromthen>, {N} took care of the {thn}.",
            "{N} learned that quiet eyes see the most.",
            "and when the {thn} [sang|sounded], everyone thought of {N}.",
        )
    )
