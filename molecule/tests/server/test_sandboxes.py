"""The sandboxes of nginx and fail2ban."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

Record = Callable[[object], None]

# Bit numbers of capabilities (man capabilities): load modules, trace other processes, administer the system.
POWERS = {"CAP_SYS_MODULE": 16, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21}


@pytest.mark.criterion("RED-03")
@pytest.mark.parametrize("unit", ["nginx.service", "fail2ban.service"])
def test_services_are_confined(host: Host, unit: str, record_evidence: Record) -> None:
    """Quien entrara por nginx o fail2ban no podría cambiar programas ni configuración, ni mandar sobre el núcleo."""
    pid = host.check_output("systemctl show --property MainPID --value %s", unit)
    lines = host.check_output(f"cat /proc/{pid}/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    folders = ("/usr/bin", "/usr/local/lib", "/etc/systemd", "/etc/nginx", "/etc/ssh")
    # The shell's own test asks the kernel; the program of rust-coreutils, for root too, reads the permissions only.
    inside = f"nsenter --mount --target {pid} sh -c 'test -w %s'"
    writable = [each for each in folders if host.run(inside % each).rc == 0]
    powers = [name for name, bit in POWERS.items() if int(status["CapBnd"], 16) >> bit & 1]
    record_evidence(f"capacidades {status['CapBnd']}, Seccomp {status['Seccomp']}; escribe en {writable or 'ninguna'}")
    assert writable == []
    assert powers == []
    assert status["Seccomp"] == "2"
