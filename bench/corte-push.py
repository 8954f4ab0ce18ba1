"""For bench/corte: pushes cortes to a lab's server, beside the same trees sent plainly, and prints the ratios."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from difusor import lab
from difusor.corte import instants, manifest
from difusor.fixtures.tree import write_corte
from difusor.publish import signing, target
from difusor.publish.push import push
from difusor.publish.signing import Signed
from difusor.publish.target import Target
from difusor.publish.watch import PATH, Mirror

ROUNDS, FILES, SIZE = 3, 2000, 12_000_000
CHANGED = 10  # one file in so many
ASK_EVERY = 0.02


def main(name: str, machine: str) -> None:
    """Measure each case in every round, plainly and as a corte, and print the medians."""
    server = target.read(Path(lab.INVENTORY))[0]
    found: dict[str, list[tuple[float, float]]] = {case: [] for case in ("full", "delta", "same")}
    with Mirror(server, lab.folder(name) / "tls/ca.pem") as mirror, tempfile.TemporaryDirectory() as work:
        sequence = ((mirror.status() or {}).get("shown") or {}).get("sequence", 0)
        for turn in range(ROUNDS):
            before, tree = Path(work, "before"), Path(work, "tree")
            for case, prepare in (("full", _fill), ("delta", _change), ("same", lambda _: None)):
                shutil.rmtree(before, ignore_errors=True)
                shutil.copytree(tree, before) if case != "full" else before.mkdir()
                tree.mkdir(exist_ok=True)
                prepare(tree)
                sequence += 1
                signed = _sign(tree, server, lab.folder(name) / "firma", sequence)
                plain = _seconds(partial(_send, tree, server))
                _send(before, server)  # back to where the corte finds it
                corte = _seconds(partial(_publish, signed, server, mirror))
                found[case].append((plain, corte))
                print(f"  {turn + 1} {case:5} plain {plain:.2f} s, corte {corte:.2f} s", file=sys.stderr)
            shutil.rmtree(tree)
    ratios = []
    for case, pairs in found.items():
        plain, corte = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{case:6} floor {plain:5.2f} s   push to visible {corte:5.2f} s   allowed {1.5 * plain + 0.5:5.2f} s")
        ratios.append(f"{case}/floor={corte / plain:.2f}")
    print(f'corte: {" ".join(ratios)} machine="{machine}"')


def _fill(tree: Path) -> None:
    """Write the last corte of a night that the store has never seen, and files up to the agreed number and size."""
    opens = instants.parse("2024-06-03T02:00:00Z")
    closes = instants.parse("2024-06-04T02:00:00Z")
    shutil.rmtree(tree)
    made = write_corte(
        tree, opens=opens, closes=closes, number=145, seed=random.randrange(10**9), environment="simulacro"
    )
    missing = FILES - made.files
    for number in range(missing):
        path = tree / f"relleno/{number % 40:02}/{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.randbytes(max(1, (SIZE - made.bytes) // missing)))


def _change(tree: Path) -> None:
    files = sorted(path for path in tree.rglob("*") if path.is_file() and path.parent != tree)
    for path in files[::CHANGED]:
        path.write_bytes(random.randbytes(path.stat().st_size))


def _sign(tree: Path, server: Target, key: Path, sequence: int) -> Signed:
    """Sign it as a rectification: these nights have nothing to do with each other."""
    return signing.sign(tree, server.terms, key, sequence, instants.now().replace(microsecond=0), ["rectification"])


def _send(tree: Path, server: Target) -> None:
    """Send a tree as rsync alone would; -rt is all of -a that a tree of plain files needs and the daemon allows."""
    command = ["rsync", "-rt", "--modify-window=-1", "--delete", f"--exclude=/{manifest.SIGNATURE_NAME}"]
    environment = {**os.environ, "RSYNC_PASSWORD": server.secret}
    subprocess.run([*command, f"{tree}/", server.url], env=environment, check=True, stdout=subprocess.DEVNULL)


def _publish(signed: Signed, server: Target, mirror: Mirror) -> None:
    """Push and wait until a citizen gets this very manifest."""
    push(signed.folder, server)
    address = mirror.url.removesuffix(PATH) + server.path + manifest.NAME
    while True:
        answer = mirror.client.get(address, extensions=mirror.extensions)
        if answer.status_code == 200 and manifest.digest(answer.content) == signed.sha256:
            return
        attempt = (mirror.status() or {}).get("last_attempt") or {}
        if (attempt.get("manifest_sha256"), attempt.get("result")) == (signed.sha256, "refused"):
            raise SystemExit(f"refused: {attempt['reason']}")
        time.sleep(ASK_EVERY)


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
