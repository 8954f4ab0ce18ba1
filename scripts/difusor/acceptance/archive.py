"""The archive of an acceptance: everything that its steps kept, without secrets, in one file with its SHA-256.

The same journal always gives the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corte.format import files
from difusor.acceptance.case import Case
from difusor.acceptance.journal import PACKED, Journal
from difusor.acceptance.visitor import KEY
from difusor.inventory.variables import read
from difusor.inventory.vaults import identities, password_of
from difusor.suite.redaction import SECRET, Redactor

LEFT_OUT = {KEY, f"{KEY}.pub", "corte", ".corte", PACKED}
"""What is not packed: the key of the ordinary account, the corte's invented data, and the digest of the archive."""
NAMES = (
    r"(?i:[\w-]*(?:password|passphrase|contraseña|secret|token|api[_-]?key|(?:access|private|secret)[_-]?key)|"
    r"\w+_(?:passwd|pwd))"
)
VALUE = r"(?:(?P<quote>\\*[\"'])(?:(?!(?P=quote))[^\n]){4,}(?P=quote)|[^\s,;}\]]{4,})"
"""The name of a variable that holds a secret, and its value: between quotes, which may be escaped, or a word."""
# Secrets that are known by their form: those of the server, and what a program printed without being asked.
FORMS = (
    # A private key in PEM, with its line breaks or with those of JSON and YAML; also one that was cut short.
    re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----|\Z)"),
    re.compile(r"b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=\s\\]*"),
    # The hash of a password, as in /etc/shadow.
    re.compile(r"\$(?:y|gy|7|2[abxy]|1|5|6|sha1|md5|apr1|argon2\w*|scrypt)\$[^\s:\"',]{8,}"),
    # Tokens: JSON Web Tokens, those of well-known services, and what follows the name of a header.
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"),
    re.compile(r"\b(?:gh[pousr]_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AGE-SECRET-KEY-1\w+)"),
    re.compile(r"(?i)\b(?:bearer|basic) [\w.~+/-]{8,}=*"),
    re.compile(r"(?i)\b(?:set-)?cookie: [^\r\n]+"),
    # The password in an address, and the value of a variable or option that is called like a secret; not a file's path.
    re.compile(r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"),
    re.compile(rf"(?<![\w./-])(?:{NAMES})\\*[\"']?\s*[:=]\s*(?!(?:no|yes|true|false)\b|{SECRET}){VALUE}"),
    re.compile(r"(?i)(?<!\S)--?(?:[a-z-]*-)?(?:password|passphrase|passwd|secret|token|api-key)[= ]\s*[^\s-]\S{3,}"),
)


@dataclass(frozen=True)
class Archive:
    """The archive and its SHA-256."""

    path: Path
    sha256: str


def pack(journal: Journal, case: Case) -> Archive:
    """Write the archive beside the journal's folder, readable for its owner alone, and its SHA-256 beside it."""
    clean = cleaner(secrets(case))
    content = packed(journal, clean)
    path = journal.folder.with_name(f"{journal.folder.name}.tar.gz")
    digest = hashlib.sha256(content).hexdigest()
    files.replace(path, content, 0o600)
    files.replace(path.with_name(f"{path.name}.sha256"), f"{digest}  {path.name}\n".encode())
    journal.close(digest)
    return Archive(path, digest)


def packed(journal: Journal, clean: Callable[[str], str]) -> bytes:
    """Return the archive's bytes: the journal's files in order of their names, with nothing of this machine."""
    buffer = io.BytesIO()
    moment = int(journal.begun.timestamp())
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=moment) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in _kept(journal.folder):
            content = clean(path.read_bytes().decode(errors="replace")).encode()
            entry = tarfile.TarInfo(f"aceptacion-{journal.folder.name}/{clean(str(path.relative_to(journal.folder)))}")
            entry.size, entry.mtime, entry.mode = len(content), moment, 0o600
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _kept(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink() and LEFT_OUT.isdisjoint(below):
            yield path


def cleaner(known: Sequence[str]) -> Callable[[str], str]:
    """Return a function that blacks out these secrets, parts of them, and everything that has the form of one."""
    # Every line by itself too, because programs indent or escape a value that has several.
    lines = {line.strip() for secret in known for line in (secret, *secret.splitlines())}
    redact = Redactor(sorted(lines))

    def clean(text: str) -> str:
        text = redact(text)  # first, while each is whole
        for form in FORMS:
            text = form.sub(SECRET, text)
        return text

    return clean


def secrets(case: Case) -> list[str]:
    """Return the secrets that belong to an inventory: its vaults' values and passwords, and the certificate's key."""
    found = list(read(case.inventory).secrets)
    for each in identities():
        source = each.rpartition("@")[2]
        path = Path(os.path.expanduser(source))  # as Ansible takes it
        if source not in ("prompt", "prompt_ask_vault_pass") and path.exists():
            found.append(password_of(path))
    found += _private(case.values)
    return found


def _private(values: Any) -> Iterator[str]:
    """Yield the content of the private keys that an inventory names."""
    for name in ("difusor_tls_key", "ansible_ssh_private_key_file"):
        path = Path(os.path.expanduser(str(values.get(name) or "")))
        if path.is_file():
            yield "\n".join(line for line in path.read_text(errors="replace").splitlines() if "-----" not in line)
