"""The page from outside: it shows the latest corte, with its date and time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from testinfra.host import Host

Record = Callable[[object], None]


@pytest.mark.clause("DG-11")
def test_latest_corte_is_shown_with_its_time(
    untrusted: Host, url: str, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Un ciudadano recibe el último corte que el servidor verificó, con su fecha y hora."""
    status = f"https://{variables['difusor_fqdn']}/.well-known/prep/estado.json"
    state = json.loads(untrusted.check_output(f"curl --silent --insecure --fail {status}"))
    if state["gate"]["state"] not in ("open", "closed"):
        pytest.skip(f"no se muestra ningún corte (compuerta: {state['gate']['state']})")
    assert state["shown"], "la compuerta está abierta y no se muestra ningún corte"
    shown = json.loads(untrusted.check_output(f"curl --silent --insecure --fail {url}datos/corte.json"))
    received = untrusted.check_output(f"curl --silent --insecure --fail {url}corte.json | sha256sum").split()[0]
    record_evidence(f"corte {shown['corte']}, manifiesto {received}; estado del espejo: {state['shown']}")
    assert received == state["shown"]["manifest_sha256"]
    assert datetime.fromisoformat(shown["corte"]) == datetime.fromisoformat(state["shown"]["corte"])
    page = untrusted.check_output(f"curl --silent --insecure --fail {url}")
    assert "Último corte" in page
