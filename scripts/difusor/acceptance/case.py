"""The server that is accepted: how a step asks it something, runs a verb against it, and enters it anew."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from testinfra.host import Host

from difusor.inventory import Election, load_election
from difusor.inventory.variables import Variables, read
from difusor.process import surroundings
from difusor.project import ROOT
from difusor.servers import child, connection, identity, ssh_password, sudo
from difusor.terminal import StepFailed, plain, run_step

LOGIN = child.Bounds(seconds=20, output_bytes=64 * 1024)
TRANSFER = child.Bounds(seconds=60, output_bytes=64 * 1024)
VERB_LOG = "salida.log"
UNREACHABLE = re.compile(r"(?m)^\S+ +: ok=\d+ .*\bunreachable=[1-9]")
"""A line of Ansible's recap that says that it lost the server."""


class LostError(Exception):
    """The server does not answer any more; the message says why."""


@dataclass(frozen=True)
class Case:
    """One acceptance of one server. `lock` is inherited by the programs that it starts (journal.alone)."""

    inventory: Path
    server: str
    key: Path
    authority: Path | None = None
    lock: int = -1
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What earlier steps found, by the step's name."""

    @cached_property
    def election(self) -> Election:
        """The rehearsal's election."""
        return load_election(self.inventory)

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The rendered variables of the server."""
        return self._variables.hosts[self.server]

    @cached_property
    def host(self) -> Host:
        """testinfra's host, as root."""
        return identity.connect(self._variables, str(self.inventory)).get_host(self.server)

    @cached_property
    def _variables(self) -> Variables:
        return read(self.inventory)

    def known(self) -> identity.MeasuredServer:
        """Return the server's identity, or why it does not answer (`unreachable`)."""
        return identity.server(self.server, self.host, dict(self.values))

    def ask(self, *command: str) -> str:
        """Return what a command of root's prints on the server; StepFailed when it fails, LostError without answer."""
        with answered():
            result = self.host.run(*command)
        if result.failed:
            said = plain(result.stderr.strip() or result.stdout.strip() or "nada", identity.MOST)
            raise StepFailed(f"el servidor no pudo hacerlo y dice: «{said}»")
        return str(result.stdout)

    def verb(self, title: str, log: Path, *words: str | Path) -> None:
        """Run a verb of `difusor` with its output in a log and nobody to answer; StepFailed when it fails."""
        self.program(title, log, sys.executable, "-m", "difusor", *words)

    def play(self, title: str, log: Path, playbook: str, *words: str) -> None:
        """Run one of the acceptance's own playbooks with its output in a log; StepFailed when it fails."""
        ansible = Path(sys.executable).with_name("ansible-playbook")
        self.program(title, log, ansible, "-i", self.inventory, ROOT / "playbooks/acceptance" / playbook, *words)

    def program(self, title: str, log: Path, *command: str | Path) -> None:
        """Run a program with its output in a log; StepFailed when it fails, LostError when Ansible lost the server.

        The line may be there again a moment later, when nobody sees any more why the program failed.
        """
        inherited = [*([self.lock] if self.lock >= 0 else []), *sudo.descriptors()]
        try:
            run_step(title, *command, log=log, inherited=inherited)
        except StepFailed as failure:
            if UNREACHABLE.search(log.read_text(encoding="utf-8")):
                raise LostError(f"{failure} Se perdió la conexión con el servidor") from failure
            raise

    def login(self, program: str, *, user: str = "", key: Path | None = None, family: str = "") -> list[str]:
        """Return the start of a command line of ssh or sftp that logs in anew and asks nobody, its target excluded.

        Without an account and its key it is the operator's own login. `family`: inet or inet6, to reach the server by
        that alone.
        """
        values = self.values
        given = values.get("ansible_ssh_private_key_file")
        own = ["-i", str(key or given)] if key or given else []
        given_options = {
            "BatchMode": "yes" if key or not ssh_password.declared(values) else "", "NumberOfPasswordPrompts": 1,
            "ControlMaster": "no", "ControlPath": "none", "ConnectTimeout": "5",
            "IdentitiesOnly": "yes" if key else "", "Port": values.get("ansible_port"),
            "User": user or values.get("ansible_user"), "AddressFamily": family,
        }  # fmt: skip
        wanted = [*(f"{name}={value}" for name, value in given_options.items() if value), *surroundings.BARE]
        further = (shlex.split(str(values.get(f"ansible_ssh_{kind}_args") or "")) for kind in ("common", "extra"))
        # Of two options of one name, ssh takes the first: the inventory's may name the connection that is open. Of `-S`
        # it takes the last, before any option; sftp has another `-S`, and hands no such one on.
        alone = ["-S", "none"] if program == "ssh" else []
        return [program, *connection.options(wanted), *own, *chain.from_iterable(further), *alone]

    def enters(self, command: str = "true", family: str = "") -> child.Finished | None:
        """Run a command through a new login of the operator (see `login`); None when there is no answer in time."""
        try:
            environment = os.environ | ssh_password.environment(ssh_password.declared(self.values))
            return child.run([*self.login("ssh", family=family), self.address, command], LOGIN, environment)
        except child.BoundError:
            return None

    @property
    def address(self) -> str:
        """The address at which Ansible reaches the server."""
        return str(self.values.get("ansible_host", self.server))


@contextmanager
def answered() -> Iterator[None]:
    """Turn a failure of ssh itself into LostError."""
    try:
        yield
    except RuntimeError as error:
        if identity.lost(error):
            raise LostError("se perdió la conexión con el servidor") from error
        raise
