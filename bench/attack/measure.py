"""For bench/attack: runs the attacks in turn, sends a citizen's requests meanwhile, prints a table and a last line."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS = 10.0
NAME = "prep.demo.test"
DATA = "/datos/resultados.html"
"""A file that every corte has."""
ADDRESSES = 20
"""Number of addresses from which the host attacks; the kernel's limits alone would stop an attack from just one."""
TOOLS = ("syn", "slow_headers", "slow_bodies", "slow_reads", "handshakes", "rapid_reset")
INJECTION = "%%27%%20OR%%20%%271%%27=%%271%%27--%%20"  # for seq, to which % is special
FLOODS = {
    # Shell commands for the attacking host; U is a list of URLs to request.
    "cacheable": f'printf "%s\\n" /index.html /autentico.html /datos/corte.json {DATA}',
    "uncacheable": 'seq -f "/consulta/casillas?x=%.0f" 5000',
    "waf_trigger": f'seq -f "/.well-known/prep/waf/?id=%.0f{INJECTION}" 5000',
    "unknown": f'seq -f "/x%.0f.php?id=1{INJECTION}" 5000',
}


class Lab:
    """The three hosts of a lab, and the attacking host."""

    def __init__(self, name: str) -> None:
        """Take the name of an existing lab."""
        self.name = name
        self.server = self.address("difusor")
        self.attacker = self.address("atacante")

    def address(self, host: str) -> str:
        """Return a host's IPv4 address in the lab's network."""
        template = f'{{{{(index .NetworkSettings.Networks "prep-{self.name}").IPAddress}}}}'
        command = ["docker", "inspect", "--format", template, f"prep-{self.name}-{host}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def start(self, host: str, *command: str, source: str = "") -> subprocess.Popen[str]:
        """Start a command on a host, with the text of `source` (a file here) as its standard input."""
        process = subprocess.Popen(
            ["docker", "exec", "--interactive", f"prep-{self.name}-{host}", *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert process.stdin is not None  # PIPE above
        process.stdin.write((HERE / source).read_text() if source else "")
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, host: str, script: str) -> str:
        """Run a shell script on a host; return what it prints. SystemExit when it fails."""
        process = self.start(host, "sh", "-c", script)
        said = process.communicate()[0]
        if process.returncode:
            raise SystemExit(f"bench/attack: on {host}: {script}\n{said}")
        return said


def main() -> None:
    """Measure without an attack, then under each attack."""
    lab, machine = Lab(sys.argv[1]), sys.argv[2]
    spread(lab)
    rows = {"none": measure(lab, None)}
    for attack in sys.argv[3:] or (*TOOLS, *FLOODS):
        rows[attack] = measure(lab, attack)
    print(f"{'attack':14}{'tries':>10}{'answered':>10}{'success %':>11}{'p99 ms':>9}{'worst ms':>10}")
    for attack, (tries, asked, success, slow, worst) in rows.items():
        print(f"{attack:14}{tries:>10}{asked:>10}{success:>11.1f}{slow:>9.0f}{worst:>10.0f}")
    results = " ".join(f"{attack}={row[2]:.1f}/{row[3]:.0f}" for attack, row in rows.items() if attack != "none")
    attacked = [row for attack, row in rows.items() if attack != "none"]
    worst, slowest = min(row[2] for row in attacked), max(row[3] for row in attacked)
    print(f'attack: worst_success={worst:.1f} worst_p99_ms={slowest:.0f} {results} machine="{machine}"')


def spread(lab: Lab) -> None:
    """Make the attacker's new connections come from many addresses in turn; route answers to forged ones back to it."""
    network = lab.attacker.rpartition(".")[0]
    for number in range(ADDRESSES):
        own = f"{network}.{100 + number}"
        turn = f"--match statistic --mode nth --every {ADDRESSES - number} --packet 0"
        lab.run(
            "atacante",
            f"ip address add {own}/24 dev eth0 && iptables --table nat --append POSTROUTING --protocol tcp "
            f"--destination {lab.server} {turn} --jump SNAT --to-source {own}",
        )
    lab.run("difusor", f"ip route replace 10.99.0.0/16 via {lab.attacker}")


def measure(lab: Lab, attack: str | None) -> tuple[str, int, float, float, float]:
    """Attack, send requests meanwhile; return the attack's count, answers, success (%), 99th percentile, worst (ms)."""
    # Otherwise the bans from the last attack would stop this one.
    lab.run("difusor", "fail2ban-client unban --all >/dev/null")
    process = begin(lab, attack) if attack else None
    time.sleep(1.5)  # so that the first request already meets the attack
    paths = ["/", DATA]
    probe = lab.start("ciudadano", "python3", "-", lab.server, NAME, str(SECONDS - 2), *paths, source="probe.py")
    answers = json.loads(probe.communicate()[0])
    tries = process.communicate(timeout=60)[0].strip() if process else "-"
    times = sorted(1000 * seconds for status, seconds in answers if status == 200)
    success = 100 * len(times) / len(answers)
    slow = times[math.ceil(0.99 * len(times)) - 1] if times else math.inf
    print(f"{attack or 'none'}: {success:.1f} %, {slow:.0f} ms", file=sys.stderr)
    return tries or "?", len(times), success, slow, times[-1] if times else math.inf


def begin(lab: Lab, attack: str) -> subprocess.Popen[str]:
    """Start an attack that ends by itself."""
    if attack in TOOLS:
        largest = "ls -S /srv/prep/publico/actual/descargas | head -n 1"
        path = f"/descargas/{lab.run('difusor', largest).strip()}"
        return lab.start("atacante", "python3", "-", attack, lab.server, NAME, path, str(SECONDS), source="tools.py")
    script = (
        f'{FLOODS[attack]} | sed "s|^|https://{NAME}|" >/tmp/urls; '
        f"h2load --input-file=/tmp/urls --connect-to={lab.server}:443 --clients=100 --max-concurrent-streams=20 "
        f"--threads=1 --duration={SECONDS:.0f} --connection-active-timeout=1 "
        "| sed -n 's/^requests: \\([0-9]*\\) total.*/\\1/p'"
    )
    return lab.start("atacante", "sh", "-c", script)


if __name__ == "__main__":
    main()
