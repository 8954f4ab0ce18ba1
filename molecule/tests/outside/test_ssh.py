"""SSH as it answers from a trusted address."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]


@pytest.mark.clause("SW-03")
def test_login_methods_from_outside(
    trusted: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Desde una dirección confiable, SSH ofrece justo los métodos que el inventario pide, y a root lo rechaza."""
    answer = trusted.run(
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
        f"-o ConnectTimeout=10 -o PreferredAuthentications=none -p {expect('SW-03')['port']} "
        f"root@{variables['difusor_public_address']} true || :"  # 255 would mean that this host cannot be entered
    )
    offered = re.search(r"Permission denied \(([^)]*)\)", answer.stderr)
    record_evidence(answer.stderr.strip().splitlines()[-1])
    assert offered is not None
    methods = {"publickey", "password"} if variables["difusor_ssh_password_login"] else {"publickey"}
    assert set(offered[1].split(",")) == methods
