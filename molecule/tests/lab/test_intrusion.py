"""Intrusion prevention at work: a ban holds, and can be lifted."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from testinfra.host import Host

from difusor.servers.bans import banned, lift_ban
from difusor.suite.waiting import until

Record = Callable[[object], None]
ATTACKER = "192.0.2.66"


@pytest.mark.clause("RED-03")
def test_a_ban_holds(host: Host, record_evidence: Record) -> None:
    """Un bloqueo queda en el núcleo, sobrevive a una recarga del cortafuegos y a un reinicio, y se puede perdonar."""
    host.check_output(f"fail2ban-client set prep-waf banip {ATTACKER}")
    try:
        _table_that_bans(host, "el bloqueo llegue al núcleo")
        host.check_output("ufw reload && systemctl restart fail2ban.service")
        table = _table_that_bans(host, "fail2ban, de vuelta, reponga el bloqueo")
        shown = [ban.address for ban in banned("", host)]
    finally:
        lifted = lift_ban("", host, ATTACKER)
    record_evidence(table)
    assert re.search(r"saddr @\S*prep-waf drop", table)
    assert ATTACKER in shown, "difusor bans no lo muestra"
    assert lifted
    assert ATTACKER not in host.check_output("nft list table inet prep-difusor")


def _table_that_bans(host: Host, what: str) -> str:
    """Return the kernel's table of bans as soon as it has the attacker: fail2ban answers before it fills the table."""
    shown = until(lambda: host.run("nft list table inet prep-difusor"), lambda told: ATTACKER in told.stdout, what=what)
    return str(shown.stdout)
