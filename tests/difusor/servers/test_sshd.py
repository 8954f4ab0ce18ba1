"""What an owner's files of SSH say for everybody, at which a first run ended in the middle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from plugin_kit import load
from server_kit import SERVER, WANTED

from difusor.servers.neighbours import SPELLING, Door, Neighbours
from difusor.servers.preflight import Machine, problems

DEFAULTS = {
    "pubkeyauthentication": "yes", "authenticationmethods": "any", "authorizedkeysfile": ".ssh/authorized_keys",
    "forcecommand": "none", "chrootdirectory": "none", "maxstartups": "10:30:100", "persourcenetblocksize": "32:128",
}  # fmt: skip
LAST = ("maxstartups", "persourcenetblocksize")


class Sshd:
    """Says of a file of its configuration what `sshd -T` does: the first value, of two settings the last one."""

    def __init__(self, path: Path, exempt: str = "", takes_first: bool = False) -> None:
        """Take the file, an account that a Match block exempts from a ForceCommand, and whether it is a newer sshd."""
        self.path, self.exempt, self.takes_first = path, exempt, takes_first

    def __call__(self, *words: str) -> list[str]:
        """Return its lines; those of `-o` come before the file's."""
        said = [word.split("=", 1) for word in words if words[-2] == "-o" and "=" in word]
        for _, _, match, (keyword, value) in load("module_utils/probe/ssh.py").settings(str(self.path)):
            said += [] if match else [[keyword.lower(), value]]
        found = dict(DEFAULTS)
        for name, value in said if not self.takes_first else reversed(said):
            if name in LAST:
                found[name] = value
        found.update({name: value for name, value in reversed(said) if name not in LAST})
        if self.exempt and f"user={self.exempt}," in ",".join(words):
            found["forcecommand"] = "none"
        return [f"{name} {value}" for name, value in found.items()]


def server(path: Path, sshd: Sshd) -> Machine:
    """Return a server as the probe reads it, whose SSH says what this file does."""
    probe = load("module_utils/probe/ssh.py")
    said = {**probe.look(sshd), "places": probe.places(str(path))}
    read = load("module_utils/probe/neighbours.py").doors(sshd, "instituto", ["10.9.0.4"], "operador")
    doors = tuple(
        Door(each["address"], {name: each[name] for name in SPELLING}, each["matched"], False, each["general"])
        for each in read
    )
    facts = {**SERVER.facts, "user_id": "operador"}
    return replace(SERVER, facts=facts, neighbours=Neighbours(account="instituto", doors=doors, **said))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("MaxStartups 10:30:100", "sshd tomaría «MaxStartups 10:30:100» (FILE:2) en vez de lo que pone el proyecto"),
        ("MaxStartups 10:30:60", "sshd tomaría «MaxStartups 10:30:60» (FILE:2) en vez de lo que pone el proyecto (30:"),
        ("maxstartups=30:30:100", ""),
        ("PerSourceNetBlockSize 24:56", "sshd tomaría «PerSourceNetBlockSize 24:56» (FILE:2) en vez de lo que pone"),
        ("PerSourceNetBlockSize 32:64", ""),
        (
            "AuthenticationMethods publickey,keyboard-interactive",
            "sshd no aceptaría «AuthenticationMethods publickey,k",
        ),
        ("AuthenticationMethods publickey,password", "sshd no aceptaría «AuthenticationMethods publickey,password»"),
        ("AuthenticationMethods publickey", ""),
        ("AuthenticationMethods publickey,keyboard-interactive:pam publickey", ""),
        ("AuthenticationMethods any", ""),
        (
            "AuthenticationMethods gssapi-with-mic",
            "con «AuthenticationMethods gssapi-with-mic» (FILE:2) la cuenta del In",
        ),
        ("AuthorizedKeysFile /etc/ssh/llaves/%u", "con «AuthorizedKeysFile /etc/ssh/llaves/%u» (FILE:2) la cuenta del"),
        ("AuthorizedKeysFile /etc/ssh/llaves/%u %h/.ssh/authorized_keys", ""),
        ("PubkeyAuthentication no", ""),  # the project's file says otherwise, and is read first
        ("MaxSessions 2", ""),
        ("Match User ana\n  ForceCommand internal-sftp", ""),
        ("Match User nas\n  AuthenticationMethods publickey,keyboard-interactive", ""),
        ("# MaxStartups 10:30:60", ""),
    ],
)
def test_what_ssh_says_for_everybody_and_ends_a_first_run_is_refused_before(
    line: str, told: str, tmp_path: Path
) -> None:
    """The role put everything back in the middle of the run; a line that has always worked stays."""
    path = tmp_path / "sshd_config"
    path.write_text(f"Port 22\n{line}\n")
    found = server(path, Sshd(path))
    sentences = problems(found, **WANTED)
    assert [each.startswith(told.replace("FILE", str(path))) for each in sentences] == ([True] if told else [])
    installed = replace(found, neighbours=replace(found.neighbours, mirror_of=("prep.difusor.mx",)))
    assert problems(installed, **WANTED) == [], "what an earlier run has brought to its end goes on"


def test_a_command_that_the_operators_own_session_has_too_is_none(tmp_path: Path) -> None:
    """One that records what is run lets Ansible work, and so the institute; one that spares the operator may not."""
    path = tmp_path / "sshd_config"
    path.write_text("ForceCommand /opt/menu\n")
    assert problems(server(path, Sshd(path)), **WANTED) == []
    (sentence,) = problems(server(path, Sshd(path, exempt="operador")), **WANTED)
    told = (
        f"con «ForceCommand /opt/menu» ({path}:1) la cuenta del Instituto, «instituto», no tendría por SSH una sesión"
    )
    assert sentence.startswith(told)


def test_an_sshd_that_takes_the_first_value_keeps_the_projects(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_text("MaxStartups 10:30:60\nPerSourceNetBlockSize 24:56\n")
    assert problems(server(path, Sshd(path, takes_first=True)), **WANTED) == []
    assert load("module_utils/probe/ssh.py").look(lambda *_: [])["overriding"] == {}, "sshd is not installed yet"


def test_passwords_count_where_they_stay_admitted_and_the_break_glass_key_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_text("AuthenticationMethods publickey,password\nAuthorizedKeysFile /etc/ssh/llaves/%u\n")
    found = server(path, Sshd(path))
    (methods,) = problems(found, **WANTED, by_password=True, break_glass=True)
    assert methods.startswith("con «AuthenticationMethods publickey,password»")
    assert "o eso mismo en un bloque «Match User instituto»" in methods
    own = replace(found, facts={**found.facts, "user_id": "instituto"})
    assert problems(own, **WANTED, by_password=True) == [], "of the account in use the run proves no login of its own"


def test_one_socket_for_both_families_has_its_own_block_size(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_text("PerSourceNetBlockSize 32:128\n")
    found = server(path, Sshd(path))
    dual = replace(found, facts={**found.facts, "dual_stack_ports": [22]})
    assert [len(problems(each, **WANTED)) for each in (found, dual)] == [1, 0]
