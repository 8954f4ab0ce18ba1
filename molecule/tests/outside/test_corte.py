"""The corte as citizens receive it: byte for byte what the institute signed, and inside its window only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from clock_fixtures import Now
from corte_fixtures import PACE, WAIT, Shown, agree, get, said, shown_by
from web_fixtures import Visit

from corte.format import instants, manifest, tree
from corte.format.manifest import Manifest, Window
from corte.format.standing import Standing
from difusor.publish import age
from difusor.publish.comparison import withdrawn
from difusor.publish.mirror import Mirror
from difusor.publish.signing import SignedCorte
from difusor.publish.standing import past_signer
from difusor.publish.target import Target
from difusor.publish.wording import sentences
from difusor.suite.plugin import SUITE
from difusor.suite.waiting import until

pytestmark = pytest.mark.xdist_group("outside")

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]


@pytest.mark.clause("DG-04")
def test_every_byte_is_the_signed_one(published: SignedCorte, expect: Expect, record_evidence: Record) -> None:
    """Cada archivo del corte, descargado de la página pública, tiene el tamaño y el SHA-256 del manifiesto firmado."""
    altered = []
    found = published.manifest
    sent = replace(found, files={each: found.files[each] for each in found.files if (published.folder / each).exists()})
    for path, entry in sent.files.items():
        with (published.folder / path).open("rb") as file:  # of up to two gigabytes
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if manifest.Entry(file.tell(), digest) != entry:
                altered.append(path)
    record_evidence(
        f"corte {found.sequence}: {len(sent.files)} de {len(found.files)} archivos, "
        f"{sent.total_bytes} bytes, manifiesto {published.sha256}"
    )
    assert len(altered) == expect("DG-04")["altered_bytes"], f"alterados: {altered[:5]}"
    tree.verify(published.folder, sent)


@pytest.mark.clause("DG-04", "DG-11")
def test_the_server_names_what_it_shows(shown: Shown, record_evidence: Record) -> None:
    """El estado público del servidor nombra, por su SHA-256 y su secuencia, el corte que la página entrega."""
    named, published = shown.status["shown"], shown.corte
    record_evidence(named)
    assert named["manifest_sha256"] == published.sha256
    assert named["sequence"] == published.manifest.sequence
    assert named["corte"] == instants.write(published.manifest.corte)


@pytest.mark.clause("DG-10")
def test_shown_corte_is_signed_by_the_institute(
    published: SignedCorte, target: Target, expect: Expect, record_evidence: Record
) -> None:
    """La firma del corte publicado se verifica con las llaves de los firmantes del Instituto para esta elección."""
    signer = past_signer(published, target.election)
    record_evidence(f"corte {published.manifest.sequence}, firmado por {signer}")
    assert bool(signer) is expect("DG-10")["signed"]


@pytest.mark.clause("DG-05")
def test_gate_follows_the_window(
    mirror: Mirror,
    window: Window,
    target: Target,
    base: str,
    url: str,
    visit: Visit,
    expect: Expect,
    now: Now,
    record_evidence: Record,
) -> None:
    """La página entrega a todos resultados dentro del periodo y ninguno fuera de él, por instante absoluto."""
    at, status = now(), said(mirror)
    gate, ordered = status["gate"], window.to_json()
    closes, retain_until = window.closes, window.retain_until
    due = "waiting" if at < window.opens else "open" if at < closes else "closed" if at < retain_until else "retired"
    answer = get(mirror, f"{base}datos/corte.json?{at.timestamp()}")
    status_outside, outside = visit(f"{url}datos/corte.json?{at.timestamp()}")
    record_evidence(
        f"{instants.write(at)}: compuerta {gate}, la página responde {answer.status_code} al Instituto y "
        f"{status_outside} a una dirección cualquiera"
    )
    assert window.opens == target.election.window.opens, f"muestra un corte de otra apertura: {ordered['opens']}"
    other = [f"{gate[name]} y no {ordered[name]}" for name in ordered if gate[name] != ordered[name]]
    assert not other, (
        f"el servidor sigue otro periodo que el del Instituto: {', '.join(other)}; aplique allá el inventario o, si el "
        "Instituto movió el cierre con un corte que aún no se ve, mida desde la máquina que lo firmó"
    )
    if answer.status_code == 200:
        late = age.overdue(window, target.election, Standing(), at)
        assert not late, late
    assert gate["state"] == due, f"la compuerta dice {gate['state']} y por la hora debe decir {due}"
    if due in ("open", "closed"):
        assert answer.status_code == (200 if status["shown"] else 404)
    else:
        assert answer.status_code == expect("DG-05")["closed_status"]
        assert "corte" not in answer.headers.get("content-type", "") and b'"secuencia"' not in answer.content
        assert '"secuencia"' not in outside, "a una dirección cualquiera le entrega resultados"
    assert status_outside == answer.status_code, "a una dirección cualquiera le responde otra cosa que al Instituto"


@pytest.mark.clause("DG-05")
def test_nothing_is_retained_without_an_order(
    window: Window, target: Target, now: Now, record_evidence: Record
) -> None:
    """Después del cierre no se publica nada, salvo hasta cuando el Instituto ordenó y firmó que se conserve."""
    closes, end = window.closes, window.retain_until
    election = target.election
    order, ordered = election.retention_order, election.window.retain_until
    if end <= closes:
        record_evidence(f"cierra {instants.write(closes)} y no se conserva nada")
        return
    record_evidence(f"cierra {instants.write(closes)}; el último corte se conserva hasta {instants.write(end)}")
    assert order, f"se conserva hasta {instants.write(end)} y no consta quién lo ordenó (election_retention_order)"
    record_evidence(f"lo ordenó {order.by}, acuerdo {order.agreement}, {order.date}")
    assert order.date <= now().astimezone(election.catalog.zone).date(), "la fecha de ese acuerdo aún no llega"
    assert end <= ordered, f"se conserva hasta {instants.write(end)} y se ordenó hasta {instants.write(ordered)}"


@pytest.mark.clause("DG-10", "DG-11")
def test_what_the_institute_withdrew_is_not_shown(
    shown: Shown, recorded: Manifest | None, standing: Standing, record_evidence: Record
) -> None:
    """El servidor sigue las órdenes firmadas que están en pie, y el corte a la vista no está retirado."""
    follows, gate = Standing.from_json(shown.status["standing"]), shown.status["gate"]
    record_evidence(f"sigue: {'; '.join(sentences(follows)) or 'ninguna orden'}")
    if recorded is None:
        record_evidence("esta máquina no tiene registro de esta elección: se juzga por lo que dice el servidor")
    elif follows != standing:
        record_evidence(f"en pie, según el registro: {'; '.join(sentences(standing)) or 'ninguna orden'}")
    gone = next(withdrawn(shown.corte, standing), "")
    assert not gone, f"{gone}; si esa orden aún no se envía, publique el corte que la lleva"
    assert follows.includes(shown.corte.manifest.stands), "no sigue las órdenes que lleva el corte que muestra"
    for name, is_ordered, is_followed in (
        ("conservar lo que se muestra", standing.hold_in_force is not None, gate["hold"] is not None),
        ("el modo ligero", standing.is_light, gate["light"]),
    ):
        is_lacking = f"el Instituto {'ordenó' if is_ordered else 'no ordena (o ya no)'} {name} y el servidor "
        assert is_followed is is_ordered, is_lacking + ("no lo hace" if is_ordered else "lo hace")


@pytest.mark.clause("RED-05")
def test_balanced_servers_show_the_same(
    pytestconfig: pytest.Config, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Los servidores entre los que un balanceador reparte las visitas muestran el mismo corte."""
    every = pytestconfig.stash[SUITE].inventory
    fqdn = variables["difusor_fqdn"]
    names = [name for name in every.groups["difusores"] if every.hosts[name]["difusor_fqdn"] == fqdn]
    if len(names) < expect("RED-05")["servers"] or not variables.get("difusor_cdn_ranges"):
        # The call leaves a balancer to the outlet: without one, or with one server, there is nothing to compare.
        pytest.skip(f"{len(names)} servidor de publicación, o ningún balanceador delante")

    # One that does not answer is an error: of two that are silent nobody knows what they show.
    what = "muestren todos el mismo corte, uno poco después que otro"
    found = until(lambda: shown_by(names, every.hosts), agree, what=what, within=WAIT, every=PACE)
    record_evidence(found)
    if not all(found.values()):  # they agree, so none shows anything: of cortes nothing is proved by that
        pytest.skip(f"ninguno muestra un corte: {', '.join(found)}")


@pytest.mark.clause("DG-05")
def test_gate_judges_by_a_synchronised_clock(status: dict[str, Any], record_evidence: Record) -> None:
    """La compuerta conoce la hora por un reloj sincronizado, cuyo error posible no llega a medio segundo."""
    record_evidence(status["clock"])
    assert status["clock"]["synchronised"] is True
    assert status["clock"]["max_error_seconds"] < 0.5
