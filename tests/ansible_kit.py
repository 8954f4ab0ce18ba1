"""Ansible's programs as processes of their own, with the project's configuration and without colours.

So are those that a program under test starts itself, where it runs with the environment of `in_path`.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from interpreter_kit import LARGEST, Interpreter, Running, interpreter, tell

from difusor.project import ROOT

IMPORTED = (
    "ansible.cli.inventory",
    "ansible.cli.playbook",
    "ansible.executor.module_common",
    "ansible.executor.playbook_executor",
    "ansible.plugins.become.sudo",
    "ansible.plugins.connection.local",
    "ansible.plugins.connection.ssh",
    "ansible.plugins.shell.sh",
    "ansible.plugins.strategy.linear",
    "difusor.inventory.checking",
    "difusor.inventory.hosts",
    "difusor.inventory.names",
    "ansible_forks_kit",
)
SETTINGS = {
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_NOCOLOR": "1",
    "NO_COLOR": "1",
}
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
# Hands all that it was started with to `_answer`, passes signals on, and ends as the fork does.
STAND_IN = f"""#!{Path(sys.executable).resolve()} -IS
import json, os, signal, socket, sys
channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
channel.connect(os.path.dirname(sys.argv[0]) + "/socket")
request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)])
socket.send_fds(channel, [request.encode()], [0, 1, 2])
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, lambda number, _: channel.send(bytes([number])))
status = int(channel.recv(9))
sys.exit(status if status >= 0 else 128 - status)
"""
Means = Callable[[Mapping[str, str]], tuple[Interpreter, list[Path]]]
"""Returns for a program's environment whose fork runs instead, and what stands before the program's arguments."""
_ALONE = Lock()


def ansible(
    *words: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `ansible-WORDS`, such as `playbook -i x, play.yml`; `env` is added, `options` are those of Interpreter.run.

    For each set of Ansible's own variables in `env` Ansible is imported once, because that is when it reads them: let
    them be the same in all tests of a module.
    """
    environment = _environment(env)
    return _interpreter(environment).run("-m", "ansible", *words, cwd=cwd, env=environment, **options)


def start(*words: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, **options: Any) -> Running:
    """Start what `ansible` runs, for a test that looks on or kills it; `options` are those of Interpreter.start."""
    environment = _environment(env)
    return _interpreter(environment).start("-m", "ansible", *words, cwd=cwd, env=environment, **options)


@contextmanager
def in_path(env: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Yield the environment for a program under test: whenever it starts `ansible-playbook`, a fork runs instead.

    `env` is added. A fork is killed when the process that the program started ends before it. Of that process's
    surroundings it lacks the umask, and descriptors other than the first three.
    """
    with _stand_in(PLAYBOOK.name, lambda environment: (_interpreter(environment), [PLAYBOOK])) as program:
        # Before its own folder, which a verb would put first if it were missing.
        path = os.pathsep.join([str(program.parent), str(PLAYBOOK.parent), os.environ["PATH"]])
        yield _environment({**(env or {}), "PATH": path})


@contextmanager
def python() -> Iterator[Path]:
    """Yield the path of a program for `ansible_python_interpreter` on this machine: each module runs as a fork.

    Ansible sends with each module the source of all that it imports, and to compile that takes longer than it runs.
    """
    forks = interpreter("module_forks_kit")
    with _stand_in("python3", lambda _: (forks, [])) as program:
        yield program


@contextmanager
def _stand_in(name: str, means: Means) -> Iterator[Path]:
    """Yield the path of a program of this name that has a fork run instead of it."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(f"{folder}/socket")
        listener.listen()
        program = Path(folder, name)
        program.write_text(STAND_IN)
        program.chmod(0o755)
        Thread(target=_listen, args=[listener, means], daemon=True).start()
        try:
            yield program
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _listen(listener: socket.socket, means: Means) -> None:
    with suppress(OSError):  # it is shut
        while True:
            Thread(target=_answer, args=[listener.accept()[0], means], daemon=True).start()


def _answer(channel: socket.socket, means: Means) -> None:
    """Run what one STAND_IN was started with, and tell it how the fork ended."""
    with channel:
        request, descriptors, *_ = socket.recv_fds(channel, LARGEST, 3)
        words, cwd, environment = json.loads(request)
        stdin, stdout, stderr = descriptors
        try:
            forks, program = means(environment)
            running = forks.start(*program, *words, cwd=cwd, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        while (status := running.poll()) is None:
            if channel in select.select([channel, running], [], [])[0]:
                if not (number := channel.recv(1)):
                    return running.kill()
                running.kill(number[0])
        tell(channel, status)


def _environment(added: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a run: this process's without Ansible's variables, SETTINGS, and what is added."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {**others, **SETTINGS, **(added or {})}


def _interpreter(environment: Mapping[str, str]) -> Interpreter:
    """Return the interpreter that has imported Ansible with its own variables of an environment."""
    # In order, because the same ones in another order would be another interpreter.
    own = {name: value for name, value in sorted(environment.items()) if name.startswith("ANSIBLE_")}
    with _ALONE:  # several threads would each start one
        return interpreter(*IMPORTED, **own)
