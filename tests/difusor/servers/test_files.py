"""The owner's own files that the project lives beside or replaces: what in them stops a run, and what is told."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from plugin_kit import load

from difusor.project import ROOT
from difusor.servers.neighbours import Neighbours, problems


def load_probe() -> Any:
    """Return the module that runs on the server."""
    return load("module_utils/probe/files.py")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("# nothing\n; yet\n", []),
        ("uid = nobody\n [fotos]\n path = /srv/fotos\n[respaldo]\n", ["fotos", "respaldo"]),
        ("&include /etc/rsyncd.d\n", ["/etc/rsyncd.conf"]),
        ("# Managed by prep-difusor: change the inventory\n[corte]\n", []),
    ],
)
def test_modules_of_the_owners_rsync_daemon(text: str, found: list[str]) -> None:
    assert load_probe().modules(text) == found
    sentences = problems(Neighbours(modules=tuple(found)))
    assert [each.partition(" por rsync")[0] for each in sentences] == (
        [f"/etc/rsyncd.conf ya sirve {', '.join(found)}"] if found else []
    )


DAMAGED = {
    "zeros": "\0" * 90,
    "garbage": "\ufffdK\x1b\ufffd",
    "header": "# Managed bx prep-difusor: change the inventory\n[corte]\n",
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_of_the_projects_does_not_stop_the_run_that_writes_it_anew(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passed for the owner's. So it does still where the owner had a file of that name, or none is recorded."""
    probe, record = load_probe(), tmp_path / "record"
    path = tmp_path / "rsyncd.conf"
    path.write_text(text)
    monkeypatch.setattr(probe, "RECORD", str(record))
    said = [{"program": "nginx", "place": f"{path}:1", "reason": "unknown directive"}]

    def taken_for_the_owners() -> list[bool]:
        stopping = probe.refused([f"nginx: [emerg] unknown directive in {path}:1"], [], [])
        return [stopping == said, probe.modules(text, str(path)) != [], probe.is_changed(str(path), set())]

    assert taken_for_the_owners() == [True] * 3
    record.mkdir()
    (record / "paths").write_text(f"/etc/other\n{path}\n")
    assert taken_for_the_owners() == [False] * 3
    path.write_text("[fotos]\n path = /srv/fotos\n")
    assert probe.is_changed(str(path), set())
    path.write_text(text)
    found = Path(f"{record}/found{path}")
    found.parent.mkdir(parents=True)
    found.touch()
    assert taken_for_the_owners() == [True] * 3


@pytest.mark.parametrize(
    ("text", "included"),
    [
        ("# Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n", False),
        ("Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\n", True),
        ("include=sshd_config.d/*.conf # de Ubuntu\n", True),
        ('Include /etc/ssh/a "/etc/ssh/sshd_config.d/*"\n', True),
        ("Include /etc/ssh/sshd_config.d/50-*.conf\n", False),
        ('Include "/etc/ssh/sshd_config.d/*.conf\n', False),
        ("Match User ana\n  PermitTTY no\nInclude /etc/ssh/sshd_config.d/*.conf\n", False),
    ],
)
def test_a_main_file_of_ssh_without_its_folder_stops_the_run(text: str, included: bool) -> None:
    """As on a server that was upgraded from a release before it, whose owner kept the file."""
    assert load("module_utils/probe/ssh.py").includes_drop_ins(text) is included
    assert [each.partition(",")[0] for each in problems(Neighbours(ssh_included=included))] == (
        [] if included else ["/etc/ssh/sshd_config no incluye /etc/ssh/sshd_config.d"]
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("max_log_file_action = ROTATE\nadmin_space_left_action = SUSPEND\ndisk_full_action = SUSPEND\n", []),
        ("max_log_file_action = rotate\ndisk_full_action = halt\n", []),
        # As the guide of CIS has it, on level 2.
        (
            "space_left_action = email\nadmin_space_left_action = halt\n#disk_error_action = halt\n"
            "max_log_file_action = keep_logs\n",
            ["admin_space_left_action = halt"],
        ),
        ("disk_full_action=single\n", ["disk_full_action = single"]),
        ("", []),
    ],
)
def test_an_audit_log_that_would_stop_the_server_stops_the_run(text: str, found: list[str]) -> None:
    assert load_probe().halting(text) == found
    assert [each.partition(" en /etc")[0] for each in problems(Neighbours(halting=tuple(found)))] == [
        f"auditd detendría el servidor al llenarse su bitácora, que no rota («{setting}»" for setting in found
    ]


def test_a_file_of_the_owners_with_which_a_daemon_would_not_start_again_stops_the_run(tmp_path: Path) -> None:
    """The daemon goes on until the next boot, and nobody hears of it before."""
    site, ours = tmp_path / "diario", tmp_path / "prep"
    site.write_text("server { ssl_certificate /etc/letsencrypt/live/diario/fullchain.pem; }")
    ours.write_text("# Managed by prep-difusor: change the inventory\n")
    gone = (
        'cannot load certificate "/etc/letsencrypt/live/{}/fullchain.pem": BIO_new_file() failed (SSL: error:80000002)'
    )
    nginx = [
        f'nginx: [emerg] unknown directive "bogus" in {site}:7',
        f"2026/11/27 23:11:18 [emerg] 812#812: {gone.format('diario')}",
        f"nginx: [emerg] {gone.format('prep')}",
        f'nginx: [emerg] unexpected "}}" in {ours}:3',
        'nginx: [emerg] unknown directive "x" in /etc/nginx/nginx.conf:2',
        f"nginx: [warn] could not build optimal types_hash in {site}:1",
        "nginx: configuration file /etc/nginx/nginx.conf test failed",
    ]
    sshd = [
        "/etc/ssh/sshd_config.d/50-diario.conf: line 3: Bad configuration option: Pasword",
        '/etc/ssh/sshd_config line 5: unsupported option "quizá".',
        "/etc/ssh/sshd_config line 7: Deprecated option UsePrivilegeSeparation",
        "/etc/ssh/sshd_config line 8: Unsupported option GSSAPIAuthentication",
        "/etc/ssh/sshd_config: terminating, 1 bad configuration options",
    ]
    found = load_probe().refused(nginx, sshd, [str(ours), str(site)])
    assert [(each["program"], each["place"]) for each in found] == [
        ("nginx", f"{site}:7"),
        ("nginx", str(site)),
        ("sshd", "/etc/ssh/sshd_config.d/50-diario.conf:3"),
        ("sshd", "/etc/ssh/sshd_config:5"),
    ]
    assert load_probe().refused([], [], []) == []
    sentence = problems(Neighbours(refused=(tuple(found[0].values()),)))[0]
    assert sentence.startswith(f'nginx no acepta {site}:7 («unknown directive "bogus"») y no volvería a arrancar')


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, []), (1, [("/etc/nginx/conf.d/x.conf:1", "mal")]), (124, [("/etc/nginx", "no termina de leerse en dos")])],
)
def test_a_configuration_that_nginx_never_ends_reading_stops_the_run(
    code: int, said: list[tuple[str, str]], tmp_path: Path
) -> None:
    """An include of a pipe kept the preflight's own `nginx -t` waiting."""
    complaint = "nginx: [emerg] mal in /etc/nginx/conf.d/x.conf:1"
    (tmp_path / "timeout").write_text(f"#!/bin/sh\necho '{complaint}'\nexit {code}\n")
    (tmp_path / "timeout").chmod(0o755)
    probe = load_probe()
    command = ["/bin/sh", "-c", probe.FAILED % "nginx -t", probe.UNREAD]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, stdout=subprocess.PIPE, text=True, check=True)
    found = probe.refused(done.stdout.splitlines(), [], [])
    assert [each["place"] for each in found] == [place for place, _ in said]
    assert all(each["reason"].startswith(reason) for each, (_, reason) in zip(found, said, strict=True))


def test_a_service_that_empties_the_packet_filter_stops_the_run() -> None:
    (found,) = problems(Neighbours(flushing=True))
    assert found.startswith("nftables.service vacía al arrancar (flush ruleset) también las reglas de UFW")


def test_the_keys_and_the_password_of_an_account_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe, shadow = load_probe(), tmp_path / "shadow"
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/authorized_keys").write_text(
        '# ssh-rsa AAAAno\nssh-ed25519  AAAAuna ana@diario\nfrom="10.0.0.0/8",command="echo ssh-rsa" ssh-rsa AAAAotra\n'
    )
    (tmp_path / ".ssh/authorized_keys2").write_text("sk-ssh-ed25519@openssh.com AAAAmás\n")
    monkeypatch.setattr(probe.pwd, "getpwnam", lambda name: SimpleNamespace(pw_dir=str(tmp_path)))
    assert probe.account_keys("x") == ["ssh-ed25519 AAAAuna", "ssh-rsa AAAAotra", "sk-ssh-ed25519@openssh.com AAAAmás"]
    (tmp_path / ".ssh/authorized_keys2").unlink()
    os.mkfifo(tmp_path / ".ssh/authorized_keys2")
    assert len(probe.account_keys("x")) == 2, "whoever owns the folder keeps nobody waiting"
    shadow.write_text("ana:$y$j9T$x:1::::::\nluis:!:1::::::\neva:!$6$x:1::::::\nanabel:*:1::::::\n")
    assert [probe.has_password(name, str(shadow)) for name in ("ana", "luis", "eva", "anabel", "otra")] == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_a_file_that_the_owner_has_changed_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe, file = load_probe(), tmp_path / "chrony.conf"
    assert not probe.is_changed(str(file), set())
    file.write_text("pool a\n")
    assert probe.is_changed(str(file), set())
    assert not probe.is_changed(str(file), {f"{file} {hashlib.md5(file.read_bytes()).hexdigest()}"})
    monkeypatch.setitem(probe.COPIED, str(file), str(tmp_path / "copied"))
    (tmp_path / "copied").write_text("pool a\n")
    assert not probe.is_changed(str(file), set())
    file.write_text("# Managed by prep-difusor: change the inventory\npool b\n")
    assert not probe.is_changed(str(file), set())
    assert probe.is_changed("/proc/self/mem", set()), "its first bytes give an error, as those of a damaged disk do"


def test_every_whole_file_that_a_role_replaces_is_looked_at() -> None:
    """But for those that keep what the owner said, that are asked for elsewhere, and that are only a notice."""
    elsewhere = (
        "docker/daemon.json pam.d/su nginx/nginx.conf rsyncd.conf rsyncd.secrets systemd/system/suricata.service"
    )
    left_out = {f"/etc/{name}" for name in (*elsewhere.split(), "issue", "issue.net", "motd")}
    installed = {
        "/" + str(path).partition("/templates/")[2].removesuffix(".j2")
        for path in (ROOT / "roles").glob("*/templates/etc/**/*")
        if path.is_file()
    }
    looked_at = yaml.safe_load((ROOT / "roles/preflight/defaults/main.yml").read_text())["preflight_replaced"]
    assert {path for path in installed if "prep" not in path} - left_out == {*looked_at}


def test_another_difusors_server_stops_the_run() -> None:
    site = "# Managed by prep-difusor\nserver { server_name _; }\nserver { server_name prep.diario.mx www.diario.mx; }"
    probe = load_probe()
    assert probe.mirror_of(site) == ["prep.diario.mx", "www.diario.mx"]
    assert probe.mirror_of(site.partition("\n")[2]) == []
    known = Neighbours(mirror_of=("prep.diario.mx", "www.diario.mx"))
    assert problems(known, hosts=["www.diario.mx", "prep.diario.mx"]) == problems(known, hosts=["prep.diario.mx"]) == []
    assert problems(known) == problems(Neighbours(), hosts=["prep.radio.mx"]) == []
    (found,) = problems(known, hosts=["prep.radio.mx"])
    assert found.startswith(
        "este servidor ya es el espejo de prep.diario.mx y www.diario.mx, y el inventario, de prep.r"
    )


@pytest.mark.parametrize("path", ["{page}", "/etc/systemd/system/prep-corte-gate.service"], ids=["page", "gate"])
def test_a_mirror_whose_record_of_before_is_lost_or_begun_anew_is_told(path: str, tmp_path: Path) -> None:
    probe, page, found = load_probe(), tmp_path / "prep", tmp_path / "found"
    kept = Path(f"{found}{path.format(page=page)}")
    lost = lambda: probe.unrecorded(str(page), str(found))  # noqa: E731
    assert not lost()
    page.write_text("# Managed by prep-difusor\n")
    assert lost()
    for name in ("etc/passwd", "var/lib/dpkg/status"):
        assert lost(), "half of it"
        (found / name).parent.mkdir(parents=True)
        (found / name).touch()
        assert lost(), "the power was cut before it was on the disk"
        (found / name).write_text("root:x:0:0::/root:/bin/sh\n")
    assert not lost()
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("# Managed by prep-difusor\n")
    assert lost()


def test_probe_finds_the_lists_in_included_files(tmp_path: Path) -> None:
    (tmp_path / "sshd_config.d").mkdir()
    included, deeper = tmp_path / "sshd_config.d/10-diario.conf", tmp_path / "más"
    included.write_text(f"allowusers operador\nInclude {deeper}\n#DenyUsers nadie\n")
    deeper.write_text("Match Address 10.9.0.4\n  DenyGroups sudo\n")
    main = tmp_path / "sshd_config"
    main.write_text("Include sshd_config.d/*.conf\nPort 22\n")
    probe = load("module_utils/probe/ssh.py")
    found = probe.with_lists(probe.configuration(str(main), str(tmp_path)))
    assert (found["allowusers"], found["denygroups"], found["denyusers"]) == ([str(included)], [str(deeper)], [])
