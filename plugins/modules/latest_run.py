#!/usr/bin/python
"""Refuses to go on with a run when another one began later on this server; changes nothing."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.runs import refuse_older

DOCUMENTATION = """
module: latest_run
short_description: Fail when another run of the project began later on this server
description:
  - For what modules of others do, such as ending sessions. The project's own modules that change a server compare by
    themselves, and so do the actions C(unit) and C(container).
options:
  run:
    description: The word of this run, which C(reach_server) left on the server; empty when it left none.
    type: str
    default: ""
author: [prep-difusor]
"""
EXAMPLES = """
- name: Refuse to go on when another run began later
  latest_run:
    run: "{{ preflight_run }}"
"""


def main():
    """Run the module."""
    module = AnsibleModule(argument_spec={"run": {"type": "str", "default": ""}}, supports_check_mode=True)
    refuse_older(module, module.params["run"])
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
