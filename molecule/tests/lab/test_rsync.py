"""A push with this difusor's secret from the institute's own address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.publish.target import Target

Record = Callable[[object], None]


@pytest.mark.clause("DG-07", "RED-04")
def test_institute_pushes_from_its_own_address(
    trusted: Host, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Desde la dirección del Instituto, el servicio rsync acepta un envío con el secreto (de ensayo, sin efecto)."""
    url = f"rsync://{target.client}@{variables['difusor_public_address']}/{target.module}/"
    done = trusted.run(
        "mkdir -p /tmp/vacio && RSYNC_PASSWORD=%s rsync --contimeout=10 --dry-run --recursive /tmp/vacio/ %s",
        target.secret,
        url,
    )
    record_evidence(f"{url}: {done.stderr.strip() or 'aceptado'}")
    assert done.rc == 0
