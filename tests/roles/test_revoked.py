"""What the roles leave on a server that the institute took off the list: no secret, no signer, no account."""

from __future__ import annotations

import re
from typing import Any

import pytest
from role_kit import render, value

ACCOUNT: dict[str, Any] = {"accounts_admin_user": "instituto", "accounts_revoked": True}


@pytest.mark.parametrize("revoked", [False, True])
def test_an_account_that_was_there_before_the_project_is_not_removed(revoked: bool) -> None:
    """The outlet may have made it for the institute; its home is the outlet's."""
    accounts = {name: {"comment": "Instituto (PREP)"} for name in ("ana", "instituto2")}
    facts = {"user_id": "operador", "accounts": accounts, "accounts_before": ["root", "operador", "ana"]}
    inputs = {**ACCOUNT, "accounts_revoked": revoked, "ansible_facts": facts}
    assert value("accounts", "_accounts_former_admins", inputs) == ["instituto2"]
    assert value("accounts", "_accounts_former_taken", inputs) == ["ana"], "it is given back as it was"


@pytest.mark.parametrize(("login", "taken"), [("operador", ["instituto"]), ("instituto", [])])
def test_the_institutes_account_is_given_back_only_when_it_was_there_before_and_its_time_is_over(
    login: str, taken: list[str]
) -> None:
    accounts = {name: {"comment": "Instituto (PREP)"} for name in ("instituto", "instituto2")}
    facts = {"user_id": login, "accounts": accounts, "accounts_before": ["root", "operador", "instituto"]}
    inputs = {"accounts_admin_user": "instituto", "ansible_facts": facts}
    assert value("accounts", "_accounts_taken", inputs) == taken
    assert value("accounts", "_accounts_former_taken", inputs) == []
    assert value("accounts", "_accounts_former_taken", {**inputs, "accounts_revoked": True}) == taken


def test_neither_secret_nor_signers_stay() -> None:
    assert render("rsync", "etc/rsyncd.secrets", {"rsync_revoked": True, "rsync_secret": "x"}).strip() == ""
    assert render("corte", "etc/prep-corte/allowed_signers", {"corte_revoked": True, "corte_signers": []}).strip() == ""


@pytest.mark.parametrize(("login", "left"), [("ubuntu", []), ("instituto", ["instituto"])])
def test_the_institutes_account_leaves_unless_it_is_the_way_in(login: str, left: list[str]) -> None:
    known = {name: {"comment": "Instituto (PREP)"} for name in ("instituto", "instituto2")}
    accounts = {**known, "ubuntu": {"comment": ""}}
    inputs = {**ACCOUNT, "ansible_facts": {"user_id": login, "accounts": accounts, "accounts_before": ["root"]}}
    removed = value("accounts", "_accounts_former_admins", inputs)
    assert sorted({*known} - {*removed}) == left
    rules = [render("accounts", f"etc/sudoers.d/{name}", inputs) for name in ("prep-difusor", "zz-prep-difusor")]
    assert re.findall(r"(?m)^(\w+) ALL=", "".join(rules)) == left
