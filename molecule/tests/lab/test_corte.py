"""Pushes to a live mirror: a good corte is recognised, a bad one is refused, and the page does not change."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from corte_fixtures import WAIT, get, next_attempt, next_second
from testinfra.host import Host

from corte.format import instants
from corte.format.manifest import Manifest
from corte.format.standing import Standing
from difusor.publish import signing
from difusor.publish.mirror import Mirror, last_number
from difusor.publish.push import push
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
Refused = Callable[[SignedCorte], dict[str, Any]]


@pytest.fixture
def refused(mirror: Mirror, target: Target, published: SignedCorte) -> Iterator[Refused]:
    """Return a function that pushes a corte and asserts its refusal; afterwards the shown corte is pushed again."""

    def check(bad: SignedCorte) -> dict[str, Any]:
        before = mirror.status()
        push(bad.folder, target, checksum=True)
        word, after = mirror.await_word(bad, last_number(before), WAIT)
        assert before is not None and word == "refused", after
        assert after["shown"] == {**before["shown"], "age_seconds": after["shown"]["age_seconds"]}
        found: dict[str, Any] = after["last_attempt"]
        return found

    copy = published.folder.with_name("bueno")
    shutil.copytree(published.folder, copy)
    yield check
    assert _push_again(mirror, target, copy) == "repeated"


@pytest.mark.clause("DG-07", "DG-10")
def test_the_same_push_again_is_recognised(
    mirror: Mirror, target: Target, published: SignedCorte, record_evidence: Record
) -> None:
    """Un corte firmado, enviado con el secreto por rsync desde una dirección confiable, es recibido y reconocido."""
    found = _push_again(mirror, target, published.folder)
    record_evidence(f"corte {published.manifest.sequence}: {found}")
    assert found == "repeated"


@pytest.mark.clause("DG-10", "DG-12")
def test_a_corte_of_another_signer_is_refused(
    published: SignedCorte, refused: Refused, target: Target, tmp_path: Path, record_evidence: Record
) -> None:
    """Un corte bien formado que firmó otra llave es rechazado con su motivo, y la página sigue igual."""
    key = tmp_path / "intruso"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    bad = signing.sign(
        published.folder, target.election, key, published.manifest.sequence + 1, published.manifest.corte
    )
    attempt = refused(bad)
    record_evidence(attempt["reason"])
    assert attempt["code"] == "signature"


@pytest.mark.clause("DG-04", "DG-10")
def test_an_altered_file_is_refused(
    published: SignedCorte, refused: Refused, target: Target, variables: dict[str, Any], record_evidence: Record
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


@pytest.mark.clause("DG-11")
def test_an_older_corte_is_refused(
    published: SignedCorte, refused: Refused, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Un corte bien firmado pero anterior al último aceptado es rechazado con su motivo, y la página sigue igual."""
    attempt = refused(_sign(published, target, variables, published.manifest.sequence - 1))
    record_evidence(attempt["reason"])
    assert attempt["code"] == "rollback"


@pytest.mark.clause("DG-05")
def test_a_corte_of_another_window_is_refused(
    published: SignedCorte, refused: Refused, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Un corte bien firmado que abriría antes de la hora de la elección es rechazado, y la página sigue igual."""
    window = target.election.window
    early = replace(window, opens=window.opens.replace(year=window.opens.year - 1))
    moved = replace(target, election=target.election.within(early))
    attempt = refused(_sign(published, moved, variables, published.manifest.sequence + 1))
    record_evidence(attempt["reason"])
    assert attempt["code"] == "window"


@pytest.mark.clause("DG-05", "DG-11")
def test_the_institute_holds_and_resumes_by_signed_orders(
    mirror: Mirror, base: str, target: Target, published: SignedCorte, variables: dict[str, Any],
    record_evidence: Record,
) -> None:  # fmt: skip
    """Una orden firmada detiene la actualización sin cambiar la página, otra mueve el cierre y la reanuda.

    That one also orders light mode, which the next one ends.
    """

    def actas_once(status: int) -> bytes:
        answered = until(
            lambda: get(mirror, base + "actas/"),
            lambda answer: answer.status_code == status,
            what=f"actas/ responda {status}",
        )
        return answered.content

    later = target.election.window.closes + timedelta(hours=1)
    window = replace(target.election.window, closes=later)
    moved = replace(target, election=target.election.within(window))
    before = mirror.status()
    held = _order(published, target, variables, "hold")
    word, paused = mirror.await_word(held, last_number(before), WAIT)
    resumed = _order(published, moved, variables, "resume", "light")
    again, after = mirror.await_word(resumed, last_number(paused), WAIT)
    light, results = actas_once(503), get(mirror, base + "datos/corte.json").status_code
    heavy = _order(published, moved, variables, stands=lambda next_one: resumed.manifest.stands.after(
        (), next_one.generated, next_one.sequence, 0
    ))  # fmt: skip
    _, last = mirror.await_word(heavy, last_number(after), WAIT)
    actas_once(404)
    plain = _order(published, target, variables)  # or «publish» would sign no other corte on this machine without them
    mirror.await_word(plain, last_number(last), WAIT)
    record_evidence(f"pausa: {word} ({paused['gate']['hold']}); reanudación: {again}, cierra {after['gate']['closes']}")
    assert before is not None and (word, again) == ("held", "shown")
    assert paused["shown"]["manifest_sha256"] == before["shown"]["manifest_sha256"]
    assert (after["gate"]["hold"], after["gate"]["closes"]) == (None, instants.write(later))
    assert (after["gate"]["light"], last["gate"]["light"], results) == (True, False, 200)
    assert "imágenes de las actas están en pausa".encode() in light


@pytest.mark.clause("DG-04", "DG-11")
def test_the_institute_withdraws_a_corte_by_a_signed_order(
    mirror: Mirror, base: str, target: Target, published: SignedCorte, variables: dict[str, Any],
    record_evidence: Record,
) -> None:  # fmt: skip
    """Una orden firmada retira el corte a la vista: vuelve el anterior, y el retirado, enviado otra vez, se rechaza."""
    extra = published.folder / "retirado.txt"
    extra.write_text("error")

    def send(*orders: str, stands: Callable[[Manifest], Standing] | None = None) -> tuple[SignedCorte, str, Any]:
        next_second()
        key, shown = Path(variables["lab_dir"]) / "firma", published.manifest
        signed = signing.sign(published.folder, target.election, key, shown.sequence + 1, shown.corte, orders, stands)
        before = last_number(mirror.status())
        push(signed.folder, target, checksum=True)
        return signed, *mirror.await_word(signed, before, WAIT)

    bad, shown, _ = send()
    gone = bad.manifest.withdrawn(bad.sha256, instants.now().replace(microsecond=0))
    _, word, after = send("withdrawal", stands=lambda _: Standing(withdrawn=(gone,)))
    page = get(mirror, f"{base}{extra.name}?{gone.at}")
    _, again, last = send()
    extra.unlink()
    record_evidence(f"{shown}; retirado: {word}, {after['standing']['withdrawn']}; otra vez: {last['last_attempt']}")
    assert (shown, word, again, last["last_attempt"]["code"]) == ("shown", "withdrawn", "refused", "withdrawn")
    assert (after["shown"]["sequence"], page.status_code) == (published.manifest.sequence, 404)


@pytest.mark.clause("DG-05")
def test_a_stopped_gate_is_a_closed_gate(
    host: Host, mirror: Mirror, base: str, published: SignedCorte, expect: Expect, record_evidence: Record
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


def _sign(published: SignedCorte, target: Target, variables: dict[str, Any], sequence: int) -> SignedCorte:
    """Sign the tree anew, with this sequence and the lab's own key."""
    key = Path(variables["lab_dir"]) / "firma"
    return signing.sign(published.folder, target.election, key, sequence, published.manifest.corte)


def _order(
    published: SignedCorte,
    target: Target,
    variables: dict[str, Any],
    *orders: str,
    stands: Callable[[Manifest], Standing] | None = None,
) -> SignedCorte:
    """Sign the shown corte anew with orders, at least one second after its last signing, and push it."""
    next_second()
    key = Path(variables["lab_dir"]) / "firma"
    shown = published.manifest
    signed = signing.sign(published.folder, target.election, key, shown.sequence, shown.corte, orders, stands)
    push(signed.folder, target, checksum=True)
    return signed


def _push_again(mirror: Mirror, target: Target, folder: Path) -> str:
    """Push a tree and return what the server says of that attempt."""
    before = last_number(mirror.status())
    push(folder, target, checksum=True)
    return str(next_attempt(mirror, before)["result"])
