"""No secret reaches a results file, whole, shortened or encoded."""

import base64

import pytest

from difusor.inventory.variables import strings
from difusor.suite.redaction import SECRET, Redactor

KEY = "canario-rsync-9b27d4e0"


@pytest.mark.parametrize(
    "text",
    [
        f"rsync --password={KEY} ok",
        f"{{'difusor_rsync_secret': '{KEY}'}}",
        "Authorization: Basic " + base64.b64encode(KEY.encode()).decode(),
        f"assert '{KEY[:14]}...' in log",
        f"...{KEY[-12:]}",
    ],
)
def test_a_secret_is_blacked_out(text: str) -> None:
    clean = Redactor([KEY])(text)
    assert SECRET in clean
    assert not any(KEY[start : start + 10] in clean for start in range(len(KEY) - 9))


def test_each_occurrence_becomes_one_mark() -> None:
    assert Redactor([KEY])(f"{KEY} y {KEY}") == f"{SECRET} y {SECRET}"


def test_one_secret_inside_another() -> None:
    assert Redactor(["clave", "clave-larga-0123"])("x clave-larga-0123 x clave x") == f"x {SECRET} x {SECRET} x"


def test_plain_text_is_untouched() -> None:
    assert Redactor([KEY])("503 Retry-After: 3600") == "503 Retry-After: 3600"
    assert Redactor([])("nada") == "nada"


def test_very_short_values_are_no_secrets() -> None:
    assert Redactor(["si", ""])("sin sistema") == "sin sistema"


def test_secrets_are_found_at_any_depth() -> None:
    assert list(strings({"a": ["x", {"b": 7}], "c": None, "d": True})) == ["x", "7"]
