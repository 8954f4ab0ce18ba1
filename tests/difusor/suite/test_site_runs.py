"""What a test of a lab's server reads of the runs of playbooks that it starts."""

from __future__ import annotations

from suite_kit import load

SITE_RUNS = load("site_runs.py")
PRINTED = """\
PLAY [Provision the difusor] ***************************************************

TASK [chrony : Write the configuration] ****************************************
ok: [difusor]

TASK [nginx : Write the files of the site] *************************************
ok: [difusor] => (item=first.conf)
changed: [difusor] => (item=second.conf)

RUNNING HANDLER [nginx : Reload nginx] *****************************************
changed: [difusor]

TASK [Say what changed] ********************************************************
ok: [difusor] =>
    msg: 'changed: [nothing]'
"""
FAILED = """
TASK [prep : Load the image] ***************************************************
fatal: [difusor]: FAILED! =>
    changed: false
    cmd: docker load
    msg: no space left on device

PLAY RECAP *********************************************************************
"""


def test_the_tasks_and_handlers_that_changed_something_are_named() -> None:
    assert SITE_RUNS.changed_tasks(PRINTED) == ["nginx : Write the files of the site", "nginx : Reload nginx"]


def test_the_fault_is_that_of_the_last_task_that_failed() -> None:
    assert SITE_RUNS.fault(PRINTED) == ""
    assert SITE_RUNS.fault(PRINTED + FAILED) == "prep : Load the image: msg: no space left on device\n\n"
