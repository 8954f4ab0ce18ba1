#!/usr/bin/python
"""Gives an account that was there before the project back as it was: keys, password, shell, comment, no sudo."""

from __future__ import annotations

import os
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: give_back_account
short_description: Undo what the role accounts has done to an account that was there before
description:
  - Puts back what the copy of C(/etc) from before the first run says of the account. These are the password's hash with
    its last change and maximum age, the day on which the account ends, the shell, the comment, and whether the account
    belongs to C(group). Its authorized keys become those of before, or none.
  - An account that the role has not taken over, or that was not there before, is left alone.
options:
  name:
    description: Name of the account.
    type: str
    required: true
  comment:
    description: The comment that the role gives to an account that it takes over.
    type: str
    required: true
  group:
    description: The group that the role puts it into.
    type: str
    default: sudo
  record:
    description: The folder in which managed_files keeps its record.
    type: path
    default: /var/lib/prep-difusor
author: [prep-difusor]
"""

EXAMPLES = r"""
- name: Give the account back
  give_back_account:
    name: instituto
    comment: Instituto (PREP)
"""

RETURN = r"""
restored: {description: "What was put back, as keys, password, shell.", type: list, returned: always}
"""

KEYS = ".ssh/authorized_keys"
AGES = (("lastday", 2), ("maxdays", 4), ("expiredate", 7))  # options of chage, and their fields in shadow


class Account:
    """An account as it is below `now`, and as it was below `found`; both are folders with an etc."""

    def __init__(self, name, found, now="/"):
        """Read what both say of the account; a part is empty where there is no such account."""
        self.name, self.found = name, found
        self.was, self.now = (entry(os.path.join(top, "etc/passwd"), name, 7) for top in (found, now))
        self.secret_was, self.secret = (entry(os.path.join(top, "etc/shadow"), name, 8) for top in (found, now))
        self.groups = [os.path.join(top, "etc/group") for top in (found, now)]

    def is_taken(self, comment):
        """Tell whether the account was there before, and carries the comment of the role by now."""
        return bool(self.was and self.now and self.now[4] == comment)

    def commands(self, group):
        """Return [(what it puts back, command)]; the comment is the last, because it says that there is work left."""
        found = []
        if self.secret_was and self.secret and self.secret_was[1] != self.secret[1]:
            # Every account may read a command line, so the hash goes by standard input.
            is_open = self.secret_was[1] == ""
            found.append(("password", ["passwd", "--delete", self.name] if is_open else ["chpasswd", "--encrypted"]))
        if self.secret_was and self.secret and any(self.secret_was[at] != self.secret[at] for at in (1, 2, 3, 4, 7)):
            ages = ["--%s=%s" % (name, self.secret_was[place] or -1) for name, place in AGES]
            found.append(("ages of account and password", ["chage", *ages, self.name]))
        belonged, belongs = (self.name in members(path, group) for path in self.groups)
        if belongs and not belonged:
            found.append((group, ["gpasswd", "--delete", self.name, group]))
        if self.was[6] != self.now[6]:
            found.append(("shell", ["usermod", "--shell", self.was[6], self.name]))
        if self.was[4] != self.now[4]:
            found.append(("comment", ["usermod", "--comment", self.was[4], self.name]))
        return found

    def keys(self):
        """Return (the keys' file, the kept original or None)."""
        path = os.path.join(self.now[5], KEYS)
        kept = os.path.join(self.found, path.lstrip("/"))
        return path, kept if os.path.isfile(kept) else None


def entry(path, name, least):
    """Return the fields of a name in passwd or shadow; empty when it is not there, or has fewer than `least`."""
    fields = (line.split(":") for line in text(path).splitlines())
    return next((each for each in fields if each[0] == name and len(each) >= least), [])


def members(path, group):
    """Return the members of a group by the file at `path`."""
    return (entry(path, group, 4) or [""])[-1].split(",")


def text(path):
    """Return the text of a file, with every byte preserved, as an old comment may have; "" when there is no file."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def restore_keys(path, kept, check_mode):
    """Put the keys' file back, or remove it where there was none; return whether it was another one.

    Nothing is written through a link that the account may have put in the place of its folder.
    """
    folder = os.path.dirname(path)
    if os.path.islink(folder) or not os.path.isdir(folder):
        return False
    if kept is None:
        if not os.path.lexists(path):
            return False
        if not check_mode:
            os.remove(path)
        return True
    if text(kept) == text(path):
        return False
    if not check_mode:
        # A name that nobody can foresee: the folder belongs to the account, which could have a link waiting there.
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".prep-old-")
        with open(kept, "rb") as original, os.fdopen(handle, "wb") as target:
            status = os.fstat(original.fileno())
            target.write(original.read())
            os.fchown(target.fileno(), status.st_uid, status.st_gid)
            os.fchmod(target.fileno(), stat.S_IMODE(status.st_mode))
        os.replace(temporary, path)
    return True


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "comment": {"type": "str", "required": True},
            "group": {"type": "str", "default": "sudo"},
            "record": {"type": "path", "default": "/var/lib/prep-difusor"},
        },
        supports_check_mode=True,
    )
    given = module.params
    account = Account(given["name"], os.path.join(given["record"], "found"))
    restored = []
    if account.is_taken(given["comment"]):
        restored += ["keys"] if restore_keys(*account.keys(), check_mode=module.check_mode) else []
        for what, command in account.commands(given["group"]):
            restored.append(what)
            secret = "%s:%s" % (account.name, account.secret_was[1]) if command[0] == "chpasswd" else None
            code, _, said = (0, "", "") if module.check_mode else module.run_command(command, data=secret)
            if code != 0:
                module.fail_json(msg="no se pudo devolver «%s» de %s: %s" % (what, given["name"], said.strip()))
    module.exit_json(changed=bool(restored), restored=restored)


if __name__ == "__main__":
    main()
