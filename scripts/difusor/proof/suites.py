"""The test suites: the command of each, and the files in which it leaves its results."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from difusor.project import BUILD
from difusor.proof.phases import Record

RELEASES = {
    # Debian 11 and 12 are the nearest to Ubuntu 22.04; Debian 13 is to 24.04 and 26.04.
    "debian": ("bookworm", "bullseye", "trixie"),
    "ubuntu": ("jammy", "noble"),
}
MACHINE = "vm"
"""The suite of the virtual machine, which has a release of its own."""
UNIT = "unit"
"""The suite that needs no server: everything below tests/, including the house rules and the linters."""
ONCE = {
    "lab/test_revocation.py": "what a revocation takes away is units and files of the project, alike on every release",
    # Second, so that it meets bullseye's call: that admits TLS 1.3 alone, which an old nginx in front has to be told.
    "lab/test_front.py": "the site in front is on another machine, and what is compared is what it passes on",
    "lab/test_accounts.py": "the umask of sessions is written and read alike on every release, and they end alike",
    "lab/test_preflight.py": "the controller judges what was read of a server; the releases are the test's own data",
    "lab/test_baseline.py": "compares two looks at the same server, whatever it runs",
    # Sixth, so that it meets trixie, whose ssh.socket is that of Ubuntu 24.04 and 26.04.
    "lab/test_ssh_socket.py": "ssh.socket is what Ubuntu has instead; Debian's releases start the daemon themselves",
    "lab/test_countdown_files.py": "what is judged are the project's files and lists of keys, alike on every release",
    "lab/test_vantage.py": "the account is on another machine, from which the server looks alike whatever it runs",
}
"""Test files that depend on no release and prove no clause, and why; of the releases of a run, each runs on one.

They are dealt out in turn, as here, so that no release takes much longer than the others.
"""
BEGIN = {"bullseye": "test_lockout.py", "trixie": "test_site.py", "noble": "test_lockout.py"}
"""The file of lab/ with which a release begins, if not the first: so those that wait for a clock, such as most of
test_corte_night, meet on the other releases those that need a processor.
"""
MEMORY, MEMORY_NEEDED = Path("/dev/shm"), 4 << 30
"""A file system in the machine's memory, and how many bytes must be free there for the unit tests to use it; they also
run programs there."""
YIELDING = [sys.executable, "-m", "difusor.proof.yielding"]
"""Goes before a command that is to take only the processor time that the releases leave."""
MOLECULE = {
    # Programs read the log: one line of output is one line of it, without frames, folding or colours.
    "MOLECULE_COMMAND_BORDERS": "false",
    "NO_COLOR": "1",
}


@dataclass(frozen=True)
class Suite:
    """One suite by its name: unit, vm, or a release.

    `tests` are the test files to run on a release, if not all, and `server` says, from 1, which of its servers runs
    them, where two share them. `left_out` are the files and folders of tests that it does not run.
    """

    name: str
    tests: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    server: int = 1

    @property
    def lab(self) -> str:
        """The name of the suite's lab, and of its files below build/."""
        return self.name if self.server == 1 else f"{self.name}-{self.server}"

    @property
    def is_part(self) -> bool:
        """Whether it runs only those of its tests that a change can affect."""
        return bool(self.tests or (self.name == UNIT and self.left_out))

    @property
    def log(self) -> Path:
        """The log with everything that the suite printed."""
        return BUILD / f"log/test-{self.lab}.log"

    @property
    def record(self) -> Path:
        """The durations of the last run's phases (phases.Record); a run of some test files has another file."""
        return BUILD / f"log/test-{self.lab}{'-changed' if self.is_part else ''}.durations.json"

    @property
    def junit(self) -> Path:
        """pytest's JUnit file, for tests without a dictamen: unit, and the virtual machine's own tests."""
        return BUILD / f"log/test-{self.lab}.xml"

    @property
    def dictamen(self) -> Path:
        """The dictamen on the lab's server; only a whole run writes it."""
        return BUILD / f"dictamen/{self.lab}/demo.json"

    @property
    def results(self) -> Path:
        """The results file of the tests of the lab's server."""
        return self.dictamen.with_suffix(".results.json")

    @property
    def journals(self) -> Path:
        """The folder where molecule/shared/destroy.yml keeps the journals of the lab's hosts."""
        return BUILD / f"log/{self.lab}"

    @cached_property
    def scratch(self) -> Path | None:
        """The folder in memory where the unit tests keep what they make; None without room for it, and for the others.

        The programs under test write every file through to the disk; there that would also write out, each time, what
        the servers of the releases have not written yet.
        """
        if self.name != UNIT or not MEMORY.is_dir() or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
            return None
        has_room = shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED
        # A short name: a test's socket has a path of at most 108 bytes.
        return MEMORY / f"prep-{secrets.token_hex(4)}" if has_room else None

    @property
    def command(self) -> list[str]:
        """The command that runs the suite."""
        if self.name == UNIT:
            # The releases are what a run waits for.
            workers = ["--numprocesses=2", "--dist=loadfile"]
            memory = [f"--basetemp={self.scratch}"] if self.scratch else []
            return [*YIELDING, "pytest", "-q", "tests", *workers, *self._options, *memory, f"--junitxml={self.junit}"]
        scenario = "changed" if self.tests else MACHINE if self.name == MACHINE else "default"
        return ["molecule", "test", "--scenario-name", scenario]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables: a release, lab and Molecule state of its own, so that suites can run together."""
        values = {"LAB": self.lab, "MOLECULE_EPHEMERAL_DIRECTORY": str(BUILD / f"molecule/{self.lab}")}
        if self.name != UNIT:
            values |= MOLECULE
        if self.name not in (UNIT, MACHINE):
            values["HOST_SUITE"] = self.name
            if self._options:
                values["PYTEST_ADDOPTS"] = " ".join(self._options)
        if self.tests:
            values["TEST_FILES"] = " ".join(self.tests)
        return values

    @property
    def _options(self) -> list[str]:
        """The options of pytest for what it leaves out, and for the file with which it begins."""
        begin = [f"--begin={BEGIN[self.name]}"] if self.name in BEGIN else []
        return [*(f"--ignore={path}" for path in self.left_out), *begin]


def usual() -> list[str]:
    """Return the suites that run by default: on Ubuntu its own releases, elsewhere Debian's."""
    return [UNIT, *releases()]


class UnknownSuiteError(ValueError):
    """There is no suite of that name; the message lists those that exist."""


def named(names: Sequence[str]) -> list[Suite]:
    """Return the suites of these names, with the files of ONCE dealt out; UnknownSuiteError for an unknown name."""
    known = [*usual(), MACHINE]
    if unknown := [name for name in names if name not in known]:
        raise UnknownSuiteError(f"no existe la prueba {', '.join(unknown)}; las que hay: {', '.join(known)}")
    hands = [name for name in dict.fromkeys(names) if name in releases()]
    return [Suite(name, left_out=_elsewhere(name, hands)) for name in names]


def _elsewhere(name: str, hands: Sequence[str]) -> tuple[str, ...]:
    """Return the files of ONCE that fall to other suites than `name` when they are dealt out among `hands`."""
    if name not in hands:
        return ()
    return tuple(f"molecule/tests/{file}" for turn, file in enumerate(ONCE) if hands[turn % len(hands)] != name)


def releases() -> Sequence[str]:
    """Return the releases of the machine's own distribution."""
    return RELEASES["ubuntu" if "ID=ubuntu" in Path("/etc/os-release").read_text() else "debian"]


def last_record(suite: Suite) -> Record | None:
    """Return the record of the suite's last run, if there is one."""
    return Record.model_validate_json(suite.record.read_text()) if suite.record.exists() else None
