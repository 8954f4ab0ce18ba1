"""From when on an account of the server lets nobody in any more, by a key as little as by a password."""

from __future__ import annotations

from datetime import date, timedelta

from ansible.module_utils.probe import read

LAST_CHANGE, OLDEST, EXPIRES = 2, 4, 7  # fields of a line of shadow, in days; the first and the last since 1970
NEVER = 10000  # the age in days from which on a password counts as one that never ends, as `chage --list` has it


def days(shadow="/etc/shadow"):
    """Return {account: the first day on which it is shut, as 2027-05-31}, of those accounts that have such a day.

    Days are of UTC. Once the password is too old sshd asks for a new one, whatever opened the door, and runs no
    command; the days of grace that the account may have besides (inactivity) are for typing one.
    """
    found = {}
    for line in read(shadow).splitlines():
        fields = line.split(":")
        ends = list(_ends(fields)) if len(fields) > EXPIRES else []
        if ends:
            found[fields[0]] = str(date(1970, 1, 1) + timedelta(days=min(ends)))
    return found


def _ends(fields):
    changed, oldest, expires = (_number(fields[place]) for place in (LAST_CHANGE, OLDEST, EXPIRES))
    if expires is not None:
        yield expires
    if changed and oldest is not None and oldest < NEVER:  # without a day of the last change no age is known
        yield changed + oldest + 1


def _number(text):
    """Return a number of days from 0 on that a calendar has; None for anything else, as for an empty field."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
