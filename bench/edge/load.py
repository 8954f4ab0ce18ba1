"""Runs on the server for bench/edge: loads each road (way to answer a request) in turn, prints measurements as JSON."""

from __future__ import annotations

import json
import re
import shutil
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from ssl import CERT_NONE, create_default_context

ROUNDS, SECONDS = 15, 1
CONNECTIONS = 128
"""Sixteen for each of the edge's eight workers. With few, a worker wakes up for each request alone, as in no crowd."""
CROWD, CROWD_SECONDS = 1000, 10
"""Number of simultaneous clients for the measurement of the 99th percentile, and how long they ask: handshakes alone
take them more than a second of the processor that they share with the server."""
ATTACK = "?id=1%27%20OR%20%271%27=%271%27--%20"
INSPECTED = "https://localhost/.well-known/prep/waf/"
"""Always inspected by the WAF; behind it is a constant answer."""
LIMITS = [Path("/etc/nginx/conf.d/prep-limits.conf"), Path("/etc/nginx/sites-available/prep")]
LIFTED = "1000000"  # the value that bench/edge/run sets to lift the limits
CORTE = Path("/srv/prep/publico/actual")
BARE = Path("/srv/bare-nginx")  # on the corte's disk; files in memory would be faster
BROWSER = [
    "User-Agent: Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: es-MX,es;q=0.9",
    "Accept-Encoding: gzip, deflate, br",
]
CONFIGURATION = f"""
pid {BARE}/pid;
error_log {BARE}/error.log;
include /etc/nginx/modules-enabled/*.conf;
user www-data;
worker_processes 8;  # as the edge; `auto` makes as many of the eight processors of ANEXO 1
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000;  # as the edge: handshakes weigh the same on both sides
    ssl_certificate /etc/ssl/private/prep-files.pem;
    ssl_certificate_key /etc/ssl/private/prep-files.pem;
    ssl_protocols TLSv1.3;
    root {BARE}/site;
    gzip_static on;
    include /etc/nginx/snippets/prep-headers.conf;
    add_header Cache-Control "public, max-age=10";
    server {{
        listen LOOPBACK:8443 ssl;
    }}
    server {{
        listen LOOPBACK:8444 ssl;
        access_log {BARE}/access.log;  # a line for each request, as Debian's and Ubuntu's packages have it
    }}
}}
"""


def main() -> None:
    """Measure every road with every kind of answer, interleaved; then many clients at once; then refused requests."""
    compressed = sorted((CORTE / "datos").rglob("*.json.gz"), key=lambda path: path.stat().st_size)
    large, small = (path.relative_to(CORTE).with_suffix("") for path in (compressed[-1], compressed[0]))
    start_bare({large, small})
    cases = [
        (answer, road, f"https://localhost{port}/{name}", status)
        for answer, name, status in (("large", large, 200), ("small", small, 200), ("304", small, 304))
        for road, port in (
            ("bare", ":8443"),
            ("logged", ":8444"),
            ("fast", ""),
        )
    ]
    cases += [
        ("constant", "waf", INSPECTED, 200),
        ("no such file", "refused", "https://localhost/datos/nada.json", 404),
        ("unknown name", "refused", f"https://localhost/wp-login.php{ATTACK}", 404),
        ("attack", "refused", INSPECTED + ATTACK, 403),
    ]
    runs: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for _ in range(ROUNDS):
        for answer, road, url, status in cases:
            runs.setdefault((answer, road), []).append(drive(url, status))
    crowd = f"{CROWD} clients"
    runs[crowd, "fast"] = [drive(f"https://localhost/{small}", 200, CROWD, CROWD_SECONDS) for _ in range(3)]
    runs["over the limit", "refused"] = throttled(INSPECTED)
    print(json.dumps([{"answer": answer, "road": road, **summary(found)} for (answer, road), found in runs.items()]))


def summary(runs: list[tuple[float, float, float]]) -> dict[str, float | list[float]]:
    """Return the medians, and the CPU time and the rate of each round, by which roads are compared with one another."""
    cpu, rate, slow = (statistics.median(run[part] for run in runs) for part in range(3))
    rounds = {"cpu_rounds": [run[0] for run in runs], "rate_rounds": [run[1] for run in runs]}
    return {"cpu_us": cpu, "rate": rate, "p99_ms": slow, **rounds}


def throttled(url: str) -> list[tuple[float, float, float]]:
    """Load a URL after setting the limits, which were lifted for this run, to one request a second."""
    for path in LIMITS:
        path.write_text(path.read_text().replace(LIFTED, "1"))
    subprocess.run(["nginx", "-s", "reload"], check=True)
    time.sleep(2)
    return [drive(url, 429) for _ in range(ROUNDS)]


def start_bare(names: set[Path]) -> None:
    """Start an nginx without the project's settings that has these files, compressed alike, and sends the same headers.

    On one port it writes no log (`bare`), on the other the log of the distribution's package (`logged`). It is a
    service, as the package's: in the control group of the load itself a request would cost less.
    """
    for name in names:
        target = BARE / "site" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in ("", ".gz"):
            shutil.copy(f"{CORTE / name}{suffix}", f"{target}{suffix}")
    (BARE / "nginx.conf").write_text(CONFIGURATION.replace("LOOPBACK", loopback()))
    service = ["systemd-run", "--quiet", "--service-type=forking", f"--property=PIDFile={BARE}/pid"]
    subprocess.run([*service, "nginx", "-c", str(BARE / "nginx.conf")], check=True)


def loopback() -> str:
    """Return the address at which the load finds the edge: IPv6 has another cost than IPv4."""
    with socket.create_connection(("localhost", 443)) as connection:
        address = str(connection.getpeername()[0])
    return f"[{address}]" if ":" in address else address


def drive(url: str, status: int, connections: int = CONNECTIONS, seconds: int = SECONDS) -> tuple[float, float, float]:
    """Load one URL; return microseconds of CPU a request (every nginx), requests a second, 99th percentile in ms.

    SystemExit when an answer has another status, because errors are quick and would make the road look fast, or when
    there is none.
    """
    headers = BROWSER + ([f"If-None-Match: {etag(url)}"] if status == 304 else [])
    options = [part for header in headers for part in ("-H", header)]
    before, started = cpu_seconds(), time.monotonic()
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *options, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    used, elapsed = cpu_seconds() - before, time.monotonic() - started
    requests = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    if not requests:
        raise SystemExit(f"{url}: no answer in {seconds} s to {connections} connections:\n{said}")
    found = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    refused = int(found[1]) if found else 0
    if refused > 0 if status < 400 else refused < 0.98 * requests:
        raise SystemExit(f"{url}, not {status}:\n{said}")
    amount, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()  # type: ignore[union-attr]
    return 1e6 * used / requests, requests / elapsed, float(amount) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def etag(url: str) -> str:
    """Return the ETag with which the server would answer 304; SystemExit when it does not."""
    context = create_default_context()
    context.check_hostname, context.verify_mode = False, CERT_NONE
    headers = dict(header.split(": ", 1) for header in BROWSER)
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=context) as answer:
        tag = str(answer.headers["ETag"])
    again = urllib.request.Request(url, headers={**headers, "If-None-Match": tag})
    try:
        urllib.request.urlopen(again, context=context)
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return tag
    raise SystemExit(f"{url} does not answer 304 to its own ETag {tag}")


def cpu_seconds() -> float:
    """Return the CPU time so far of every nginx on this host, those in containers too."""
    total = 0
    for name in Path("/proc").glob("[0-9]*/comm"):
        try:
            if name.read_text() == "nginx\n":
                total += int((name.parent / "schedstat").read_text().split()[0])
        except OSError:  # ended meanwhile
            continue
    return total / 1e9


if __name__ == "__main__":
    main()
