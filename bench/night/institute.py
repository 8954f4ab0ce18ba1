"""For bench/night: publishes a night's cortes while citizens browse, then compares each answer with what was signed."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from corte.format import instants
from corte.format.manifest import Window
from difusor.lab.night import DURATION, INVENTORY, RETENTION, SEED, folder
from difusor.publish import signing, target
from difusor.publish.deliver import Options, deliver
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.synthetic import Setting, write_corte

CORTES = 145
LASTS = timedelta(minutes=3)
"""How long the bench takes; the window closes then. Only its last corte is of a later instant than the clock's, and by
less than the five minutes that a server allows."""
RATE = 200  # requests a second, from all addresses together
SOURCES = range(101, 109)  # the last part of each address
HEAD = "datos/corte.json"
CITIZENS = Path(__file__).with_name("citizens.py")


@dataclass
class Night:
    """What was signed: path -> SHA-256 -> sequences; how long each took to be shown; and MB on the disk."""

    setting: Setting
    signed: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    disk: list[int] = field(default_factory=list)

    def add(self, corte: SignedCorte, seconds: float, disk: int) -> None:
        """Add a corte that the mirror shows."""
        for path, entry in corte.manifest.files.items():
            self.signed.setdefault(path, {}).setdefault(entry.sha256, []).append(corte.manifest.sequence)
        self.seconds.append(seconds)
        self.disk.append(disk)

    def judge(self, seen: Iterable[tuple[int, str, str]]) -> Counter[str]:
        """Count answers that are `mixed` (of no signed corte) or go `back` (older than what this client saw before).

        `reloads`: the two files of one page are of two cortes; the page notices that itself and reloads.
        """
        count: Counter[str] = Counter()
        reached: dict[int, int] = {}
        head: dict[int, list[int]] = {}
        for client, path, sha256 in seen:
            sequences = self.signed.get(path, {}).get(sha256, [])
            possible = [sequence for sequence in sequences if sequence >= reached.get(client, 0)]
            if not sequences:
                count["mixed"] += 1
            elif not possible:
                count["back"] += 1
            else:
                reached[client] = possible[0]
            if path == HEAD:
                head[client] = sequences
            elif path == f"datos/{self.setting.offices[0].key}.json" and not set(head.get(client, sequences)) & set(
                sequences
            ):
                count["reloads"] += 1
        return count


def main(name: str, work: str, machine: str) -> None:
    """Publish the first corte, start the citizens, publish all other cortes, and check the citizens' answers."""
    server = _in_the_past(target.read(Path(INVENTORY))[0])
    night = Night(Setting.of(server.election).but(total=CORTES))
    before = _disk(name)
    _publish(1, server, name, Path(work), night)
    citizens = _start_citizens(name, server)
    for number in range(2, CORTES + 1):
        _publish(number, server, name, Path(work), night)
    told = json.loads(citizens.communicate()[0])
    found = night.judge(told["seen"])
    failed = len(told["failed"]) + (len(told["pages"]) != 1)
    for reason, times in Counter(told["failed"]).most_common(5):
        print(f"failed: {reason} ({times})", file=sys.stderr)
    print(
        f"{told['requests'] / told['seconds']:.0f} requests/s for {told['seconds']:.0f} s, {told['reconnected']} "
        f"connections ended by the server\n"
        f"page and state of two cortes, seen and reloaded by the page: {found['reloads']}; "
        f"table of an earlier corte asked for after the switch: {told['gone']}\n"
        f"push to visible: median {statistics.median(night.seconds):.2f} s, at most {max(night.seconds):.2f} s\n"
        f"disk of /srv/prep: {before} MB before, {max(night.disk)} MB at most, {night.disk[-1]} MB after"
    )
    print(
        f"night: failed={failed} mixed={found['mixed']} back_in_time={found['back']} requests={told['requests']} "
        f'cortes={len(night.seconds)} disk_mb={max(night.disk)} machine="{machine}"'
    )
    raise SystemExit(bool(failed or found["mixed"] or found["back"]))


def _in_the_past(server: Target) -> Target:
    """Give the server a window that ends when the bench does, about: no corte may be of an instant that is to come."""
    closes = instants.now().replace(microsecond=0) + LASTS
    window = Window(closes - DURATION, closes, closes + RETENTION)
    values = json.dumps({f"election_{key}": value for key, value in window.to_json().items()})
    command = ["ansible-playbook", "-i", INVENTORY, "site.yml", "--tags", "corte", "--extra-vars", values]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return replace(server, election=server.election.within(window))


def _publish(number: int, server: Target, name: str, tree: Path, night: Night) -> None:
    """Make, sign and publish one corte; SystemExit when the mirror does not show it."""
    write_corte(tree, night.setting, number=number, seed=SEED)
    signed = signing.sign(tree, server.election, folder(name) / "firma")
    outcome = deliver(signed, server, Options(authority=folder(name) / "tls/ca.pem"))
    if outcome.result != "shown":
        raise SystemExit(f"corte {number}: {outcome.result}, {outcome.detail}")
    night.add(signed, outcome.seconds, _disk(name))


def _start_citizens(name: str, server: Target) -> subprocess.Popen[str]:
    """Start the citizens at additional addresses of the citizen's host; they end when their standard input does."""
    at = ["docker", "exec", "--interactive", "--privileged", f"prep-{name}-ciudadano"]
    network = server.address.rpartition(".")[0]
    sources = [f"{network}.{last}" for last in SOURCES]
    for source in sources:
        subprocess.run([*at, "ip", "address", "replace", f"{source}/24", "dev", "eth0"], check=True)
    script = CITIZENS.read_text()
    command = [*at, "python3", "-c", script, server.fqdn, server.address, str(RATE), *sources]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _disk(name: str) -> int:
    """Return how many MB /srv/prep takes; errors of du are ignored, because the server removes files meanwhile."""
    command = ["docker", "exec", f"prep-{name}-difusor", "du", "--summarize", "--block-size=1M", "/srv/prep"]
    return int(subprocess.run(command, check=False, capture_output=True, text=True).stdout.split()[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
