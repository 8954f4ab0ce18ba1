"""An institute's home with an election, with images and without a partner, and the facts of one."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import command_kit
import pytest
from ansible.parsing.vault import VaultSecretsContext
from interpreter_kit import interpreter
from inventory_kit import KEY, PREP, WAF

from difusor.inventory import variables
from difusor.partners import election, inventory
from difusor.partners.facts import ElectionFacts, PartnerFacts, of
from difusor.project import HOME, ROOT

ELECTION: dict[str, Any] = {
    "id": "ensayo",
    "like": "ribera-2027",
    "name": "Simulacro: «uno» #1",
    "environment": "simulacro",
    "opens": datetime(2027, 6, 6, 20, tzinfo=UTC),
    "closes": datetime(2027, 6, 7, 20, tzinfo=UTC),
    "trusted_addresses": ("189.240.1.1", "2806:10::/64"),
    "principal": "firma@impebar.mx",
    "signing_key": KEY,
}
PARTNER: dict[str, Any] = {
    "id": "diario",
    "election": "ensayo",
    "name": 'Diario del Valle: "el de siempre"',
    "fqdn": "prep.diario.mx",
    "path": "/prep2027mor/",
    "login": "ubuntu",
    "address": "189.240.1.7",
    "port": 2222,
    "public_address": "189.240.1.7",
    "admin_keys": (KEY,),
}
HOST_KEY = f"[189.240.1.7]:2222 {KEY}"
READING = (
    "ansible.cli", "ansible.inventory.manager", "ansible.plugins.loader", "ansible.template", "ansible.vars.manager",
    "ansible_forks_kit", "openpyxl", "phonenumbers",
)  # fmt: skip
"""What a verb that reads an inventory or a form imports besides, which takes longer than most verbs.

`ansible_forks_kit` lets the forks share Ansible's temporary folder.
"""


def furnish(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home with an election and with images, make it the home of this process, and return it."""
    monkeypatch.setenv("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
    monkeypatch.setenv(HOME, str(folder))
    monkeypatch.setenv("ANSIBLE_VAULT_IDENTITY_LIST", "")  # nothing that the operator has set
    # Ansible takes the vaults' passwords once in a process, and here each home has its own.
    monkeypatch.setattr(variables, "_loader", cache(variables._loader.__wrapped__))
    monkeypatch.setattr(VaultSecretsContext, "_current", None)
    monkeypatch.setattr(inventory, "ROUNDS", 1000)  # a password's hash that is quick to make
    images = folder / "build/images"
    images.mkdir(parents=True)
    for kind, packed in (("prep", PREP), ("waf", WAF)):
        (images / f"{kind}-1.tar.gz").write_bytes(packed)
        (images / f"{kind}.tar.gz.sha256").write_text(f"{hashlib.sha256(packed).hexdigest()}  {kind}-1.tar.gz\n")
    election.create(of(ElectionFacts, ELECTION))
    return folder


def made(values: Mapping[str, Any] = PARTNER) -> Path:
    """Make the inventory of a partner whose server nobody can reach, and return its folder."""
    return inventory.create(of(PartnerFacts, values), HOST_KEY)


def everything(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def difusor(*words: str, home: Path, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    """Run a verb for a home, as from a shell that has set nothing else, in a folder that is neither's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "DIFUSOR_"))}
    started = interpreter(*command_kit.IMPORTED, *READING, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"))
    program = ("-m", "difusor", "--home", home, *words)
    return started.run(*program, cwd="/", env=environment | {"COLUMNS": "300"}, stdin=stdin)
