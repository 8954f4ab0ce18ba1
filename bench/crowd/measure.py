"""For bench/crowd: sends the crowds, with and without others beside them; prints a table and a last line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromium import Chromium, spoken
from institute import NAME as LARGE
from institute import Institute

from difusor.inventory import load_election
from difusor.lab.hosts import Hosts
from difusor.lab.night import INVENTORY

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent / "attack/tools.py"
NAME = "prep.demo.test"
SOURCES = 4
FIRST = 77
"""Last byte of the first address of the crowd, which the neighbour has too and which is forged."""
CROWDS = {"500 behind 1": (500, 1, 10), "2000 behind 4": (2000, 4, 30)}
"""Browsers, addresses and seconds over which they arrive."""
BESIDE = {
    "nothing": (),
    "neighbour": ("neighbour",),
    "forged": ("forged",),
    "both": ("neighbour", "forged"),
    "slow": ("slow_headers", "slow_reads"),
    "rapid_reset": ("rapid_reset",),
    "downloads": ("downloads",),
}
SESSIONS = {"slow_headers": "500", "slow_reads": "500", "rapid_reset": "8"}
"""Connections that an attacker behind the crowd's first address holds: slow ones a thousand in all, which is what
carriers give one customer at most."""
LINK = 100
"""Megabits a second that the server's line carries outwards; its role `tc` sends at most 95 of them."""
DOWNLOADS = 8
"""Connections from an address of its own that fill the link with the largest file of the corte."""
FORGED = 2000
"""Packets a second."""
PERCENTILES = {"median": 10, "p99": 8, "own_p99": 9, "waited": 8}
"""Of browsers.py, and the width of each in the table."""
SENT = "cat /sys/class/net/eth0/statistics/tx_bytes"


@dataclass
class Scene:
    """What all crowds have in common: the hosts, the server's address, the crowd's (the last is the downloads')."""

    hosts: Hosts
    server: str
    sources: list[str]
    institute: Institute

    def paths(self) -> list[str]:
        """Return what a browser asks for: the page, the files that it loads, which are named by their content, data."""
        fetch = f"curl --silent --show-error --insecure --resolve {NAME}:443:{self.server} https://{NAME}/"
        named = re.findall(r'="([\w.]+[.](?:css|js|svg))"', self.hosts.run("ciudadano", fetch))
        office = load_election(Path(INVENTORY)).offices[0]
        data = ["/datos/corte.json", f"/datos/{office}.json", "/.well-known/prep/estado.json"]
        return ["/", *(f"/{name}" for name in named), *data]

    def attack(self, kind: str, lasts: str) -> subprocess.Popen[str]:
        """Start what is beside a crowd for so many seconds; it ends by itself and prints what it did or got."""
        first, server = self.sources[0], self.server
        if kind == "downloads":
            large = f"--resolve {NAME}:443:{server} 'https://{NAME}/{LARGE}?[1-1000000]' --output /dev/null"
            download = f"timeout {lasts} curl --silent --insecure --interface {self.sources[-1]} {large} &"
            return self.hosts.start("ciudadano", "sh", "-c", f"{download * DOWNLOADS} wait")
        if kind in SESSIONS:
            words = (kind, server, NAME, f"/{LARGE}", lasts, first, SESSIONS[kind])
            return self.hosts.start("ciudadano", *words, source=TOOLS, stderr=subprocess.DEVNULL)
        words = {"neighbour": (server, NAME, first, lasts), "forged": (server, first, str(FORGED), lasts)}[kind]
        return self.hosts.start("ciudadano", *words, source=HERE / f"{kind}.py")


def measure(scene: Scene, crowd: str, beside: str, paths: list[str]) -> dict[str, Any]:
    """Send one crowd with what is beside it, a corte in its midst and a real browser after that.

    Returns what browsers.py prints, and `chromium`, `banned`, `said` (by those beside), `server` (CPU), `corte`
    (seconds until shown), `mbps` (what left the server) and `load` (the machine's).
    """
    count, addresses, seconds = CROWDS[crowd]
    hosts, institute = scene.hosts, scene.institute
    used, sent = hosts.processor(), int(hosts.run("difusor", SENT))
    others = {kind: scene.attack(kind, str(2 * seconds)) for kind in BESIDE[beside]}
    chromium = Chromium(hosts, scene.server, scene.sources[0])
    time.sleep(1)  # so that the first browser already meets them
    begun = time.monotonic()
    arguments = [scene.server, NAME, ",".join(scene.sources[:addresses]), str(count), str(seconds), *paths]
    browsers = hosts.start("ciudadano", *arguments, source=HERE / "browsers.py")
    time.sleep(seconds / 3)  # the crowd is in full swing
    shown = institute.publish()
    time.sleep(max(0.0, begun + seconds / 2 - time.monotonic()))
    visit = chromium.visit(NAME, spoken(institute.tree, institute.target.election.utc_offset))
    found: dict[str, Any] = json.loads(browsers.communicate()[0])
    left, took = int(hosts.run("difusor", SENT)) - sent, time.monotonic() - begun
    said = {kind: process.communicate()[0].strip() for kind, process in others.items()}
    found |= {"corte": shown, "mbps": 8e-6 * left / took, "load": os.getloadavg()[0], "chromium": visit, "said": said}
    found["banned"] = hosts.run("difusor", "fail2ban-client banned")
    found["server"] = hosts.processor() - used
    return found


def main() -> None:
    """Measure every crowd with everything beside it, or only with what the arguments name."""
    lab, machine, *wanted = sys.argv[1:]
    hosts = Hosts(lab)
    server, own = hosts.address("difusor"), hosts.address("ciudadano")
    network = own.rpartition(".")[0]
    sources = [f"{network}.{FIRST + number}" for number in range(SOURCES + 1)]
    # A carrier's NAT ignores answers that it did not ask for; this host would reset them (6 is TCP).
    rules = [f"from {sources[0]} ipproto 6 sport 10000-10999 blackhole"]
    hosts.run("ciudadano", "; ".join(f"ip address add {each}/24 dev eth0" for each in sources))
    hosts.run("ciudadano", "; ".join(f"ip rule add {each}" for each in rules))
    hosts.run("difusor", f"/usr/local/sbin/prep-uplink start {LINK}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            scene = Scene(hosts, server, sources, Institute(lab, Path(folder)))
            scene.institute.publish()  # so that the large file is there to be downloaded
            paths = scene.paths()
            rows = {
                (crowd, beside): measure(scene, crowd, beside, paths)
                for crowd in CROWDS
                for beside in BESIDE
                if not wanted or beside in wanted
            }
    finally:
        hosts.run("difusor", "systemctl restart prep-uplink.service")
        hosts.run("ciudadano", "; ".join(f"ip rule del {each}" for each in rules))
        hosts.run("ciudadano", "; ".join(f"ip address del {each}/24 dev eth0" for each in sources))
    report(rows, machine)


def report(rows: dict[tuple[str, str], dict[str, Any]], machine: str) -> None:
    """Print the table and the last line."""
    names = {
        "median s": 10, "p99 s": 8, "own p99": 9, "waited": 8, "lasted": 8, "corte s": 9, "Chromium ms": 13,
        "Mbit/s": 8, "nginx s": 9, "crowd s": 9, "load": 6,
    }  # fmt: skip
    heads = "".join(f"{name:>{width}}" for name, width in names.items())
    print(f"{'crowd':15}{'beside':13}{'whole':>7}{heads}  refused; what those beside did or got; what Chromium lacked")
    for (crowd, beside), row in rows.items():
        times = "".join(f"{row[name] or 0:>{width}.2f}" for name, width in PERCENTILES.items())
        times += f"{row['lasted']:>8.1f}{row['corte']:>9.2f}{row['chromium'].milliseconds or 0:>13.0f}"
        costs = f"{row['mbps']:>8.0f}{row['server']:>9.1f}{row['cpu']:>9.1f}{row['load']:>6.1f}"
        notes = f"{row['refused']} {row['said']} {row['chromium'].lacked}".rstrip()
        print(f"{crowd:15}{beside:13}{row['whole']:>7}{times}{costs}  {notes}")
    whole = min(row["whole"] / CROWDS[crowd][0] for (crowd, _), row in rows.items())
    slowest, corte = (max(row[name] or 0 for row in rows.values()) for name in ("p99", "corte"))
    visits = [row["chromium"] for row in rows.values()]
    complete, latest = sum(not each.lacked for each in visits), max(each.milliseconds or 0 for each in visits)
    banned = sum("." in row["banned"] for row in rows.values())
    figures = (
        f"worst_whole={100 * whole:.1f} worst_p99_s={slowest:.2f} worst_corte_s={corte:.2f} banned={banned} "
        f"chromium_whole={complete}/{len(visits)} worst_chromium_ms={latest:.0f}"
    )
    print(f'crowd: {figures} machine="{machine}"')


if __name__ == "__main__":
    main()
