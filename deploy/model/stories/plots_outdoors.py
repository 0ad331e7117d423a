"""Plots of woods and water."""

from . import words as W


def lost_way(s):
    s.hero(0.45)
    s.intro(0)
    s.animal(
        "2",
        s.pick(["owl-x", "fox", "deer", "hedgehog", "bear", "badger", "rabbit", "squirrel"]).replace(
            "owl-x", "turtle"
        ),
    )
    while s.v["kind2"] == s.v["kind"]:
        s.animal("2", s.pick(["turtle", "fox", "deer", "hedgehog"]))
    lure = s.pick(
        [
            ("a blue butterfly", "butterfly"),
            ("a white feather in the wind", "feather"),
            ("a trail of sweet berries", "berries"),
            ("a strange song", "song"),
            ("a row of mushrooms", "mushrooms"),
            ("a shiny beetle", "beetle"),
            ("a small stream", "stream"),
            ("a red leaf in the wind", "leaf"),
        ]
    )
    s.set(lure=lure[0], luren=lure[1])
    s.say(
        (
            "<oneday>, {N} [went for a walk|walked] [in|through] the woods and heard {lure}."
            if lure[1] == "song"
            else "<oneday>, {N} [went for a walk|walked] [in|through] the woods and saw {lure}."
        ),
        "{he} followed the {luren} deeper and deeper into the trees.",
        "when {he} looked around, {he} did not know where {he} was.",
    )
    s.par()
    s.say(
        '"I am lost!" {he} [cried|said].',
        "the [trees were tall and dark|sun went down|shadows grew long], and {N} was <afraid>.",
    )
    s.maybe(0.5, "{he} called {his} {kin}, but only the [wind|echo] answered.")
    s.say(
        "then {he} met a {kind2}[ under a tree| on a stone| by the path|].",
        '"Why are you so sad?" asked the {kind2}.',
        '"I cannot find the way home," said {N}.',
    )
    s.one_of(
        '"My name is {N2}, and I know every path in the woods," said the {kind2}. "Come with me."',
        '"Do not be afraid. I am {N2}, and I will help you," said the {kind2}.',
    )
    s.par()
    s.one_of(
        (
            '"Look for the brightest star," said {N2}. "It shines over your {home}."',
            "they followed the star [over the hill|through the woods|for a long time].",
        ),
        (
            '"Follow the water. It always runs to the village," said {N2}.',
            "they walked [along the stream|next to the water] for a long time.",
        ),
        (
            (
                "{N2} [went|walked] ahead, past the [big rock|old oak|fallen tree] and over the [little"
                " bridge|stream]."
            ),
            "{N} stayed close behind {him2}.",
        ),
        (
            "a [swarm of fireflies|row of fireflies] came and lit the path.",
            "{N2} and {N} followed the little lights.",
        ),
    )
    s.say(
        (
            "<atlast>, {N} saw a light in a window."
            if not s.is_animal
            else "<atlast>, {N} saw {his} own {home}."
        ),
        "{his} {kin} [ran out|came running] and <hug> {him}.",
        '"I was so worried!" {kinhe} said.',
    )
    s.say(
        "{N} turned around to thank {N2}[, but the {kind2} was already gone|, and the {kind2} waved goodbye]."
    )
    s.closing(
        (
            "<fromthen>, {N} never went into the woods alone.",
            "<fromthen>, {N} left [berries|apples|a bowl of nuts] at the edge of the woods for {N2}.",
            "{N} never forgot {his} new friend.",
        ),
        feeling=False,
    )


def water_rescue(s):
    s.hero(0.45)
    s.intro(0)
    s.animal("2", s.pick(W.SMALL_ANIMALS))
    while s.v["kind2"] == s.v["kind"] or s.v["kind2"] in ("frog", "turtle"):
        s.animal("2", s.pick(W.SMALL_ANIMALS))
    s.set(water=s.pick(["river", "stream", "pond", "lake"]))
    s.say(
        "one [day|morning|afternoon], {N} walked along the {water}.",
        "[the rain had fallen for days|it had rained all night], and the water was [high|wild|cold].",
        '[suddenly|then], {he} heard a cry. "Help! Help!"',
        "a little {kind2} was in the water and held on to a [piece of wood|leaf|small branch].",
    )
    s.par()
    s.one_of('"Hold on! I am coming!" called {N}.', '"Do not let go!" [called|shouted] {N}.')
    t = [
        (
            "{he} tried to reach the {kind2} with {his} [hand|arm], but it was too far.",
            "{he} [leaned|bent] over the water, but the {kind2} was too far away.",
        )[int(s.is_animal)],
        "{he} threw a [leaf|flower], but it sank.",
    ]
    s.say(t[0])
    s.say("{N} looked around and had an idea.")
    s.one_of(
        (
            "{he} found a [long|strong] [branch|stick] and held it out over the water.",
            '"Grab it!" {he} [shouted|called].',
            "the {kind2} [grabbed it with both paws|held it tight], and {N} pulled and pulled.",
        ),
        (
            "{he} tied [a rope|a vine] to a tree and threw the end into the water.",
            '"Take it!" {he} called.',
            "the {kind2} [took it|held on], and {N} pulled with all {his} strength.",
        ),
        (
            "an old [basket|bucket] lay in the grass.",
            "{N} pushed it into the water with a long pole.",
            "the {kind2} climbed in, and {N} pulled it back to the bank.",
        ),
    )
    s.par()
    s.say(
        "<atlast>, the {kind2} was [safe|on dry land|safe on the grass].",
        (
            "{he2} was wet and cold, so {N} [put {him2} in the warm sun|dried {him2} with soft leaves|wrapped"
            " {him2} in a scarf]."
        ),
        '"You saved me! My name is {N2}," said the {kind2}. "How can I thank you?"',
    )
    s.one_of(
        (
            '"[Just|You can] be my friend," said {N}.',
            "and {N2} was {his} friend [forever|for the rest of their days|from that moment].",
        ),
        (
            '"You do not have to," said {N}.',
            (
                "but the next morning, there was a [heap of berries|basket of nuts|bunch of flowers] at {N}'s"
                " door."
            ),
        ),
    )
    s.closing(
        (
            "{N} learned that quick thinking can save a friend.",
            "<fromthen>, they often sat together by the {water}.",
            "<fromthen>, {N2} never went near the wild water again.",
        )
    )


def sandcastle(s):
    s.hero(0.25)
    s.friend()
    s.intro(0.4)
    b = s.pick(
        [
            (
                "sandcastle",
                "on the beach",
                "a big wave",
                "washed it away",
                "farther from the water",
                "sand and shells",
            ),
            ("dam", "in the stream", "the strong water", "broke it", "with bigger stones", "stones and mud"),
            (
                "hut",
                "in the woods",
                "a strong wind",
                "blew it down",
                "with thicker branches",
                "sticks and leaves",
            ),
            (
                "tower",
                "in the yard",
                "a big dog",
                "ran right through it",
                "behind the fence",
                "boxes and cans",
            ),
            (
                "tree house",
                "in the old oak tree",
                "a storm",
                "blew the roof away",
                "with long nails and rope",
                "boards and nails",
            ),
            (
                "raft",
                "by the river",
                "the fast water",
                "pulled it apart",
                "with stronger rope",
                "logs and rope",
            ),
            (
                "snow house",
                "on the hill",
                "the warm sun",
                "melted the roof",
                "in the shade",
                "blocks of snow",
            ),
        ]
    )
    s.set(b=b[0], where=b[1], force=b[2], did=b[3], how=b[4], stuff=b[5])
    s.say(
        (
            "<oneday>, {N} built a {b} {where}."
            if b[0] != "snow house"
            else "one winter day, {N} built a {b} {where}."
        ),
        "{he} used {stuff} and worked [all morning|for a long time|very hard].",
        '"It is the best {b} in the world!" {he} said [proudly|].',
    )
    s.par()
    s.say(
        "but then {force} came and {did}." if b[0] not in ("dam", "raft") else "but then {force} {did}.",
        "{N}'s [eyes filled with tears|heart sank].",
        (
            '"All my work is gone!" {he} cried.'
            if b[0] != "tree house"
            else '"All my work was for nothing!" {he} cried.'
        ),
    )
    s.one_of(
        "{he} kicked [the ground|a stone] and wanted to go home.",
        "{he} sat down and did not want to [build|play] anymore.",
    )
    s.say(
        "{friend} [saw it and came over|came by and saw it].",
        '"I know what we can do," said {N2}. "We can build it again {how}."',
    )
    s.one_of('"It is no use," said {N}. But {N2} had already begun.', "{N} wiped {his} eyes and nodded.")
    s.par()
    s.say(
        "{N} [carried|brought] the {stuff}, and {N2} [helped to build|put everything in place].",
        "this time, they built it {how}.",
        (
            "when they were done, {force} came again, but the {b} [stood|stayed] strong."
            if b[0] not in ("dam", "raft")
            else "when they were done, the {b} was strong, and {force} could not break it."
        ),
    )
    s.say('"We did it!" they [cried|shouted|cheered].')
    s.maybe(0.5, "they put a [little flag|red flag|flower] on top.")
    s.closing(
        (
            "{N} learned that you can always begin again.",
            "{N} learned that two can build better than one.",
            "<fromthen>, they [built|made] [many|all kinds of] things together.",
        )
    )


def picnic(s):
    s.hero(0.45)
    s.friend()
    s.intro(0.5)
    food, fn, it, bit = s.pick(W.FOODS)
    thief = s.pick(
        [
            ("ants", "a long line of ants", "carried"),
            ("crows", "three black crows", "flew away with"),
            ("squirrels", "two quick squirrels", "ran off with"),
            ("geese", "four hungry geese", "ate"),
            ("goats", "two cheeky goats", "ate"),
            ("mice", "five little mice", "carried off"),
        ]
    )
    s.set(
        food=food,
        fn=fn,
        it=it,
        thieves=thief[0],
        tmany=thief[1],
        took=thief[2],
        place=s.pick(["by the lake", "on a hill", "in the meadow", "under a big tree", "by the river"]),
    )
    s.fix(sw="[lemonade|apple juice|cold milk|tea]")
    s.say(
        "<oneday>, {N} and {friend} went on a picnic {place}.",
        (
            "they brought {food} and a bottle of {sw}, and they put [everything|it all] on a"
            " [red|blue|white|striped] blanket."
        ),
        '"First we play, and then we eat," said {N}.',
        "so they [ran and jumped|played ball|played tag|picked flowers] in the [sun|grass].",
    )
    s.par()
    verb = "carried the {fn} away" if thief[0] == "ants" else "{took} the {fn}"
    s.say(
        "when they came back, the {fn} [was|were] gone!".replace(
            "[was|were]", "were" if it == "them" else "was"
        ),
        '"Who took our {fn}?" asked {N2}.',
        "then they saw {tmany}.",
        "the {thieves} had "
        + {
            "carried": "carried {it} away",
            "flew away with": "taken {it}",
            "ran off with": "taken {it}",
            "ate": "eaten {it}",
            "carried off": "carried {it} off",
        }[thief[2]]
        + ", [bit by bit|and only crumbs were left|and nothing was left].",
    )
    s.one_of("{N} was angry at first, but {N2} began to laugh.", "{N2} was angry, but {N} began to laugh.")
    s.say('"They [were|must have been] [very |so ]hungry," [{he}|{N}] said.')
    s.par()
    s.one_of(
        (
            '"But now we are hungry, too," said {N2}.',
            "they looked around and found a bush full of [ripe|sweet|blue] berries.",
            "they ate [berries|them] until they were full.",
        ),
        (
            "then {N}'s {kin} came with [a pot of soup|a basket of buns|warm pancakes].",
            '"I thought that you might be hungry," {kinhe} said.',
            "they all sat down and ate together.",
        ),
        (
            "a farmer who had seen everything [laughed|smiled], too.",
            "{he4} gave them [warm bread and cheese|a bowl of cherries|fresh milk and bread].".replace(
                "{he4}", s.pick(["he", "she"])
            ),
            '"<thanks>," said {N} and {N2}.',
        ),
    )
    s.say("they left a few crumbs for the {thieves}.")
    s.closing(
        (
            "<fromthen>, they always ate first and played later.",
            "<fromthen>, they brought a little more food for the {thieves}.",
            "it was the [funniest|best] picnic of [the year|all].",
        )
    )


def helper_boat(s):
    s.hero(0.3)
    s.friend()
    s.intro(0.5)
    s.set(
        boat=s.pick(["raft", "little boat", "old rowboat", "boat with a red sail", "boat made of bark"]),
        goal=s.pick(
            [
                "the island",
                "the other side of the lake",
                "the rocks where the seals sleep",
                "the old lighthouse",
                "the place where the sun goes down",
            ]
        ),
    )
    s.set(bn="raft" if s.v["boat"] == "raft" else "boat")
    s.say(
        "<oneday>, {N} and {friend} wanted to sail to {goal}.",
        "they had a {boat}, [a bag of bread|a basket of food], a long rope, and a [big|warm] blanket.",
        "the sun shone, and the water was [blue|calm|as smooth as glass].",
        '"[Off we go|Hooray]!" they [called|cried].',
    )
    s.par()
    s.say(
        "but in the middle of the water, [dark clouds came|the sky grew dark].",
        "the wind [blew|howled], and the waves [grew higher and higher|threw the {bn} up and down].",
        '"I am <afraid>!" cried {N2}.',
        (
            "{N} was afraid, too, but {he} held {N2} [tight|close]."
            if not s.is_animal
            else "{N} was afraid, too, but {he} stayed close to {N2}."
        ),
    )
    s.one_of(
        (
            "then water came into the {bn}.",
            '"We must get the water out!" called {N}, and they used [a cup|their hats|a pot].',
        ),
        (
            "then they lost the [paddle|oar].",
            (
                '"We can use our hands!" called {N}.'
                if not s.is_animal
                else '"We can use our paws!" called {N}.'
            ),
        ),
    )
    s.par()
    s.one_of(
        (
            "<then>, a [dolphin|seal|whale] came up next to them.",
            '"Throw me the rope," it said, and it pulled them [to the shore|back to land].',
        ),
        (
            "<then>, they saw a light on the shore.",
            "it was {N}'s {kin} with a [lantern|lamp].",
            "they paddled toward the light with all their strength.",
        ),
        (
            "{N} tied the blanket to a stick to make a [new |]sail.",
            "the wind [caught|filled] the sail and pushed them to the shore.",
        ),
    )
    s.say(
        "<soon>, they [stood|were] on dry land again, wet and tired, but safe.",
        '"We did it together," said {N2}.',
    )
    s.maybe(0.5, "they sat by a warm fire, and {N}'s {kin} gave them [hot soup|hot tea|sweet milk].")
    s.closing(
        (
            "<fromthen>, they always looked at the sky before they went out on the water.",
            "{N} learned that it is easier to be brave when you are not alone.",
            "it was an adventure that they told [many times|again and again].",
        )
    )
