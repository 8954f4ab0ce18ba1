"""Refuses to publish a folder that has what must stay secret: private keys, vaults and files of passwords.

Whatever is signed is given to everybody. A file is judged by the beginning of its content, and by its name where the
content tells nothing. Public keys and certificates are no secret.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from corte.format.refusal import quote
from corte.format.signature import UTF16
from difusor.project import UnusableError

LARGEST = 128 * 1024
"""Bytes of the largest file that is opened: a key with its certificates has some tens of thousands."""
HEAD = 32 * 1024
"""How many bytes of such a file are looked at."""
SHOWN = 5
"""How many files are named, at most."""
_MAGIC = 16
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"%PDF-", b"PK\x03\x04", b"\x1f\x8b")
"""How images of actas, papers and packed files begin, of which most of a corte consists: no more of these is read."""

_KEY, _VAULT, _PASSWORDS = "una llave privada", "una bóveda de Ansible", "un archivo de contraseñas"
_STORE = "un almacén de llaves o contraseñas"

_WITHIN: tuple[tuple[bytes, re.Pattern[bytes], str], ...] = (
    # In PEM, of OpenSSH or of PGP, also in JSON and YAML, and after certificates. What follows has to be base64: pages
    # have programs that name these lines, and no key.
    (
        b"PRIVATE KEY",
        re.compile(
            rb"-{4,5} ?BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)? ?-{4,5}"
            rb"(?:\s|\\[rn]|[A-Za-z-]++: [^\r\n\\]*+)*+[A-Za-z0-9+/]{40}"
        ),
        _KEY,
    ),
    (b"AGE-SECRET-KEY-", re.compile(rb"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{40}"), _KEY),
    (b'"kty"', re.compile(rb'"(?:d|k)"\s*:\s*"[\w-]{20}'), _KEY),  # JSON Web Key
    (b"$ANSIBLE_VAULT;", re.compile(rb"^\s*\$ANSIBLE_VAULT;\d", re.MULTILINE), _VAULT),
)
"""What a text may have anywhere, by what it has then in any case, which is found faster."""

_LENGTH = rb"(?:[\x00-\x7f]|\x80|\x81.|\x82..|\x83...)"
_SEQUENCE = rb"\x30" + _LENGTH
_RSADSI = rb"\x2a\x86\x48\x86\xf7\x0d\x01"
_AT_FIRST: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), what)
    for pattern, what in (
        (rb"PuTTY-User-Key-File-\d", _KEY),
        (rb"untrusted comment: (?!signature)[^\n]*\bsecret key", _KEY),  # minisign, signify
        (rb"openssh-key-v1\x00", _KEY),
        # DER: PKCS#8; the same encrypted, as SAT gives its .key; PKCS#1 and DSA; an elliptic curve's; PKCS#12.
        (_SEQUENCE + rb"\x02\x01[\x00\x01]" + _SEQUENCE + rb"\x06", _KEY),
        (_SEQUENCE + _SEQUENCE + rb"\x06[\x09\x0a]" + _RSADSI + rb"(?:\x05|\x0c\x01)", _KEY),
        (_SEQUENCE + rb"\x02\x01\x00\x02" + _LENGTH, _KEY),
        (_SEQUENCE + rb"\x02\x01\x01\x04[\x14-\x42]", _KEY),
        (_SEQUENCE + rb"\x02\x01\x03" + _SEQUENCE + rb"\x06\x09" + _RSADSI + rb"\x07[\x01\x02]", _STORE),
        # OpenPGP's packet of a secret key of version 4 or 6: its length, instant and algorithm.
        (
            rb"(?:\x94.|\x95..|\x96....|\xc5(?:[\x00-\xbf]|[\xc0-\xdf].|\xff....))"
            rb"[\x04\x06][\x30-\x7f]...[\x01-\x03\x10-\x1c]",
            _KEY,
        ),
        (rb"(?:\xfe\xed|\xce\xce){2}\x00\x00\x00[\x01\x02]....\x00\x00\x00\x01", _STORE),  # Java's, with a key
        (rb"\x03\xd9\xa2\x9a", _STORE),  # KeePass
    )
)
_NAMES = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (r".+\.(?:ppk|p12|pfx|kdbx)", _STORE),
        (r"vault\.ya?ml", _VAULT),
        (
            r"\.?vault[-_]?pass(?:word|wd)?(?:\.\w+)?|rsyncd\.secrets|\.env(?:\..+)?|.+\.env|[._]netrc|\.?pgpass|"
            r"\.git-credentials|\.?htpasswd",
            _PASSWORDS,
        ),
    )
)
"""Names, in lower case, of what no content tells from any other text, or that is not in its usual form."""


def check(folder: Path) -> None:
    """Refuse a folder with a secret, before anything of it is signed or sent; UnusableError names it."""
    found = sorted(secrets(folder))
    if not found:
        return
    told = ", ".join(f"{quote(path)} ({what})" for path, what in found[:SHOWN])
    more = f" y otros {len(found) - SHOWN:,}" if len(found) > SHOWN else ""
    corte = shlex.quote(str(folder))
    raise UnusableError(
        f"{folder} tiene lo que debe ser secreto, y se publicaría a todos: {told}{more}; no se firmó ni se envió nada. "
        "Sáquelo de la carpeta y repita. Si la carpeta ya se publicó con él, délo por conocido de todos: cámbielo "
        "por otro dondequiera que se use (si firma cortes: docs/es/operacion.md, «se compromete una llave de firma»), "
        f"sáquelo y retire lo publicado con «difusor sign {corte} --withdraw {corte}» y «difusor publish {corte}»"
    )


def secrets(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each file below a folder that must stay secret, by its path in it, and what it is.

    Hidden ones too. What cannot be read is passed over, and links: nothing of them is signed.
    """
    left = [""]
    while left:
        above = left.pop()
        try:
            entries = list(os.scandir(folder / above))
        except OSError:
            continue
        for entry in entries:
            path = f"{above}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                left.append(f"{path}/")
            elif what := _named(entry.name) or _held(entry):
                yield path, what


def _named(name: str) -> str:
    folded = name.lower()
    return next((what for pattern, what in _NAMES if pattern.fullmatch(folded)), "")


def _held(entry: os.DirEntry[str]) -> str:
    """Return what a file is by its content; "" when that is no secret, or it is too large for one."""
    try:
        if not entry.is_file(follow_symlinks=False) or entry.stat(follow_symlinks=False).st_size > LARGEST:
            return ""
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        head = os.read(descriptor, _MAGIC)
        if head.startswith(_PICTURES):
            return ""
        return of(head + os.read(descriptor, HEAD - _MAGIC))
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def of(head: bytes) -> str:
    """Return what a file is that begins with these bytes; "" when it is no secret."""
    if head.startswith(UTF16):  # as some programs of Windows' write texts
        head = head.decode("utf-16", "replace").encode("ascii", "replace")
    for known, pattern, what in _WITHIN:
        if known in head and pattern.search(head):
            return what
    start = head.removeprefix(b"\xef\xbb\xbf")
    return next((what for pattern, what in _AT_FIRST if pattern.match(start)), "")
