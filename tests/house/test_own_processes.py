"""The tests' runs of Ansible do the same with fewer processes, and fewer new ones.

Tasks that are skipped, or ask no server, get no process; for a program that starts Ansible itself a fork runs.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest
from ansible_kit import ansible, in_path

from difusor.project import ROOT
from difusor.suite.waiting import until

SKIPPED = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: First, ansible.builtin.command: "false", when: "lookup('pipe', asked) == 'x'", register: first}
    - {name: Second, ansible.builtin.command: "{{ nothing }}", when: "lookup('pipe', asked) == 'x'", no_log: true}
    - {name: Third, ansible.builtin.command: "false", when: nothing, ignore_errors: true, register: third}
    - {name: Fourth, ansible.builtin.debug: {msg: "{{ item }} of two"}, loop: [1, 2], when: item == 2}
    - name: Fifth
      ansible.builtin.debug: {msg: "{{ first.skipped }}, {{ first.changed }}, {{ third.failed }}"}
      when: first is skipped
"""
LOCAL = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: First, ansible.builtin.set_fact: {first: "{{ lookup('pipe', asked) }}"}}
    - name: Second
      ansible.builtin.assert: {that: "lookup('pipe', asked) == 'x'", fail_msg: not x}
      ignore_errors: true
      register: second
    - {name: Third, ansible.builtin.set_fact: {third: "{{ lookup('pipe', asked) }}"}, until: first == "", retries: 1}
    - {name: Fourth, ansible.builtin.debug: {msg: "{{ second.failed }}, {{ second.msg }}, {{ third == first }}"}}
"""
GIVEN = """
- hosts: all,nobody
  gather_facts: false
  tasks:
    - name: First
      ansible.builtin.debug:
        msg: "{{ given }}, {{ lookup('pipe', 'echo $GIVEN; grep --text interpreter_kit /proc/$PPID/cmdline') }}"
    - {name: Second, ansible.builtin.fail: }
"""


def run(play: str, folder: Path) -> tuple[str, list[str]]:
    """Return what a run of a play prints, and the ids of the processes that asked for `asked`, in order."""
    asked, path = folder / "asked", folder / "play.yml"
    path.write_text(play)
    done = ansible("playbook", "-i", "localhost,", "-c", "local", "-e", f"asked='echo $PPID >>{asked}'", path)
    assert done.returncode == 0, done
    return " ".join(done.stdout.split()), asked.read_text().split()


def test_a_skipped_task_gets_no_process_and_tells_the_same(tmp_path: Path) -> None:
    """What is asked is the process that evaluates a condition: without a process of their own, the same for both."""
    told, (first, second) = run(SKIPPED, tmp_path)
    assert "True, False, True" in told and "'nothing' is undefined" in told
    assert "2 of two" in told and "1 of two" not in told
    assert "ok=3 changed=0 unreachable=0 failed=0 skipped=2 rescued=0 ignored=1" in told
    assert first == second


def test_a_task_that_asks_no_server_gets_no_process_unless_it_waits(tmp_path: Path) -> None:
    told, (first, second, third) = run(LOCAL, tmp_path)
    assert "True, not x, True" in told
    assert "ok=4 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=1" in told
    assert first == second != third


def test_a_program_that_starts_ansible_gets_a_fork_that_does_the_same(tmp_path: Path) -> None:
    """The play comes from its standard input, and the password that ansible.cfg names from its folder."""
    (tmp_path / "inventories").symlink_to(ROOT / "inventories")
    command = ["ansible-playbook", "-i", "here,", "-c", "local", "-e", "given='two words'", "/dev/stdin"]
    with in_path({"GIVEN": "ñ"}) as environment:
        done = subprocess.run(command, input=GIVEN, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2, done
    assert "two words, ñ" in done.stdout and "interpreter_kit.py" in done.stdout, done
    assert "ignoring: nobody" in done.stderr and "ignoring: nobody" not in done.stdout


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_fork_ends_with_what_the_program_started(number: int, status: int, tmp_path: Path) -> None:
    play = tmp_path / "play.yml"
    os.mkfifo(play)
    command = ["ansible-playbook", "-i", "localhost,", play]
    with in_path() as environment, subprocess.Popen(command, env=environment) as started:
        reads = "Ansible abra el archivo"
        written = until(lambda: os.open(play, os.O_WRONLY | os.O_NONBLOCK), what=reads, despite=(OSError,))
        unread = select.poll()
        unread.register(written, 0)  # it only tells that nobody reads any more
        try:
            # Again and again, since Python heeds none that comes at the moment in which it begins to read.
            until(lambda: started.send_signal(number) or unread.poll(1000), what="la copia deje de leer")
        finally:
            os.close(written)
        assert started.wait() == status
