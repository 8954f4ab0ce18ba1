"""For bench/corte: publishes cortes on a lab's server, sends the same trees by plain rsync, and prints the ratios."""

from __future__ import annotations

import itertools
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from corte.format import instants, manifest
from difusor.inventory import load_election
from difusor.lab.night import INVENTORY, folder
from difusor.publish import signing, target
from difusor.publish.mirror import PATH, Mirror
from difusor.publish.push import push
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.synthetic import Setting, write_corte

ROUNDS, FILES, SIZE = 5, 2000, 12_000_000
CHANGED = 10  # one file in this many changes
CROWDS = (50_000, 200_000)  # numbers of files, of which one in CROWD_CHANGED changes
CROWD_ROUNDS, CROWD_CHANGED = 3, 100
IMAGES, IMAGE_SIZE = 7750, 400_000
ASK_EVERY = 0.02
LOOK_EVERY = 50  # questions for the signature, after which the status is asked too: whoever measures must cost little
BASE, SHARE = 0.5, 1.5  # allowed for a corte: BASE seconds plus SHARE times plain rsync

INCOMING, ASIDE = "/srv/prep/entrada", "/srv/prep/banco"
COST = "journalctl --unit=prep-corte-intake --output=cat --no-pager --lines=50"
COST_LINE = re.compile(r"usó ([\d.]+) s de procesador y (\d+) MiB")
SETTLE = "while systemctl is-active prep-corte-intake.service | grep --quiet activating; do sleep 0.1; done; sync"
REMEMBER = f"mkdir -p {ASIDE} && cp -al {INCOMING} {ASIDE}/before"
EMPTY = f"aside=$(mktemp -d -p {ASIDE}) && find {INCOMING} -mindepth 1 -maxdepth 1 -exec mv -t $aside {{}} +"
PUT_BACK = (
    f"{EMPTY} && mv {ASIDE}/before $aside/ && find $aside/before -mindepth 1 -maxdepth 1 -exec mv -t {INCOMING} {{}} +"
)


class Bench:
    """A lab's server, and what was measured on it: case -> [(seconds by plain rsync, seconds as a corte)]."""

    def __init__(self, name: str, mirror: Mirror, server: Target) -> None:
        """Take the server; the sequence of its next corte follows that of the one it shows."""
        self.container = f"prep-{name}-difusor"
        self.key = folder(name) / "firma"
        self.mirror, self.server = mirror, server
        self.sequence = ((mirror.status() or {}).get("shown") or {}).get("sequence", 0)
        self.found: dict[str, list[tuple[float, float]]] = {}
        self.costs: dict[str, list[tuple[float, float]]] = {}

    def measure(self, case: str, tree: Path) -> None:
        """Send a tree by plain rsync, restore the incoming folder, and publish the same tree as a corte."""
        signed = self.sign(tree)
        self.on_server(REMEMBER)
        self.on_server(SETTLE)
        plain = _seconds(partial(_send, tree, self.server))
        self.on_server(PUT_BACK)
        self.on_server(SETTLE)
        corte = _seconds(partial(self.publish, signed))
        self.confirm(signed)
        self.found.setdefault(case, []).append((plain, corte))
        self.on_server(SETTLE)
        self.costs.setdefault(case, []).append(self.cost())
        print(f"  {case:12} plain {plain:.2f} s, corte {corte:.2f} s", file=sys.stderr)

    def sign(self, tree: Path) -> SignedCorte:
        """Sign a tree as a rectification, because its counts may be lower than those of another synthetic night."""
        self.sequence += 1
        now = instants.now().replace(microsecond=0)
        return signing.sign(tree, self.server.election, self.key, self.sequence, now, ["rectification"])

    def publish(self, signed: SignedCorte) -> None:
        """Push and wait until a citizen gets this corte's own signature, the smallest of its files."""
        push(signed.folder, self.server)
        signature = Path(signed.folder, manifest.SIGNATURE_NAME).read_bytes()
        for turn in itertools.count(1):
            if self.fetch(manifest.SIGNATURE_NAME) == signature:
                return
            if turn % LOOK_EVERY == 0:
                self.demand_no_refusal(signed)
            time.sleep(ASK_EVERY)

    def demand_no_refusal(self, signed: SignedCorte) -> None:
        """SystemExit when the server has refused this corte."""
        attempt = (self.mirror.status() or {}).get("last_attempt") or {}
        if (attempt.get("manifest_sha256"), attempt.get("result")) == (signed.sha256, "refused"):
            raise SystemExit(f"refused: {attempt['reason']}")

    def confirm(self, signed: SignedCorte) -> None:
        """SystemExit unless a citizen gets this corte's manifest too."""
        if manifest.digest(self.fetch(manifest.NAME)) != signed.sha256:
            raise SystemExit("its signature is shown, but another manifest")

    def fetch(self, name: str) -> bytes:
        """Return a file of the corte as a citizen gets it; b"" while there is none."""
        address = self.mirror.url.removesuffix(PATH) + self.server.path + name
        answer = self.mirror.get(address)
        return answer.content if answer.status_code == 200 else b""

    def cost(self) -> tuple[float, float]:
        """Return the last intake's processor seconds and its largest memory (MiB), as it says in the journal."""
        command = ["docker", "exec", self.container, "sh", "-ec", COST]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, size = COST_LINE.findall(told)[-1]
        return float(seconds), float(size)

    def on_server(self, command: str) -> None:
        """Run a command on the server as root; between measurements, files are moved away and never deleted."""
        subprocess.run(["docker", "exec", self.container, "sh", "-ec", command], check=True)

    def report(self, machine: str) -> None:
        """Print the medians of each case and, in the last line, the ratios and how many are within the allowed time."""
        ratios, within = [], 0
        for case, pairs in self.found.items():
            plain, corte = (statistics.median(column) for column in zip(*pairs, strict=True))
            allowed = SHARE * plain + BASE
            within += corte <= allowed
            seconds, size = (statistics.median(column) for column in zip(*self.costs[case], strict=True))
            took = (
                f"push to visible {corte:5.2f} s   allowed {allowed:5.2f} s   intake {seconds:.2f} s CPU {size:.0f} MiB"
            )
            print(f"{case:12} floor {plain:5.2f} s   {took}")
            ratios.append(f"{case}/floor={corte / plain:.2f}")
        print(f'corte: {" ".join(ratios)} within={within}/{len(self.found)} machine="{machine}"')


def main(name: str, work: str, machine: str) -> None:
    """Measure a first corte, one with some files changed and one with none; then the last two with images present."""
    server = target.read(Path(INVENTORY))[0]
    with Mirror(server, folder(name) / "tls/ca.pem") as mirror:
        bench = Bench(name, mirror, server)
        bench.on_server(f"mkdir -p {ASIDE}")
        for turn in range(ROUNDS):
            tree = Path(work, str(turn))
            bench.on_server(EMPTY)
            _fill(tree)
            bench.measure("full", tree)
            _change(tree)
            bench.measure("delta", tree)
            bench.measure("same", tree)
        _add_images(tree)
        taken = _seconds(lambda: bench.publish(bench.sign(tree)))
        print(f"  signing and publishing {IMAGES * IMAGE_SIZE / 1e9:.1f} GB of images {taken:.1f} s", file=sys.stderr)
        for _ in range(ROUNDS):
            _change(tree / "datos")
            bench.measure("delta+3GB", tree)
            bench.measure("same+3GB", tree)
        for files in CROWDS:
            crowd = Path(work, f"files{files}")
            _crowd(crowd, files)
            print(f"  the first of {files} files: {_seconds(partial(_first, bench, crowd)):.1f} s", file=sys.stderr)
            for _ in range(CROWD_ROUNDS):
                _change(crowd, CROWD_CHANGED)
                bench.measure(f"delta{files}", crowd)
        bench.on_server(f"rm -rf {ASIDE}")
    bench.report(machine)


def _fill(tree: Path) -> None:
    """Write the last corte of a night that is new to the store, and more files up to the agreed number and size."""
    setting = Setting.of(load_election(Path(INVENTORY)))
    made = write_corte(tree, setting, number=setting.total, seed=random.randrange(10**9))
    missing = FILES - made.files
    for number in range(missing):
        path = tree / f"datos/relleno/{number % 40:02}/{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.randbytes(max(1, (SIZE - made.bytes) // missing)))


def _crowd(tree: Path, files: int) -> None:
    """Write a corte of this many files; all but those of a night are small and stand for images of actas."""
    _fill(tree)
    for number in range(files - FILES):
        path = tree / f"actas/{number % 400:03}/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.randbytes(1000))


def _first(bench: Bench, tree: Path) -> None:
    bench.publish(bench.sign(tree))


def _change(tree: Path, one_in: int = CHANGED) -> None:
    files = sorted(path for path in tree.rglob("*") if path.is_file() and path.parent != tree)
    for path in files[::one_in]:
        path.write_bytes(random.randbytes(path.stat().st_size))


def _add_images(tree: Path) -> None:
    """Write as many images of actas as a state has, all different."""
    pixels = os.urandom(IMAGE_SIZE - 8)
    for number in range(IMAGES):
        path = tree / f"actas/{number % 60:02}/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(8, "big") + pixels)


def _send(tree: Path, server: Target) -> None:
    """Send a tree by plain rsync, with -rt: the part of -a that plain files need and the daemon allows."""
    command = ["rsync", "-rt", "--modify-window=-1", "--delete", f"--exclude=/{manifest.SIGNATURE_NAME}"]
    environment = {**os.environ, "RSYNC_PASSWORD": server.secret}
    subprocess.run([*command, f"{tree}/", server.url], env=environment, check=True, stdout=subprocess.DEVNULL)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
