"""Story state: variables, characters with pronouns that agree, and the parts every plot shares."""
from . import grammar
from . import words as W

FEMALE = ("she", "her", "her", "herself")
MALE = ("he", "him", "his", "himself")


class Story:
    """One story under construction. Paragraphs are lists of expanded sentences."""

    def __init__(self, rng):
        self.rng = rng
        self.random = rng.random
        self.v = {}
        self.paragraphs = [[]]
        self.names = set()
        self.friend_known = False
        self.like_done = ""
        self.at_home = False

    def pick(self, seq):
        """One item, earlier ones somewhat more likely."""
        return seq[int(self.random() ** 1.25 * len(seq))]

    def distinct(self, seq, count):
        """`count` different items in random order."""
        rest = list(seq)
        return [rest.pop(int(self.random() ** 1.25 * len(rest))) for _ in range(count)]

    def chance(self, p):
        return self.random() < (p if p != 0.5 else 0.44)

    def set(self, **variables):
        self.v.update(variables)

    def fix(self, **templates):
        """Variables whose alternatives are decided now, so that each later use says the same."""
        for name, template in templates.items():
            self.v[name] = self.text(template)

    def text(self, template):
        out = []
        grammar.expand(grammar.parse(template), self.random, self.v, out)
        return "".join(out)

    def say(self, *templates):
        for t in templates:
            text = self.text(t)
            at = 1 if text[:1] == '"' else 0
            self.paragraphs[-1].append(text[:at] + text[at : at + 1].upper() + text[at + 1 :])

    def maybe(self, p, *templates):
        if self.random() < p:
            self.say(*templates)

    def one_of(self, *groups):
        """Says one group of sentences: a string, or a tuple of strings."""
        g = self.pick(groups)
        self.say(*((g,) if isinstance(g, str) else g))

    def par(self):
        if self.paragraphs[-1]:
            self.paragraphs.append([])

    def finish(self):
        return "\n\n".join(grammar.finish(" ".join(p)) for p in self.paragraphs if p)

    # ---- characters

    def name(self, names):
        while True:
            n = self.pick(names)
            if n not in self.names:
                self.names.add(n)
                return n

    def made_name(self, female):
        """A name of random syllables, so that a model learns to repeat names it has never seen."""
        while True:
            n = "".join(self.pick(W.SYLLABLES) for _ in range(1 if self.chance(0.7) else 2))
            n = (n + self.pick(W.NAME_ENDS_F if female else W.NAME_ENDS_M)).capitalize()
            if n not in self.names:
                self.names.add(n)
                return n

    def person(self, suffix, female, name, kind):
        """Sets {N}, {he}, {him}, {his}, {himself}, {kind}, each with `suffix`."""
        he, him, his, himself = FEMALE if female else MALE
        self.set(
            **{
                "N" + suffix: name,
                "he" + suffix: he,
                "him" + suffix: him,
                "his" + suffix: his,
                "himself" + suffix: himself,
                "He" + suffix: he.capitalize(),
                "His" + suffix: his.capitalize(),
                "kind" + suffix: kind,
            }
        )

    def child(self, suffix=""):
        female = self.chance(0.5)
        name = self.made_name(female) if self.chance(0.06) else self.name(W.GIRLS if female else W.BOYS)
        self.person(suffix, female, name, "girl" if female else "boy")
        self.set(**{"walked" + suffix: "walked", "home" + suffix: "house"})

    def creature(self, suffix, kind, female=None):
        """An animal or thing with a name that fits its pronouns."""
        if female is None:
            female = self.chance(0.5)
        names = W.ANIMAL_NAMES_F if female else W.ANIMAL_NAMES_M
        self.person(suffix, female, self.name(names if self.chance(0.5) else W.ANIMAL_NAMES), kind)

    def animal(self, suffix="", species=None):
        species = species or self.pick(W.WOOD_ANIMALS if self.chance(0.7) else list(W.ANIMALS))
        home, moved, eats = W.ANIMALS[species]
        self.creature(suffix, species)
        self.set(**{"walked" + suffix: moved, "home" + suffix: home, "eats" + suffix: eats})

    def hero(self, animal=0.35, species=None):
        """The main character {N}; `animal` is the chance of an animal."""
        self.is_animal = self.chance(animal)
        if self.is_animal:
            self.animal("", species)
        else:
            self.child()
        female = self.chance(0.6)
        kin = self.pick(["mother", "grandmother", "aunt"] if female else ["father", "grandfather", "uncle"])
        if self.chance(0.6):
            kin = "mother" if female else "father"
        self.set(
            kin=kin,
            kinhe="she" if female else "he",
            kinhis="her" if female else "his",
            kinhim="her" if female else "him",
        )
        trait, trait2 = self.distinct(W.TRAITS, 2)
        self.set(trait=trait, trait2=trait2)
        like, self.like_done = self.pick(W.LIKES)
        self.set(like=like, like_done=self.like_done)

    def friend(self, animal=None):
        """A second character {N2}; {friend} is how {N2} is first mentioned."""
        if animal is None:
            animal = self.is_animal or self.chance(0.2)
        if animal:
            self.animal("2")
            self.set(friend="{his} friend {N2} the {kind2}" if self.chance(0.7) else "a {kind2} named {N2}")
        else:
            self.child("2")
            self.set(friend="{his} [|best |good ]friend {N2}" if self.chance(0.8) else "a {kind2} named {N2}")
        self.fix(friend=self.v["friend"])

    def elder(self, suffix="3"):
        female = self.chance(0.5)
        self.person(
            suffix, female, self.name(W.ELDERS_F if female else W.ELDERS_M), "woman" if female else "man"
        )

    # ---- shared parts

    def opening(self, who, tail=""):
        """First sentence: introduces `who` (an article phrase with {N}); `tail` is a relative clause."""
        if tail.startswith(" who lived"):
            self.one_of(
                "Once upon a time, there was " + who + tail + ".",
                "Once upon a time there was " + who + tail + ".",
                "[Long ago|A long time ago], there was " + who + tail + ".",
                "There once was " + who + tail + ".",
            )
            return
        self.one_of(
            "Once upon a time, there was " + who + tail + ".",
            "Once upon a time, there was " + who + tail + ".",
            "Once upon a time there was " + who + tail + ".",
            "Once upon a time, there lived " + who + tail + ".",
            "Once upon a time, in a {village}, there [lived|was] " + who + tail + ".",
            "Once upon a time, " + who + " lived {site}.",
            "[Long ago|A long time ago|Many years ago], there [lived|was] " + who + tail + ".",
            "There once was " + who + tail + ".",
            "In a {village}, there lived " + who + tail + ".",
            "The little {kind} was named {N}[, and {he} lived {site}|].",
            who + " lived {site}.",
        )

    def intro(self, with_friend=0.25):
        """Introduces the hero in one or two sentences, sometimes together with the friend."""
        site = self.pick(
            W.WOOD_SITES if self.is_animal and self.v["kind"] in W.WOOD_ANIMALS else W.HOME_SITES
        )
        self.set(
            site=site, village=self.pick(W.VILLAGES), houselook=self.pick(W.HOMES), look=self.pick(W.LOOKS)
        )
        if self.is_animal and self.v["kind"] in W.WOOD_ANIMALS:
            self.set(
                village=self.pick(
                    [
                        "green forest",
                        "quiet forest",
                        "big forest",
                        "deep forest",
                        "valley",
                        "forest near the sea",
                        "wood by a river",
                        "green meadow",
                    ]
                )
            )
        who = self.pick(
            [
                "a {look} {kind} named {N}",
                "a {look} {kind} named {N}",
                "a {trait} {kind} named {N}",
                "a {kind} named {N}",
                "a {look} {kind} called {N}",
                "a {trait} [little|little|young] {kind} named {N}",
            ]
        )
        tail = ""
        if self.chance(0.35):
            tail = " who lived {site}" if self.is_animal else " who lived in a {houselook} {site}"
            if self.chance(0.3):
                tail = " who loved to {like}"
        self.opening(who, tail)
        if "loved to" not in tail and self.chance(0.5):
            self.one_of(
                "{N} loved to {like}.",
                "{he} loved to {like} [every day|more than anything|all day long].",
                "{N} was {trait2} and loved to {like}.",
                "[every|each] [day|morning], {he} liked to {like}.",
            )
        elif self.chance(0.35):
            self.one_of(
                "{N} lived with {his} {kin}.",
                "everyone said that {N} was very {trait2}.",
                "{he} was [very|always] {trait2}.",
                "{he} lived [happily |]with {his} {kin}.",
            )
        self.friend_known = self.chance(with_friend) and "N2" in self.v
        if self.friend_known:
            self.say("{his} best friend was [{N2}|a {kind2} named {N2}].")
            self.set(friend="{N2}")

    def closing(self, lesson=(), feeling=True):
        """Last sentences: a plot's own lesson, then sometimes a quiet end."""
        said = False
        if lesson and self.chance(0.85):
            self.one_of(*lesson)
            said = True
        if feeling and (not said or self.chance(0.5)):
            self.one_of(
                "that night, {N} [fell asleep|went to bed|slept] with a [smile|big smile|happy heart].",
                (
                    "{N} was <happy> and could not stop smiling."
                    if self.at_home
                    else "{N} went home and told {his} {kin} [all about it|the whole story|everything]."
                ),
                "<evening>, {N} " + self.like_done + ".",
                "<evening>, {N} " + self.like_done + ".",
                "{N} was <happy>, and {his} {kin} was very proud of {him}.",
                "it was the best day {N} had ever had.",
                "and {N} [was happy for many, many days|never forgot that day].",
            )
        if self.chance(0.12):
            self.say("the end.")


def toy(s, nouns=W.TOYS):
    """Sets {toy} (look and noun) and {toyn} (noun)."""
    n = s.pick(nouns)
    s.set(toyn=n, toy=s.pick(W.TOY_LOOKS) + " " + n)
