"""Reads whether what the project has on a server is as its runs left it; changes nothing (Python 3.9, root).

Sent to the server as text, as `look.py` is: prints one line of JSON, the fields of `seen.Own`. ASCII only.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from pathlib import Path

RECORD = Path("/var/lib/prep-difusor")
"""What `managed_files` keeps of a server (its option `record`)."""
READER = "prep-corte"
"""As whom cortes are verified and shown."""
FOLDER, CODE = Path("/etc/prep-corte"), Path("/usr/local/lib/prep-corte/corte")
NEEDED = ("server.json", "server.json.copy", "allowed_signers", "revoked")
"""What that user reads of the first folder; of the second, all the code."""
TEST = 'for path; do test -r "$path" || printf "%s\\n" "$path"; done'
SECONDS = 8
"""How long a user may be asked: a disk that hangs must not hide what the other looks say."""


def listed(record: Path) -> list[str]:
    """Return the paths of the files and links that a record says are the project's; none without a record."""
    try:
        lines = (record / "paths").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return sorted({line for line in lines if line.startswith("/") and not line.endswith("/")})


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


def main() -> None:
    """Print what was seen as one line of JSON."""
    read = [*(FOLDER / name for name in NEEDED), *sorted(CODE.rglob("*.py"))]
    print(json.dumps({"paths": listed(RECORD), "closed": closed(READER, [str(path) for path in read])}))


if __name__ == "__main__":
    main()
