"""Looks at the page's own files, which no corte has and nobody signs, and tells whose differ from the other mirrors'.

With another of them a page could show citizens other numbers than those of the signed files beside it. What they should
be depends on the image; mirrors of one election have one image.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress

import httpx

from corte.format.refusal import Refusal
from difusor.publish.mirror import Mirror
from difusor.publish.paced import Content, Paced
from difusor.publish.seen import Seen
from difusor.publish.target import Target

MOST = 40
"""How many of a page's own files are looked at."""
BYTES = 1024 * 1024
"""How much of each."""
CHANGING = "cambia"
"""Takes the place of the digest of a page that is another one each time."""
_NAMED = re.compile(rb"""(?:\b(?:src|href)=|\bfrom\s*|\bimport\s*)["'](?:\./)?([\w-][\w./-]*\.(?:js|css))["']""")
"""How a page names a script or a style of its own folder, and a script another one."""
DIFFERENT = (
    "{names}: no es como en los demás espejos, y ninguna firma lo cubre; ./difusor countdown -i X dice si su servidor "
    "tiene la imagen debida y, si la tiene, lo cambia lo que está delante"
)


def look(mirror: Mirror, base: str) -> dict[str, str]:
    """Return the SHA-256 of the page itself, by "", and of the scripts and styles that it names.

    What does not come, for whatever reason, is left out: what the mirror shows of the corte is judged without it. The
    page itself is asked for twice: some applications make another one for each visitor. `base` is the URL of the page's
    folder.
    """
    paced, waiting, found = Paced(mirror), [""], dict[str, str]()
    with suppress(httpx.HTTPError, OSError, ValueError, Refusal):
        first = paced.get(base, Content(BYTES))[1].entry.sha256
        for path in waiting:  # which grows meanwhile
            answer, came = paced.get(base + path, Content(BYTES, keep=True))
            if answer.status_code == httpx.codes.OK:
                content = bytes(came.kept or b"")
                found[path] = came.entry.sha256 if path or came.entry.sha256 == first else CHANGING
                named = dict.fromkeys(each.decode() for each in _NAMED.findall(content))
                new = [each for each in named if each not in waiting and ".." not in each]
                waiting += new[: MOST - len(waiting)]
    return found


def strange(target: Target, seen: Seen) -> list[str]:
    """Return as a sentence which of a mirror's own files differ from those of most that show the same corte.

    Those of this run; [] if none differs. Where no more than half agree, nobody knows whose are right, and each is told
    of.
    """
    shown = _shown(target, seen)
    alike = [found for other, found in seen.applications if _shown(other, seen) == shown]
    own = next((found for other, found in seen.applications if other is target), {})
    names = []
    for path, digest in own.items():
        digests = Counter(each[path] for each in alike if path in each)
        most, count = digests.most_common(1)[0]
        if len(digests) > 1 and (digest != most or 2 * count <= digests.total()):
            names.append(path or "la portada")
    return [DIFFERENT.format(names=", ".join(names))] if names else []


def _shown(target: Target, seen: Seen) -> str:
    found = seen.shown_by(target)
    return found.named.manifest_sha256 if found else ""
