"""The preflight: which findings on a server stop the run, and how the machine compares with ANEXO 1."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inventory_kit import rsa_key
from plugin_kit import load
from server_kit import SERVER, WANTED, with_facts

from difusor.servers.logins import Login
from difusor.servers.neighbours import Neighbours
from difusor.servers.preflight import GIGABYTE, Machine, exposed, left_outside, problems, remote


def test_a_good_server_has_no_problem() -> None:
    assert problems(SERVER, **WANTED) == []
    assert problems(replace(SERVER, sites=("/etc/nginx/sites-enabled/propio",)), **WANTED) == []
    assert problems(replace(SERVER, packages=frozenset({"nginx-common", "nginx-extras"})), **WANTED) == []
    assert problems(replace(SERVER, listeners=(("::", 873, "listener.py", "rsync.service"),)), **WANTED) == []


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        (with_facts(distribution_version="18.04"), "el sistema es Ubuntu 18.04, que no se admite"),
        (with_facts(distribution="Fedora", distribution_version="42"), "el sistema es Fedora 42, que no se admite"),
        (with_facts(env={"SSH_CONNECTION": "10.8.0.4 5 10.9.0.10 22"}), "usted entra desde 10.8.0.4"),
        (with_facts(env={"SSH_CONNECTION": "fd00:9::5 5 fd00:9::10 22"}), "usted entra desde fd00:9::5"),
        (
            with_facts(env={"SSH_CONNECTION": "10.9.0.4 5 10.9.0.10 2222"}),
            "usted entra por el puerto 2222 del servidor",
        ),
        (
            with_facts(docker_before=True, docker_daemon={"userns-remap": "default"}),
            "el Docker del servidor cambia la identidad de los contenedores (userns-remap",
        ),
        (
            with_facts(docker_flags=["--icc", "--live-restore"]),
            "Docker recibe --icc, --live-restore en su línea de órdenes y no arrancaría",
        ),
        (
            with_facts(packages_unfinished=["mysql-server"], recorded=False),
            "dpkg dejó a medias mysql-server, y apt no podría instalar nada más",
        ),
        (
            replace(SERVER, neighbours=Neighbours(detour=("eth1", "eth0"))),
            "usted entra por eth1 y el servidor le contesta por eth0",
        ),
        (with_facts(user_id="root"), "usted entra por SSH como root, lo que se va a cerrar"),
        (replace(SERVER, free={"/srv": 9 * GIGABYTE}), "/srv tiene 9.0 GB libres y necesita 10"),
        (
            replace(SERVER, listeners=(("*", 80, "apache2", "apache2.service"),)),
            "el puerto 80 lo ocupa apache2; detenga",
        ),
        # OpenResty, GitLab and a container in the server's network have an nginx too, and so has who compiled his own.
        (
            replace(SERVER, listeners=(("*", 80, "nginx", "openresty.service"),)),
            "el puerto 80 lo ocupa nginx (openresty.service); detenga",
        ),
        (replace(SERVER, packages=frozenset()), "el puerto 80 lo ocupa nginx; detenga"),
        (
            replace(SERVER, neighbours=Neighbours(published=("79-80/tcp", "873/udp"))),
            "Docker publica el puerto 80 para un contenedor; publíquelo en otro",
        ),
        (
            replace(SERVER, sites=("/etc/nginx/sites-enabled/default",)),
            "/etc/nginx/sites-enabled/default es la muestra de nginx",
        ),
        (replace(SERVER, listeners=(("::", 873, "", ""),)), "el puerto 873 lo ocupa otro programa"),
        (replace(SERVER, ipv6=False), "el núcleo no tiene IPv6 (ipv6.disable=1)"),
        (replace(SERVER, real={"/srv/prep": "/home/prep"}), "/srv/prep lleva a /home/prep, y los servicios"),
        (
            replace(SERVER, rules=("allow tcp 22 ::/0 any ::/0 in", *WANTED["kept_rules"])),
            "UFW admite «allow tcp 22 ::/0 any ::/0 in» por una regla ajena",
        ),
        (
            replace(SERVER, packages=SERVER.packages | {"firewalld"}),
            "está instalado firewalld y las reglas las pone UFW",
        ),
        (
            replace(SERVER, packages=SERVER.packages | {"snap/docker"}),
            "está instalado snap/docker y hay otro; desinstálelo (snap remove docker)",
        ),
    ],
)
def test_problem(server: Machine, sentence: str) -> None:
    (found,) = problems(server, **WANTED)
    assert found.startswith(sentence)


def test_who_comes_by_another_port_keeps_it_until_ssh_listens_on_the_right_one() -> None:
    """Where ssh.socket listens, a reload opened no port; without ansible_port, the next run told to set it again."""
    (told,) = problems(with_facts(env={"SSH_CONNECTION": "10.9.0.4 5 10.9.0.10 2222"}), **WANTED)
    assert "sudo systemctl daemon-reload && sudo systemctl restart ssh.socket, si " in told
    assert "si no, sudo systemctl reload ssh; " in told
    assert told.endswith("; solo cuando ya se entre con ssh -p 22, quite ansible_port de hosts.yml")


@pytest.mark.parametrize(
    ("release", "flavour", "told"),
    [
        (("Ubuntu", "22.04"), "nginx-light", True),
        (("Debian", "11.9"), "nginx-light", True),
        (("Ubuntu", "22.04"), "nginx-extras", False),
        (("Debian", "13.2"), "nginx-light", False),
        (("Ubuntu", "24.04"), "nginx-light", False),
    ],
)
def test_an_nginx_without_limits_is_told_before_anything_changes(
    release: tuple[str, str], flavour: str, told: bool
) -> None:
    """The run ended at `nginx -t`, in its last role: on older releases this flavour does not know limit_req."""
    packages = SERVER.packages | {"nginx-common", flavour}
    server = with_facts(distribution=release[0], distribution_version=release[1])
    found = problems(replace(server, packages=packages), **WANTED | {"releases": {release[0]: [server.release[1]]}})
    assert [each.startswith("está instalado nginx-light, que no tiene los límites") for each in found] == [True] * told


@pytest.mark.parametrize(
    ("kernel", "image", "told"),
    [
        ("x86_64", "amd64", False),
        ("x86_64", "arm64", True),
        ("aarch64", "arm64", False),
        ("aarch64", "amd64", True),
        ("riscv64", "riscv64", False),
        ("aarch64", "", False),
    ],
)
def test_an_image_for_another_architecture_is_told(kernel: str, image: str, told: bool) -> None:
    found = problems(with_facts(architecture=kernel), **WANTED, images=[("/x/waf.tar.gz", image)])
    assert [each.partition(" y el servidor")[0] for each in found] == (
        [f"/x/waf.tar.gz es una imagen para {image}"] if told else []
    )


@pytest.mark.parametrize(
    ("comment", "keys", "has_password", "found"),
    [
        ("", ("ssh-ed25519 AAAAsuya",), False, "perdería llaves; si es"),
        ("Instituto Tecnológico", (), True, "perdería su contraseña; si es"),
        ("", ("ssh-ed25519 AAAAdelinstituto", "ssh-rsa AAAAsuya"), True, "perdería su contraseña y llaves; si es"),
        ("", ("ssh-ed25519 AAAAdelinstituto",), False, ""),
        ("Instituto (PREP)", ("ssh-ed25519 AAAAvieja",), True, ""),
    ],
)
def test_an_account_that_is_somebody_elses_is_told(
    comment: str, keys: tuple[str, ...], has_password: bool, found: str
) -> None:
    """A university may have an account `instituto` of its own, which the project would take over."""
    server = replace(
        with_facts(accounts={"instituto": {"comment": comment, "home": "/home/instituto"}}, user_id="operador"),
        uid=1000,
        neighbours=Neighbours(account="instituto"),
        keys=keys,
        has_password=has_password,
    )
    wanted = {**WANTED, "keys": ["ssh-ed25519 AAAAdelinstituto prep@instituto.mx"]}
    assert [found in each for each in problems(server, **wanted)] == ([True] if found else [])
    assert problems(replace(server, facts=SERVER.facts), **wanted) == [], "there is no such account"


@pytest.mark.parametrize("name", ["instituto", "ubuntu"])
@pytest.mark.parametrize(("comment", "told"), [("Ubuntu", True), ("", True), ("Instituto (PREP)", False)])
def test_the_account_in_use_is_not_taken_over(name: str, comment: str, told: bool) -> None:
    """Its password would change, and sudo, which then asks for it, would end in the middle of the first run."""
    server = replace(
        with_facts(accounts={name: {"comment": comment, "home": f"/home/{name}"}}, user_id=name),
        uid=1001,
        neighbours=Neighbours(account=name),
    )
    assert [each.startswith(f"usted entra con «{name}», la cuenta") for each in problems(server, **WANTED)] == [
        True
    ] * told


@pytest.mark.parametrize(
    ("home", "uid", "told"),
    [("/home/prep", 1000, False), ("/var/www", 1000, True), ("/home/prep", 999, True), ("/var/lib/prep", 33, True)],
)
def test_an_account_of_a_service_is_not_made_the_institutes(home: str, uid: int, told: bool) -> None:
    known = {"prep": {"comment": "", "home": home}}
    server = replace(with_facts(accounts=known), uid=uid, neighbours=Neighbours(account="prep"))
    expected = [f"la cuenta «prep» del servidor es de un servicio, o no tiene su carpeta en /home (UID {uid}, {home})"]
    assert [each.partition("; ")[0] for each in problems(server, **WANTED)] == (expected if told else [])


def test_probe_knows_the_accounts_from_before(tmp_path: Path) -> None:
    found, present = tmp_path / "found", tmp_path / "passwd"
    present.write_text("root:x:0:0::/root:/bin/sh\ninstituto:x:1001:1001::/home/instituto:/bin/bash\n")
    assert load_probe().accounts_before(str(found), str(present)) == ["root", "instituto"], "nothing is the project's"
    (found / "etc").mkdir(parents=True)
    (found / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    assert load_probe().accounts_before(str(found), str(present)) == ["root"]


SHORT, LONG, OTHER = (
    rsa_key(2048),
    rsa_key(3072),
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuUU1bYrqPfoYcyqNdVKGiBmO7nYKHSs4ABNaVDz0bY x",
)


@pytest.mark.parametrize(
    ("keys", "openssh", "found"),
    [
        ([f"{SHORT} operador"], "1:9.6p1-3ubuntu13.5", True),
        ([f'no-port-forwarding,command="echo hola" {SHORT}'], "1:10.2p1-2ubuntu3", True),
        ([SHORT], "1:8.9p1-3ubuntu0.13", False),
        ([SHORT, LONG], "1:9.6p1-3ubuntu13.5", False),
        ([SHORT, OTHER], "1:9.6p1-3ubuntu13.5", False),
        (["ssh-rsa rota"], "1:9.6p1-3ubuntu13.5", False),
        ([], "1:9.6p1-3ubuntu13.5", False),
    ],
)
def test_a_key_that_the_server_will_refuse_is_found_before(keys: list[str], openssh: str, found: bool) -> None:
    server = replace(
        with_facts(env={"SSH_CONNECTION": "10.9.0.4 5 10.9.0.10 22"}), login_keys=tuple(keys), openssh=openssh
    )
    said = problems(server, **WANTED)
    assert [line.startswith("la llave con que usted entra es RSA de 2048 bits") for line in said] == [True] * found


@pytest.mark.parametrize(
    "connection", ["", "::ffff:10.9.0.4 5 ::ffff:10.9.0.10 22", "fd00:9::4%eth0 5 fd00:9::10 22"], ids=str.split
)
def test_operator_is_recognised(connection: str) -> None:
    assert problems(with_facts(env={"SSH_CONNECTION": connection} if connection else {}), **WANTED) == []


def test_who_is_answered_by_another_interface_may_say_that_this_is_so() -> None:
    server = replace(SERVER, neighbours=Neighbours(detour=("eth1", "eth0")))
    assert problems(server, **WANTED, strict_paths=False) == []


@pytest.mark.parametrize(
    ("connection", "by", "found"),
    [
        ("10.9.0.4 5 203.0.113.10 22", "eth0", ["eth1", "eth0"]),
        ("::ffff:10.9.0.4 5 ::ffff:203.0.113.10 22", "eth0", ["eth1", "eth0"]),
        ("10.9.0.4 5 203.0.113.10 22", "eth1", []),
        ("10.9.0.4 5 192.0.2.1 22", "eth0", []),  # a router translates the server's address
        ("fd00:9::4 5 fd00:9::10 22", "eth0", []),
        ("203.0.113.10 5 203.0.113.10 22", "lo", []),
        (
            "10.9.0.4 5 203.0.113.20 22",
            "eth0",
            [],
        ),  # an address that is routed to the server, on a device without cable
        ("", "eth0", []),
    ],
    ids=["otra", "en IPv6", "la misma", "traducida", "IPv6", "local", "sin cable", "sin SSH"],
)
def test_probe_knows_by_which_interface_the_operator_is_answered(connection: str, by: str, found: list[str]) -> None:
    said = {
        "address": [
            "1: lo    inet 127.0.0.1/8 scope host lo",
            "3: eth1    inet 203.0.113.10/24 brd x scope global",
            "4: dummy0    inet 203.0.113.20/32 scope global",
        ],
        "route": [f"10.9.0.4 from 203.0.113.10 via 10.0.0.1 dev {by} uid 0", "    cache"],
    }
    lines = lambda *words: said["route" if "route" in words else "address"]  # noqa: E731
    assert load("module_utils/probe/queues.py").detour(lines, connection) == found


def test_a_minor_release_of_debian_is_that_release() -> None:
    server = with_facts(distribution="Debian", distribution_version="12.9")
    assert problems(server, **{**WANTED, "sensorless": {}}) == []
    (found,) = problems(server, **WANTED)
    assert found.startswith("Debian 12 ya no tiene el paquete suricata")


def load_probe() -> Any:
    return load("module_utils/probe/server.py")


def load_engine() -> Any:
    return load("module_utils/probe/engine.py")


def test_probe_reads_what_the_programs_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe, asked = load_probe(), []
    assert probe.listeners(
        [
            'LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=80,fd=4))',
            "LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*",
            "LISTEN 0 32 [fe80::1]%incusbr0:53 [::]:*",
        ],
        {"80": "12:pids:/x.service/y\n1:name=systemd:/docker/0a/system.slice/ssh.service\n0::/\n"}.__getitem__,
    ) == [
        {"address": "::", "port": 22, "process": "sshd", "unit": "ssh.service"},
        {"address": "127.0.0.53", "port": 53, "process": "", "unit": ""},
        {"address": "fe80::1", "port": 53, "process": "", "unit": ""},
    ]
    assert probe.unit_of("0::/system.slice/docker-0a.scope\n") == "docker-0a.scope"
    assert probe.unit_of("0::/\n") == probe.unit_of("") == ""
    installed, removed = "ii \tufw\t0.36.1", "rc \tapache2\t2.4"
    assert load("module_utils/probe/dpkg.py").packages([installed, removed]) == {"ufw": "0.36.1"}
    monkeypatch.setattr(probe.os, "statvfs", asked.append)
    with pytest.raises(AttributeError):  # statvfs is replaced and returns nothing; only the path that it gets matters
        probe.free(str(tmp_path / "not" / "there"))
    assert asked == [str(tmp_path)]
    cpuinfo = "cpu MHz\t\t: 2596.120\ncpu MHz\t\t: 3100.0\n"
    assert probe.mhz(lambda path: cpuinfo if path == "/proc/cpuinfo" else "") == 3100
    assert probe.mhz(lambda path: "3400000\n" if path.endswith("max_freq") else "") == 3400
    known = {"base_frequency": "2100000\n", "max_freq": "3900000\n"}
    assert probe.mhz(lambda path: next((text for name, text in known.items() if path.endswith(name)), "")) == 2100
    known = {"nominal_freq": "1900\n", "max_freq": "3600000\n"}
    assert probe.mhz(lambda path: next((text for name, text in known.items() if path.endswith(name)), "")) == 1900
    assert probe.mhz(lambda path: "model name\t: Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz\n") == 2100
    assert probe.mhz(lambda path: "") == 0


@pytest.mark.parametrize(
    ("routes", "addresses", "advertised"),
    [
        (["2001:db8::/64 dev eth0 proto kernel metric 256 pref medium", "default via 2001:db8::1 dev eth0"], [], False),
        (["default via fe80::1 dev eth0 proto ra metric 100 expires 1700sec pref medium"], [], True),
        ([], ["2: eth0    inet6 2001:db8::5/64 scope global dynamic mngtmpaddr"], True),
        ([], [], False),
    ],
)
def test_probe_knows_whether_ipv6_comes_by_advertisements(
    routes: list[str], addresses: list[str], advertised: bool
) -> None:
    assert load_probe().advertised(routes, addresses) is advertised


def test_probe_reads_the_options_of_the_outlets_own_docker(tmp_path: Path) -> None:
    found, present = tmp_path / "found", tmp_path / "daemon.json"
    probe = load_engine()

    def options(ours: tuple[str, ...] = probe.SHARED_OPTIONS) -> Any:
        return probe.daemon_options(str(found), ours, str(present))

    assert options() == {}, "a server without Docker has no options"
    present.write_text('{"data-root": "/datos"}')
    assert options() == {"data-root": "/datos"}
    present.write_text("[]")
    assert options() == {}, "no options, and Docker does not start with it"
    (found / "etc/docker").mkdir(parents=True)
    present.write_text('{"live-restore": true}')
    assert options() == {}, "the present daemon.json is the project's"
    (found / "etc/docker/daemon.json").write_text('{"bip": "10.0.0.1/24", "live-restore": false}')
    present.write_text('{"bip": "10.0.0.1/24", "live-restore": true}')
    assert options() == {"bip": "10.0.0.1/24", "live-restore": False}


def test_what_the_outlet_changes_of_its_dockers_options_later_stays(tmp_path: Path) -> None:
    """Otherwise its engine would start on an empty folder, without its containers, at the next run."""
    found, present = tmp_path / "found", tmp_path / "daemon.json"
    probe = load_engine()
    (found / "etc/docker").mkdir(parents=True)
    (found / "etc/docker/daemon.json").write_text('{"bip": "10.0.0.1/24", "icc": true}')
    present.write_text('{"data-root": "/datos/docker", "icc": false, "live-restore": true}')
    later = {"data-root": "/datos/docker", "icc": False}
    assert probe.daemon_options(str(found), probe.SHARED_OPTIONS, str(present)) == later
    assert probe.daemon_options(str(found), probe.OPTIONS, str(present)) == {**later, "icc": True}
    for broken in ("{", "[]", None):
        present.unlink() if broken is None else present.write_text(broken)
        assert probe.daemon_options(str(found), probe.SHARED_OPTIONS, str(present)) == {
            "bip": "10.0.0.1/24", "icc": True
        }, "what came later is not known any more"  # fmt: skip


UNIT = "{ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// %s ; ignore_errors=no }"


@pytest.mark.parametrize(
    ("running", "unit", "default", "found"),
    [
        ("dockerd\0-H\0fd://\0--live-restore\0--icc=false\0", "", "", ["--live-restore"]),
        ("", "--live-restore=true", "", ["--live-restore"]),
        ("", "$DOCKER_OPTS", '# DOCKER_OPTS="--icc"\nDOCKER_OPTS="--live-restore --dns 8.8.8.8"\n', ["--live-restore"]),
        ("", "", 'DOCKER_OPTS="--live-restore"\n', []),  # which the unit of docker-ce does not read
        ("dockerd\0-H\0fd://\0--data-root=/datos\0", "$DOCKER_OPTS", "", []),
    ],
)
def test_options_that_docker_would_get_twice_are_found(running: str, unit: str, default: str, found: list[str]) -> None:
    """It then says «specified both as a flag and in the configuration file» and does not start any more."""
    probe = load_engine()
    files = {"/run/docker.pid": "7\n" if running else "", "/proc/7/cmdline": running, "/etc/default/docker": default}
    words = probe.command_line(lambda *_: [UNIT % unit], files.__getitem__)
    assert probe.flags(words, probe.SHARED_OPTIONS) == found
    assert probe.flags(["--log-opt", "max-size=1m", "--ip=0.0.0.0", "--ipv6"], probe.OPTIONS) == ["--ip", "--log-opt"]


def test_a_package_that_was_left_half_way_is_told_before_the_first_run_only() -> None:
    """What an interrupted run of the project's has left, the next one finishes by itself."""
    assert problems(with_facts(packages_unfinished=["nginx"], recorded=True), **WANTED) == []
    lines = ["ii \tufw\t0.36.1", "iF \tmysql-server\t8.0", "iU \tphp\t8.3", "it \tman-db\t2", "rc \tapache2\t2.4"]
    lines += ["iHR\tb\t1", "iW \tc\t1", "pn \td\t"]
    found = load("module_utils/probe/dpkg.py").half_way(lines)
    assert found == {"b": "1", "c": "1", "mysql-server": "8.0", "php": "8.3"}


def test_packages_are_half_way_for_a_while_when_another_program_installs_them(tmp_path: Path) -> None:
    probe, lock, locks = load("module_utils/probe/dpkg.py"), tmp_path / "lock", tmp_path / "locks"
    assert not probe.is_installing(str(lock), str(locks))
    lock.touch()
    line = "2: POSIX  ADVISORY  WRITE 22104 08:02:%d 0 EOF\n"
    for inode, expected in ((lock.stat().st_ino, True), (lock.stat().st_ino + 1, False)):
        locks.write_text("1: FLOCK  ADVISORY  WRITE 1 00:19:1 0 EOF\n1: -> FLOCK\n" + line % inode)
        assert probe.is_installing(str(lock), str(locks)) is expected


def test_room_for_images_is_looked_for_where_the_outlets_own_docker_keeps_them(tmp_path: Path) -> None:
    probe = load_probe()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert probe.real("/var/lib/docker", {"data-root": str(tmp_path / "link")}) == str(tmp_path / "disk")
    assert probe.real(str(tmp_path / "link"), {"data-root": "/datos"}) == str(tmp_path / "disk")
    full = replace(SERVER, free={"/srv": GIGABYTE}, real={"/srv": "/datos/docker"})
    assert problems(full, **WANTED)[0].startswith("/datos/docker tiene 1.0 GB libres y necesita 10")


def test_a_server_that_is_set_up_already_needs_little_room_for_a_late_change() -> None:
    finished = replace(SERVER, neighbours=replace(SERVER.neighbours, mirror_of=("prep.difusor.mx",)))
    assert problems(replace(finished, free={"/srv": 9 * GIGABYTE}), **WANTED) == []
    (refusal,) = problems(replace(finished, free={"/srv": GIGABYTE // 2}), **WANTED)
    assert refusal.startswith("/srv tiene 0.5 GB libres y necesita 1;")


def test_probe_knows_whose_engine_it_is(tmp_path: Path) -> None:
    found, present = tmp_path / "found", tmp_path / "status"
    engine, removed = (
        f"Package: docker.io\nStatus: {state}\nVersion: 20.10\n\nPackage: docker-doc\nStatus: install ok installed\n"
        for state in ("install ok installed", "deinstall ok config-files")
    )
    probe = load_engine()
    for before, expected in ((engine, True), (removed, False)):
        present.write_text(before)
        assert probe.engine_before(str(found), str(present)) is expected
    kept = Path(f"{found}{present}")
    kept.parent.mkdir(parents=True)
    kept.write_text(removed)
    present.write_text(engine)
    assert probe.engine_before(str(found), str(present)) is False, "the present engine is the project's"


def test_who_came_in_by_ssh_and_will_not_any_more_is_told() -> None:
    """The owner's own people, of whom nobody has asked: he learns it before the firewall shuts them out."""
    addresses = ("10.9.0.9", "203.0.113.9", "fd00:9::4", "fe80::1", "203.0.113.9")
    beside = Neighbours(entered=tuple(Login("ana", "publickey", each) for each in addresses))
    server = replace(SERVER, neighbours=beside)
    assert left_outside(server, WANTED["trusted"]) == ["203.0.113.9", "fe80::1"]


def test_what_the_firewall_closes_and_what_stays_open_is_told() -> None:
    listeners = (
        ("*", 3306, "mysqld", ""),
        ("127.0.0.1", 5432, "postgres", ""),
        ("::", 9000, "", ""),
        ("::", 81, "docker-proxy", ""),
        ("0.0.0.0", 8080, "dockerd", ""),  # holds the port for a container, where there is no docker-proxy
        ("::", 2375, "dockerd", ""),  # its own: the API
        ("*", 8443, "consola", ""),
        ("fe80::1", 53, "dnsmasq", ""),
        *SERVER.listeners,
    )
    beside = Neighbours(
        datagrams=(("0.0.0.0", 161, "snmpd"), ("127.0.0.1", 323, "chronyd")),
        raw=((112, "keepalived"), (112, "keepalived")),  # between two servers with one address
        published=("81/tcp", "8080-8081/tcp"),
        accepting=("-A INPUT -p tcp -m multiport --dports 8000:8500 -j ACCEPT", "-A INPUT -s 10.1.0.0/16 -j ACCEPT"),
    )
    closed, opened = exposed(replace(SERVER, listeners=listeners, neighbours=beside), WANTED["port_owners"])
    assert closed == [
        "dnsmasq (53)",
        "snmpd (161/udp)",
        "dockerd (2375)",
        "mysqld (3306)",
        "desconocido (9000)",
        "keepalived (protocolo 112 de IP)",
    ]
    assert opened == ["consola (8443)", "Docker (81)", "Docker (8080-8081)"]


def test_probe_knows_the_sites_that_are_somebodys_own(tmp_path: Path) -> None:
    ours = "# Managed by prep-difusor: change the inventory\nserver {}\n"
    for name, text in {"prep.diario.mx": "server {}\n", "prep": ours, "default": "sample\n"}.items():
        (tmp_path / name).write_text(text)
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    packaged = {f"{tmp_path}/default {hashlib.md5(b'sample' + bytes([10])).hexdigest()}"}
    assert load_probe().sites(paths, packaged) == [f"{tmp_path}/prep.diario.mx"]
    unreadable = "/proc/self/mem"  # its first bytes give an error, as those of a damaged disk do
    assert load_probe().sites([unreadable], packaged) == [unreadable]


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        *((kind, True) for kind in ("cifs", "smb3", "vfat", "exfat", "ntfs3", "fuseblk", "fuse.sshfs", "9p")),
        *((kind, False) for kind in ("ext4", "xfs", "nfs4", "overlay", "")),
    ],
)
def test_a_disk_without_owners_and_links_is_refused_for_the_cortes(kind: str, refused: bool) -> None:
    """The run ended in the middle, when it gave the store to its owner."""
    server = replace(SERVER, kinds={"/srv/prep": kind, "/usr": "ext4"})
    told = f"/srv/prep está en un sistema de archivos {kind}, sin dueños"
    assert [each.startswith(told) for each in problems(server, **WANTED)] == [True] * refused
    installed = replace(server, neighbours=Neighbours(mirror_of=("prep.difusor.mx",)))
    assert problems(installed, **WANTED) == []
    assert remote(server) == (["/srv/prep (nfs4)"] if kind == "nfs4" else [])


def test_the_disk_of_a_folder_is_that_of_the_longest_mount_point_and_of_the_last_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\n//nas/x /srv/pre cifs rw 0 0\nsystemd-1 /srv autofs rw 0 0\n"
        "/dev/sdb1 /srv xfs rw 0 0\nnas:/p /mnt/con\\040espacio nfs4 rw 0 0\n"
    )
    kind = load("module_utils/probe/server.py").kind
    found = [kind(path, str(mounts)) for path in ("/srv/prep", "/usr", "/srv", "/mnt/con espacio/prep", "/")]
    assert found == ["xfs", "ext4", "xfs", "nfs4", "ext4"]
    assert kind("/srv/prep", str(tmp_path / "none")) == ""
