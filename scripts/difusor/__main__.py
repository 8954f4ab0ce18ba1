"""`python -m difusor`."""

from difusor.cli import app

app()
