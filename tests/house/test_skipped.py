"""Tasks that `when` skips, in the tests' runs of Ansible: no process is started for them, and nothing else differs."""

from __future__ import annotations

from pathlib import Path

from ansible_kit import ansible

PLAY = """
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


def test_a_skipped_task_gets_no_process_and_tells_the_same(tmp_path: Path) -> None:
    """What is asked is the process that evaluates a condition: without a process of their own, the same for both."""
    asked, play = tmp_path / "asked", tmp_path / "play.yml"
    play.write_text(PLAY)
    done = ansible("playbook", "-i", "localhost,", "-c", "local", "-e", f"asked='echo $PPID >>{asked}'", play)
    told = " ".join(done.stdout.split())
    assert done.returncode == 0, done
    assert "True, False, True" in told and "'nothing' is undefined" in told, done
    assert "2 of two" in told and "1 of two" not in told
    assert "ok=3 changed=0 unreachable=0 failed=0 skipped=2 rescued=0 ignored=1" in told
    first, second = asked.read_text().split()
    assert first == second
