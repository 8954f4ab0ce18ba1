"""Tasks that are skipped, or ask no server, in the tests' runs of Ansible: they get no process, and tell the same."""

from __future__ import annotations

from pathlib import Path

from ansible_kit import ansible

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
