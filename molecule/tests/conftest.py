"""The compliance suite: three folders, by where a test has to run.

server/   on the server itself, without changing it; its results go into the dictamen
outside/  from other hosts, trusted or not, without changing anything; its results go into the dictamen, too
lab/      tests that alter or destroy; they run only with --lab, and only against a lab

Each folder has one file for each role, with the role's name, and files for subjects that concern several roles.
"""

import os

pytest_plugins = [
    "difusor.suite.repeats",
    "difusor.suite.plugin",
    "difusor.suite.fixtures",
    "clock_fixtures",
    "corte_fixtures",
    "port_fixtures",
    "web_fixtures",
]

# Tests match the lines that playbooks print; Molecule turns on colours, whose codes would break the match.
os.environ["ANSIBLE_FORCE_COLOR"] = "0"
