"""Tests that need a virtual machine with its own kernel: refused modules, cut power, a full disk, a restart."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from corte_fixtures import get
from site_runs import changed_tasks
from testinfra.host import Host

from corte.format import instants, manifest, record
from corte.format.manifest import Window
from corte.server.config import PATH as CONFIG
from difusor.lab import night
from difusor.project import ROOT
from difusor.publish import signing
from difusor.publish.mirror import Mirror, last_number
from difusor.publish.push import PushFailed, push
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.suite.waiting import until

pytestmark = pytest.mark.vm

Record = Callable[[object], None]
PATIENCE = 600.0
"""Seconds that each step may take: an emulated machine is ten times slower than a server."""
LIFETIME = 11
"""Seconds after which nginx renews what it keeps of the application."""
AHEAD = timedelta(minutes=3)
"""How long before its opening a window is set: enough to push a corte to an emulated machine and start it anew."""

# Runs on the server, because asking from here may take longer than the unpacking lasts.
AWAIT_UNPACKING = """
for _ in {1..2000}; do
    pgrep -f 'dpkg .*--unpack' && exit
    sleep 0.2  # pace: between two looks
done
echo 'no package was unpacked; what runs:' && ps -e -o pid,args && exit 1
"""
BLOCKED = ("cramfs", "dccp", "freevxfs", "hfs", "hfsplus", "jffs2", "rds", "sctp", "tipc", "usb-storage")


@pytest.mark.clause("RED-03")
def test_kernel_refuses_rare_modules(host: Host, record_evidence: Record) -> None:
    """El núcleo no carga los módulos bloqueados aunque root los pida."""
    present = [name for name in BLOCKED if host.run(f"modinfo -n {name}").rc == 0]
    host.run(f"for name in {' '.join(BLOCKED)}; do modprobe $name; done")
    loaded = {line.split()[0] for line in host.check_output("cat /proc/modules").splitlines()}
    record_evidence(
        f"de los bloqueados, el núcleo trae {', '.join(present)}; cargó {loaded & set(BLOCKED) or 'ninguno'}"
    )
    assert present
    assert not loaded & {name.replace("-", "_") for name in BLOCKED}


@pytest.mark.clause("SW-05")
def test_a_change_is_audited_with_its_author(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Un cambio en lo que la auditoría vigila aparece en ella, con su autor."""
    host.check_output("chmod --reference=/etc/prep-corte/allowed_signers /etc/prep-corte/allowed_signers")
    # The kernel may hand an audit record to auditd a moment later.
    search, author = "ausearch --input-logs -k prep-corte -ts recent -i", f"auid={variables['ansible_user']}"
    seen = until(
        lambda: host.run(search).stdout,
        lambda told: "/etc/prep-corte/allowed_signers" in told and author in told,
        what="la auditoría diga qué se cambió y quién",
        every=1,
    )
    record_evidence(seen[-400:])


# These two tests judge the last start of the server, which in the lab came after the installation.
@pytest.mark.clause("RED-03", "RED-04")
def test_firewall_stands_before_the_network(host: Host, record_evidence: Record) -> None:
    """Al arrancar, el cortafuegos estuvo en vigor antes que la red y que todo servicio que escucha."""
    since = {unit: _moment(host, unit) for unit in ("ufw", "network-pre.target", "ssh", "nginx", "rsync", "docker")}
    policy = host.check_output("iptables -S INPUT | head -n 1")
    record_evidence({**since, "INPUT": policy})
    assert policy == "-P INPUT DROP"
    assert min(since, key=since.__getitem__) == "ufw"


@pytest.mark.clause("SW-02", "DG-02")
def test_everything_starts_with_the_server(host: Host, record_evidence: Record) -> None:
    """Ningún servicio falló al arrancar, y los contenedores, hechos antes, están en marcha y sanos."""
    boot = int(host.check_output("sed -n 's/^btime //p' /proc/stat"))
    failed = host.check_output("systemctl list-units --failed --plain --no-legend")
    identities = host.check_output("docker ps --quiet --filter label=prep-difusor.role").split()
    containers = json.loads(host.check_output(f"docker inspect {' '.join(identities)}"))
    created = {each["Name"]: datetime.fromisoformat(each["Created"]).timestamp() for each in containers}
    record_evidence(f"arranque {boot}; contenedores {created}; {failed or 'nada falló'}")
    assert failed == ""
    assert len(containers) == 2
    assert max(created.values()) < boot
    assert all(each["State"]["Health"]["Status"] == "healthy" for each in containers)


def _moment(host: Host, unit: str) -> int:
    """Return when a unit had started, in microseconds since the kernel started."""
    return int(host.check_output(f"systemctl show -p ActiveEnterTimestampMonotonic --value {unit}"))


@dataclass
class Machine:
    """The lab's virtual machine and its mirror."""

    variables: dict[str, Any]
    mirror: Mirror
    target: Target
    base: str
    folder: Path
    new_folder: Callable[[], Path]
    """Makes a folder whose name is short, as a socket's path has to be."""

    def run(self, script: str) -> str:
        """Run a script on the machine by its console."""
        command = [*night.console(self.variables), "bash", "-eu"]
        done = subprocess.run(command, input=script, check=False, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def await_unpacking(self, run: subprocess.Popen[str]) -> None:
        """Wait until dpkg unpacks a package for a run of site.yml; fail if that ends before."""
        command = [*night.console(self.variables), "bash", "-c", AWAIT_UNPACKING]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as looking:
            try:
                until(
                    lambda: (looking.poll(), run.poll()),
                    lambda ended: ended != (None, None),
                    what="dpkg desempaque un paquete",
                    within=PATIENCE,
                    every=0.1,
                )
                assert run.poll() is None, run.communicate()[0]
                assert looking.returncode == 0, looking.communicate()[0]
            finally:
                looking.kill()

    def power(self, verb: str) -> None:
        """Cut the machine's power (`kill`) or turn it on again (`start`)."""
        subprocess.run(["docker", verb, f"prep-{self.variables['lab']}-difusor"], check=True, capture_output=True)

    def start_site(self, *arguments: str, **values: Any) -> subprocess.Popen[str]:
        """Start a run of site.yml in a process group of its own."""
        return subprocess.Popen(
            ["ansible-playbook", "-i", night.INVENTORY, "site.yml", *arguments, "-e", json.dumps(values)],
            cwd=ROOT, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            # A connection of an earlier run is not used again: the machine may have lost power since.
            env={**os.environ, "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.new_folder())},
        )  # fmt: skip

    def site(self, *arguments: str, **values: Any) -> tuple[int, str]:
        """Run site.yml to its end; return its exit status and its output in one line."""
        process = self.start_site(*arguments, **values)
        said = process.communicate(timeout=3 * PATIENCE)[0]
        return process.returncode, " ".join(said.split())

    def answer(self) -> httpx.Response | None:
        """Ask for the results as a citizen; return None if the server does not answer."""
        try:
            return get(self.mirror, self.base + manifest.NAME)
        except httpx.TransportError:
            return None

    def served(self) -> str:
        """Return the SHA-256 of the manifest that citizens get; wait until the page answers."""
        answer = until(
            lambda: get(self.mirror, self.base + manifest.NAME),
            lambda answer: answer.status_code == 200,
            what="la ciudadanía reciba resultados",
            within=PATIENCE,
            every=0.5,
            despite=(httpx.TransportError,),
        )
        return manifest.digest(answer.content)

    def push(self, target: Target, sequence: int, corte: datetime | None = None) -> tuple[str, SignedCorte]:
        """Sign the lab's latest tree and a new file as corte `sequence`, push it, return the result and the corte."""
        tree = max((night.folder(self.variables["lab"]) / "cortes").iterdir())
        copy = self.folder / "corte"
        shutil.copytree(tree, copy, dirs_exist_ok=True)
        (copy / "prueba.bin").write_bytes(os.urandom(100))
        signed = signing.sign(copy, target.election, Path(self.variables["lab_dir"]) / "firma", sequence, corte)
        before = last_number(self.mirror.status())
        push(signed.folder, target)
        return self.mirror.await_word(signed, before, PATIENCE)[0], signed


@pytest.fixture
def machine(
    variables: dict[str, Any],
    mirror: Mirror,
    target: Target,
    base: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Machine:
    """Return the lab's virtual machine, which shows a corte."""
    return Machine(variables, mirror, target, base, tmp_path, partial(tmp_path_factory.mktemp, "cp"))


@pytest.fixture
def window_ahead(machine: Machine) -> Iterator[Window]:
    """Give the server a window that opens in some minutes; afterwards its own, by a run of the site."""
    opens = instants.now().replace(microsecond=0) + AHEAD
    window = Window(opens, opens + timedelta(hours=1), opens + timedelta(hours=2))
    expected = json.loads(machine.run(f"cat {CONFIG}"))["value"]
    written = record.content({**expected, **window.to_json()}).decode()
    machine.run(f"cat >{CONFIG} <<'END'\n{written}END\nsync && systemctl restart prep-corte-gate.service")
    yield window
    status, said = machine.site("--tags", "corte")
    assert status == 0, said
    night.publish_latest(machine.variables["lab"])


@pytest.mark.timing("la apertura se fija antes de configurar la máquina, que emulada puede tardar más en quedar lista")
@pytest.mark.clause("DG-05")
def test_gate_across_a_power_cut(machine: Machine, window_ahead: Window, record_evidence: Record) -> None:
    """Sin corriente cerca de la apertura, nada se entrega antes de su instante, y después todo, sin ayuda."""
    opens = window_ahead.opens.timestamp()
    target = replace(machine.target, election=machine.target.election.within(window_ahead))
    word, signed = machine.push(target, sequence=1, corte=window_ahead.opens)
    assert word == "held"
    machine.power("kill")
    assert time.time() < opens, "the machine was not ready in time"
    machine.power("start")
    seen: dict[object, float] = {}

    def look() -> httpx.Response | None:
        answer = machine.answer()
        seen.setdefault(answer and answer.status_code, round(time.time() - opens))
        return answer

    shown = until(
        look,
        lambda answer: answer is not None and answer.status_code == 200,
        what="la página abra",
        within=opens + PATIENCE - time.time(),
        every=0.5,
    )
    late = time.time() - opens
    record_evidence(f"segundos desde la apertura: {seen}; primer resultado {late:+.1f}")
    assert late >= 0
    assert shown is not None and manifest.digest(shown.content) == signed.sha256


@pytest.mark.clause("DG-04", "DG-11")
def test_full_disk(machine: Machine, status: dict[str, Any], record_evidence: Record) -> None:
    """Con el disco lleno se entra y la página sigue; el envío se niega con su motivo y, al haber espacio, llega."""
    shown, following = machine.served(), status["shown"]["sequence"] + 1
    machine.run("fallocate -l $(($(stat -f -c '%a*%S' /) - 100000000)) /lleno")
    try:
        with pytest.raises(PushFailed, match="espacio en disco") as refused:
            machine.push(machine.target, following)
        machine.run(
            "head -c 1G /dev/zero >>/lleno || true; su operador -c 'sudo -n true'; systemctl is-active auditd nginx"
        )
        assert machine.served() == shown
        time.sleep(LIFETIME)  # pace: by then nginx has to renew all that it keeps
        page = get(machine.mirror, machine.base)
        loaded = re.findall(r'="([\w.]+[.](?:css|js|svg))"', page.text)
        answers = {name: get(machine.mirror, machine.base + name).status_code for name in ["", *loaded]}
    finally:
        machine.run("rm /lleno")
    assert len(answers) > 1 and set(answers.values()) == {200}, answers
    record_evidence(str(refused.value))
    assert machine.push(machine.target, following)[0] == "shown"


@pytest.mark.clause("SW-02", "DG-07")
def test_power_cut_during_a_run(machine: Machine, record_evidence: Record) -> None:
    """Se va la corriente mientras se instalan paquetes: la ejecución siguiente termina, la otra nada cambia."""
    machine.run("DEBIAN_FRONTEND=noninteractive apt-get -qq purge --yes fail2ban rsync >/dev/null 2>&1")
    with machine.start_site() as interrupted:
        machine.await_unpacking(interrupted)
        machine.power("kill")
        os.killpg(interrupted.pid, signal.SIGKILL)
    machine.power("start")
    left = machine.run("dpkg --audit")
    status, said = machine.site()
    assert status == 0, said
    status, said = machine.site()
    record_evidence(
        f"quedó a medias: {' '.join(left.split()) or 'nada'}; después: {said[said.rindex('PLAY RECAP') :][:200]}"
    )
    assert status == 0, said
    assert " changed=0 " in said[said.rindex("difusor :") :], changed_tasks(said)
    machine.served()
