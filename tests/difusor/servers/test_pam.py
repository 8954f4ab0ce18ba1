"""Lines of PAM that may keep the institute's account out are told before the run that would end at them."""

from __future__ import annotations

from pathlib import Path

from plugin_kit import load

from difusor.servers.neighbours import Neighbours
from difusor.servers.notices import rows

probe = load("module_utils/probe/pam.py")
DEBIANS = """account    required     pam_nologin.so
# account  required     pam_access.so
@include common-account
session [success=ok ignore=ignore] pam_selinux.so close
"""
COMMON = """account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
"""


def choosing(folder: Path, **stacks: str) -> list[str]:
    """Return the file's name and the line of each that is found in these stacks."""
    for name, text in stacks.items():
        (folder / name.replace("_", "-")).write_text(text)
    found: list[str] = probe.choosing(folder=str(folder))
    return [line.removeprefix(f"{folder}/") for line in found]


def test_what_the_distribution_brings_is_no_choice(tmp_path: Path) -> None:
    assert choosing(tmp_path, sshd=DEBIANS, common_account=COMMON) == []


def test_a_line_that_admits_some_accounts_is_told_in_whichever_stack_it_stands(tmp_path: Path) -> None:
    own = "account required pam_listfile.so onerr=fail item=user sense=allow\n"
    found = choosing(
        tmp_path,
        sshd=f"-account\t[default=bad success=ok] \\\n\tpam_access.so\nauth required pam_succeed_if.so\n{DEBIANS}",
        common_account=COMMON + "account substack propia\naccount include sshd\n",
        propia=own,
    )
    assert found == ["sshd: -account [default=bad success=ok] pam_access.so", f"propia: {own.strip()}"]


def test_the_choice_is_told_before_the_first_run_only() -> None:
    line = "/etc/pam.d/sshd: account required pam_access.so"
    ((what, names),) = rows(Neighbours(account="instituto", choosing=(line,)), (80, 443))
    assert "«instituto», la del Instituto, tiene que estar entre ellas" in what
    assert names == [line]
    assert rows(Neighbours(choosing=(line,), mirror_of=("prep.diario.mx",)), (80, 443)) == []
