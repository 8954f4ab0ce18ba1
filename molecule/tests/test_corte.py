"""The corte: what citizens receive is what the institute signed, inside its window, and nothing else gets in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from corte_fixtures import WAIT, get, next_attempt, next_second
from testinfra.host import Host

from corte.format import instants, manifest, tree
from difusor.publish import signing
from difusor.publish.mirror import Mirror, last_number
from difusor.publish.push import push
from difusor.publish.signing import Signed
from difusor.publish.target import Target
from difusor.suite.waiting import until

pytestmark = pytest.mark.xdist_group("outside")  # one test's push is another one's last attempt

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
Refused = Callable[[Signed], dict[str, Any]]


@pytest.mark.clause("DG-04")
def test_every_byte_is_the_signed_one(published: Signed, expect: Expect, record_evidence: Record) -> None:
    """Cada archivo del corte, descargado de la página pública, tiene el tamaño y el SHA-256 del manifiesto firmado."""
    altered = []
    for path, entry in published.manifest.files.items():
        content = (published.folder / path).read_bytes()
        if manifest.Entry(len(content), manifest.digest(content)) != entry:
            altered.append(path)
    record_evidence(
        f"corte {published.manifest.sequence}: {len(published.manifest.files)} archivos, "
        f"{published.manifest.total_bytes} bytes, manifiesto {published.sha256}"
    )
    assert len(altered) == expect("DG-04")["altered_bytes"], f"alterados: {altered[:5]}"
    tree.verify(published.folder, published.manifest)


@pytest.mark.clause("DG-04", "DG-11")
def test_the_server_names_what_it_shows(published: Signed, status: dict[str, Any], record_evidence: Record) -> None:
    """El estado público del servidor nombra, por su SHA-256 y su secuencia, el corte que la página entrega."""
    record_evidence(status["shown"])
    assert status["shown"]["manifest_sha256"] == published.sha256
    assert status["shown"]["sequence"] == published.manifest.sequence
    assert status["shown"]["corte"] == instants.write(published.manifest.corte)


@pytest.mark.clause("DG-10")
def test_shown_corte_is_signed_by_the_institute(
    published: Signed, target: Target, expect: Expect, record_evidence: Record
) -> None:
    """La firma del corte publicado se verifica con las llaves de los firmantes del Instituto para esta elección."""
    signer = signing.signer(published, target.terms)
    record_evidence(f"corte {published.manifest.sequence}, firmado por {signer}")
    assert bool(signer) is expect("DG-10")["signed"]


@pytest.mark.clause("DG-10", "DG-12")
def test_server_believes_only_the_listed_signers(host: Host, target: Target, record_evidence: Record) -> None:
    """El servidor reconoce a los firmantes que el Instituto enumera, en su vigencia, y a nadie más."""
    believed = _statements(host.check_output("cat /etc/prep-corte/allowed_signers"))
    record_evidence("; ".join(line.rpartition(" ")[0][:120] for line in believed))
    assert believed == _statements(target.terms.allowed_signers)


@pytest.mark.clause("DG-10")
@pytest.mark.parametrize("unit", ["prep-corte-intake.service", "prep-corte-gate.service"])
def test_verifier_is_confined(host: Host, unit: str, record_evidence: Record) -> None:
    """Quien verifica y muestra los cortes corre sin privilegios y solo puede escribir en su propio árbol."""
    names = "User,NoNewPrivileges,ProtectSystem,ReadWritePaths,CapabilityBoundingSet,PrivateNetwork"
    shown = dict(line.split("=", 1) for line in host.check_output(f"systemctl show {unit} -p {names}").splitlines())
    record_evidence(shown)
    assert shown["User"] not in ("", "root")
    assert (shown["NoNewPrivileges"], shown["ProtectSystem"]) == ("yes", "strict")
    assert shown["ReadWritePaths"] == "/srv/prep"
    assert shown["CapabilityBoundingSet"] == ""
    assert shown["PrivateNetwork"] == "yes" or unit == "prep-corte-gate.service"


@pytest.mark.clause("DG-05")
def test_gate_follows_the_window(
    mirror: Mirror,
    status: dict[str, Any],
    target: Target,
    base: str,
    expect: Expect,
    record_evidence: Record,
) -> None:
    """La página entrega resultados dentro del periodo y ninguno fuera de él, por instante absoluto."""
    now = datetime.now(UTC)
    gate, window = status["gate"], target.terms.window
    assert gate["opens"] == instants.write(window.opens)
    closes, retain_until = instants.parse(gate["closes"]), instants.parse(gate["retain_until"])
    due = "waiting" if now < window.opens else "open" if now < closes else "closed" if now < retain_until else "retired"
    answer = get(mirror, f"{base}datos/corte.json?{now.timestamp()}")
    record_evidence(f"{instants.write(now)}: compuerta {gate}, la página responde {answer.status_code}")
    assert gate["state"] == due
    if due in ("open", "closed"):
        assert answer.status_code == (200 if status["shown"] else 404)
    else:
        assert answer.status_code == expect("DG-05")["closed_status"]
        assert "corte" not in answer.headers.get("content-type", "") and b'"secuencia"' not in answer.content


@pytest.mark.clause("DG-05")
def test_gate_judges_by_a_synchronised_clock(status: dict[str, Any], record_evidence: Record) -> None:
    """La compuerta conoce la hora por un reloj sincronizado, cuyo error posible no llega a medio segundo."""
    record_evidence(status["clock"])
    assert status["clock"]["synchronised"] is True
    assert status["clock"]["max_error_seconds"] < 0.5


@pytest.mark.clause("DG-05")
def test_a_closed_gate_leaves_nothing_to_serve(host: Host, record_evidence: Record) -> None:
    """Sin el permiso de la compuerta no hay ningún corte donde el servidor web pueda leerlo."""
    flag = host.file("/run/prep-corte/abierto").exists
    shown = host.run("readlink /srv/prep/publico/actual").stdout.strip()
    trees = host.check_output("ls /srv/prep/publico/cortes").split()
    record_evidence(f"permiso: {flag}; árbol público: {shown or 'ninguno'}")
    assert flag or not (shown or trees)


@pytest.mark.clause("DG-04", "DG-10")
def test_nobody_else_can_write_what_is_published(host: Host, record_evidence: Record) -> None:
    """Nada de lo publicado puede ser escrito por otro usuario que el que verifica; los archivos son de solo lectura."""
    foreign = host.check_output(
        "find /srv/prep/publico ! -user prep-corte -o ! -type l -perm /022 -o -type f -perm /222"
    )
    record_evidence(foreign or "ningún archivo ajeno ni escribible")
    assert foreign == ""


@pytest.mark.clause("DG-10")
def test_history_is_whole(host: Host, status: dict[str, Any], record_evidence: Record) -> None:
    """La bitácora de cortes recibidos, rechazados y mostrados está encadenada, y el estado público dice su final."""
    lines = host.check_output("cat /srv/prep/almacen/bitacora.jsonl").splitlines()
    previous = "0" * 64
    for line in lines:
        assert json.loads(line)["previous"] == previous
        previous = manifest.digest(line.encode())
    record_evidence(f"{len(lines)} renglones, {previous}")
    assert status["log"]["head"] in {manifest.digest(line.encode()) for line in lines}


@pytest.fixture
def refused(mirror: Mirror, target: Target, published: Signed) -> Iterator[Refused]:
    """Return a function that pushes a corte and asserts its refusal; afterwards the good one is pushed again."""

    def check(bad: Signed) -> dict[str, Any]:
        before = mirror.status()
        push(bad.folder, target, checksum=True)
        word, after = mirror.await_word(bad.sha256, last_number(before), WAIT)
        assert before is not None and word == "refused", after
        assert after["shown"] == {**before["shown"], "age_seconds": after["shown"]["age_seconds"]}
        found: dict[str, Any] = after["last_attempt"]
        return found

    copy = published.folder.with_name("bueno")
    shutil.copytree(published.folder, copy)
    yield check
    assert _push_again(mirror, target, copy) == "repeated"


@pytest.mark.lab
@pytest.mark.clause("DG-07", "DG-10")
def test_the_same_push_again_is_recognised(
    mirror: Mirror, target: Target, published: Signed, record_evidence: Record
) -> None:
    """Un corte firmado, enviado con el secreto por rsync desde una dirección confiable, es recibido y reconocido."""
    found = _push_again(mirror, target, published.folder)
    record_evidence(f"corte {published.manifest.sequence}: {found}")
    assert found == "repeated"


@pytest.mark.lab
@pytest.mark.clause("DG-10", "DG-12")
def test_a_corte_of_another_signer_is_refused(
    published: Signed, refused: Refused, target: Target, tmp_path: Path, record_evidence: Record
) -> None:
    """Un corte bien formado que firmó otra llave es rechazado con su motivo, y la página sigue igual."""
    key = tmp_path / "intruso"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    bad = signing.sign(published.folder, target.terms, key, published.manifest.sequence + 1, published.manifest.corte)
    attempt = refused(bad)
    record_evidence(attempt["reason"])
    assert attempt["code"] == "signature"


@pytest.mark.lab
@pytest.mark.clause("DG-04", "DG-10")
def test_an_altered_file_is_refused(
    published: Signed, refused: Refused, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Un corte firmado al que se le cambió un byte en el camino es rechazado con su motivo, y la página sigue igual."""
    path = published.folder / "datos/corte.json"
    good = path.read_bytes()
    path.write_bytes(good.replace(b":", b": ", 1)[: len(good)] + b" ")
    bad = _sign(published, target, variables, published.manifest.sequence + 1)
    path.write_bytes(b" " + path.read_bytes()[:-1])
    attempt = refused(bad)
    record_evidence(attempt["reason"])
    assert attempt["code"] == "digest"


@pytest.mark.lab
@pytest.mark.clause("DG-11")
def test_an_older_corte_is_refused(
    published: Signed, refused: Refused, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Un corte bien firmado pero anterior al último aceptado es rechazado con su motivo, y la página sigue igual."""
    attempt = refused(_sign(published, target, variables, published.manifest.sequence - 1))
    record_evidence(attempt["reason"])
    assert attempt["code"] == "rollback"


@pytest.mark.lab
@pytest.mark.clause("DG-05")
def test_a_corte_of_another_window_is_refused(
    published: Signed, refused: Refused, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Un corte bien firmado que abriría antes de la hora de la elección es rechazado, y la página sigue igual."""
    window = target.terms.window
    early = replace(window, opens=window.opens.replace(year=window.opens.year - 1))
    moved = replace(target, terms=replace(target.terms, window=early))
    attempt = refused(_sign(published, moved, variables, published.manifest.sequence + 1))
    record_evidence(attempt["reason"])
    assert attempt["code"] == "window"


@pytest.mark.lab
@pytest.mark.clause("DG-05", "DG-11")
def test_the_institute_holds_and_resumes_by_signed_orders(
    mirror: Mirror, target: Target, published: Signed, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Una orden firmada detiene la actualización sin cambiar la página, otra mueve el cierre y la reanuda."""
    later = target.terms.window.closes + timedelta(hours=1)
    window = replace(target.terms.window, closes=later)
    moved = replace(target, terms=replace(target.terms, window=window))
    before = mirror.status()
    held = _order(published, target, variables, "hold")
    word, paused = mirror.await_word(held.sha256, last_number(before), WAIT)
    resumed = _order(published, moved, variables, "resume")
    again, after = mirror.await_word(resumed.sha256, last_number(paused), WAIT)
    record_evidence(f"pausa: {word} ({paused['gate']['hold']}); reanudación: {again}, cierra {after['gate']['closes']}")
    assert before is not None and (word, again) == ("held", "shown")
    assert paused["shown"]["manifest_sha256"] == before["shown"]["manifest_sha256"]
    assert (after["gate"]["hold"], after["gate"]["closes"]) == (None, instants.write(later))


@pytest.mark.lab
@pytest.mark.clause("DG-05")
def test_a_stopped_gate_is_a_closed_gate(
    host: Host, mirror: Mirror, base: str, published: Signed, expect: Expect, record_evidence: Record
) -> None:
    """Al detenerse la compuerta no se entregan resultados ni se dice que esté abierta, y al volver se entregan."""
    try:
        host.check_output("systemctl stop prep-corte-gate.service")
        closed, said = get(mirror, base + "datos/corte.json"), mirror.status() or mirror.problem
    finally:
        host.check_output("systemctl start prep-corte-gate.service")
    again = until(
        lambda: get(mirror, base + "datos/corte.json").status_code,
        lambda status: status == 200,
        what="la compuerta, de vuelta, entregue los resultados",
    )
    record_evidence(f"detenida: {closed.status_code}, {said}; de vuelta: {again}")
    assert closed.status_code == expect("DG-05")["closed_status"]
    assert b'"secuencia"' not in closed.content
    assert said == "estado.json responde 503"


def _sign(published: Signed, target: Target, variables: dict[str, Any], sequence: int) -> Signed:
    """Sign the tree anew with the lab's own key."""
    key = Path(variables["lab_dir"]) / "firma"
    return signing.sign(published.folder, target.terms, key, sequence, published.manifest.corte)


def _order(published: Signed, target: Target, variables: dict[str, Any], order: str) -> Signed:
    """Sign the shown corte anew with an order, one second later than before at least, and push it."""
    next_second()
    key = Path(variables["lab_dir"]) / "firma"
    shown = published.manifest
    signed = signing.sign(published.folder, target.terms, key, shown.sequence, shown.corte, [order])
    push(signed.folder, target, checksum=True)
    return signed


def _push_again(mirror: Mirror, target: Target, folder: Path) -> str:
    """Push a tree and return what the server says of that attempt."""
    before = last_number(mirror.status())
    push(folder, target, checksum=True)
    return str(next_attempt(mirror, before)["result"])


def _statements(text: str) -> list[str]:
    """Return the lines of allowed_signers that say something, without the keys' own comments."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [re.sub(r"(\S+ \S+ \S+ \S+).*", r"\1", line) for line in lines]
