"""From when on an account of the server lets nobody in any more."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_kit import load

EXPIRY = load("module_utils/probe/expiry.py")


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ("20000:0:99999:7:::", None),
        ("20000:0:99999:7::20970:", "2027-06-01"),  # chage --expiredate 2027-06-01
        ("20930:0:90:7:::", "2027-07-22"),  # the day after the ninetieth
        ("20930:0:90:7:30::", "2027-07-22"),  # days of grace are for who types a new password
        ("20930:0:90:7::20970:", "2027-06-01"),
        (":0:90:7:::", None),  # without a day of the last change no age is known
        ("20000::::::", None),
        ("20000:0:-1:7::-1:", None),
        ("20000:0:99999:7::99999999999:", None),
        ("20000:0", None),
    ],
)
def test_the_first_day_of_an_account_that_is_shut(fields: str, day: str | None, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shadow.write_text(f"ana:$6$x:{fields}\nroot:*:20000:0:99999:7:::\n")
    assert EXPIRY.days(str(shadow)) == ({} if day is None else {"ana": day})


def test_a_server_without_a_file_of_passwords_ends_no_look(tmp_path: Path) -> None:
    assert EXPIRY.days(str(tmp_path / "shadow")) == {}
