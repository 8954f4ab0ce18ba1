"""The compliance suite: one file a role, and the views from outside. Its plugin is tested like any other code."""

import os

pytest_plugins = [
    "difusor.suite.repeats",
    "difusor.suite.plugin",
    "difusor.suite.vantages",
    "corte_fixtures",
    "site_fixtures",
]

# Tests read what playbooks print; Molecule would have it coloured, and colours stand between a line and its end.
os.environ["ANSIBLE_FORCE_COLOR"] = "0"
