"""The preflight refuses a server on which site.yml would fail, says so in one sentence, and changes nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from site_runs import changed_tasks
from testinfra.host import Host

from difusor.partners import host_key
from difusor.project import UnusableError
from difusor.servers.connection import Login

GUEST = "invitado"
Preflight = Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def preflight(play: Callable[..., subprocess.CompletedProcess[str]], variables: dict[str, Any]) -> Preflight:
    """Return a function that runs the preflight against the tested server with other values for some variables."""
    limit = f"localhost,{variables['inventory_hostname']}"
    return lambda values: play("playbooks/preflight.yml", values, "--limit", limit)


@pytest.fixture
def guest(host: Host, variables: dict[str, Any]) -> Iterator[None]:
    """Add an account that logs in with the operator's key and may not use sudo; remove it afterwards."""
    host.check_output("useradd --create-home --password '*' %s", GUEST)
    keys = f"/home/{variables['ansible_user']}/.ssh/authorized_keys"
    host.check_output("install -D --owner=%s --mode=600 %s /home/%s/.ssh/authorized_keys", GUEST, keys, GUEST)
    yield
    host.check_output("userdel --remove %s", GUEST)


# Values that put the server in the wrong, and what is said of each. That each alone refuses a server is held by
# tests/difusor/servers/test_preflight.py.
REFUSALS = {
    "an unsupported release": (
        {"preflight_releases": {}},
        "que no se admite; instale Ubuntu Server (versiones: ",
    ),
    "no disk space": (
        {"preflight_free_gb": {"/srv": 10**6}, "preflight_finished_free_gb": 10**6},
        "GB libres y necesita 1000000; libere espacio",
    ),
    "the operator would be locked out": (
        {"election_trusted_addresses": ["10.255.255.1"]},
        "que no es una dirección confiable, y el cortafuegos lo dejaría fuera",
    ),
    "a port is taken": ({"preflight_port_owners": {"22": "nginx"}}, "el puerto 22 lo ocupa sshd"),
    "a sensor that the release does not package": (
        {
            "difusor_sensor": True,
            "preflight_sensorless": {"Debian": ["11", "12", "13"], "Ubuntu": ["22.04", "24.04"]},
        },
        "ya no tiene el paquete suricata; ponga difusor_sensor en false",
    ),
    "a package is in the way": ({"preflight_conflicts": {"sudo": "estorba"}}, "está instalado sudo y estorba"),
}


@pytest.fixture(scope="module")
def refused(preflight: Preflight) -> subprocess.CompletedProcess[str]:
    """Return the run that refuses the server for all reasons at once."""
    return preflight({name: value for values, _ in REFUSALS.values() for name, value in values.items()})


def assert_refused(result: subprocess.CompletedProcess[str], sentence: str) -> None:
    """Assert that the run failed with this sentence and changed nothing."""
    assert result.returncode == 2, result.stdout + result.stderr
    assert sentence in " ".join(result.stdout.split())
    assert "ada se tocó" in result.stdout
    assert "changed=0" in result.stdout.partition("PLAY RECAP")[2], changed_tasks(result.stdout)


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(refused: subprocess.CompletedProcess[str], case: str) -> None:
    """Cada condición que haría fracasar la instalación se rechaza con su oración y sin tocar el servidor."""
    assert_refused(refused, REFUSALS[case][1])


@pytest.mark.usefixtures("guest")
def test_refused_without_sudo(preflight: Preflight) -> None:
    """Una cuenta que entra por SSH pero no tiene sudo se rechaza con una oración y sin tocar el servidor."""
    # The connection is not kept open for reuse, or the account could not be removed afterwards.
    result = preflight({"ansible_user": GUEST, "ansible_ssh_args": ""})
    assert_refused(result, f"sudo pide contraseña a «{GUEST}»: agregue --ask-become-pass, o dé a la cuenta sudo sin")


# What an outlet may have set up: a rule of UFW, a list of SSH in a file that another includes, for one address only, a
# table of nftables that denies by default (its own rule takes that back), a rule of iptables, and some programs.
BESIDE = """
set -e
ufw allow proto tcp from 10.255.255.1 to any port 8080
printf 'Include /etc/ssh/diario\\n' >/etc/ssh/sshd_config.d/50-diario.conf
printf 'Match Address {trusted}\\n  AllowUsers operador\\n' >/etc/ssh/diario
nft add table inet diario
nft 'add chain inet diario input {{ type filter hook input priority 5; policy accept; }}'
nft add rule inet diario input accept
nft 'add chain inet diario input {{ policy drop; }}'
iptables -A INPUT -p tcp --dport 8443 -j ACCEPT
systemd-run --quiet --unit=prueba-consola python3 -m http.server 8443
systemd-run --quiet --unit=prueba-diario python3 -m http.server 8444
systemd-run --quiet --unit=monit --remain-after-exit true
systemd-run --quiet --unit=prueba-snmp python3 -c '
import socket, time
listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listening.bind(("", 1161))
time.sleep(600)  # pace: as long as the test may take'
"""
DECIDED = """
rm -f /etc/ssh/sshd_config.d/50-diario.conf /etc/ssh/diario
nft delete table inet diario
"""
GONE = """
systemctl stop prueba-consola prueba-diario prueba-snmp monit
iptables -D INPUT -p tcp --dport 8443 -j ACCEPT
ufw delete allow proto tcp from 10.255.255.1 to any port 8080
"""


def test_what_the_owner_has_set_up_waits_for_a_decision(
    host: Host, preflight: Preflight, variables: dict[str, Any]
) -> None:
    """Lo que el difusor ya tenía y dejaría fuera al Instituto o a la página detiene la revisión; lo demás se dice."""
    rule = "allow tcp 8080 0.0.0.0/0 any 10.255.255.1 in"
    trusted = f"{variables['lab_ipv4']}.20"
    try:
        host.check_output(BESIDE.format(trusted=trusted))
        refused = preflight({})
        host.check_output(DECIDED)
        accepted = preflight({"difusor_kept_ufw_rules": [rule]})
    finally:
        host.run(DECIDED + GONE)
    assert_refused(refused, f"UFW admite «{rule}» por una regla ajena")
    assert_refused(refused, "la tabla de nft «inet diario» niega por omisión lo que llega")
    assert_refused(
        refused,
        f"SSH no dejaría entrar a «{variables['difusor_admin_user']}», la cuenta del Instituto, desde {trusted}: "
        "no está en AllowUsers operador (en /etc/ssh/diario)",
    )
    said = " ".join(accepted.stdout.split())
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert f"Reglas de UFW que ya estaban y se quedan: {rule}" in said
    assert "se quedan y admiten: -A INPUT -p tcp -m tcp --dport 8443 -j ACCEPT" in said
    assert "el cortafuegos cierra, salvo lo que esas reglas admitan: python3 (1161/udp), python3 (8444)" in said
    assert "seguirá abierto: python3 (8443)" in said
    assert "o haga que no lo hagan con nginx, Docker ni el servidor: monit.service" in said


# What would take the page's visitors, keep a service from starting, or be lost, now or at the next restart. The file of
# the site has the project's name in its own, and certbot's options in it.
TRAPS = """
set -e
printf 'server {{ listen [::]:443 ssl ipv6only=on; server_name {name}; }}\\n' >/etc/nginx/sites-enabled/prep.diario
cp /etc/nginx/nginx.conf /opt/nginx.conf
printf 'events {{}} http {{ client_max_body_size 64m; ' >/etc/nginx/nginx.conf
printf 'include /etc/nginx/vhosts/*; include conf.d/*.conf; }}\\n' >>/etc/nginx/nginx.conf
printf 'bogus on;\\n' >/etc/nginx/conf.d/diario.conf
cp /etc/ssh/sshd_config /opt/sshd_config
sed -i '/^Include/d' /etc/ssh/sshd_config
printf 'Pasword yes\\nMatch User diario\\n  PermitRootLogin yes\\n' >>/etc/ssh/sshd_config
printf '#!/bin/sh\\niptables -F\\n' >/etc/rc.local
chmod 755 /etc/rc.local
iptables -t nat -A PREROUTING -p tcp --dport 443 -j REDIRECT --to-ports 8443
iptables -N diario
iptables -A diario -p tcp --dport 22 -j ACCEPT
iptables -A diario -j REJECT
iptables -I INPUT -m conntrack --ctstate NEW -j diario
systemctl mask fail2ban.service
cp /etc/nftables.conf /opt/nftables.conf
printf 'flush ruleset\\n' >/etc/nftables.conf
systemctl enable nftables.service
mkdir -p /etc/cron.d
printf '0 3 * * 1 root /sbin/reboot\\n0 4 * * 1 root systemctl restart nginx\\n' >/etc/cron.d/diario
"""
UNDONE = """
rm -f /etc/nginx/sites-enabled/prep.diario /etc/nginx/conf.d/diario.conf /etc/cron.d/diario /etc/rc.local
mv /opt/nginx.conf /etc/nginx/nginx.conf
mv /opt/sshd_config /etc/ssh/sshd_config
iptables -t nat -D PREROUTING -p tcp --dport 443 -j REDIRECT --to-ports 8443
iptables -D INPUT -m conntrack --ctstate NEW -j diario
iptables -F diario
iptables -X diario
systemctl unmask fail2ban.service
mv /opt/nftables.conf /etc/nftables.conf
systemctl disable nftables.service
rmdir --ignore-fail-on-non-empty /etc/cron.d
"""
TRAPPED = (
    "/etc/nginx/sites-enabled/prep.diario:1 es un sitio de «{name}», el nombre de la página",
    "/etc/nginx/sites-enabled/prep.diario:1 escucha en el puerto 443 con «ipv6only=on»",
    "pone además client_max_body_size (línea 1), include (línea 1); páselo a un archivo de /etc/nginx/conf.d",
    "nginx no acepta /etc/nginx/conf.d/diario.conf:1 («unknown directive",
    "/etc/ssh/sshd_config no incluye /etc/ssh/sshd_config.d",
    "sshd no acepta /etc/ssh/sshd_config:",
    "«PermitRootLogin yes» bajo «Match User diario» en /etc/ssh/sshd_config admite una entrada por SSH",
    "«iptables -F» en /etc/rc.local quita las reglas de UFW y de Docker cada vez que corre",
    "REDIRECT --to-ports 8443» desvía lo que llega al puerto 443",
    "iptables niega con «-A diario -j REJECT --reject-with icmp-port-unreachable» también la página o los cortes",
    "fail2ban.service está enmascarado",
    "nftables.service vacía al arrancar (flush ruleset)",
)


def test_traps_of_a_server_that_does_other_work_are_found(
    host: Host, preflight: Preflight, variables: dict[str, Any]
) -> None:
    """Lo que daría a otros las visitas de la página, o la detendría una noche, se halla antes de tocar nada."""
    name = variables["difusor_fqdn"]
    try:
        host.check_output(TRAPS.format(name=name))
        refused = preflight({})
        other = preflight({"preflight_hosts": ["prep.radio.example"]})
    finally:
        host.run(UNDONE)
    for sentence in TRAPPED:
        assert_refused(refused, sentence.format(name=name))
    assert "/etc/cron.d/diario: 0 3 * * 1, /etc/cron.d/diario: 0 4 * * 1" in " ".join(refused.stdout.split())
    assert_refused(other, "y el inventario, de prep.radio.example; revise ansible_host")


def test_a_server_shows_the_key_that_its_administrator_sees(host: Host, variables: dict[str, Any]) -> None:
    """La llave que «difusor new» aprende del servidor tiene la huella que ve su administrador; con otra, se niega."""
    keys = host_key.scan(Login("difusor", variables["ansible_host"]))
    there = host.check_output("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    assert host_key.matching(keys, there, "") == keys[0]
    with pytest.raises(UnusableError, match=re.escape(there)):
        host_key.matching(keys, there.swapcase(), "")


def test_accepted(preflight: Preflight) -> None:
    """Un servidor ya instalado pasa la revisión previa, que muestra sus faltas frente al ANEXO 1."""
    result = preflight({})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "cláusulas que se pueden juzgar sin instalar nada" in result.stdout
