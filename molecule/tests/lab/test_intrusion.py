"""Intrusion prevention at work: a ban holds and can be lifted, nobody forges one, and the web bans nobody."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from patience import send_patiently
from testinfra.host import Host
from web_fixtures import INSPECTED, get

from difusor.servers.bans import banned, lift_ban
from difusor.suite.waiting import until

Record = Callable[[object], None]
ATTACKER = "192.0.2.66"
# Writes failed logins to the journal under sshd's names: the sender's own, and that of the program in the kernel.
FORGER = """
import ctypes, sys, syslog
ctypes.CDLL(None).prctl(15, b"sshd", 0, 0, 0)  # PR_SET_NAME
syslog.openlog("sshd", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
for _ in range(6):
    syslog.syslog(f"Failed password for root from {sys.argv[1]} port 4711 ssh2")
"""
GUESS = "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null adivinador@127.0.0.1 || true"


@pytest.mark.clause("RED-03")
def test_a_ban_holds(host: Host, record_evidence: Record) -> None:
    """Un bloqueo queda en el núcleo, sobrevive a una recarga del cortafuegos y a un reinicio, y se puede perdonar."""
    host.check_output(f"fail2ban-client set sshd banip {ATTACKER}")
    try:
        _table_that_bans(host, "el bloqueo llegue al núcleo")
        host.check_output("ufw reload && systemctl restart fail2ban.service")
        table = _table_that_bans(host, "fail2ban, de vuelta, reponga el bloqueo")
        shown = [ban.address for ban in banned("", host)]
    finally:
        lifted = lift_ban("", host, ATTACKER)
    record_evidence(table)
    assert re.search(r"saddr @\S*sshd drop", table)
    assert ATTACKER in shown, "difusor bans no lo muestra"
    assert lifted
    assert ATTACKER not in host.check_output("nft list table inet prep-difusor")


def _table_that_bans(host: Host, what: str) -> str:
    """Return the kernel's table of bans as soon as it has the attacker: fail2ban answers before it fills the table."""
    shown = until(lambda: host.run("nft list table inet prep-difusor"), lambda told: ATTACKER in told.stdout, what=what)
    return str(shown.stdout)


@pytest.mark.clause("RED-03")
def test_nobody_forges_an_attempt(host: Host, record_evidence: Record) -> None:
    """Una cuenta local que anota intentos fallidos en nombre de otra dirección no logra que la bloqueen.

    What an account runs over SSH may belong to the unit of sshd, as here; so only what root's sshd writes counts.
    """
    since = host.check_output("date +%s")
    host.check_output("runuser -u nobody -- python3 -c %s %s", FORGER, ATTACKER)
    host.run(GUESS)  # it fails: this is the attempt that has to be counted
    match = host.check_output("fail2ban-client get sshd journalmatch | tail -n 1")
    read = f"journalctl --sync && journalctl --quiet --output=cat --since=@{since}"
    everything = until(
        lambda: host.check_output(read), lambda told: "adivinador" in told, what="sshd anote el intento verdadero"
    )
    counted = host.check_output(f"{read} {match}")
    record_evidence(counted)
    assert ATTACKER in everything, "la cuenta local no escribió nada"
    assert "adivinador" in counted, "fail2ban no lee lo que escribe sshd"
    assert ATTACKER not in counted
    assert ATTACKER not in [ban.address for ban in banned("", host)]


@pytest.mark.clause("RED-03", "DG-02")
def test_what_is_asked_of_the_page_bans_nobody(
    host: Host, untrusted: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Cien solicitudes de atacante se rechazan todas, y la dirección de la que vienen sigue recibiendo la página.

    Any web page can make its readers send such requests, with hidden images for example.
    """
    name, base = variables["difusor_fqdn"], variables["difusor_path"]
    paths = [f"{base}x/wp-login.php", f"{INSPECTED}?id=1%27%20OR%20%271%27=%271"] * 50
    hostile = [get(name, path) for path in paths]
    answers = send_patiently(untrusted, variables, hostile)
    refused = sorted({status for answer in answers for status in answer["statuses"]})
    (page,) = send_patiently(untrusted, variables, [get(name, base)])
    own = untrusted.check_output("hostname -I").split()
    blocked = [ban.address for ban in banned("", host)]
    record_evidence(
        f"{len(hostile)} solicitudes hostiles: {refused}; la página, {page['statuses']}; bloqueadas: {blocked}"
    )
    assert refused == [403, 404]
    assert page["statuses"] == [200]
    assert not set(blocked) & set(own)
