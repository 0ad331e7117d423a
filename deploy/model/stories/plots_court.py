"""Plots at the court of a king or queen."""


def king_contest(s):
    s.hero(0.15)
    s.intro(0)
    ruler = s.pick([("king", "he", "his"), ("queen", "she", "her")])
    s.set(ruler=ruler[0], rhe=ruler[1], rhis=ruler[2])
    task = s.pick(
        [
            ("had not laughed for a year", "Whoever makes me laugh shall have a bag of gold", "laugh"),
            ("could not sleep", "Whoever helps me to sleep shall have a bag of gold", "sleep"),
            ("had lost {rhis} crown", "Whoever finds my crown shall have a wish", "crown"),
            ("was always bored", "Whoever brings me the most precious thing shall have a wish", "precious"),
        ]
    )
    s.set(
        task=task[0],
        prize=task[1],
        gift=s.pick(
            [
                "glass of cool water",
                "little flower in a pot",
                "small loaf of bread",
                "little apple tree in a pot",
            ]
        ),
    )
    s.say("in that land, there was a {ruler} who {task}.", '"{prize}," said the {ruler}.')
    s.par()
    if task[2] == "laugh":
        s.say(
            "clowns came, and dancers came, but the {ruler} [only yawned|did not laugh].",
            (
                "{N} went to the castle, too, but {he} was so nervous that {he} [slipped|fell over {his} own"
                " feet] at the door."
            ),
            "[a cake flew|a pie flew] through the air and landed on the {ruler}'s head.",
            "it was very quiet.",
            "everyone was <afraid>.",
        )
        s.par()
        s.say(
            (
                "then the {ruler} began to [giggle|smile], and then {rhe} laughed until tears ran down {rhis}"
                " face."
            ),
            '"[That was the funniest thing I have ever seen|That was wonderful]!" {rhe} said.',
        )
    elif task[2] == "sleep":
        s.say(
            (
                "doctors came with [bitter drinks|strange powders], and musicians came with [loud"
                " drums|trumpets], but nothing helped."
            ),
            "{N} went to the castle with nothing but a [book|story|warm cup of milk].",
            '"What can you do?" asked the guard and laughed.',
            (
                "{N} sat down by the {ruler}'s bed and [told a long, soft story|sang the song that {his}"
                " {kin} always sang]."
            ),
        )
        s.par()
        s.say(
            "the {ruler} [yawned|closed {rhis} eyes], and soon, {rhe} was fast asleep.",
            "{rhe} slept for [two days|a whole night and a whole day].",
            '"I have never slept so well," {rhe} said in the morning.',
        )
    elif task[2] == "crown":
        s.say(
            "knights rode over the mountains, and sailors sailed over the sea, but nobody found it.",
            '{N} asked only one question. "Where did you have it last?"',
            '"In the [garden|bath|kitchen]," said the {ruler}.',
            "so {N} looked [closely|carefully] there, and {he} heard a [chirp|peep].",
        )
        s.par()
        s.say(
            "a [little bird|robin|sparrow] had built a nest in the crown!",
            '"Please let the bird keep it until the eggs hatch," said {N}.',
            'the {ruler} looked at the tiny eggs and smiled. "You are right," {rhe} said.',
        )
    else:
        s.say(
            "rich people brought gold, silks, and diamonds, but the {ruler} [only yawned|shook {rhis} head].",
            "{N} had no gold.",
            "{he} brought a {gift}.",
            "the rich people laughed.",
        )
        s.par()
        s.say(
            (
                '"It must be cared for every day," said {N}. "Then it makes you happy every day."'
                if s.v["gift"].startswith("little")
                else '"It is the thing that you would miss the most if you did not have it," said {N}.'
            ),
            (
                'the {ruler} [was quiet for a long time|thought for a long time]. "That is true," {rhe} said'
                " at last."
            ),
        )
    if "wish" in task[1]:
        s.one_of(
            (
                '"What is your wish?" asked the {ruler}. "A [warm house|garden] for [everyone|all the poor],"'
                " said {N}."
            ),
            '"What is your wish?" asked the {ruler}. "I wish for a big feast for everyone," said {N}.',
        )
    else:
        s.one_of(
            "{N} shared the gold with [all {his} neighbors|everyone in the village].",
            "with the gold, {N} [built a school|bought bread for everyone|gave a big feast].",
        )
    s.closing(
        (
            "and the {ruler} and {N} became good friends.",
            "the whole land was happy, and so was {N}.",
            "{N} learned that the best ideas are often simple.",
        )
    )
