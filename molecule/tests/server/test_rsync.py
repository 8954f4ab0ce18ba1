"""The rsync daemon on the server: which addresses it admits, and which files it can reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

Record = Callable[[object], None]


@pytest.mark.clause("DG-12", "RED-04")
def test_daemon_admits_the_trusted_list_and_nobody_else(
    host: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """El propio servicio rsync, además del cortafuegos, admite solo las direcciones confiables de hoy."""
    lines = host.check_output("cat /etc/rsyncd.conf").splitlines()
    settings = dict(line.split(" = ", 1) for line in lines if " = " in line and not line.startswith("#"))
    trusted = variables["election_trusted_addresses"] + variables.get("difusor_trusted_addresses", [])
    record_evidence(f"hosts allow = {settings['hosts allow']}; hosts deny = {settings['hosts deny']}")
    assert sorted(settings["hosts allow"].split()) == sorted(trusted)
    assert settings["hosts deny"] == "*"
    assert sum(line.startswith("[") for line in lines) == 1


@pytest.mark.criterion("DG-07")
def test_daemon_is_confined(host: Host, record_evidence: Record) -> None:
    """El servicio rsync corre aislado: solo escribe en la carpeta de entrada y no muestra a nadie el secreto."""
    names = "ActiveState,UnitFileState,NoNewPrivileges,ProtectSystem,ReadWritePaths,CapabilityBoundingSet"
    shown = dict(line.split("=", 1) for line in host.check_output(f"systemctl show rsync -p {names}").splitlines())
    secrets = host.file("/etc/rsyncd.secrets")
    record_evidence({**shown, "rsyncd.secrets": oct(secrets.mode)})
    assert (shown["ActiveState"], shown["UnitFileState"]) == ("active", "enabled")
    assert (shown["NoNewPrivileges"], shown["ProtectSystem"]) == ("yes", "strict")
    assert shown["ReadWritePaths"] == "/srv/prep/entrada"
    assert "cap_dac_override" not in shown["CapabilityBoundingSet"]
    assert (secrets.user, secrets.mode) == ("root", 0o600)
