"""After a restart the same ports answer as before, and no other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
ADDRESS = "docker inspect --format {{.NetworkSettings.IPAddress}} vecino-uno"
TALK = f"docker exec vecino-dos /bin/busybox ping -c 1 -w 5 $({ADDRESS})"
BOOT = 120.0  # seconds


@pytest.mark.clause("RED-03", "RED-04")
@pytest.mark.parametrize("what", ["Docker y cortafuegos", "servidor"])
def test_a_restart_opens_nothing(
    request: pytest.FixtureRequest,
    host: Host,
    variables: dict[str, Any],
    what: str,
    expect: Expect,
    record_evidence: Record,
) -> None:
    """Tras reiniciar Docker, el cortafuegos o el servidor responden los mismos puertos y ninguno más, IPv4 e IPv6."""
    if what == "servidor":
        container = f"prep-{variables['lab']}-{variables['inventory_hostname']}"
        subprocess.run(["docker", "restart", container], check=True, capture_output=True)
        state = ["docker", "exec", container, "systemctl", "is-system-running"]
        until(
            lambda: subprocess.run(state, check=False, capture_output=True, text=True).stdout.strip(),
            lambda said: said in ("running", "degraded"),
            what="el servidor termine de arrancar",
            within=BOOT,
        )
    else:
        host.check_output("systemctl restart docker.service && ufw reload")
    if host.run("docker inspect vecino-uno").rc == 0:  # the lab's outlet ran Docker before
        assert host.run(TALK).rc == 0, "los contenedores del difusor ya no se alcanzan entre sí"
    web, closed = expect("RED-03")["ports"], expect("RED-04")["ports"]
    anyone, trusted = (request.getfixturevalue(name) for name in ("open_to_anyone", "open_to_trusted"))
    record_evidence(f"cualquiera: {anyone}; confiable: {trusted}")
    assert len(anyone) == len(trusted) == 2, "no se miraron las dos familias"
    assert all(ports == sorted(web) for ports in anyone.values())
    assert all(ports == sorted(web + closed) for ports in trusted.values())
