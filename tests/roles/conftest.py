"""Roles are rendered with the project's own filters, which Ansible finds once its plugin loader is set up."""

from __future__ import annotations

import pytest
from ansible.plugins.loader import init_plugin_loader


@pytest.fixture(scope="session", autouse=True)
def _filters() -> None:
    init_plugin_loader()
