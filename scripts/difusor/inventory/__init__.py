"""Names, types and rules of all variables of a partner (difusor_*) and an election (election_*), defined only here.

The preflight, the scripts and the tests read inventories with this package. Problems are Spanish sentences, because an
operator reads them.
"""

from difusor.inventory.calendar import advice
from difusor.inventory.declared import Declared
from difusor.inventory.hosts import READ, Host, attestations, election_of, load, load_election, load_election_name
from difusor.inventory.model import NAMES, Election, Partner, variable_names
from difusor.inventory.names import role_inputs, unknown
from difusor.inventory.parts import Call, Contact, Decision, Notice, Registration, Revocation, Waiver
from difusor.inventory.problems import JUDGED, problems
from difusor.inventory.sources import election_faults
from difusor.inventory.variables import InventoryError
from difusor.inventory.vaults import vaulted

__all__ = [
    "JUDGED",
    "NAMES",
    "READ",
    "Call",
    "Contact",
    "Decision",
    "Declared",
    "Election",
    "Host",
    "InventoryError",
    "Notice",
    "Partner",
    "Registration",
    "Revocation",
    "Waiver",
    "advice",
    "attestations",
    "election_faults",
    "election_of",
    "load",
    "load_election",
    "load_election_name",
    "problems",
    "role_inputs",
    "unknown",
    "variable_names",
    "vaulted",
]
