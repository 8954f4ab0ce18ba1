"""What of a server ends, or has ended, before its page does, as rows of the preflight's diagnosis.

None of it stops a run. Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date

from corte.format import instants
from difusor.servers.notices import Row

WEEK = 7
"""Days without updates that are no oversight: a server may have been off, and the night holds them for two."""


def rows(
    until: str,
    *,
    release: str,
    supported: str,
    without_updates: int,
    accounts: Mapping[str, str],
    user: str,
    institutes: str,
) -> list[Row]:
    """Return the rows that have something to tell; days are texts as 2027-05-31, empty when unknown.

    `until`: the instant until which the page is needed, empty while no election is known; `supported`: the last day of
    the release's security updates; `without_updates`: for how many days the server has installed none by itself;
    `accounts`: the first day on which each is shut, of those that have one; `user` and `institutes`: the operator's
    account and the institute's.
    """
    last = _day(until)
    found = (_unsupported(last, release, supported), _shut(last, accounts, user, institutes)) if last else ()
    return [row for row in (_idle(without_updates), *found) if row[1]]


def _day(until: str) -> date | None:
    """Return the day of an instant in UTC, by which servers count; None when it is none, as in an unfinished one."""
    try:
        return instants.parse_offset(until).astimezone(UTC).date()
    except ValueError:
        return None


def _idle(days: int) -> Row:
    return (
        "AVISO: si no las congeló usted (packages_updates_frozen), las actualizaciones de seguridad dejaron de "
        "instalarse solas; vea por qué (systemctl status apt-daily.timer apt-daily-upgrade.timer, "
        "/var/log/unattended-upgrades)",
        [f"la última vez, hace {days} días"] if days > WEEK else [],
    )


def _unsupported(last: date, release: str, supported: str) -> Row:
    return (
        "AVISO: el sistema deja de recibir actualizaciones de seguridad antes de que termine la publicación; instale "
        "una versión que las reciba más tiempo o, en Ubuntu, active Ubuntu Pro (sudo pro attach)",
        [f"{release} ({supported})"] if supported and supported < str(last) else [],
    )


def _shut(last: date, accounts: Mapping[str, str], user: str, institutes: str) -> Row:
    return (
        "AVISO: desde ese día, anterior al fin de la publicación, estas cuentas ya no entran, tampoco con llave, "
        "porque vence la cuenta o su contraseña; quíteles el vencimiento "
        "(sudo chage --expiredate -1 --maxdays -1 CUENTA)",
        list(_named(last, accounts, user, institutes)),
    )


def _named(last: date, accounts: Mapping[str, str], user: str, institutes: str) -> Iterator[str]:
    for name in dict.fromkeys((user, institutes)):
        day = accounts.get(name, "")
        if day and day <= str(last):
            yield f"{name} ({day}; la instalación lo quita)" if name == institutes else f"{name} ({day})"
