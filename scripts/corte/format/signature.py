"""Signatures made and verified with OpenSSH (`ssh-keygen -Y`), which every server has.

The signature's namespace names the election, so a signature made for one election is not valid for another.
The dates in an allowed_signers file are checked here, in UTC, not by OpenSSH: 8.4 does not know them, 8.9 refuses a
final `Z`, and without the `Z` every version takes them for local time.
"""

from __future__ import annotations

import base64
import codecs
import errno
import hashlib
import json
import os
import re
import shlex
import subprocess
import tempfile
import termios
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from corte.format import files, instants
from corte.format.errors import why
from corte.format.refusal import Refusal, quote

MAX_BYTES = 64 * 1024
PATIENCE = 60.0
"""Seconds for ssh-keygen, also while it waits for somebody to type a passphrase or to touch a key."""
ALONE = 10.0
"""Seconds for ssh-keygen when nobody is asked; it takes much less, unless it waits for somebody all the same."""

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How a file begins that some programs of Windows' have written in UTF-16, which nothing here reads."""

_FIRST, _LAST = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_COLUMNS = 70
_LONGEST_KEY = 64 * 1024  # bytes; those of RSA are a tenth of it
_SIGNER = re.compile(
    r'(?P<principal>[^\s#,*?!"]+) (?P<options>(?:cert-authority,)?namespaces="[^\s",*?!]+"),'
    r'valid-after="(?P<after>\d{14})",valid-before="(?P<before>\d{14})" (?P<key>\S+ \S+)(?: .*)?',
    re.ASCII,
)
_TOUCHED = re.compile(rb"-SK(-CERT)?\)$", re.MULTILINE)
"""How ssh-keygen ends a line on a key that signs only when it is touched (FIDO)."""
_CAUSES = {
    "Couldn't load public key": "esa llave no existe o no es de OpenSSH",
    "No private key found": (
        "falta su parte privada, está dañada (fines de renglón de Windows, o le falta el último renglón), otros "
        "usuarios pueden leerla, o el agente de SSH no la tiene"
    ),
    "passphrase": "no se pudo pedir su frase, o no es esa; cárguela en el agente de SSH (ssh-add) y repita",
    "device not found": "no está conectada",
    "incorrect signature": "firma otro contenido",
    "namespace does not match": "se firmó para otra elección o para otro fin",
    "invalid format|libcrypto": "no es una llave ni una firma de OpenSSH",
}
"""Spanish sentences by what ssh-keygen says; the first that fits."""


def namespace(election: str, purpose: str = "corte") -> str:
    """Return the signature namespace for an election and a purpose; a signature is valid for no other pair."""
    return f"prep-{purpose}@{election}"


def sign(raw: bytes, key: Path, election: str, purpose: str = "corte", asks: bool = True) -> bytes:
    """Return the armoured signature of `raw`; `key` is a private key, or a public one whose private half an agent has.

    Whoever is at the terminal is asked for the key's passphrase, unless not `asks`. Refusal when ssh-keygen cannot
    sign with this key.
    """
    arguments = ["-Y", "sign", "-q", "-f", str(key), "-n", namespace(election, purpose)]
    patience = PATIENCE if asks else ALONE
    late = (
        f"No se pudo firmar con {key}: en {patience:.0f} segundos nadie dio su frase ni la tocó, o el agente de SSH no "
        "respondió; cárguela en el agente (ssh-add) y repita."
    )
    if odd := _odd(key):
        raise Refusal("signature", f"No se pudo firmar con {key}: {odd}.")
    with _terminal() as terminal:
        if asks and terminal is not None and _TOUCHED.search(_ssh_keygen(["-l", "-f", str(key)]).stdout):
            os.write(terminal, "Toque la llave cuando parpadee.\n".encode())
        done = _ssh_keygen(arguments, raw, _asking(asks, terminal), patience, late)
    if done.returncode != 0 or not done.stdout:
        raise Refusal("signature", f"No se pudo firmar con {key}: {spoilt(key) or _reason(done)}.")
    return canonical(done.stdout)


def is_key(path: Path) -> bool:
    """Tell whether ssh-keygen finds a key, private or public, where `sign` looks for one; nobody is asked anything.

    Refusal when there is no ssh-keygen to tell.
    """
    both = [path, path.with_name(f"{path.name}.pub")]
    return any(not _odd(each) and _ssh_keygen(["-l", "-f", str(each)]).returncode == 0 for each in both)


def _odd(key: Path) -> str:
    """Return, as the end of a sentence, that what is at the path of a key keeps ssh-keygen reading; "" for a file."""
    with suppress(FileNotFoundError):  # ssh-keygen may have it of an agent
        try:
            with files.opened(key) as file:
                return why(OSError(errno.EFBIG, "")) if os.fstat(file.fileno()).st_size > MAX_BYTES else ""
        except OSError as error:
            if error.errno in (0, errno.EISDIR):
                return why(error)
    return ""


def spoilt(key: Path) -> str:
    """Return what a program of Windows' has made of the file of a key, which ssh-keygen takes for none, and the remedy.

    It is the end of a sentence; "" when there is nothing of the kind.
    """
    try:
        with files.opened(key) as file:
            text = file.read(_LONGEST_KEY)
    except OSError:
        return ""
    if text.startswith(UTF16):
        return "está en UTF-16, como guardan algunos programas de Windows; guárdela en UTF-8"
    if text.startswith(codecs.BOM_UTF8) or b"\r\n" in text:
        told = shlex.quote(str(key))
        return f"tiene marcas de Windows (BOM o CR); quítelas y repita: sed -i '1s/^\\xef\\xbb\\xbf//; s/\\r$//' {told}"
    return ""


@contextmanager
def _terminal() -> Iterator[int | None]:
    """Yield the operator's terminal and leave it as it was; a program killed while it asks leaves it without echo.

    None when there is none, or when this program is in its background: who asks there is stopped by the system.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        yield None
        return
    try:
        is_ours = os.tcgetpgrp(terminal) == os.getpgrp()
        before = termios.tcgetattr(terminal)
        try:
            yield terminal if is_ours else None
        finally:
            with suppress(OSError, termios.error):  # the terminal was closed meanwhile
                if is_ours and termios.tcgetattr(terminal) != before:
                    # What was typed of a passphrase goes to nobody.
                    termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
                    os.write(terminal, b"\n")
    finally:
        os.close(terminal)


def _asking(asks: bool, terminal: int | None) -> dict[str, str]:
    """Return the environment in which ssh-keygen asks at the terminal, without one by the operator's dialog, or nobody.

    By itself it would ask by a dialog, which most machines lack, because its input is no terminal; and where there is
    neither, it would take the first line of what it signs for the passphrase.
    """
    if not asks:
        return {"SSH_ASKPASS_REQUIRE": "force", "SSH_ASKPASS": "false"}
    by = "force" if terminal is None else "never"
    return {"SSH_ASKPASS_REQUIRE": os.environ.get("SSH_ASKPASS_REQUIRE", by)}


def canonical(armour: bytes) -> bytes:
    """Return the one form in which a signature is accepted: lines of 70 columns that end in LF, nothing around them.

    Refusal when `armour` is not an armoured signature.
    """
    try:
        first, *lines, last = armour.replace(b"\r\n", b"\n").strip().split(b"\n")
        signed = base64.b64decode(b"".join(lines), validate=True)
    except ValueError:
        first = last = signed = b""
    if (first, last) != (_FIRST, _LAST) or not signed:
        raise Refusal("signature", "La firma no es una firma de OpenSSH.")
    text = base64.b64encode(signed)
    body = [text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)]
    return b"\n".join([_FIRST, *body, _LAST, b""])


def verify(
    raw: bytes, signature: bytes, election: str, allowed_signers: Path, revoked: Path | None = None,
    known_revoked: Iterable[str] = (), *, purpose: str = "corte", now: datetime | None = None,
    past: datetime | None = None,
) -> str:  # fmt: skip
    """Return the principal (signer's name) whose key signed `raw` for this election and purpose.

    Refusal unless the key is valid at `now`, by default the machine's, and not revoked. `allowed_signers` is a file in
    OpenSSH's format of that name; `revoked` a list of revoked keys (a KRL or public keys); `known_revoked` public keys
    that are revoked whatever that list says. `past` takes the place of `now` for certificates too, which are else
    judged by the machine's clock; it needs OpenSSH 8.8.
    """
    if canonical(signature) != signature:
        raise Refusal(
            "signature", "La firma no está en su forma canónica, o lleva algo más; «difusor sign» la escribe."
        )
    if is_by_any(signature, "\n".join(known_revoked)):
        raise Refusal("signature", "La firma es de una llave revocada.")
    at = past or now or instants.now()
    reason = f"no hay quien pueda firmar el {at:%Y-%m-%d}{'' if past else ', hoy en esta máquina'}"
    with tempfile.TemporaryDirectory(prefix="corte-") as folder:
        armour, believed = Path(folder, "sig"), Path(folder, "allowed_signers")
        armour.write_bytes(signature)
        lines = allowed_signers.read_text(encoding="utf-8", errors="replace")
        for principal, line in valid_signers(lines, at):
            believed.write_text(line, encoding="utf-8")
            arguments = ["-Y", "verify", "-f", str(believed), "-I", principal, "-n", namespace(election, purpose)]
            arguments += ["-s", str(armour), *(["-r", str(revoked)] if revoked else [])]
            arguments += [f"-Overify-time={past.astimezone(timezone.utc):%Y%m%d%H%M%S}Z"] if past else []
            done = _ssh_keygen(arguments, raw)
            if done.returncode == 0:
                return principal
            reason = _reason(done)
    raise Refusal("signature", f"La firma no es de quien hoy puede firmar esta elección ({reason}).")


def allowed_signer(
    principal: str, key: str, election: str, valid_after: datetime, valid_before: datetime, authority: bool = False,
    purpose: str = "corte",
) -> str:  # fmt: skip
    """Return the allowed_signers line that makes servers accept a public key for an election between two instants.

    With `authority` the key does not sign cortes itself but certifies the keys that do. The dates are UTC without `Z`.
    """
    after, before = (f"{instant.astimezone(timezone.utc):%Y%m%d%H%M%S}" for instant in (valid_after, valid_before))
    options = f'{"cert-authority," if authority else ""}namespaces="{namespace(election, purpose)}"'
    return f'{principal} {options},valid-after="{after}",valid-before="{before}" {key.strip()}'


def valid_signers(text: str, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield (principal, line without its dates) for every line of an allowed_signers file that is valid now.

    Lines of another form than `allowed_signer` returns are ignored.
    """
    for line in text.splitlines():
        found = _SIGNER.fullmatch(line)
        if found is None:
            continue
        after, before = (instants.of_digits(found[name]) for name in ("after", "before"))
        if after <= now < before:
            yield found["principal"], f"{found['principal']} {found['options']} {found['key']}\n"


def trust_sha256(allowed_signers: str, revoked: str) -> str:
    """Return the SHA-256 over who may sign and which keys are revoked, by the texts of the two lists.

    Order, comments, spaces and repetitions count for nothing, so that a server and the institute get the same.
    """
    lines = [" ".join(line.split()) for line in allowed_signers.splitlines()]
    matches = {line: _SIGNER.fullmatch(line) for line in lines if line and not line.startswith("#")}
    signers = {found.groups() if found else (line,) for line, found in matches.items()}
    keys = [line.split()[:2] for line in revoked.splitlines()]
    gone = {" ".join(key) for key in keys if key and not key[0].startswith("#")}
    return hashlib.sha256(json.dumps([sorted(signers), sorted(gone)]).encode()).hexdigest()


def is_by_any(armour: bytes, keys: str) -> bool:
    """Tell whether one of these public keys made a verified signature, was certified for it, or signed its certificate.

    A signature contains the bytes of its key, or of its certificate, which contains those of the authority's key.
    One that is not verified yet may lie of them.
    """
    try:
        signed = base64.b64decode(armour.partition(_FIRST)[2].partition(_LAST)[0])
    except ValueError:
        return False
    return any(material in signed for material in map(_key_material, keys.splitlines()) if material)


def key_of(armour: bytes) -> str:
    """Return the SHA-256 of the public key, or certificate, in a verified signature; signatures of one key agree."""
    signed = base64.b64decode(armour.partition(_FIRST)[2].partition(_LAST)[0])
    start = len(b"SSHSIG") + 4  # after the magic and the version
    length = int.from_bytes(signed[start : start + 4], "big")
    return hashlib.sha256(signed[start + 4 : start + 4 + length]).hexdigest()


def _key_material(line: str) -> bytes:
    """Return the bytes after the key type in a line's public key; empty when the line has no key."""
    try:
        key = base64.b64decode(line.split()[1], validate=True)
    except (IndexError, ValueError):
        return b""
    return key[4 + int.from_bytes(key[:4], "big") :]


def signed_by(raw: bytes, signature: bytes, election: str, purpose: str = "corte") -> str:
    """Return the fingerprint of the key that signed `raw` for this election, trusted or not; Refusal if none did."""
    with tempfile.NamedTemporaryFile(prefix="corte-", suffix=".sig") as file:
        file.write(signature)
        file.flush()
        done = _ssh_keygen(["-Y", "check-novalidate", "-n", namespace(election, purpose), "-s", file.name], raw)
    if done.returncode != 0:
        raise Refusal("signature", f"La firma no corresponde al manifiesto ({_reason(done)}).")
    return done.stdout.decode("utf-8", "replace").split()[-1]


def _ssh_keygen(
    arguments: list[str], data: bytes = b"", more: Mapping[str, str] | None = None, patience: float = PATIENCE,
    late: str = "ssh-keygen no respondió a tiempo.",
) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
    environment = dict(os.environ, LC_ALL="C", **(more or {}))
    command = ["ssh-keygen", *arguments]
    try:
        done = subprocess.run(command, input=data, env=environment, capture_output=True, timeout=patience)
    except subprocess.TimeoutExpired:
        raise Refusal("system", late) from None
    except OSError as error:
        raise Refusal("system", f"No se pudo usar ssh-keygen: {why(error)}.") from None
    if done.returncode < 0:  # by the kernel, for want of memory
        raise Refusal("system", "El sistema terminó ssh-keygen antes de tiempo.")
    return done


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return in Spanish what ssh-keygen complains of; an unknown complaint as a quotation."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if not lines:
        return "no hay firmante con esa llave"
    found = (cause for pattern, cause in _CAUSES.items() if re.search(pattern, lines[-1]))
    return next(found, f"ssh-keygen dice: {quote(lines[-1].rstrip('.'))}")
