"""Log in as another account than the one in use, with a key made for this login, to prove that the account gets in."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from difusor.servers.connection import ANEW, LAST, is_refused, options, spoken

SPEC = {
    "user": {"type": "str", "required": True},
    "keys": {"type": "str", "required": True},  # path of the account's authorized keys on the server
    "timeout": {"type": "int", "default": 30},  # seconds
}
PAUSE = 1.0  # seconds between two attempts
MARK = "prep-difusor-proof"
"""The comment of the key, by which its line is found again."""
FAILED = 255
"""The exit status with which ssh says that it failed itself."""


class ActionModule(ActionBase):
    """Admit a new key to the account for a command that does nothing, log in with it, and remove it again.

    All of it takes a second or two, because meanwhile prep-rollback waits to undo the change that is being proved.
    """

    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail when the login did not succeed within `timeout` seconds; never report unreachable."""
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(SPEC)
        keys = shlex.quote(args["keys"])
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        with tempfile.TemporaryDirectory(prefix="difusor-") as folder:
            path = Path(folder, "key")
            path.touch(mode=0o600)
            path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
            line = f'restrict,command="true" {public} {MARK}'
            # Only a run that was killed leaves the line behind; its key opens nothing, and the next run removes it.
            # A file that somebody edited may lack its last line feed, and the line must not join the last key's.
            self._low_level_execute_command(
                f"[ -z \"$(tail -c 1 {keys})\" ] || echo >>{keys}; printf '%s\\n' {shlex.quote(line)} >>{keys}"
            )
            try:
                complaint = self._complaint(self._command(args["user"], path), args["timeout"])
            finally:
                self._low_level_execute_command(f"sed -i '/ {MARK}$/d' {keys}")
        return {"changed": False, "failed": bool(complaint), "msg": complaint}

    def _command(self, user: str, key: Path) -> list[str]:
        """Return a command that logs in like Ansible, but as `user`, with only this key, on a connection of its own.

        What is its own comes first, because ssh takes the first of two, and what counts by its place (LAST) at the end.
        """
        option, port = self._connection.get_option, self._connection.get_option("port")
        own = (
            *ANEW, f"User={user}", "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes",
            "PreferredAuthentications=publickey", f"ConnectTimeout={self._play_context.timeout}",
        )  # fmt: skip
        return [
            str(option("ssh_executable")), "-i", str(key), *options(own),
            *shlex.split(option("ssh_args") or ""),
            *options([] if option("host_key_checking") else ["StrictHostKeyChecking=no"]),
            *options([f"Port={port}"] if port else []),
            *shlex.split(option("ssh_common_args") or ""),
            *shlex.split(option("ssh_extra_args") or ""), *LAST,
            str(self._play_context.remote_addr), "true",
        ]  # fmt: skip

    def _complaint(self, command: list[str], timeout: int) -> str:
        """Return what ssh says when it does not get in; a refusal is final, a missing answer worth another try."""
        deadline = time.monotonic() + timeout
        while True:
            done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if done.returncode == 0:
                return ""
            if done.returncode != FAILED or is_refused(done.stderr) or time.monotonic() > deadline:
                return spoken(done.stderr).rstrip(".") or f"ssh terminó con {done.returncode}"
            time.sleep(PAUSE)
