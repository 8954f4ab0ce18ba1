"""The firewall's policy: what is refused, how UFW's files are read, and in which order a change happens."""

from __future__ import annotations

import ipaddress
import os
import time
from pathlib import Path
from typing import Any

import pytest
from plugin_kit import load

SSH = {"name": "ssh", "port": 22, "proto": "tcp", "from": "trusted"}
HTTP = {"name": "http", "port": 80, "proto": "tcp", "from": "any"}

USER_RULES = """\
*filter
### tuple ### allow tcp 22 0.0.0.0/0 any 10.1.2.3 in comment=707265702d64696675736f723a737368
-A ufw-user-input -p tcp --dport 22 -s 10.1.2.3 -j ACCEPT
### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in
### tuple ### allow udp 99 0.0.0.0/0 any 0.0.0.0/0 in_eth0
### tuple ### deny any any 0.0.0.0/0 any 1.2.3.4 in comment=c3b1
"""


ufw = load("modules/ufw_policy.py")


def test_nobody_but_root_can_hold_the_lock_that_ufw_waits_for(tmp_path: Path) -> None:
    """Whoever holds the old file holds nothing any more; a lock that only root can open stays."""
    lock = tmp_path / "ufw.lock"
    lock.touch()
    lock.chmod(0o644)
    with lock.open() as held:
        ufw.own_lock(str(lock))
        assert lock.stat().st_mode & 0o777 == 0o600
        assert lock.stat().st_ino != os.fstat(held.fileno()).st_ino
    before = lock.stat().st_ino
    ufw.own_lock(str(lock))
    assert lock.stat().st_ino == before
    lock.unlink()
    ufw.own_lock(str(lock))
    assert lock.stat().st_mode & 0o777 == 0o600


def test_two_runs_that_make_the_lock_at_the_same_moment_both_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, replace, runs = str(tmp_path / "ufw.lock"), os.replace, iter([1, 2])

    def after_the_other(new: str, path: str) -> None:
        monkeypatch.setattr(os, "replace", replace)
        ufw.own_lock(path)
        replace(new, path)

    monkeypatch.setattr(os, "getpid", lambda: next(runs))
    monkeypatch.setattr(os, "replace", after_the_other)
    ufw.own_lock(lock)
    assert os.listdir(tmp_path) == ["ufw.lock"]


class Stop(Exception):
    """Raised instead of the module's exit."""


class Server:
    """Stands in for AnsibleModule on a server: answers commands and records their order."""

    def __init__(self, **params: Any) -> None:
        self.params = {
            "logging": "low",
            "enabled": True,
            "stamp": None,
            "files": [],
            "after_init": None,
            "guard": None,
            "found": None,
            "operator": None,
            "run": "",
            **params,
        }
        self.check_mode = False
        self.calls: list[str] = []
        self.missing: set[str] = set()
        self.warnings: list[str] = []
        self.answers: dict[str, tuple[int, str, str]] = {}

    def run_command(self, command: list[str], **_: Any) -> tuple[int, str, str]:
        """Record the command; return the answer that the test gave for it, or success."""
        self.calls.append(" ".join(command))
        return self.answers.get(" ".join(command), (0, "", ""))

    def get_bin_path(self, name: str) -> str | None:
        """Return where a program is; here its name, or None where the test says that it is missing."""
        return None if name in self.missing else name

    def warn(self, text: str) -> None:
        """Keep a warning."""
        self.warnings.append(text)

    def fail_json(self, msg: str) -> None:
        """Raise Stop with the message."""
        raise Stop(msg)


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Have the module read these texts instead of the machine's files in /etc."""
    files: dict[str, str] = {}
    monkeypatch.setattr(ufw, "read", lambda path: files.get(path, ""))
    return files


def policy(server: Server, *rules: dict[str, Any], **groups: list[str]) -> Any:
    """Return the module's Policy object for these rules and address lists on this server."""
    return ufw.Policy(server, ufw.wanted_rules(list(rules), groups))


def test_groups_addresses_and_families_become_keys() -> None:
    wanted = ufw.wanted_rules([SSH, HTTP], {"trusted": ["10.0.0.0/8", "192.0.2.1/32", "2001:DB8::0/64"]})
    assert [key.source for key in wanted] == ["10.0.0.0/8", "192.0.2.1", "2001:db8::/64", "0.0.0.0/0", "::/0"]
    assert {key.version for key in wanted if key.port == "80"} == {4, 6}


@pytest.mark.parametrize(
    ("trusted", "sentence"),
    [
        ([], "está vacía"),
        (["10.0.0.300"], "no es una dirección"),
        (["10.0.0.1/24"], "ni una red; escriba una como"),
        (["0.0.0.0/0"], "cualquier origen"),
        (["servidor.example"], "no es una dirección"),
    ],
)
def test_a_list_that_is_empty_malformed_or_admits_everybody_is_refused(trusted: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ufw.wanted_rules([SSH], {"trusted": trusted})


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(ValueError, match="ningún grupo"):
        ufw.wanted_rules([SSH], {})


@pytest.mark.parametrize(
    ("address", "admitted"),
    [("10.0.0.7", True), ("::ffff:10.0.0.7", True), ("fd00::7%eth0", True), ("10.1.0.7", False), ("fd01::7", False)],
)
def test_the_operator_must_be_admitted(address: str, admitted: bool) -> None:
    trusted = ["10.0.0.0/24", "fd00::/64"]
    server = Server(rules=[SSH], groups={"trusted": trusted}, operator={"address": address, "port": 22})
    if admitted:
        assert ufw.checked(server)
    else:
        with pytest.raises(Stop, match="quedaría fuera"):
            ufw.checked(server)
    assert server.calls == []


def test_files_of_ufw_are_read_with_what_they_cannot_express_here() -> None:
    ours, plain, application, interface, denial = ufw.parse_rules(USER_RULES, 4)
    assert ours.comment == "prep-difusor:ssh"
    assert ours.key == ufw.Key(4, "tcp", "22", "10.1.2.3")
    assert plain.key == ufw.Key(4, "tcp", "80", "0.0.0.0/0")
    assert application.key is None
    assert interface.key is None
    assert (denial.action, denial.comment) == ("deny", "ñ")


def test_rules_of_deleted_addresses_go_last_and_rules_of_others_stay(etc: dict[str, str]) -> None:
    etc[ufw.RULES[4]] = USER_RULES
    etc["/etc/ufw/ufw.conf"] = "ENABLED=no\nLOGLEVEL=off\n"
    found = policy(server := Server(), SSH, HTTP, trusted=["192.0.2.7"])
    found.apply(found.changes())
    commands = [call for call in server.calls if call.startswith("ufw")]
    assert [command.split()[1] for command in commands] == ["prepend", "allow", "logging", "--force", "--force"]
    assert commands[0] == "ufw prepend allow proto tcp from 192.0.2.7 to 0.0.0.0/0 port 22 comment prep-difusor:ssh"
    assert commands[1] == "ufw allow proto tcp from ::/0 to ::/0 port 80 comment prep-difusor:http"
    assert commands[3:] == [
        "ufw --force enable",
        "ufw --force delete allow proto tcp from 10.1.2.3 to 0.0.0.0/0 port 22",
    ]
    assert len(found.unmanaged) == 4


FOUND = "/var/lib/prep-difusor/found"
ALLOWED = "### tuple ### allow any 22 0.0.0.0/0 any 192.0.2.0/24 in\n"
OTHER = "### tuple ### allow tcp 25 0.0.0.0/0 any 0.0.0.0/0 in\n"


@pytest.mark.parametrize(
    ("before", "now", "operator", "had_ufw", "since", "stays"),
    [
        ("", ALLOWED, "192.0.2.7", True, 1, True),
        (OTHER, OTHER + ALLOWED, "192.0.2.7", True, 1, True),
        (ALLOWED, OTHER + ALLOWED, "192.0.2.7", True, 1, True),
        ("", ALLOWED.replace("any 22", "tcp 20:30,873"), "192.0.2.7", True, 1, True),
        ("", ALLOWED.replace("in\n", "OpenSSH - in\n"), "192.0.2.7", True, 1, True),
        (ALLOWED, ALLOWED, "192.0.2.7", True, 0, False),  # nothing is new
        ("", OTHER, "192.0.2.7", True, 1, False),  # with UFW on, and without the project's rules, nobody would get in
        ("", ALLOWED, "198.51.100.7", True, 1, False),
        ("", ALLOWED.replace("allow", "deny") + ALLOWED, "192.0.2.7", True, 2, False),
        ("", ALLOWED.replace("in\n", "in_eth1\n"), "192.0.2.7", True, 1, False),
        ("", ALLOWED.replace("allow", "route:allow"), "192.0.2.7", True, 1, False),
        ("", ALLOWED, "2001:db8::7", True, 1, False),
        ("", ALLOWED, "192.0.2.7", False, 1, False),  # the package goes, with its files
    ],
)
def test_a_removal_leaves_ufw_on_for_the_rules_that_its_owner_has_written_since(
    before: str, now: str, operator: str, had_ufw: bool, since: int, stays: bool, etc: dict[str, str]
) -> None:
    """It was switched off as on the first day, and what the owner had closed since was open."""
    ours = "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=" + b"prep-difusor:ssh".hex() + "\n"
    etc |= {ufw.RULES[4]: ours + now, FOUND + ufw.RULES[4]: before, ufw.CONFIGURATION: "ENABLED=yes\nLOGLEVEL=low\n"}
    etc[FOUND + ufw.CONFIGURATION] = "ENABLED=no\nLOGLEVEL=low\n" if had_ufw else ""
    server = Server(enabled=False, found=FOUND, operator={"address": operator, "port": 22}, rules=[], groups={})
    assert ufw.checked(server) == {}, "a removal needs no rule of the project's that admits the operator"
    found = policy(server)
    found.apply(found.changes())
    assert (len(found.since), found.stays) == (since, stays)
    assert ("ufw disable" in server.calls) is not stays
    assert any(call.startswith("ufw --force delete allow proto tcp from 0.0.0.0/0") for call in server.calls)


def test_only_the_connections_of_a_removed_source_are_closed(etc: dict[str, str]) -> None:
    etc[ufw.RULES[4]] = USER_RULES.replace("10.1.2.3", "10.1.0.0/16")
    etc["/etc/ufw/ufw.conf"] = "ENABLED=no\nLOGLEVEL=low\n"
    server = Server()
    sockets = """\
        0 0 10.9.9.9:22 10.1.0.1:40000
        0 0 [::ffff:10.9.9.9]:22 [::ffff:10.1.0.2]:40001
        0 0 10.9.9.9:22 10.3.3.3:40002
    """.rstrip()
    server.answers["ss -Htn state established ( sport = :22 )"] = (0, sockets, "")
    found = policy(server, SSH, trusted=["10.1.0.1"])
    found.apply(found.changes())
    assert [call for call in server.calls if call.startswith("ss -K")] == [
        "ss -K ( sport = :22 ) dst [::ffff:10.1.0.2]:40001"
    ]


def test_giving_the_server_back_closes_nobodys_connection(etc: dict[str, str]) -> None:
    etc[ufw.RULES[4]] = USER_RULES
    etc["/etc/ufw/ufw.conf"] = "ENABLED=no\nLOGLEVEL=low\n"
    server = Server()
    found = policy(server, trusted=[])
    found.params["enabled"] = False
    found.apply(found.changes())
    assert "ufw --force delete allow proto tcp from 10.1.2.3 to 0.0.0.0/0 port 22" in server.calls
    assert not [call for call in server.calls if call.startswith("ss")]


def test_a_rule_of_the_owner_that_contradicts_is_refused(etc: dict[str, str]) -> None:
    etc[ufw.RULES[4]] = "### tuple ### deny tcp 80 0.0.0.0/0 any 0.0.0.0/0 in\n"
    with pytest.raises(Stop, match="contradice"):
        policy(Server(), HTTP)


def test_an_unchanged_server_costs_no_call_of_ufw(etc: dict[str, str]) -> None:
    etc[ufw.RULES[4]] = USER_RULES
    etc["/etc/ufw/ufw.conf"] = "ENABLED=yes\nLOGLEVEL=low\n"
    etc["/etc/default/ufw"] = 'DEFAULT_INPUT_POLICY="DROP"\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n'
    server = Server()
    policies = "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n"
    server.answers["iptables -S"] = (0, policies + "-A ufw-user-input -s 10.1.2.3/32 -p tcp -j ACCEPT\n", "")
    server.answers["ip6tables -S"] = (0, policies, "")
    assert policy(server, SSH, trusted=["10.1.2.3"]).changes() == []
    assert not [call for call in server.calls if call.startswith("ufw")]
    server.answers["ip6tables -S"] = (0, policies.replace("INPUT DROP", "INPUT ACCEPT"), "")
    assert [command for _, command in policy(server, SSH, trusted=["10.1.2.3"]).changes()] == [["ufw", "reload"]]


def test_chains_that_a_flush_left_without_a_caller_are_called_again_before_ufw_denies(etc: dict[str, str]) -> None:
    """After `iptables -F` the chains of UFW exist, nothing calls them, and UFW would not change that."""
    etc["/etc/ufw/ufw.conf"] = "ENABLED=no\nLOGLEVEL=low\n"
    server = Server()
    called = [f"-A INPUT -j {name}" for name in ufw.called_by("INPUT", 4)]
    chains = [line.replace("-A INPUT -j", "-N") for line in called]
    server.answers["iptables -S"] = (0, "\n".join(["-P INPUT ACCEPT", *chains]), "")
    commands = [command for _, command in policy(server).changes()]
    assert commands == [ufw.hook("iptables", "INPUT"), ["ufw", "--force", "enable"]]
    server.answers["iptables -S"] = (0, "\n".join(["-P INPUT ACCEPT", *chains, *called]), "")
    assert [command for _, command in policy(server).changes()] == [["ufw", "--force", "enable"]]


@pytest.mark.usefixtures("etc")
def test_a_server_without_a_packet_filter_is_previewed() -> None:
    server = Server()
    server.missing = set(ufw.COMMANDS.values())
    changes = policy(server, SSH, trusted=["10.1.2.3"]).changes()
    assert ["ufw", "--force", "enable"] in [command for _, command in changes]
    assert not [call for call in server.calls if "tables" in call]


def test_the_chains_of_the_project_are_replaced_without_a_reload(etc: dict[str, str], tmp_path: Path) -> None:
    """A trusted address changes after.init; a reload would take seconds and build all of UFW's chains anew."""
    etc["/etc/ufw/ufw.conf"] = "ENABLED=yes\nLOGLEVEL=low\n"
    etc["/etc/default/ufw"] = 'DEFAULT_INPUT_POLICY="DROP"\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n'
    stamp, defaults, after_init = tmp_path / "stamp", tmp_path / "ufw", tmp_path / "after.init"
    for at, path in enumerate((defaults, stamp, after_init)):
        path.touch()
        os.utime(path, (at, at))
    server = Server(stamp=str(stamp), files=[str(defaults)], after_init=str(after_init))
    for command in ("iptables", "ip6tables"):
        server.answers[f"{command} -S"] = (0, "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n", "")
    assert [command for _, command in policy(server).changes()] == [[str(after_init), "start"]]
    os.utime(defaults, (3, 3))
    assert [command for _, command in policy(server).changes()] == [["ufw", "reload"]]
    os.utime(stamp, (4, 4))
    assert policy(server).changes() == []
    ahead = time.time() + 3600  # the firewall was started before chrony set the clock back
    os.utime(stamp, (ahead, ahead))
    assert [command for _, command in policy(server).changes()] == [["ufw", "reload"]]


def test_a_server_without_ufw_can_be_previewed(etc: dict[str, str]) -> None:
    found = policy(Server(), SSH, trusted=["10.1.2.3"])
    assert found.diff()["before"] == "logging off\nenabled no\n"
    assert found.diff()["after"] == "logging low\nenabled yes\nallow tcp 22 from 10.1.2.3  # prep-difusor:ssh\n"


def test_mapped_addresses_count_as_ipv4() -> None:
    assert ufw.plain_address("::ffff:192.0.2.1") == ipaddress.ip_address("192.0.2.1")


OURS = USER_RULES.splitlines()[1]
IN_FORCE = """\
-P INPUT DROP
-P FORWARD DROP
-P OUTPUT ACCEPT
-N ufw-before-input
-A ufw-user-input -s 10.1.2.3/32 -p tcp -m tcp --dport 22 -j ACCEPT
"""
ADDED = ["allow", "proto", "tcp", "from", "10.1.2.3", "to", "0.0.0.0/0", "port", "22", "comment", "prep-difusor:ssh"]
WRITE_ANEW = [["ufw", "logging", "low"], ["ufw", "reload"]]


@pytest.fixture
def finished(etc: dict[str, str]) -> Server:
    """A server on which nothing is to be done for the rule SSH and the address 10.1.2.3."""
    etc[ufw.RULES[4]] = USER_RULES
    etc["/etc/ufw/ufw.conf"] = "ENABLED=yes\nLOGLEVEL=low\n"
    etc["/etc/default/ufw"] = 'DEFAULT_INPUT_POLICY="DROP"\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n'
    server = Server()
    server.answers["iptables -S"] = (0, IN_FORCE, "")
    server.answers["ip6tables -S"] = (0, IN_FORCE.partition("-N")[0], "")
    return server


def commands_of(server: Server) -> list[list[str]]:
    """Return what would be done for the rule SSH and the address 10.1.2.3."""
    return [command for _, command in policy(server, SSH, trusted=["10.1.2.3"]).changes()]


@pytest.mark.parametrize(
    "damaged",
    [
        OURS.replace("10.1.2.3 in", "10.1.2.3\0in"),
        OURS.replace(" 22 ", " 2x "),
        OURS.replace(" 22 ", " 99922 "),
        OURS.replace("10.1.2.3", "10.1.2.999"),
        OURS.replace("10.1.2.3", "10.1.2.\ufffd"),
        "### tuple ### allow",
    ],
)
def test_a_damaged_rule_is_passed_over_as_ufw_does_and_added_again(
    damaged: str, etc: dict[str, str], finished: Server
) -> None:
    """The run ended with a traceback, or because UFW could not delete it, after other roles had changed things."""
    assert commands_of(finished) == []
    etc[ufw.RULES[4]] = USER_RULES.replace(OURS, damaged)
    unreadable = [["sed", "-i", ufw.UNREADABLE, ufw.RULES[4]]] if "\ufffd" in damaged else []
    assert commands_of(finished) == [*unreadable, ["ufw", "prepend", *ADDED], *WRITE_ANEW]


@pytest.mark.parametrize("damaged", [OURS.replace("7072", "707x"), OURS.replace("7072", "7073"), OURS[:-1], OURS + "g"])
def test_a_rule_of_ours_whose_comment_is_damaged_gets_it_again(
    damaged: str, etc: dict[str, str], finished: Server
) -> None:
    """UFW keeps it otherwise, and replaces the comment only where it is not told to prepend."""
    etc[ufw.RULES[4]] = USER_RULES.replace(OURS, damaged)
    assert commands_of(finished) == [["ufw", *ADDED]]


@pytest.mark.parametrize(
    "loaded",
    ["--dport 42 -s 10.1.2.3 -j ACCEPT", "--dport 22 -s 10.1.2.3 -j ACCEPU", "--dport 22 -s 10.1.2.7 -j ACCEPT", ""],
)
def test_what_the_next_start_would_load_is_what_the_rule_says(
    loaded: str, etc: dict[str, str], finished: Server
) -> None:
    """UFW itself reads only the comment above it, and would add nothing."""
    etc[ufw.RULES[4]] = USER_RULES.replace("--dport 22 -s 10.1.2.3 -j ACCEPT", loaded)
    assert commands_of(finished) == WRITE_ANEW


def test_an_action_that_ufw_takes_for_a_denial_is_corrected_in_its_place(etc: dict[str, str], finished: Server) -> None:
    etc[ufw.RULES[4]] = USER_RULES.replace("allow tcp 22 0.0.0.0/0 any 10", "bllow tcp 22 0.0.0.0/0 any 10")
    assert commands_of(finished)[0][:2] == ["ufw", "allow"]


def test_rules_that_would_not_load_are_written_anew_and_the_owners_file_is_named(
    etc: dict[str, str], finished: Server
) -> None:
    """A file is loaded as a whole or not at all, and UFW closes the server all the same."""
    refused = (2, "", "iptables-restore v1.8.9 (nf_tables): unknown option\nError occurred at line: 12\n")
    test = "iptables-restore --noflush --test /etc/ufw/"
    finished.answers[test + "user.rules"] = refused
    assert commands_of(finished) == WRITE_ANEW
    assert finished.warnings == []
    finished.answers[test + "user.rules"] = (4, "", "Another app is currently holding the xtables lock\n")
    finished.answers[test + "before.rules"] = refused
    assert commands_of(finished) == []
    assert [warning.split()[0] for warning in finished.warnings] == ["/etc/ufw/before.rules"]
    assert "line: 12" in finished.warnings[0]


def test_a_file_that_is_gone_is_the_packages_again_before_ufw_is_called(
    etc: dict[str, str], finished: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one of them, each call of UFW ends with an error."""
    copies = {path: str(tmp_path / Path(path).name) for path in ufw.SAMPLES}
    for copy in copies.values():
        Path(copy).touch()
    monkeypatch.setitem(ufw.restored.__globals__, "SAMPLES", copies)
    etc |= dict.fromkeys(set(copies) - set(etc), "*filter\nCOMMIT\n")
    assert commands_of(finished) == []
    del etc["/etc/ufw/before.rules"]
    assert commands_of(finished) == [
        ["install", "-m", "0640", copies["/etc/ufw/before.rules"], "/etc/ufw/before.rules"],
        ["ufw", "reload"],
    ]
    etc["/etc/ufw/ufw.conf"] = ""
    assert [command[:3] for command in commands_of(finished)] == [
        ["install", "-m", "0644"],
        ["install", "-m", "0640"],
        ["ufw", "logging", "low"],
        ["ufw", "--force", "enable"],
        ["ufw", "reload"],
    ]
    etc["/etc/ufw/ufw.conf"] = "# of the owner\nENABLED=yes\n"
    etc["/etc/ufw/before.rules"] = "*filter\nCOMMIT\n"
    assert commands_of(finished) == [["ufw", "logging", "low"]], "what the owner wrote stays"
