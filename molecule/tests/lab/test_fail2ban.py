"""Intrusion prevention at work: a ban holds and can be lifted, nobody forges one, and the web bans nobody."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from passlib.hash import sha512_crypt
from patience import send_patiently
from testinfra.host import Host
from web_fixtures import get

from difusor.inventory.excepted import INSPECTED
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
def test_a_ban_outlives_reload_and_restart(host: Host, record_evidence: Record) -> None:
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
def test_no_account_can_forge_a_failed_login(host: Host, record_evidence: Record) -> None:
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


# As an account without privileges: five wrong passwords of the institute's account, then the right one of a plain one.
SU = """
for _ in 1 2 3 4 5; do echo mala | runuser -u nobody -- su {institute} -c true; done
echo {password} | runuser -u nobody -- su {plain} -c 'id --user --name'
"""
# Tries five wrong passwords as polkit's helper does, which asks for any account's on behalf of any other.
POLKIT = """
import ctypes, sys
pam, libc, pointer = ctypes.CDLL("libpam.so.0"), ctypes.CDLL(None), ctypes.c_void_p
libc.calloc.restype = libc.strdup.restype = pointer
kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, pointer, ctypes.POINTER(pointer), pointer)
@kind
def answer(count, asked, given, _):
    given[0] = libc.calloc(count, 16)  # pairs of a text and a number
    for each in range(count):
        ctypes.cast(given[0], ctypes.POINTER(pointer))[2 * each] = libc.strdup(b"mala")
    return 0
class Talk(ctypes.Structure):
    _fields_ = [("answer", kind), ("data", pointer)]
for _ in range(5):
    handle, talk = pointer(), Talk(answer, None)
    assert not pam.pam_start(b"polkit-1", sys.argv[1].encode(), ctypes.byref(talk), ctypes.byref(handle))
    assert pam.pam_authenticate(handle, 0)
    pam.pam_end(handle, 0)
"""


@pytest.mark.clause("SW-05")
def test_guesses_of_a_local_account_lock_nobody(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Contraseñas malas que una cuenta local prueba con su, o por polkit, no bloquean el sudo del Instituto.

    Su serves the other accounts as before; what is asked by polkit is counted apart, and has to wait there.
    """
    institute, plain, password = variables["difusor_admin_user"], "prueba-su", "Contra-sena-larga-1"
    # Few rounds: the usual ones take a third of a second of a processor, here and at each login.
    host.check_output("useradd --password %s %s", sha512_crypt.using(rounds=5000).hash(password), plain)
    try:
        answer = host.run(SU.format(institute=institute, plain=plain, password=password))
        host.check_output("python3 -c %s %s", POLKIT, institute)
        counted = host.check_output("faillock --user %s", institute).splitlines()[2:]
        apart = host.check_output("faillock --dir /run/faillock-other --user %s", institute).splitlines()[2:]
        host.check_output(f"faillock --user {institute} --reset")
        host.check_output("rm -r /run/faillock-other")
    finally:
        host.check_output("userdel %s", plain)
    record_evidence(
        f"fallas contadas a {institute}: {len(counted)}, aparte: {len(apart)}; {answer.stdout.strip()} entró con su"
    )
    assert counted == []
    assert len(apart) == 4, "por polkit se puede probar sin fin"
    assert answer.stdout.strip() == plain


@pytest.mark.clause("RED-03", "SW-03")
def test_silent_connections_leave_room(
    silent_connections: int, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Veinte conexiones que una dirección confiable abre a SSH y deja calladas no estorban a otra: entra diez veces."""
    entered = [_enters(variables) for _ in range(10)]
    record_evidence(f"{silent_connections} conexiones calladas; entraron {sum(entered)} de {len(entered)}")
    assert all(entered)


def _enters(variables: dict[str, Any]) -> bool:
    """Return whether a new login from the machine that runs Ansible succeeds."""
    ssh = ["ssh", *shlex.split(variables["ansible_ssh_common_args"]), "-o", "BatchMode=yes", "-o", "ControlPath=none"]
    ssh += ["-i", variables["ansible_ssh_private_key_file"], f"{variables['ansible_user']}@{variables['ansible_host']}"]
    return subprocess.run([*ssh, "true"], check=False, capture_output=True, timeout=30).returncode == 0


@pytest.mark.clause("RED-03", "DG-02")
def test_requests_to_the_page_ban_nobody(
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
