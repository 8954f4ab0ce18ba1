"""Let the other plugins import `difusor` and `corte`, whichever installation of Ansible runs the playbooks.

The environment that ./difusor makes has the project installed; another Ansible with the collections of requirements.yml
may run the playbooks too, but does not have it. Ansible loads callbacks at the start of every run, in the process whose
forks later run the actions and filters, so a folder added to the path here is known to all of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ansible.plugins.callback import CallbackBase

SCRIPTS = str(Path(__file__).resolve().parents[2] / "scripts")

if SCRIPTS not in sys.path:
    sys.path.insert(0, SCRIPTS)

DOCUMENTATION = r"""
name: project_path
type: aggregate
short_description: Let the project's plugins import its Python packages
description: Adds C(scripts/) to Python's path when a run starts; reacts to no event.
author: [IMPEPAC UTSIC]
"""


class CallbackModule(CallbackBase):
    """A callback without events: loading this file has added the folder to the path already."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "project_path"
