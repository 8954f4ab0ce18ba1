"""Tells names that a hurried citizen would take for one another."""

from __future__ import annotations

from difusor.partners.form.values import own_domain, plain_words

SHORTEST = 4
"""Letters; shorter names differ by one letter from too many honest ones."""
COMMON = {"www", "prep", "resultados", "elecciones", "mexico", "noticias", "diario", "radio", "news"}
"""Labels and words that many outlets have in their names."""
TWINS = str.maketrans({
    "m": "rn", "w": "vv", "d": "cl", "0": "o", "1": "l", "i": "l", "5": "s", "3": "e", "-": "",
})  # fmt: skip
"""Letters that look like others. One becomes two and not the other way round, so that a part of a word remains one."""


def folded(text: str) -> str:
    """Return a name without case, accents, spaces or signs: by it two names are the same."""
    return "".join(plain_words(text))


def twins(one: str, other: str) -> bool:
    """Tell whether two words are the same, or are written with letters that look the same."""
    return _skeleton(one) == _skeleton(other)


def contains(label: str, name: str) -> bool:
    """Tell whether a name that is not too short is a part of a label, in letters that look the same."""
    return len(name) >= SHORTEST and _skeleton(name) in _skeleton(label)


def alike(one: str, other: str) -> bool:
    """Tell whether two different words could be mistaken: twins of letters, or one more, less, other or moved."""
    if one == other or min(len(one), len(other)) < SHORTEST:
        return False
    return twins(one, other) or _one_apart(one, other)


def imitates(host: str, domain: str) -> bool:
    """Tell whether a host that is not of a domain has a label that repeats, or resembles, the domain's own."""
    if own_domain(host) == domain:
        return False
    name = domain.partition(".")[0]
    labels = [each for each in host.split(".") if each not in COMMON]
    return any(contains(each, name) or alike(each, name) for each in labels)


def acronym(name: str) -> str:
    """Return the initials of a name's words with four letters or more: Universidad Autónoma del Estado is uae."""
    return "".join(folded(word)[:1] for word in name.split() if len(folded(word)) > 3)


def _skeleton(word: str) -> str:
    return word.translate(TWINS)


def _one_apart(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    start = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    rest, longer = short[start:], long[start:]
    if len(short) < len(long):
        return rest == longer[1:]
    return rest[1:] == longer[1:] or (rest[:2] == longer[1::-1] and rest[2:] == longer[2:])
