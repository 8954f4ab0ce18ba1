"""Asks for a sample of a corte's files in the other ways in which a citizen's browser may ask for them.

On the server some of these take another road (past the compressed copies, or through a front that looks at the query),
so one road could bring something else than the others. Which files are asked for is drawn anew each time.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import httpx

from corte.format import limits, manifest, signature
from corte.format.manifest import Entry
from difusor.publish.mirror import Mirror
from difusor.publish.paced import Content, Paced

SAMPLE, IMAGES = 4, 1
"""How many files are asked for on every road, and how many images besides."""
RATE = 20.0
"""Requests per second: a server grants that many to one address on every road."""
PAPERS = {manifest.NAME: manifest.MAX_BYTES, manifest.SIGNATURE_NAME: signature.MAX_BYTES}
"""The files that say what a corte is, and how many bytes of them are wanted at most."""

Files = Mapping[str, Entry]


def sample(files: Files) -> Files:
    """Return some of a corte's files, chosen so that no mirror can know which.

    Images are drawn apart: among sixty thousand of them no file with results would ever be drawn.
    """
    draw = random.SystemRandom().sample
    images = sorted(path for path in files if path.partition("/")[0] in limits.HEAVY)
    others = sorted(files.keys() - {*images})
    drawn = draw(others, min(SAMPLE, len(others))) + draw(images, min(IMAGES, len(images)))
    return {path: files[path] for path in drawn}


def differences(mirror: Mirror, base: str, files: Files) -> Iterator[str]:
    """Yield a sentence for each file that another road does not bring as it was signed.

    `base` is the URL of the corte's folder.
    """
    paced = Paced(mirror, RATE)
    for path, entry in files.items():
        url = base + quote(path)
        yield from _by_query(paced, url, path, entry)
        yield from _by_parts(paced, url, path, entry)
        yield from _by_head(paced, url, path, entry)
        yield from _by_other_names(paced, base, path, entry)


def _by_query(paced: Paced, url: str, path: str, entry: Entry) -> Iterator[str]:
    """With marks of social networks, as links have them, and with others; servers ignore both."""
    for query in (f"utm_source={secrets.token_hex(4)}", f"v={secrets.token_hex(4)}"):
        answer, found = paced.get(f"{url}?{query}", Content(entry.size))
        yield from judged(f"{path}, con argumentos,", entry, answer, found)


def _by_parts(paced: Paced, url: str, path: str, entry: Entry) -> Iterator[str]:
    """In two parts, as a download that is continued; a mirror may send the whole file at once instead."""
    if entry.size < 2:
        return
    middle = 1 + secrets.randbelow(entry.size - 1)
    found = Content(entry.size)
    for first, last in ((0, middle - 1), (middle, entry.size - 1)):
        answer, found = paced.get(url, found, Range=f"bytes={first}-{last}", Accept_Encoding="identity")
        if answer.status_code != httpx.codes.PARTIAL_CONTENT:
            break
        if answer.headers.get("Content-Range") != f"bytes {first}-{last}/{entry.size}":
            yield f"{path}, por partes, no es el que se firmó"
            return
    yield from judged(f"{path}, por partes,", entry, answer, found)


def _by_head(paced: Paced, url: str, path: str, entry: Entry) -> Iterator[str]:
    """Only its headers, by HEAD."""
    answer, _ = paced.get(url, Content(0), method="HEAD", Accept_Encoding="identity")
    if answer.status_code != httpx.codes.OK:
        yield f"{path}, solo sus encabezados, responde {answer.status_code}"
    elif answer.headers.get("Content-Length", str(entry.size)) != str(entry.size):
        yield f"{path}, solo sus encabezados, dice otro tamaño que el que se firmó"


def _by_other_names(paced: Paced, base: str, path: str, entry: Entry) -> Iterator[str]:
    """By other spellings of its path, and outside the path of the page; a mirror may refuse, but not alter."""
    root = str(httpx.URL(base).join("/"))
    coded = f"%{ord(path[0]):02x}{quote(path[1:])}" if path[0].isascii() else quote(path)
    outside = () if paced.mirror.target.is_shared else (root + quote(path),)
    for url in dict.fromkeys((base + coded, f"{base}/{quote(path)}", *outside)):
        answer, found = paced.get(url, Content(entry.size), Accept_Encoding="identity")
        if answer.status_code == httpx.codes.OK:
            yield from judged(f"{path}, pedido como {httpx.URL(url).raw_path.decode()},", entry, answer, found)


def judged(what: str, entry: Entry, answer: httpx.Response, found: Content) -> Iterator[str]:
    """Yield a sentence on `what` was asked for when the answer is none, or not what was signed as `entry`."""
    if answer.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        yield f"{what} responde {answer.status_code}"
    elif found.entry != entry:
        yield f"{what} no es el que se firmó"
