"""The calls of the project, as tests need them: the first one by name, and results that say they are of it."""

from __future__ import annotations

import yaml

from difusor import spec
from difusor.project import ROOT
from difusor.report.results import Results, load

RESULTS = ROOT / "tests/data/results.json"
NAME: str = yaml.safe_load((ROOT / "inventories/ejemplo/election.yml").read_text(encoding="utf-8"))["all"]["vars"][
    "election_spec"
]
"""The call of the example inventory, with all clauses that the project was first written for."""
FIRST = spec.load(NAME)


def results() -> Results:
    """Return the stored results of one server, as measured for the first call."""
    found = load(RESULTS)
    servers = {
        name: server.model_copy(
            update={"declared": server.declared.model_validate({**server.declared.model_dump(), "election_spec": NAME})}
        )
        for name, server in found.servers.items()
    }
    return found.model_copy(update={"servers": servers})
