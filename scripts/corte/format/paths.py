"""Which paths a file of a corte may have: only those that mean the same file on every system.

Refused are absolute paths, `..`, hidden names, control and format characters, and two names that a case-insensitive or
Unicode-normalising file system would take for the same one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from string import ascii_letters, digits

from corte.format.refusal import Refusal, quote

MAX_PATH_BYTES = 512
MAX_NAME_BYTES = 200  # rsync's temporary name is longer than the name itself
MAX_DEPTH = 16
TEXTS = (".csv", ".json", ".txt")
"""How the names of those files end that a server also keeps compressed."""
_PUNCTUATION = frozenset(" !#$%&'()+,-.=@_~")
_PLAIN = _PUNCTUATION | frozenset(ascii_letters + digits)


def check(path: str) -> None:
    """Refuse a path that is not a plain relative one below the tree."""
    names = path.split("/")
    if len(names) > MAX_DEPTH or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise Refusal("path", f"La ruta {quote(path)} es demasiado larga.")
    for name in names:
        _check_name(name, path)


def check_all(paths: Iterable[str]) -> None:
    """Refuse bad paths, two spellings of one name, and a file named like a folder or like another file plus `.gz`."""
    files = set(paths)
    for path in sorted(files):
        check(path)
        if f"{path}.gz" in files:  # a web server takes the .gz for that file, compressed
            raise Refusal("path", f"La ruta {quote(path + '.gz')} se confunde con {quote(path)} comprimido.")
    folders = {folder for path in files for folder in parents(path)}
    for both in sorted(files & folders):
        raise Refusal("path", f"La ruta {quote(both)} es archivo y carpeta a la vez.")
    spelling: dict[str, str] = {}
    for path in sorted(files | folders):
        if (twin := spelling.setdefault(fold(path), path)) != path:
            raise Refusal("path", f"La ruta {quote(path)} se confunde con {quote(twin)}.")


def parents(path: str) -> list[str]:
    """Return the folders above a path, outermost first: a/b/c -> a, a/b."""
    names = path.split("/")
    return ["/".join(names[:depth]) for depth in range(1, len(names))]


def fold(path: str) -> str:
    """Return a path without differences of case and of Unicode compatibility forms, to find names that collide."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())


def _check_name(name: str, path: str) -> None:
    if not name or name.startswith(".") or name.endswith((" ", ".")) or name.startswith(" "):
        raise Refusal("path", f"La ruta {quote(path)} no es relativa y simple (vacía, oculta, absoluta o con «..»).")
    if not (_PLAIN.issuperset(name) or all(_harmless(character) for character in name)):
        raise Refusal("path", f"La ruta {quote(path)} lleva un carácter que no se admite.")
    if unicodedata.normalize("NFC", name) != name:
        raise Refusal("path", f"La ruta {quote(path)} no está en la forma Unicode NFC.")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise Refusal("path", f"La ruta {quote(path)} tiene un nombre demasiado largo.")


def _harmless(character: str) -> bool:
    """Tell whether a character is a letter, mark or digit of any script, or punctuation safe in a URL and a shell."""
    return (
        character in _PUNCTUATION
        or unicodedata.category(character)[0] in "LN"
        or (unicodedata.category(character) == "Mn")
    )
