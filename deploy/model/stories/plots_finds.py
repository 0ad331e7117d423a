"""Plots of things lost, found and learned."""

from . import words as W


def market_errand(s):
    s.hero(0.2)
    s.intro(0)
    s.elder("3")
    buy = s.pick(
        [
            ("eggs", "the eggs"),
            ("milk", "the milk"),
            ("bread", "the bread"),
            ("flour", "the flour"),
            ("fish", "the fish"),
            ("butter", "the butter"),
            ("apples", "the apples"),
            ("tea", "the tea"),
        ]
    )
    s.set(
        buy=buy[0],
        thebuy=buy[1],
        coin=s.pick(["a silver coin", "three coins", "a gold coin", "two coins", "five pennies"]),
    )
    it = "it" if s.v["coin"].startswith("a ") else "them"
    s.set(it=it, was="was" if it == "it" else "were", coins=s.v["coin"].split()[-1])
    s.say(
        '<oneday>, {his} {kin} gave {him} {coin} and said, "Please go to the market and buy {buy}."',
        "{N} was proud and [put {it} in {his} pocket|held {it} tight].",
        "{he} [sang|skipped|hopped] along the road.",
    )
    s.par()
    s.say(
        "but when {he} came to the market, the {coins} {was} gone!",
        "there was a hole in {his} [pocket|bag].",
        '{N} was <sad>. "What will my {kin} say?" {he} thought.',
    )
    s.say("{he} walked back and looked [under every bush|at every stone|in the grass along the road].")
    s.one_of(
        "the coin was nowhere to be seen." if it == "it" else "the coins were nowhere to be seen.",
        "it was getting late, and {he} found nothing.",
    )
    s.par()
    s.one_of(
        (
            "then {he} met {N3}, an old {kind3} with a heavy basket.",
            "{N} was sad, but {he} carried the basket all the way to the {kind3}'s house.",
            (
                '"You are a kind {kind}. Here is {buy} for your {kin}," said {N3}.'
                if buy[0] not in ("eggs", "apples")
                else '"You are a kind {kind}. Here are {buy} for your {kin}," said {N3}.'
            ),
            "and what was in the basket, under a cabbage? {Coin}! {N3} had found {it} on the road.".replace(
                "{Coin}", s.v["coin"].capitalize()
            ),
        ),
        (
            "then {he} met {N3}, the [miller|shoemaker|tailor].",
            '"Did you lose something?" asked {N3}. "I found {coin} on the road."',
            '"Yes, I lost {coin}!" cried {N}. "<thanks>!"',
            "{he} ran to the market and bought {thebuy}.",
        ),
        (
            "{he} told the truth to {N3}, who sold {buy}.",
            '"You can sweep my shop, and I will give you {thebuy}," said {N3}.',
            "{N} swept every corner, and under the [counter|carpet|shelf], {he} found a [golden ring].",
            (
                '"My lost ring!" cried {N3} and gave {him} {thebuy} and [a bag of sweets|a cake|some candy]'
                " besides."
            ),
        ),
    )
    s.say(
        "when {N} came home, {he} told {his} {kin} everything.",
        "{kinhe} [smiled|laughed] and [sewed up the hole|<hug> {him}].",
    )
    s.closing(
        (
            "{N} learned that kindness comes back to you.",
            "<fromthen>, {N} [always looked for holes|looked twice] before {he} went out.",
            "that [evening|night], they had a good supper.",
        ),
        feeling=False,
    )


def honest_finder(s):
    s.hero(0.3)
    s.intro(0)
    s.elder("3")
    k = s.pick(W.KEEPSAKES)
    s.set(
        item=s.pick(W.KEEPSAKE_LOOKS) + " " + k,
        itemn=k,
        place=s.pick(
            ["on the road", "in the grass", "at the beach", "under a bench", "by the fountain", "in the park"]
        ),
        want=s.pick(
            ["a new kite", "a red bike", "a big cake", "new boots", "a warm coat", "a drum", "a book of maps"]
        ),
    )
    s.say(
        "<oneday>, {N} found a {item} {place}.",
        '"How [beautiful|pretty] it is! I could sell it and buy {want}," {he} thought.',
        'but then {he} thought, "Somebody must be looking for it."',
    )
    s.par()
    s.one_of(
        (
            '{he} went from door to door and asked, "Did you lose a {itemn}?"',
            '"No," said the baker. "No," said the [teacher|farmer|miller].',
        ),
        (
            "{he} sat down {place} and waited for [an hour|a long time|two hours].",
            "many people walked by, but nobody had lost a {itemn}.",
        ),
    )
    s.maybe(
        0.5, '"Just keep it," said a [man|boy|woman] [with a big hat|who saw it]. But {N} shook {his} head.'
    )
    s.say(
        "<atlast>, {he} met an old {kind3} who [looked at the ground|walked slowly and looked sad].",
        "it was {N3}.",
        (
            '"I have lost my {itemn}. It was [a gift from my mother|all that I have from my father|my good'
            ' luck]," said {N3}.'
        ),
    )
    s.par()
    s.say(
        '"Is it this one?" asked {N} and held out the {item}.',
        "{N3}'s eyes [filled with tears of joy|lit up|shone].",
        '"Yes! <thanks>, {name_}!" {he3} said.'.replace(
            "{name_}", "dear child" if not s.is_animal else "little friend"
        ),
    )
    s.one_of(
        (
            "the next day, {N3} came to {N}'s {home} with a big box.",
            "in the box was {want}!" if s.v["want"] != "new boots" else "in the box were new boots!",
        ),
        (
            "{N3} invited {N} for [tea and cake|pancakes], and they talked [all afternoon|for hours].",
            "{he3} knew the most wonderful stories.",
        ),
    )
    s.closing(
        (
            "{N} was glad that {he} had been honest.",
            "{N} learned that an honest heart is worth more than gold.",
            "<fromthen>, {N3} and {N} were good friends.",
        )
    )


def key_box(s):
    s.hero(0.2)
    s.friend()
    s.intro(0.4)
    s.set(
        metal=s.pick(["rusty", "golden", "silver", "small", "old", "black", "tiny"]),
        place=s.pick(
            [
                "under a loose stone",
                "in the garden",
                "in an old coat",
                "at the bottom of a drawer",
                "in a bird's nest",
                "on the beach",
            ]
        ),
    )
    treasure = s.pick(
        [
            (
                "an old wooden door behind the [ivy|roses]",
                "door",
                "a secret garden full of [roses|flowers and birds]",
            ),
            ("a chest in the attic", "chest", "old costumes, hats, and [crowns|masks]"),
            ("a little box under the stairs", "box", "a map of the [village|woods] from long ago"),
            ("a tall clock in the hall", "clock", "a tiny singing bird made of gold"),
            ("a small house in the old oak tree", "house", "a table, two chairs, and [many books|a teapot]"),
            ("a boat house by the lake", "boat house", "a [green|blue|white] rowboat with two oars"),
            ("a music box in the cellar", "music box", "a tiny dancer who turned to a sweet song"),
        ]
    )
    s.set(lock=treasure[0], lockn=treasure[1], inside=treasure[2])
    s.say(
        "<oneday>, {N} found a {metal} key {place}.",
        '"What does it open?" {he} [asked|wondered].',
        "{he} showed it to {friend}.",
        '"Let us find out!" said {N2}.',
    )
    s.par()
    s.say(
        "they tried the key in the [front door|kitchen door|garden gate], but it was too [big|small].",
        "they tried it in the [cupboard|cellar door|shed], but it did not [turn|fit].",
    )
    s.maybe(
        0.6,
        'they asked [{N}\'s {kin}|the old gardener|the shoemaker], who only smiled and said, "Keep looking."',
    )
    s.say('"Maybe it opens nothing [at all|anymore]," said {N}.', '"We must not give up," said {N2}.')
    s.par()
    s.say(
        "<then>, {N} saw {lock}.",
        "{he} put the key in the lock and turned it.",
        "click! The {lockn} opened.",
        (
            "inside was {inside}."
            if not treasure[2].startswith(("old costumes", "a table"))
            else "inside were {inside}."
        ),
    )
    s.one_of(
        '"It is [wonderful|beautiful|like a dream]," whispered {N2}.',
        "{N} and {N2} could not believe their eyes.",
    )
    s.maybe(
        0.5,
        (
            'there was a letter, too. It said, "For [the one who finds this|whoever does not give up]. Share'
            ' it with a friend."'
        ),
    )
    s.closing(
        (
            (
                "<fromthen>, it was their secret place."
                if treasure[1] in ("door", "house", "boat house")
                else "<fromthen>, it was their secret treasure."
            ),
            "{N} kept the key on a string around {his} neck.",
            "they learned that you must look a little longer to find a treasure.",
        )
    )


def treasure_map(s):
    s.hero(0.3)
    s.friend()
    s.intro(0.4)
    st = s.distinct(
        [
            ("walk past the old mill", "walked past the old mill"),
            ("cross the stone bridge", "crossed the stone bridge"),
            ("climb the windy hill", "climbed the windy hill"),
            ("go around the lake", "went around the lake"),
            ("follow the stream", "followed the stream"),
            ("go through the dark cave", "went through the dark cave"),
            ("turn left at the crooked tree", "turned left at the crooked tree"),
            ("cross the muddy field", "crossed the muddy field"),
        ],
        2,
    )
    s.set(
        t1=st[0][0],
        d1=st[0][1],
        t2=st[1][0],
        d2=st[1][1],
        found=s.pick(
            [
                "in a bottle",
                "in an old book",
                "behind a picture",
                "under the floor",
                "in a hollow tree",
                "in the pocket of an old coat",
            ]
        ),
    )
    s.say(
        "<oneday>, {N} found a [yellow|torn|very old] map {found}.",
        "there was a red cross on it.",
        '"It is a treasure map!" {he} cried and ran to show it to {friend}.',
        'the map said, "First {t1}, and then {t2}."',
    )
    s.par()
    s.say("so the two friends {d1}.")
    s.one_of(
        "{N2} was tired, but {N} gave {him2} [some water|a piece of bread|half of an apple].",
        "it began to rain, and they waited under a [big leaf|tree] until it stopped.",
        "a [dog barked at them|crow laughed at them], but they were not afraid.",
    )
    s.say(
        "then they {d2}.",
        "and there, between [two|three] [tall|big] [stones|trees], was a red cross.",
        "they dug [and dug|with their hands|a deep hole] until they found a [box|chest].",
    )
    s.par()
    s.one_of(
        (
            "there was no gold in it.",
            'there was only a paper that said, "Look up!"',
            "they looked up and saw [the whole valley|the sea|the whole land] in the golden evening light.",
            "it was the most beautiful thing they had ever seen.",
        ),
        (
            "in it were [old toys|wooden toys|marbles] and a letter.",
            '"These were our toys when we were small. Now they are yours," it said.',
            "it was signed by {N}'s {kin}!",
        ),
        (
            "it was full of [chocolate coins|candy|cookies].",
            '"I hid it for you," laughed {N}\'s {kin}, who came out from behind a [tree|rock].',
            "they all sat down and ate together.",
        ),
    )
    s.say('"[The best part was the way|It was a real adventure]," said {N2}.')
    s.closing(
        (
            '"And the real treasure is a friend," said {N}.',
            "the next day, they drew a map of their own.",
            "{N} hung the map [on the wall|over {his} bed].",
        )
    )


def caged_bird(s):
    s.hero(0.1)
    s.intro(0)
    s.set(
        bird=s.pick("robin sparrow blackbird finch thrush wren lark nightingale".split()),
        color=s.pick(["little", "brown", "yellow", "gray", "blue"]),
        food=s.pick(["the best seeds", "sweet berries", "fresh bread"]),
        cage=s.pick(["golden", "silver", "beautiful", "big"]),
    )
    s.say(
        "<oneday>, {N} heard a {color} {bird} sing in the [garden|woods|park].",
        "it was the most beautiful song {he} had ever heard.",
        '"I want to hear it every day," {he} said.',
        "so {he} caught the {bird} and put it in a {cage} cage.",
    )
    s.par()
    s.say(
        "{N} gave the {bird} {food} and [clean|fresh] water.",
        "but the {bird} did not sing.",
        "it sat [in the corner|on the floor] of the cage and looked out of the window.",
        '"Why do you not sing?" asked {N}. "You have everything."',
    )
    s.one_of(
        '"It does not have the sky," said {his} {kin}.',
        "the {bird} looked at {him} and said nothing.",
        "then {N} saw that the {bird} looked at the clouds, and {he} understood.",
    )
    s.say(
        "{N} could not sleep that night.", '"If I could not go out, I would not sing, either," {he} thought.'
    )
    s.par()
    s.say(
        "in the morning, {he} carried the cage [to the garden|outside] and opened the little door.",
        "the {bird} hopped out and [flew up into the blue sky|was gone in a moment].",
        "{N} was a little sad, but {he} [smiled|felt that it was right].",
        "and then, from the [apple tree|top of the old tree|roof], {he} heard the song again.",
    )
    s.say("it was even more beautiful than before.")
    s.closing(
        (
            "<fromthen>, the {bird} came every morning to sing for {N}.",
            "{N} learned that you cannot own a song.",
            "{N} made the cage into a [flower pot|home for roses|lamp], and its door was never closed again.",
        ),
        feeling=False,
    )


def cry_wolf(s):
    s.hero(0.2)
    s.intro(0)
    danger = s.pick(
        [
            ("wolf", "the sheep", "watched the sheep", "Wolf! Wolf!"),
            ("fox", "the hens", "watched the hens", "Fox! Fox!"),
            ("bear", "the bees", "took care of the bees", "Bear! Bear!"),
            ("fire", "the barn", "watched the barn at night", "Fire! Fire!"),
            ("flood", "the river", "watched the river", "Flood! Flood!"),
        ]
    )
    if s.v["kind"] == danger[0]:
        danger = ("fire", "the barn", "watched the barn at night", "Fire! Fire!")
    s.set(danger=danger[0], herd=danger[1], work=danger[2], cry=danger[3])
    s.say(
        "every day, {N} {work}, and {he} was bored.",
        '"I want to have some fun," {he} thought.',
        'so {he} [called|shouted], "{cry}"',
        "all the neighbors came running [as fast as they could|].",
        "but there was no {danger}, and {N} laughed.",
    )
    s.par()
    s.say(
        "the next day, {he} did it again.",
        '"{cry}" {he} called, and again they came for nothing.',
        '"That is not funny," said {his} {kin}. "Nobody believes [a liar|someone who lies]."',
    )
    s.say(
        (
            "then, one [evening|dark night|morning], a real {danger} came."
            if danger[0] not in ("fire", "flood")
            else (
                "then, one night, the barn really began to burn."
                if danger[0] == "fire"
                else "then, one night, the river really began to rise."
            )
        ),
        '"{cry}" cried {N}. "This time it is true!"',
        "but nobody came.",
    )
    s.par()
    s.say("{N} was <afraid>.")
    end = {
        "wolf": "beat on a pot with a spoon until the wolf ran away",
        "fox": "waved a lamp and shouted until the fox ran away",
        "bear": "threw apples far into the woods until the bear ran after them",
        "fire": "carried water from the well, bucket after bucket, until the fire was out",
        "flood": "piled up sand, bag after bag, until the water stopped",
    }[danger[0]]
    s.set(end=end)
    s.say("{he} had to do it alone.", "{he} {end}.")
    s.say(
        "{he} was so tired that {he} could hardly stand.",
        'in the morning, {he} went to [all the neighbors|everyone] and said, "I am sorry that I lied."',
    )
    s.one_of(
        "they saw that {he} meant it, and they forgave {him}.",
        '"We forgive you, but never do it again," they said.',
    )
    s.closing(
        (
            "<fromthen>, {N} only called for help when {he} needed it.",
            "<fromthen>, {N} always told the truth.",
            "{N} learned that trust is [easy to lose and hard to find|a precious thing].",
        ),
        feeling=False,
    )
