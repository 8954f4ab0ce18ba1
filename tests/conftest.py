"""What every test without a server may use."""

pytest_plugins = ["difusor.repeats"]
