"""What the roles leave on a server that the institute took off the list: no secret, no signer, no account."""

from __future__ import annotations

import re
from typing import Any

import pytest
from role_kit import render, value

ACCOUNT: dict[str, Any] = {"accounts_admin_user": "instituto", "accounts_revoked": True}


def test_neither_secret_nor_signers_stay() -> None:
    assert render("rsync", "etc/rsyncd.secrets", {"rsync_revoked": True, "rsync_secret": "x"}).strip() == ""
    assert render("corte", "etc/prep-corte/allowed_signers", {"corte_revoked": True, "corte_signers": []}).strip() == ""


@pytest.mark.parametrize(("login", "left"), [("ubuntu", []), ("instituto", ["instituto"])])
def test_the_institutes_account_leaves_unless_it_is_the_way_in(login: str, left: list[str]) -> None:
    known = {name: {"comment": "Instituto (PREP)"} for name in ("instituto", "instituto2")}
    inputs = {**ACCOUNT, "ansible_facts": {"user_id": login, "accounts": {**known, "ubuntu": {"comment": ""}}}}
    removed = value("accounts", "_accounts_former_admins", inputs)
    assert sorted({*known} - {*removed}) == left
    assert re.findall(r"(?m)^(\w+) ALL=", render("accounts", "etc/sudoers.d/prep-difusor", inputs)) == left
