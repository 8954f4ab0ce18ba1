"""`difusor audit`: one altered byte anywhere is found, and an honest mirror passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from corte_kit import FILES, make_key, write_files
from publish_kit import ELECTION, make_target, without_end
from publish_kit import answer as wire
from typer.testing import CliRunner

from difusor.commands import audit
from difusor.inventory import load_election
from difusor.publish import comparison, signing, target
from difusor.publish.mirror import PATH, Mirror
from difusor.publish.signing import SignedCorte

Serve = Callable[[dict[str, Any]], None]


@pytest.fixture
def election(tmp_path: Path) -> Path:
    path = tmp_path / "election.yml"
    path.write_text(ELECTION.format(key=make_key(tmp_path, "firma").with_name("firma.pub").read_text().strip()))
    return path


@pytest.fixture
def signed(tmp_path: Path, election: Path) -> SignedCorte:
    identity = {"secuencia": 7, "corte": "2024-06-03T03:10:00Z"}
    write_files(tmp_path / "corte", {**FILES, "datos/corte.json": json.dumps(identity).encode(), "a ñ.csv": b"x"})
    return signing.sign(tmp_path / "corte", load_election(election), tmp_path / "firma")


@pytest.fixture
def serve(signed: SignedCorte, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Have the mirror serve the signed tree, except for given answers; it refuses a.csv once, as asked too fast."""

    def install(own: dict[str, Any]) -> None:
        status = json.dumps({"shown": {"manifest_sha256": signed.sha256}}).encode()
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            path = request.url.path
            asked.append(path)
            if path.endswith("a.csv") and asked.count(path) == 1:
                return wire(b"", 429)
            file = signed.folder / path.removeprefix("/prep/")
            form = request.headers["Accept-Encoding"]
            content = own.get(f"{path} {form}") or own.get(
                path, status if path == PATH else file.read_bytes() if file.is_file() else None
            )
            return wire(b"", 404) if content is None else wire(content)

        def make(self: Mirror, *_: object) -> None:
            self.url, self.extensions, self.problem = f"https://norte{PATH}", {}, ""
            self.client = httpx.AsyncClient(transport=httpx.MockTransport(answer))

        monkeypatch.setattr(Mirror, "__init__", make)
        monkeypatch.setattr(comparison.time, "sleep", lambda _: None)

    return install


def test_an_honest_mirror_is_authentic(serve: Serve, signed: SignedCorte, election: Path):
    serve({})
    found = comparison.compare(make_target(election, path="/prep/"), expected=signed.sha256)
    assert (found.result, found.files, found.sequence) == ("authentic", 4, 7), found


@pytest.mark.parametrize(
    ("own", "word"),
    [
        ({"/prep/descargas/a.csv": b"a|c\n"}, "no es el que se firmó"),
        ({"/prep/descargas/a.csv": b"a|b\n" * 1000}, "no es el que se firmó"),
        ({"/prep/datos/gubernatura.json": b""}, "no es el que se firmó"),
        ({"/prep/descargas/a.csv identity": b"a|c\n"}, "sin comprimir, no es el que se firmó"),
        ({"/prep/descargas/a.csv gzip": b"a|c\n"}, "a.csv no es el que se firmó"),
        ({"/prep/corte.json": b"{}"}, "El manifiesto"),
        ({"/prep/corte.json.sig": b"x"}, "La firma no es"),
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
    assert found.differences == [
        f"muestra el manifiesto {signed.sha256[:16]}… y no {'f' * 16}…",
        "a ñ.csv responde 404",
        "a ñ.csv, sin comprimir, responde 404",
    ]


def test_a_mirror_that_never_ends_is_given_up(serve: Serve, election: Path):
    serve({"/prep/descargas/a.csv": without_end(b"a")})
    found = comparison.compare(make_target(election, path="/prep/"), limit=0)
    assert (found.result, found.detail) == ("unreachable", "no terminó de responder a tiempo")


def test_a_mirror_without_corte_or_without_answer(serve: Serve, signed: SignedCorte, election: Path):
    serve({})
    assert comparison.compare(make_target(election, path="/otra/")).result == "empty"
    assert comparison.compare(make_target(election, address="127.0.0.1:1")).result in ("unreachable", "empty")


def test_the_verb_ends_with_the_mirrors_word(serve: Serve, signed: SignedCorte, election: Path, monkeypatch: Any):
    monkeypatch.setattr(target, "read", lambda _: [make_target(election, path="/prep/")])
    inventory = str(signed.folder)  # any folder will do: its content is replaced above
    app = typer.Typer()
    app.command()(audit.run)
    serve({})
    good = CliRunner().invoke(app, ["-i", inventory, "--json", "--tree", str(signed.folder)])
    assert (good.exit_code, json.loads(good.stdout)[0]["result"]) == (0, "authentic")
    serve({"/prep/descargas/a.csv": b"a|c\n"})
    assert CliRunner().invoke(app, ["-i", inventory]).exit_code == 1
