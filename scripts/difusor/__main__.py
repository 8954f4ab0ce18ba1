"""`python -m difusor`."""

from difusor.cli import main

main()
