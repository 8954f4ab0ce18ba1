"""What the tests of papers read in a PDF: its text, its structure, its attachments."""

from __future__ import annotations

import re
import subprocess
import zlib
from pathlib import Path


def text_of(pdf: bytes | Path) -> str:
    """Return the text of a PDF, its lines joined by single spaces."""
    content = pdf if isinstance(pdf, bytes) else pdf.read_bytes()
    done = subprocess.run(["pdftotext", "-", "-"], input=content, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


def structure_of(pdf: bytes) -> bytes:
    """Return the objects of a PDF, those in compressed streams too."""
    parts = [pdf]
    for found in re.finditer(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL):
        try:
            parts.append(zlib.decompress(found[1]))
        except zlib.error:
            continue
    return b"\n".join(parts)
