"""Describes a server's files, packages, containers and signers; changes nothing (standard library, Python 3.9, root).

Sent to the server as text: `python3 -c "$(cat look.py)"` prints {"files": {}, "packages": {}, "images": {},
"containers": {}, "signers": {}}, each a mapping of names to a text that changes when the named thing changes.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import hmac
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

FOLDERS = ("/etc", "/usr/local", "/usr/share/prep")
"""The folders with a server's configuration, and those where the project installs programs and pages."""
BACKUPS = {f"/etc/{name}-" for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")}
"""Backups that the account programs make; left out, because they say nothing that the files themselves do not."""
HOST_KEY = Path("/etc/ssh/ssh_host_ed25519_key")
SIGNERS = Path("/etc/prep-corte/allowed_signers")
KEY = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)"
SIGNER = re.compile(
    r"(?P<principal>\S+)\s+(?:(?P<options>\S.*?)\s+)?(?:sk-)?(?:ssh|ecdsa)-\S+\s+(?P<key>" + KEY + r")(?:\s.*)?"
)
"""A line of allowed_signers; the options are optional."""
BLOCK = 1 << 20
WHOLE = "{{json .}}"
ANONYMOUS = re.compile("[0-9a-f]{64}")
"""How Docker calls a volume to which nobody gave a name; each new container gets another."""
PACKAGE = "${db:Status-Abbrev}\t${Package}:${Architecture}\t${Version}\n"


def files(folders: tuple[str, ...], secret: bytes) -> dict[str, str]:
    """Return mode, owner and SHA-256 (or target) of everything below some folders, by path.

    Of a file that not everybody may read, the digest is keyed with `secret`: it still shows a change, but nobody can
    check guesses of the content against it.
    """
    found = {}
    for top in folders:
        for folder, subfolders, names in os.walk(top):
            for path in {os.path.join(folder, name) for name in (*subfolders, *names)} - BACKUPS:
                with suppress(FileNotFoundError):  # programs that write a new file beside the old one rename it
                    found[path] = _describe(path, secret)
    return found


def _describe(path: str, secret: bytes) -> str:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return f"-> {os.readlink(path)}"
    access = f"{stat.S_IMODE(status.st_mode):04o} {_user(status.st_uid)}:{_group(status.st_gid)}"
    if not stat.S_ISREG(status.st_mode):
        return access
    public = status.st_mode & stat.S_IROTH
    digest = hashlib.sha256() if public else hmac.new(secret, digestmod=hashlib.sha256)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return f"{access} {'' if public else 'hmac '}{digest.hexdigest()}"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def packages(listing: str) -> dict[str, str]:
    """Return the versions of the installed packages by name and architecture, out of dpkg-query's lines."""
    lines = [line.split("\t") for line in listing.splitlines()]
    return {name: version for status, name, version in lines if status[1] == "i"}


def images(containers: list[dict[str, Any]]) -> dict[str, str]:
    """Return the image ids of containers by name, out of what `docker inspect` says of them."""
    return {each["Name"].lstrip("/"): each["Image"] for each in containers}


def settings(containers: list[dict[str, Any]], secret: bytes) -> dict[str, str]:
    """Return by name what containers have beside their images: folders, and a digest of command and environment.

    The digest is keyed with `secret`, since an environment may hold passwords.
    """
    found = {}
    for each in containers:
        config = each["Config"]
        parts = [each["Path"], each["Args"], config["Env"] or [], config["User"], config["WorkingDir"]]
        digest = hmac.new(secret, json.dumps(parts).encode(), hashlib.sha256).hexdigest()
        found[each["Name"].lstrip("/")] = " ".join([*_mounts(each), f"hmac {digest}"])
    return found


def _mounts(container: dict[str, Any]) -> list[str]:
    """Return what a container sees at which of its paths, as FROM:PATH:ro, sorted."""
    temporary = (container["HostConfig"].get("Tmpfs") or {}).items()
    found = [f"tmpfs:{path}:{options}" for path, options in temporary]
    for each in container["Mounts"]:
        source = each.get("Name") or each.get("Source") or each["Type"]
        told = "volume" if ANONYMOUS.fullmatch(source) else source
        found.append(f"{told}:{each['Destination']}:{'rw' if each['RW'] else 'ro'}")
    return sorted(found)


def signers(text: str) -> dict[str, str]:
    """Return {fingerprint of the key: who may sign cortes with it, and within which limits}.

    A line that is not understood stands for itself, so that nobody hides a signer, or the server, behind one.
    """
    found = {}
    for line in text.splitlines():
        signer = SIGNER.fullmatch(line.strip())
        if signer:
            found[fingerprint(signer.group("key"))] = " ".join(filter(None, signer.group("principal", "options")))
        elif line.strip() and not line.startswith("#"):
            found[line.strip()] = ""
    return found


def fingerprint(key: str) -> str:
    """Return the fingerprint of a public key (its Base64), as ssh-keygen writes it."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def main() -> None:
    """Print the description of this server as JSON."""
    secret, containers = HOST_KEY.read_bytes(), _containers()
    look = {
        "files": files(FOLDERS, secret),
        "packages": packages(_said("dpkg-query", "--show", "--showformat", PACKAGE)),
        "images": images(containers),
        "containers": settings(containers, secret),
        "signers": signers(SIGNERS.read_text(encoding="utf-8", errors="replace")) if SIGNERS.exists() else {},
    }
    print(json.dumps(look, sort_keys=True))


def _containers() -> list[dict[str, Any]]:
    """Return what `docker inspect` says of each container that runs."""
    names = _said("docker", "ps", "--quiet").split()
    said = _said("docker", "inspect", "--format", WHOLE, *names) if names else ""
    return [json.loads(line) for line in said.splitlines()]


def _said(*command: str) -> str:
    """Return what a program prints; "" when the server does not have the program."""
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
