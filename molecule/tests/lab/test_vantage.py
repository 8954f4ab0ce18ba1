"""A vantage point as an institute gets it on somebody else's machine: an account with Python and curl, without sudo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from port_fixtures import routes, scan
from testinfra.host import Host

from difusor.inventory.variables import Variables
from difusor.servers import identity
from difusor.suite.plugin import SUITE

ACCOUNT = "observador"
CREATE = """
set -e
useradd --create-home --shell /bin/bash {account}
install -d -o {account} -m 0700 /home/{account}/.ssh
install -o {account} -m 0600 ~/.ssh/authorized_keys /home/{account}/.ssh/authorized_keys
"""


@pytest.fixture
def onlooker(untrusted: Host, pytestconfig: pytest.Config) -> Iterator[Host]:
    """Make the account on the citizens' host; return that host as this account enters it."""
    known = pytestconfig.stash[SUITE].inventory
    (name,) = known.groups["untrusted_vantage"]
    values = {**known.hosts[name], "ansible_user": ACCOUNT, "inventory_hostname": ACCOUNT}
    for derived in ("ansible_become", "ansible_ssh_extra_args"):  # `connect` has added them for the other account
        del values[derived]
    inventory = Variables({ACCOUNT: values}, {"all": [ACCOUNT], "untrusted_vantage": [ACCOUNT]})
    untrusted.check_output(CREATE.format(account=ACCOUNT))
    found = identity.connect(inventory, str(pytestconfig.option.ansible_inventory)).get_host(ACCOUNT)
    assert found is not None
    yield found
    # Its connection is kept open for the next command, so its processes may still be there.
    untrusted.check_output("pkill --signal=KILL --uid %s; userdel --force --remove %s", ACCOUNT, ACCOUNT)


def test_an_account_without_sudo_looks_at_a_server(onlooker: Host, variables: dict[str, Any]) -> None:
    """Un punto de observación sin sudo ve los puertos; a lo que no puede trazar una ruta no le pregunta nada."""
    server, elsewhere = variables["difusor_public_address"], "198.51.100.7"
    assert identity.blindness(ACCOUNT, onlooker) == ""
    assert scan(onlooker, {server: "22,80,443"}) == {server: [80, 443]}
    with routes(onlooker, [elsewhere, server], server) as (routed, complaint):
        assert routed == []
    assert "not permitted" in complaint
