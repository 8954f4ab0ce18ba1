"""What a server does by itself, at boot and by the clock: what empties its packet filter, and what restarts it."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from plugin_kit import load

from difusor.servers.neighbours import Neighbours, problems
from difusor.servers.notices import rows


def load_probe() -> Any:
    """Return the module that runs on the server."""
    return load("module_utils/probe/jobs.py")


def owned(_: str) -> bool:
    return True


def no_lines(*_: str) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("iptables -F", "iptables -F"),
        ("/sbin/iptables-legacy -w --flush INPUT", "iptables-legacy -w --flush INPUT"),
        ("for t in filter nat; do ip6tables -t $t -F; done", "ip6tables -t $t -F"),
        ('"$IPTABLES" -F', '$IPTABLES -F'),
        ("pre-up iptables-restore < /etc/iptables.up.rules", "iptables-restore < /etc/iptables.up.rules"),
        ("[ -x /sbin/iptables-restore ] && iptables-restore </etc/r", "iptables-restore </etc/r"),
        ("ExecStart=/bin/sh -c 'iptables -F'", "iptables -F"),
        ("@reboot root /usr/sbin/nft flush ruleset", "flush ruleset"),
        ("flush table ip filter", "flush table ip filter"),
        ("nft flush chain ip filter INPUT", "flush chain ip filter INPUT"),
        ("ufw --force disable", "ufw --force disable"),
        ("systemctl stop ufw.service", "systemctl stop ufw.service"),
        # Chains of the owner's, other tables, what only adds, and what only asks.
        ("iptables -F oficina", ""),
        ('iptables -F "$CADENA"', ""),
        ("iptables -t mangle -F", ""),
        ("iptables-restore --noflush /etc/r", ""),
        ("iptables-restore -n < /etc/r; iptables -A INPUT -p tcp --dport 22 -j ACCEPT", ""),
        ("command -v iptables-restore >/dev/null || exit 0", ""),
        ("ip netns exec casa iptables -F", ""),
        ("nft flush table inet casa", ""),
        ("ufw allow 80/tcp", ""),
        ("systemctl stop nginx", ""),
        ('"$SCRIPT" -F', ""),
    ],
)  # fmt: skip
def test_commands_that_take_ufws_rules_from_the_kernel(line: str, command: str) -> None:
    assert load_probe().emptied_by(line) == command


def test_what_runs_at_boot_and_empties_the_packet_filter_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Directly or by a script that it calls; not what a unit does when it stops, nor a unit that is switched off."""
    probe, units = load_probe(), f"{tmp_path}/system/"
    monkeypatch.setattr(probe, "UNITS", units)
    Path(units, "viejo.service.d").mkdir(parents=True)
    script, local, log = tmp_path / "firewall.sh", tmp_path / "rc.local", tmp_path / "log"
    log.write_text("iptables -F\n")
    script.write_text("#!/bin/sh\n# iptables -F\niptables -P INPUT DROP\niptables \\\n -F\n")
    local.write_text(f"#!/bin/sh\n. {script} >>{log}\nexit 0\n")
    local.chmod(0o755)
    plain = tmp_path / "rc.off"
    plain.write_text("iptables -F\n")
    Path(units, "casa.service").write_text("[Service]\nExecStart=/usr/local/bin/nada\nExecStop=/sbin/iptables -F\n")
    Path(units, "tarde.service").write_text("[Service]\nExecStart=-/sbin/iptables-restore /etc/r\n")
    Path(units, "viejo.service.d/x.conf").write_text("[Service]\nExecStartPost=/sbin/iptables -F\n")
    ours = tmp_path / "rc.ours"
    ours.write_text("# Managed by prep-difusor\niptables -F\n")
    ours.chmod(0o755)
    (tmp_path / "rc.link").symlink_to(local)
    patterns = [f"{tmp_path}/rc.*", f"{units}*.service", f"{units}*.service.d/*.conf"]
    states = {"viejo.service": ["disabled"], "tarde.service": ["enabled"]}
    found = probe.emptying(lambda *words: states[words[-1]], lambda path: path != str(ours), patterns)
    assert [each["path"] for each in found] == [str(script), f"{units}tarde.service"]
    sentences = problems(Neighbours(emptying=tuple(tuple(each.values()) for each in found)))
    assert sentences[0].startswith(f"«iptables -F» en {script}, que corre desde {found[0]['starter']}, quita las ")
    assert sentences[1].startswith(f"«iptables-restore /etc/r» en {units}tarde.service quita las reglas de UFW")


def test_a_tunnel_that_begins_at_boot_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What WireGuard and OpenVPN run when they begin; not at their end, nor of a tunnel that nobody starts."""
    probe, folders = load_probe(), [tmp_path / name for name in ("wireguard", "openvpn", "openvpn/server")]
    for folder in folders:
        folder.mkdir()
    units = dict(zip(map(str, folders), ("wg-quick@", "openvpn@", "openvpn-server@"), strict=True))
    monkeypatch.setattr(probe, "TUNNELS", units)
    monkeypatch.setattr(probe, "OPENVPN", str(tmp_path / "default"))
    script = tmp_path / "sube.sh"
    script.write_text("#!/bin/sh\niptables -F\n")
    (tmp_path / "default").write_text('#AUTOSTART="all"\nAUTOSTART="casa oficina"\n')
    up = "[Interface]\nPrivateKey = iptables -F\nPostUp = iptables -A FORWARD -i %i -j ACCEPT; iptables -F INPUT\n"
    (folders[0] / "wg0.conf").write_text(up)
    (folders[0] / "wg1.conf").write_text(up)
    (folders[0] / "wg2.conf").write_text("[Interface]\nPostDown = iptables -F\nPreUp = ufw reload\n")
    for name in ("casa", "otra"):
        (folders[1] / f"{name}.conf").write_text(f"dev tun\nscript-security 2\nup {script}\ndown '/sbin/iptables -F'\n")
    (folders[2] / "web.conf").write_text("route-up \"/bin/sh -c 'ufw disable'\"\n")
    states = {"wg-quick@wg0.service": ["enabled"], "openvpn-server@web.service": ["enabled"]}
    found = probe.emptying(
        lambda *words: states.get(words[-1], ["disabled"]), owned, [f"{folder}/*.conf" for folder in folders]
    )
    assert [(each["command"], Path(each["starter"]).name) for each in found] == [
        ("iptables -F", "casa.conf"), ("ufw disable", "web.conf"), ("iptables -F INPUT", "wg0.conf"),
    ]  # fmt: skip


def test_jobs_of_at_are_read_where_they_are_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a job is a script with the environment of who ordered it; of other accounts it could end nothing."""
    probe, folder = load_probe(), f"{tmp_path}/atjobs/"
    monkeypatch.setattr(probe, "AT_JOBS", folder)
    Path(folder).mkdir()
    for name, command in (("a00001035abcde", "iptables -F"), ("a00002035abcde", "reboot")):
        job = Path(folder, name)
        job.write_text(f"#!/bin/sh\n# atrun uid=0 gid=0\nLANG=C; export LANG\ncd /root || exit\n{command}\n")
        job.chmod(0o700)
    found = probe.emptying(no_lines, owned, [f"{folder}*"]), probe.restarting(no_lines, owned, [f"{folder}*"], "")
    assert [each["path"] for each in found[0]] == [f"{folder}a00001035abcde"]
    assert found[1] == [f"{folder}a00002035abcde: 2077-01-01 02:38Z"]
    read = []
    monkeypatch.setattr(probe.os, "stat", lambda _: os.stat_result([0o100700, 0, 0, 1, 1000, 1000, 0, 0, 0, 0]))
    assert probe.owners_files(read.append, [f"{folder}*"]) == read == []


def test_where_servers_keep_what_begins_things_is_looked_at() -> None:
    probe = load_probe()
    places = {
        "/etc/NetworkManager/dispatcher.d/pre-up.d/10-firewall", "/etc/NetworkManager/dispatcher.d/90-casa",
        "/etc/networkd-dispatcher/routable.d/50-casa", "/etc/network/if-pre-up.d/iptables", "/etc/network/interfaces",
        "/etc/wireguard/wg0.conf", "/etc/openvpn/casa.conf", "/etc/openvpn/client/casa.conf", "/etc/rc.local",
        "/var/spool/cron/atjobs/a0000101c9c2f0", "/var/spool/cron/crontabs/root",
    }  # fmt: skip
    patterns = probe.AT_BOOT + probe.BY_THE_CLOCK
    assert not {each for each in places if not any(fnmatchcase(each, pattern) for pattern in patterns)}


def test_jobs_that_restart_the_server_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elections are on Sundays, and so are many such jobs."""
    probe, crontab, script = load_probe(), tmp_path / "diario", tmp_path / "limpia.sh"
    monkeypatch.setattr(probe, "CRONTABS", (str(crontab),))
    restarts = [
        "0 3 * * 1 root /sbin/shutdown -r now",
        "30 2 * * * root apt-get -y upgrade && reboot",
        "@weekly root init 6",
        f"0 4 * * 0 root sh {script} >/dev/null",
    ]
    others = ["# 0 3 * * 1 root reboot", "0 3 * * * root /usr/local/bin/reboots-report", "SHELL=/bin/sh", ""]
    crontab.write_text("\n".join([*restarts, *others]))
    script.write_text("[ -f /run/reboot-required ] || exit\nreboot\n")
    weekly = tmp_path / "semanal"
    weekly.write_text("#!/bin/sh\nsystemctl reboot\n")
    weekly.chmod(0o755)
    (tmp_path / "otro.timer").write_text("[Timer]\nOnCalendar=Sun 03:00\nUnit=reinicia.service\n")
    (tmp_path / "reinicia.service").write_text("[Service]\nExecStart=/sbin/reboot\n")
    monkeypatch.setattr(probe, "starts", lambda *_: True)
    patterns = [str(tmp_path / "missing"), str(crontab), str(weekly)]
    assert probe.restarting(no_lines, owned, patterns, f"{tmp_path}/*.timer") == [
        *(f"{crontab}: {when}" for when in ("0 3 * * 1", "30 2 * * *", "@weekly", "0 4 * * 0")),
        str(weekly),
        f"{tmp_path}/otro.timer: Sun 03:00",
    ]


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("systemctl restart nginx", True),
        ("/bin/systemctl --no-block try-restart php8.2-fpm nginx.service", True),
        ('[ -f /run/x ] || sh -c "systemctl stop docker"', True),
        ("service nginx restart >/dev/null", True),
        ("/etc/init.d/nginx stop", True),
        ("/usr/sbin/nginx -s quit", True),
        ("systemctl reload nginx", False),
        ("systemctl reload-or-restart nginx", False),
        ("systemctl restart php8.2-fpm; systemctl reload nginx", False),
        ("systemctl restart nginx-exporter nginx@otro docker-gc.timer docker.diario", False),
        ("service nginx reload", False),
        ("nginx -s reload", False),
        ("docker restart diario", False),
        ("systemctl stop " * 60_000, False),
    ],
)
def test_a_command_that_ends_the_web_server_or_docker_counts_as_one_that_ends_the_server(line: str, ends: bool) -> None:
    assert bool(load_probe().RESTART.search(line)) is ends


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("apt-get update && apt-get -y upgrade", True),
        ("DEBIAN_FRONTEND=noninteractive /usr/bin/apt -qq full-upgrade -y", True),
        ("/usr/bin/unattended-upgrade -v", True),
        ("needrestart -r a", True),
        ("killall -9 nginx", True),
        ("docker restart $(docker ps -q)", True),
        ("docker stop -t 5 `docker container ls -q`", True),
        ("docker ps -q | xargs --no-run-if-empty docker restart", True),
        ("apt-get -qq update; apt list --upgradable", False),
        ("apt-get -s upgrade | mail -s pendientes redaccion", False),
        ("apt-get -dy upgrade", False),
        ("unattended-upgrade --dry-run", False),
        ("cat /var/log/unattended-upgrades/unattended-upgrades.log", False),
        ("needrestart -b", False),
        ("killall -HUP nginx-exporter", False),
        ("docker restart diario", False),
        ("docker stop $(docker ps -q --filter name=diario)", False),
        ("apt-get " * 60_000, False),
        ("docker stop " * 60_000, False),
    ],
)
def test_a_job_that_upgrades_or_ends_all_containers_counts_too(line: str, ends: bool) -> None:
    assert bool(load_probe().UPGRADE.search(line)) is ends


def test_certbots_hooks_that_stop_nginx_are_told_and_renewals_that_want_its_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They renew some night, weeks later, and nobody thinks of them."""
    probe = load_probe()
    for name in ("renewal", "renewal-hooks/pre", "renewal-hooks/deploy"):
        (tmp_path / name).mkdir(parents=True)
    texts = {
        "renewal/radio.mx.conf": "cert = /x\n[renewalparams]\nauthenticator = standalone\nserver = https://a\n",
        "renewal/otro.mx.conf": "[renewalparams]\nauthenticator = standalone\nhttp01_port = 8080\n",
        "renewal/tv.mx.conf": "[renewalparams]\nauthenticator = standalone\npre_hook = systemctl stop nginx\n",
        "renewal/diario.mx.conf": "authenticator = webroot\nrenew_hook = systemctl reload nginx\nserver = reboot\n",
        "renewal-hooks/pre/para": "#!/bin/sh\nservice nginx stop\n",
        "renewal-hooks/pre/sin-uso": "#!/bin/sh\nservice nginx stop\n",
        "renewal-hooks/deploy/nginx": "#!/bin/sh\nnginx -s reload\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644 if "sin-uso" in name else 0o755)
    (tmp_path / "renewal/tv.mx.conf").chmod(0o644)
    monkeypatch.setattr(probe, "RENEWALS", f"{tmp_path}/renewal/")
    patterns = [f"{tmp_path}/renewal/*.conf", f"{tmp_path}/renewal-hooks/*/*"]
    assert probe.restarting(no_lines, owned, patterns, "") == [
        f"{tmp_path}/renewal-hooks/pre/para",
        f"{tmp_path}/renewal/tv.mx.conf",
    ]
    assert probe.standalone(patterns[0]) == ["radio.mx"]
    ((what, names),) = rows(Neighbours(standalone=("radio.mx",)), (80, 443))
    assert "certbot certonly --webroot" in what
    assert names == ["radio.mx"]


def test_what_a_job_only_reads_or_an_account_may_have_put_there_stops_nothing(tmp_path: Path) -> None:
    """Strangers write what is in a web server's log; a pipe or a file of the kernel's would be read for ever."""
    probe = load_probe()
    log, pipe, link = tmp_path / "access.log", tmp_path / "tubo", tmp_path / "enlace"
    log.write_text('192.0.2.1 "GET /" "() { :; }; iptables -F"\n')
    os.mkfifo(pipe)
    link.symlink_to("/proc/kmsg")
    jobs = tmp_path / "jobs"
    jobs.write_text(
        f"0 3 * * * root goaccess {log}\n0 3 * * * root sh {pipe}\n0 4 * * * root . {link}; sh //proc/kmsg\n"
        f"0 5 * * * root cat {tmp_path}/bucle0\n"
    )
    for number in range(1500):
        (tmp_path / f"bucle{number}").write_text(f"#!/bin/sh\n. {tmp_path}/bucle{number + 1}\n")
    assert probe.emptied_by(log.read_text())
    read = {path for path, _ in probe.running(str(jobs), probe.begun_with(str(jobs)))}
    assert read == {str(jobs), *(f"{tmp_path}/bucle{number}" for number in range(probe.DEEPEST))}
