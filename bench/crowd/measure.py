"""For bench/crowd: sends the crowds, with and without others beside them; prints a table and a last line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from institute import NAME as LARGE
from institute import Institute

from difusor.inventory import load_election
from difusor.lab.night import INVENTORY

HERE = Path(__file__).resolve().parent
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
    "downloads": ("downloads",),
}
LINK = 100
"""Megabits a second that the server's line carries outwards; its role `tc` sends at most 95 of them."""
DOWNLOADS = 8
"""Connections from an address of its own that fill the link with the largest file of the corte."""
FORGED = 2000
"""Packets a second."""

CPU = "cat $(pgrep -x nginx | sed 's|.*|/proc/&/stat|') | awk '{used += $14 + $15} END {print used}'"
"""Prints the hundredths of a second of CPU that nginx and the WAF have used."""
SENT = "cat /sys/class/net/eth0/statistics/tx_bytes"


def on(lab: str, host: str, *command: str, source: str = "") -> subprocess.Popen[str]:
    """Start a command on a host of the lab, with the text of `source` (a file here) as its standard input."""
    given = (HERE / source).open() if source else subprocess.DEVNULL
    command = ("docker", "exec", "--interactive", f"prep-{lab}-{host}", *command)
    return subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, text=True)


def run(lab: str, host: str, script: str) -> str:
    """Run a shell script on a host; return what it prints. SystemExit when it fails."""
    process = on(lab, host, "sh", "-c", script)
    said = process.communicate()[0].strip()
    if process.returncode:
        raise SystemExit(f"bench/crowd: on {host}: {script}")
    return said


def page_files(lab: str, server: str) -> list[str]:
    """Return the paths of the page and of the files that it loads, which are named by their content."""
    fetch = f"curl --silent --show-error --insecure --resolve {NAME}:443:{server} https://{NAME}/"
    return ["/", *(f"/{name}" for name in re.findall(r'="([\w.]+[.](?:css|js|svg))"', run(lab, "ciudadano", fetch)))]


def measure(
    lab: str, crowd: str, beside: str, server: str, sources: list[str], paths: list[str], institute: Institute
) -> dict[str, Any]:
    """Send one crowd with what is beside it, and a corte in its midst.

    Returns what browsers.py prints, and `banned`, `neighbour`, `server` (CPU), `corte` (seconds until shown), `mbps`
    (what left the server) and `load` (the machine's).
    """
    count, addresses, seconds = CROWDS[crowd]
    python, lasts = ("python3", "-"), str(2 * seconds)
    used, sent = (int(run(lab, "difusor", counter)) for counter in (CPU, SENT))
    large = f"--resolve {NAME}:443:{server} 'https://{NAME}/{LARGE}?[1-1000000]' --output /dev/null"
    download = f"timeout {lasts} curl --silent --insecure --interface {sources[-1]} {large} &"
    others = {
        "neighbour": ((*python, server, NAME, sources[0], lasts), "neighbour.py"),
        "forged": ((*python, server, sources[0], str(FORGED), lasts), "forged.py"),
        "downloads": (("sh", "-c", f"{download * DOWNLOADS} wait"), ""),
    }
    started = {name: on(lab, "ciudadano", *others[name][0], source=others[name][1]) for name in BESIDE[beside]}
    time.sleep(1)  # so that the first browser already meets them
    begun = time.monotonic()
    arguments = [server, NAME, ",".join(sources[:addresses]), str(count), str(seconds), *paths]
    browsers = on(lab, "ciudadano", *python, *arguments, source="browsers.py")
    time.sleep(seconds / 3)  # the crowd is in full swing
    shown = institute.publish()
    found: dict[str, Any] = json.loads(browsers.communicate()[0])
    left, took = int(run(lab, "difusor", SENT)) - sent, time.monotonic() - begun
    said = {name: process.communicate()[0].strip() for name, process in started.items()}
    found |= {"corte": shown, "mbps": 8e-6 * left / took, "load": os.getloadavg()[0]}
    found["neighbour"] = said.get("neighbour", "-")
    found["banned"] = run(lab, "difusor", "fail2ban-client banned")
    found["server"] = (int(run(lab, "difusor", CPU)) - int(used)) / 100
    return found


def main() -> None:
    """Measure every crowd with everything beside it, or only with what the arguments name."""
    lab, machine, *wanted = sys.argv[1:]
    server, own = (run(lab, host, "hostname -I").split() for host in ("difusor", "ciudadano"))
    network = own[0].rpartition(".")[0]
    address = next(each for each in server if each.startswith(f"{network}."))
    sources = [f"{network}.{FIRST + number}" for number in range(SOURCES + 1)]  # the last one for the downloads
    # A carrier's NAT ignores answers that it did not ask for; this host would reset them (6 is TCP).
    rules = [f"from {sources[0]} ipproto 6 sport 10000-10999 blackhole"]
    run(lab, "ciudadano", "; ".join(f"ip address add {each}/24 dev eth0" for each in sources))
    run(lab, "ciudadano", "; ".join(f"ip rule add {each}" for each in rules))
    run(lab, "difusor", f"/usr/local/sbin/prep-uplink start {LINK}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            institute = Institute(lab, Path(folder))
            institute.publish()  # so that the large file is there to be downloaded
            office = load_election(Path(INVENTORY)).offices[0]
            data = ["/datos/corte.json", f"/datos/{office}.json", "/.well-known/prep/estado.json"]
            paths = page_files(lab, address) + data
            rows = {
                (crowd, beside): measure(lab, crowd, beside, address, sources, paths, institute)
                for crowd in CROWDS
                for beside in BESIDE
                if not wanted or beside in wanted
            }
    finally:
        run(lab, "difusor", "systemctl restart prep-uplink.service")
        run(lab, "ciudadano", "; ".join(f"ip rule del {each}" for each in rules))
        run(lab, "ciudadano", "; ".join(f"ip address del {each}/24 dev eth0" for each in sources))
    report(rows, machine)


def report(rows: dict[tuple[str, str], dict[str, Any]], machine: str) -> None:
    """Print the table and the last line."""
    names = {"median s": 10, "p99 s": 8, "lasted": 8, "corte s": 9, "Mbit/s": 8, "nginx s": 9, "crowd s": 9, "load": 6}
    print(
        f"{'crowd':15}{'beside':11}{'whole':>7}{''.join(f'{name:>{width}}' for name, width in names.items())}  refused"
    )
    for (crowd, beside), row in rows.items():
        times = f"{row['median'] or 0:>10.2f}{row['p99'] or 0:>8.2f}{row['lasted']:>8.1f}{row['corte']:>9.2f}"
        costs = f"{row['mbps']:>8.0f}{row['server']:>9.1f}{row['cpu']:>9.1f}{row['load']:>6.1f}"
        print(f"{crowd:15}{beside:11}{row['whole']:>7}{times}{costs}  {row['refused']} neighbour: {row['neighbour']}")
    whole = min(row["whole"] / CROWDS[crowd][0] for (crowd, _), row in rows.items())
    slowest, corte = (max(row[name] or 0 for row in rows.values()) for name in ("p99", "corte"))
    banned = sum("." in row["banned"] for row in rows.values())
    figures = f"worst_whole={100 * whole:.1f} worst_p99_s={slowest:.2f} worst_corte_s={corte:.2f} banned={banned}"
    print(f'crowd: {figures} machine="{machine}"')


if __name__ == "__main__":
    main()
