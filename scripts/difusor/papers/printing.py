"""Prints a paper: HTML to PDF/A-3a, that is, tagged, with its fonts inside, and with the files that belong to it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from difusor.project import UnusableError

PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-liberation")
"""Debian's packages with what WeasyPrint takes from the system; the launcher installs the same."""
VARIANT = "pdf/a-3a"


@dataclass(frozen=True)
class Attached:
    """A file inside a paper: its name, its content, when it was made, and what it is, in a few Spanish words."""

    name: str
    content: bytes
    made: datetime
    description: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of its content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def pdf(html: str, attached: Sequence[Attached] = ()) -> bytes:
    """Return a paper as PDF/A-3a. On one machine the same HTML and files give the same bytes.

    Nothing that the HTML refers to is fetched. UnusableError names the packages when the system lacks a library.
    """
    weasyprint = _engine()
    files = [
        weasyprint.Attachment(
            string=each.content, name=each.name, description=each.description, created=each.made, modified=each.made,
            relationship="Data",
        )
        for each in attached
    ]  # fmt: skip
    # By default the identifier is drawn anew each time.
    identifier = hashlib.sha256(b"".join([html.encode(), *(each.content for each in attached)])).digest()[:16]
    paper = weasyprint.HTML(string=html, base_url="about:blank", url_fetcher=_nothing(weasyprint))
    content: bytes = paper.write_pdf(
        pdf_variant=VARIANT, pdf_identifier=identifier, attachments=files, uncompressed_pdf=True, finisher=_compress
    )
    return content


def _compress(_: Any, paper: Any) -> None:
    """Compress each stream by itself, and leave the other objects as they are.

    WeasyPrint would pack thousands of them into a single stream, of which pyHanko reads all to get one: minutes.
    """
    for each in paper.objects:
        if hasattr(each, "compress") and "Filter" not in each.extra:
            each.compress = True


def _engine() -> Any:
    try:
        import weasyprint
    except OSError:  # it loads them with dlopen
        raise UnusableError(
            f"para hacer un PDF faltan bibliotecas del sistema; instálelas: sudo apt-get install {' '.join(PACKAGES)}"
        ) from None
    return weasyprint


def _nothing(weasyprint: Any) -> Any:
    """Return a fetcher that fetches nothing; a logo stands in the HTML itself, as a data URI."""
    return weasyprint.urls.URLFetcher(allowed_protocols=("data",), allow_redirects=False)
