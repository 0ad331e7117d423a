"""Template engine of the story grammar.

A template is English text with
    [a|b|c]   one alternative, chosen at random (nested; an alternative may be empty),
    <name>    a macro of MACROS, expanded in place,
    {name}    a variable of the story (a character's name, a pronoun, an object, ...).
Earlier alternatives are more likely than later ones (see SKEW), so that a model's most likely word is
seldom a tie.
Templates are parsed once and cached. `finish` repairs spacing, a/an and capitals.
"""
import re

SKEW = 1.4  # alternative int(n * u ** SKEW) of n, u uniform: 0.61 and 0.39 of two

MACROS = {
    "day": "[day|morning|afternoon]",
    "finetime": "[sunny|bright|warm|fine|quiet|lovely|breezy] [day|morning|afternoon]",
    "oneday": "one [<day>|<finetime>|day in [spring|summer|autumn]]",
    "happy": "[happy|glad|delighted|very happy|so happy|full of joy]",
    "sad": "[sad|unhappy|upset|very sad]",
    "afraid": "[afraid|scared|frightened]",
    "kindly": "[kindly|gently|softly|warmly]",
    "smile": "[smiled|laughed|grinned]",
    "cheer": "[cheered|clapped|laughed with joy|jumped for joy]",
    "think": "[thought for a [moment|while]|thought and thought|had an idea|sat down to think]",
    "thanks": "[Thank you|Thank you so much|Thank you very much|Oh, thank you]",
    "look": "[looked|searched]",
    "soon": "[soon|before long|after a while|a little later|in a short while]",
    "evening": "[that evening|that night|when the sun went down|when the stars came out]",
    "then": "[then|just then|at that moment|suddenly]",
    "fromthen": "[from that day on|from then on|after that day|ever since that day]",
    "atlast": "[at last|finally|in the end]",
    "hug": "[hugged|held|cuddled]",
}

_TOKEN = re.compile(r"[\[\]|]|\{[^}]*\}|<[a-z]+>|[^\[\]|{<]+")
_cache = {}


def _parse(tokens, at, nested):
    """Sequence of str | ('var', name) | list of sequences, until ']' or '|' (nested) or the end."""
    out = []
    while at < len(tokens):
        t = tokens[at]
        if nested and t in "]|":
            return out, at
        if t == "[":
            choices = []
            while True:
                seq, at = _parse(tokens, at + 1, True)
                if at >= len(tokens):
                    raise ValueError("unclosed [ in " + "".join(tokens))
                choices.append(tuple(seq))
                if tokens[at] == "]":
                    break
            out.append(choices)
        elif t[0] == "{":
            out.append(("var", t[1:-1]))
        elif t[0] == "<" and t[-1] == ">":
            sub, _ = _parse(_TOKEN.findall(MACROS[t[1:-1]]), 0, False)
            out.extend(sub)
        elif t in "]|":
            raise ValueError("stray %s in %s" % (t, "".join(tokens)))
        else:
            out.append(t)
        at += 1
    return out, at


def parse(template):
    tree = _cache.get(template)
    if tree is None:
        tree, _ = _parse(_TOKEN.findall(template), 0, False)
        _cache[template] = tree
    return tree


def expand(tree, random, variables, out):
    """Appends the pieces of one random expansion of `tree` to `out`."""
    for node in tree:
        if node.__class__ is str:
            out.append(node)
        elif node.__class__ is tuple:
            value = variables[node[1]]
            if "[" in value or "{" in value or "<" in value:
                expand(parse(value), random, variables, out)
            else:
                out.append(value)
        else:
            expand(node[int(random() ** SKEW * len(node))], random, variables, out)


_SPACES = re.compile(r" {2,}")
_BEFORE_MARK = re.compile(r" +([,.!?])")
_DOUBLE_END = re.compile(r"([?!]\")\.")
_ARTICLE = re.compile(r"\b([Aa]) (?=(?:[aeioAEIO]|u(?!n?i[cf]|se))(?!ne\b))")
_CAPITAL = re.compile(r"((?:^|[.!?] |\.\" |\n)\"?)([a-z])")


def finish(text):
    """Spacing, a/an and capitals of an expanded paragraph."""
    text = _SPACES.sub(" ", text).strip()
    text = _DOUBLE_END.sub(r"\1", text)
    text = _BEFORE_MARK.sub(r"\1", text)
    text = _ARTICLE.sub(r"\1n ", text)
    return _CAPITAL.sub(lambda m: m.group(1) + m.group(2).upper(), text)
