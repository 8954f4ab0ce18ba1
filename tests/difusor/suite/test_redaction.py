"""No secret reaches a results file, whole, shortened or encoded."""

import base64
import html
import json
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

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


ODD = 'ñandú/9b+27 "d4e0" <&> \\ fin-largo'


@pytest.mark.parametrize("secret", [KEY, ODD])
@pytest.mark.parametrize(
    "written",
    [
        json.dumps,
        lambda secret: json.dumps(json.dumps(secret)),
        lambda secret: json.dumps(secret, ensure_ascii=False),
        lambda secret: quote(secret, safe=""),
        quote_plus,
        lambda secret: quote(secret, safe="").lower(),
        html.escape,
        lambda secret: secret.encode().hex(),
        lambda secret: base64.b64encode(f"a:{secret}".encode()).decode(),
        lambda secret: base64.b64encode(f"ab:{secret}:x".encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(f"abc:{secret}".encode()).decode(),
        lambda secret: "\n".join(textwrap.wrap(base64.b64encode(f"a:{secret}".encode()).decode(), 13)),
        lambda secret: "\n    ".join(secret[start : start + 9] for start in range(0, len(secret), 9)),
        lambda secret: "\n+     ".join(secret[start : start + 9] for start in range(0, len(secret), 9)),
        lambda secret: " │\n│ ".join(secret[start : start + 9] for start in range(0, len(secret), 9)),
        lambda secret: "\x1b[0m\x1b[31m".join(secret[start : start + 5] for start in range(0, len(secret), 5)),
        lambda secret: "\\\n".join(secret[start : start + 9] for start in range(0, len(secret), 9)),
    ],
)
def test_a_secret_is_blacked_out_however_it_is_written(secret: str, written: Callable[[str], str]) -> None:
    text = f"antes {written(secret)} después"
    clean = Redactor([secret])(text)
    assert clean.startswith("antes ") and clean.endswith(" después") and SECRET in clean
    assert len(clean.replace(SECRET, "")) < len("antes  después") + 10, clean


def test_a_short_secret_inside_base64() -> None:
    assert SECRET in Redactor(["s3cr3t"])(base64.b64encode(b"ab:s3cr3t").decode())


def test_lines_that_hold_no_secret_are_untouched() -> None:
    text = "\x1b[31mPLAY RECAP\x1b[0m ***\n  difusor : ok=3\n+ uno\n- dos\n│ tres │\n\\n"
    assert Redactor([KEY, ODD])(text) == text


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
