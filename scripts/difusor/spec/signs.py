"""Finds the signs that a word processor, a web page or a chat puts in the place of plain ones, unseen by who edits.

YAML takes a space that is another sign for text, and curved quotes for no quotes at all.
"""

from __future__ import annotations

import re

import yaml

PLAIN = {"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u2013": "-", "\u2014": "-"}
"""What a keyboard gives instead of each typographic sign (curved quotes, dashes)."""
NAMES = {"\u00a0": "espacio duro", "\u200b": "espacio sin ancho", "\ufeff": "BOM"}
_UNSEEN = "\u00a0\u00ad\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_IS_UNSEEN = re.compile(f"[{_UNSEEN}]")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_NO_TEXT = (
    re.compile(rf"(?:^|[:,\[{{?]|^[\s-]*-)[ \t]*([{_UNSEEN}{''.join(PLAIN)}])"),  # where a name or a value begins
    re.compile(rf"[\"'\]}}][ \t]*([{_UNSEEN}])"),
    re.compile("(\ufeff)"),
    re.compile('^[^"]*"[^"]*([\u201c\u201d])[^"]*$'),  # meant to close what a plain one opens
    re.compile("^[^']*'[^']*([\u2018\u2019])[^']*$"),
)
"""Where in a line of YAML such a sign cannot have been meant as text."""


def shown(text: str) -> str:
    """Return a text with the code of each sign in it that is not seen."""
    return _IS_UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def in_value(value: object) -> str:
    """Return, as a Spanish clause, the first such sign in a value that was refused; "" when it has none.

    A text of several words may well have typographic signs.
    """
    strange = _UNSEEN if not isinstance(value, str) or " " in value else _UNSEEN + "".join(PLAIN)
    found = re.search(f"[{strange}]", value) if isinstance(value, str) else None
    return _told(found[0]) if found else ""


def in_yaml(text: str, error: yaml.YAMLError) -> tuple[int, int, str] | None:
    """Return (line, column, Spanish clause) of such a sign with which YAML cannot have been read; else None.

    The parser stops at the sign, in the line after it, or at the end of what began with it.
    """
    lines = re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text)  # as YAML counts them
    problem, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    began = [context.line] if context and "scanning" in str(getattr(error, "context", "")) else []
    for number in [problem.line, problem.line - 1, *began] if problem else []:
        line = _COMMENT.sub("", lines[number]) if 0 <= number < len(lines) else ""
        if found := next(filter(None, (pattern.search(line) for pattern in _NO_TEXT)), None):
            return number + 1, found.start(1) + 1, _told(found[1])
    return None


def _told(sign: str) -> str:
    """Return, as a Spanish clause, which sign this is and what to write instead."""
    code = f"U+{ord(sign):04X}"
    if sign in PLAIN:
        return f"lleva «{sign}» ({code}), que pone un procesador de textos; escriba {PLAIN[sign]} en su lugar"
    named = f"{code}, {NAMES[sign]}" if sign in NAMES else code
    return f"lleva un signo que no se ve ({named}); bórrelo y, si ahí va un espacio, escríbalo de nuevo"
