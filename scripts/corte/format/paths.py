"""Which paths a file of a corte may have: only those that mean the same file on every system.

Refused are absolute paths, `..`, hidden names, characters that are not in the table of `limits`, two names that a
case-insensitive or Unicode-normalising file system would take for the same one, and what the web server does not serve.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from corte.format import limits
from corte.format.refusal import Refusal, quote

MAX_PATH_BYTES = 512
MAX_NAME_BYTES = 200  # rsync's temporary name is longer than the name itself
MAX_DEPTH = 16
TEXTS = (".csv", ".html", ".json", ".txt")
"""How the names of those files end that a server also keeps compressed."""
_NAME = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?<!\.)"
_PLAIN = re.compile(rf"(?:{_NAME}/){{0,{MAX_DEPTH - 1}}}{_NAME}")
"""Paths that `check` lets pass if they are short, found in one step because a corte has up to 200,000."""
_PLAIN_CHARACTERS = (string.ascii_letters + string.digits + "_-./\n").encode()
_NOT_PLAIN = (b"\n.", b".\n", b"\n/", b"/\n", b"//", b"/.", b"./", b"\n\n")
"""What no path has that `_PLAIN` fits, when each stands between two ends of line."""


def check(path: str) -> None:
    """Refuse a path that is not a plain relative one below the tree."""
    if path.count("/") >= MAX_DEPTH or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise Refusal("path", f"La ruta {quote(path)} es demasiado larga.")
    folder, slash, name = path.rpartition("/")
    if slash:
        _check_folder(folder)
    _check_name(name, path)


def check_all(paths: Iterable[str]) -> None:
    """Refuse bad paths, two spellings of one name, and a file named like a folder or like another file plus `.gz`."""
    paths = list(paths)
    files = set(paths)
    for path in sorted(_doubtful(paths)):
        check(path)
        _check_served(path)
    for path in sorted(path for path in paths if path.endswith(".gz") and path[: -len(".gz")] in files):
        # A web server takes it for the other file, compressed.
        raise Refusal("path", f"La ruta {quote(path)} se confunde con {quote(path[: -len('.gz')])} comprimido.")
    above = _nearest(paths)
    if len(above) <= limits.MAX_FOLDERS:  # else all that are above these would be millions
        above = folders(paths)
    if len(above) > limits.MAX_FOLDERS:
        raise Refusal("path", f"Tiene más de {limits.MAX_FOLDERS} carpetas.")
    for both in sorted(files & above):
        raise Refusal("path", f"La ruta {quote(both)} es archivo y carpeta a la vez.")
    if len({*fold("\n".join([*files, *above])).split("\n")}) == len(files) + len(above):
        return
    spelling: dict[str, str] = {}
    for path in sorted(files | above):
        if (twin := spelling.setdefault(fold(path), path)) != path:
            raise Refusal("path", f"La ruta {quote(path)} se confunde con {quote(twin)}.")


def parents(path: str) -> list[str]:
    """Return the folders above a path, outermost first: a/b/c -> a, a/b."""
    names = path.split("/")
    return ["/".join(names[:depth]) for depth in range(1, len(names))]


def folders(paths: Iterable[str]) -> set[str]:
    """Return all folders above these paths."""
    nearest = _nearest(paths)
    return nearest.union(*map(parents, nearest))


def _nearest(paths: Iterable[str]) -> set[str]:
    return {path.rpartition("/")[0] for path in paths} - {""}


def fold(path: str) -> str:
    """Return a path without differences of case and of Unicode compatibility forms, to find names that collide."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())


def _doubtful(paths: list[str]) -> list[str]:
    """Return those paths that have to be checked one by one: in most cortes none."""
    types = {path.rpartition(".")[2].lower() for path in paths}
    tops = {path.partition("/")[0].lower() for path in paths}
    if not types.isdisjoint(limits.REFUSED_TYPES) or not tops.isdisjoint(limits.RESERVED):
        return paths
    if _are_plain(paths):
        return []
    return [path for path in paths if len(path) > MAX_NAME_BYTES or not _PLAIN.fullmatch(path)]


def _are_plain(paths: list[str]) -> bool:
    """Tell whether all paths are plain and short, which takes a fifth of looking at each by itself."""
    lines = "\n".join(["", *paths, ""]).encode("utf-8", "surrogatepass")
    if lines.translate(None, _PLAIN_CHARACTERS) or any(found in lines for found in _NOT_PLAIN):
        return False
    if lines.count(b"\n") != len(paths) + 1:
        return False
    return max(map(len, paths)) <= MAX_NAME_BYTES and max(path.count("/") for path in paths) < MAX_DEPTH


@lru_cache(maxsize=1024)
def _check_folder(folder: str) -> None:
    """Refuse a folder as `check` does; once for all its files."""
    for name in folder.split("/"):
        _check_name(name, folder)


def _check_name(name: str, path: str) -> None:
    if not name or name.startswith(".") or name.endswith((" ", ".")) or name.startswith(" "):
        raise Refusal("path", f"La ruta {quote(path)} no es relativa y simple (vacía, oculta, absoluta o con «..»).")
    if not name.isascii() and unicodedata.ucd_3_2_0.normalize("NFC", name) != name:  # as macOS writes accents
        raise Refusal("path", f"La ruta {quote(path)} no está en la forma Unicode NFC.")
    if not limits.CHARACTERS.issuperset(name):
        raise Refusal("path", f"La ruta {quote(path)} lleva un carácter que no se admite.")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise Refusal("path", f"La ruta {quote(path)} tiene un nombre demasiado largo.")


def _check_served(path: str) -> None:
    """Refuse a file that would be signed and sent, and then not served to citizens."""
    top, name = path.partition("/")[0], path.rpartition("/")[2].lower()
    if name.rpartition(".")[2] in limits.REFUSED_TYPES and "." in name or name.endswith(limits.BACKUP):
        raise Refusal("path", f"La ruta {quote(path)} es de un tipo de archivo que los servidores no entregan.")
    if top.lower() in limits.RESERVED:
        raise Refusal("path", f"La ruta {quote(path)} empieza con un nombre que los servidores usan para otra cosa.")
