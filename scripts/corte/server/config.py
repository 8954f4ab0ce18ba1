"""What this server expects of a corte: /etc/prep-corte/server.json, written by the role `corte` as a record.

Beside it lies a copy, for the day on which the file is damaged: without either the page would not open after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corte.format import instants, signature
from corte.format.manifest import Window
from corte.format.record import Damaged
from corte.server import records

PATH = Path("/etc/prep-corte/server.json")


def copy_of(path: Path) -> Path:
    """Return the path of the copy of a configuration."""
    return path.with_name(f"{path.stem}.copy{path.suffix}")


@dataclass(frozen=True)
class Config:
    """The election this server mirrors, the limits for its cortes, and the paths of folders and files."""

    election: str
    environment: str
    window: Window
    interval_minutes: int
    max_bytes: int
    keep: int
    clock_max_error: float
    strict_content: bool
    incoming: Path
    store: Path
    public: Path
    status_file: Path
    gate_file: Path
    light_file: Path
    allowed_signers: Path
    revoked: Path
    known_revoked: tuple[str, ...] = ()
    """The keys of the list `revoked` once more: that file has no digest, by which damage to it would be noticed."""

    @property
    def signers(self) -> tuple[Path, Path, tuple[str, ...]]:
        """What `signature.verify` goes by: who may sign, and who may no longer."""
        return self.allowed_signers, self.revoked, self.known_revoked

    def revoked_keys(self) -> str:
        """Read the list of revoked keys anew and return its text, and below it the keys that are known besides."""
        listed = self.revoked.read_text(encoding="utf-8", errors="replace")
        return "\n".join((listed, *self.known_revoked))

    def trust_sha256(self) -> str | None:
        """Return the SHA-256 over who may sign and which keys are revoked; None when a list cannot be read."""
        try:
            allowed = self.allowed_signers.read_text(encoding="utf-8", errors="replace")
            return signature.trust_sha256(allowed, self.revoked_keys())
        except OSError:
            return None

    @classmethod
    def load(cls, path: Path = PATH) -> Config:
        """Read the file; Damaged when it is not what was written, or there is none, or this code expects another."""
        try:
            return cls._of(records.read(path))
        except (KeyError, TypeError, ValueError) as error:
            raise Damaged(path.name) from error

    @classmethod
    def _of(cls, value: Any) -> Config:
        opens, closes, retain_until = (
            instants.parse_offset(value[name]) for name in ("opens", "closes", "retain_until")
        )
        return cls(
            election=value["election"],
            environment=value["environment"],
            window=Window(opens, closes, retain_until),
            interval_minutes=int(value["interval_minutes"]),
            max_bytes=int(value["max_bytes"]),
            keep=int(value["keep"]),
            clock_max_error=float(value["clock_max_error"]),
            strict_content=bool(value.get("strict_content", False)),
            incoming=Path(value["incoming"]),
            store=Path(value["store"]),
            public=Path(value["public"]),
            status_file=Path(value["status_file"]),
            gate_file=Path(value["gate_file"]),
            light_file=Path(value["light_file"]),
            allowed_signers=Path(value["allowed_signers"]),
            revoked=Path(value["revoked"]),
            known_revoked=tuple(value.get("known_revoked", ())),  # the file of an earlier version has none
        )
