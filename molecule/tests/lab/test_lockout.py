"""The operator gets in again after every mistake: each is made on purpose, on a server that was in order.

Mistakes are made from the operator's machine, as in real life. The server is inspected from the machine that runs
the lab, because SSH may be shut meanwhile.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_kit import ansible, start
from interpreter_kit import Running
from site_runs import NO_SCAN, roles_path

from difusor.lab import night
from difusor.project import ROOT
from difusor.suite.waiting import until

INVENTORY = "inventories/demo"
LIMIT = 120  # seconds within which the operator must get in again
ROLLBACK = 10  # seconds until a killed run's change is undone; a server waits 90, which would slow the test

Record = Callable[[object], None]
pytestmark = pytest.mark.clause("SW-03")


class Operator:
    """The person who runs Ansible against the lab's server."""

    def __init__(self, variables: dict[str, Any], folder: Path, roles: Path) -> None:
        """Keep the server's variables, a folder for temporary files, and the one for changed copies of roles."""
        self.variables = variables
        self.folder = folder
        self.roles = roles

    def start(self, *arguments: str, **values: Any) -> Running:
        """Start ansible-playbook with extra variables."""
        return start("playbook", *self._given(arguments, values), env=roles_path(self.roles))

    def run(self, *arguments: str, **values: Any) -> tuple[int, str]:
        """Run ansible-playbook to its end; return its exit status and what it printed."""
        done = ansible("playbook", *self._given(arguments, values), env=roles_path(self.roles), timeout=LIMIT)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def _given(self, arguments: tuple[str, ...], values: dict[str, Any]) -> list[str]:
        """Return the options of a run, and write its variables into the file that they name.

        Connections that an earlier run kept open are not used again: a firewall may have cut them. AIDE scans nothing
        after a run, since no test here reads what it would record.
        """
        given = self.folder / "values.json"
        given.write_text(json.dumps({"ansible_control_path_dir": str(self.folder), **values}))
        return ["-i", INVENTORY, "-e", f"@{given}", "--skip-tags", "authorise", *arguments]

    def change_role(self, name: str, path: str, old: str, new: str) -> None:
        """Have the runs use a copy of a role, in one of whose templates `old` is replaced by `new`."""
        copy = self.roles / name
        shutil.copytree(ROOT / "roles" / name, copy)
        template = copy / "templates" / path
        text = template.read_text()
        assert old in text
        template.write_text(text.replace(old, new))

    def enters(self, user: str = "", key: str = "", command: str = "sudo -n true") -> bool:
        """Return whether a new login and sudo work, for the operator or for another account and key."""
        wanted = self.variables
        ssh = [
            "ssh", *shlex.split(wanted["ansible_ssh_common_args"]), "-o", "BatchMode=yes", "-o", "ControlPath=none",
            "-o", "ConnectTimeout=2", "-i", key or wanted["ansible_ssh_private_key_file"],
            f"{user or wanted['ansible_user']}@{wanted['ansible_host']}", command,
        ]  # fmt: skip
        return subprocess.run(ssh, check=False, capture_output=True).returncode == 0

    def seconds_until_let_in(self, user: str = "") -> float:
        """Try to log in until it works, as for `enters`; return the seconds it took, and fail after LIMIT.

        The daemon listens nowhere for a moment, in which it takes up the configuration that came back.
        """
        start = time.monotonic()
        until(lambda: self.enters(user), what=f"{user or 'el operador'} pueda entrar", within=LIMIT, every=0.5)
        return round(time.monotonic() - start, 1)

    def console(self, script: str) -> str:
        """Run a script on the server without SSH, as by the console of a provider, which no firewall can block."""
        command = [*night.console(self.variables), "sh", "-eu"]
        return subprocess.run(command, input=script, check=True, capture_output=True, text=True, timeout=LIMIT).stdout


@pytest.fixture(scope="module")
def break_glass(variables: dict[str, Any]) -> Path:
    """Return the break-glass key: the emergency private key that the institute keeps offline."""
    return Path(variables["lab_dir"]) / "rescate"


@pytest.fixture(scope="module", autouse=True)
def restored(roles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Afterwards restore what the tests of this file change."""
    yield
    operator = Operator({}, tmp_path_factory.mktemp("operator"), roles)
    status, said = operator.run("site.yml", "--tags", "accounts,packages,pam,ssh,ufw")
    assert status == 0, said


@pytest.fixture
def operator(variables: dict[str, Any], roles: Path, tmp_path: Path) -> Iterator[Operator]:
    """Return the operator of a server that is in order; what a test changed in a role is gone after it."""
    yield Operator(variables, tmp_path, roles)
    shutil.rmtree(roles)
    roles.mkdir()


def test_wrong_trusted_list(operator: Operator, record_evidence: Record) -> None:
    """Con una lista confiable en la que falta el operador, la ejecución se niega antes de tocar el servidor."""
    before = operator.console("cat /etc/ufw/user.rules")
    status, said = operator.run("site.yml", election_trusted_addresses=[f"{operator.variables['lab_ipv4']}.20"])
    assert status != 0
    assert "no es una dirección confiable" in said
    assert operator.console("cat /etc/ufw/user.rules") == before
    record_evidence(f"se negó; se vuelve a entrar en {operator.seconds_until_let_in()} s")


def test_late_change_without_the_operator(operator: Operator, record_evidence: Record) -> None:
    """El cambio tardío de direcciones se niega si dejaría fuera a quien lo hace."""
    status, said = operator.run(
        "playbooks/trusted.yml", election_trusted_addresses=[f"{operator.variables['lab_ipv4']}.20"]
    )
    assert status != 0
    assert "quedaría fuera del servidor" in said
    record_evidence(f"se negó; se vuelve a entrar en {operator.seconds_until_let_in()} s")


def test_syntax_error_in_sshd(operator: Operator, record_evidence: Record) -> None:
    """Un error de sintaxis en la configuración de SSH se descubre antes de ponerla en vigor, y la anterior vuelve."""
    name = "etc/ssh/sshd_config.d/00-prep-difusor.conf"
    operator.change_role("ssh", f"{name}.j2", "PubkeyAuthentication yes", "PubkeyAuthentication perhaps")
    before = operator.console(f"cat /{name}")
    status, said = operator.run("site.yml", "--tags", "ssh")
    assert status != 0
    assert "rechazó la nueva configuración" in said
    assert operator.console(f"sshd -t; cat /{name}") == before
    record_evidence(f"se rechazó; se vuelve a entrar en {operator.seconds_until_let_in()} s")


def test_drop_in_of_cloud_init(operator: Operator, record_evidence: Record) -> None:
    """Un archivo de cloud-init que admite contraseñas y a root no gana a la configuración de SSH."""
    drop_in = "/etc/ssh/sshd_config.d/50-cloud-init.conf"
    # A restart returns when sshd is ready; a reload would return before sshd has read its files.
    operator.console(f"printf 'PasswordAuthentication yes\\nPermitRootLogin yes\\n' >{drop_in}; systemctl restart ssh")
    try:
        effective = operator.console("sshd -T").splitlines()
        assert {"passwordauthentication no", "permitrootlogin no"} <= set(effective)
        assert not operator.enters(user="root")
        record_evidence(f"no gana; se vuelve a entrar en {operator.seconds_until_let_in()} s")
    finally:
        operator.console(f"rm {drop_in}; systemctl restart ssh")


def test_break_glass_key(operator: Operator, break_glass: Path, record_evidence: Record) -> None:
    """Con la llave que el Instituto guarda fuera de línea se entra aunque la carpeta de su cuenta se haya perdido."""
    user = operator.variables["difusor_admin_user"]
    operator.console(f"mv /home/{user} /home/{user}.lost")
    try:
        assert not operator.enters(user=user, command="true")
        assert operator.enters(user=user, key=str(break_glass), command="true")
        record_evidence("se entra sin carpeta propia")
    finally:
        operator.console(f"mv /home/{user}.lost /home/{user}")


def test_wrong_key_in_the_inventory(operator: Operator, break_glass: Path, record_evidence: Record) -> None:
    """Si el inventario trae una llave que no es la del operador, la suya vuelve y la ejecución se detiene."""
    user = operator.variables["difusor_admin_user"]
    operator.console(f"echo '{user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/zzz-lockout")
    key = break_glass.with_suffix(".pub").read_text().strip()
    try:
        status, said = operator.run("site.yml", "--tags", "accounts", ansible_user=user, difusor_admin_keys=[key])
        assert status != 0
        assert "falta la llave con la que usted entra" in said
        record_evidence(f"volvió la anterior; se vuelve a entrar en {operator.seconds_until_let_in(user)} s")
        assert operator.enters()
    finally:
        operator.console("rm /etc/sudoers.d/zzz-lockout")


def test_the_institutes_account_is_shut_out(operator: Operator, record_evidence: Record) -> None:
    """Si la cuenta del Instituto no logra entrar, aunque el operador sí, el cambio de SSH se retira y se dice."""
    user, name = operator.variables["difusor_admin_user"], "/etc/ssh/sshd_config.d/00-prep-difusor.conf"
    keys = f"/home/{user}/.ssh/authorized_keys"
    before = operator.console(f"cat {name} {keys}")
    operator.console(f"chage --expiredate 1 {user}")  # as an outlet that lets accounts expire; a key does not help then
    try:
        status, said = operator.run("site.yml", "--tags", "ssh", difusor_ssh_password_login=True)
        assert status != 0
        assert f"La cuenta del Instituto, {user}, no logra entrar por SSH" in said
        assert "account has expired" in said, "no se dice la causa"
        assert operator.console(f"cat {name} {keys}") == before
    finally:
        operator.console(f"chage --expiredate -1 {user}")
    record_evidence(f"se retiró; se vuelve a entrar en {operator.seconds_until_let_in()} s")


# On a bare server, packages that the run installs also rewrite the PAM configuration.
BARE = """
rm /usr/share/pam-configs/prep-difusor-*
DEBIAN_FRONTEND=noninteractive apt-get -qq purge --yes libpam-pwquality >/dev/null 2>&1
DEBIAN_FRONTEND=noninteractive pam-auth-update --package
"""


@pytest.mark.parametrize("before", ["", BARE], ids=["servidor instalado", "servidor nuevo"])
def test_sudo_broken_by_pam(operator: Operator, before: str, record_evidence: Record) -> None:
    """Una configuración de PAM con la que sudo dejaría de funcionar se retira en el acto."""
    operator.console(before)
    operator.change_role(
        "pam",
        "usr/share/pam-configs/prep-difusor-faillock-notify",
        "required pam_faillock.so",
        "requisite pam_deny.so",
    )
    status, said = operator.run("site.yml", "--tags", "packages,pam")
    assert status != 0
    operator.console(NO_SCAN)
    assert "sudo no admite la configuración nueva de PAM" in said
    record_evidence(f"se retiró; se vuelve a entrar y a ser root en {operator.seconds_until_let_in()} s")


@pytest.fixture
def short_rollback(operator: Operator) -> Iterator[None]:
    """Have the server undo an unproved change soon. Only for a run that is killed: another may take longer to prove."""
    guard = "/usr/local/sbin/prep-rollback"
    change = f"sed -i 's/--on-active=[0-9]*/--on-active={ROLLBACK}/' {guard}"
    operator.console(f"cp -p {guard} /run/prep-rollback; {change}; grep -q 'active={ROLLBACK} ' {guard}")
    yield
    operator.console(f"mv /run/prep-rollback {guard}")


@pytest.mark.usefixtures("short_rollback")
@pytest.mark.timing(
    "el servidor vuelve a admitir a los diez segundos: una máquina ocupada puede no ver cerrada la puerta"
)
def test_a_run_killed_after_it_shut_the_operator_out(operator: Operator, record_evidence: Record) -> None:
    """Si la ejecución muere con un cortafuegos que deja fuera al operador, el servidor mismo lo vuelve a admitir."""
    ours, other = (f"{operator.variables['lab_ipv4']}.{number}" for number in (1, 20))
    # The operator states a wrong own address, so that the run cannot refuse in advance.
    running = operator.start("playbooks/trusted.yml", election_trusted_addresses=[other], ufw_operator_address=other)
    try:
        admitted = f"^### tuple ### allow tcp 22 .* {ours} "
        until(
            lambda: operator.console(f"grep '{admitted}' /etc/ufw/user.rules || true"),
            lambda rules: not rules,
            what="el cortafuegos deje de admitir al operador",
        )
    finally:
        running.kill()
        running.wait()
    # UFW's files are written first; the kernel has the rules a moment later.
    until(operator.enters, lambda enters: not enters, what="la puerta se cierre", within=ROLLBACK / 2)
    record_evidence(f"la puerta se cerró; se vuelve a entrar en {operator.seconds_until_let_in()} s")
