"""Automatic security updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.parsing.convert_bool import boolean
from testinfra.host import Host

Record = Callable[[object], None]


@pytest.mark.clause("SW-06")
@pytest.mark.criterion("RED-03")
def test_security_updates_are_automatic_or_frozen(
    host: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Las actualizaciones de seguridad se instalan solas, salvo que el Instituto las haya congelado para la jornada."""
    period = host.check_output("apt-config shell V APT::Periodic::Unattended-Upgrade").strip()
    frozen = boolean(variables.get("packages_updates_frozen", False))
    record_evidence(f"APT::Periodic::Unattended-Upgrade {period}; congeladas: {'sí' if frozen else 'no'}")
    assert host.package("unattended-upgrades").is_installed
    assert period == f"V='{0 if frozen else 1}'"
    assert host.check_output("apt-config shell V Unattended-Upgrade::Automatic-Reboot").strip() == "V='false'"
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        state = host.check_output("systemctl show %s --property=ActiveState,UnitFileState", timer)
        assert state.splitlines() == ["ActiveState=active", "UnitFileState=enabled"], timer
    for unit in ("apt-daily.service", "apt-daily-upgrade.service"):  # they wait while results are published
        assert "prep-updates-due" in host.check_output("systemctl show %s --property=ExecCondition", unit)
