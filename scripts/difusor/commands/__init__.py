"""The verbs of `difusor`, one a file."""
