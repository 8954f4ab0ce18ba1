"""The look of `difusor countdown` at a packet filter: it finds one that was emptied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from countdown_looks import await_ready, look, wrong
from testinfra.host import Host

Record = Callable[[object], None]


def test_an_emptied_packet_filter_is_red_until_a_run_restores_it(
    host: Host, site: Callable[..., str], variables: dict[str, Any], record_evidence: Record
) -> None:
    """Si alguien vacía el filtro de paquetes, la cuenta regresiva lo dice, y una ejecución repone UFW y Docker.

    Without Docker's rules nginx waits ten seconds for the application at each visit, and all containers are healthy. An
    outlet's own engine may have a proxy besides (`userland-proxy`), by which nginx gets through.
    """
    await_ready(host, variables)
    lost = [] if host.run("pgrep docker-proxy").succeeded else ["image"]
    host.check_output("nft flush ruleset")
    try:
        found = wrong(look(host, variables), variables)
    finally:
        site({}, "--tags", "ufw,docker")
    host.check_output("iptables --table nat --list-rules DOCKER")  # without this chain no container starts
    record_evidence(found)
    assert list(found) == [*lost, "trusted"]
    assert all("nginx no lo alcanza" in found[key] for key in lost)
    assert "no está en vigor" in found["trusted"]
    await_ready(host, variables)
