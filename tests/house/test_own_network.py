"""The network in which the tests run, which tests/conftest.py makes."""

from __future__ import annotations

import os
import subprocess

import pytest


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may leave the machine's network")
def test_no_network_of_the_machine_reaches_the_tests():
    """A network of a lab that came while a page loaded made its browser give up a script, and the page never began."""
    addresses = subprocess.run(["ip", "-brief", "address"], check=True, capture_output=True, text=True).stdout
    assert [line.split() for line in addresses.splitlines() if "/" in line] == [
        ["lo", "UNKNOWN", "127.0.0.1/8", "::1/128"]
    ]
