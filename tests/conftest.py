"""What every test without a server may use."""

from hypothesis import settings

pytest_plugins = ["difusor.repeats"]

# How long an example takes is the machine's affair.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
