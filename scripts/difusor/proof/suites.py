"""The suites: what each one runs, and where it leaves what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from difusor.project import BUILD
from difusor.proof.phases import Record

RELEASES = {
    # Ubuntu 22.04 sits between Debian 11 and 12; Debian 13 stands for 24.04 and 26.04.
    "debian": ("bookworm", "bullseye", "trixie"),
    "ubuntu": ("jammy", "noble"),
}
MACHINE = "vm"
"""The suite of the virtual machine, whose release is the machine's own."""
UNIT = "unit"
"""The suite that needs no server: everything below tests/, the house rules and the linters among it."""
ONCE = {
    "lab/test_preflight.py": "the controller judges what was read of a server; the releases are the test's own data",
    "lab/test_baseline.py": "compares two looks at the same server, whatever it runs",
}
"""Test files that depend on no release and carry no clause, and why; they run on the first release of a run only."""
MOLECULE = {
    # One line of output stays one line of the log: what is read from it is neither framed, folded nor coloured.
    "MOLECULE_COMMAND_BORDERS": "false",
    "NO_COLOR": "1",
}


@dataclass(frozen=True)
class Suite:
    """One suite by its name: unit, vm, or a release.

    `tests` are the files of a release's suite, if not all. One that does not lead leaves out what runs ONCE.
    """

    name: str
    tests: tuple[str, ...] = ()
    leads: bool = True

    @property
    def log(self) -> Path:
        """Everything the suite printed."""
        return BUILD / f"log/test-{self.name}.log"

    @property
    def record(self) -> Path:
        """What its phases took in the last run (phases.Record); of a part of a suite it stands apart."""
        return BUILD / f"log/test-{self.name}{'-changed' if self.tests else ''}.durations.json"

    @property
    def junit(self) -> Path:
        """What pytest found outside a dictamen: unit, and the trials of the virtual machine."""
        return BUILD / f"log/test-{self.name}.xml"

    @property
    def dictamen(self) -> Path:
        """What the scenario's dictamen says of the lab's server; only of a whole run."""
        return BUILD / f"dictamen/{self.name}/demo.json"

    @property
    def results(self) -> Path:
        """What the tests of the lab's server found."""
        return self.dictamen.with_suffix(".results.json")

    @property
    def journals(self) -> Path:
        """The folder where molecule/shared/destroy.yml keeps the journals of the lab's hosts."""
        return BUILD / f"log/{self.name}"

    @property
    def command(self) -> list[str]:
        """What runs it."""
        if self.name == UNIT:
            return ["pytest", "-q", "tests", f"--junitxml={self.junit}"]
        scenario = "changed" if self.tests else MACHINE if self.name == MACHINE else "default"
        return ["molecule", "test", "--scenario-name", scenario]

    @property
    def environment(self) -> dict[str, str]:
        """Each suite has its own release, lab and state of Molecule, so that several may run side by side."""
        values = {"LAB": self.name, "MOLECULE_EPHEMERAL_DIRECTORY": str(BUILD / f"molecule/{self.name}")}
        if self.name != UNIT:
            values |= MOLECULE
        if self.name not in (UNIT, MACHINE):
            values["HOST_SUITE"] = self.name
        if not self.leads:
            values["PYTEST_ADDOPTS"] = " ".join(f"--ignore=molecule/tests/{name}" for name in ONCE)
        if self.tests:
            values["TEST_FILES"] = " ".join(self.tests)
        return values


def usual() -> list[str]:
    """Return the suites that run without being named: on Ubuntu its own releases, elsewhere Debian's."""
    return [UNIT, *releases()]


class UnknownSuiteError(ValueError):
    """There is no suite of that name; the message says which there are."""


def named(names: Sequence[str]) -> list[Suite]:
    """Return the suites of these names, the first release among them leading; UnknownSuiteError for a name of none."""
    known = [*usual(), MACHINE]
    if unknown := [name for name in names if name not in known]:
        raise UnknownSuiteError(f"no existe la prueba {', '.join(unknown)}; las que hay: {', '.join(known)}")
    leader = next((name for name in names if name in releases()), None)
    return [Suite(name, leads=name == leader or name not in releases()) for name in names]


def releases() -> Sequence[str]:
    """Return the releases of the machine's own distribution."""
    return RELEASES["ubuntu" if "ID=ubuntu" in Path("/etc/os-release").read_text() else "debian"]


def last_record(suite: Suite) -> Record | None:
    """Return what the suite took the last time, if it is known."""
    return Record.model_validate_json(suite.record.read_text()) if suite.record.exists() else None
