"""After a restart the same ports answer as before, and no other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from port_fixtures import scan_every_port
from testinfra.host import Host

from difusor.lab import night
from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
ADDRESS = "docker inspect --format {{.NetworkSettings.IPAddress}} vecino-uno"
TALK = f"docker exec vecino-dos /bin/busybox ping -c 1 -w 5 $({ADDRESS})"
WHY = "docker inspect --format '{{.State.ExitCode}} {{.State.Error}}'"
OURS = "docker ps --filter label=prep-difusor.role --quiet"
BOOT = 120.0  # seconds


@pytest.mark.clause("RED-03", "RED-04")
@pytest.mark.usefixtures("no_check_at_boot")
@pytest.mark.parametrize("what", ["Docker y cortafuegos", "servidor"])
def test_a_restart_opens_nothing(
    host: Host,
    trusted: Host,
    untrusted: Host,
    own_addresses: tuple[list[str], list[str]],
    variables: dict[str, Any],
    what: str,
    expect: Expect,
    record_evidence: Record,
) -> None:
    """Tras reiniciar Docker, el cortafuegos o el servidor responden los mismos puertos y ninguno más, IPv4 e IPv6.

    Containers of the project that were stopped by hand run again, also where Docker cannot start them when it starts.
    nginx keeps its ports beside another web server, and starts without the folder of its logs.
    """
    neighbours = host.run("docker inspect vecino-uno").rc == 0  # the lab's outlet ran Docker before
    if neighbours:
        host.check_output("docker start vecino-uno vecino-dos")  # Docker may have left them out after a power cut
    running = len(host.check_output(OURS).split())
    host.check_output(f"docker stop $({OURS})")  # by hand, and nobody starts them again
    if what == "servidor":
        with _another_web_server(host):
            _restart_server(variables)
            assert "nginx" in host.check_output("ss -Hltnp 'sport = :80'")
    else:
        with _no_container_starts(host):
            host.check_output("systemctl restart docker.service && ufw reload")
            assert not host.check_output(OURS)
    until(
        lambda: host.check_output(OURS).split(),
        lambda found: len(found) == running,
        what="la página y el WAF corran",
    )
    if neighbours:
        if left := host.check_output("docker ps --all --quiet --filter name=vecino --filter status=exited").split():
            # The outlet's containers are Docker's affair: `prep-containers.service` starts the project's only.
            record_evidence(f"Docker no arrancó los del difusor: {host.check_output(f'{WHY} {" ".join(left)}')}")
            host.check_output(f"docker start {' '.join(left)}")
        until(
            lambda: host.run(TALK),
            lambda talk: talk.succeeded,
            what="los contenedores del difusor se alcancen entre sí, como antes",
        )
    (more, _), web, closed = own_addresses, expect("RED-03")["ports"], expect("RED-04")["ports"]
    with ThreadPoolExecutor() as pool:
        seen = [pool.submit(scan_every_port, vantage, variables, more, web) for vantage in (untrusted, trusted)]
    to_anyone, to_trusted = (each.result() for each in seen)
    record_evidence(f"cualquiera: {to_anyone}; confiable: {to_trusted}")
    assert len(to_anyone) == len(to_trusted) == 2, "no se miraron las dos familias"
    assert all(ports == sorted(web) for ports in to_anyone.values())
    assert all(ports == sorted(web + closed) for ports in to_trusted.values())


def _restart_server(variables: dict[str, Any]) -> None:
    container = f"prep-{variables['lab']}-{variables['inventory_hostname']}"
    subprocess.run(["docker", "restart", container], check=True, capture_output=True)
    state = [*night.console(variables), "systemctl", "is-system-running", "--wait"]
    until(
        lambda: subprocess.run(state, check=False, capture_output=True, text=True, timeout=BOOT).stdout.strip(),
        lambda said: said in ("running", "degraded"),
        what="el servidor termine de arrancar",
        within=BOOT,
    )


@contextmanager
def _another_web_server(host: Host) -> Iterator[None]:
    """Install what stands for Apache, to start at boot, and lose the folder of nginx's logs; afterwards undo both.

    Apache's unit does not wait for the network either.
    """
    unit, at_boot = "/etc/systemd/system/apache2.service", "/etc/systemd/system/multi-user.target.wants/apache2.service"
    # Not by `systemctl enable`, after which systemd reads all units anew: it will at boot.
    host.check_output(
        "printf '[Unit]\\nAfter=network.target\\n[Service]\\nExecStart=/usr/bin/python3 -m http.server --bind :: 80\\n'"
        f" >{unit} && ln --symbolic {unit} {at_boot} && mv /var/log/nginx /var/log/nginx.away"
    )
    try:
        yield
    finally:
        host.check_output(
            f"systemctl stop apache2.service; rm {at_boot} {unit}; systemctl daemon-reload; systemctl reset-failed; "
            "rm -rf /var/log/nginx; mv /var/log/nginx.away /var/log/nginx; systemctl reload-or-restart nginx"
        )


@contextmanager
def _no_container_starts(host: Host) -> Iterator[None]:
    """Replace the program with which the engine starts containers by one that fails; afterwards give it back."""
    program = host.check_output("readlink -f $(command -v runc)")
    host.check_output(f"mv {program} {program}.aside && cp /bin/false {program}")
    try:
        yield
    finally:
        host.check_output(f"mv {program}.aside {program}")
