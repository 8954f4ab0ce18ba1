"""`difusor audit`: one altered byte anywhere is found, and an honest mirror passes."""

from __future__ import annotations

import asyncio
import errno
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, as_completed
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from corte_kit import FILES, write_files
from publish_kit import answer as wire
from publish_kit import command_of, make_target, without_end

from corte.format import instants, manifest, signature
from corte.format.manifest import Entry, Window
from corte.format.refusal import Refusal
from corte.format.standing import HoldOrder, Standing
from difusor.commands import audit
from difusor.inventory import load_election
from difusor.inventory.parts import Front
from difusor.project import ROOT, UnusableError
from difusor.publish import (
    age,
    comparison,
    deliver,
    front,
    other_addresses,
    paced,
    roads,
    served,
    signing,
    standing,
    stopping,
    target,
)
from difusor.publish.mirror import PATH, Mirror
from difusor.publish.seen import Published, Seen, Shown
from difusor.publish.signing import IDENTITY, SignedCorte
from difusor.publish.standing import Records
from difusor.servers import child
from difusor.terminal import local

Serve = Callable[[dict[str, Any]], None]


@pytest.fixture
def signed(tmp_path: Path, election: Path, key: Path) -> SignedCorte:
    identity = {"secuencia": 7, "corte": "2024-06-03T03:10:00Z"}
    more = {
        "datos/corte.json": json.dumps(identity).encode(),
        "a ñ.csv": b"x",
        "actas/1.jpg": b"\xff\xd8" * 500,
        "actas/2.jpg": b"\xff",
    }
    write_files(tmp_path / "corte", {**FILES, **more})
    return signing.sign(tmp_path / "corte", load_election(election), key)


@pytest.fixture
def serve(signed: SignedCorte, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Have the mirror serve the signed tree, except for given answers; it refuses a.csv once, as asked too fast.

    An answer is given for a path, or for `address path`, `path form`, `path?`, `path HEAD` or `path Range`; it is
    bytes, or a function that makes a response.
    """

    def install(own: dict[str, Any]) -> None:
        sha256 = manifest.digest((signed.folder / manifest.NAME).read_bytes())
        status = json.dumps({"shown": {"manifest_sha256": sha256}}).encode()
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            path = request.url.path
            asked.append(path)
            if path.endswith("a.csv") and asked.count(path) == 1:
                return wire(b"Demasiado aprisa", 429)
            part = request.headers.get("Range", "")
            ways = (
                f"{request.url.host} {path}", f"{path} {request.method}", f"{path}?" if request.url.query else "",
                f"{path} Range" if part else "", f"{path} {request.headers['Accept-Encoding']}", path,
            )  # fmt: skip
            if (given := next((own[way] for way in ways if way in own), None)) is not None:
                return given() if callable(given) else wire(given)
            if path == PATH:
                return wire(status)
            file = signed.folder / path.removeprefix("/prep/")
            if not path.startswith("/prep/") or not file.is_file():
                return wire(b"", 404)
            content = file.read_bytes()
            if request.method == "HEAD":
                return wire(b"", **{"Content-Length": str(len(content))})
            if part:
                first, last = map(int, part.removeprefix("bytes=").split("-"))
                return wire(content[first : last + 1], 206, **{"Content-Range": f"bytes {first}-{last}/{len(content)}"})
            return wire(content)

        def make(self: Mirror, target: target.Target, *_: object, **__: object) -> None:
            self.url, self.extensions, self.problem = f"https://{target.address}{PATH}", {}, ""
            self.target = target
            self.client = httpx.AsyncClient(transport=httpx.MockTransport(answer))

        monkeypatch.setattr(Mirror, "__init__", make)
        monkeypatch.setattr(paced.time, "sleep", lambda _: None)
        monkeypatch.setattr(roads, "SAMPLE", 100)
        monkeypatch.setattr(other_addresses, "_addresses", lambda target: ([], []))
        monkeypatch.setattr(other_addresses, "KEPT_SECONDS", 0)

    return install


def glance_at(one: target.Target) -> comparison.Comparison:
    """Look at a mirror as the watch of the list does."""
    return comparison.glance(one, None, 60, Seen())


def test_an_honest_mirror_is_authentic(serve: Serve, signed: SignedCorte, election: Path):
    serve({})
    found = comparison.compare(make_target(election, path="/prep/"), expected=signed.sha256)
    assert (found.result, found.files, found.sequence) == ("authentic", 6, 7), found


@pytest.mark.parametrize("ask", [comparison.compare, glance_at], ids=["audit", "list"])
def test_a_corte_of_an_earlier_version_is_old_and_not_another(
    serve: Serve, signed: SignedCorte, election: Path, key: Path, ask: Callable[..., comparison.Comparison]
):
    """An honest mirror of version 0.1.0 was said to have altered what the institute signed."""
    document = {**json.loads(signed.raw), "format": 1}
    del document["standing"]
    raw = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
    armour = signature.sign(raw, key, signed.manifest.election)
    serve({f"/prep/{manifest.NAME}": raw, f"/prep/{manifest.SIGNATURE_NAME}": armour})
    found = ask(make_target(election, path="/prep/"))
    assert (found.result, found.good, found.differences) == ("old", False, [])
    assert "versión anterior" in found.detail and "./difusor apply -i X" in found.detail
    serve({f"/prep/{manifest.NAME}": raw})
    assert ask(make_target(election, path="/prep/")).result == "altered", "anybody could write that"


def test_a_difusor_off_the_list_may_show_nothing_and_its_table_says_so(serve: Serve, election: Path):
    def compare() -> tuple[str, bool, str]:
        found = comparison.compare(make_target(election, path="/prep/", revoked="fuera de la lista desde hoy"))
        return found.result, found.good, found.detail

    pages = ("/prep/", "/prep/corte.json", "/prep/datos/corte.json")
    serve({})
    assert compare()[:2] == ("showing", False)
    for status, words in ((410, "muestra el aviso"), (503, "pero tampoco el aviso")):
        serve(dict.fromkeys(pages, partial(wire, b"", status)))
        result, good, detail = compare()
        assert (result, good) == ("off", True) and words in detail
    serve(dict.fromkeys(pages, partial(wire, b"", 410)) | {"/prep/datos/corte.json": b"{}"})
    assert compare()[:2] == ("showing", False)
    assert audit.WORDS.keys() >= {"off", "showing"}


def test_a_difusor_off_the_list_shows_nothing_where_its_link_leads_either(
    serve: Serve, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its server showed the notice, and citizens saw the results at another address of its name."""
    pages, there = ("/prep/", "/prep/corte.json", "/prep/datos/corte.json"), "192.0.2.7"
    closed = dict.fromkeys(pages, partial(wire, b"", 410))
    gone = {f"{there} {path}": partial(wire, b"", 404) for path in pages}
    off = make_target(election, path="/prep/", fqdn="prep.norte.mx", revoked="fuera de la lista desde hoy")
    site = replace(off, is_coming_back=True)
    results = {f"{there} /prep/datos/corte.json": b'{"secuencia": 7}'}
    page = {f"{there} {path}": b"<!doctype html>" for path in pages}
    for own, result, words in (
        (gone, "off", "su sitio muestra el aviso"),
        ({**gone, **results}, "showing", f"en su dirección IPv4 {there} aún hay resultados"),
        (page, "off", f"; en su dirección IPv4 {there} responde una página: véala"),
        ({f"{there} /prep/": late}, "off", "su sitio muestra el aviso"),
    ):
        serve({**closed, **own})
        monkeypatch.setattr(other_addresses, "_addresses", lambda _: ([("IPv4", "10.0.0.1"), ("IPv4", there)], []))
        found = comparison.compare(off)
        assert (found.result, found.good) == (result, result == "off") and words in found.detail, found
        assert result == "off" or ("./difusor revoke X" in found.detail and "DNS" in found.detail)
    serve({**closed, **results})
    monkeypatch.setattr(other_addresses, "_addresses", lambda _: ([("IPv4", there)], ["IPv6"]))
    found = comparison.compare(site)
    assert found.result == "showing" and "./difusor restore X" in found.detail and "revoke" not in found.detail
    serve({**closed, **gone})
    monkeypatch.setattr(other_addresses, "_addresses", lambda _: ([("IPv4", there)], ["IPv6"]))
    assert "; no se pudo saber qué direcciones IPv6 tiene prep.norte.mx" in comparison.compare(off).detail


def test_what_is_advised_of_a_difusor_that_is_coming_back_does_not_take_it_off_again(serve: Serve, election: Path):
    """One of two servers did not answer `restore`, and the advice for the other was `revoke`."""
    serve({})
    for is_coming_back, verb, other in ((True, "restore", "revoke"), (False, "revoke", "restore")):
        off = make_target(election, path="/prep/", revoked="fuera de la lista", is_coming_back=is_coming_back)
        found = comparison.compare(off)
        assert found.result == "showing" and f"./difusor {verb} X --reason" in found.detail
        assert other not in found.detail


@pytest.mark.parametrize("said_by", ["corte", "institute"])
def test_in_light_mode_a_mirror_may_hold_back_the_actas_and_nothing_else(
    serve: Serve, signed: SignedCorte, election: Path, key: Path, said_by: str
):
    def compare() -> comparison.Comparison:
        return comparison.compare(make_target(election, path="/prep/"), standing=standing)

    standing = Standing(light_at=signed.manifest.generated) if said_by == "institute" else None
    if said_by == "corte":
        signing.sign(signed.folder, load_election(election), key, orders=("light",))
    page = b"<!doctype html><title>Modo ligero</title>"
    held, forged = partial(wire, page, 503), partial(wire, b"\xff\xd8\xff another acta", 503)
    for own in ({"/prep/actas/1.jpg": held}, {"/prep/actas/1.jpg": held, "/prep/actas/2.jpg": held}):
        serve(own)
        assert compare().result == "authentic"
    serve({"/prep/actas/1.jpg": held, "/prep/actas/2.jpg": partial(wire, page + b"<p>9", 503)})
    assert compare().differences == ["actas/2.jpg responde 503 con otro aviso que los demás"]
    for path, wrong in (
        ("actas/1.jpg", partial(wire, b"", 404)),
        ("actas/1.jpg", b"other"),
        ("actas/1.jpg", forged),
        ("actas/1.jpg", partial(wire, page.ljust(10**5), 503)),
        ("descargas/a.csv", held),
    ):
        serve({f"/prep/{path}": wrong})
        found = compare()
        assert (found.result, found.differences[0].partition(" ")[0]) == ("altered", path)


@pytest.mark.parametrize(
    ("own", "word"),
    [
        ({"/prep/descargas/a.csv": b"a|c\n"}, "no es el que se firmó"),
        ({"/prep/descargas/a.csv": b"a|b\n" * 1000}, "no es el que se firmó"),
        ({"/prep/datos/congreso.json": b""}, "no es el que se firmó"),
        ({"/prep/descargas/a.csv identity": b"a|c\n"}, "sin comprimir, no es el que se firmó"),
        ({"/prep/descargas/a.csv gzip": b"a|c\n"}, "a.csv no es el que se firmó"),
        ({"/prep/corte.json": b"{}"}, "El manifiesto"),
        ({"/prep/corte.json.sig": b"x"}, "La firma no es"),
        ({"/prep/corte.json identity": b"{}"}, "corte.json, sin comprimir, no es el que se firmó"),
        ({"/prep/actas/1.jpg gzip": b"\xff"}, "1.jpg no es el que se firmó"),
        ({"/prep/actas/1.jpg": partial(wire, b"Modo ligero", 503)}, "actas/1.jpg responde 503"),
        ({"/prep/descargas/a.csv?": b"a|c\n"}, "a.csv, con argumentos, no es el que se firmó"),
        ({"/prep/descargas/a.csv?": partial(wire, b"", 502)}, "a.csv, con argumentos, responde 502"),
        ({"/prep/descargas/a.csv Range": b"a|c\n"}, "a.csv, por partes, no es el que se firmó"),
        ({"/prep/descargas/a.csv Range": partial(wire, b"a", 206)}, "a.csv, por partes, no es el que se firmó"),
        ({"/prep/descargas/a.csv HEAD": partial(wire, b"", 404)}, "a.csv, solo sus encabezados, responde 404"),
        (
            {"/prep/descargas/a.csv HEAD": partial(wire, b"", **{"Content-Length": "9"})},
            "a.csv, solo sus encabezados, dice otro tamaño",
        ),
        ({"/prep//descargas/a.csv": b"a|c\n"}, "a.csv, pedido como /prep//descargas/a.csv, no es el que se firmó"),
        ({"/descargas/a.csv": b"a|c\n"}, "a.csv, pedido como /descargas/a.csv, no es el que se firmó"),
        ({PATH: b'{"shown": null}'}, "nombra otro manifiesto"),
    ],
)
def test_an_altered_mirror_is_found(serve: Serve, election: Path, own: dict[str, bytes], word: str):
    serve(own)
    found = comparison.compare(make_target(election, path="/prep/"))
    assert found.result == "altered"
    assert word in found.detail


def test_a_missing_file_and_another_corte_are_told(serve: Serve, signed: SignedCorte, election: Path):
    (signed.folder / "a ñ.csv").unlink()
    serve({})
    found = comparison.compare(make_target(election, path="/prep/"), expected="f" * 64)
    assert found.differences[:3] == [
        f"muestra el manifiesto {signed.sha256[:16]}… y no {'f' * 16}…",
        "a ñ.csv responde 404",
        "a ñ.csv, sin comprimir, responde 404",
    ]
    assert all(said.startswith("a ñ.csv, ") for said in found.differences[3:])


def test_a_corte_of_another_opening_is_not_the_one_to_show(serve: Serve, election: Path):
    """Its signature is valid, and by its own window it is the last one: an earlier rehearsal's, for instance."""
    serve({})
    election.write_text(election.read_text().replace("2024-06-03T02:00:00Z", "2024-06-03T02:30:00Z"))
    found = comparison.compare(make_target(election, path="/prep/"))
    assert found.differences == ["muestra un corte de otra apertura: 2024-06-03T02:00:00Z y no 2024-06-03T02:30:00Z"]


def test_every_address_of_the_page_is_compared(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    serve({"2001:db8::7 /prep/corte.json.sig": b"x"})
    monkeypatch.setattr(
        other_addresses, "_addresses", lambda _: ([("IPv4", "192.0.2.7"), ("IPv6", "[2001:db8::7]")], [])
    )
    found = comparison.compare(make_target(election, path="/prep/"))
    assert found.differences == ["en su dirección IPv6 [2001:db8::7], corte.json.sig no es el que se firmó"]


def test_images_leave_no_file_with_results_undrawn():
    """By lot over all of them, of thirty files among sixty thousand images hardly one was ever drawn."""
    files = {f"actas/{number}.jpg": Entry(1, "") for number in range(60_000)} | {"datos/corte.json": Entry(1, "")}
    drawn = roads.sample(files)
    assert "datos/corte.json" in drawn and len(drawn) == 2
    assert len(roads.sample({f"datos/{number}.json": Entry(1, "") for number in range(9)})) == roads.SAMPLE


def test_the_addresses_of_a_name_that_are_not_compared_are_told(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """Behind the first two an old server was never compared, and the mirror was good."""
    serve({})
    named = [("IPv4", f"192.0.2.{number}") for number in range(9)]
    monkeypatch.setattr(other_addresses, "_addresses", lambda _: (named, []))
    page = make_target(election, path="/prep/", address="192.0.2.0")
    told = "prep.norte.test tiene 6 direcciones más, que esta vez no se miraron: repita, que se eligen al azar"
    assert comparison.compare(page).warnings == [told] and other_addresses.others(page)[1] == [told]
    assert {each for _ in range(200) for each in other_addresses._others(page, named)} == {*named[1:]}


def test_the_addresses_of_a_name_are_of_both_families(election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "bin/getent"
    program.parent.mkdir()
    program.write_text(
        """#!/bin/sh
test "$2" = prep.norte.test || exit 2
case $1 in
  ahostsv4) printf '192.0.2.%s STREAM\\n' 7 7 8 9 ;;
  ahostsv6) printf '%s STREAM\\n' ::ffff:192.0.2.7 2001:db8::7 ;;
esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    page = make_target(election, address="192.0.2.7")
    assert other_addresses._others(page, other_addresses._addresses(page)[0]) == [
        ("IPv4", "192.0.2.8"), ("IPv4", "192.0.2.9"), ("IPv6", "2001:db8::7"),
    ]  # fmt: skip
    program.write_text("#!/bin/sh\nexec sleep 60\n")  # pace: a name server that does not answer
    monkeypatch.setattr(other_addresses, "RESOLVING", replace(other_addresses.RESOLVING, seconds=0.1))
    told = [f"no se pudo saber qué direcciones {family} tiene prep.norte.mx" for family in ("IPv4", "IPv6")]
    page = replace(page, fqdn="prep.norte.mx")
    assert other_addresses.compare(page, None, {}, 0.0, lambda *_: None) == other_addresses.OtherAddresses(unasked=told)


def test_a_name_server_that_hides_one_family_hides_no_address_of_the_other(
    serve: Serve, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """Once a name server that never answered for IPv6 left the second IPv4 address, with other bytes, uncompared."""

    def resolve(command: list[str], _: child.Bounds) -> child.Finished:
        if command[1] == "ahostsv6":
            raise child.TooLongError(b"", b"")
        return child.Finished(0, b"192.0.2.7 STREAM\n", b"")

    addresses = other_addresses._addresses
    serve({"192.0.2.7 /prep/corte.json.sig": b"x"})
    monkeypatch.setattr(other_addresses, "_addresses", addresses)
    monkeypatch.setattr(other_addresses.child, "run", resolve)
    found = comparison.compare(make_target(election, path="/prep/", fqdn="prep.norte.mx"))
    assert found.differences == ["en su dirección IPv4 192.0.2.7, corte.json.sig no es el que se firmó"]
    assert found.warnings == ["no se pudo saber qué direcciones IPv6 tiene prep.norte.mx"]


NAMED = "[2001:db8::7]"


@pytest.mark.parametrize(
    ("named", "changes", "lost"),
    [
        ([], {}, "prep.norte.mx no tiene dirección"),
        (["192.0.2.7", NAMED], {}, f"prep.norte.mx lleva a 192.0.2.7, {NAMED}, y ahí nadie responde; no lleva a 10."),
        (["192.0.2.7", "192.0.2.8"], {}, ""),
        (["192.0.2.7", "10.0.0.1"], {}, ""),
        (["192.0.2.7", NAMED], {"address": "[2001:DB8:0::7]"}, ""),
        ([NAMED], {"public_address": "192.0.2.7"}, f"prep.norte.mx lleva a {NAMED}, y ahí nadie responde"),
        (["192.0.2.7", NAMED], {"public_address": "2001:db8::7"}, ""),
        ([], {"address": "prep.norte.mx"}, ""),
        ([], {"front": Front(name="www.norte.mx", program="nginx", addresses=["192.0.2.7"])}, ""),
        ([], {"fqdn": "prep.norte.test"}, ""),
    ],
    ids=[
        "nowhere", "to the dead", "elsewhere too", "here too", "spelling", "not to the public address",
        "to the public address", "by its name", "behind a site", "a lab",
    ],
)  # fmt: skip
def test_a_page_whose_name_leads_nowhere_is_not_good(
    serve: Serve, election: Path, monkeypatch: pytest.MonkeyPatch, named: list[str], changes: dict[str, Any], lost: str
):
    """Its server may answer at the inventory's address as ever when the domain has lapsed."""
    dead = partial(wire, b"", **{"Content-Encoding": "br"})
    serve({f"{address} /prep/corte.json": dead for address in ("192.0.2.7", NAMED.strip("[]"))})
    addresses = [("IPv6" if ":" in each else "IPv4", each) for each in named]
    monkeypatch.setattr(other_addresses, "_addresses", lambda _: (addresses, []))
    found = comparison.compare(make_target(election, **{"path": "/prep/", "fqdn": "prep.norte.mx", **changes}))
    assert (found.result, found.good) == (("unreachable", False) if lost else ("authentic", True)), found
    assert not lost or found.detail.startswith(lost)
    assert all(told.startswith("desde esta máquina no se pudo comparar en su dirección IPv") for told in found.warnings)


def test_an_address_that_does_not_answer_is_only_told(serve: Serve, election: Path, monkeypatch: pytest.MonkeyPatch):
    serve({"192.0.2.7 /prep/corte.json": partial(wire, b"", **{"Content-Encoding": "br"})})
    monkeypatch.setattr(other_addresses, "_addresses", lambda _: ([("IPv4", "192.0.2.7"), ("IPv4", "10.0.0.1")], []))
    found = comparison.compare(make_target(election, path="/prep/", fqdn="prep.norte.mx"))
    assert found.good and "no se pudo comparar en su dirección IPv4 192.0.2.7" in found.warnings[0]


def test_a_mirror_is_asked_at_a_bounded_rate(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    serve({})
    paused: list[float] = []
    # The clock stands still, so that every request but the first comes too early.
    monkeypatch.setattr(paced, "time", SimpleNamespace(sleep=paused.append, monotonic=lambda: 100.0))
    with Mirror(make_target(election)) as mirror:
        slow = paced.Paced(mirror, rate=50)
        for _ in range(4):
            slow.get(f"https://10.0.0.1/prep/{IDENTITY}", paced.Content(1000))
    assert paused == pytest.approx([0.0, 0.02, 0.04, 0.06])


def test_a_mirror_that_never_ends_is_given_up(serve: Serve, election: Path):
    serve({"/prep/corte.json": without_end(b"a")})
    found = comparison.compare(make_target(election, path="/prep/"), limit=0)
    assert (found.result, found.detail) == ("unreachable", "no terminó de responder a tiempo")


def spend(serve: Serve, monkeypatch: pytest.MonkeyPatch, own: dict[str, Any]) -> None:
    """Have a mirror's time end at the first image of an acta."""
    clock = SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0.0)

    def last() -> httpx.Response:
        clock.monotonic = lambda: 1000.0
        raise httpx.ReadTimeout("no terminó de responder a tiempo")

    monkeypatch.setattr(comparison, "time", clock)
    monkeypatch.setattr(served, "time", clock)
    monkeypatch.setattr(roads, "differences", lambda *_: [])
    serve({"/prep/actas/1.jpg": last, **own})


@pytest.mark.parametrize(
    ("own", "result", "detail"),
    [
        ({}, "unchecked", "se compararon 4 de 6 archivos; dé más con --minutes"),
        ({"/prep/descargas/a.csv": b"a|c\n"}, "altered", "descargas/a.csv no es el que se firmó"),
    ],
    ids=["good", "altered"],
)
def test_a_mirror_whose_images_do_not_fit_into_the_time_is_judged_by_what_was_compared(
    serve: Serve, election: Path, monkeypatch: pytest.MonkeyPatch, own: dict[str, Any], result: str, detail: str
):
    """A corte of 60,000 images takes more than the usual ten minutes, and each good mirror was told not to answer."""
    spend(serve, monkeypatch, own)
    found = comparison.compare(make_target(election, path="/prep/"), limit=600)
    assert (found.result, found.detail) == (result, detail), found


def test_a_new_corte_that_came_before_the_time_was_over_makes_no_mirror_an_altered_one(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    shown = ["f" * 64, *[signed.sha256] * 3]

    def status() -> httpx.Response:
        return wire(json.dumps({"shown": {"manifest_sha256": shown.pop()}}).encode())

    spend(serve, monkeypatch, {"/prep/descargas/a.csv": b"a|c\n", PATH: status})
    found = comparison.compare(make_target(election, path="/prep/"), limit=600)
    assert (found.result, found.differences) == ("unchecked", [])


def test_audit_tells_at_once_that_the_files_take_more_time_than_given(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(target, "read", lambda _: [make_target(election, name, path="/prep/") for name in ("a", "b")])
    monkeypatch.setattr(served, "RATE", 0.01)
    serve({})
    for minutes, times in (("10", 1), ("30", 0)):
        done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--minutes", minutes])
        assert done.stderr.count("tarda 17 minutos o más; dé más con --minutes") == times, done.stderr


def test_a_mirror_without_corte_or_without_answer(serve: Serve, signed: SignedCorte, election: Path):
    serve({})
    assert comparison.compare(make_target(election, path="/otra/")).result == "empty"
    assert comparison.compare(make_target(election, address="127.0.0.1:1")).result in ("unreachable", "empty")


@pytest.mark.parametrize(
    ("state", "opens", "ends", "answer", "status"),
    [
        ("waiting", 1, 3, 503, 0),
        ("retired", -3, -1, 503, 0),
        ("waiting", -1, 1, 503, 1),
        ("unsynchronised", -1, 1, 503, 1),
        ("retired", -1, 1, 503, 1),
        ("open", 1, 3, 503, 1),
        ("open", -3, -1, 503, 1),
        ("waiting", 1, 3, 404, 1),
        ("retired", -3, -1, 500, 1),
    ],
)
def test_a_mirror_that_shows_nothing_is_good_where_nothing_is_to_be_shown(
    state: str, opens: int, ends: int, answer: int, status: int, serve: Serve, signed: SignedCorte, election: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """Before the opening, and after the end, by its own word and by this machine's clock; by one alone it is not.

    What answers something else than the gate does is another's, such as a folder that leads nowhere.
    """
    now = instants.now().replace(microsecond=0)
    window = Window(now + timedelta(hours=opens), *[now + timedelta(hours=ends)] * 2)
    one = make_target(election, path="/prep/")
    one = replace(one, election=one.election.within(window))
    monkeypatch.setattr(target, "read", lambda _: [one])
    said = json.dumps({"gate": {"state": state}}).encode()
    serve({"/prep/corte.json": partial(wire, b"", answer), PATH: said})
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json"])
    (row,) = json.loads(done.stdout)
    assert (done.exit_code, row["result"]) == (status, "empty" if status else "resting")
    assert status or row["detail"].startswith("no muestra nada, como debe: su ")
    assert glance_at(one).result == "empty", "the watch of the list judges that by what was published"
    if not status:  # the given corte is to be seen until later than this machine's election says
        monkeypatch.setattr(age, "due", lambda window, now: "no muestra el corte dado")
        words = ["-i", str(signed.folder), "--json", "--tree", str(signed.folder)]
        assert CliRunner().invoke(command_of(audit), words).exit_code == 0, "it is of another opening"
        monkeypatch.setattr(standing, "opening_of", lambda its: "this one")
        done = CliRunner().invoke(command_of(audit), words)
        assert (done.exit_code, json.loads(done.stdout)[0]["result"]) == (1, "empty")


def test_the_verb_ends_with_the_mirrors_word(
    serve: Serve, signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(target, "read", lambda _: [make_target(election, path="/prep/")])
    inventory = str(signed.folder)  # any folder will do: its content is replaced above
    serve({})
    good = CliRunner().invoke(command_of(audit), ["-i", inventory, "--json", "--tree", str(signed.folder)])
    assert (good.exit_code, json.loads(good.stdout)[0]["result"]) == (0, "authentic")
    serve({"/prep/descargas/a.csv": b"a|c\n"})
    assert CliRunner().invoke(command_of(audit), ["-i", inventory]).exit_code == 1
    assert not (tmp_path / "build/cortes").exists() or not list((tmp_path / "build/cortes").rglob("*.json")), (
        "it names no log"
    )


def test_the_last_line_counts_the_good_mirrors_and_names_the_others(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    addresses = {"norte": "10.0.0.1", "sur": "10.0.0.2", "este": "10.0.0.3"}
    three = [make_target(election, name, path="/prep/", address=each) for name, each in addresses.items()]
    monkeypatch.setattr(target, "read", lambda _: three)
    serve({"10.0.0.2 /prep/descargas/a.csv": b"a|c\n"})
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--tree", str(signed.folder)])
    assert done.stderr.splitlines()[-1] == "Bien: 2 de 3; falta: sur (distinto)", done.stderr


def test_each_mirror_is_judged_by_the_orders_of_its_own_election(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    own = make_target(election, "norte", path="/prep/")
    other = replace(own, name="ensayo", election=own.election.model_copy(update={"environment": "simulacro"}))
    gone = signed.manifest.withdrawn(signed.sha256, signed.manifest.generated)
    orders = {"official": Standing(withdrawn=(gone,)), "simulacro": Standing()}
    monkeypatch.setattr(Records, "standing", lambda self: orders[self.election.environment])
    monkeypatch.setattr(target, "read", lambda _: [other, own])
    serve({})
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json"])
    assert "que el Instituto retiró" in json.loads(done.stdout)[1]["detail"]


def test_what_nobody_foresaw_of_one_mirror_leaves_the_others_their_rows(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(target, "read", lambda _: [make_target(election, name, path="/prep/") for name in ("a", "b")])
    serve({})
    compare = comparison.compare

    def stumble(one: target.Target, *rest: Any) -> comparison.Comparison:
        return compare(one, *rest) if one.name == "b" else {}["nobody foresaw this"]

    monkeypatch.setattr(comparison, "compare", stumble)
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json", "--tree", str(signed.folder)])
    found = json.loads(done.stdout)
    assert (done.exit_code, [one["result"] for one in found]) == (1, ["unchecked", "authentic"])
    assert found[0]["detail"].startswith("falló este programa (KeyError")


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ("memory", "el sistema terminó ssh-keygen antes de tiempo"),
        ("room", "se llenó el disco"),
    ],
)
def test_a_fault_of_this_machine_accuses_no_mirror(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, lacking: str, told: str
):
    """It was an altered mirror to `audit`, a refused corte to `publish`, and a full disk a mirror that was gone."""

    def killed(*_: object, **__: object) -> None:
        raise Refusal("system", "El sistema terminó ssh-keygen antes de tiempo.")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/corte-x")

    serve({})
    one = make_target(election, path="/prep/")
    if lacking == "memory":
        monkeypatch.setattr(signature, "_ssh_keygen", killed)
    else:
        monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    sentence = f"esta máquina no pudo comprobarlo: {told}; corríjalo aquí y repita"
    found = comparison.compare(one)
    assert (found.result, found.detail, found.good) == ("unchecked", sentence, False)
    assert comparison.glance(one, None, 10, Seen()).result == "unchecked"
    sent = deliver.deliver(signed, one, deliver.Options())
    assert (sent.result, sent.detail) == ("failed", sentence)
    assert audit.WORDS["unchecked"] not in (audit.WORDS["altered"], audit.WORDS["unreachable"])


def test_an_inventory_that_cannot_be_read_leaves_the_others_their_rows(
    serve: Serve, signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def read(inventory: Path) -> list[target.Target]:
        if inventory.name == "malo":
            raise UnusableError("malo: rsync_secret: falta\nde veras" + ". Otra" * 100)
        return [make_target(election, path="/prep/")]

    monkeypatch.setattr(target, "read", read)
    (tmp_path / "malo").mkdir()
    serve({})
    bad, good = ["-i", str(tmp_path / "malo")], ["-i", str(signed.folder), "--tree", str(signed.folder)]
    for given, results in ((bad, ["unchecked"]), (bad + good, ["unchecked", "authentic"])):
        done = CliRunner().invoke(command_of(audit), [*given, "--json"])
        found = json.loads(done.stdout)
        assert (done.exit_code, [one["result"] for one in found]) == (1, results)
        assert found[0]["difusor"] == "malo"
        assert found[0]["detail"] == "malo: rsync_secret: falta de veras" + ". Otra" * 100


async def silent() -> AsyncIterator[bytes]:
    """Say nothing for as long as anybody listens."""
    await asyncio.sleep(300)  # pace: a mirror that hangs
    yield b""


def test_who_presses_ctrl_c_is_told_at_once_what_was_compared_by_then(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(works: list[Future[Any]]) -> Iterator[Future[Any]]:
        yield next(as_completed(works[:1]))
        raise KeyboardInterrupt

    both = [make_target(election, name, path="/prep/", address=f"10.0.0.{name}") for name in ("1", "2")]
    monkeypatch.setattr(target, "read", lambda _: both)
    monkeypatch.setattr(audit, "as_completed", interrupted)
    serve({"10.0.0.2 /prep/descargas/a.csv": silent()})
    started = time.monotonic()
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--tree", str(signed.folder), "--json"])
    assert done.exit_code == 130 and time.monotonic() - started < 120
    found = {one["difusor"]: (one["result"], one["detail"]) for one in json.loads(done.stdout)}
    assert found["1"][0] == "authentic" and found["2"] == ("unchecked", "se interrumpió antes de que terminara")
    first, second, *_ = done.stderr.splitlines()
    assert first.startswith("Se comparan 2 espejos, en 10 minutos a lo más. Con Ctrl-C se muestra")
    assert second.startswith("  1: auténtico (")
    assert "Se detiene; en 5 segundos a lo más" in done.stderr


def test_a_log_that_was_written_anew_all_night_is_told_in_three_lines(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """The table was gone from the screen under five thousand sentences."""
    faults = [f"falta {number}" for number in range(5000)]
    monkeypatch.setattr(Seen, "faults", lambda *_: faults)
    monkeypatch.setattr(target, "read", lambda _: [make_target(election, path="/prep/")])
    serve({})
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder)])
    told = [line for line in done.stderr.splitlines() if line.startswith("✗")]
    assert told == ["✗ norte: falta 0", "✗ norte: falta 4999", "✗ norte: y 4,998 más de su bitácora; todas con --json"]
    serve({})
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json"])
    assert json.loads(done.stdout)[0]["log"] == faults


@pytest.mark.parametrize(("took", "result"), [(100.0, "unchecked"), (0.0, "unreachable")])
def test_server_and_site_have_one_time_and_the_site_is_not_blamed_for_what_its_server_took(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, took: float, result: str
):
    limits: list[float] = []
    compare, through = comparison.compare, front.compare

    def slow(one: target.Target, *given: Any, **more: Any) -> comparison.Comparison:
        if one.fqdn == SITE.name:
            return comparison.Comparison(one.name, "unreachable", "no terminó de responder a tiempo")
        return replace(compare(one, *given, **more), seconds=took)

    def late(*given: Any) -> comparison.Comparison:
        limits.append(given[4])
        return through(*given[:4], 0.0, given[5])

    monkeypatch.setattr(comparison, "compare", slow)
    monkeypatch.setattr(front, "compare", late)
    monkeypatch.setattr(target, "read", lambda _: [make_target(election, path="/prep/", front=SITE)])
    serve({})
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--tree", str(signed.folder), "--json"])
    assert [each["result"] for each in json.loads(done.stdout)] == ["authentic", result]
    assert limits[0] < 600, "what is left of the ten minutes"


OPENS, CLOSES = datetime(2024, 6, 3, 2, tzinfo=UTC), datetime(2024, 6, 4, 2, tzinfo=UTC)
MINUTES_10 = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("generated", "now", "published", "old", "said"),
    [
        (OPENS, OPENS + MINUTES_10, None, "", ""),
        (OPENS - MINUTES_10 * 30, OPENS - MINUTES_10, None, "", ""),
        (OPENS - MINUTES_10 * 6, OPENS + MINUTES_10 * 2, None, "", ""),
        (OPENS - MINUTES_10 * 6, OPENS + MINUTES_10 * 3, None, "lleva 30 minutos; en esta máquina no consta", ""),
        (OPENS, OPENS + MINUTES_10 * 3, None, "lleva 30 minutos; en esta máquina no consta", ""),
        (OPENS, OPENS + MINUTES_10 * 3, 7, "", "es el último que publicó el Instituto"),
        (OPENS, OPENS + MINUTES_10 * 3, 6, "no consta que sea el último", ""),
        (OPENS, OPENS + MINUTES_10, 8, "y el Instituto publicó el 8", ""),
        (CLOSES - MINUTES_10, CLOSES + timedelta(days=3), None, "", ""),
        (CLOSES - MINUTES_10 * 3, CLOSES + timedelta(days=3), None, "al cierre llevaba 30 minutos", ""),
        (CLOSES - MINUTES_10 * 3, CLOSES + timedelta(days=3), 8, "y el Instituto publicó el 8", ""),
    ],
)
def test_the_age_is_judged_by_what_was_published_and_by_the_window(
    signed: SignedCorte, generated: datetime, now: datetime, published: int | None, old: str, said: str
):
    shown = replace(signed.manifest, generated=generated)
    last = published and Published(
        opens=OPENS, sequence=published, generated=generated + (published - 7) * MINUTES_10,
        manifest_sha256="f" * 64, hold=False, at=now - MINUTES_10,
    )  # fmt: skip
    found_old, found_said = age.judge(shown, last or None, now)
    assert (old in found_old) if old else found_old == ""
    assert (said in found_said) if said else found_said == ""
    if last and last.is_after(shown):
        assert age.judge(shown, last.model_copy(update={"hold": True}), now)[0] == ""
        assert age.judge(shown, last.model_copy(update={"at": now}), now)[0] == ""


def test_an_old_corte_and_a_log_that_lost_entries_fail_the_audit(
    serve: Serve, signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(age, "GRACE", timedelta(0))
    kept, where = Seen(tmp_path / "build/cortes"), make_target(election, path="/prep/")
    status = {"shown": {"manifest_sha256": signed.sha256}, "log": {"entries": 5, "head": "a" * 64, "segments": 1}}
    kept.publish(signed, where.election)
    serve({PATH: json.dumps(status).encode()})
    found = comparison.compare(where, seen=kept)
    assert (found.good, found.log) == (True, []) and found.age_seconds is not None and found.age_seconds >= 0, found
    status["log"]["entries"] = 4
    serve({PATH: json.dumps(status).encode()})
    for _ in range(2):
        found = comparison.compare(where, seen=kept)
        assert (found.result, found.good) == ("authentic", False) and "perdió renglones" in found.log[0]
    later = signed.manifest.generated + timedelta(seconds=1)
    kept.publish(replace(signed, manifest=replace(signed.manifest, sequence=8, generated=later)), where.election)
    found = comparison.compare(where, seen=kept)
    assert found.result == "old" and "el Instituto publicó el 8" in found.detail


def test_a_mirror_that_lets_others_sign_fails_the_audit_and_is_warned_of_by_the_list(
    serve: Serve, signed: SignedCorte, election: Path, tmp_path: Path
) -> None:
    """What it shows is right all the same, so its link stays."""
    where, kept = make_target(election, path="/prep/"), Seen(tmp_path / "build/cortes")
    status = {"shown": {"manifest_sha256": signed.sha256}, "trust_sha256": "0" * 64}
    serve({PATH: json.dumps(status).encode()})
    found, glanced = comparison.compare(where), comparison.glance(where, None, 10, kept)
    assert (found.result, found.good, found.warnings) == ("authentic", False, [comparison.OTHERS])
    assert audit._word(found) == "otros firmantes"
    assert (glanced.result, glanced.trusts_others) == ("authentic", True)


@pytest.mark.parametrize("held", [False, True])
def test_a_page_that_shows_results_after_the_end_fails(
    serve: Serve, signed: SignedCorte, election: Path, key: Path, held: bool
):
    """As a machine does that was suspended in the night; a newer corte that is held back may have a later end."""
    hold = HoldOrder(datetime(2024, 6, 3, 3, tzinfo=UTC), 7, 8) if held else None
    status: dict[str, Any] = {"standing": Standing(hold=hold).to_json()}
    text = election.read_text()
    election.write_text(text.replace("2039-06-10T05:59:00Z", "2024-06-04T02:00:00Z"))
    ended = signing.sign(signed.folder, load_election(election), key)
    election.write_text(text)
    status["shown"] = {"manifest_sha256": ended.sha256}
    serve({PATH: json.dumps(status).encode()})
    found = comparison.compare(make_target(election, path="/prep/"))
    assert found.result == ("authentic" if held else "old")
    assert held or (
        "su publicación terminó 2024-06-04T02:00:00Z" in found.detail and "systemctl restart chrony" in found.detail
    )


def test_after_the_end_a_page_has_two_minutes(signed: SignedCorte, election: Path):
    known = load_election(election)
    for late, word in ((age.GRACE, ""), (age.GRACE + timedelta(seconds=1), "muestra resultados")):
        found = age.overdue(signed.manifest.window, known, Standing(), signed.manifest.window.retain_until + late)
        assert (word in found) if word else found == ""


def test_each_mirror_is_told_by_the_clocks_of_its_own_election(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    own = make_target(election, path="/prep/")
    found = [
        replace(own, name=path.stem, election=own.election.model_copy(update={"place": path.stem}))
        for path in (ROOT / "catalogs").glob("*.yml")
    ]
    monkeypatch.setattr(target, "read", lambda _: found)
    monkeypatch.setattr(Seen, "faults", lambda self, target: ["2024-06-03T03:00:00Z: su bitácora perdió renglones"])
    serve({})
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder)])
    there = {each.name: local("2024-06-03T03:00:00Z", each.election.catalog.zone) for each in found}
    assert len({*there.values()}) > 1 and there["ribera"] == "02/06/2024 20:00:00 PDT"
    assert all(f"{name}: {told}: su bitácora perdió renglones" in done.output for name, told in there.items())
    asked = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json"])
    assert json.loads(asked.stdout)[0]["log"][0].startswith("2024-06-03T03:00:00Z: ")


SITE = Front.model_validate({"name": "www.diario.test", "program": "nginx", "addresses": ["10.0.0.9"]})


def through_the_site(election: Path, **changes: Any) -> tuple[comparison.Comparison, comparison.Comparison]:
    """Compare what the server sends, and what comes through the site in front of it."""
    server = make_target(election, path="/prep/", **changes)
    behind = comparison.compare(server)
    return behind, front.compare(server, SITE, behind, None, 60, Standing())


def test_a_site_that_passes_everything_on_is_authentic_too(serve: Serve, election: Path):
    serve({"10.0.0.9 /a.csv": b"una de sus otras paginas"})
    assert [each.result for each in through_the_site(election)] == ["authentic", "authentic"]


def test_a_site_that_does_not_reach_the_server_is_at_fault(serve: Serve, election: Path):
    serve({f"10.0.0.9 {PATH}": partial(wire, b"", 502)})
    behind, found = through_the_site(election)
    assert behind.good
    assert found.result == "unreachable"
    assert found.detail.startswith(
        "www.diario.test no alcanza a su servidor, y responde 502; pida que pongan en ese sitio"
    )


def late() -> httpx.Response:
    raise httpx.ReadTimeout("")


def interrupted() -> httpx.Response:
    stopping.STOPPED.set()
    raise httpx.ReadTimeout("")


@pytest.mark.parametrize(
    ("own", "result", "told"),
    [
        ({"10.0.0.9 /prep/": late}, "unreachable", "no se pudo comparar página por página: no responde a tiempo"),
        ({"10.0.0.1 /prep/": late}, "unchecked", "no se pudo comparar página por página: no responde a tiempo"),
        ({"10.0.0.9 /prep/": interrupted}, "unchecked", "se interrumpió antes de que terminara"),
    ],
    ids=["the site", "the server", "Ctrl-C"],
)
def test_a_page_that_could_not_be_compared_makes_no_site_an_altered_one(
    serve: Serve, election: Path, own: dict[str, Callable[[], httpx.Response]], result: str, told: str
):
    """Whoever pressed Ctrl-C then read in red that a good site altered the results."""
    serve(own)
    try:
        _, found = through_the_site(election)
    finally:
        stopping.STOPPED.clear()
    assert (found.result, found.detail, found.differences) == (result, told, [])


@pytest.mark.parametrize("has_cdn", [True, False])
def test_a_page_that_a_cdn_alters_is_told(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, has_cdn: bool
):
    """Only the corte's own files were asked for where the name leads, and a script in the page was not seen."""
    name, page = "prep.norte.mx", b"<!doctype html>"
    behind = make_target(election, path="/prep/", fqdn=name, has_cdn=has_cdn)
    monkeypatch.setattr(target, "read", lambda _: [behind])
    kept = [page, b"de antes"]
    for there, result, said in (
        (page, "authentic", ""),
        (page + b"<script>", "altered", f"por {name}, y no en su servidor: altera la portada"),
        (partial(wire, b"", 403), "altered", f"por {name}, y no en su servidor: la portada responde 403"),
        (lambda: wire(kept.pop()), "authentic", ""),
        (partial(wire, page, **{"Cache-Control": "max-age=9000"}), "authentic", "cambia la cabecera Cache-Control"),
        (late, "authentic", "no se pudo comparar página por página: no responde a tiempo"),
    ):
        serve({"10.0.0.1 /prep/": page, f"{name} /prep/": there})
        monkeypatch.setattr(other_addresses, "_addresses", lambda _: ([("IPv4", "198.51.100.9")], []))
        done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json"])
        (found,) = json.loads(done.stdout)
        assert found["result"] == (result if has_cdn else "authentic"), found
        assert (said in "; ".join([found["detail"], *found["warnings"]])) is (has_cdn or not said), found


@pytest.mark.parametrize("status", [503, 404])
def test_a_server_that_tells_no_status_is_not_blamed_on_the_site(serve: Serve, election: Path, status: int):
    """As when its gate is stopped: the site passes on what it gets."""
    serve({PATH: partial(wire, b"", status)})
    behind, found = through_the_site(election)
    assert not behind.good and not found.good
    assert found.detail == behind.detail


@pytest.mark.parametrize(
    ("newer", "beside", "told"),
    [
        (["10.0.0.1"], True, "sur, que muestra el corte 7, y norte el 8"),
        (["10.0.0.2", "10.0.0.9"], True, "sur, que muestra el corte 8, y norte el 7"),
        (["10.0.0.1"], False, ""),
    ],
)
def test_a_site_that_passes_to_another_server_of_the_difusor_keeps_no_answers(
    serve: Serve, signed: SignedCorte, election: Path, key: Path, newer: list[str], beside: bool, told: str,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """The outlet was to switch off a cache that its site did not have, while its other server waited for the corte."""
    folder = signed.folder.with_name("ocho")
    files = {path: (signed.folder / path).read_bytes() for path in signed.manifest.files}
    identity = {"secuencia": 8, "corte": "2024-06-03T03:20:00Z"}
    write_files(folder, {**files, "datos/corte.json": json.dumps(identity).encode()})
    eight = signing.sign(folder, load_election(election), key)
    shown = {f"/prep/{each.relative_to(folder)}": each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    shown[PATH] = json.dumps({"shown": {"manifest_sha256": eight.sha256}}).encode()
    serve({f"{address} {path}": content for address in newer for path, content in shown.items()})
    servers = [
        make_target(election, path="/prep/", front=SITE),
        make_target(election, "sur", path="/prep/", front=SITE),
    ]
    servers[1] = replace(servers[1], address="10.0.0.2")
    monkeypatch.setattr(target, "read", lambda _: servers if beside else servers[:1])
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json"])
    (found,) = (each for each in json.loads(done.stdout) if each["difusor"] == "norte, por www.diario.test")
    expected = ("authentic", [f"www.diario.test pasa estas visitas a {told}"]) if told else ("altered", [])
    assert (found["result"], found["warnings"]) == expected, found
    assert ("guarda respuestas: muestra el corte 7" in found["detail"]) == (not told)


def test_a_revoked_difusor_shows_nothing_through_its_site_either(serve: Serve, election: Path):
    serve(dict.fromkeys(("/prep/", "/prep/corte.json", "/prep/datos/corte.json", PATH), partial(wire, b"", 410)))
    found = through_the_site(election, revoked="fuera de la lista desde hoy")
    assert [(each.result, each.good) for each in found] == [("off", True)] * 2


def test_a_difusor_off_the_list_that_was_not_asked_is_not_known_to_show_nothing(serve: Serve, election: Path):
    """Its server had taken all the time, or Ctrl-C was pressed, and its row was as good as any."""
    revoked = make_target(election, path="/prep/", revoked="fuera de la lista desde hoy")
    serve({"/prep/": partial(wire, b"", 410), "/prep/corte.json": late})
    behind = comparison.compare(revoked)
    assert (behind.result, behind.detail) == ("off", "no responde a tiempo")
    for found in (comparison.compare(revoked, limit=-1), front.compare(revoked, SITE, behind, None, -1, Standing())):
        assert (found.result, found.good) == ("unchecked", False) and "no alcanzó el tiempo" in found.detail
    serve({"/prep/": interrupted})
    try:
        found = comparison.compare(revoked)
    finally:
        stopping.STOPPED.clear()
    assert (found.result, found.detail) == ("unchecked", "se interrumpió antes de que terminara")


@pytest.fixture
def later(
    signed: SignedCorte, election: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SignedCorte:
    """Corte 9, signed a second after corte 7 on another machine; nothing is too new to be due."""
    monkeypatch.setattr(age, "GRACE", timedelta(minutes=-1))
    folder = tmp_path / "nueve"
    write_files(folder, {**FILES, "datos/corte.json": b'{"secuencia": 9, "corte": "2024-06-03T03:30:00Z"}'})
    with monkeypatch.context() as second:
        second.setattr(signing.instants, "now", lambda: signed.manifest.generated + timedelta(seconds=1))
        return signing.sign(folder, load_election(election), key)


def test_a_mirror_that_was_left_behind_by_what_another_machine_published_is_old(
    serve: Serve, signed: SignedCorte, later: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """The machine that had published the one before certified it: «es el último que publicó el Instituto»."""
    behind = make_target(election, path="/prep/")
    Seen().publish(signed, behind.election)
    monkeypatch.setattr(target, "read", lambda _: [behind, replace(behind, name="sur", address="10.0.0.2")])
    monkeypatch.setattr(roads, "differences", lambda *_: [])
    status = json.dumps({"shown": {"manifest_sha256": later.sha256, "since": "2024-06-03T03:31:00Z"}}).encode()
    there = {path.relative_to(later.folder): path.read_bytes() for path in later.folder.rglob("*") if path.is_file()}
    serve({f"10.0.0.2 /prep/{path}": content for path, content in there.items()} | {f"10.0.0.2 {PATH}": status})
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json"])
    norte, sur = json.loads(done.stdout)
    assert (done.exit_code, norte["result"], sur["result"]) == (1, "old", "authentic"), done.output
    assert "el Instituto publicó el 9" in norte["detail"]
    assert norte["detail"].endswith("; lo muestra otro espejo, y en esta máquina no consta")
    tree = ["--tree", str(signed.folder)]
    done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json", *tree])
    assert [each["result"] for each in json.loads(done.stdout)] == ["authentic", "altered"]


def test_a_page_whose_own_scripts_are_not_the_others_is_warned_of(
    serve: Serve, signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """Beside every signed file it could show other numbers, and the audit called it authentic and said no more."""
    places = {"norte": "10.0.0.1", "sur": "10.0.0.2", "este": "10.0.0.3"}
    targets = [make_target(election, path="/prep/", name=name, address=where) for name, where in places.items()]
    monkeypatch.setattr(target, "read", lambda _: targets)
    monkeypatch.setattr(roads, "differences", lambda *_: [])
    own = {
        "/prep/": b'<link rel="stylesheet" href="style.css"><script type="module" src="app.js"></script>',
        "/prep/style.css": b"", "/prep/app.js": b"import {load} from './data.js';", "/prep/data.js": b"load",
    }  # fmt: skip

    def strange(changed: dict[str, Any]) -> dict[str, list[str]]:
        serve({**own, **changed})
        done = CliRunner().invoke(command_of(audit), ["-i", str(signed.folder), "--json"])
        found = json.loads(done.stdout)
        assert done.exit_code == 0 and {each["result"] for each in found} == {"authentic"}, done.output
        told = {each["difusor"]: each["warnings"] for each in found}
        return {name: [said.partition(":")[0] for said in those if "firma" in said] for name, those in told.items()}

    assert strange({}) == {"norte": [], "sur": [], "este": []}
    assert strange({"10.0.0.2 /prep/data.js": b"other"}) == {"norte": [], "sur": ["data.js"], "este": []}
    assert strange({"/prep/": lambda: wire(secrets.token_bytes(8))}) == {"norte": [], "sur": [], "este": []}
    targets.pop()
    assert strange({"10.0.0.2 /prep/": b"other"}) == {"norte": ["la portada"], "sur": ["la portada"]}


def test_what_the_institute_withdrew_leaves_nobody_behind(
    signed: SignedCorte, later: SignedCorte, election: Path, tmp_path: Path
):
    norte, sur = make_target(election), make_target(election, "sur", address="10.0.0.2")
    gone = Standing(withdrawn=(later.manifest.withdrawn(later.sha256, later.manifest.generated),))
    last = f"el corte 7 lleva 30 minutos; {age.LAST}"
    found = comparison.Comparison("norte", "authentic", "", manifest_sha256=signed.sha256, warnings=[last])
    for known, followed, old in ((gone, Standing(), False), (Standing(), gone, False), (Standing(), Standing(), True)):
        seen = Seen(tmp_path / "build/cortes")
        seen.notice(norte, Shown.of(signed, followed, None))
        assert comparison.rejudged(found, norte, seen, known) == found
        seen.notice(sur, Shown.of(later, Standing(), None))
        again = comparison.rejudged(found, norte, seen, known)
        assert (again.result, again.warnings) == (("old", []) if old else ("authentic", [last]))


STALE = "192.0.2.7"
"""Another address of the page's name, which shows corte 7 while the server shows 9."""


@pytest.fixture
def staggered(
    serve: Serve, later: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., comparison.Comparison]:
    """Return a function that compares a server whose page's name leads to STALE too.

    `own` are answers as those of `serve`; `grace` is in minutes; with `catches_up`, STALE shows 9 after ten seconds.
    """
    whole = {f"/prep/{path.relative_to(later.folder)}": path.read_bytes() for path in later.folder.rglob("*.*")}
    whole[PATH] = json.dumps({"shown": {"manifest_sha256": later.sha256}}).encode()
    waited: list[float] = []

    def compare(
        own: dict[str, Any] | None = None, grace: float = 2, *, catches_up: bool = False, **given: Any
    ) -> comparison.Comparison:
        def wait(seconds: float) -> bool:
            waited.append(seconds)
            if catches_up:
                serve(whole)
            return False

        serve({f"10.0.0.1 {path}": content for path, content in whole.items()} | (own or {}))
        monkeypatch.setattr(other_addresses, "KEPT_SECONDS", 10)
        monkeypatch.setattr(other_addresses, "STOPPED", SimpleNamespace(wait=wait))
        monkeypatch.setattr(roads, "differences", lambda *_: [])
        monkeypatch.setattr(other_addresses, "_addresses", lambda _: ([("IPv4", STALE)], []))
        monkeypatch.setattr(age, "GRACE", timedelta(minutes=grace))
        waited.clear()
        found = comparison.compare(make_target(election, path="/prep/", fqdn="prep.norte.mx"), **given)
        assert [round(seconds) for seconds in waited] == [10], "once, whatever comes then"
        return found

    return compare


Staggered = Callable[..., comparison.Comparison]


def test_an_address_that_has_the_corte_before_is_behind_and_not_altered(
    staggered: Staggered, signed: SignedCorte, later: SignedCorte
):
    """Of two servers under one name one gets each corte first, and whoever asked then was told of results changed."""
    found = staggered(expected=later.sha256)
    assert (found.result, found.differences) == ("authentic", []), found
    assert [each.startswith(f"en su dirección IPv4 {STALE} muestra el corte 7, ") for each in found.warnings] == [True]
    assert found.warnings[0].endswith(" hace un momento")
    found = staggered(grace=-1)
    assert (found.result, found.differences, found.warnings) == ("old", [], []), found
    assert found.detail.startswith(f"en su dirección IPv4 {STALE} muestra el corte 7, ")
    assert "el Instituto publicó el 9" in found.detail


def test_an_address_that_has_the_corte_a_moment_later_is_right(staggered: Staggered):
    """As behind a cache, which keeps an answer for the ten seconds that each server of the project allows."""
    found = staggered(grace=-1, catches_up=True)
    assert (found.result, found.warnings) == ("authentic", []), found


def test_what_is_altered_at_an_address_stays_so_where_nobody_answers_the_second_time(
    staggered: Staggered, monkeypatch: pytest.MonkeyPatch
):
    right, looks = other_addresses._found, []

    def found_once(*given: Any) -> other_addresses.OtherAddresses:
        looks.append(given)
        if len(looks) > 1:
            raise httpx.ReadTimeout("no answer")
        return right(*given)

    monkeypatch.setattr(other_addresses, "_found", found_once)
    assert staggered({f"{STALE} /prep/descargas/a.csv": b"a|c\n"}).result == "altered"
    assert len(looks) == 2


def test_what_no_signer_signed_at_an_address_is_altered_also_beside_an_earlier_corte(
    staggered: Staggered, signed: SignedCorte
):
    where = f"en su dirección IPv4 {STALE}"
    found = staggered({f"{STALE} /prep/descargas/a.csv": b"a|c\n"})
    assert (found.result, found.differences) == ("altered", [f"{where}, descargas/a.csv no es el que se firmó"])
    found = staggered({f"{STALE} /prep/corte.json": signed.raw.replace(b'"sequence": 7', b'"sequence": 8')})
    assert found.result == "altered" and f"{where}, corte.json no es el que se firmó" in found.differences
    gone = Standing(withdrawn=(signed.manifest.withdrawn(signed.sha256, signed.manifest.generated),))
    found = staggered(standing=gone)
    assert found.differences == [f"{where}, muestra el corte 7, que el Instituto retiró"]
