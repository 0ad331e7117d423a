"""Plots of animals among themselves."""

from . import words as W


def food_thief(s):
    s.at_home = True
    s.hero(0.25)
    s.intro(0)
    s.animal("2", s.pick(["mouse", "hedgehog", "raccoon", "squirrel", "rabbit", "fox"]))
    food, fn, it, bit = s.pick([f for f in W.FOODS if f[2] == "them"])
    if s.v["kind"] == s.v["kind2"]:
        s.animal("2", "mole")
    s.set(food=food, fn=fn, bit=bit)
    s.say(
        "<oneday>, {N} put {food} on the [kitchen table|window sill|porch].",
        "the next morning, some of the {fn} were gone.",
        '"Who took my {fn}?" {he} [asked|wondered].',
        "the next night, it happened again.",
    )
    s.par()
    s.say("{N} wanted to find the thief.")
    s.one_of(
        (
            "{he} put flour on the floor and went to bed.",
            (
                "in the morning, there were [tiny|small|little] footprints [in the flour|all the way to the"
                " door]."
            ),
        ),
        (
            "{he} hid behind the [curtain|door] and waited in the dark.",
            "the clock [struck|said] twelve, and {he} heard [soft|tiny] steps.",
        ),
        (
            "{he} tied a [small|little] bell to the bowl and waited.",
            "in the middle of the night, the bell rang.",
        ),
    )
    s.say(
        "{he} looked [quietly|with a candle in {his} hand], and there was a {kind2}!",
        (
            '"Please do not be angry," said the {kind2}. "My name is {N2}. [My babies are|I was] so hungry,'
            ' and [it is cold outside|I found nothing to eat]."'
        ),
    )
    s.par()
    s.say(
        "{N} was not angry anymore.",
        '"You do not have to steal," {he} said <kindly>. "You can just ask."',
        (
            "{he} gave the {kind2} {bit} and [a bowl of milk|a warm place by the fire|a little basket to take"
            " home]."
        ),
        '"<thanks>," said {N2}.',
    )
    s.say(
        "the next day, {N2} came back with [a bag of berries|wild strawberries|a flower|a shiny stone] for"
        " {N}."
    )
    s.closing(
        (
            "<fromthen>, {N} [and {N2} ate together|put a little plate for {N2} by the door] every evening.",
            "{N} learned that a thief is sometimes only hungry.",
            "and so, the little thief became a good friend.",
        )
    )


def small_helper(s):
    """A big animal spares or saves a small one, which repays it."""
    big = s.pick(
        [
            ("bear", 1),
            ("lion", 0),
            ("elephant", 0),
            ("wolf", 0),
            ("tiger", 0),
            ("fox", 1),
            ("deer", 1),
            ("eagle", 0),
        ]
    )[0]
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
    s.say(
        "all the animals were [a little |]<afraid> of {him}.",
        (
            "<oneday>, {N} was [asleep|resting] in the shade when a little {kind2} [ran|landed|fell] on {his}"
            " nose."
        ),
        "{N} woke up and caught the {kind2}.",
    )
    s.par()
    s.say('"Please let me go," said the {kind2}. "I am {N2}. One day, I will help you, too."')
    s.one_of(
        '{N} laughed. "How can someone so small help me?" {he} said. But {he} let {him2} go.',
        (
            "{N} laughed out loud, but {he} had a good heart, so {he} opened {his} [paw|big paws] and let"
            " {him2} go."
            if big != "eagle"
            else "{N} laughed out loud, but {he} had a good heart and let {him2} go."
        ),
    )
    s.maybe(0.5, '"I will not forget it," said {N2} and [hurried|went] away.')
    s.par()
    gnaw = small in ("mouse", "mole", "cricket", "beetle", "ant")
    if gnaw:
        s.say(
            "some [days|weeks] later, {N} was caught in a [hunter's net|net|trap of ropes].",
            "{he} pulled and [roared|cried], but the ropes were too strong.",
            "{N2} heard {him} and came [running|as fast as {he2} could].",
            "bite by bite, the little {kind2} chewed through the ropes.",
        )
        s.maybe(0.4, "it took [the whole night|a long time], but {he2} did not stop.")
        s.say("<atlast>, {N} was free!")
    else:
        s.say(
            "some [days|weeks] later, {N} was lost in a thick fog.",
            "{he} could not see {his} own [feet|nose], and the cliff was [near|very near].",
            '"Stop! Do not take another step!" called a small voice.',
            "it was {N2}!",
            'the little {kind2} [went|led the way] in front and called, "This way! This way!"',
            "step by step, {N2} led {N} home.",
        )
    s.say('"You were right," said {N}. "<thanks>, little friend."')
    s.closing(
        (
            "<fromthen>, the {kind} and the {kind2} were best friends.",
            "{N} learned that no one is too small to help.",
            "and {N} never laughed at small animals again.",
        ),
        feeling=False,
    )


def winter_store(s):
    a = s.pick(["squirrel", "mouse", "hamster", "badger", "mole", "beaver"])
    b = s.pick(["grasshopper", "rabbit", "fox", "frog", "cricket", "sparrow", "hare"])
    s.is_animal = True
    s.creature("", a)
    s.creature("2", b)
    s.set(
        site=s.pick(W.WOOD_SITES),
        village=s.pick(["green forest", "big forest", "valley", "meadow"]),
        kin="mother",
        home=W.ANIMALS[a][0],
    )
    s.like_done = "told a story by the fire"
    s.set(
        store=s.pick(["nuts", "seeds", "dried apples", "roots", "corn", "berries", "acorns"]),
        fun=s.pick(
            [
                "played the fiddle",
                "danced in the sun",
                "slept in the grass",
                "sang all day",
                "swam in the pond",
                "chased butterflies",
            ]
        ),
    )
    s.opening("a [busy|careful|hard-working] {kind} named {N}")
    s.say(
        "{his} neighbor was a {kind2} named {N2}.",
        "all summer long, {N} gathered {store} for the winter.",
        "{N2} only {fun}.",
    )
    s.par()
    s.say(
        '"Come and play with me!" called {N2}.',
        '"I have to get ready for the winter," said {N}. "You should do that, too."',
        'but {N2} laughed. "Winter is far away," {he2} said.',
    )
    s.say(
        "then the leaves fell, and the [first snow came|cold wind blew|snow began to fall].",
        "{N2} was cold and hungry.",
        "{he2} <look> under the snow, but there was nothing [to eat|left].",
    )
    s.par()
    s.say(
        "one [dark|cold|stormy] evening, {he2} knocked on {N}'s door.",
        '"You were right," {he2} said in a small voice. "I am sorry that I laughed."',
    )
    s.one_of(
        (
            '{N} [saw how {he2} shook|looked at {him2}] and opened the door wide. "Come in. There is enough'
            ' for two," {he} said.'
        ),
        '"Come in and get warm," said {N}. "I have enough {store} for both of us."',
    )
    s.say("they ate {store} by the fire, and {N2} [played music|sang songs|told funny stories] for {N}.")
    s.maybe(0.6, '"I never knew that winter could be [so merry|such fun]," said {N}.')
    s.closing(
        (
            "when summer came again, {N2} worked, and {N} played a little, too.",
            "the next summer, they gathered {store} together and played together.",
            "{N2} learned to work, and {N} learned to play.",
        ),
        feeling=False,
    )


def bridge_quarrel(s):
    s.is_animal = True
    a = s.pick(["goat", "bear", "donkey", "pig", "deer", "badger", "cow", "ram"])
    b = s.pick(["goat", "fox", "sheep", "dog", "pony", "goose", "boar", "raccoon"])
    if a == b:
        b = "sheep"
    s.creature("", a)
    s.creature("2", b)
    s.set(
        site=s.pick(W.WOOD_SITES),
        village=s.pick(["green valley", "valley", "quiet valley", "deep valley"]),
        kin="mother",
        load=s.pick(
            ["a sack of corn", "a basket of plums", "a heavy bag", "a bundle of hay", "a pot of soup"]
        ),
    )
    s.set(theload="the " + s.v["load"][2:])
    s.like_done = "laughed about the bridge"
    s.opening("a [stubborn|proud|strong] {kind} named {N}")
    s.say(
        "<oneday>, {N} had to cross a narrow bridge over a [deep|wild|cold] river.",
        "{he} carried {load}.",
        "in the middle of the bridge, {he} met a {kind2} named {N2}.",
    )
    s.par()
    s.say(
        '"Go back! I was here first," said {N}.',
        '"No, you go back! I am in a hurry," said {N2}.',
        (
            "they [stood nose to nose|looked at each other angrily|stamped their feet], and [neither|neither"
            " of them] wanted to go back."
        ),
    )
    s.one_of(
        (
            "they pushed and pushed until the old bridge began to [crack|shake].",
            '"Stop! We will both fall in!" cried {N2}.',
        ),
        (
            "the sun went down, and they still stood there.",
            "it grew [cold|dark], and both were [tired|hungry].",
        ),
        (
            "they pushed, and splash! Both fell into the cold water.",
            "they [swam to the bank|climbed out] and were wet from head to [foot|tail].",
        ),
    )
    s.par()
    if s.chance(0.5):
        s.say(
            'then a [little turtle|small frog|wise old owl|snail] who had seen everything said, "[If one of'
            ' you waits, both of you can cross|The first to be kind is the winner]."'
        )
    else:
        s.say('<atlast>, {N} [sighed|thought about it]. "This is silly," {he} said.')
    s.one_of(
        (
            '"You go first," said {N}.',
            '"No, please, you go first," said {N2}.',
            "then they both had to laugh.",
        ),
        (
            "{N} lay down, and {N2} [stepped|climbed] carefully over {him}.",
            '"<thanks>," said {N2}. "That was [very |]kind."',
        ),
    )
    s.say("{N2} even helped {N} to carry {theload} home.")
    s.maybe(0.4, "they [ate supper|had a good meal] together.")
    s.closing(
        (
            "<fromthen>, they always let each other go first.",
            "they learned that it is better to be kind than to be first.",
            "later, they built a wider bridge together, and there was room for everyone.",
        ),
        feeling=False,
    )


def race(s):
    s.is_animal = True
    fast = s.pick(["hare", "fox", "deer", "pony", "cat", "dog", "squirrel", "ostrich"])
    slow = s.pick(["turtle", "snail", "hedgehog", "mole", "duck", "frog", "piglet", "caterpillar"])
    s.creature("", slow)
    s.creature("2", fast)
    s.set(
        site=s.pick(W.WOOD_SITES),
        village=s.pick(["green forest", "meadow", "big forest", "valley"]),
        kin="mother",
        goal=s.pick(
            [
                "the old mill",
                "the big oak tree",
                "the lake",
                "the end of the field",
                "the top of the hill",
                "the stone bridge",
            ]
        ),
    )
    s.like_done = "danced with all the others"
    s.opening("a {kind} named {N}")
    s.say(
        "{he} was slow, but {he} never gave up.",
        "{his} neighbor {N2} the {kind2} was very fast.",
        '"Nobody is as fast as I am!" {N2} [said again and again|always said|said proudly].',
    )
    s.par()
    s.say(
        '<oneday>, {N} said, "Let us have a race to {goal}."',
        '{N2} laughed. "[That will be easy|I will win before you take ten steps]," {he2} said.',
        '"Ready, set, go!" [called|cried] the [owl|frog|crow|badger].',
        "{N2} was soon [far ahead|out of sight].",
    )
    s.one_of(
        (
            '"I have so much time," {he2} thought, and {he2} lay down [under a tree|in the grass] and fell'
            " asleep."
        ),
        (
            "{he2} stopped to [eat berries|look at {himself2} in the pond|pick flowers|talk to a friend] and"
            " forgot the time."
        ),
        "{he2} looked back to laugh at {N} and [ran into a bush full of thorns|fell into the mud].",
    )
    s.par()
    s.say(
        "{N} went on, [step by step|slowly but surely|little by little].",
        "{he} did not stop [once|to rest|to look around].",
        "when {N2} looked up, {N} was already [near|at] {goal}.",
        "{N2} ran as fast as {he2} could, but it was too late.",
        "{N} had won!",
    )
    s.say("all the animals [cheered|clapped and cheered].", '"I am sorry that I laughed at you," said {N2}.')
    s.one_of(
        '"That is all right," said {N}. "Let us go home together, but slowly, please."',
        '"I forgive you," said {N}, and they were friends again.',
    )
    s.closing(
        (
            "and {N2} never [bragged|boasted] again.",
            "{N2} learned that it is not enough to be fast.",
            "everyone learned that slow and steady wins the race.",
        ),
        feeling=False,
    )
