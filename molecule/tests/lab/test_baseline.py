"""The baseline of the server: it reports a file that was added, and nothing that did not change."""

from __future__ import annotations

from collections.abc import Callable

from testinfra.host import Host

from difusor.baseline.record import changes
from difusor.baseline.take import look

Record = Callable[[object], None]
PATH = "/etc/sysctl.d/99-ajeno.conf"


def test_baseline_shows_a_change(host: Host, record_evidence: Record) -> None:
    """El registro del servidor delata un archivo agregado a su configuración, y no acusa nada que no haya cambiado."""
    before = look("difusor", host, {})
    host.check_output("install -m 644 /dev/null %s", PATH)
    try:
        found = changes(before, look("difusor", host, {}))
    finally:
        host.check_output("rm -f %s", PATH)
    record_evidence("; ".join(f"{change.kind} {change.name}" for change in found))
    assert [(change.kind, change.name, change.before) for change in found] == [("files", PATH, "")]
    assert all((before.files, before.packages, before.images, before.signers))
