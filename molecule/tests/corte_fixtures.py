"""Fixtures for the corte: the mirror as the institute and citizens reach it, and a copy of what it publishes."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from testinfra.host import Host

from corte.format import instants, limits, manifest, record
from corte.format.manifest import Manifest, Window
from corte.format.refusal import Refusal
from corte.format.standing import Standing, Withdrawn
from corte.server.config import PATH as CONFIG
from difusor import inventory
from difusor.project import UnusableError
from difusor.publish import age, signing
from difusor.publish.mirror import PATH, Mirror, last_number
from difusor.publish.other_addresses import KEPT_SECONDS
from difusor.publish.push import push
from difusor.publish.roads import PAPERS
from difusor.publish.signing import SignedCorte
from difusor.publish.standing import Records, past_signer
from difusor.publish.target import Target
from difusor.spec import Spec
from difusor.suite.plugin import SUITE
from difusor.suite.waiting import until
from difusor.suite.wording import enumerated

Now = Callable[[], datetime]
PACE = 1.0
"""Seconds between two requests to a server that answers «too fast»: asking at once again would get us banned."""
WAIT = 60.0
"""Seconds within which the server must report a push in estado.json."""

SHOWN = "/srv/prep/publico/actual"
"""On the server, the link to the corte that is shown."""
LOOKS = 2
"""How often the page is looked at while new cortes come."""


@dataclass(frozen=True)
class Shown:
    """What a server says in its estado.json, and a copy of the corte that its page showed then."""

    status: dict[str, Any]
    corte: SignedCorte


@contextmanager
def expecting(host: Host, **values: Any) -> Iterator[None]:
    """Have the server expect other `values` of cortes during the `with` block; its gate, once it is started again."""
    expected = json.loads(host.file(str(CONFIG)).content_string)["value"]
    host.check_output("cp -a %s /run/server.json", str(CONFIG))
    try:
        host.check_output("printf %%s %s > %s", record.content({**expected, **values}).decode(), str(CONFIG))
        yield
    finally:
        host.check_output("mv /run/server.json %s", str(CONFIG))


@pytest.fixture
def target(variables: dict[str, Any]) -> Target:
    """Return the server as the institute reaches it."""
    return Target.of(inventory.Host.of(variables["inventory_hostname"], variables))


@pytest.fixture
def mirror(target: Target) -> Iterator[Mirror]:
    """Return the client that reads the server's estado.json and published files, whatever its certificate is."""
    with Mirror(target, forgiving=True) as opened:
        yield opened


@pytest.fixture
def status(mirror: Mirror) -> dict[str, Any]:
    """Return estado.json."""
    found = mirror.status()
    assert found is not None, f"estado.json no responde: {mirror.problem}"
    return found


@pytest.fixture(scope="module")
def downloads() -> dict[str, Path]:
    """Return the folders of downloaded cortes, by their manifest's SHA-256, so that each is downloaded only once."""
    return {}


@pytest.fixture
def base(mirror: Mirror, variables: dict[str, Any]) -> str:
    """Return the page's address on the server itself."""
    return base_of(mirror, variables)


@pytest.fixture
def take(
    mirror: Mirror, base: str, downloads: dict[str, Path], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Shown]:
    """Return a function that copies the corte of the public page: manifest, signature and every file that it names.

    Without what the server holds back in the heavy folders, if it says that light mode is ordered; another test asks
    for the order.
    """

    def look() -> Shown:
        status = said(mirror)
        if status["shown"] is None:  # before the opening nothing may be shown: the clause is then not verified
            pytest.skip(f"no se muestra ningún corte (compuerta: {status['gate']['state']})")
        sha256 = shown_in(status)
        if sha256 not in downloads:
            corte = download(mirror, base, status, tmp_path_factory.mktemp("corte"))
            if corte.sha256 != sha256:
                return Shown(status, corte)
            downloads[sha256] = corte.folder
        folder = tmp_path / "publicado"
        if folder.exists():  # of the look before, of another corte perhaps
            shutil.rmtree(folder)
        shutil.copytree(downloads[sha256], folder)
        return Shown(status, _corte_in(folder))

    def taken() -> Shown:
        found = steadily(lambda: shown_in(said(mirror)), look)
        if found.corte.sha256 != shown_in(found.status):  # the page changes a moment before estado.json says so
            found = steadily(lambda: shown_in(said(mirror)), look)
        return found

    return taken


@pytest.fixture
def shown(take: Callable[[], Shown]) -> Shown:
    """Return a copy of the corte from the public page, with the estado.json that goes with it."""
    return take()


@pytest.fixture
def recorded(target: Target) -> Manifest | None:
    """Return the last manifest of the institute's records on this machine; None when it has none of this opening.

    What a server says of orders and hours is its own word, and one that hides something says nothing of it.
    """
    try:
        return Records(target.election).newest()
    except UnusableError as error:  # of this machine: of the server nothing is proved then, for it or against it
        pytest.skip(str(error))


@pytest.fixture
def grace(call: Spec) -> timedelta:
    """Return how long after a publication the call lets a server lack what was published; nothing where it says not."""
    return timedelta(minutes=call["DG-11"].expect["grace_minutes"] if "DG-11" in call.ids else 0)


@pytest.fixture
def ordered(shown: Shown, recorded: Manifest | None, target: Target, grace: timedelta, now: Now) -> Standing:
    """Return which orders stand according to the institute's records; none when this machine has no records.

    Where the server lacks some, those that it should follow by now. The test is skipped when it lacks none of these,
    but an order that nobody was sent, or that may still be on its way: each counts from when the first difusor had it.
    """
    follows = Standing.from_json(shown.status["standing"])
    if recorded is None or follows.includes(recorded.stands):
        return recorded.stands if recorded else Standing()
    sent, present, sequence = Records(target.election).sent(), now(), shown.corte.manifest.sequence
    late = [one for one, at in sent if present - at > max(grace, age.while_pushed(one, sequence, target.election))]
    if not follows.includes(due := _given_with(late, recorded)):
        return due
    # The server is right by what it was sent, and wrong by what was signed: until that has been sent nothing is proved.
    if follows.includes(_given_with([one for one, _ in sent], recorded)):
        pytest.skip(
            "el Instituto firmó una orden que desde esta máquina no se ha enviado a nadie; publíquela, o mida desde la "
            "que publica, y repita"
        )
    pytest.skip("el Instituto dio una orden hace un momento y el servidor aún no la sigue; repita la medición")


def _given_with(cortes: list[Withdrawn], last: Manifest) -> Standing:
    """Return those of the last manifest's orders that one of these cortes carried as well: each carries all before."""
    until = max((one.at for one in cortes), default=None)
    if until is None or until >= last.generated:
        return Standing() if until is None else last.stands

    def is_given(fact: Any) -> bool:
        return fact is not None and (fact if isinstance(fact, datetime) else fact.at) <= until

    stands, single = last.stands, (each for each in fields(Standing) if each.name != "withdrawn")
    found = {each.name: fact for each in single if is_given(fact := getattr(stands, each.name))}
    return Standing(**{**found, "withdrawn": tuple(filter(is_given, stands.withdrawn))})


@pytest.fixture
def standing(shown: Shown, ordered: Standing) -> Standing:
    """Return which orders stand: those that the server says it follows, and those of the institute's records."""
    return Standing.from_json(shown.status["standing"]).join(ordered)


@pytest.fixture
def window(status: dict[str, Any], take: Callable[[], Shown], target: Target, recorded: Manifest | None) -> Window:
    """Return the window that binds the server: the one that the institute signed with the corte that is shown.

    Where none is shown, or newer ones are held back, the window in force may be that of a corte that nobody may read
    yet: it is then the last one of the records, or the election's.
    """
    windows = [*([recorded.window] if recorded else []), target.election.window]
    if status["shown"]:
        found = take()
        status = found.status
        if is_signed(found.corte, target):
            signed = found.corte.manifest.window
            windows = [signed, *windows] if status["gate"]["hold"] else [signed]
    return next((each for each in windows if each.to_json().items() <= status["gate"].items()), windows[0])


@pytest.fixture
def published(shown: Shown) -> SignedCorte:
    """Return a copy of the corte from the public page."""
    return shown.corte


@pytest.fixture
def which(
    mirror: Mirror, road: dict[str, Any], variables: dict[str, Any], pytestconfig: pytest.Config
) -> Callable[[], str]:
    """Return the function that tells for `steadily` which corte is shown to citizens.

    Any of the servers behind one site, CDN or balancer may answer for it, so it first waits until all of them show the
    same; and until what a CDN may keep of the corte before is over.
    """
    read, name = pytestconfig.stash[SUITE].inventory, road["difusor_fqdn"]
    is_named = not road.get("difusor_public_address", name)
    of = _page_name if is_named else _front
    behind = [each for each in read.groups.get("difusores", []) if of(read.hosts[each]) == name]
    if len(behind) < 2 or of(variables) != name:
        return _lasting(lambda: shown_in(said(mirror))) if is_named else lambda: shown_in(said(mirror))

    def agreed() -> str:
        try:
            found = until(lambda: shown_by(behind, read.hosts), agree, what="coincidan", within=WAIT, every=PACE)
            return found[behind[0]]
        except AssertionError:
            fault = "no muestran todos el mismo corte"
        except ConnectionError as error:
            fault = f"uno no contesta ({error})"
        # Whose fault it is, the tests of each server say; here it cannot be told which of them answers.
        pytest.skip(f"{enumerated(behind)} están detrás de {name} y {fault}; no se sabe cuál da lo que llega por ahí")

    return _lasting(agreed) if is_named else agreed


def _lasting(tell: Callable[[], str]) -> Callable[[], str]:
    """Return a function that tells the same, of each corte only once no answer from before it is kept anywhere."""
    known: set[str] = set()

    def told() -> str:
        if (found := tell()) not in known:
            time.sleep(KEPT_SECONDS)  # pace: by then no cache on the road keeps an answer from before this corte
            known.add(found)
        return found

    return told


def _front(variables: Mapping[str, Any]) -> str:
    """Return the name of the site in front of a server; empty when it has none."""
    return str((variables.get("difusor_front") or {}).get("name", ""))


def _page_name(variables: Mapping[str, Any]) -> str:
    return str(variables["difusor_fqdn"])


def shown_by(names: list[str], hosts: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Return what `shown_in` does of each of these servers; ConnectionError when one does not answer."""
    found = {}
    for name in names:
        with Mirror(Target.of(inventory.Host.of(name, hosts[name])), forgiving=True) as opened:
            found[name] = shown_in(said(opened))
    return found


def agree(found: Mapping[str, str]) -> bool:
    """Tell whether servers show the same corte, as `shown_by` returns it."""
    return len(set(found.values())) == 1


def is_signed(corte: SignedCorte, target: Target) -> bool:
    """Tell whether the institute signed a corte for this election, as far as this machine knows.

    Refusal when this machine cannot verify it, which says nothing of the server.
    """
    try:
        return bool(past_signer(corte, target.election))
    except Refusal as refusal:
        if refusal.code == "system":
            raise
        return False


def base_of(mirror: Mirror, variables: dict[str, Any]) -> str:
    """Return the page's address on the server itself."""
    return mirror.url.removesuffix(PATH) + str(variables["difusor_path"])


def steadily[Found](
    which: Callable[[], object], look: Callable[[], Found], holds: Callable[[Found], object] = lambda _: False
) -> Found:
    """Return what `look` finds; once more when a new corte came meanwhile, because it then saw a part of each.

    `which` tells the corte that is shown. What `holds` is true of is good as it is. The test is skipped when a corte
    came during the second look, too.
    """
    before = which()
    for _ in range(LOOKS):
        fault = None
        try:
            if holds(found := look()):
                return found
        except Exception as error:
            fault = error
        after = which()
        if after == before and fault:
            raise fault
        if after == before:
            return found
        before = after
    # Of no corte was the whole seen: that is no fault of the server's, and no proof either.
    pytest.skip("cada vez que se midió llegó un corte nuevo entretanto; repita la medición")


def said(mirror: Mirror) -> dict[str, Any]:
    """Return estado.json; ConnectionError when it does not answer."""
    status = mirror.status()
    if status is None:
        raise ConnectionError(mirror.problem)
    return status


def shown_in(status: dict[str, Any]) -> str:
    """Return the SHA-256 of the manifest that an estado.json says is shown; empty when none is."""
    return str((status["shown"] or {}).get("manifest_sha256", ""))


def download(mirror: Mirror, base: str, status: dict[str, Any], folder: Path) -> SignedCorte:
    """Copy the corte that the page at `base` shows into a folder, as the fixture `take` does."""
    _download(mirror, base, PAPERS, folder)
    named = manifest.read((folder / manifest.NAME).read_bytes()).files
    sizes = {path: entry.size for path, entry in named.items()}
    _download(mirror, base, sizes, folder, limits.HEAVY if status["gate"].get("light") else ())
    return _corte_in(folder)


def papers(mirror: Mirror, base: str, folder: Path) -> SignedCorte | None:
    """Copy manifest and signature of the corte that the page at `base` shows into a folder; None when it gives none."""
    with suppress(AssertionError, Refusal, httpx.HTTPError, OSError):
        _download(mirror, base, PAPERS, folder)
        return _corte_in(folder)
    return None


def send(published: SignedCorte, target: Target, mirror: Mirror, signer: Path, *orders: str, later: int = 0) -> str:
    """Sign a corte's folder anew, its sequence `later` numbers higher, and push it.

    Return the result: shown, held, or the refusal's code.
    """
    next_second()
    shown = published.manifest
    signed = signing.sign(published.folder, target.election, signer, shown.sequence + later, shown.corte, orders)
    before = last_number(mirror.status())
    push(signed.folder, target, checksum=True)
    word, status = mirror.await_word(signed, before, WAIT)
    return str(status["last_attempt"]["code"]) if word == "refused" else word


def fill(folder: Path, count: int, content: bytes) -> None:
    """Make a folder of `count` files of this content, all links to one: rsync sends each, and to make them is quick."""
    folder.mkdir()
    first = folder / "0"
    first.write_bytes(content)
    for number in range(1, count):
        os.link(first, f"{folder}/{number}")


def get(mirror: Mirror, url: str) -> httpx.Response:
    """Get a page; when the server answers that we ask too fast, ask again after a pause."""
    what = f"{url} se entregue sin que el servidor diga que se pide demasiado aprisa"
    return until(lambda: mirror.get(url), lambda answer: answer.status_code != 429, what=what, every=PACE)


def await_status(mirror: Mirror, holds: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
    """Return estado.json as soon as `holds` is true for it; a mirror that does not answer is asked again."""
    return until(lambda: said(mirror), holds, what=what, within=WAIT, despite=(ConnectionError,))


def next_attempt(mirror: Mirror, after: int) -> dict[str, Any]:
    """Return `last_attempt` of estado.json as soon as its number is larger than `after`."""
    what = f"el servidor diga qué fue del envío que siguió al número {after}"
    return dict(await_status(mirror, lambda status: last_number(status) > after, what)["last_attempt"])


def next_second() -> None:
    """Wait for the clock's next second: two signings of one corte differ only in their second."""
    began = instants.now().replace(microsecond=0)
    until(lambda: instants.now().replace(microsecond=0), lambda now: now > began, what="pase un segundo", every=0.02)


def _corte_in(folder: Path) -> SignedCorte:
    return SignedCorte.of(folder, *signing.papers(folder))


def _download(
    mirror: Mirror, base: str, sizes: Mapping[str, int], folder: Path, held_back: Collection[str] = ()
) -> None:
    for path, size in sizes.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        status = _save(mirror, base + quote(path), file, size)
        if status == 503 and path.partition("/")[0] in held_back:
            with file.open("rb") as notice:
                assert notice.read(15) == b"<!doctype html>", f"{path} responde 503 sin el aviso del modo ligero"
            file.unlink()
            continue
        assert status == 200, f"{path} responde {status}"


def _save(mirror: Mirror, url: str, file: Path, size: int) -> int:
    """Write an answer's content to a file, until it is larger than `size`; return its status, as `get` does.

    Piece by piece, because a file of a corte may be larger than what is kept of an answer in memory.
    """

    def ask() -> int:
        with file.open("wb") as written:

            def keep(piece: bytes) -> bool:
                written.write(piece)
                return written.tell() > size

            return mirror.hand(url, keep).status_code

    what = f"{url} se entregue sin que el servidor diga que se pide demasiado aprisa"
    return until(ask, lambda status: status != 429, what=what, every=PACE)
