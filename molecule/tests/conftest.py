"""The compliance suite, by where one has to stand to judge: `server`, `outside`, `lab`.

server/   on the server itself, which is only read: what issues an official paper
outside/  from other hosts, trusted or not, which only look: what issues an official paper, too
lab/      whatever alters or destroys; it runs with --lab only, and against nothing but a lab

In each folder one file a role, by its name, and files for what concerns several roles.
"""

import os

pytest_plugins = [
    "difusor.suite.repeats",
    "difusor.suite.plugin",
    "difusor.suite.vantages",
    "corte_fixtures",
    "port_fixtures",
    "web_fixtures",
]

# Tests read what playbooks print; Molecule would have it coloured, and colours stand between a line and its end.
os.environ["ANSIBLE_FORCE_COLOR"] = "0"
