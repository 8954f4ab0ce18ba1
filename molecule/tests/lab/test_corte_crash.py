"""The crash table on a whole server: after each accident the last good corte is served and the next push is shown."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from corte_fixtures import WAIT, await_status, base_of, fill, get

from corte.format import manifest
from corte.format.manifest import Entry
from corte.server.config import PATH as CONFIG
from difusor import inventory
from difusor.lab import night
from difusor.publish import signing
from difusor.publish.mirror import Mirror, last_number
from difusor.publish.push import PushFailed, push
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.suite.waiting import until

pytestmark = [pytest.mark.clause("DG-04", "DG-11"), pytest.mark.usefixtures("no_check_at_boot")]

Record = Callable[[object], None]
TREE = "/srv/prep/publico/actual"
READ = f"cd {TREE} && find . -type f ! -name '*.gz' -exec sha256sum {{}} + && printf '\\0' && cat {manifest.NAME}"
"""Prints SHA-256 and path of every file of the shown corte, but of its compressed copies, a zero byte, the manifest."""
OWN = "prueba.bin"
"""The file in which each pushed corte differs from the one before."""
DAEMON = "/etc/rsyncd.conf"
HALTING = """import os, re, runpy, signal, sys
def halt(event, details):
    if event.startswith('os.') and re.search({moment!r}, ' '.join(map(str, (event, *details)))):
        os.kill(os.getpid(), signal.SIGSTOP)
sys.addaudithook(halt)
sys.argv[1:] = ['intake']
runpy.run_module('corte', run_name='__main__', alter_sys=True)
"""
"""The real intake, run so that it stops itself (SIGSTOP) before the first call that matches a moment."""
MOMENTS = {
    "empieza": r"os\.rename corte\.json\.sig ",
    "copia": r"os\.link .*/nuevo/arbol/",
    "cambia": r"os\.rename .*/publico/actual ",
}
"""Name and audit event of Python of three moments: claiming the signature, filling the new tree, switching to it."""
HALT = """
cat >/run/prep-halting.py
unit=/run/systemd/system/prep-corte-intake.service.d/halt.conf
if ! test -e $unit; then
install -D -m 644 /dev/stdin $unit <<END
[Service]
ExecStart=
ExecStart=/usr/bin/python3 -B /run/prep-halting.py
END
systemctl daemon-reload
fi"""
GO_ON = "sed -i /addaudithook/d /run/prep-halting.py"
"""Lets the next intake run to its end; systemd need not read all its files for that, as to undo HALT."""
UNHALT = "rm -rf /run/prep-halting.py /run/systemd/system/prep-corte-intake.service.d; systemctl daemon-reload"
INTAKE = "prep-corte-intake.service"
WRITERS = "prep-corte-gate.service prep-corte-intake.path rsync.service"
STOP = f"systemctl stop {WRITERS} {INTAKE}"
STARTS = (
    f"journalctl --quiet --output=cat --since=@{{since:.3f}} UNIT={INTAKE} MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5"
)
"""Prints a line for each time that systemd began to start the intake since an instant."""
WATCHED = 3
"""Seconds for which they are counted; the intake that was started again at once was so up to 42 times in six."""


@dataclass
class LabServer:
    """The lab's server: controlled from the machine that runs its container, observed as by institute and citizens."""

    variables: dict[str, Any]
    mirror: Mirror
    target: Target
    base: str
    key: Path
    folder: Path
    console: list[str] | None = None
    """The start of a command line that runs on the server, until it is started again."""

    @property
    def container(self) -> str:
        """Return the name of its container."""
        return f"prep-{self.variables['lab']}-{self.variables['inventory_hostname']}"

    def run(self, command: str, given: str = "") -> str:
        """Run a shell command on the server and return what it prints; `given` is its input."""
        return _run(*self._entered(), "bash", "-euc", command, given=given)

    def _entered(self) -> list[str]:
        self.console = self.console or night.console(self.variables)
        return self.console

    def following(self, size: int = 100) -> SignedCorte:
        """Wait until no push is under way; sign the next corte: the shown files and one of `size` random bytes."""
        self.await_verdict()
        shown, content = manifest.read(self.run(f"cat {TREE}/{manifest.NAME}").encode()), os.urandom(size)
        own = {OWN: Entry(size, manifest.digest(content))}
        files = {**shown.files, **own}
        # All but its own are the last one's. To copy and hash those, too, would take longer than the push.
        if files != {**self._copied(), **own}:
            self._copy()
        (self.folder / OWN).write_bytes(content)
        accepted = until(
            lambda: self.run("grep -om1 '\"sequence\": [0-9]*' /srv/prep/almacen/state.json || true"),
            what="el servidor vuelva a anotar lo que ha aceptado",
        )
        number, read = int(accepted.split()[-1]) + 1, signing.Contents(files, ())
        return signing.sign(self.folder, self.target.election, self.key, number, shown.corte, read=read)

    def _copied(self) -> Mapping[str, Entry]:
        """Return the files of the last corte made on this machine."""
        last = self.folder / manifest.NAME
        return manifest.read(last.read_bytes()).files if last.exists() else {}

    def _copy(self) -> None:
        """Copy the files of the shown corte to this machine."""
        copy = self.folder.with_name("copia")
        for folder in filter(Path.exists, (self.folder, copy)):
            shutil.rmtree(folder)
        copy.mkdir()
        # By the console, because the engine begins three programs for `docker cp`.
        pack = [*self._entered(), "tar", "--create", f"--directory={TREE}", "."]
        # The server may look at its shown files again meanwhile and link, close or replace some, and then tar fails.
        packed = until(
            lambda: subprocess.run(pack, capture_output=True, timeout=WAIT),
            lambda done: done.returncode == 0,
            what="el corte publicado no cambie mientras se copia",
        )
        subprocess.run(["tar", "--extract", f"--directory={copy}"], check=True, input=packed.stdout, timeout=WAIT)
        for path in manifest.read((copy / manifest.NAME).read_bytes()).files:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(copy / path, self.folder / path)

    def await_verdict(self) -> None:
        """Wait until the intake has judged every pushed corte."""
        waits = f"[[ -e /srv/prep/entrada/{manifest.SIGNATURE_NAME} ]] && echo waits"
        busy = f"systemctl is-active {INTAKE} | grep -x activating"
        until(
            lambda: self.run(f"{waits} || {busy} || true").strip(),
            lambda said: not said,
            what="el servidor termine con el corte que recibió",
        )

    def push_and_halt(self, moment: str) -> SignedCorte:
        """Push the next corte and return it when the intake has stopped at a moment (see MOMENTS)."""
        signed = self.following(size=2_000_000)
        self.run(HALT, given=HALTING.format(moment=MOMENTS[moment]))
        push(signed.folder, self.target)
        state = f"ps --no-headers -o stat -p $(systemctl show --property MainPID --value {INTAKE}) || true"
        until(
            lambda: self.run(state).strip(),
            lambda told: told.startswith("T"),
            what=f"quien verifica llegue al momento en que {moment}",
        )
        return signed

    def shown(self) -> str:
        """Check every byte of the shown corte, read on the server; return its manifest's SHA-256."""
        hashed, raw = self.run(READ).split("\0")
        found = {path: digest for digest, path in (line.split("  ./") for line in hashed.splitlines())}
        wrong = [path for path, each in manifest.read(raw.encode()).files.items() if found.get(path) != each.sha256]
        assert not wrong
        return manifest.digest(raw.encode())

    def served(self) -> str:
        """Return the SHA-256 of the manifest that citizens get; wait until the page answers."""
        answer = until(
            lambda: get(self.mirror, self.base + manifest.NAME),
            lambda answer: answer.status_code == 200,
            what="la ciudadanía reciba resultados otra vez",
            despite=(httpx.TransportError,),
        )
        return manifest.digest(answer.content)

    def cut_power(self) -> None:
        """Kill every process of the server at once, start the server, and wait until it serves results."""
        _run("docker", "kill", self.container)
        _run("docker", "start", self.container)
        self.console = None
        self.served()

    def assert_mended(self) -> None:
        """Push the next corte without any repair, and check that it is shown and served."""
        signed = self.following()
        before = last_number(self.mirror.status())
        push(signed.folder, self.target)
        word, status = self.mirror.await_word(signed, before, WAIT)
        assert word == "shown", status.get("last_attempt")
        assert self.shown() == signed.sha256


@pytest.fixture(scope="module")
def server(variables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """Return the lab's server, which shows a corte."""
    target = Target.of(inventory.Host.of(variables["inventory_hostname"], variables))
    key, folder = Path(variables["lab_dir"]) / "firma", tmp_path_factory.mktemp("crash") / "corte"
    with Mirror(target, forgiving=True) as mirror:
        assert (mirror.status() or {}).get("shown")
        yield LabServer(variables, mirror, target, base_of(mirror, variables), key, folder)


@pytest.fixture
def halting(server: LabServer) -> Iterator[Callable[[str], SignedCorte]]:
    """Return the function `push_and_halt`; afterwards nothing halts the intake any more."""
    yield server.push_and_halt
    server.run(f"if test -e /run/prep-halting.py; then {UNHALT}; fi")


def test_power_cut_during_a_push(server: LabServer, record_evidence: Record) -> None:
    """El servidor pierde la corriente a media transferencia: al volver sirve un corte entero y recibe el siguiente."""
    before = server.shown()
    signed = server.following(size=2_000_000)
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(_push, signed, server.target, bandwidth=300)
        until(
            lambda: server.run("ls -A /srv/prep/entrada").split(),
            lambda names: any(name.startswith(f".{OWN}") for name in names),
            what="el envío vaya a la mitad",
        )
        server.cut_power()
        # The push repeats itself as soon as the server is back: on a busy machine it may arrive before one has looked.
        found = {server.served(), server.shown()}
        record_evidence(f"sirve {before[:12]}; el envío: {sending.result() or 'se repitió y llegó'}")
        assert found <= {before, signed.sha256}
    server.assert_mended()


@pytest.mark.parametrize("moment", MOMENTS)
def test_power_cut_during_the_intake(
    server: LabServer, halting: Callable[[str], SignedCorte], moment: str, record_evidence: Record
) -> None:
    """El servidor pierde la corriente mientras verifica y publica: sirve entero el corte anterior o el nuevo."""
    before = server.shown()
    signed = halting(moment)
    server.cut_power()
    after = server.shown()
    record_evidence(f"cuando {moment}: sirve el {'nuevo' if after == signed.sha256 else 'anterior'}")
    assert after in (before, signed.sha256)
    server.assert_mended()


def test_intake_killed(server: LabServer, halting: Callable[[str], SignedCorte], record_evidence: Record) -> None:
    """Quien verifica muere en varios momentos: se sirve entero el corte anterior o el nuevo, y el siguiente llega."""
    found = []
    for moment in MOMENTS:
        before = server.shown()
        signed = halting(moment)
        server.run(GO_ON)
        server.run(f"systemctl kill --signal=KILL {INTAKE}")
        server.await_verdict()
        after = server.shown()
        found.append((moment, "nuevo" if after == signed.sha256 else "anterior"))
        assert after in (before, signed.sha256)
    record_evidence(found)
    server.run(UNHALT)
    server.assert_mended()


def test_gate_killed(server: LabServer, record_evidence: Record) -> None:
    """La compuerta muere: vuelve sola, no cambia lo que se sirve, y el siguiente corte se publica."""
    before = server.shown()
    old = server.run("systemctl show -p MainPID --value prep-corte-gate.service")
    server.run("systemctl kill --signal=KILL prep-corte-gate.service")
    until(
        lambda: server.run("systemctl show -p MainPID --value prep-corte-gate.service"),
        lambda process: process not in (old, "0\n"),
        what="la compuerta vuelva",
    )
    await_status(server.mirror, lambda status: status["gate"]["state"] == "open", "la compuerta se diga abierta")
    record_evidence(f"sirve {before[:12]}")
    assert server.served() == before
    server.assert_mended()


def test_the_unit_that_waits_for_cortes_is_started_again(server: LabServer, record_evidence: Record) -> None:
    """Si falla lo que espera los cortes, el sistema lo inicia otra vez y se recibe lo que llegó mientras tanto."""
    path = "prep-corte-intake.path"
    remedy = server.run(f"systemctl show --property OnFailure --value {path}").strip()
    server.run(f"systemctl stop {path}")  # no failure can be caused without the machine's other labs failing too
    signed = server.following()
    before = last_number(server.mirror.status())
    push(signed.folder, server.target)
    try:
        server.run(f"systemctl start {remedy}")
    except AssertionError:
        server.run(f"systemctl start {path}")  # for the tests that follow
        raise
    word, status = server.mirror.await_word(signed, before, WAIT)
    record_evidence(f"{remedy}: {word}")
    assert word == "shown", status.get("last_attempt")
    assert server.run(f"systemctl is-active {path}").strip() == "active"


@pytest.mark.parametrize("what", ["restart docker", "restart nginx", "reload nginx", "restart prep"])
def test_restarts_in_the_middle_of_a_switch(server: LabServer, what: str, record_evidence: Record) -> None:
    """Docker, nginx o el contenedor se reinician mientras llega un corte: el corte se sirve, y el siguiente también."""
    command = "docker restart --time=1 $(docker ps --quiet --filter label=prep-difusor.role=prep)"
    if what != "restart prep":
        command = f"systemctl {what}"
    if "nginx" not in what:
        # Docker 20.10 checks no container's health any more if it is restarted before the first check.
        until(
            lambda: server.run("docker ps --quiet --filter label=prep-difusor.role --filter health=starting"),
            lambda starting: not starting,
            what="los contenedores se digan sanos después del último arranque",
        )
    signed = server.following()
    with ThreadPoolExecutor() as pool:
        restarting = pool.submit(server.run, command)
        push(signed.folder, server.target)
        restarting.result()
    until(server.served, lambda served: served == signed.sha256, what="la ciudadanía reciba el corte nuevo")
    record_evidence(f"{what}: sirve {signed.sha256[:12]}")
    assert server.shown() == signed.sha256
    server.assert_mended()


def test_a_damaged_disk(server: LabServer, record_evidence: Record) -> None:
    """El disco daña un archivo publicado: el mismo corte, enviado otra vez, lo repone, y queda anotado."""
    signed = server.following()
    path, digest = f"{TREE}/{OWN}", signed.manifest.files[OWN].sha256

    def is_whole(what: str) -> None:
        until(lambda: server.run(f"sha256sum {path} || true"), lambda told: told.startswith(digest), what=what)

    push(signed.folder, server.target)
    is_whole("se publique el corte")
    server.run(f"printf dañado | dd of={path} bs=1 seek=50 conv=notrunc status=none")
    push(signed.folder, server.target)
    is_whole("se reponga lo dañado")
    told = server.run("grep '\"damaged\"' /srv/prep/almacen/bitacora.jsonl | tail -n 1")
    record_evidence(told)
    assert OWN in told
    server.assert_mended()


DAMAGES = {
    "el estado, cortado a la mitad": "truncate --size=900 /srv/prep/almacen/state.json",
    "el estado y el anterior, vacíos": "truncate --size=0 /srv/prep/almacen/state.json{,.anterior}",
    "el estado, ilegible": "chown root:root /srv/prep/almacen/state.json; chmod 000 /srv/prep/almacen/state.json",
    "el último renglón de la bitácora, con otra letra": "sed -i '$ s/event/evemt/' /srv/prep/almacen/bitacora.jsonl",
    "la bitácora, sin su último renglón": "sed -i '$ d' /srv/prep/almacen/bitacora.jsonl",
    "la bitácora y la nota de un envío en curso, con lo de otro": (
        'echo \'{"sha256": "0", "value": {"n": [1]}}\' | tee /srv/prep/almacen/{bitacora.jsonl,en-curso.json}'
    ),
    "la firma publicada, con un byte dañado": f"printf = | dd of={TREE}/corte.json.sig bs=1 seek=99 conv=notrunc",
    "el manifiesto publicado, ausente": f"rm -f {TREE}/corte.json",
    "lo que espera de un corte, con otra letra": f"sed -i 's/opens/openz/' {CONFIG}",
    "estado.json, con una carpeta en su lugar": (  # the gate writes it anew at any moment
        "cd /srv/prep/estado; until mkdir estado.json; do rm -f estado.json; done; mkdir estado.json/x"
    ),
}


@pytest.mark.clause("DG-04", "DG-11")
def test_no_damage_to_the_servers_own_records_stops_it(server: LabServer, record_evidence: Record) -> None:
    """Con cualquiera de sus registros dañado el servidor sigue: al arrancar muestra su corte, y luego el siguiente."""
    server.run(f"cp -a {CONFIG} /run/server.json")
    try:
        for what, damage in DAMAGES.items():
            shown = _shown_sequence(server.mirror.status())
            server.run(f"{damage}; systemctl restart prep-corte-gate.service")
            status = until(
                server.mirror.status, _shown_sequence, what=f"la compuerta vuelva a abrir, dañado esto: {what}"
            )
            assert _shown_sequence(status) == shown, what
            until(server.shown, what="el corte publicado esté entero", despite=(AssertionError,))
            server.assert_mended()
    finally:
        server.run(f"mv /run/server.json {CONFIG}")  # which only a run of the site mends
    record_evidence(f"se dañó: {'; '.join(DAMAGES)}")


@pytest.mark.parametrize(
    ("bound", "limit", "files", "size"), [("bytes", 20_000_000, 60, 1_000_000), ("files", 500, 5_000, 2_000)]
)
def test_whoever_has_the_secret_cannot_fill_the_disk(
    server: LabServer, bound: str, limit: int, files: int, size: int, tmp_path: Path, record_evidence: Record
) -> None:
    """Un envío que pasa de su límite se corta mientras llega, lo que dejó se borra, y el siguiente corte llega.

    It takes six seconds, and the guard counts each second.
    """
    flood = tmp_path / "inundación"
    fill(flood, files, os.urandom(size))
    speed = files * size // 6_000  # kB a second
    server.run(f"cp -a {DAEMON} /run/daemon; sed -i 's/--max-{bound}=[0-9]*/--max-{bound}={limit}/' {DAEMON}")
    try:
        done = _rsync(server.target, "--recursive", f"--bwlimit={speed}", f"{flood}/", server.target.url)
        until(
            lambda: server.run("find /srv/prep/entrada -mindepth 1 | head -n 5"),
            lambda left: not left,
            what="se borre lo que dejó el envío",
        )
    finally:
        server.run(f"cp -a /run/daemon {DAEMON}; rm /run/daemon")
    record_evidence(done.stderr.strip().splitlines()[0])
    assert done.returncode != 0
    server.assert_mended()


@pytest.fixture(scope="module")
def small_disk(server: LabServer) -> Iterator[None]:
    """Move the corte's files to a small disk with hardly more free space than the reserve, and back afterwards.

    Its tests are the last ones of this file, so that nothing else runs on it.
    """
    application = "docker restart --time=1 $(docker ps --quiet --filter label=prep-difusor.role=prep)"
    readers = f"systemctl restart nginx; {application}"
    server.run(
        f"{STOP}; mkdir /run/chico; mount -t tmpfs -o size=272m,mode=0755 tmpfs /run/chico;"
        f"cp -a /srv/prep/. /run/chico; mount --bind /run/chico /srv/prep; systemctl start {WRITERS}; {readers}"
    )
    try:
        server.served()
        yield
    finally:
        server.run(
            f"{STOP}; umount --lazy /srv/prep; rm -f /run/chico/lleno;"
            "rsync -aH --delete /run/chico/ /srv/prep/; umount --lazy /run/chico; rmdir /run/chico;"
            f"systemctl start {WRITERS}; {readers}"
        )
        server.served()


@pytest.mark.usefixtures("small_disk")
def test_full_disk(server: LabServer, record_evidence: Record) -> None:
    """Se llena el disco: el envío se rechaza con su motivo, la página sigue igual, y al haber espacio continúa."""
    shown = server.shown()
    server.run("fallocate --length=100M /srv/prep/lleno")
    signed = server.following()
    before = last_number(server.mirror.status())
    push(signed.folder, server.target)
    word, status = server.mirror.await_word(signed, before, WAIT)
    assert (word, status["last_attempt"]["code"]) == ("refused", "disk")
    server.run("head -c 1G /dev/zero >> /srv/prep/lleno || systemctl restart prep-corte-gate.service")
    with pytest.raises(PushFailed) as failure:
        push(signed.folder, server.target)
    record_evidence(f"{status['last_attempt']['reason']} Sin un solo byte libre: {failure.value}")
    assert (server.served(), server.shown()) == (shown, shown)
    server.run("rm /srv/prep/lleno")
    server.assert_mended()


@pytest.mark.usefixtures("small_disk")
def test_no_inodes_and_a_disk_that_turns_read_only(server: LabServer, record_evidence: Record) -> None:
    """Se acaban los inodos, y luego el disco queda de solo lectura: la página sigue igual, y al haber dónde continúa.

    Meanwhile the intake is not started again and again.
    """
    shown = server.shown()

    def arrives(options: str) -> tuple[SignedCorte, int | None]:
        """Push the next corte, and only then change the disk and let the intake look at what arrived."""
        signed = server.following()
        before = last_number(server.mirror.status())
        server.run("systemctl stop prep-corte-intake.path")
        push(signed.folder, server.target)
        server.run(f"mount -o remount,{options} /run/chico; systemctl start prep-corte-intake.path")
        return signed, before

    used = int(server.run("df --output=iused /run/chico").split()[-1])
    signed, before = arrives(f"nr_inodes={used + 5_000}")
    word, status = server.mirror.await_word(signed, before, WAIT)
    assert (word, status["last_attempt"]["code"]) == ("refused", "disk")
    arrives("nr_inodes=$(df --output=iused /run/chico | tail -n 1 | tr -d ' ')")
    server.await_verdict()
    assert (server.served(), server.shown()) == (shown, shown)
    server.run("mount -o remount,nr_inodes=1000000 /run/chico")
    server.assert_mended()
    shown = server.shown()
    began = time.time()
    signed, before = arrives("ro")
    end = time.monotonic() + WATCHED
    until(lambda: time.monotonic() > end, what="pase el tiempo en que se cuentan los arranques")
    starts = server.run(STARTS.format(since=began)).splitlines()
    assert (server.served(), server.shown()) == (shown, shown)
    # It would look again by itself half a minute after it began.
    server.run(f"mount -o remount,rw /run/chico; systemctl kill --signal=KILL {INTAKE}")
    word, status = server.mirror.await_word(signed, before, WAIT)
    record_evidence(f"arranques en {WATCHED} s de solo lectura: {len(starts)}; al poderse escribir: {word}")
    assert 1 <= len(starts) <= 2
    assert word == "shown", status.get("last_attempt")


def _shown_sequence(status: dict[str, Any] | None) -> int:
    """Return the sequence of the corte that estado.json says is shown; 0 when it says nothing, or nothing is."""
    return ((status or {}).get("shown") or {}).get("sequence") or 0


def _run(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _push(signed: SignedCorte, target: Target, bandwidth: int) -> str:
    """Push; return the error as text, empty if there was none."""
    try:
        push(signed.folder, target, bandwidth)
    except PushFailed as failure:
        return str(failure)
    return ""


def _rsync(target: Target, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RSYNC_PASSWORD": target.secret, "LC_ALL": "C"}
    return subprocess.run(["rsync", "--timeout=30", *arguments], env=environment, capture_output=True, text=True)
