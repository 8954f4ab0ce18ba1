"""Who came in by SSH of late: whom the hardened SSH will refuse, whatever the address, and who would be left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from plugin_kit import load
from server_kit import SERVER, WANTED

from difusor.servers.logins import Login, closing, refused, unattended
from difusor.servers.neighbours import Neighbours
from difusor.servers.preflight import ends, problems


def short_key() -> str:
    key = rsa.generate_private_key(65537, 2048).public_key()
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def test_who_comes_in_a_way_that_ends_is_told() -> None:
    """Backups as root, administrators by password, an old appliance: from addresses that stay admitted."""
    logins = [
        Login("root", "publickey", "10.0.0.5"),
        Login("root", "publickey", "10.0.0.6"),
        Login("root", "password", "10.0.0.5"),
        Login("ana", "keyboard-interactive/pam", "10.0.0.7"),
        Login("ana", "publickey", "10.0.0.7"),
        Login("nas", "publickey", "10.0.0.8", short_key()),
    ]
    always = [
        "root con llave desde 10.0.0.5 y 10.0.0.6",
        "root con contraseña desde 10.0.0.5",
    ]
    by_password, by_short_key = "ana con contraseña desde 10.0.0.7", "nas con llave RSA de 2048 bits desde 10.0.0.8"
    assert refused(logins, by_password=False, long_rsa=True) == [*always, by_password, by_short_key]
    assert refused(logins, by_password=True, long_rsa=False) == always


@pytest.mark.parametrize(
    ("user", "keyed", "operator", "told"),
    [
        ("root", (), "root", True),
        ("root", ("instituto",), "instituto", True),
        ("ana", (), "instituto", True),
        ("root", ("ana",), "root", False),
        ("root", (), "operador", False),
        ("instituto", (), "instituto", False),
    ],
)
def test_an_outlet_that_would_keep_no_way_to_root_is_told(
    user: str, keyed: tuple[str, ...], operator: str, told: bool
) -> None:
    found = unattended([Login(user, "publickey", "10.0.0.5")], keyed, "instituto", operator)
    assert [each.startswith("ninguna cuenta del difusor con sudo tiene llave") for each in found] == [True] * told


def test_who_becomes_root_by_a_rule_of_his_own_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As cloud-init writes them; not who may run some commands, or all of them as somebody else."""
    probe, main, folder = load("module_utils/probe/sudo.py"), tmp_path / "sudoers", tmp_path / "sudoers.d"
    monkeypatch.setattr(probe, "members", lambda group: {"wheel": ["eva"], "sudo": ["ana"]}.get(group, []))
    folder.mkdir()
    main.write_text(
        "Defaults\tenv_reset, secure_path=/bin\nroot ALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n%none ALL=ALL\n"
        "User_Alias TALLER = luis, \\\n  %wheel : OTROS = x\nTALLER ALL = (root) NOPASSWD: ALL\n"
        "Cmnd_Alias TODO = ALL\nOTROS ALL=(postgres) ALL\n# beto ALL=ALL\n"
        f"#includedir {folder}\n@include sudoers.local\n"
    )
    (tmp_path / "sudoers.local").write_text("@include sudoers.local\nrita, ciro ALL = NOPASSWD:SETENV: /bin/ls, ALL\n")
    (folder / "90-cloud").write_text(
        "ubuntu ALL=(ALL) NOPASSWD:ALL # de la imagen\nrespaldo ALL=(root) /usr/bin/rsync\n"
    )
    (folder / "viejo.bak").write_text("beto ALL=ALL\n")
    assert probe.to_root(str(main)) == ["ana", "ciro", "eva", "luis", "rita", "ubuntu"]
    assert probe.to_root(str(tmp_path / "missing")) == []


def test_a_match_block_that_admits_what_is_closed_stops_the_run(tmp_path: Path) -> None:
    """It holds before what another file says for everybody, so that root or a password would get in."""
    deeper, main, ours = tmp_path / "más", tmp_path / "sshd_config", tmp_path / "prep"
    ours.write_text("# Managed by prep-difusor\nMatch User x\n  PasswordAuthentication yes\n")
    deeper.write_text("PasswordAuthentication=yes # el taller\nmatch all\nPermitRootLogin no\n")
    main.write_text(
        f"Include {ours}\nPermitRootLogin yes\nPasswordAuthentication yes\n"
        f"Match  Address 10.0.0.0/8\n\tpermitrootlogin\tprohibit-password\n  X11Forwarding no\n  Include {deeper}\n"
        "Match User nas\nHostbasedAuthentication yes\n"
    )
    found = [tuple(each.values()) for each in load("module_utils/probe/ssh.py").excepted(str(main), str(tmp_path))]
    assert found == [
        (str(main), "Match Address 10.0.0.0/8", "permitrootlogin prohibit-password"),
        (str(deeper), "Match Address 10.0.0.0/8", "PasswordAuthentication yes"),
        (str(deeper), "match all", "PermitRootLogin no"),
        (str(main), "Match User nas", "HostbasedAuthentication yes"),
    ]
    server = replace(SERVER, neighbours=Neighbours(excepted=tuple(found)))
    for by_password, told in ((False, 3), (True, 2)):
        sentences = problems(server, **WANTED, by_password=by_password)
        assert len(sentences) == told
        assert sentences[0].startswith("«permitrootlogin prohibit-password» bajo «Match Address 10.0.0.0/8» en ")


@pytest.mark.parametrize(("openssh", "told"), [((8, 4), 1), ((9, 6), 2), ((), 1)])
def test_what_ssh_refuses_to_everybody_is_told(openssh: tuple[int, ...], told: int) -> None:
    assert len(closing(openssh)) == told


@pytest.mark.parametrize("has_key", [False, True])
def test_a_host_key_that_is_offered_no_more_is_told(has_key: bool) -> None:
    """Whoever knows the server by its ECDSA key alone was told by his own client that somebody is in between."""
    facts = {**SERVER.facts, **({"ssh_host_key_ecdsa_public": "AAAA"} if has_key else {})}
    found = Neighbours(entered=(Login("ana", "publickey", "10.0.0.5"),), keyed=("ana",))
    told = ends(replace(SERVER, facts=facts, neighbours=found), by_password=False)["closing"]
    assert [each for each in told if each.startswith("su llave de servidor ECDSA")] == told[1:] * has_key
    assert len(told) == 1 + has_key


def test_it_is_told_before_the_first_run_only() -> None:
    beside = Neighbours(entered=(Login("root", "publickey", "10.0.0.5"),), keyed=("ana",))
    server = replace(SERVER, openssh="1:9.6p1-3ubuntu13.5", neighbours=beside)
    assert {name: len(told) for name, told in ends(server, by_password=False).items()} == {
        "refused": 1, "closing": 2, "unattended": 0,
    }  # fmt: skip
    assert ends(replace(server, neighbours=Neighbours()), by_password=False)["closing"] == []
    finished = replace(server, neighbours=replace(beside, mirror_of=("prep.difusor.mx",)))
    assert ends(finished, by_password=False)["closing"] == []
