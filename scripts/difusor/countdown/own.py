"""Reads whether what the project has on a server is as its runs left it; changes nothing (Python 3.9, root).

Sent to the server as text, as `look.py` is: with the name of the institute's account, prints one line of JSON, the
fields of `seen.Own`. ASCII only.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORD = Path("/var/lib/prep-difusor")
"""What `managed_files` keeps of a server (its option `record`)."""
WHERE = ("/etc/", "/usr/")
"""Where what a run left is compared; a folder below /srv may be a disk by now, and one below /run goes at a restart."""
SHARED = ("/etc/docker/daemon.json",)
"""Files in which their owner may change what is his at any time; the next run writes its own part into them."""
READER = "prep-corte"
"""As whom cortes are verified and shown."""
FOLDER, CODE = Path("/etc/prep-corte"), Path("/usr/local/lib/prep-corte/corte")
NEEDED = ("server.json", "server.copy.json", "allowed_signers", "revoked")
"""What that user reads of the first folder; of the second, all the code."""
TEST = 'for path; do test -r "$path" || printf "%s\\n" "$path"; done'
KEYS = (".ssh/authorized_keys", ".ssh/authorized_keys2", "/etc/ssh/prep-break-glass")
"""Where sshd looks for the keys of the institute's account, from its home folder."""
KEY = re.compile(r"(?:^|\s)(?:ssh|ecdsa|sk)-\S+\s+(AAAA[\w+/]+=*)")
"""A key in a line there, which may begin with options."""
MOST = 2**20
"""Bytes of such a file that are read; whoever owns the account writes it."""
SECONDS = 8
"""How long a user may be asked: a disk that hangs must not hide what the other looks say."""


def listed(record: Path) -> list[str]:
    """Return the paths of the files and links that a record says are the project's; none without a record."""
    try:
        lines = (record / "paths").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return sorted({line for line in lines if line.startswith("/") and not line.endswith("/")})


def altered(record: Path) -> list[str]:
    """Return those paths that are not as a record says that the last run left them; none where it does not say."""
    try:
        lines = json.loads((record / "written").read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return []
    found = lines if isinstance(lines, dict) else {}
    compared = [path for path in found if path.startswith(WHERE) and path not in SHARED]
    return sorted(path for path in compared if described(path) != found[path])


def described(path: str) -> str:
    """Return a path's state in the words of plugins/module_utils/probe/written.py; "" when it cannot be read."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return "link " + os.readlink(path)
        names = f"{_name(pwd.getpwuid, status.st_uid)} {_name(grp.getgrgid, status.st_gid)}"
        access = f"{names} 0{stat.S_IMODE(status.st_mode):o}"
        if stat.S_ISDIR(status.st_mode):
            return "directory " + access
        if not stat.S_ISREG(status.st_mode):
            return ""
        return f"file {access} {hashlib.sha256(Path(path).read_bytes()).hexdigest()}"
    except OSError:
        return ""


def _name(look_up: Callable[[int], Any], number: int) -> str:
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def closed(user: str, paths: list[str]) -> list[str]:
    """Return those of some paths that are there and that a user may not read; none where there is no such user."""
    there = [path for path in paths if os.path.exists(path)]
    try:
        account = pwd.getpwnam(user)
        done = subprocess.run(
            ("sh", "-c", TEST, "sh", *there), user=account.pw_uid, group=account.pw_gid,
            extra_groups=os.getgrouplist(user, account.pw_gid), cwd="/", stdout=subprocess.PIPE, text=True,
            timeout=SECONDS,
        )  # fmt: skip
    except (KeyError, OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()


def keys(user: str) -> dict[str, str]:
    """Return by fingerprint (SHA256:...) the file of each key that opens an account; none without that account."""
    try:
        home = pwd.getpwnam(user).pw_dir
    except KeyError:
        return {}
    found: dict[str, str] = {}
    for path in (Path(home, name) for name in KEYS):
        for line in _lines(path):
            found.update(dict.fromkeys(filter(None, map(_fingerprint, KEY.findall(line))), str(path)))
    return found


def _lines(path: Path) -> list[str]:
    """Return the lines of a file that are no comments; none where there is no file."""
    try:
        if not path.is_file():  # a pipe would keep its reader waiting
            return []
        with path.open("rb") as file:
            lines = file.read(MOST).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if not line.lstrip().startswith("#")]


def _fingerprint(key: str) -> str:
    """Return a key's fingerprint as ssh-keygen writes it; "" for what is damaged, which opens nothing."""
    try:
        digest = hashlib.sha256(base64.b64decode(key)).digest()
    except ValueError:
        return ""
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def main() -> None:
    """Print what was seen as one line of JSON."""
    read = [*(FOLDER / name for name in NEEDED), *sorted(CODE.rglob("*.py"))]
    seen = {
        "paths": listed(RECORD),
        "altered": altered(RECORD),
        "closed": closed(READER, [str(path) for path in read]),
        "keys": keys("".join(sys.argv[1:])),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
