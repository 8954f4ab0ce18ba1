"""What receives and shows cortes, bans, or lets operators in starts again by itself, however often it has ended."""

from __future__ import annotations

import pytest
import role_kit

NEEDED = [
    ("chrony", "chrony.service.d/prep-difusor.conf", "the gate opens only by a synchronised clock"),
    ("corte", "prep-corte-gate.service", "it opens and closes"),
    ("docker", "docker.service.d/prep-difusor.conf", "it starts containers that ended again"),
    ("docker", "prep-containers.service", "it brings back containers that the engine leaves away"),
    ("fail2ban", "fail2ban.service.d/prep-difusor.conf", "it bans"),
    ("nginx", "nginx.service.d/prep.conf", "it answers citizens"),
    ("rsync", "rsync.service.d/prep.conf", "it receives cortes"),
    ("ssh", "ssh.service.d/prep-difusor.conf", "it lets operators in"),
]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("role", "path", "why"), NEEDED, ids=lambda each: str(each)[:6])
def test_no_end_is_the_last(role: str, path: str, why: str, shared: bool) -> None:
    """systemd gives up after five starts in ten seconds, and of some packages' units after the first end."""
    inputs = {"kernel_shared": shared, "corte_incoming_dir": "/x", "nginx_app_socket": "/x", "rsync_path": "/x"}
    unit = role_kit.render(role, f"etc/systemd/system/{path}", inputs)
    sections = dict(part.split("]\n", 1) for part in unit.split("\n[")[1:])
    assert "StartLimitIntervalSec=0" in sections["Unit"].splitlines(), why
    restarts = {line for line in sections["Service"].splitlines() if line.startswith("Restart")}
    assert "Restart=always" in restarts, f"{why}, also after it has been ended in order, as by pkill"
    assert any(line.startswith("RestartSec=") for line in restarts)
