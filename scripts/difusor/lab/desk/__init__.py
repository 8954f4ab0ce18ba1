"""The desk rehearsed without a server: a made-up election, a dozen made-up outlets, and what a clerk sees of them."""

from difusor.project import BUILD

FOLDER = BUILD / "escritorio"
"""Where `difusor demo --desk` makes the office, anew each time."""
