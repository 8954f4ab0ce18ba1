"""The kernel parameters for kinds of networks that no lab has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from plugin_kit import load

from difusor.servers.parameters import Parameter, changed, is_loose


@pytest.mark.parametrize("advertised", [False, True])
def test_router_advertisements_are_refused_unless_ipv6_depends_on_them(advertised: bool) -> None:
    facts = {"ipv6_advertised": advertised}
    text = role_kit.render("kernel", "etc/sysctl.d/zz-prep-difusor.conf", {"ansible_facts": facts})
    assert ("net.ipv6.conf.all.accept_ra = 0\n" in text) is not advertised
    assert "net.ipv6.conf.all.accept_redirects = 0\n" in text


@pytest.mark.parametrize(
    ("owners", "lines"),
    [
        ({}, ("8192", "8192", "32768 65535", "1")),
        (
            {"net.core.somaxconn": "65535", "net.ipv4.tcp_max_syn_backlog": "262144",
             "net.ipv4.ip_local_port_range": "15000 64000", "kernel.yama.ptrace_scope": "3"},
            ("65535", "262144", "15000 65535", "3"),
        ),
        (
            {"net.core.somaxconn": "128", "net.ipv4.tcp_max_syn_backlog": "mucho",
             "net.ipv4.ip_local_port_range": "100 60999", "kernel.yama.ptrace_scope": "0"},
            ("8192", "8192", "1024 65535", "1"),
        ),
    ],
)  # fmt: skip
def test_what_the_owner_needs_more_of_stays(owners: dict[str, str], lines: tuple[str, ...]) -> None:
    """A database behind another site, and a kernel that takes back no ptrace_scope of 3."""
    facts = {"ipv6_advertised": False, "owners_parameters": owners}
    text = role_kit.render("kernel", "etc/sysctl.d/zz-prep-difusor.conf", {"ansible_facts": facts})
    names = ("net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog", "net.ipv4.ip_local_port_range")
    for name, value in zip((*names, "kernel.yama.ptrace_scope"), lines, strict=True):
        assert f"{name} = {value}\n" in text


def test_parameters_of_another_role_are_set_in_the_order_of_boot() -> None:
    """Alone its file took the owner's larger queue away, which a later file gives, until the next run or boot."""
    handlers = yaml.safe_load((role_kit.ROLES / "nginx/handlers/main.yml").read_text())
    (command,) = (each["ansible.builtin.command"] for each in handlers if "kernel parameters" in each["name"])
    text = role_kit.render("nginx", "etc/sysctl.d/60-nginx.conf", {})
    names = [line.partition(" = ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert "net.core.somaxconn" in names
    given = [f"--prefix=/{name.replace('.', '/')}" for name in names]
    assert role_kit.value("nginx", "each", {"each": command["argv"]}) == ["/lib/systemd/systemd-sysctl", *given]


def test_the_owners_parameters_are_read_as_at_boot(tmp_path: Path) -> None:
    usr, etc = tmp_path / "usr", tmp_path / "etc"
    files = {
        usr / "50-a.conf": "net.core.somaxconn = 1\n",
        usr / "60-b.conf": "net.core.somaxconn = 2\nvm.x=1\n",
        etc / "60-b.conf": "# net.core.somaxconn = 9\n-net/core/somaxconn=3\nnet.range = 1024\t 65000\nroto\n",
        etc / "zz-prep-difusor.conf": "# Managed by prep-difusor\nnet.core.somaxconn = 8192\n",
    }
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    probe, ptrace = load("module_utils/probe/parameters.py"), tmp_path / "ptrace"
    said = {"net.core.somaxconn": "3", "net.range": "1024 65000"}
    assert probe.owners((str(usr), str(etc)), str(ptrace)) == said
    ptrace.write_text("3\n")
    assert probe.owners((str(usr), str(etc)), str(ptrace)) == {**said, "kernel.yama.ptrace_scope": "3"}


def strayed(folder: Path, text: str, values: dict[str, str], owners: str = "") -> list[str]:
    """Return what has strayed from a project's file, where the kernel has these values and the owner a file."""
    for name, value in {**values, "etc/99-vpn.conf": owners}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(value)
    found: list[str] = load("module_utils/probe/parameters.py").strayed(text, (str(folder / "etc"),), str(folder))
    return found


def test_a_kernel_parameter_that_somebody_changed_is_seen(tmp_path: Path) -> None:
    """What this kernel does not have cannot differ."""
    wanted = "# ours\n\nnet.a.b = 1\nnet.range = 32768 65535\nkernel.none = 2\nvm.other = 3\n"
    values = {"net/a/b": "1\n", "net/range": "32768\t65535\n", "vm/other": "0\n"}
    assert strayed(tmp_path, wanted, values) == ["vm.other"]
    assert strayed(tmp_path, "", values) == []


INTERFACES = """net.ipv4.conf.all.rp_filter = 1
net.ipv4.conf.*.rp_filter = 1
net.ipv4.conf.*.send_redirects = 0
net.ipv6.conf.*.accept_redirects = 0
net.ipv4.conf.tun*.rp_filter = 2
"""


@pytest.mark.parametrize(
    ("changed", "owners", "found"),
    [
        ({}, "", []),
        ({"ipv4/conf/eth0/rp_filter": "0"}, "", []),
        ({"ipv4/conf/eth0/rp_filter": "2"}, "", ["net.ipv4.conf.eth0.rp_filter"]),
        ({"ipv4/conf/eth0/rp_filter": "2"}, "net.ipv4.conf.eth0.rp_filter=2", []),
        ({"ipv4/conf/eth0/rp_filter": "2"}, "-net/ipv4/conf/eth0/rp_filter", []),
        ({"ipv4/conf/eth0/rp_filter": "2"}, "net.ipv4.conf.*.rp_filter=2", ["net.ipv4.conf.eth0.rp_filter"]),
        ({"ipv4/conf/eth0.7/rp_filter": "2"}, "net.ipv4.conf.eth0/7.rp_filter=2", []),
        ({"ipv4/conf/eth0.7/rp_filter": "2"}, "", ["net.ipv4.conf.eth0/7.rp_filter"]),
        ({"ipv4/conf/tun0/rp_filter": "1"}, "", ["net.ipv4.conf.tun0.rp_filter"]),
        ({"ipv4/conf/eth0/send_redirects": "1"}, "", ["net.ipv4.conf.eth0.send_redirects"]),
        ({"ipv6/conf/eth0/accept_redirects": "1"}, "", ["net.ipv6.conf.eth0.accept_redirects"]),
        ({"ipv4/conf/all/rp_filter": "2"}, "-net.ipv4.conf.all.rp_filter",
         [f"net.ipv4.conf.{each}.rp_filter" for each in ("all", "eth0")]),
    ],
)  # fmt: skip
def test_an_interface_counts_by_what_the_kernel_goes_by(
    changed: dict[str, str], owners: str, found: list[str], tmp_path: Path
) -> None:
    """systemd's own files set rp_filter of each interface to 2; of that and of `all` the kernel takes the larger."""
    values = {f"ipv4/conf/{name}/rp_filter": value for name, value in {"all": "1", "eth0": "1", "tun0": "2"}.items()}
    values |= {"ipv4/conf/eth0/send_redirects": "0", "ipv4/conf/all/send_redirects": "0"}
    values |= {"ipv6/conf/eth0/accept_redirects": "0", "ipv6/conf/all/accept_redirects": "0", **changed}
    kernel = {f"net/{path}": value + "\n" for path, value in values.items()}
    assert strayed(tmp_path, INTERFACES, kernel, owners) == found


@pytest.mark.parametrize(
    ("overrides", "owners", "lines"),
    [
        ({}, {}, {"all": 1, "default": 1, "*": 1}),
        ({"all": 2}, {}, {"all": 2, "default": 1, "*": 2}),
        ({"default": 2}, {}, {"all": 1, "default": 2, "*": 2}),
        ({"all": None}, {}, {"default": 1}),
        ({"all": 2, "*": 1}, {}, {"all": 2, "default": 1, "*": 1}),
        ({"wg0": 2}, {"*": 2, "wg1": 2}, {"all": 1, "default": 1, "*": 1, "wg0": 2}),
        ({}, {"tun*": 2, "*": 2}, {"all": 1, "default": 1, "*": 1, "tun*": 2}),
    ],
)
def test_the_file_says_what_each_interface_gets(
    overrides: dict[str, int | None], owners: dict[str, int], lines: dict[str, int]
) -> None:
    """Who loosens all interfaces, or new ones, means each of them; a pattern of the owner's for some comes last."""
    given = {f"net.ipv4.conf.{name}.rp_filter": value for name, value in overrides.items()}
    said = {f"net.ipv4.conf.{name}.rp_filter": str(value) for name, value in owners.items()}
    inputs = {
        "ansible_facts": {"ipv6_advertised": True, "owners_parameters": {**said, "net.ipv4.conf.tun*.forwarding": "1"}},
        "kernel_sysctl": given,
    }
    text = role_kit.render("kernel", "etc/sysctl.d/zz-prep-difusor.conf", inputs)
    found = [line.split(" = ") for line in text.splitlines() if "ipv4" in line and "rp_filter" in line]
    assert [(name.split(".")[3], int(value)) for name, value in found] == list(lines.items())
    assert "forwarding" not in text
    assert text.count("net.ipv6.conf.*.accept_r") == 1, "advertisements are left alone here"


@pytest.mark.parametrize(
    ("overrides", "strict"),
    [
        (None, True), ({}, True), ({"all": 2}, False), ({"all": "2"}, False), ({"all": None}, False),
        ({"default": 2}, False), ({"*": 2}, False), ({"default": 2, "*": 1}, True), ({"default": 0}, True),
    ],
)  # fmt: skip
def test_the_preflight_knows_whether_a_detour_will_be_refused(overrides: dict[str, Any] | None, strict: bool) -> None:
    wired = yaml.safe_load((role_kit.ROLES.parent / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))
    given = None if overrides is None else {f"net.ipv4.conf.{name}.rp_filter": each for name, each in overrides.items()}
    variables = {} if given is None else {"kernel_sysctl": given}
    expression = trust_as_template(wired["preflight_strict_paths"])
    assert Templar(loader=DataLoader(), variables=variables).template(expression) is strict


def test_what_the_owner_set_and_the_project_changes_is_told(tmp_path: Path) -> None:
    """Also of the file that only UFW reads, where guides to a VPN put the forwarding; not what packages say."""
    folder, ufw, packaged = tmp_path / "sysctl.d", tmp_path / "ufw", tmp_path / "sysctl.d/10-network-security.conf"
    folder.mkdir()
    packaged.write_text("net.ipv4.conf.all.rp_filter=2\nkernel.sysrq = 176\n")
    (tmp_path / "sysctl.conf").write_text("net.ipv4.ip_unprivileged_port_start = 80\nnet.core.somaxconn=100\n")
    (folder / "99-sysctl.conf").symlink_to(tmp_path / "sysctl.conf")
    (folder / "90-vpn.conf").write_text(
        "net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.tcp_syncookies = 1\nvm.swappiness=1\n"
    )
    (folder / "zz-prep-difusor.conf").write_text("# Managed by prep-difusor\nnet.ipv4.conf.all.rp_filter = 1\n")
    ufw.write_text(f'IPV6=yes\nIPT_SYSCTL="{tmp_path}/ufw.conf"\n')
    (tmp_path / "ufw.conf").write_text(
        "net/ipv4/ip_forward=1\nnet/ipv6/conf/all/forwarding=1\nvm.swappiness=1\nnet/ipv4/conf/all/log_martians=0\n"
        "net/ipv4/conf/all/rp_filter=2\n#net/ipv4/tcp_sack=1\n"
    )
    owns = {str(tmp_path / "sysctl.conf"), str(tmp_path / "ufw.conf"), str(folder / "90-vpn.conf")}
    found = load("module_utils/probe/parameters.py").written(owns.__contains__, str(folder), str(ufw))
    written = [Parameter(**each) for each in found]
    assert changed(written, {}, advertised=False) == [
        "net.ipv4.ip_unprivileged_port_start: 80 → 1024",
        f"net.ipv6.conf.all.forwarding: 1 → sin poner ({tmp_path}/ufw.conf ya no se lee)",
        "net.ipv4.conf.all.rp_filter: 2 → 1",
    ]
    kept = {
        "net.ipv4.ip_unprivileged_port_start": None, "net.ipv6.conf.all.forwarding": 1, "net.ipv4.conf.all.rp_filter": 2
    }  # fmt: skip
    assert changed(written, kept, advertised=False) == []
    ufw.write_text("# Managed by prep-difusor\nIPT_SYSCTL=\n")
    assert {
        each["path"]
        for each in load("module_utils/probe/parameters.py").written(owns.__contains__, str(folder), str(ufw))
    } == {str(tmp_path / "sysctl.conf"), str(folder / "90-vpn.conf")}


FILTERS = "net.ipv4.conf.%s.rp_filter"
STRICT = "net.ipv4.conf.eno2.rp_filter: 0 → 1 (2 si ahí llega lo que se contesta por otra interfaz)"


@pytest.mark.parametrize(
    ("lines", "overrides", "told"),
    [
        ({"eno2": "0"}, {}, [STRICT]),
        ({"eno2": "0", "all": "1"}, {}, []),  # it was strict before
        ({"all": "2", "eno2": "0"}, {}, ["net.ipv4.conf.all.rp_filter: 2 → 1", STRICT.replace("0 →", "2 →")]),
        ({"eno2": "2"}, {}, []),
        ({"eno2": "1"}, {}, []),
        ({"eno*": "0"}, {}, [STRICT.replace("eno2", "eno*")]),
        ({"eno2": "0"}, {"all": 2}, ["net.ipv4.conf.eno2.rp_filter: 0 → 2"]),
        ({"eno2": "0"}, {"all": None}, []),
        ({"eno2": "0"}, {"eno2": 0}, [STRICT]),  # which is without effect
        ({"eno2": "0"}, {"eno2": 2}, ["net.ipv4.conf.eno2.rp_filter: 0 → 2"]),
    ],
)
def test_an_interface_that_the_value_for_all_makes_strict_is_told(
    lines: dict[str, str], overrides: dict[str, int | None], told: list[str]
) -> None:
    """The kernel takes the larger value of the two, so the card's own 0 stays in its file and counts no more."""
    written = [Parameter("/etc/sysctl.d/9.conf", FILTERS % name, value) for name, value in lines.items()]
    given = {FILTERS % name: value for name, value in overrides.items()}
    assert changed(written, given, advertised=True) == told


@pytest.mark.parametrize(
    ("said", "loose"),
    [
        ({}, False),
        ({"eth1": "2"}, True),
        ({"eth1": 2}, True),
        ({"eth*": "2"}, True),
        ({"eth*": "2", "eth1": "1"}, False),
        ({"eth1": "2", "eth*": "0"}, True),
        ({"eth0": "2", "*": "2", "default": "2", "all": "2"}, False),  # the last three give way to the project's
    ],
)
def test_a_detour_by_an_interface_that_the_owner_has_loosened_is_none(said: dict[str, Any], loose: bool) -> None:
    given = {FILTERS % name: value for name, value in said.items()}
    other = {"net.ipv4.conf.eth1.forwarding": "2"}
    assert is_loose(("eth1",), {**given, **other}, {}) is is_loose(("eth1",), other, given) is loose
    assert is_loose(("eth1",), given, dict.fromkeys(given)) is loose, "null leaves the owner's value alone"
    assert is_loose((), given, {}) is False


def test_router_advertisements_that_the_owner_refuses_or_takes_are_told_by_what_the_role_does() -> None:
    taken = [Parameter("/etc/sysctl.d/a.conf", "net.ipv6.conf.all.accept_ra", "2")]
    assert changed(taken, {}, advertised=False) == ["net.ipv6.conf.all.accept_ra: 2 → 0"]
    assert changed(taken, {}, advertised=True) == []


@pytest.mark.parametrize("installed", [False, True])
def test_the_collector_that_allows_core_dumps_again_is_masked_where_there_is_one(installed: bool) -> None:
    expression = yaml.safe_load((role_kit.ROLES / "kernel/vars/main.yml").read_text())["_kernel_masked"]
    facts = {"packages": {"apport": "2.20.11"} if installed else {}}
    masked = Templar(loader=DataLoader(), variables={"ansible_facts": facts}).template(trust_as_template(expression))
    assert masked == ({"/etc/systemd/system/apport.service": "/dev/null"} if installed else {})
