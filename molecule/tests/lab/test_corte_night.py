"""What the institute does on election night and after a rehearsal, with its own commands, on a live server."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import command_kit
import corte_fixtures
import httpx
import pytest
from corte_fixtures import WAIT, await_status, expecting, get, next_attempt
from site_runs import LONGEST
from testinfra.host import Host

from corte.format import instants, limits, manifest, signature
from corte.format.manifest import Window
from difusor.publish import signing
from difusor.publish.comparison import compare
from difusor.publish.mirror import Mirror, last_number
from difusor.publish.push import push
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.suite.waiting import until
from difusor.synthetic import Setting, write_corte

Record = Callable[[object], None]
Send = Callable[..., str]
Verb = Callable[..., Any]
LEAD = timedelta(seconds=24)
"""From now to the opening: enough to make a corte and push it, also on a machine that does much else."""
GATE = "systemctl restart prep-corte-gate.service"


@pytest.fixture
def send(mirror: Mirror, target: Target, published: SignedCorte, key: Path) -> Send:
    """Return a function that signs the shown corte's folder anew, its sequence `later` numbers higher, and pushes it.

    The function returns the result: shown, held, or the refusal's code.
    """

    def run(*orders: str, later: int = 0) -> str:
        return corte_fixtures.send(published, target, mirror, key, *orders, later=later)

    return run


@pytest.fixture
def difusor(pytestconfig: pytest.Config) -> Verb:
    """Return a function that runs a verb of `difusor` on this inventory and returns its JSON."""

    def run(verb: str, *arguments: str | Path) -> Any:
        given = ("-i", pytestconfig.option.ansible_inventory, "--json", *arguments)
        done = command_kit.difusor(verb, *given, timeout=LONGEST)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.clause("DG-04", "DG-11")
def test_counts_fall_only_by_a_signed_order(
    send: Send, published: SignedCorte, target: Target, tmp_path: Path, authority: Path, record_evidence: Record
) -> None:
    """Un corte con menos actas que el anterior se rechaza; firmado como rectificación se publica, entero."""
    tables = [path for path in published.manifest.files if path.startswith("descargas/")]
    aside = (published.folder / "descargas").rename(tmp_path / "descargas")
    found = [send(later=1), send("rectification", later=1)]
    page = compare(target, authority)
    aside.rename(published.folder / "descargas")
    found.append(send(later=2))
    record_evidence(f"sin orden: {found[0]}; con orden: {found[1]}, {page.files} archivos; de vuelta: {found[2]}")
    assert found == ["rectification", "shown", "shown"]
    assert page.good and page.files == len(published.manifest.files) - len(tables)


@pytest.mark.clause("DG-04")
def test_every_character_that_may_be_signed_is_served(
    send: Send, published: SignedCorte, target: Target, authority: Path, record_evidence: Record
) -> None:
    """Un corte con nombres que llevan cada signo y letra admitidos se publica, y cada archivo se entrega igual."""
    names = [f"a{sign}b.csv" for sign in limits.PUNCTUATION] + ["Baños de Tepetate/Öñű.csv", "x.bin"]
    for folder in ("datos", "otros"):
        for name in names:
            path = published.folder / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    found = send(later=1)
    page = compare(target, authority)
    record_evidence(f"{found}; {page.files} archivos iguales, con nombres como {', '.join(names[-6:])}")
    assert (found, page.good) == ("shown", True), page.detail


@pytest.mark.clause("DG-11")
def test_the_cache_never_shows_a_page_of_an_earlier_corte(
    send: Send, published: SignedCorte, mirror: Mirror, base: str, record_evidence: Record
) -> None:
    """Una página que el caché guarda de un corte anterior no se entrega, pasada su vigencia, a quien llega después."""
    page = published.folder / "prueba.html"

    def publish(number: int) -> None:
        page.write_text(f"corte {number}")
        assert send(later=number) == "shown"

    publish(1)
    first = get(mirror, base + page.name)
    lifetime = first.headers["cache-control"].rpartition("=")[2]
    expires = instants.now() + timedelta(seconds=int(lifetime) + 1)  # nginx counts whole seconds
    publish(2)
    until(lambda: instants.now() > expires, what="pase la vigencia de la página guardada")
    found = [first.text, get(mirror, base + page.name).text]
    record_evidence(f"entregadas: {found}; vigencia: {lifetime} s")
    assert found == ["corte 1", "corte 2"]


@pytest.mark.clause("DG-04", "DG-11")
def test_a_browser_keeps_no_file_that_changed_places_with_another(
    send: Send, published: SignedCorte, mirror: Mirror, base: str, record_evidence: Record
) -> None:
    """Dos archivos de igual tamaño cambian de lugar: el navegador que pregunta por su copia recibe el contenido nuevo.

    The compressed copies have equal sizes too.
    """
    one, other = (f'{{"votos": {count}}}\n'.encode() * 100 for count in (10, 20))
    path = published.folder / "datos/votos.json"

    def publish(number: int, *contents: bytes) -> None:
        for name, content in zip((path, path.with_name("votos2.json")), contents, strict=True):
            name.write_bytes(content)
        assert send(later=number) == "shown"

    def ask(encoding: str, kept: str = '"ninguna"') -> tuple[httpx.Response, bytes]:
        content = bytearray()
        url = f"{base}datos/{path.name}"
        return mirror.hand(url, content.extend, Accept_Encoding=encoding, If_None_Match=kept), bytes(content)

    def compressed() -> str:
        """Return the validator of the compressed copy, which is made once the corte is shown.

        Until then nginx compresses the file itself, with a weak validator.
        """
        what = "se entregue la copia comprimida"
        return str(until(lambda: ask("gzip")[0].headers["ETag"], lambda told: not told.startswith("W/"), what=what))

    publish(1, one, other)
    kept = {"gzip": compressed(), "identity": ask("identity")[0].headers["ETag"]}
    same = [ask(encoding, validator)[0].status_code for encoding, validator in kept.items()]
    publish(2, other, one)
    compressed()
    found = [ask(encoding, validator) for encoding, validator in kept.items()]
    answers = [answer.status_code for answer, _ in found]
    record_evidence(f"validadores: {kept}; sin cambio: {same}; cambiados de lugar: {answers}")
    assert (same, answers) == ([304, 304], [200, 200])
    assert [content for _, content in found] == [other, other]


@pytest.mark.clause("DG-07", "DG-04")
def test_one_command_delivers_within_its_bandwidth_and_another_compares(
    difusor: Verb, published: SignedCorte, key: Path, target: Target, authority: Path, record_evidence: Record
) -> None:
    """«difusor publish» envía sin pasar del ancho de banda dado y dice qué se muestra; «difusor audit» lo compara."""
    (published.folder / "prueba.bin").write_bytes(os.urandom(1_000_000))
    signed = signing.sign(
        published.folder, target.election, key, published.manifest.sequence + 1, published.manifest.corte
    )
    (told,) = difusor("publish", published.folder, "--bandwidth", "250", "--ca", authority)["difusores"]
    (found,) = difusor("audit", "--tree", published.folder, "--ca", authority)
    record_evidence(
        f"{told['sent_bytes']} bytes en {told['seconds']} s: {told['result']}; comparado: {found['result']}"
    )
    assert (told["result"], found["result"]) == ("shown", "authentic")
    assert found["manifest_sha256"] == signed.sha256
    assert told["seconds"] > 1_000_000 / 250_000 * 0.7  # rsync does not limit its first burst


@pytest.fixture
def opening(host: Host, mirror: Mirror, target: Target, published: SignedCorte) -> Iterator[Window]:
    """Give the server a window that opens soon; afterwards its own again, with the corte that it showed.

    That a run of the site changes what the gate goes by is judged by test_late_changes. What comes after finds a corte
    also when the test fails, and so does its repetition.
    """
    opens = instants.now().replace(microsecond=0) + LEAD
    window = Window(opens, opens + timedelta(hours=24), opens + timedelta(days=6))
    try:
        with expecting(host, **window.to_json()):
            host.check_output(GATE)
            await_status(mirror, lambda status: status["gate"]["state"] == "waiting", "la compuerta espere la apertura")
            yield window
    finally:
        host.check_output(GATE)
    await_status(mirror, lambda status: status["gate"]["state"] == "open", "la compuerta esté abierta")
    before = last_number(mirror.status())
    push(published.folder, target)
    assert mirror.await_word(published, before, WAIT)[0] == "shown"


@pytest.mark.timing("la apertura se fija antes de hacer y enviar el corte, que en una máquina ocupada puede tardar más")
@pytest.mark.clause("DG-05", "DG-11")
def test_the_night_begins_with_a_corte_of_no_actas(
    opening: Window, mirror: Mirror, base: str, target: Target, key: Path, tmp_path: Path, authority: Path,
    record_evidence: Record,
) -> None:  # fmt: skip
    """El corte en ceros llega antes de la apertura: la página espera, y desde el instante, no antes, lo muestra."""
    opens, election = opening.opens, target.election.within(opening)
    write_corte(tmp_path / "ceros", Setting.of(election), number=1, seed=1)
    signed = signing.sign(tmp_path / "ceros", election, key)
    before = mirror.status()
    push(signed.folder, target)
    held, status = mirror.await_word(signed, last_number(before), WAIT)
    waiting = get(mirror, base)
    answer = until(
        lambda: get(mirror, base + "datos/corte.json"),
        lambda answer: answer.status_code == 200,
        what="la página abra",
        within=(opens - instants.now()).total_seconds() + 20,
    )
    first = instants.now()
    record_evidence(f"en espera: {waiting.status_code}; abre {instants.write(opens)}, primer resultado {first}")
    assert (held, status["gate"]["state"], status["shown"]) == ("held", "waiting", None)
    assert waiting.status_code == 503 and "no están disponibles en este momento" in waiting.text
    assert opens <= first
    assert answer.json()["totales"]["actas_capturadas"] == 0
    assert compare(replace(target, election=election), authority, expected=signed.sha256).good


@pytest.fixture
def official(host: Host, mirror: Mirror, target: Target, published: SignedCorte) -> Iterator[Window]:
    """Make it the server of the official election, which opens in an hour; afterwards of the rehearsal that it was."""
    opens = instants.now().replace(microsecond=0) + timedelta(hours=1)
    window = Window(opens, opens + timedelta(hours=24), opens + timedelta(days=6))
    assert (mirror.status() or {})["environment"] == "simulacro"
    try:
        with expecting(host, environment="official", **window.to_json()):
            host.check_output(GATE)
            await_status(mirror, lambda status: status["gate"]["state"] == "waiting", "la compuerta espere la apertura")
            yield window
    finally:
        host.check_output(GATE)
        await_status(mirror, lambda status: status["environment"] == "simulacro", "vuelva a ser el del simulacro")
        for name, content in ((manifest.NAME, published.raw), (manifest.SIGNATURE_NAME, published.armour)):
            (published.folder / name).write_bytes(content)
        before = last_number(mirror.status())
        push(published.folder, target)
        assert mirror.await_word(published, before, WAIT)[0] == "shown"


@pytest.mark.clause("DG-04", "DG-05")
def test_before_an_official_opening_nothing_is_kept_of_a_corte_with_actas(
    host: Host, official: Window, mirror: Mirror, target: Target, published: SignedCorte, key: Path,
    record_evidence: Record,
) -> None:  # fmt: skip
    """Antes de la apertura oficial, un corte firmado que ya lleva actas se rechaza y de él no queda un solo archivo."""
    now = instants.now().replace(microsecond=0)
    early = replace(
        published.manifest, environment="official", window=official, corte=now, generated=now, orders=(), standing=None
    )  # with an order, which the server would follow, the rehearsal could not be purged any more
    (published.folder / manifest.NAME).write_bytes(early.to_bytes())
    armour = signature.sign(early.to_bytes(), key, target.election.id)
    (published.folder / manifest.SIGNATURE_NAME).write_bytes(armour)
    before = last_number(mirror.status())
    push(published.folder, target)
    attempt = next_attempt(mirror, before)
    kept = until(
        lambda: host.check_output("find /srv/prep -type f -exec sha256sum {} + 2>/dev/null; true").split(),
        lambda found: not {entry.sha256 for entry in early.files.values()} & {*found},
        what="no quede en el servidor un solo archivo de ese corte",
    )
    record_evidence(f"{attempt['code']}: {attempt['reason']} Quedan: {kept[1::2]}")
    assert (attempt["result"], attempt["code"]) == ("refused", "early")
    assert host.check_output("find /srv/prep/entrada -mindepth 1") == ""
    assert (mirror.status() or {})["held"] is None


@pytest.mark.clause("DG-04", "DG-05")
def test_nothing_is_left_of_a_rehearsal(
    host: Host,
    difusor: Verb,
    mirror: Mirror,
    base: str,
    target: Target,
    published: SignedCorte,
    authority: Path,
    record_evidence: Record,
) -> None:
    """«difusor purge --simulacro» no deja un solo archivo del simulacro, y el siguiente envío empieza de nuevo."""
    shown = manifest.digest((published.folder / "datos/corte.json").read_bytes())
    (evidence,) = difusor("purge", "--simulacro").values()
    inside = "nsenter --mount --target $(systemctl show --property MainPID --value nginx.service)"  # it has the cache
    files = host.check_output(
        f"{inside} find /srv/prep /run/prep-cache -type f ! -name estado.json ! -name 'state.json*' "
        "! -name bitacora.jsonl"
    )
    # A file that goes before it is read, such as one of Docker's own for each health check, is not left.
    same = host.check_output(
        f"{inside} find /srv/prep /run/prep-cache /run/prep-corte /tmp /var/tmp -type f "
        "-exec sha256sum {} + 2>/dev/null; true"
    )
    status, page = mirror.status(), get(mirror, base)
    left = evidence["remaining"] or "ninguno"
    record_evidence(f"borrados: {evidence['removed_files']}; quedan: {left}; página: {page.status_code}")
    assert evidence["removed_files"] > len(published.manifest.files) and evidence["remaining"] == {}
    assert files == "" and "estado.json" in same and shown not in same
    assert status is not None and (status["shown"], status["held"], status["last_attempt"]) == (None, None, None)
    assert get(mirror, base + "datos/corte.json").status_code == 404
    assert page.status_code == 503 and "en cuanto llega el primer corte" in page.text, "la página no dice que espera"
    assert '<header class="label">Simulacro</header>' in page.text
    push(published.folder, target)
    assert mirror.await_word(published, 0, WAIT)[0] == "shown"
    assert compare(target, authority, expected=published.sha256).good
