"""For bench/attack: runs the attacks in turn and in rounds, and sends a citizen's requests meanwhile.

    measure.py LAB OTHER ROUNDS MACHINE [ATTACK…]

OTHER is a second lab that is measured alternately, or empty.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

from report import CALM, Round, report

from difusor.lab.hosts import Hosts

HERE = Path(__file__).resolve().parent
SECONDS = 10.0
NAME = "prep.demo.test"
DATA = "/datos/corte.json"
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


def main() -> None:
    """Measure without an attack and under each, in every round; the labs one right after the other."""
    own, other, rounds, machine, *wanted = sys.argv[1:]
    labs = [Hosts(name) for name in (own, other) if name]
    for lab in labs:
        spread(lab)
        answer_at_once(lab)
    found: dict[tuple[str, str], list[Round]] = {}
    for number in range(int(rounds)):
        for attack in (CALM, *(wanted or (*TOOLS, *FLOODS))):
            # In turn the first and the last, because the second finds the machine as the first left it.
            for lab in labs[:: 1 if number % 2 == 0 else -1]:
                found.setdefault((lab.lab, attack), []).append(measure(lab, attack))
    report(found, own, other, machine)


def spread(lab: Hosts) -> None:
    """Make the attacker's new connections come from many addresses in turn; route answers to forged ones back to it."""
    server, attacker = lab.address("difusor"), lab.address("atacante")
    network = attacker.rpartition(".")[0]
    for number in range(ADDRESSES):
        own = f"{network}.{100 + number}"
        turn = f"--match statistic --mode nth --every {ADDRESSES - number} --packet 0"
        lab.run(
            "atacante",
            f"ip address add {own}/24 dev eth0 && iptables --table nat --append POSTROUTING --protocol tcp "
            f"--destination {server} {turn} --jump SNAT --to-source {own}",
        )
    lab.run("difusor", f"ip route replace 10.99.0.0/16 via {attacker}")


def answer_at_once(lab: Hosts) -> None:
    """Have the server's programs take the processor as soon as a packet wakes them, as on a machine of their own.

    Where `./difusor` starts the Docker engine, the lab's programs wait instead until the one that runs, such as the
    attacker, has had its turn (batch scheduling): for tests, which wait for no answer in milliseconds.
    """
    usual = "chrt --all-tasks --other --pid 0"
    lab.run("difusor", f"cd /proc && for each in [0-9]*; do {usual} $each || true; done 2>/dev/null")


def measure(lab: Hosts, attack: str) -> Round:
    """Attack once, send requests meanwhile, and return what was seen."""
    # Otherwise the bans from the last attack would stop this one.
    lab.run("difusor", "fail2ban-client unban --all >/dev/null")
    server, used = lab.address("difusor"), lab.processor()
    process = None if attack == CALM else begin(lab, attack, server)
    time.sleep(1.5)  # so that the first request already meets the attack
    probe = lab.start("ciudadano", server, NAME, str(SECONDS - 2), "/", DATA, source=HERE / "probe.py")
    answers = json.loads(probe.communicate()[0])
    tries = int(process.communicate(timeout=60)[0] or 0) if process else 0
    cpu = lab.processor() - used
    times = sorted(1000 * seconds for status, seconds in answers if status == 200)
    slow = times[math.ceil(0.99 * len(times)) - 1] if times else math.inf
    found = Round(tries, len(times), 100 * len(times) / len(answers), slow, times[-1] if times else math.inf, cpu)
    print(f"{lab.lab}, {attack}: {found.success:.1f} %, {slow:.0f} ms, {cpu:.1f} s of CPU", file=sys.stderr)
    return found


def begin(lab: Hosts, attack: str, server: str) -> subprocess.Popen[str]:
    """Start an attack that ends by itself and prints how often it tried."""
    if attack in TOOLS:
        largest = "ls -S /srv/prep/publico/actual/descargas | head -n 1"
        path = f"/descargas/{lab.run('difusor', largest)}"
        words, tools = (attack, server, NAME, path, str(SECONDS)), HERE / "tools.py"
        return lab.start("atacante", *words, source=tools, stderr=subprocess.DEVNULL)
    script = (
        f'{FLOODS[attack]} | sed "s|^|https://{NAME}|" >/tmp/urls; '
        # h2load may wait for ever for a connection that the server's kernel does not let it open.
        f"timeout {SECONDS + 5:.0f} h2load --input-file=/tmp/urls --connect-to={server}:443 --threads=1 --clients=100 "
        f"--max-concurrent-streams=20 --duration={SECONDS:.0f} --connection-active-timeout=1 "
        "| sed -n 's/^requests: \\([0-9]*\\) total.*/\\1/p'"
    )
    return lab.start("atacante", "sh", "-c", script, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
