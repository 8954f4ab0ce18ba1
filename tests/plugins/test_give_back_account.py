"""An account that was there before the project is given back as it was: the module on a root of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugin_kit import load

ACCOUNT = load("modules/give_back_account.py")
COMMENT = "Instituto (PREP)"
BEFORE = {
    "passwd": "root:x:0:0::/root:/bin/sh\nana:x:1001:1001:Ana,,,:{home}:/bin/zsh\n",
    "shadow": "root:*:19000:0:99999:7:::\nana:!:19000:0:365:7::20970:\n",
    "group": "sudo:x:27:operador\nana:x:1001:\n",
}
TAKEN = {
    "passwd": f"root:x:0:0::/root:/bin/sh\nana:x:1001:1001:{COMMENT}:{{home}}:/bin/bash\n",
    "shadow": "root:*:19000:0:99999:7:::\nana:$6$x:20000:0:99999:7:::\n",
    "group": "sudo:x:27:operador,ana\nana:x:1001:\n",
}


def account(folder: Path, before: dict[str, str], now: dict[str, str]) -> Any:
    for top, files in (("found", before), ("now", now)):
        (folder / top / "etc").mkdir(parents=True)
        for name, text in files.items():
            (folder / top / "etc" / name).write_text(text.format(home=f"{folder}/home/ana"))
    return ACCOUNT.Account("ana", str(folder / "found"), str(folder / "now"))


def test_everything_that_the_role_set_is_put_back_the_comment_last(tmp_path: Path) -> None:
    ana = account(tmp_path, BEFORE, TAKEN)
    assert ana.is_taken(COMMENT)
    assert [command for _, command in ana.commands("sudo")] == [
        ["chpasswd", "--encrypted"],
        ["chage", "--lastday=19000", "--maxdays=365", "--expiredate=20970", "ana"],
        ["gpasswd", "--delete", "ana", "sudo"],
        ["usermod", "--shell", "/bin/zsh", "ana"],
        ["usermod", "--comment", "Ana,,,", "ana"],
    ]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (BEFORE, BEFORE),  # given back already
        ({**BEFORE, "passwd": "root:x:0:0::/root:/bin/sh\n"}, TAKEN),  # the project made it
        (BEFORE, {**TAKEN, "passwd": "root:x:0:0::/root:/bin/sh\n"}),  # somebody has removed it
        ({}, TAKEN),  # nothing is known of before
    ],
)
def test_an_account_that_was_not_taken_over_is_left_alone(
    before: dict[str, str], now: dict[str, str], tmp_path: Path
) -> None:
    assert not account(tmp_path, before, now).is_taken(COMMENT)


def test_what_is_as_it_was_is_not_touched(tmp_path: Path) -> None:
    """The outlet had put it into sudo itself, and its password had no date of its own."""
    before = {**TAKEN, "passwd": BEFORE["passwd"], "shadow": "ana:$6$x::0::7:::\n"}
    assert [command for _, command in account(tmp_path, before, TAKEN).commands("sudo")] == [
        ["chage", "--lastday=-1", "--maxdays=-1", "--expiredate=-1", "ana"],
        ["usermod", "--shell", "/bin/zsh", "ana"],
        ["usermod", "--comment", "Ana,,,", "ana"],
    ]


@pytest.mark.parametrize("kept", ["ssh-ed25519 A\n", None])
def test_the_keys_of_before_are_the_only_ones(kept: str | None, tmp_path: Path) -> None:
    ana = account(tmp_path, BEFORE, TAKEN)
    keys = tmp_path / "home/ana/.ssh/authorized_keys"
    copy = Path(f"{tmp_path}/found{keys}")
    for folder in (keys.parent, copy.parent):
        folder.mkdir(parents=True)
    keys.write_text("ssh-ed25519 DELINSTITUTO\n")
    if kept:
        copy.write_text(kept)
    assert ACCOUNT.restore_keys(*ana.keys(), check_mode=True)
    assert keys.read_text() == "ssh-ed25519 DELINSTITUTO\n", "a preview changes nothing"
    assert ACCOUNT.restore_keys(*ana.keys(), check_mode=False)
    assert (keys.read_text() if keys.exists() else None) == kept
    assert not ACCOUNT.restore_keys(*ana.keys(), check_mode=False)
    assert [each.name for each in keys.parent.iterdir()] == ["authorized_keys"] * bool(kept)


def test_no_keys_are_written_through_a_link_of_the_account(tmp_path: Path) -> None:
    """The folder may be a link to root's by now, whose keys would be replaced."""
    ana = account(tmp_path, BEFORE, TAKEN)
    keys = tmp_path / "home/ana/.ssh/authorized_keys"
    copy, roots = Path(f"{tmp_path}/found{keys}"), tmp_path / "root"
    for folder in (keys.parents[1], copy.parent, roots):
        folder.mkdir(parents=True)
    copy.write_text("ssh-ed25519 A\n")
    assert not ACCOUNT.restore_keys(*ana.keys(), check_mode=False), "somebody has removed the folder"
    keys.parent.symlink_to(roots)
    assert not ACCOUNT.restore_keys(*ana.keys(), check_mode=False)
    assert not list(roots.iterdir())
