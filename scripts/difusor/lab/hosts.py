"""The hosts of a lab, for the measurements of bench/: programs on them, and what the page costs the server."""

from __future__ import annotations

import subprocess
from pathlib import Path

CPU = "cat $(pgrep -x nginx | sed 's|.*|/proc/&/stat|') | awk '{used += $14 + $15 + $16 + $17} END {print used}'"
"""Prints hundredths of a second. The WAF and the page's own application are nginx too, in containers of the server; the
time of a process that has ended is that of its master (`cutime`, `cstime`)."""


class Hosts:
    """The hosts of an existing lab, by their names: `difusor`, `instituto`, `ciudadano`, and what else joined it."""

    def __init__(self, lab: str) -> None:
        """Take the name of the lab."""
        self.lab = lab

    def address(self, host: str) -> str:
        """Return a host's IPv4 address in the lab's network."""
        template = f'{{{{(index .NetworkSettings.Networks "prep-{self.lab}").IPAddress}}}}'
        command = ["docker", "inspect", "--format", template, f"prep-{self.lab}-{host}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def start(
        self, host: str, *command: str, source: Path | None = None, stderr: int | None = None
    ) -> subprocess.Popen[str]:
        """Start a command on a host or, with `source`, that program of Python with the command's words as arguments.

        Its standard input is open until `communicate` is called.
        """
        program = ("python3", "-c", source.read_text(encoding="utf-8")) if source else ()
        return subprocess.Popen(
            ["docker", "exec", "--interactive", f"prep-{self.lab}-{host}", *program, *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )  # fmt: skip

    def run(self, host: str, script: str) -> str:
        """Run a shell script on a host; return what it prints. SystemExit when it fails."""
        process = self.start(host, "sh", "-c", script)
        said = process.communicate()[0].strip()
        if process.returncode:
            raise SystemExit(f"prep-{self.lab}-{host}: {script}\n{said}")
        return said

    def processor(self) -> float:
        """Return the seconds of processor time that nginx, the WAF and the application have used since they started.

        What the kernel does with packets before they are a connection's is nobody's, and not in it.
        """
        return int(self.run("difusor", CPU)) / 100
