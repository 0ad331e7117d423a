"""Plots of pets and friends."""

from . import words as W
from .characters import toy


def sick_friend(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.6)
    s.set(
        soup=s.pick(["carrot", "mushroom", "onion", "potato", "pumpkin", "bean", "tomato", "pea"]),
        flower=s.pick(W.FLOWERS),
    )
    s.say(
        "<oneday>, {N} went to see {friend}, but {N2} was [sick|ill] in bed.",
        "{his2} nose was red, and {he2} could not [play|get up|go out].",
        '"I feel [so |very |]bad," said {N2}.',
    )
    s.par()
    s.say("{N} wanted to help.")
    act = s.pick(
        [
            (
                "{he} went home and cooked a pot of {soup} soup.",
                "carried the hot soup",
                "soup",
                '"This soup makes me warm," {he2} said.',
            ),
            (
                "{he} picked a [big|] bunch of flowers in the meadow.",
                "carried the flowers",
                "flowers",
                '"They are so beautiful," {he2} said.',
            ),
            (
                "{he} took {his} best book from the shelf.",
                "carried the book",
                "book",
                '"Please read to me," {he2} said.',
            ),
            (
                "{he} filled a jar with honey.",
                "carried the jar",
                "honey",
                '"This is sweet and good," {he2} said.',
            ),
            (
                "{he} made a funny puppet [out of a sock|out of old socks].",
                "carried the puppet",
                "puppet",
                '"How funny it looks!" {he2} said.',
            ),
        ]
    )
    s.set(item=act[2])
    s.say(act[0])
    s.one_of(
        "on the way, it began to [rain|snow], but {N} did not [stop|turn back].",
        "the way was long, but {N} " + act[1] + " [very carefully|all the way].",
        "a cold wind blew, but {N} [went on|did not turn back].",
    )
    s.par()
    s.say("when {N2} saw the {item}, {he2} smiled.", act[3])
    s.one_of(
        (
            "{N} sat [by|next to] the bed and told [funny stories|a long story|a story about a brave little"
            " bird]."
        ),
        "{N} sang a [song|soft song], and {N2} fell asleep.",
        "{N} stayed [until the evening|all day] and held {his2} hand.",
    )
    s.say(
        "[the next day|after two days|a few days later], {N2} was well again.",
        '"You are a [good|true|wonderful] friend," {he2} said to {N}.',
    )
    s.closing(
        (
            "{N} learned that kindness is good medicine.",
            "then they went out to play in the [sun|garden|meadow].",
            "and when {N} was sick one day, {N2} came with [soup|flowers|a story], too.",
        )
    )


def lost_pet(s):
    s.at_home = True
    s.hero(0)
    pet, sound = s.pick(W.PETS)
    female = s.chance(0.5)
    s.creature("2", pet, female)
    s.intro(0)
    hide = s.pick(
        [
            "in an old boot",
            "behind the hay",
            "in the laundry basket",
            "up in a tree",
            "under the porch",
            "in a flower pot",
            "inside a big drum",
            "behind the stove",
            "in a box of hats",
            "under the bridge",
            "in the baker's basket",
            "in a wheelbarrow",
        ]
    )
    s.set(sound=sound, hide=hide)
    s.say(
        "{he} had a {kind2} named {N2}.", "{N} and {N2} did everything together.", "<oneday>, {N2} was gone."
    )
    s.maybe(0.5, "the [door|gate|window] was open, and the {kind2} was nowhere [to be seen|in the house].")
    s.par()
    s.say('"{N2}! {N2}!" called {N}, but there was no answer.')
    s.one_of(
        (
            "{he} drew a picture of {N2} and put it on [every tree|every door|a wall] in the street.",
            '"Have you seen my {kind2}?" {he} asked [everyone|all the neighbors].',
        ),
        (
            "{he} asked the [baker|postman|farmer|teacher], but nobody there had seen the {kind2}.",
            "{he} asked {his} {kin}, but {kinhe} did not know, either.",
        ),
    )
    s.say("the sun went down, and {N} was <sad>.")
    s.par()
    s.say(
        "<then>, {he} heard a [soft|tiny|little] sound.",
        '"Listen! That was a {sound}!" {he} said.',
        "{N} followed the sound and looked {hide}.",
        "there was {N2}!",
    )
    s.one_of(
        "{he2} was [cold and hungry|tired and dirty], but {he2} was safe.",
        "{he2} had [gone to sleep|fallen asleep] there[ in the sun|] and could not get out.",
        "{he2} had [followed a butterfly|run after a leaf] and did not know the way home.",
    )
    s.say(
        "{N} <hug> the little {kind2} and carried {him2} home.",
        "{he} gave {N2} [food and water|warm milk|a good meal] and a [soft|warm] bed.",
    )
    s.closing(
        (
            "<fromthen>, {N} always closed the [gate|door|window].",
            "<fromthen>, {N2} wore a [little bell|red ribbon], and {N} could always find {him2}.",
        )
    )


def stray_pet(s):
    s.at_home = True
    s.hero(0)
    pet, sound = s.pick(W.PETS[:5])
    female = s.chance(0.5)
    s.creature("2", pet, female)
    s.set(
        place=s.pick(
            [
                "under a bench",
                "by the road",
                "in an empty box",
                "behind the school",
                "near the river",
                "under a bush",
                "at the market",
                "by the old mill",
            ]
        )
    )
    s.intro(0)
    s.say(
        "<oneday>, {N} was on the way home when {he} [heard|saw] something {place}.",
        "it was a [small|thin|wet|tiny] {kind2}.",
        "the {kind2} was [alone|all alone] and [hungry|cold|very tired].",
    )
    s.par()
    s.say(
        '"[You poor thing|Poor little one]! Where is your home?" {N} asked <kindly>.',
        "but the {kind2} only looked at {him} with big eyes.",
        "{N} took {his} [coat|scarf|sweater] and put it around the {kind2}.",
        "then {he} carried {him2} home.",
    )
    s.one_of(
        (
            '"[Can|May] we keep {him2}?" {N} asked.',
            "{his} {kin} thought for a moment.",
            '"[First|But first], we must look for the owner," {kinhe} said.',
            "they asked [everyone|all the people] in the street, but nobody knew the {kind2}.",
        ),
        (
            '{his} {kin} shook {kinhis} head. "A {kind2} is a lot of work," {kinhe} said.',
            '"I will feed {him2} and brush {him2} every day," said {N}.',
            "and {he} did, [every morning and every evening|day after day].",
        ),
    )
    s.par()
    s.say(
        '<atlast>, {his} {kin} smiled and said, "[All right|Good]. {He2} can stay with us."',
        "{N} <cheer>.",
        '"I will call you {N2}," {he} said.',
    )
    s.one_of(
        "{N2} [jumped into {his} arms|licked {his} nose|fell asleep in {his} lap].",
        "{N2} ate [a big dinner|everything in the bowl] and fell asleep [by the fire|in a basket].",
    )
    s.closing(
        (
            "<fromthen>, {N} and {N2} were always together.",
            "<fromthen>, {N} had a friend who was always there.",
            "{N} kept {his} promise and took good care of {N2}.",
        )
    )


def quarrel_toy(s):
    s.hero(0.4)
    s.friend()
    s.intro(0.5)
    toy(s, W.HARD_TOYS)
    s.say(
        (
            "<oneday>, {N} and {friend} found a {toy} [in the attic|in the grass|by the road|in an old box|on"
            " the beach]."
        ),
        '"It is mine! I saw it first!" [cried|shouted|said] {N}.',
        '"No, it is mine!" [cried|shouted|said] {N2}.',
    )
    s.par()
    s.say(
        "they pulled and pulled.",
        "crack! The {toyn} broke [in two|into two pieces].",
        "now {N} and {N2} were both <sad>.",
    )
    s.one_of(
        "{N} went home, and {N2} went home, too.",
        "for [a whole day|two days|a long time], they did not talk.",
    )
    s.say("but it was [no fun|boring|lonely] to play alone.")
    s.par()
    s.one_of(
        (
            "<atlast>, {N} took a [bottle|pot] of glue and went to {N2}.",
            '"I am sorry. Let us fix it together," {he} said.',
            '"I am sorry, too," said {N2}.',
        ),
        (
            "the next [day|morning], they met at the [gate|bridge|old tree].",
            '"I am sorry," they [both said|said] at the same time, and then they laughed.',
            "together, they fixed the {toyn} with [glue|wire and a nail|some string].",
        ),
    )
    s.one_of(
        '"You can have it today, and I can have it tomorrow," said {N}.',
        '"We can take turns," said {N2}.',
        '"It can belong to both of us," said {N}.',
    )
    s.say("and that is what they did.")
    s.closing(
        (
            "<fromthen>, they shared [all their toys|everything].",
            "they learned that a friend is better than any {toyn}.",
            "and the {toyn} [was more fun than ever|made them both happy].",
        )
    )


def loose_tooth(s):
    s.hero(0.1)
    s.friend()
    s.intro()
    s.say(
        (
            "<oneday>, {N} bit into [an apple|a carrot|a hard pear|a bun], and {his} tooth began to"
            " [move|wiggle]."
        ),
        '"My tooth is loose!" {he} cried.',
        "{N} was <afraid> that it would hurt.",
    )
    s.par()
    s.one_of(
        "{he} ate only [soup|soft bread|porridge] and did not [smile|laugh] [all day|for two days].",
        "{he} held {his} hand over {his} mouth and did not want to [talk|eat].",
    )
    s.say('{friend} asked, "Why are you so [quiet|sad]?"', "{N} showed {him2} the tooth.")
    s.one_of(
        '"I lost [three|four|five] teeth, and it did not hurt at all," said {N2}.',
        '"A loose tooth means that you are growing," said {N2}.',
    )
    s.par()
    s.one_of(
        (
            "then {N2} told such a funny story that {N} laughed and laughed.",
            "and pop! The tooth fell out[ into {his} hand|].",
        ),
        (
            "then they [played|ran a race] in the garden, and {N} forgot all about the tooth.",
            "when {he} [jumped over a stone|sneezed], pop! The tooth was out.",
        ),
        (
            "that evening, {N} bit into a [piece of cake|soft cake].",
            "when {he} looked at the cake, the tooth was in it!",
        ),
    )
    s.say(
        '"It did not hurt [at all|a bit]!" {he} [said|cried] [happily|and laughed].',
        "{he} put the tooth [under {his} pillow|in a little box].",
        "in the morning, there was a [shiny|silver|golden] coin in its place.",
    )
    s.maybe(
        0.6,
        (
            "with the coin, {N} bought [two buns, one for {himself} and one for {N2}|a pear for {N2}|a red"
            " balloon]."
        ),
    )
    s.closing(
        (
            "<fromthen>, {N} was not afraid of loose teeth.",
            "and <soon>, a new tooth began to grow.",
            "{N} smiled a big smile with a hole in it.",
        )
    )


def hide_seek(s):
    s.hero(0.5)
    s.friend()
    s.intro()
    place = s.pick(
        [
            "inside a hollow tree",
            "behind a big haystack",
            "in an old barrel",
            "under a pile of leaves",
            "in a wooden chest",
            "under a bush",
            "behind the curtain",
            "in an empty cart",
            "inside a big basket",
            "under the stairs",
        ]
    )
    s.set(
        place=place,
        theplace=place.replace(" a ", " the ").replace(" an ", " the "),
        num=s.pick(["ten", "twenty", "fifty", "a hundred"]),
    )
    s.say(
        "<oneday>, {N} and {friend} played hide and seek.",
        "{N2} closed {his2} eyes and counted to {num}.",
        "{N} looked for a [good|secret|perfect] place and hid {place}.",
        "it was [warm|dark and quiet|soft and warm] there.",
    )
    s.par()
    s.say(
        "{N2} [began to look|looked everywhere].",
        (
            "{he2} looked [behind the house|behind the trees|by the well], and {he2} looked [under the"
            " bench|near the fence|in the shed]."
        ),
        "but {he2} could not find {N}.",
        '"{N}, where are you? You win!" {he2} called.',
    )
    s.say("but there was no answer.", "{N2} was [worried|afraid].")
    s.one_of(
        "{he2} [ran to get|called] {N}'s {kin}, and they looked together.",
        "{he2} asked [the neighbors|a bird in a tree|the old dog], but nobody had seen {N}.",
    )
    s.par()
    s.say(
        "<then>, {N2} heard a [strange|funny|soft] sound.",
        '"Snore, snore!"',
        "{he2} looked {theplace}, and there was {N}.",
        "{he} had fallen asleep!",
    )
    s.say('"Wake up, sleepyhead!" {N2} [said|called] and laughed.')
    s.one_of(
        '{N} rubbed {his} eyes. "Did I win?" {he} asked.',
        '{N} woke up and <smile>. "Did you not find me?" {he} asked. "Did I win?"',
    )
    s.say('"Yes, you won," said {N2}, and they both laughed.')
    s.closing(
        (
            "<fromthen>, {N} never [hid|played] when {he} was tired.",
            "then they went home to have [dinner|supper|some soup].",
        )
    )


def new_neighbor(s):
    s.hero(0.4)
    s.friend()
    s.set(new=s.text("a {kind2} named {N2}"))
    s.intro(0)
    toy(s)
    s.say(
        "<oneday>, [a new family|someone new] moved in next door.",
        "there was {new}.",
        "{N2} did not know anyone and sat alone [on the steps|by the fence|under a tree].",
    )
    s.par()
    s.say("{N} saw {him2} from the [window|garden|other side of the fence].")
    s.one_of(
        "{N} was [shy|a little shy] and did not know what to say.",
        '"Maybe {he2} does not like me," thought {N}.',
        "{N} wanted to say hello, but {his} [legs|feet] did not want to move.",
    )
    s.say(
        "{N} <think>.",
        "then {he} took {his} {toy} and went [outside|over].",
        '"Hello, I am {N}. Do you want to play with my {toyn}?" {he} asked.',
    )
    s.par()
    s.say(
        "{N2} looked up and [smiled|gave a small smile].",
        '"[Yes, please|I would love to]! I am {N2}," {he2} said.',
    )
    s.one_of(
        "they played with the {toyn} [all afternoon|until the sun went down|for a long time].",
        (
            "first they played with the {toyn}, and then {N} showed {N2} [the whole street|the best trees to"
            " climb|the way to the river]."
        ),
    )
    s.maybe(0.6, "{N2}'s mother gave them [cookies|warm buns|milk and cake].")
    s.say('"I was afraid that I would have no friends here," said {N2}.', '"Now you have one," said {N}.')
    s.closing(
        (
            "<fromthen>, they played together every day.",
            "{N} learned that a kind word can make a new friend.",
            "and so, two shy [neighbors|little neighbors] became best friends.",
        )
    )
