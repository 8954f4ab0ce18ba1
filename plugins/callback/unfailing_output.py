"""Let a play go on to its end when what it says can be written no more, as after `| head` or on a full disk.

Ansible writes in its main process, on which the play depends: the error would end it between two tasks, or leave it
waiting for ever. Callback plugins are loaded there when a run has something to tell, and by no program that only reads.
"""

from __future__ import annotations

import sys

from ansible.plugins.callback import CallbackBase

from difusor.process import streams

DOCUMENTATION = r"""
name: unfailing_output
type: aggregate
short_description: Let no full disk and no broken pipe under Ansible's own output end a play
description: Has standard output and standard error of the run take what they are given; tells nothing itself.
author: [prep-difusor]
options: {}
"""


class CallbackModule(CallbackBase):
    """Has no answer to any event, so that Ansible never calls it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "unfailing_output"

    def __init__(self) -> None:
        """Make the two streams unfailing, before the first play."""
        super().__init__()
        streams.never_fail(sys.stdout)
        streams.never_fail(sys.stderr)
