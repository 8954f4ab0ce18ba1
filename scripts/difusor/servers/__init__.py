"""Reaches a difusor's servers and examines them, from inside and from other machines."""
