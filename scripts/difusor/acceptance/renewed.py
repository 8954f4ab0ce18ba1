"""What an update of packages changed, whoever began it: the server's own timers may renew packages at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from difusor.acceptance import state
from difusor.acceptance.case import Case
from difusor.baseline.record import Change

REASON = "lo renovó una actualización; el proyecto no cambia la versión de un paquete que se queda"
NEWER = 'newer() { dpkg --compare-versions "$2" gt "$3" && echo "$1"; }; '
CONFFILES = "dpkg-query --show --showformat '${Conffiles}\\n'"


def renewed(case: Case, changes: Iterable[Change]) -> list[Change]:
    """Return those changes that are a package's that was there and is newer now.

    These are the package itself, and files of its configuration that are now, byte for byte, as it brings them.
    """
    changes = list(changes)
    packages = _newer(case, [each for each in changes if each.kind == "packages" and _stayed(each)])
    names = sorted({each.name.rpartition(":")[0] for each in packages})
    files = [each for each in changes if each.kind == "files" and _is_content(each)]
    return [*packages, *_as_packaged(case, files, names)]


def _stayed(change: Change) -> bool:
    return state.ABSENT not in (change.before, change.after)


def _is_content(change: Change) -> bool:
    """Tell whether a file has another content (MODE OWNER DIGEST; a folder has no digest) with its owner and mode."""
    before, after = change.before.split(), change.after.split()
    return _stayed(change) and len(after) > 2 and after[0] != "->" and before[:2] == after[:2]


def _newer(case: Case, changes: Sequence[Change]) -> list[Change]:
    if not changes:
        return []
    words = [word for each in changes for word in (each.name, each.after, each.before)]
    said = case.ask(NEWER + "newer %s %s %s; " * len(changes) + "true", *words).split()
    return [each for each in changes if each.name in said]


def _as_packaged(case: Case, changes: Sequence[Change], packages: Sequence[str]) -> list[Change]:
    """Return those of the changed files whose content is that which one of these packages brings."""
    if not changes or not packages:
        return []
    listed = case.ask(CONFFILES + " %s" * len(packages) + "; true", *packages).splitlines()
    brought = {tuple(line.split()[:2]) for line in listed}
    digests = case.ask("md5sum" + " %s" * len(changes) + "; true", *(each.name for each in changes)).splitlines()
    there = {path: digest for digest, _, path in (line.partition("  ") for line in digests)}
    return [each for each in changes if (each.name, there.get(each.name)) in brought]
