"""What `difusor upgrade` shows before it does anything: the updates that are pending, by whether it installs them."""

from __future__ import annotations

from pathlib import Path

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TEMPLATE = Path(__file__).resolve().parents[2] / "playbooks/templates/upgrade.txt.j2"
# Lines of apt 2.4 on Ubuntu 22.04 and apt 3.0 on Debian 13.
SIMULATED = """\
Reading package lists...
Inst libssl3 [3.0.2-0ubuntu1.18] (3.0.2-0ubuntu1.19 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64]) []
Inst linux-image-6.12.57 (6.12.57-1 Debian-Security:13/stable-security [amd64])
Inst tzdata [2025a-0ubuntu0.22.04] (2025b-0ubuntu0.22.04 Ubuntu:22.04/jammy-updates [all])
Conf libssl3 (3.0.2-0ubuntu1.19 Ubuntu:22.04/jammy-updates [amd64])
"""


def test_pending_updates_are_listed() -> None:
    variables = {"__upgrade_pending": {"stdout": SIMULATED}}
    templar = Templar(loader=DataLoader(), variables=variables)
    text = templar.template(trust_as_template(TEMPLATE.read_text()), overrides={"trim_blocks": True})
    assert text.splitlines() == [
        "De seguridad, que este verbo instala: 2",
        "  libssl3 3.0.2-0ubuntu1.18 → 3.0.2-0ubuntu1.19",
        "  linux-image-6.12.57 6.12.57-1",
        "Otras, que no instala: 1",
        "  tzdata 2025a-0ubuntu0.22.04 → 2025b-0ubuntu0.22.04",
    ]
