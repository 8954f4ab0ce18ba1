"""Fixtures for tests that alter a lab's server: the lab's signing key, and runs of playbooks with other values."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_kit import ansible
from site_runs import LONGEST, NO_SCAN, fault, roles_path
from testinfra.host import Host

from difusor.lab import night
from difusor.suite.waiting import until

Play = Callable[..., subprocess.CompletedProcess[str]]
Site = Callable[..., str]
UNREAD = ("--skip-tags", "authorise")
"""Options of runs after which no test reads AIDE's record: a scan of all programs takes two seconds of a processor."""
AT_BOOT = "/etc/systemd/system/multi-user.target.wants/aidecheck.service"
# Opens connections to SSH and says nothing.
SILENT = """
import socket, sys, time
held = [socket.create_connection((sys.argv[1], 22)) for _ in range(20)]
time.sleep(60)  # pace: as long as the test may take
"""


@pytest.fixture
def key(variables: dict[str, Any]) -> Path:
    """Return the path of the lab's own signing key."""
    return Path(variables["lab_dir"]) / "firma"


@pytest.fixture
def authority(variables: dict[str, Any]) -> Path:
    """Return the path of the certificate of the lab's own authority, which this machine does not trust."""
    return Path(variables["lab_dir"]) / "tls/ca.pem"


@pytest.fixture
def silent_connections(trusted: Host, variables: dict[str, Any]) -> Iterator[int]:
    """Have a trusted host open twenty connections to SSH and say nothing; return how many it holds."""
    trusted.check_output("systemd-run --quiet --unit=callado python3 -c %s %s", SILENT, variables["ansible_host"])
    count = "ss --no-header --tcp state established dport = :22 | wc --lines"
    try:
        yield until(
            lambda: int(trusted.check_output(count)),
            lambda held: held >= 10,
            what="las conexiones calladas estén abiertas",
        )
    finally:
        trusted.check_output("systemctl stop callado")


@pytest.fixture(scope="module")
def no_check_at_boot(variables: dict[str, Any]) -> Iterator[None]:
    """Keep AIDE from comparing all programs after each start: it takes two seconds of a processor, unread."""
    console = night.console(variables)
    subprocess.run([*console, "rm", AT_BOOT], check=True)
    yield
    console = night.console(variables)  # the server was started again meanwhile
    subprocess.run([*console, "ln", "--symbolic", "../aidecheck.service", AT_BOOT], check=True)


@pytest.fixture(scope="session")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of changed copies of roles, which is empty but for those that a test makes and deletes."""
    return tmp_path_factory.mktemp("roles")


@pytest.fixture(scope="module")
def play(pytestconfig: pytest.Config, roles: Path, tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Return a function that runs a playbook, given with its options, with other values for some variables.

    All runs of a worker are forks of one Python that has imported Ansible, since importing it takes a tenth of a run.
    """
    values_file = tmp_path_factory.mktemp("play") / "values.json"

    def run(playbook: str, values: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
        values_file.write_text(json.dumps(values))
        given = ("-i", pytestconfig.option.ansible_inventory, *options, "--extra-vars", f"@{values_file}")
        return ansible("playbook", playbook, *given, env=roles_path(roles), timeout=LONGEST)

    return run


@pytest.fixture(scope="module")
def run_site(host: Host, play: Play) -> Site:
    """Return a function that runs site.yml with other values for some variables and returns what it printed."""

    def run(values: dict[str, Any] | None = None, *options: str) -> str:
        result = play("site.yml", values or {}, *UNREAD, *options)
        assert result.returncode == 0, fault(result.stdout) or result.stdout + result.stderr
        host.run(NO_SCAN)
        return result.stdout + result.stderr

    return run


@pytest.fixture
def site(run_site: Site) -> Iterator[Site]:
    """Return the function `run_site`; if its last run used other values, one with the inventory's own follows."""
    last: dict[str, Any] = {}

    def run(values: dict[str, Any] | None = None, *options: str) -> str:
        last.clear()
        last.update(values or {})
        return run_site(values, *options)

    yield run
    if last:
        run_site()
