"""Connects to hosts before the first test and identifies them; a host that does not answer counts as not evaluated."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host
from testinfra.utils.ansible_runner import AnsibleRunner

from difusor.inventory import Declared
from difusor.inventory.variables import BECOME_PASSWORD, Variables, read
from difusor.process import surroundings
from difusor.servers import child, ssh_password
from difusor.servers.connection import Login, cause
from difusor.servers.sudo import Sudo
from difusor.terminal import plain

# This command shows whether a host answers as root, and prints its identity: each value in one line, whatever it is, so
# that none passes for another. The file of the system is read, not executed.
IDENTITY = r"""
say() { printf '%s=%s\n' "$1" "$(tail -n 1)"; }
release() { sed -n "s/^$1=//p" /etc/os-release | tr -d "\"'"; }
id -u | say uid
hostname | say hostname
cat /etc/machine-id 2>/dev/null | say machine_id
uname -r | say kernel
ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub 2>/dev/null | cut -d' ' -f2 | say ssh_host_key
[ ! -r /etc/os-release ] || { release PRETTY_NAME | say system; release VERSION_CODENAME | say release; }
"""
NAMES = frozenset(re.findall(r"\| say (\w+)", IDENTITY))
"""The names of what it prints; a line with another name is none of its answers."""
BOUNDS = child.Bounds(seconds=3600, output_bytes=256 * 1024 * 1024, memory_bytes=None, own_group=False)
"""What one command on a server may take. The longest one measures for minutes; the largest answer is a whole log."""
LOGIN = frozenset(
    f"ansible_{part}"
    for part in (
        "connection", "host", "port", "user", "password", "ssh_pass", "ssh_password", "private_key_file",
        "ssh_private_key_file", "ssh_common_args", "ssh_extra_args", "become", "become_user", "become_password",
        "become_pass", "sudo_pass",
    )
)  # fmt: skip
"""The variables by which a host is reached; whoever needs no others renders only these, in a tenth of the time."""
SECRET = frozenset(name for name in LOGIN if name.endswith(("password", "pass")))
"""Those of them that are passwords."""
VANTAGES = ("trusted_vantage", "untrusted_vantage")
"""The groups of the hosts from which a server is looked at."""
FAILED = 255
"""The exit status with which ssh says that it failed itself."""
MOST = 500
"""How many characters of one line of a server's answer are used, at most."""
# Prints the programs that a host from which tests look at the server needs and lacks.
LACKING = "for tool in python3 curl; do command -v $tool >/dev/null || echo $tool; done"


class MeasuredServer(BaseModel):
    """One server: its identity, what its inventory declares, and why it could not be evaluated (empty: it could)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identity: dict[str, str] = {}
    declared: Declared = Declared()
    unreachable: str = ""


def connect(inventory: Variables, source: str, bounds: child.Bounds | None = None) -> AnsibleRunner:
    """Return testinfra's runner for the inventory `source`, with rendered values, sudo and one shared connection.

    On the vantage points without sudo, unless the inventory says so. InventoryError if it is not known how a host is
    reached.

    `bounds`: what one command may take, BOUNDS by default, on hosts that this process has not connected to before.
    """
    # Where Ansible has its own: project.settle names another folder where that of the account cannot be written to.
    control = surroundings.folder() / "cp"
    control.mkdir(mode=0o700, parents=True, exist_ok=True)
    servers = inventory.groups.get("difusores", [])
    onlookers = {name for group in VANTAGES for name in inventory.groups.get(group, []) if name not in servers}
    for name, values in inventory.hosts.items():
        inventory.require(name, LOGIN)
        if values.get("ansible_connection", "ssh") in ("ssh", "smart"):
            # From a vantage point tests only look at the server: its account need not have sudo.
            values.setdefault("ansible_become", name not in onlookers and values.get("ansible_user") != "root")
            shared = control / _short_name(Path(source), name, values)
            further = str(values.setdefault("ansible_ssh_extra_args", f"-o ControlPath={shared}") or "")
            if ssh_password.declared(values) and ssh_password.ONCE not in further:
                values["ansible_ssh_extra_args"] = f"{further} {ssh_password.ONCE}".strip()
    runner = AnsibleRunner.get_runner(source)
    runner.inventory = _listing(inventory)  # testinfra's own, from ansible-inventory, has unrendered Jinja
    passwords = {name: str(values.get(BECOME_PASSWORD) or "") for name, values in inventory.hosts.items()}
    entries = {name: ssh_password.environment(ssh_password.declared(each)) for name, each in inventory.hosts.items()}
    runner.get_host = partial(_bounded, runner.get_host, passwords, entries, bounds or BOUNDS)
    return runner


def _listing(inventory: Variables) -> dict[str, Any]:
    """Return an inventory for testinfra, which would write a password of ssh into its command, for all to see."""
    hosts = {
        name: {key: value for key, value in values.items() if key not in ssh_password.NAMES}
        for name, values in inventory.hosts.items()
    }
    return {**inventory.listing(), "_meta": {"hostvars": hosts}}


def _bounded(
    get_host: Callable[..., Host | None],
    passwords: dict[str, str],
    entries: Mapping[str, dict[str, str]],
    bounds: child.Bounds,
    name: str,
    **options: Any,
) -> Host | None:
    """Return testinfra's host, with bounds to its answers: testinfra itself waits for ever and takes any number.

    An answer beyond the bounds counts as a failure of ssh. Bytes that are not UTF-8 are replaced; testinfra would ask
    the server for its encoding and believe it.
    """
    host = get_host(name, **options)
    if host is not None and name in passwords:  # the first time: testinfra asks for the host before each command
        sudo = Sudo.of(host.backend, passwords.pop(name))
        host.backend.run_local = partial(_run_local, host.backend, sudo, bounds)
        host.backend.difusor_environment = entries[name]
        host.backend.difusor_name = name  # by which `lost` knows whose result it is
        host.backend.decode = partial(str, encoding="utf-8", errors="replace")
    return host


def _run_local(backend: BaseBackend, sudo: Sudo, bounds: child.Bounds, command: str, *arguments: str) -> CommandResult:
    line = backend.quote(command, *arguments)
    try:
        done = child.run(["sh", "-c", line], bounds, os.environ | backend.difusor_environment, given=sudo.input)
    except child.BoundError:
        return backend.result(FAILED, line.encode(), b"", b"la respuesta no terminaba")
    return backend.result(done.status, line.encode(), done.stdout, sudo.answer(done.stderr))


def _short_name(source: Path, name: str, values: dict[str, Any]) -> str:
    """Return a short name for a connection's control socket: with ssh's %C the path can exceed a socket's limit.

    Two servers behind jump hosts of their own may have one address, account and port, so these alone do not tell them
    apart.
    """
    ways = (f"{each}={values[each]}" for each in sorted(LOGIN - SECRET) if each in values)
    target = "\0".join((str(source.resolve()), name, *ways))
    return f"difusor-{hashlib.sha256(target.encode()).hexdigest()[:10]}"


class UnreachableError(Exception):
    """A server does not answer as root, or the inventory has none; the message says which and why."""


def difusores(inventory: Path) -> Iterator[tuple[str, Host, MeasuredServer]]:
    """Yield every server of an inventory: its name, testinfra's host (as root), and its identity.

    UnreachableError for one that does not answer, InventoryError when the inventory cannot be read.
    """
    for name, ask in each(inventory):
        host, found = ask()
        if found.unreachable:
            raise UnreachableError(found.unreachable)
        yield name, host, found


def each(
    inventory: Path, bounds: child.Bounds | None = None
) -> Iterator[tuple[str, Callable[[], tuple[Host, MeasuredServer]]]]:
    """Yield the name of every server of an inventory, and a function that asks it as `difusores` does.

    The identity says whether it answers; `bounds` are those of `connect`. UnreachableError when the inventory has none.
    """
    rendered = read(inventory)
    runner = connect(rendered, str(inventory), bounds)
    names = rendered.groups.get("difusores", [])
    if not names:
        raise UnreachableError(f"el inventario {inventory} no tiene servidores en el grupo difusores")

    def ask(name: str) -> tuple[Host, MeasuredServer]:
        host = runner.get_host(name)
        return host, server(name, host, rendered.hosts[name])

    for name in names:
        yield name, partial(ask, name)


def server(name: str, host: Host | None, values: dict[str, Any]) -> MeasuredServer:
    """Identify one difusor's server; when it does not answer as root, say why."""
    found, reason = _ask(name, host)
    if not reason and found.pop("uid") != "0":
        reason = (
            f"{name}: el usuario {values.get('ansible_user', '')} no obtiene privilegios con sudo; "
            "declare ansible_become: true, o entre con otra cuenta (ansible_user en hosts.yml)"
        )
    return MeasuredServer(identity=found, declared=Declared.of(values), unreachable=reason)


def blindness(name: str, host: Host | None) -> str:
    """Return why nothing can be tested from a host other than the server; empty when it can. No fault of the server."""
    reason = _ask(name, host)[1]
    if reason or host is None:
        return reason
    lacking = host.run(LACKING).stdout.split()
    return f"a {name} le falta {' y '.join(lacking)}" if lacking else ""


def lost(error: BaseException | None, name: str | None = None) -> bool:
    """Tell whether an error is a failure of ssh (raised by testinfra with the result), not of the remote command.

    `name`: only of the ssh to the host that has it in the inventory.
    """
    result = error.args[0] if isinstance(error, RuntimeError) and error.args else None
    own = name is None or getattr(getattr(result, "backend", None), "difusor_name", None) == name
    return own and getattr(result, "exit_status", None) == FAILED


def _ask(name: str, host: Host | None) -> tuple[dict[str, str], str]:
    if host is None:
        return {}, f"{name}: su ansible_connection no está soportada por la suite"
    try:
        answer = host.run(IDENTITY)
        text, complaint = answer.stdout, answer.stderr
    except RuntimeError as error:
        return {}, f"{name} no responde: {explain(getattr(error.args[0], 'stderr', str(error)), name, host)}"
    said = dict(plain(line, MOST).split("=", 1) for line in text.split("\n") if "=" in line[:MOST])
    found = {name: value for name, value in said.items() if name in NAMES}
    if "uid" in found:
        return found, ""
    return {}, f"{name}: {explain(complaint, name, host)}"


def explain(complaint: str, name: str, host: Host) -> str:
    """Return the Spanish sentence on what ssh or sudo complain of, cut to twice MOST characters: it may name files."""
    return plain(cause(complaint, _login(name, host)), 2 * MOST)


def _login(name: str, host: Host) -> Login:
    spec = getattr(host.backend, "host", None)
    return Login(
        name, getattr(spec, "name", name), getattr(spec, "user", None) or "", int(getattr(spec, "port", 22) or 22)
    )
