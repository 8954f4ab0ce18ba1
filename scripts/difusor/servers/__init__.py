"""How one reaches a difusor's server, and looks at it from inside and outside."""
