"""Plots of wishes, giants and kings."""

from . import words as W


def magic_item(s):
    s.hero(0.25)
    s.friend()
    s.intro(1)
    s.set(
        item=s.pick(["lamp", "stone", "ring", "bell", "shell", "feather", "coin", "bottle", "key", "mirror"]),
        look2=s.pick(["old", "golden", "strange", "shiny", "blue", "dusty"]),
    )
    wish = s.pick(
        [
            ("a mountain of candy", "candy", "ate and ate until {his} tummy hurt", "I feel sick"),
            ("a castle of gold", "castle", "walked through a hundred empty rooms", "It is so lonely here"),
            (
                "to be as tall as a tree",
                "tall body",
                "could not go through any door",
                "Nobody can play with me now",
            ),
            ("to fly", "wings", "flew up until everything below was small", "It is cold and lonely up here"),
            ("a thousand toys", "toys", "played until {he} was bored", "It is no fun alone"),
            ("that it would never be night", "sun", "could not sleep for three days", "I am so tired"),
            (
                "that everything {he} touched would turn to chocolate",
                "chocolate",
                "could not even drink a cup of water",
                "Everything tastes the same",
            ),
            (
                "to be invisible",
                "magic",
                "walked through the town, but nobody saw {him}",
                "Nobody talks to me",
            ),
        ]
    )
    s.set(wish=wish[0], bad=wish[2], sigh=wish[3])
    s.say(
        "<oneday>, {N} found a {look2} {item} [on the beach|under a tree|in the attic|by the river].",
        (
            "when {he} [touched|rubbed|cleaned] it, [a tiny fairy|a little blue spirit|a small green man]"
            " came out."
        ),
        '"I am the spirit of the {item}. You have two wishes," said a tiny voice.',
    )
    s.par()
    s.say(
        '"I wish {W}!" {N} [said|cried|called] at once.'.replace(
            "{W}",
            {"a": "for " + wish[0], "t": wish[0]}[wish[0][0]]
            .replace("{he}", "I")
            .replace("I touched", "I touch")
            .replace("would turn", "turned"),
        ),
        (
            "and so it was."
            if wish[0][0] != "a"
            else "puff! There they were." if wish[0].endswith("toys") else "puff! There it was."
        ),
    )
    s.say(
        "at first, {N} was <happy>.", "{he} {bad}.".replace("{bad}", wish[2]), '"{sigh}," {he} [said|sighed].'
    )
    s.par()
    s.say(
        "then {he} saw {friend}, who [was|sat] all alone.",
        "{N} took the {item} again and [closed {his} eyes|thought about the last wish].",
    )
    s.one_of(
        ('"I wish that everything were as it was before," {he} said.', "and in a moment, it was."),
        (
            '"I wish to be home with my friend," {he} said.',
            "there was a flash of light, and everything was as before.",
        ),
    )
    s.say("{N} [ran to|found] {N2} and <hug> {him2}.", '"You are better than any wish," {he} said.')
    s.closing(
        (
            "{N} learned that friends are the best magic.",
            "{N} put the {item} back where {he} had found it.",
            "<fromthen>, {N} was happy with what {he} had.",
        )
    )


def fallen_star(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.3)
    s.set(
        where=s.pick(
            [
                "in the garden",
                "in the meadow",
                "in the pond",
                "behind the barn",
                "on the roof",
                "in a haystack",
                "in the snow",
            ]
        )
    )
    s.say(
        "one [clear|cold|quiet|warm] night, {N} looked up at the sky and saw a star fall.",
        "{he} ran outside and found it {where}.",
        "it was small and [bright|golden], and it was crying.",
    )
    s.par()
    s.say(
        (
            '"I fell down, and I cannot get home," said the little star. "My mother is [the moon|the'
            ' brightest star]."'
        ),
        '"Do not cry. I will help you," said {N}.',
    )
    tries = [
        ("{he} threw the star up as high as {he} could, but it fell down again.",),
        ("{he} tied the star to a kite, but the string was too short.",),
        ("{he} climbed the tallest tree, but the sky was still far away.",),
        ("{he} stood on the roof and stretched, but it was not high enough.",),
        ("{he} asked an owl to carry it, but the star was too hot.",),
    ]
    tries = s.distinct(tries, 2)
    s.say(*tries[0])
    s.maybe(0.5, *tries[1])
    s.say('"We need help," said {N}, and {he} called {friend}.', "{N2} looked at the star and <think>.")
    s.par()
    s.one_of(
        (
            '"The mountain is the highest place of all," said {N2}.',
            "so they put the star in a basket and walked up the mountain.",
            "at the top, [the moon|the sky] was so near that the star could jump.",
        ),
        (
            '"Stars are light when they are happy," said {N2}. "We must make it laugh."',
            "{N} made a funny face, and {N2} told a joke.",
            "the star laughed, and it began to float, higher and higher.",
        ),
        (
            '"The north wind can carry anything," said {N2}.',
            "they went to the hill and called the wind.",
            "the wind came with a whoosh and lifted the star into the sky.",
        ),
        (
            '"We can build a big swing," said {N2}.',
            "they tied a rope to the tallest tree and put the star on the swing.",
            "one, two, three, and up it flew, all the way to the sky.",
        ),
    )
    s.say('"Goodbye, and thank you!" called the star.')
    s.closing(
        (
            "<fromthen>, one star [winked at|shone for] {N} every night.",
            "when {N} looked up, {he} saw it [blink|twinkle], and {he} waved.",
            "and on dark nights, the star lit the way for {N} and {N2}.",
        ),
        feeling=False,
    )


def giant(s):
    s.hero(0.2)
    s.intro(0)
    beast = s.pick(
        [
            ("dragon", "cave"),
            ("giant", "castle"),
            ("troll", "bridge"),
            ("monster", "lake"),
            ("sea monster", "bay"),
            ("big bear", "forest"),
        ]
    )
    female = s.chance(0.35)
    s.person(
        "2",
        female,
        s.name(
            ["Bertha", "Dora", "Ember", "Gerda", "Stormy"]
            if female
            else ["Grum", "Boro", "Smoky", "Thud", "Rumble", "Mossback", "Olaf", "Gorm"]
        ),
        beast[0],
    )
    s.set(lair=beast[1], lairname=s.pick(["dark", "old", "deep", "lonely"]))
    trouble = s.pick(
        [
            ("had a [thorn|splinter|nail] in {his2} foot", "pulled it out", "hurt"),
            ("had a toothache", "gave {him2} [warm tea with honey|a cool leaf to chew]", "tooth"),
            ("had nobody to play with", "taught {him2} a game", "lonely"),
            ("had lost {his2} teddy bear", "found it behind a rock", "toy"),
            ("could not sleep because of bad dreams", "sang {him2} a soft song", "sleep"),
            ("had a cold and could not stop sneezing", "cooked a big pot of soup", "cold"),
        ]
    )
    s.set(trouble=trouble[0], fix=trouble[1])
    s.say(
        (
            "near {his} village, a {kind2} lived in the {lairname} {lair}."
            if beast[1] not in ("bridge", "forest", "lake", "bay")
            else "near {his} village, a {kind2} lived [under|by] the {lairname} {lair}.".replace(
                "[under|by]", {"bridge": "under", "forest": "in", "lake": "in", "bay": "in"}[beast[1]]
            )
        ),
        "every night, [a terrible roar|a loud cry|a loud noise] came from there, and everyone was <afraid>.",
        '"[Stay away|Never go there]! It will eat you!" the [people|others] said.',
    )
    s.par()
    s.say(
        "but {N} [wondered why|did not believe it].",
        "<oneday>, {he} went to the {lair}, [step by step|very quietly].",
        "there sat the {kind2}, as big as a [house|hill], and [big|fat] tears rolled down {his2} face.",
        '"Why are you crying?" asked {N}[ in a small voice|].',
    )
    s.one_of(
        '"Are you not afraid of me?" asked the {kind2}. "Everyone runs away."',
        'the {kind2} looked up. "You did not run away," {he2} said [with surprise|].',
    )
    s.say("{he2} {trouble}." if trouble[2] != "x" else "")
    s.par()
    s.say('"I can help you," said {N}, and {he} {fix}.')
    s.say('the {kind2} [smiled|gave a great smile]. "<thanks>! My name is {N2}," {he2} said.')
    s.one_of(
        (
            "{N} brought {N2} to the village.",
            (
                "at first, the people [hid|were afraid], but then {N2} [carried heavy stones for the new"
                " bridge|lit all the lamps|played with the children|helped to bring in the hay]."
                if beast[0] != "dragon"
                else (
                    "at first, the people [hid|were afraid], but then {N2} [lit all the lamps with {his2}"
                    " breath|let the children ride on {his2} back]."
                )
            ),
        ),
        (
            "when {N} told the people about it, they were ashamed.",
            "they baked a [huge|giant] cake and brought it to {N2}.",
        ),
    )
    s.closing(
        (
            "<fromthen>, nobody was afraid of {N2} anymore.",
            "and {N} and {N2} were friends for the rest of their lives.",
            "{N} learned that you must not judge someone by their looks.",
        )
    )


def greedy_wish(s):
    s.hero(0)
    s.intro(0)
    who = s.pick(
        ["golden fish", "silver bird", "white deer", "little elf", "green frog", "tiny fairy", "talking tree"]
    )
    s.set(
        giver=who,
        caught=(
            s.pick(
                [
                    "caught in a net",
                    "stuck between two stones",
                    "caught in a bush of thorns",
                    "stuck in the mud",
                ]
            )
            if who not in ("talking tree", "golden fish")
            else "caught in a net" if who == "golden fish" else "covered with heavy snow"
        ),
    )
    w = s.pick(
        [
            ("a bag of gold", "a house", "a castle", "king of the world"),
            ("a new coat", "a horse", "a palace", "ruler of the sea"),
            ("a cake", "a kitchen full of food", "a town of sugar", "master of the sun"),
            ("a toy", "a room full of toys", "a whole toy shop", "ruler of the moon"),
        ]
    )
    s.set(w1=w[0], w2=w[1], w3=w[2], w4=w[3])
    s.say(
        "{N} was poor, but {he} was not unhappy.",
        (
            "<oneday>, {he} met a {giver} that was {caught}, and {he} set it free."
            if who != "talking tree"
            else "one winter day, {he} met a {giver} that was {caught}, and {he} cleaned its branches."
        ),
        '"<thanks>," said the {giver}. "You may have a wish."',
        '"I would like {w1}," said {N}, and there it was.',
    )
    s.par()
    s.say(
        "but the next day, {N} wanted more.",
        '{he} went back. "I would like {w2}," {he} said, and {he} got it.',
        "[soon|two days later], even that was not enough.",
        '"I want {w3}!" {he} [said|cried], and {he} got that, too.',
        (
            "but {N} was not happy, and {he} [had no friends anymore|could not sleep|was always afraid of"
            " thieves]."
        ),
    )
    s.par()
    s.say(
        '"Now make me {w4}!" {he} [shouted|called].',
        'the {giver} looked at {him} sadly. "You have forgotten how to be happy," it said.',
        "there was a [flash|crack of thunder|gust of wind], and everything was gone.",
    )
    s.say(
        "{N} sat in {his} old house again.",
        (
            "{he} [heard the birds sing|saw the sun come up|smelled the warm soup on the stove], and {he}"
            " began to laugh."
        ),
        '"[All I need is here|I have enough]," {he} said.',
    )
    s.closing(
        (
            "<fromthen>, {N} never asked for more than {he} needed.",
            "{N} learned that those who want everything have nothing.",
            "{he} shared {his} soup with {his} neighbors, and {he} was happier than any king.",
        ),
        feeling=False,
    )


def kind_stranger(s):
    s.hero(0.15)
    s.intro(0)
    food, fn, it, bit = s.pick(W.FOODS)
    s.elder("3")
    s.set(
        food=food,
        fn=fn,
        bit=bit,
        stranger=s.pick(
            [
                "an old woman in a gray cloak",
                "an old man with a long beard",
                "a hungry traveler",
                "a poor musician",
                "an old beggar",
                "a tired old soldier",
            ]
        ),
    )
    s.set(
        sn=[
            w
            for w in s.v["stranger"].split()
            if w in ("woman", "man", "traveler", "musician", "beggar", "soldier")
        ][0]
    )
    gift = s.pick(
        [
            (
                "a little bag of seeds",
                "seeds",
                "The next spring, flowers that glowed at night grew from them",
            ),
            ("a small wooden flute", "flute", "Whoever heard its song forgot all sorrow"),
            ("a plain gray stone", "stone", "It was always warm, even on the coldest winter day"),
            ("an empty bowl", "bowl", "Whenever {N} was hungry, it was full of hot soup"),
            ("an old pair of shoes", "shoes", "With them, {N} could run as fast as the wind"),
            ("a blue feather", "feather", "It always pointed the way home"),
            ("a rusty little bell", "bell", "When it rang, everyone who was angry began to smile"),
        ]
    )
    s.set(gift=gift[0], giftn=gift[1])
    s.say(
        "<oneday>, {N} [walked|went] through the [woods|hills|fields] with {food} in {his} bag.",
        "it was all that {he} had to eat.",
        "by the road sat {stranger}.",
        '"I am so hungry. Can you give me something to eat?" asked the {sn}.',
    )
    s.par()
    s.one_of(
        "{N} looked at the {fn} and felt how hungry {he} was.",
        "{N} was hungry, too, and it was a long way home.",
    )
    s.say(
        "but {he} sat down and [smiled|opened {his} bag].",
        (
            '"We can share," {he} said and gave the {sn} {bit}.'
            if "half" not in bit
            else '"We can share," {he} said and gave half to the {sn}.'
        ),
        "they ate together and talked about [the stars|far countries|the weather|old times].",
    )
    s.say(
        "when the {sn} stood up, there was a [bright|soft|golden] light.",
        '"You have a good heart," [said the {sn}|the {sn} said]. "Take this."',
        "it was {gift}.",
    )
    s.par()
    s.say("then the {sn} was gone.", "{N} went home and wondered about the {giftn}.", gift[2] + ".")
    s.say(
        "{N} [used|kept] it to help others."
        if gift[1] not in ("seeds", "shoes")
        else "{N} used them to make others happy."
    )
    s.closing(
        (
            "and that is how a little kindness became a great gift.",
            "{N} learned that those who share are rich.",
            "everyone in the [village|land] knew {N}'s name and loved {him}.",
        ),
        feeling=False,
    )
