"""Names, types and rules of all variables of a partner (difusor_*) and an election (election_*), defined only here.

The preflight, the scripts and the tests read inventories with this package. Problems are Spanish sentences, because an
operator reads them.

A name is imported when it is first used. Every run of Ansible loads the modules that look at an inventory's files, and
most runs need nothing else; the models of the variables, with pydantic, take longer to import than Ansible itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from difusor.inventory.calendar import advice as advice
    from difusor.inventory.calendar import counts as counts
    from difusor.inventory.calendar import polling_day as polling_day
    from difusor.inventory.calendar import polling_day_of as polling_day_of
    from difusor.inventory.certificates import shortfall as shortfall
    from difusor.inventory.checking import JUDGED as JUDGED
    from difusor.inventory.checking import problems as problems
    from difusor.inventory.declared import Declared as Declared
    from difusor.inventory.hosts import READ as READ
    from difusor.inventory.hosts import Host as Host
    from difusor.inventory.hosts import attestations as attestations
    from difusor.inventory.hosts import election_file as election_file
    from difusor.inventory.hosts import election_of as election_of
    from difusor.inventory.hosts import is_asked_too as is_asked_too
    from difusor.inventory.hosts import is_shared as is_shared
    from difusor.inventory.hosts import load as load
    from difusor.inventory.hosts import load_election as load_election
    from difusor.inventory.hosts import load_election_name as load_election_name
    from difusor.inventory.hosts import servers as servers
    from difusor.inventory.hosts import zone_of as zone_of
    from difusor.inventory.model import NAMES as NAMES
    from difusor.inventory.model import Election as Election
    from difusor.inventory.model import Partner as Partner
    from difusor.inventory.model import variable_names as variable_names
    from difusor.inventory.names import role_inputs as role_inputs
    from difusor.inventory.names import unknown as unknown
    from difusor.inventory.parts import Call as Call
    from difusor.inventory.parts import Contact as Contact
    from difusor.inventory.parts import Decision as Decision
    from difusor.inventory.parts import Notice as Notice
    from difusor.inventory.parts import Registration as Registration
    from difusor.inventory.parts import Revocation as Revocation
    from difusor.inventory.parts import Waiver as Waiver
    from difusor.inventory.sources import election_faults as election_faults
    from difusor.inventory.variables import InventoryError as InventoryError
    from difusor.inventory.vaults import vaulted as vaulted

MODULES = {
    "calendar": ("advice", "counts", "polling_day", "polling_day_of"),
    "certificates": ("shortfall",),
    "checking": ("JUDGED", "problems"),
    "declared": ("Declared",),
    "hosts": (
        "READ", "Host", "attestations", "election_file", "election_of", "is_asked_too", "is_shared",
        "load", "load_election", "load_election_name", "servers", "zone_of",
    ),
    "model": ("NAMES", "Election", "Partner", "variable_names"),
    "names": ("role_inputs", "unknown"),
    "parts": ("Call", "Contact", "Decision", "Notice", "Registration", "Revocation", "Waiver"),
    "sources": ("election_faults",),
    "variables": ("InventoryError",),
    "vaults": ("vaulted",),
}  # fmt: skip
"""The module of each name."""


def __getattr__(name: str) -> Any:
    """Import a name of the package."""
    for module, names in MODULES.items():
        if name in names:
            found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
