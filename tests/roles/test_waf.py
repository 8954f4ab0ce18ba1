"""The WAF's container: what its image runs fits the bounds that the role gives it."""

from __future__ import annotations

import re

import pytest
import role_kit

from difusor.project import ROOT

MASTER = 1
LOG = 2
HEALTH = 4
"""Processes beside the workers: nginx's first, those that pass on its log, and a look at its health."""


@pytest.mark.parametrize(("image", "role"), [("waf", "waf"), ("prep", "prep")])
def test_a_reload_fits_whatever_processors_the_host_has(image: str, role: str) -> None:
    """One for each of 48 processors, and as many while a change is loaded, were refused, and then none was left."""
    said = (ROOT / f"containers/{image}/rootfs/etc/nginx/nginx.conf").read_text(encoding="utf-8")
    (workers,) = re.findall(r"^worker_processes (\d+);", said, re.MULTILINE)
    assert MASTER + 2 * int(workers) + LOG + HEALTH <= role_kit.value(role, f"{role}_pids", {})
