"""The web application firewall from outside, where it always inspects: attacks over HTTP/2, scanners by their name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from testinfra.host import Host
from web_fixtures import CURL, door_of, request

from difusor.inventory.excepted import INSPECTED
from difusor.servers.rawhttp import send

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]

PAYLOAD = "<script>marca-del-ataque</script>"


@pytest.mark.clause("RED-07")
def test_scanners_are_refused_from_outside(
    untrusted: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Desde fuera, una herramienta de ataque que dice su nombre recibe un rechazo del WAF en español."""
    (answer,) = send(untrusted, variables, [request(variables, INSPECTED, "User-Agent: sqlmap/1.8")])
    record_evidence(answer["head"].splitlines()[0])
    assert answer["statuses"][0] in expect("RED-07")["blocked_status"]
    assert "La solicitud fue rechazada" in answer["body"]


@pytest.mark.clause("RED-07")
def test_http2_does_not_bypass_the_waf(
    untrusted: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Desde fuera, por HTTP/2, un ataque en los argumentos también se rechaza."""
    name = variables["difusor_fqdn"]
    door = door_of(name, variables["difusor_public_address"])
    command = f"{CURL} {door} --http2 --output /dev/null --write-out '%%{{http_version}} %%{{http_code}}' %s"
    found = untrusted.check_output(command, f"https://{name}{INSPECTED}?q={quote(PAYLOAD)}")
    record_evidence(f"HTTP/{found}")
    version, status = found.split()
    assert version == "2"
    assert int(status) in expect("RED-07")["blocked_status"]
