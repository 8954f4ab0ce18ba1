"""The filter by which `signers` reads of which election a server is, although the disk has damaged its file."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from plugin_kit import load

from corte.format import record

VALUE = {"election": "estatal-2024", "environment": "official"}
WHOLE = record.content(VALUE)


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        ([WHOLE, b""], VALUE),
        ([WHOLE.replace(b"2024", b"2o24"), WHOLE], VALUE),
        ([b"", WHOLE], VALUE),
        ([b"\xff" + WHOLE, b"[" * 100_000], {}),
        ([record.content([1]), b"7", b"null"], {}),
        ([b'{"election": "otra-2021"}'], {"election": "otra-2021"}),
        ([], {}),
    ],
    ids=["whole", "a letter", "no file", "bytes", "others", "earlier version", "bare"],
)
def test_the_first_file_that_is_whole_counts(contents: list[bytes], found: dict[str, Any]) -> None:
    given = [base64.b64encode(each).decode() for each in contents]
    assert load("filter/corte_expected.py").FilterModule().filters()["corte_expected"](given) == found
