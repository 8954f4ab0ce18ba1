"""The mirror's own word: its estado.json, asked until it shows a corte or says why not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from difusor.publish.target import Target

PATH = "/.well-known/prep/estado.json"
EVERY = 0.05
"""Seconds between two questions at first; later a tenth of the time it has taken so far."""
TIMEOUT = 5.0


class Mirror:
    """A difusor's public status, asked at its own address under its public name."""

    def __init__(self, target: Target, authority: Path | None = None) -> None:
        """Take whom to ask, and a certificate authority to believe beside the public ones."""
        host = f"[{target.address}]" if ":" in target.address else target.address
        self.url = f"https://{host}{PATH}"
        self.client = httpx.Client(
            verify=target.tls(authority), timeout=TIMEOUT, headers={"Host": target.fqdn}, trust_env=False
        )
        self.extensions = {"sni_hostname": target.fqdn}
        self.problem = ""

    def __enter__(self) -> Mirror:
        """Keep the connection open for the questions to come."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.client.close()

    def status(self) -> dict[str, Any] | None:
        """Return estado.json, or None when there is no answer (`problem` then says why)."""
        try:
            answer = self.client.get(self.url, extensions=self.extensions)
            answer.raise_for_status()
            document = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            self.problem = str(error).splitlines()[0] if str(error) else type(error).__name__
            return None
        if not isinstance(document, dict):
            self.problem = "estado.json no es un objeto"
            return None
        self.problem = ""
        return document

    def await_word(self, sha256: str, after: int, seconds: float) -> tuple[str, dict[str, Any]]:
        """Ask until the mirror speaks of the corte with this manifest in an attempt later than number `after`.

        Returns (shown, held, refused or silent, the last estado.json).
        """
        started = time.monotonic()
        status: dict[str, Any] = {}
        while True:
            status = self.status() or status
            if word := word_on(status, sha256, after):
                return word, status
            waited = time.monotonic() - started
            if waited >= seconds:
                return "silent", status
            time.sleep(max(EVERY, waited / 10))


def word_on(status: dict[str, Any], sha256: str, after: int) -> str:
    """Return what estado.json says of a corte: shown, held, refused, or nothing yet."""
    attempt = status.get("last_attempt") or {}
    if attempt.get("manifest_sha256") == sha256 and attempt.get("number", 0) > after and attempt["result"] == "refused":
        return "refused"
    for word in ("shown", "held"):
        if (status.get(word) or {}).get("manifest_sha256") == sha256:
            return word
    return ""


def last_number(status: dict[str, Any] | None) -> int:
    """Return the number of the last attempt in estado.json; 0 when there was none."""
    return int(((status or {}).get("last_attempt") or {}).get("number", 0))
