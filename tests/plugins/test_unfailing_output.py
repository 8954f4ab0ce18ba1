"""A play whose output can be written no more: it goes on to its last task, and its exit status says that it did."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_kit import SETTINGS

from difusor.project import ROOT

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Say more than a buffer and a pipe hold
      ansible.builtin.debug: {msg: "{{ 'x' * 70000 }}"}
      loop: [1, 2, 3]
    - name: Do what the play is for
      ansible.builtin.file: {path: "{{ done }}", state: touch}
"""


@pytest.mark.parametrize("led", ['"$@" >/dev/full 2>&1', '{ "$@" 2>&1; echo $? >"$ENDED"; } | true'])
def test_a_play_whose_output_nobody_takes_goes_on_to_its_end(led: str, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    others = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    ended = tmp_path / "ended"
    python = f"ansible_python_interpreter={Path(sys.executable).resolve()}"  # `-e` takes no path with spaces
    command = [
        sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "-e", python,
        "-e", f"done={tmp_path}/done", f"{tmp_path}/play.yml",
    ]  # fmt: skip
    done = subprocess.run(
        ["sh", "-c", led, "sh", *command], cwd=ROOT, env=others | SETTINGS | {"ENDED": str(ended)}, timeout=300
    )
    assert (tmp_path / "done").exists()
    assert (int(ended.read_text()) if ended.exists() else done.returncode) == 0
