"""A folder that stands for a server, and a role whose files `managed_files` installs and `give_back` takes away."""

from __future__ import annotations

import subprocess
from itertools import count
from pathlib import Path
from typing import NamedTuple

from ansible_kit import ansible

PLAY = """
- hosts: all
  gather_facts: false
  vars: {ansible_python_interpreter: PYTHON}
  module_defaults:
    managed_files: {record: "{{ playbook_dir }}/record"}
    give_back: {record: "{{ playbook_dir }}/record"}
  roles: [subject]
  post_tasks:
    - ansible.builtin.import_tasks: PROJECT/playbooks/tasks/applied.yml
      vars: {record: "{{ playbook_dir }}/record"}
"""
RUNS = count(1)
"""The number of each run, by which it is told from others; the role `preflight` draws it at random."""
FOUND = {"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "var/lib/dpkg/status": "Package: dpkg\n"}
"""What a record has at least of how the server was found."""


class Server(NamedTuple):
    """A folder that stands for the server's root, and the role whose files are installed there."""

    root: Path
    role: Path

    def template(self, path: str, text: str) -> None:
        """Write a template of the role for `path` below the root."""
        source = self.role / "templates" / str(self.root / path).lstrip("/")
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)

    def run(self, arguments: str = "", *options: str, then: str = "") -> subprocess.CompletedProcess[str]:
        """Run the role's one task with these arguments of `managed_files` (YAML, flow style); `then`: further tasks."""
        return self._play(f"- name: Install\n  managed_files: {arguments or '{}'}\n{then}", *options)

    def give_back(self, arguments: str) -> None:
        """Run `give_back` for the role, with these arguments besides `restore` (YAML, flow style)."""
        play = self.try_to_give_back(arguments)
        assert play.returncode == 0, play.stdout

    def try_to_give_back(self, arguments: str) -> subprocess.CompletedProcess[str]:
        """Do the same where it may be refused."""
        return self._play(f"- name: Give back\n  give_back: {arguments}\n  args: {{restore: true}}\n")

    def _play(self, tasks: str, *options: str) -> subprocess.CompletedProcess[str]:
        (self.role / "tasks/main.yml").write_text(tasks)
        run = f"preflight_run={next(RUNS)}"
        play = self.role.parents[1] / "play.yml"
        return ansible("playbook", "-i", "localhost,", "-c", "local", "-e", run, play, *options)


def recorded(record: Path) -> Path:
    """Begin a record in this folder, so that nothing of this machine is copied into it, and return the folder."""
    for name, text in FOUND.items():
        path = record / "found" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return record
