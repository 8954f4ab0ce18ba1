"""Shuts the operator out of the server on purpose, as a mistake would, and measures until prep-rollback lets him in.

The mistake is one rule of UFW that denies new connections to SSH from the operator's own address; nobody else notices.
Should prep-rollback fail, a timer of the acceptance's own puts UFW's files back. A server that restarts meanwhile
puts them back as it boots (prep-rollback.service).
"""

from __future__ import annotations

import time
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from difusor.acceptance.case import Case, LostError
from difusor.acceptance.journal import Outcome, Verdict
from difusor.project import write
from difusor.suite.waiting import until
from difusor.terminal import StepFailed

RESCUE = "prep-aceptacion"
"""The transient timer that lets the operator in when prep-rollback does not."""
GRACE = 60
"""Seconds that the way back may take beyond those that the server is set up to wait."""
WAIT = "sed -n 's/.*--on-active=\\([0-9][0-9]*\\) .*/\\1/p' /usr/local/sbin/prep-rollback"
RULES = (
    "sha256sum /etc/ufw/user.rules /etc/ufw/user6.rules; "
    "for each in iptables ip6tables; do $each -w -S; done | grep 'ufw.*-user-input'; true"
)
KEPT = "/run/prep-aceptacion"
# First the rescue, then the project's own way back, then the mistake: a line that is lost in between shuts nobody out.
# UFW inserts no rule where one stands that differs by its action only, so that one goes first.
MISTAKE = f"""
set -eu
cp --archive /etc/ufw {KEPT}
systemd-run --quiet --collect --on-active=%s --timer-property=AccuracySec=1s --unit={RESCUE} \\
  sh -c 'cp --archive {KEPT}/. /etc/ufw/ && ufw reload'
prep-rollback arm
ufw delete allow proto tcp from %s to any port %s >/dev/null 2>&1 || true
ufw prepend deny proto tcp from %s to any port %s >/dev/null
"""


UNDO = f"""
prep-rollback restore || {{ cp --archive {KEPT}/. /etc/ufw/ && ufw reload; }}
systemctl stop {RESCUE}.timer 2>/dev/null
rm -rf {KEPT}
"""
"""Takes the mistake and both timers back, whatever of them there is."""
UNDO_EARLIER = f"if test -e {KEPT}; then {UNDO}fi; systemctl reset-failed {RESCUE}.service 2>/dev/null; true"
"""The same for an attempt that was interrupted: the operator may come back from another address than that of then."""


def shut_out(case: Case, folder: Path) -> Outcome:
    """Make the mistake, watch the door close and open again, and compare the firewall with before."""
    came_from = case.enters("echo $SSH_CONNECTION")
    if came_from is None or came_from.status:
        return Outcome(Verdict.UNVERIFIED, "la cuenta del operador no entra sin que alguien responda, y no se probó")
    if (found := origin(came_from.stdout)) is None:
        return Outcome(Verdict.UNVERIFIED, "el servidor no dice desde qué dirección entra el operador, y no se probó")
    operator, port = found
    family = _family(case, found)
    case.ask(UNDO_EARLIER)
    seconds = _seconds(case)
    before = case.ask(RULES)
    try:
        case.ask(MISTAKE, str(seconds + 2 * GRACE), operator, port, operator, port)
        return _watch(case, folder, seconds, before, family)
    finally:
        if not _shut(case, family):  # else the timers are still needed
            case.ask(UNDO)


def origin(said: bytes) -> tuple[str, str] | None:
    """Return the operator's address and the server's port out of what a login prints; None when it does not say.

    The address is that which the server sees: of a bastion or of a router, where the operator comes through one.
    """
    words = (said.decode(errors="replace").strip().splitlines() or [""])[-1].split()  # a shell may greet before
    with suppress(ValueError):
        operator, _, _, port = words
        if "%" not in str(ip_address(operator)):  # UFW has no rule for the address of one line (fe80::1%eth0)
            return operator, port
    return None


def _family(case: Case, found: tuple[str, str]) -> str:
    """Return by which family of addresses alone the operator comes in from the same address.

    The denial is for that address; a login by a name with addresses of both families would get in by the other one. ""
    where the server sees another family than the operator's machine uses, as behind NAT64 or a bastion.
    """
    family = "inet6" if ip_address(found[0]).version == 6 else "inet"
    came_from = case.enters("echo $SSH_CONNECTION", family)
    same = came_from is not None and not came_from.status and origin(came_from.stdout) == found
    return family if same else ""


def _seconds(case: Case) -> int:
    said = case.ask(WAIT).split()
    if not said:
        raise StepFailed("prep-rollback no está, o no dice cuánto espera; sin él no se deja fuera a nadie")
    return int(said[0])


def _watch(case: Case, folder: Path, seconds: int, before: str, family: str) -> Outcome:
    """Measure until the operator gets in again, which should take `seconds`; `before`: the firewall as it was."""
    started = time.monotonic()
    try:
        until(lambda: _shut(case, family), what="la puerta se cierre", within=seconds / 2, every=0.5)
    except AssertionError:
        case.ask("prep-rollback restore")
        return Outcome(Verdict.UNVERIFIED, "la regla contra el operador no cerró la puerta: algo lo admite antes")
    closed, most = time.monotonic() - started, seconds + 3 * GRACE
    try:
        until(lambda: not _shut(case, family), what="el operador vuelva a entrar", within=most, every=1)
    except AssertionError:
        raise LostError(f"el operador quedó fuera más de {most} s; entre por la consola del proveedor") from None
    opened = time.monotonic() - started
    after = _settled(case, before)
    write(folder / "reglas.txt", f"antes:\n{before}\ndespués:\n{after}")
    facts = {"rollback_seconds": seconds, "closed_after": round(closed, 1), "opened_after": round(opened, 1)}
    told = f"la puerta se cerró a los {closed:.0f} s y prep-rollback la abrió a los {opened:.0f} (espera {seconds})"
    if opened > seconds + GRACE:
        return Outcome(Verdict.FAILED, f"el operador entró a los {opened:.0f} s, cuando debía a los {seconds}", facts)
    if before != after:
        return Outcome(Verdict.FAILED, f"{told}, pero el cortafuegos no volvió a ser el de antes", facts)
    return Outcome(Verdict.PASSED, told, facts)


def _shut(case: Case, family: str) -> bool:
    """Tell whether a new login of the operator fails."""
    answer = case.enters(family=family)
    return answer is None or answer.status != 0


def _settled(case: Case, before: str) -> str:
    """Return the firewall's files and rules once they are as before, or as they are when they do not become so.

    The way back stops the firewall for a moment, and the operator gets in while it does.
    """
    with suppress(AssertionError):
        return until(
            lambda: case.ask(RULES),
            lambda seen: seen == before,
            what="el cortafuegos sea el de antes",
            within=GRACE,
            every=1,
        )
    return case.ask(RULES)
