"""The manifest's reader accepts what the writer writes, and refuses everything else with a reason."""

from __future__ import annotations

import ast
import json
import sys
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from corte_kit import GOOD
from hypothesis import given, settings
from hypothesis import strategies as st

import corte
from corte.format import instants, manifest, paths
from corte.format.manifest import Entry
from corte.format.refusal import Refusal

DOCUMENT: dict[str, Any] = json.loads(GOOD.to_bytes())

names = st.text(st.characters(codec="utf-8"), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def canonical(document: object) -> bytes:
    return (json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode("utf-8", "surrogatepass")


def refused(raw: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        manifest.read(raw)
    return caught.value


def test_what_is_written_is_read():
    assert manifest.read(GOOD.to_bytes()) == GOOD


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_refusal(raw: bytes):
    refused(raw)


@given(json_values)
def test_arbitrary_json_raises_nothing_but_refusal(value: object):
    refused(canonical(value))


@given(st.sampled_from(sorted(DOCUMENT)), json_values)
def test_a_changed_value_is_refused_or_read_as_written(key: str, value: object):
    raw = canonical({**DOCUMENT, key: value})
    try:
        assert manifest.read(raw).to_bytes() == raw
    except Refusal as refusal:
        assert refusal.code in ("manifest", "path", "outdated")


@settings(max_examples=300)
@given(st.lists(names, min_size=1, max_size=4).map("/".join))
def test_no_path_escapes_the_tree(tmp_path_factory: pytest.TempPathFactory, path: str):
    raw = canonical({**DOCUMENT, "files": {path: {"size": 1, "sha256": "a" * 64}}})
    try:
        read = manifest.read(raw)
    except Refusal:
        return
    top = Path("/srv/tree")
    for accepted in read.files:
        assert (top / accepted).is_relative_to(top)
        assert ".." not in accepted.split("/") and not accepted.startswith("/")
        assert accepted.isprintable()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../x", "a/../x", "a//b", "a/", "", ".", "..", "a/./b", ".oculto", "a/.oculto/b", "a\\b",
        "a\nb", "a\x00b", "a\x7fb", "a\u200bb", "a\u202eb", "cafe\u0301.csv", " a", "a ", "a.",
        "x" * 201, "/".join("abcdefghijklmnopq"), "y/" * 300 + "z", "\ud800", "corte.json", "corte.json.sig",
        "con:stream", "a*", "a?", "a|b", '"',
    ],
)  # fmt: skip
def test_a_bad_path_is_refused(path: str):
    refused(canonical({**DOCUMENT, "files": {path: {"size": 1, "sha256": "a" * 64}}}))


@pytest.mark.parametrize(
    "pair",
    [
        ("Datos/a.json", "datos/b.json"), ("a.JSON", "a.json"), ("straße", "STRASSE"), ("ﬁn.csv", "fin.csv"),
        ("ñ.csv", "Ñ.csv"), ("a", "a/b"), ("x/K.csv", "x/k.csv"),
        ("x/a.csv", "x/a.csv.gz"), ("x/a.csv", "corte.json.gz"), ("x/a.csv", "Corte.json"),
    ],
)  # fmt: skip
def test_names_that_clash_on_a_disk_or_a_server_are_refused(pair: tuple[str, str]):
    entries = {path: {"size": 1, "sha256": "a" * 64} for path in pair}
    assert refused(canonical({**DOCUMENT, "files": entries})).code == "path"


TRICKY = st.lists(
    st.sampled_from([
        "a", "B", "7", "-", "_", ".", "..", "/", "//", " ", "~", "ñ", "\n", "\0", "\\", '"', ".gz", ".jpg", ".BAK",
        ".sql", "healthz", "_aviso", "x" * 90, "y/" * 8,
    ]),
    max_size=8,
).map("".join)  # fmt: skip
"""Paths made of what separates a good one from a bad one."""


@settings(max_examples=500)
@given(st.lists(TRICKY, min_size=1, max_size=4))
def test_paths_that_are_judged_together_are_judged_as_each_by_itself(names: list[str]):
    """Most paths of a corte are let pass in one step; none of them may be one that the full check refuses."""

    def is_taken(path: str) -> bool:
        try:
            paths.check(path)
            paths._check_served(path)
        except Refusal:
            return False
        return True

    doubtful = paths._doubtful(names)
    assert all(is_taken(name) for name in names if name not in doubtful)
    if not all(map(is_taken, names)):
        with pytest.raises(Refusal):
            paths.check_all(names)


@pytest.mark.parametrize("path", ["Baños de Tepetate/año 2024.csv", "20240603_0210_PREP_MOR.zip", "a/b/c-d_e.f+g@h.js"])
def test_the_institutes_names_are_fine(path: str):
    paths.check_all([path])


def canonical_of(document: dict[str, Any]) -> bytes:
    """Return the canonical form but for the order of the files."""
    return json.dumps({key: document[key] for key in sorted(document)}, ensure_ascii=False, indent=1).encode() + b"\n"


def _edited(edits: list[tuple[int, int, str]]) -> bytes:
    text = (
        replace(GOOD, files={**GOOD.files, "a/b.csv": Entry(0, "0" * 64), "é.csv": Entry(12, "1" * 64)})
        .to_bytes()
        .decode()
    )
    for place, length, inserted in edits:
        place %= len(text)
        text = text[:place] + inserted + text[place + length :]
    return text.encode()


def _outcome(raw: bytes) -> object:
    try:
        return manifest.read.__wrapped__(raw)
    except Refusal as refusal:
        return refusal.code, str(refusal)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000),
            st.integers(0, 3),
            st.sampled_from(
                ["", "", ",", " ", "\n", "0", "a", '"', "\\", "{", "}", "\n }", '\n "files": {', "é", "-", "."]
            ),
        ),
        max_size=2,
    )
)
def test_a_list_of_files_in_canonical_form_is_read_as_by_the_json_reader(edits: list[tuple[int, int, str]]):
    raw = _edited(edits)
    quick = _outcome(raw)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manifest, "_without_files", lambda text: ({}, text))
        assert _outcome(raw) == quick


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("duplicate key", GOOD.to_bytes().replace(b' "sequence": 7,', b' "sequence": 7,\n "sequence": 8,')),
        ("duplicate path", GOOD.to_bytes().replace(b'"index.html"', b'"datos/corte.json"')),
        ("spaces", GOOD.to_bytes() + b"\n"),
        ("byte order mark", b"\xef\xbb\xbf" + GOOD.to_bytes()),
        ("escapes", json.dumps(DOCUMENT, sort_keys=True, indent=1).replace("index", "\\u0069ndex").encode() + b"\n"),
        ("key order", json.dumps(dict(reversed(DOCUMENT.items())), indent=1).encode() + b"\n"),
        ("file order", canonical_of(DOCUMENT | {"files": dict(reversed(DOCUMENT["files"].items()))})),
        ("comma", GOOD.to_bytes().replace(b"  },\n", b"  }\n", 1).replace(b"  }\n }", b"  },\n }")),
        ("a space for a comma", GOOD.to_bytes().replace(b"  },\n", b"  } \n", 1)),
        ("truncated", GOOD.to_bytes()[:-20]),
        ("a float", GOOD.to_bytes().replace(b"7,", b"7.0,")),
        ("a long number", GOOD.to_bytes().replace(b"7,", b"7" * 5_000_000 + b",")),
        ("endless data", b" " * (manifest.MAX_BYTES + 1)),
        ("depth", b"[" * 200_000),
    ],
)
def test_another_form_of_the_same_is_refused(what: str, raw: bytes):
    assert refused(raw).code == "manifest"


@pytest.mark.parametrize(
    "change",
    [
        {"format": 3}, {"format": True}, {"environment": "oficial"}, {"election": "Estatal 2024"},
        {"sequence": -1},
        {"sequence": True}, {"sequence": "7"}, {"corte": "2024-06-03T02:00:00"}, {"corte": "2024-06-02T20:00:00-06:00"},
        {"corte": "2024-02-30T02:00:00Z"}, {"files": {}}, {"files": []}, {"extra": 1}, {"interval_minutes": 0},
        {"window": {"opens": "2024-06-04T02:00:00Z", "closes": "2024-06-03T02:00:00Z",
                    "retain_until": "2024-06-05T02:00:00Z"}},
        {"files": {"a": {"size": -1, "sha256": "a" * 64}}}, {"files": {"a": {"size": 1, "sha256": "A" * 64}}},
        {"files": {"a": {"size": 1, "sha256": "a" * 64, "mode": 511}}}, {"files": {"a": {"size": 1}}},
        {"files": {"a": {"sha256": "a" * 64, "mode": 511}}}, {"files": {"a": {"size": True, "sha256": "a" * 64}}},
        {"files": {"a": {"size": 1, "sha256": ["a"] * 64}}}, {"files": {"a": "size sha256"}}, {"files": {"a": None}},
        {"files": {"size": 1, "sha256": "a" * 64}}, {"window": {"size": 1, "sha256": "a" * 64}},
        {"standing": {"size": 1, "sha256": "a" * 64}},
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused(change: dict[str, Any]):
    assert refused(canonical({**DOCUMENT, **change})).code == "manifest"


class _Lenient(datetime):
    """Reads the hour 24 as the next midnight, as Python does from 3.14 on."""

    @classmethod
    def fromisoformat(cls, text: str) -> _Lenient:  # type: ignore[override]
        return super().fromisoformat(text.replace("T24:", "T23:"))


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_an_instant_in_digits_is_read_as_strptime_reads_it(instant: datetime):
    digits = instant.replace(microsecond=0).strftime("%Y%m%d%H%M%S").rjust(14, "0")
    assert instants.of_digits(digits) == instant.replace(microsecond=0, tzinfo=UTC)
    assert instants.of_digits(digits[:12]) == instant.replace(second=0, microsecond=0, tzinfo=UTC)


@pytest.mark.parametrize("digits", ["20241301000000", "20240230000000", "20240603240000", "20240603020060", "0" * 14])
def test_digits_of_no_instant_are_refused(digits: str):
    with pytest.raises(ValueError):
        instants.of_digits(digits)


def test_the_hour_24_is_refused_whatever_the_python(monkeypatch: pytest.MonkeyPatch):
    """A machine with a newer Python would sign, or write down, what the others cannot read."""
    monkeypatch.setattr(instants, "datetime", _Lenient)
    assert refused(canonical({**DOCUMENT, "corte": "2024-06-03T24:00:00Z"})).code == "manifest"
    with pytest.raises(ValueError, match="«2024-06-03T24:00:00Z» dice la hora 24, que no hay; escriba las 00:00 del"):
        instants.parse_offset("2024-06-03T24:00:00Z")
    assert instants.parse_offset("2024-06-03T20:24:24-05:24").minute == 48


def test_an_earlier_format_is_refused_as_such():
    """It is no fault of who shows it; nothing else of it is judged."""
    assert refused(canonical({**DOCUMENT, "format": 1, "files": None})).code == "outdated"


def test_a_corte_of_every_acta_image_is_read_quickly():
    files = {f"actas/{number:05}.jpg": Entry(300_000, f"{number:064x}") for number in range(12_000)}
    assert len(manifest.read(replace(GOOD, files=files).to_bytes()).files) == 12_000


def test_reading_takes_little_more_memory_than_what_is_read():
    """A corte of 200,000 files must not use up the memory of a small server."""
    files = {f"actas/{number:05}.jpg": Entry(300_000, f"{number:064x}") for number in range(12_000)}
    raw = replace(GOOD, files=files).to_bytes()
    tracemalloc.start()
    try:
        manifest.read(raw)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5 * len(raw)


def test_the_code_is_for_python_3_9_and_needs_only_its_library():
    known = {*sys.stdlib_module_names, "corte"}
    for file in sorted(Path(corte.__file__).parent.rglob("*.py")):
        parsed = ast.parse(file.read_text(), feature_version=(3, 9))
        for node in ast.walk(parsed):
            if isinstance(node, ast.Import):
                assert all(alias.name.split(".")[0] in known for alias in node.names), file
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module and node.module.split(".")[0] in known, file


@pytest.mark.parametrize(
    "orders",
    [[], ["hold", "resume"], ["resume", "clock-override"], ["hold", "hold"], ["open"], "hold", [1], [{}], None],
)
def test_malformed_unknown_or_contradicting_orders_are_refused(orders: object):
    document = json.loads(GOOD.to_bytes())
    document["orders"] = orders
    with pytest.raises(Refusal):
        manifest.read((json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1) + "\n").encode())


def test_orders_are_read_back():
    ordered = replace(GOOD, orders=("clock-override", "hold"))
    assert manifest.read(ordered.to_bytes()) == ordered
    assert b'"orders"' not in GOOD.to_bytes()
