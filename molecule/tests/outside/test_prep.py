"""The page from outside: it shows the latest corte, with its date and time, in the institute's format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pinned
import pytest
from clock_fixtures import Now
from corte_fixtures import Shown, get, steadily
from testinfra.host import Host
from web_fixtures import FORMS, STATUS, Fetch, Fingerprint, entrance

from corte.format import instants, limits, manifest
from corte.format.refusal import Refusal
from corte.format.standing import Standing
from difusor.inventory import images
from difusor.publish import age, roads, signing
from difusor.publish.comparison import withdrawn
from difusor.publish.mirror import Mirror
from difusor.publish.seen import Seen
from difusor.publish.signing import SignedCorte
from difusor.publish.standing import past_signer
from difusor.publish.target import Target
from difusor.report.dictamen import day
from difusor.suite import browser
from difusor.suite.browser import BrowserError

SITE = "/usr/share/prep/site"
ORDERS = "/srv/prep/almacen/ordenes"
FINGERPRINTS = """
import hashlib, json, sys, tarfile
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
    files = ((each.name.partition("/")[2], archive.extractfile(each)) for each in archive if each.isfile())
    print(json.dumps({path: hashlib.sha256(file.read()).hexdigest() for path, file in files}))
"""

Expect = Callable[[str], dict[str, Any]]
Lacking = Callable[[Callable[..., str]], list[str]]
Record = Callable[[object], None]


@pytest.mark.clause("DG-11", "DG-04", "DG-10")
def test_latest_corte_is_shown_with_its_time(
    which: Callable[[], str],
    take: Callable[[], Shown],
    fetch: Fetch,
    fingerprint: Fingerprint,
    url: str,
    road: dict[str, Any],
    record_evidence: Record,
) -> None:
    """Un ciudadano recibe el último corte que el servidor verificó, firmado, con su fecha y hora, y no otro.

    The manifest, and a few files drawn by lot: a server could send something else to trusted addresses.
    """

    def differences() -> list[str]:
        state = json.loads(fetch(f"https://{road['difusor_fqdn']}{STATUS}"))
        if state["gate"]["state"] not in ("open", "closed"):
            pytest.skip(f"no se muestra ningún corte (compuerta: {state['gate']['state']})")
        assert state["shown"], "la compuerta está abierta y no se muestra ningún corte"
        corte, data = take().corte, json.loads(fetch(f"{url}datos/corte.json"))
        sent = {path: entry for path, entry in corte.manifest.files.items() if (corte.folder / path).exists()}
        wanted = {manifest.NAME: corte.sha256, **{path: entry.sha256 for path, entry in roads.sample(sent).items()}}
        received = {path: fingerprint(url + quote(path)) for path in wanted}
        named, told = state["shown"], datetime.fromisoformat(data["corte"])
        record_evidence(f"corte {data['corte']}, recibido {received}; estado del espejo: {named}")
        return [
            *(path for path, digest in received.items() if digest != wanted[path]),
            *(["estado.json"] if named["manifest_sha256"] != corte.sha256 else []),
            *(["la hora"] if {told, datetime.fromisoformat(named["corte"])} != {corte.manifest.corte} else []),
        ]

    found = steadily(which, differences, lambda found: not found)
    assert not found, f"un ciudadano no recibe lo que el Instituto firmó: {', '.join(found)}"


@pytest.mark.clause("DG-11")
def test_corte_is_the_institute_s_last_one(
    published: SignedCorte,
    ordered: Standing,
    standing: Standing,
    target: Target,
    expect: Expect,
    now: Now,
    record_evidence: Record,
) -> None:
    """El corte a la vista es el último que el Instituto publicó y no retiró, según su registro, no el del espejo."""
    last, _ = Seen().published(target.election, ordered)
    shown = published.manifest
    record_evidence(f"muestra el corte {shown.sequence}, firmado {instants.write(shown.generated)}")
    if last:
        record_evidence(f"el Instituto publicó el {last.sequence}, firmado {instants.write(last.generated)}")
    gone = next(withdrawn(published, standing), "")
    assert not gone, gone
    grace = timedelta(minutes=expect("DG-11")["grace_minutes"])
    old, _ = age.judge(shown, last, now(), grace=grace)
    assert not old, old
    if last is None:
        pytest.skip("en esta máquina no consta qué corte publicó el Instituto; mida desde la que publica")


@pytest.fixture
def lacking(which: Callable[[], str], take: Callable[[], Shown], target: Target, record_evidence: Record) -> Lacking:
    """Return a function that tells what a page does not show of the date and the time of the corte, in local time.

    The page is read by the function that it is given, which gets date and time as people write them.
    """

    def look(read: Callable[..., str]) -> tuple[str, list[str]]:
        local = take().corte.manifest.corte.astimezone(timezone(target.election.utc_offset))
        spoken = day(local.date()), f"{local:%H:%M}"
        page = read(*spoken)
        return page, [each for each in spoken if each not in page]

    def told(read: Callable[..., str]) -> list[str]:
        page, missing = steadily(which, lambda: look(read), lambda found: not found[1])
        record_evidence(page[:400])
        return missing

    return told


@pytest.mark.clause("DG-11")
def test_browsers_show_its_date_and_time(lacking: Lacking, url: str, road: dict[str, Any]) -> None:
    """En un navegador, la página muestra la fecha y la hora del corte."""
    try:
        missing = lacking(partial(browser.read, url, road["difusor_fqdn"], entrance(road)))
    except BrowserError as error:
        pytest.skip(str(error))
    assert not missing, f"un navegador no muestra {' ni '.join(missing)}"


@pytest.mark.clause("DG-11")
def test_its_date_and_time_need_no_script(lacking: Lacking, fetch: Fetch, url: str) -> None:
    """También sin JavaScript se leen la fecha y la hora del corte."""
    missing = lacking(lambda *_: browser.read_without_scripts(url, fetch))
    assert not missing, f"sin JavaScript no se leen {' ni '.join(missing)}"


@pytest.fixture
def page(host: Host, variables: dict[str, Any], record_evidence: Record) -> dict[str, str]:
    """Return the SHA-256 of each file of the institute's page, by its name.

    From the archive of its image. One that the server pulls by its digest is not on this machine: the server's is read.
    """
    if archive := pinned.archive(variables["difusor_prep_image"]):
        if files := images.files_below(archive, SITE):
            return files
        pytest.skip(f"la imagen no tiene su página en {SITE}: no se sabe con qué comparar lo que se recibe")
    record_evidence("la imagen se baja de un registro: sus archivos son los que el servidor tiene de ella")
    name = host.check_output("docker ps --filter label=prep-difusor.role=prep --format '{{.Names}}'")
    return dict(json.loads(host.check_output("docker cp %s:%s - | python3 -c %s", name, SITE, FINGERPRINTS)))


@pytest.mark.clause("DG-03")
def test_page_is_the_institute_s(
    page: dict[str, str],
    status: dict[str, Any],
    take: Callable[[], Shown],
    fingerprint: Fingerprint,
    url: str,
    expect: Expect,
    record_evidence: Record,
) -> None:
    """Cada archivo de la página llega al ciudadano como está en la imagen que fijó el Instituto: nada se le agrega."""
    if fingerprint(url) == "503":
        pytest.skip("la compuerta está cerrada: todo recibe el aviso de espera")
    # The corte may bring a file of the same name, which is served instead; DG-04 judges that one.
    corte = take().corte.manifest.files if status["shown"] else {}
    wanted = {path: page[path] for path in sorted(page) if path not in corte}
    wanted |= {"": page["index.html"]} if "index.html" in wanted else {}
    altered = [
        f"{path or 'la portada'}, {form}"
        for path, digest in wanted.items()
        for form in FORMS
        if fingerprint(f"{url}{path}", form) != digest
    ]
    record_evidence(f"{len(wanted)} archivos de la imagen; distintos: {'; '.join(altered) or 'ninguno'}")
    assert wanted, "la imagen no tiene ninguna página"
    assert len(altered) == expect("DG-03")["altered_files"], f"no llegan como son: {'; '.join(altered[:5])}"


@pytest.mark.clause("DG-03")
def test_nothing_is_held_back_without_an_order(
    host: Host,
    mirror: Mirror,
    base: str,
    shown: Shown,
    ordered: Standing,
    target: Target,
    tmp_path: Path,
    record_evidence: Record,
) -> None:
    """Se envía todo lo que el Instituto entregó; si las actas no se envían (modo ligero), él lo ordenó con su firma."""
    answers = {folder: get(mirror, f"{base}{folder}/").status_code for folder in limits.HEAVY}
    if 503 not in answers.values() and not shown.status["gate"].get("light"):
        record_evidence("se envía todo")
        return
    stands, orders = ordered, {}
    for signed in (shown.corte, *_orders(host, tmp_path)):
        if signed.manifest.window.opens != target.election.window.opens:
            continue
        try:
            signer = past_signer(signed, target.election)
        except Refusal as refusal:
            if refusal.code == "system":  # this machine could not verify it, which says nothing of the server
                raise
            continue  # of a key that may sign no more, and not known here
        orders[signed.manifest.stands.light_at] = signer, signed.manifest.sequence
        stands = stands.join(signed.manifest.stands)
    assert stands.is_light, "las imágenes de las actas no se envían y ninguna orden firmada del Instituto sigue en pie"
    since = f"modo ligero desde {instants.write(stands.light_at)}"
    if stands.light_at in orders:
        signer, sequence = orders[stands.light_at]
        record_evidence(f"{since}, ordenado por {signer} en el corte {sequence}")
    else:
        record_evidence(f"{since}: lo ordenó el Instituto, según su registro; el servidor no guarda esa orden")


def _orders(host: Host, folder: Path) -> Iterator[SignedCorte]:
    """Yield what the server keeps of each corte whose orders it follows: its manifest and its signature."""
    for name in host.check_output("ls %s", ORDERS).split():
        (folder / name).mkdir()
        for paper in (manifest.NAME, manifest.SIGNATURE_NAME):
            (folder / name / paper).write_bytes(host.file(f"{ORDERS}/{name}/{paper}").content)
        yield SignedCorte.of(folder / name, *signing.papers(folder / name))
