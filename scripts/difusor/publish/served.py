"""Compares the files that a mirror serves with those of its manifest, as far as its time goes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from urllib.parse import quote

import httpx

from corte.format import limits, paths
from corte.format.manifest import Entry
from difusor.publish import roads
from difusor.publish.mirror import Mirror
from difusor.publish.paced import RATE, Content, Paced
from difusor.publish.roads import Files
from difusor.publish.stopping import STOPPED

PAGE_BYTES = 64 * 1024
"""The largest page with which a mirror may say that it does not send a file."""
LATE = "se compararon {done:,} de {files:,} archivos; dé más con --minutes"


@dataclass(frozen=True)
class Parts:
    """The files of a corte by how they are compared.

    `papers`: manifest and signature; `sent`: files that the mirror has to send; `held`: those that light mode lets it
    hold back; `drawn`: manifest, signature and a sample, which are asked for on all roads (publish.roads).
    """

    papers: Files
    sent: Files
    held: Files
    drawn: Files

    def compare(self, mirror: Mirror, paced: Paced, base: str) -> tuple[list[str], str]:
        """Return a sentence for all that differs, and what to say if not all was compared in the mirror's time, or "".

        Images come last: they take nearly all of the time, and the results are in the other files.
        """
        count, found, by_road = _Count(), list[str](), list[str]()
        light = {path: entry for path, entry in self.sent.items() if not is_heavy(path)}
        images = {path: entry for path, entry in self.sent.items() if is_heavy(path)}
        asked = (
            (found, differences(paced, base, chain(self.papers.items(), count.each(light)))),
            (by_road, roads.differences(mirror, base, self.drawn)),
            (found, differences(paced, base, count.each(images))),
            (found, _held_back(paced, base, count.each(self.held))),
        )
        try:
            for told, sentences in asked:
                for sentence in sentences:
                    told.append(sentence)  # one by one: what was found before the time is over counts
        except httpx.TimeoutException:
            if STOPPED.is_set() or time.monotonic() < mirror.deadline:
                raise
            return found + by_road, LATE.format(done=count.done, files=len(self.sent) + len(self.held))
        return found + by_road, ""


def parted(papers: Files, files: Files, is_light: bool) -> Parts:
    """Return the parts of a corte's files, those for all roads drawn by lot; in light mode images may be held back."""
    held = {path: entry for path, entry in files.items() if is_light and is_heavy(path)}
    sent = {path: entry for path, entry in files.items() if path not in held}
    return Parts(papers, sent, held, {**papers, **roads.sample(sent)})


class _Count:
    """Counts files as whoever takes them comes to their end."""

    done = 0

    def each(self, files: Files) -> Iterator[tuple[str, Entry]]:
        """Yield path and entry of each file."""
        for one in files.items():
            yield one
            self.done += 1


def minutes(files: Iterable[str]) -> float:
    """Return how many minutes it takes at least to ask for these files of a mirror, at the rate of `Paced`."""
    return sum(len([*_forms(path)]) for path in files) / RATE / 60


def is_heavy(path: str) -> bool:
    """Tell whether a file is not sent in light mode."""
    return path.partition("/")[0] in limits.HEAVY


def differences(paced: Paced, base: str, files: Iterable[tuple[str, Entry]]) -> Iterator[str]:
    """Yield a sentence for each file that is not as it was signed, in each form that a server keeps of it."""
    for path, entry in files:
        for encoding, form in _forms(path):
            answer, found = paced.get(base + quote(path), Content(entry.size), Accept_Encoding=encoding)
            if answer.status_code != httpx.codes.OK:
                yield f"{path}{form} responde {answer.status_code}"
            elif found.entry != entry:
                yield f"{path}{form} no es el que se firmó"


def _held_back(paced: Paced, base: str, files: Iterable[tuple[str, Entry]]) -> Iterator[str]:
    """Yield a sentence for each file that light mode allows not to send, if the mirror sends anything else instead.

    It may say with one page that it does not send them. A browser shows an image whatever its status is, so an image of
    another acta is none the less one for being sent as an error.
    """
    pages: dict[str, str] = {}
    for path, entry in files:
        for encoding, form in _forms(path):
            answer, found = paced.get(base + quote(path), Content(PAGE_BYTES, keep=True), Accept_Encoding=encoding)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                yield from differences(paced, base, [(path, entry)])
                break
            pages.setdefault(found.entry.sha256, path)
            if found.length > PAGE_BYTES or not (found.kept or b"").startswith(b"<!doctype html>"):
                yield f"{path}{form} responde 503 sin el aviso del modo ligero"
    for path in list(pages.values())[1:]:
        yield f"{path} responde 503 con otro aviso que los demás"


def _forms(path: str) -> Iterator[tuple[str, str]]:
    """Yield how a file may come, and how that is said."""
    yield "gzip", ""
    if path.endswith(paths.TEXTS):
        yield "identity", ", sin comprimir,"
