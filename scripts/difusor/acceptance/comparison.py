"""The last step: the server that was given back is compared with how it was found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from difusor.acceptance import standing, state
from difusor.acceptance.case import Case
from difusor.acceptance.doing import AFTER, BEFORE
from difusor.acceptance.journal import Outcome, Verdict
from difusor.acceptance.measured import SHOWN
from difusor.acceptance.renewed import REASON, renewed
from difusor.baseline.record import Change
from difusor.project import write
from difusor.terminal import some

REMAINS = (
    ("files", r"/etc/(group|gshadow)", "el mismo contenido en otro orden: los paquetes quitan y agregan renglones"),
    ("folders", r"/var/lib/(containerd|docker)", "lo que Docker y containerd no borran al irse"),
    ("files", r"/etc/apt/sources\.list", "un archivo vacío que unattended-upgrades hace donde no lo hay"),
    ("folders", r"/var/log/(dpkg\.log|alternatives\.log|apt|unattended-upgrades)", "la bitácora de los paquetes"),
    ("folders", r"/\w+/\.ansible", "la carpeta de trabajo de Ansible"),
    ("files", r"/etc/letsencrypt(/.*)?", "los certificados se quedan siempre: hay un límite a cuántos se emiten"),
)
"""What remains after any removal: kind, name (a pattern), and why. It counts only if it was not there before; only the
two files of the first row count when they changed."""
EMPTIED, NOTHING = "/etc/apt/sources.list", sha256().hexdigest()
"""A file that remains only while it is empty: its name, and the digest of nothing."""


def compare(case: Case, folder: Path, beginning: Path, upgraded: Path) -> Outcome:
    """Compare the server with the beginning, apart from what its own updates changed and what packages leave."""
    standing.settle(case, folder)
    was, now = state.saved(beginning), state.take(case)
    state.save(now, folder)
    found = state.differences(was, now)
    upgrades = _by_upgrade(upgraded)
    by_upgrade = [each for each in found if each in upgrades]
    by_itself = renewed(case, [each for each in found if each not in by_upgrade])
    theirs = [*by_upgrade, *by_itself]
    left = [each for each in found if each not in theirs]
    remains = {each: why for each in left if (why := why_it_remains(each, left))}
    booted = was["system"]["boot"] != now["system"]["boot"]
    waiting = [] if booted else [each for each in left if each.kind in state.UNTIL_BOOT and each not in remains]
    lasting = [each for each in left if each not in remains and each not in waiting]
    write(folder / "diferencias.txt", state.told(lasting))
    write(folder / "vuelven-al-reiniciar.txt", state.told(waiting))
    reasons = "".join(f"{state.told([each]).rstrip()}: {REASON}\n" for each in by_itself)
    write(folder / "de-la-actualización.txt", state.told(by_upgrade) + reasons)
    write(
        folder / "restos.txt", "".join(f"{state.TOLD[each.kind]} {each.name}: {why}\n" for each, why in remains.items())
    )
    known = f"restos de paquetes, con su razón: {len(remains)}; cambios de la actualización: {len(theirs)}"
    if lasting:
        names = some([f"{state.TOLD[each.kind]} {each.name}" for each in lasting], SHOWN)
        return Outcome(Verdict.FAILED, f"no son como al principio ({len(lasting)}): {names}; {known}")
    if not booted:
        return Outcome(
            Verdict.UNVERIFIED,
            f"archivos, paquetes y cuentas son los del principio ({known}); no hubo reinicio, y lo que vuelve con él "
            f"no se comprobó ({len(waiting)})",
        )
    return Outcome(Verdict.PASSED, f"todo es como al principio ({known})")


def why_it_remains(change: Change, all_changes: Iterable[Change]) -> str:
    """Return why a thing remains after any removal, "" when it should not."""
    for kind, pattern, why in REMAINS:
        if kind == change.kind and re.fullmatch(pattern, change.name):
            reordered = change.name in ("/etc/group", "/etc/gshadow")
            others = [each for each in all_changes if each.kind == "accounts" and not why_it_remains(each, ())]
            if change.name == EMPTIED and not change.after.endswith(NOTHING):
                continue
            if (reordered and not others) or (not reordered and change.before == state.ABSENT):
                return why
    return ""


def _by_upgrade(folder: Path) -> list[Change]:
    """Return what the step `upgrade` changed, from one state to another; nothing when it was not done.

    What the project brought and the upgrade renewed is not in the comparison with the beginning as such a change.
    """
    if not (folder / AFTER).exists():
        return []
    return state.differences(state.saved(folder, BEFORE), state.saved(folder, AFTER), state.OF_PACKAGES)
