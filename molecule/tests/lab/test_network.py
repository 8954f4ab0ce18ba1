"""After a restart the same ports answer as before, and no other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from port_fixtures import scan_every_port
from testinfra.host import Host

from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
ADDRESS = "docker inspect --format {{.NetworkSettings.IPAddress}} vecino-uno"
TALK = f"docker exec vecino-dos /bin/busybox ping -c 1 -w 5 $({ADDRESS})"
OURS = "docker ps --filter label=prep-difusor.role --quiet"
BOOT = 120.0  # seconds


@pytest.mark.clause("RED-03", "RED-04")
@pytest.mark.parametrize("what", ["Docker y cortafuegos", "servidor"])
def test_a_restart_opens_nothing(
    host: Host,
    trusted: Host,
    untrusted: Host,
    own_ipv6: list[str],
    variables: dict[str, Any],
    what: str,
    expect: Expect,
    record_evidence: Record,
) -> None:
    """Tras reiniciar Docker, el cortafuegos o el servidor responden los mismos puertos y ninguno más, IPv4 e IPv6."""
    neighbours = host.run("docker inspect vecino-uno").rc == 0  # the lab's outlet ran Docker before
    if neighbours:
        host.check_output("docker start vecino-uno vecino-dos")  # Docker may have left them out after a power cut
    if what == "servidor":
        container = f"prep-{variables['lab']}-{variables['inventory_hostname']}"
        running = len(host.check_output(OURS).split())
        host.check_output(f"docker stop $({OURS})")  # by hand, and nobody starts them again
        subprocess.run(["docker", "restart", container], check=True, capture_output=True)
        state = ["docker", "exec", container, "systemctl", "is-system-running"]
        until(
            lambda: subprocess.run(state, check=False, capture_output=True, text=True).stdout.strip(),
            lambda said: said in ("running", "degraded"),
            what="el servidor termine de arrancar",
            within=BOOT,
        )
        until(
            lambda: host.check_output(OURS).split(),
            lambda found: len(found) == running,
            what="la página y el WAF corran",
        )
    else:
        host.check_output("systemctl restart docker.service && ufw reload")
    if neighbours:
        until(
            lambda: host.run(TALK),
            lambda talk: talk.succeeded,
            what="los contenedores del difusor se alcancen entre sí, como antes",
        )
    web, closed = expect("RED-03")["ports"], expect("RED-04")["ports"]
    with ThreadPoolExecutor() as pool:
        seen = [
            pool.submit(scan_every_port, vantage, variables["difusor_public_address"], own_ipv6, web)
            for vantage in (untrusted, trusted)
        ]
    to_anyone, to_trusted = (each.result() for each in seen)
    record_evidence(f"cualquiera: {to_anyone}; confiable: {to_trusted}")
    assert len(to_anyone) == len(to_trusted) == 2, "no se miraron las dos familias"
    assert all(ports == sorted(web) for ports in to_anyone.values())
    assert all(ports == sorted(web + closed) for ports in to_trusted.values())
