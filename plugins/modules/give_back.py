#!/usr/bin/python
"""Restores every path that `managed_files` changed, and compares the server with its state before the first change."""

from __future__ import annotations

import os
import re
import shutil
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.ours import ours
from ansible.module_utils.probe import written
from ansible.module_utils.probe.record import is_late, is_whole
from ansible.module_utils.runs import refuse_older

DOCUMENTATION = r"""
module: give_back
short_description: Undo what managed_files has done to a server, and compare the server with how it was found
description:
  - A file or link that was there before is put back with its owner and mode; one that managed_files added is removed.
  - A link to a file that was there before and that its owner has deleted since is not put back.
  - A folder that managed_files made is removed when it is empty.
  - The comparison covers all of C(/etc), the packages, accounts and groups, whoever changed them; C(own) skips it.
  - A record that is damaged is not believed, and nothing is restored or removed.
options:
  restore:
    description: Whether to restore the paths; otherwise the server is only compared.
    type: bool
    default: false
  own:
    description: Whether to restore only what comes from the templates of the calling role, and C(paths).
    type: bool
    default: false
  paths:
    description: Further paths of that role, not among its templates; one ending in a slash means everything below it.
    type: list
    elements: str
    default: []
  also:
    description: Paths that other modules have changed; those that existed before are put back.
    type: list
    elements: path
    default: []
  modes:
    description: Paths whose former owner and mode are restored.
    type: list
    elements: path
    default: []
  opened:
    description:
      - Folders through which the project has given others a way (C(chmod o+x)). It is taken back where they had none
        before and nothing else of the mode has changed.
    type: list
    elements: path
    default: []
  forget:
    description: Paths that are their owner's again; they are taken off the record, and nothing restores them any more.
    type: list
    elements: path
    default: []
  record:
    description: The folder in which managed_files keeps its record.
    type: path
    default: /var/lib/prep-difusor
  run:
    description: The word of this run; when a later run has left its own on the server, nothing is restored.
    type: str
    default: ""
author: [prep-difusor]
"""

EXAMPLES = r"""
- name: Remove what the role has installed, and restore what was there before
  give_back:
    restore: true
    own: true
    paths: [/usr/local/lib/prep-corte/]

- name: Restore all other paths
  give_back:
    restore: true
"""

RETURN = r"""
recorded: {description: Whether managed_files has ever changed this server., type: bool, returned: always}
late: {description: Whether that record was begun when the project was on it already., type: bool, returned: always}
paths: {description: "What managed_files has written, removed or made.", type: list, returned: always}
also: {description: "The paths given as C(also).", type: list, returned: always}
restored: {description: Paths that were put back as they had been., type: list, returned: always}
removed: {description: Files and links of the project that were removed., type: list, returned: always}
forgotten: {description: Paths that were taken off the record., type: list, returned: always}
etc: {description: "Paths in /etc: C(added), C(missing), C(changed), C(attributes).", type: dict, returned: without own}
packages: {description: "Names, as C(added) and C(missing).", type: dict, returned: without own}
accounts: {description: "Names, as C(added) and C(missing).", type: dict, returned: without own}
groups: {description: "Names, as C(added) and C(missing).", type: dict, returned: without own}
"""

DAMAGED = (
    "El registro de cómo estaba este servidor antes del proyecto (%s) está incompleto, y con él se borrarían archivos, "
    "cuentas y paquetes del difusor; no se tocó nada más. Tráigalo de un respaldo y repita, o instale el servidor de "
    "nuevo. Si una devolución anterior ya había dejado su informe en build/remove, el servidor ya está devuelto: basta "
    "con borrar esa carpeta."
)
STATUS = "var/lib/dpkg/status"
# Between the two lines dpkg writes others, such as Essential. The third word of Status is how far the package has come.
PACKAGE = re.compile(
    r"^Package: (\S+)\n(?:(?!Status:)\S.*\n)*?Status: \S+ \S+ (?!not-installed$|config-files$)\S+$", re.MULTILINE
)


class Record:
    """The record that managed_files keeps of a server's original state."""

    def __init__(self, folder, top="/"):
        """Take the folder of the record; `top` is the server's root."""
        self.top, self.folder = top, folder
        self.found = os.path.join(folder, "found")
        self.list = os.path.join(folder, "paths")
        self.paths = read(self.list).splitlines()
        self.exists = bool(self.paths)

    def original(self, path):
        """Return the path of the kept original of a path, or None when there was none that can be put back."""
        kept = os.path.join(self.found, path.lstrip("/"))
        return kept if os.path.lexists(kept) and not self.leads_nowhere(kept, path) else None

    def leads_nowhere(self, kept, path):
        """Tell whether `kept` is a link to what was there before, and its owner has deleted since.

        nginx does not start where a link among its sites leads nowhere.
        """
        if not os.path.islink(kept):
            return False
        target = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(kept)))
        was_there = os.path.lexists(os.path.join(self.found, target.lstrip("/")))
        return was_there and not os.path.lexists(target) and target not in self.paths

    def restore(self, paths, also, modes, check_mode):
        """Restore path by path, the latest change first; without `paths`, all. Return (restored, removed)."""
        touched = ours(self.paths, paths)
        files = [path for path in touched if not path.endswith("/")]
        restored = [path for path in [*files, *also] if self.differs(path)]
        removed = [path for path in files if os.path.lexists(path) and not self.original(path)]
        if not check_mode:
            written.forget(self.folder, {path.rstrip("/") for path in touched})
            for path in restored:
                put_back(self.original(path), path)
            for path in removed:
                os.remove(path)
            for path in filter(self.original, modes):
                copy_attributes(self.original(path), path)
            for path in (path for path in touched if path.endswith("/")):
                remove_empty(path)
        return restored, removed

    def close(self, folders, check_mode):
        """Take others' way through these folders back where they had none before; return those folders."""
        closed = []
        for path in folders:
            kept = self.original(path)
            if kept and os.path.isdir(path):
                was, now = (stat.S_IMODE(os.stat(each).st_mode) for each in (kept, path))
                if now == was | stat.S_IXOTH != was:
                    closed.append(path)
                    if not check_mode:
                        os.chmod(path, was)
        return closed

    def forget(self, paths, check_mode):
        """Take paths off the record; return those that were on it."""
        forgotten = [path for path in self.paths if path in paths]
        if forgotten and not check_mode:
            lines = read(self.list).splitlines(keepends=True)
            with open(self.list + ".new", "w", encoding="latin-1", newline="") as file:
                file.write("".join(line for line in lines if line.strip("\n") not in paths))
            self.paths = [path for path in self.paths if path not in paths]
            written.forget(self.folder, paths)
            copy_attributes(self.list, self.list + ".new")
            os.replace(self.list + ".new", self.list)
        return forgotten

    def differs(self, path):
        """Tell whether a path existed before and now differs from its kept original."""
        kept = self.original(path)
        return kept is not None and (not os.path.lexists(path) or describe(kept) != describe(path))

    def differences(self):
        """Compare the server with its recorded original state."""
        before, after = entries(self.found), entries(self.top)
        both = before.keys() & after.keys()
        changed = {path for path in both if before[path][0] != after[path][0]}
        attributes = {path for path in both - changed if before[path] != after[path]}
        return {
            "etc": dict(compare(before, after), changed=sorted(changed), attributes=sorted(attributes)),
            "packages": compare(*(packages(read(os.path.join(top, STATUS))) for top in (self.found, self.top))),
            "accounts": compare(*(names(read(os.path.join(top, "etc/passwd"))) for top in (self.found, self.top))),
            "groups": compare(*(names(read(os.path.join(top, "etc/group"))) for top in (self.found, self.top))),
        }


def compare(before, after):
    """Return the names added and the names missing between two lists."""
    return {"added": sorted(set(after) - set(before)), "missing": sorted(set(before) - set(after))}


def packages(status):
    """Return the names of the packages in the text of dpkg's status file: installed, or left half-way.

    One that somebody's apt was just installing when the server was recorded is the owner's, not the project's.
    """
    return PACKAGE.findall(status)


def names(listing):
    """Return the names in the text of /etc/passwd or /etc/group."""
    return [line.split(":")[0] for line in listing.splitlines()]


def entries(top):
    """Return {path: description} of everything in /etc below `top`."""
    return {
        "/" + os.path.relpath(os.path.join(folder, name), top): describe(os.path.join(folder, name))
        for folder, folders, files in os.walk(os.path.join(top, "etc"))
        for name in folders + files
    }


def describe(path):
    """Return a path's content (or link target), owner, group and mode."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return "-> " + os.readlink(path), None
    content = read(path) if stat.S_ISREG(status.st_mode) else stat.S_IFMT(status.st_mode)
    return content, (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))


def read(path):
    """Return the text of a file, with every byte preserved; "" when there is no file."""
    try:
        with open(path, encoding="latin-1", newline="") as text:
            return text.read()
    except FileNotFoundError:
        return ""


def put_back(original, path):
    """Put a kept file or link back at its path, with its owner, mode and times, or an empty folder that was there."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.isdir(original) and not os.path.islink(original):
        if os.path.lexists(path) and not os.path.isdir(path):
            os.remove(path)
        os.makedirs(path, exist_ok=True)
        copy_attributes(original, path)
        return
    temporary = path + ".prep-old"
    shutil.copy2(original, temporary, follow_symlinks=False)
    copy_attributes(original, temporary)
    os.replace(temporary, path)


def copy_attributes(original, path):
    """Give `path` the owner and, unless it is a link, the mode of `original`."""
    status = os.lstat(original)
    if os.path.lexists(path):
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(path, stat.S_IMODE(status.st_mode))


def remove_empty(folder):
    """Remove a folder that is empty but for Python's compiled files (__pycache__)."""
    shutil.rmtree(os.path.join(folder, "__pycache__"), ignore_errors=True)
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)


def main():
    """Run the module."""
    paths = {"type": "list", "elements": "path", "default": []}
    module = AnsibleModule(
        argument_spec={
            "restore": {"type": "bool", "default": False},
            "own": {"type": "bool", "default": False},
            "paths": {"type": "list", "elements": "str", "default": []},  # type path would strip the final slash
            "also": paths,
            "modes": paths,
            "opened": paths,
            "forget": paths,
            "record": {"type": "path", "default": "/var/lib/prep-difusor"},
            "run": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    given = module.params
    record = Record(given["record"])
    restored, removed = [], []
    if (given["restore"] or given["forget"]) and not module.check_mode:
        refuse_older(module, given["run"])
    if given["restore"] and record.exists and not is_whole(record.found):
        module.fail_json(msg=DAMAGED % given["record"])
    forgotten = record.forget(given["forget"], module.check_mode)
    if given["restore"]:
        restored, removed = record.restore(
            given["paths"] if given["own"] else None, given["also"], given["modes"], module.check_mode
        )
        restored += record.close(given["opened"], module.check_mode)
    module.exit_json(
        changed=bool(restored or removed or forgotten),
        recorded=record.exists,
        late=is_late(record.found),
        paths=record.paths,
        also=given["also"],
        restored=restored,
        removed=removed,
        forgotten=forgotten,
        **({} if given["own"] else record.differences()),
    )


if __name__ == "__main__":
    main()
