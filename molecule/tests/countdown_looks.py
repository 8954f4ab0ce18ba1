"""What `difusor countdown` sees of a lab's server."""

from __future__ import annotations

from typing import Any

from testinfra.host import Host

from difusor.countdown import inside, servers
from difusor.countdown.seen import Seen
from difusor.inventory import Host as Server
from difusor.suite.waiting import until


def look(host: Host, variables: dict[str, Any]) -> Seen:
    found = servers.ask(host, Server.of("difusor", variables), {}, "demo")
    assert isinstance(found, Seen), found
    return found


def wrong(seen: Seen, variables: dict[str, Any]) -> dict[str, str]:
    """Return what is not as it should be; the clock needs minutes to be sure again after other tests."""
    server = Server.of("difusor", variables)
    checks = [*inside.judge(server, seen, "demo"), *filter(None, [inside.entered(server, seen.own, "demo")])]
    return {each.key: each.found for each in checks if each.state != "good" and each.key != "clock"}


def await_ready(host: Host, variables: dict[str, Any]) -> None:
    until(
        lambda: wrong(look(host, variables), variables),
        lambda found: not found,
        what="el servidor esté listo: los contenedores que se reiniciaron tardan en decirse sanos",
    )
