"""The configuration of SSH that is in force, as sshd itself reports it (`sshd -T`)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.parsing.convert_bool import boolean
from testinfra.host import Host

from difusor.servers.neighbours import ADMITTING, SESSION, SPELLING, Door, Neighbours, problems, unfit

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]

WEAK = re.compile(r"-cbc|arcfour|3des|sha1\b|group1-|group14-sha1|md5|hmac-sha1|ssh-dss|nistp")


@pytest.fixture
def effective(host: Host) -> dict[str, str]:
    """Return the daemon's effective configuration, whatever file each value comes from."""
    lines = host.check_output("sshd -T").splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


@pytest.mark.clause("SW-03")
def test_daemon_listens(host: Host, expect: Expect, record_evidence: Record) -> None:
    """El servicio SSH escucha en el puerto requerido y arranca con el servidor."""
    port = expect("SW-03")["port"]
    sockets = [each for each in host.socket.get_listening_sockets() if each.endswith(f":{port}")]
    record_evidence(", ".join(sockets))
    assert sockets
    assert host.service("ssh").is_enabled or host.service("ssh.socket").is_enabled


@pytest.fixture
def logins(host: Host, variables: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Return the lines of the configuration for each login of root and of those who may become root, with Match blocks.

    By account and address. Of each trusted network its first address is asked for.
    """
    rules = host.run("cat /etc/sudoers /etc/sudoers.d/*").stdout
    ruled = re.findall(r"(?m)^([a-z_][\w.-]*)\s[^=\n]*=.*\bALL\s*$", rules)  # by a rule of their own
    users = ["root", variables["difusor_admin_user"], *host.group("sudo").members, *ruled]
    found = {}
    for origin in variables["election_trusted_addresses"] + variables.get("difusor_trusted_addresses", []):
        network = ipaddress.ip_network(origin, strict=False)
        address = str(network[1] if network.num_addresses > 1 else network[0])
        own = "::1" if network.version == 6 else "127.0.0.1"
        for user in dict.fromkeys(users):
            asked = f"user={user},host={address},addr={address},laddr={own},lport=22"
            found[user, address] = host.check_output("sshd -T -C %s", asked).splitlines()
    return found


@pytest.mark.clause("SW-03")
def test_login_methods(
    effective: dict[str, str],
    logins: dict[tuple[str, str], list[str]],
    variables: dict[str, Any],
    expect: Expect,
    record_evidence: Record,
) -> None:
    """Se entra con llave y, solo si el difusor lo pidió, con contraseña; root no entra y nadie con contraseña vacía."""
    wanted = {"pubkeyauthentication": "yes", "permitrootlogin": "no", "permitemptypasswords": "no"}
    wanted["passwordauthentication"] = "yes" if variables["difusor_ssh_password_login"] else "no"
    found = {name: effective[name] for name in wanted}
    record_evidence(found)
    assert found == wanted
    lines = [f"{name} {value}" for name, value in {**wanted, "kbdinteractiveauthentication": "no"}.items()]
    others = {
        f"{user} desde {address}": [line for line in lines if line not in said]
        for (user, address), said in logins.items()
    }
    assert not {who: lacking for who, lacking in others.items() if lacking}, "un bloque Match dice otra cosa"
    methods = {"publickey"} | ({"password"} if found["passwordauthentication"] == "yes" else set())
    assert methods <= set(expect("SW-03")["methods"]), "la convocatoria no admite entrar con contraseña"


@pytest.mark.clause("SW-03", "SW-05")
def test_the_institute_is_let_in(
    host: Host, logins: dict[tuple[str, str], list[str]], variables: dict[str, Any], record_evidence: Record
) -> None:
    """SSH deja entrar a la cuenta del Instituto desde cada dirección confiable, con sus llaves y a su sesión."""
    account = variables["difusor_admin_user"]
    own = {address: said for (user, address), said in logins.items() if user == account}
    doors = tuple(Door(address, {name: _values(said, name) for name in SPELLING}) for address, said in own.items())
    refused = problems(Neighbours(account, frozenset(host.user(account).groups), doors))
    asked = [name for name in SESSION if variables["difusor_admin_keys"] or name not in ADMITTING]
    settings = [{name: " ".join(_values(said, name)) for name in asked} for said in own.values()]
    wrong = dict.fromkeys(each for said in settings for each in unfit(said))
    record_evidence(f"{account} desde {', '.join(own)}: {settings[0]}")
    assert not refused, "; ".join(refused)
    assert not wrong, f"{account} no tendría una sesión con su llave: {'; '.join(wrong)}"


def _values(said: list[str], name: str) -> list[str]:
    return [line.partition(" ")[2] for line in said if line.partition(" ")[0] == name]


@pytest.mark.criterion("SW-03")
@pytest.mark.parametrize("kind", ["kexalgorithms", "ciphers", "macs", "hostkeyalgorithms"])
def test_algorithms(effective: dict[str, str], kind: str, record_evidence: Record) -> None:
    """SSH no ofrece ningún algoritmo débil."""
    record_evidence(f"{kind} {effective[kind]}")
    assert not [name for name in effective[kind].split(",") if WEAK.search(name)]


@pytest.mark.criterion("SW-03")
def test_key_exchange_resists_quantum_computers(
    host: Host, effective: dict[str, str], variables: dict[str, Any], record_evidence: Record
) -> None:
    """Las llaves que SSH acuerda resisten a una computadora cuántica, salvo que se admitan clientes antiguos."""
    offered = effective["kexalgorithms"].split(",")
    resistant = [name for name in offered if name.startswith(("sntrup761", "mlkem768"))]
    version = re.findall(r"OpenSSH_(\d+)\.(\d+)", host.run("ssh -V").stderr)
    record_evidence(f"OpenSSH {'.'.join(version[0])}: {', '.join(offered)}")
    able = tuple(map(int, version[0])) >= (8, 5)
    assert bool(resistant) is able
    assert resistant == offered or not able or boolean(variables.get("ssh_classic_key_exchange", False))


@pytest.mark.criterion("SW-03")
def test_idle_sessions_end_and_the_banner_warns(host: Host, effective: dict[str, str], record_evidence: Record) -> None:
    """Una sesión sin respuesta termina, cada acceso queda registrado con su llave y un aviso precede a la entrada."""
    names = ("clientaliveinterval", "clientalivecountmax", "loglevel", "banner")
    found = {name: effective[name] for name in names}
    record_evidence(found)
    assert 0 < int(found["clientaliveinterval"]) * int(found["clientalivecountmax"]) <= 900
    assert found["loglevel"] == "VERBOSE"
    assert "autorizado" in host.file(found["banner"]).content_string


@pytest.mark.criterion("SW-03", "RED-04")
def test_one_silent_host_leaves_room_for_the_others(
    host: Host, effective: dict[str, str], record_evidence: Record
) -> None:
    """Las conexiones calladas de una dirección confiable (en IPv6, de una /64) no hacen que SSH rechace a otra."""
    # Through one socket for both families an address of IPv4 is one of IPv6, and a /64 would be all of them.
    shared = " *:22 " in host.check_output("ss -Hltn sport = :22")
    names = ("maxstartups", "persourcemaxstartups", "persourcenetblocksize")
    found = {name: effective[name] for name in names if name in effective}
    record_evidence(found)
    refusing_from = int(found["maxstartups"].split(":")[0])
    # Before OpenSSH 8.5 there is no limit of one address.
    assert refusing_from >= 3 * int(found.get("persourcemaxstartups", "10"))
    block = "32:128" if shared else "32:64"
    assert found.get("persourcenetblocksize", block) == block


@pytest.mark.criterion("SW-03")
def test_host_keys(host: Host, effective: dict[str, str], record_evidence: Record) -> None:
    """El servidor se identifica con llaves fuertes: Ed25519, o RSA de 3072 bits o más."""
    names = re.findall(r"(?m)^hostkey (\S+)$", host.check_output("sshd -T"))
    keys = [host.check_output(f"ssh-keygen -lf {name}") for name in names]
    record_evidence("; ".join(keys))
    assert keys
    for key in keys:
        bits, kind = int(key.split()[0]), key.rsplit("(", 1)[1].rstrip(")")
        assert kind == "ED25519" or (kind == "RSA" and bits >= 3072)


@pytest.mark.criterion("SW-03")
def test_files_can_be_copied(effective: dict[str, str], record_evidence: Record) -> None:
    """SFTP está disponible, para configurar el servidor con archivos."""
    record_evidence(f"subsystem {effective.get('subsystem')}")
    assert effective.get("subsystem", "").startswith("sftp ")
