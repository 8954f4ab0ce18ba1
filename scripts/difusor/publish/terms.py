"""What a corte is signed under: the election, its window and its signers, as an election or an inventory says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from corte.format import instants, signature
from corte.format.manifest import Window


class UnusableError(Exception):
    """What the operator gave cannot be used; the message is a Spanish sentence."""


@dataclass(frozen=True)
class Terms:
    """One election's decisions, as far as a corte needs them; the signers are texts of OpenSSH's files."""

    election: str
    environment: str
    window: Window
    interval_minutes: int
    allowed_signers: str
    revoked: str = ""

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> Terms:
        """Take them from rendered variables (election_*); UnusableError names what is missing."""
        try:
            opens, closes, retain_until = (
                instants.parse_offset(variables[f"election_{name}"]) for name in ("opens", "closes", "retain_until")
            )
            return cls(
                election=variables["election_id"],
                environment=variables["election_environment"],
                window=Window(opens, closes, retain_until),
                interval_minutes=variables["election_interval_minutes"],
                allowed_signers=_allowed_signers(variables["election_id"], variables["election_signers"]),
                revoked="".join(key.strip() + "\n" for key in variables.get("election_revoked_keys", [])),
            )
        except KeyError as error:
            raise UnusableError(f"a la elección le falta {error.args[0]}") from None
        except ValueError as error:
            raise UnusableError(f"la elección tiene un instante inválido: {error}") from None

    @classmethod
    def read(cls, source: Path) -> Terms:
        """Read an election's file, or an inventory whose values only Ansible can render; UnusableError says why not."""
        if source.is_dir():
            from difusor.inventory.variables import InventoryError, read

            try:
                hosts = read(source).hosts
            except InventoryError as error:
                raise UnusableError(str(error)) from error
            for values in hosts.values():
                if "election_id" in values:
                    return cls.of(values)
            raise UnusableError(f"el inventario {source} no dice de qué elección es")
        try:
            document = yaml.safe_load(source.read_text(encoding="utf-8"))
            variables = document["all"]["vars"]
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            raise UnusableError(f"{source} no es el archivo de una elección (elections/<nombre>.yml)") from None
        if "{{" in str(variables):
            raise UnusableError(f"{source} depende de un inventario: use --election inventories/<difusor>")
        return cls.of(variables)


def _allowed_signers(election: str, signers: list[Mapping[str, Any]]) -> str:
    """Return what the role `corte` installs on the server, so that a wrong key is noticed before anything is sent."""
    lines = []
    for signer in signers:
        after, before = (
            f"{instants.parse_offset(signer[name]):%Y%m%d%H%M%S}" for name in ("valid_after", "valid_before")
        )
        authority = "cert-authority," if signer.get("authority") else ""
        lines.append(
            f'{signer["principal"]} {authority}namespaces="{signature.namespace(election)}",'
            f'valid-after="{after}",valid-before="{before}" {signer["key"].strip()}\n'
        )
    return "".join(lines)
