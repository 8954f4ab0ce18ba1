#!/usr/bin/python
"""Server half of `managed_files`: compares, validates and writes many files in one module call."""

from __future__ import annotations

import base64
import errno
import functools
import glob
import grp
import json
import os
import pwd
import shlex
import shutil
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.probe import fixed, written
from ansible.module_utils.probe.record import GATE, is_whole
from ansible.module_utils.runs import refuse_older

DOCUMENTATION = r"""
module: managed_files
short_description: Install the whole mirrored tree of a role in one call
description:
  - Every file below the role's C(templates/) is rendered on the controller (C(*.j2)) or taken byte for byte,
    and lands at the same path on the server.
  - One module call installs any number of files; check mode, diff and the list of changes are exact for each file.
  - Nothing is written before every file has passed its own validation. When the validation of the whole fails,
    every file is put back as it was.
  - An empty folder in the place of a file or link gives way. Any other one, and a file in the place of a folder, are
    somebody's, and nothing is written.
  - When C(server_probe) has found every path as wanted (the fact C(current_state)), the module is not run at all.
options:
  src:
    description: Take only this folder below C(templates/).
    type: str
  copies:
    description:
      - Folders of the controller whose files are installed byte for byte, by their path on the server. There they, and
        the folders in them, are the project's alone, with owner and mode as if they were in O(directories).
    type: dict
  files:
    description:
      - Attributes of single files, by path on the server, where they differ from root, root, C(0644).
      - Keys are C(owner), C(group), C(mode), C(validate) (a command, C(%s) stands for the new file; without it the
        content comes on standard input) and C(sensitive) (its content is never shown in a diff).
      - A template that renders to nothing but white space removes its file.
    type: dict
  directories:
    description:
      - Directories to make or correct, by path, with C(owner), C(group) and C(mode) (default C(0755)). A parent that is
        made for a file is never looked at again, so a directory that is the project's alone is named here.
    type: dict
  links:
    description: Symbolic links, path to target.
    type: dict
  absent:
    description: Files and links to remove.
    type: list
    elements: str
  validate:
    description: A command that judges the whole configuration after a change.
    type: str
  guard:
    description:
      - A program that can undo the change, also by itself when nobody confirms it in time. It is run with C(arm)
        before the first change, and with C(restore) when the validation of the whole fails.
    type: path
  record:
    description:
      - Folder, readable by root only, with which C(give_back) can restore the server. Before the very first change,
        C(/etc), the list of packages, the accounts' keys and the mode of C(/srv) are copied to C(found/) in it. Its
        file C(paths) lists what this module wrote, removed or made (folders end in a slash). Its file C(written) says
        how the module left each path; C(difusor countdown) tells which differ since. Its file C(unapplied) lists what
        was changed and perhaps not yet read by the programs concerned, after the O(run) that changed it. It is reported
        as changed by the next run too, so that a run that was interrupted before its handlers loses none of them;
        C(playbooks/tasks/applied.yml) takes it off the list.
    type: path
    default: /var/lib/prep-difusor
  run:
    description:
      - A word that no other run of the playbook has. Nothing is written when a later run has left its own.
    type: str
    default: ""
author: [prep-difusor]
"""

EXAMPLES = r"""
- name: Install chrony's configuration
  managed_files:
    files:
      /etc/chrony/chrony.keys: {mode: "0640", group: _chrony, sensitive: true}
  notify: Restart chrony
"""

RETURN = r"""
changed_files:
  description: >-
    Paths that were (or, in check mode, would be) written, corrected or removed, in this run or in an earlier one that
    did not come to its end.
  type: list
  returned: always
armed:
  description: Whether the guard waits for the confirmation of this change, or of one that an interrupted run made.
  type: bool
  returned: always
"""

WHY = {
    errno.ENOSPC: ("el disco está lleno", "Libere espacio en el servidor (df dice cuánto queda)"),
    errno.EDQUOT: ("se acabó la cuota de disco de root", "Amplíela en el servidor"),
    errno.EROFS: ("su disco no admite escritura", "Vea por qué en el servidor (findmnt, sudo dmesg)"),
}
FOUND = ["/etc", "/var/lib/dpkg/status"]
FOLDERS = ["/srv"]  # whose modes alone are kept
KEYS = "/home/*/.ssh/authorized_keys"
DAMAGED = (
    "El registro de cómo estaba este servidor antes del proyecto (%s) está incompleto, y con él no se podría devolver; "
    "no se escribió nada. Tráigalo de un respaldo y repita, o instale el servidor de nuevo. Si ./difusor remove ya "
    "había dejado su informe en build/remove, borre esa carpeta del servidor y repita."
)
DAMAGE = "\ufffd"  # what stands, after decoding, for bytes that are no UTF-8


class ManagedFiles:
    """Brings the wanted paths into their state; collects what changed and how to undo it."""

    def __init__(self, module, payload):
        """Take the decoded payload: files, directories, links and absent."""
        self.module = module
        self.payload = payload
        self.changed = []
        self.diff = []
        self.undo = []
        self.guard = module.params["guard"]
        self.record = module.params["record"]
        self.recorded = set(recorded_lines(os.path.join(self.record, "paths")))
        self.unapplied = os.path.join(self.record, "unapplied")

    def apply(self):
        """Bring all paths into the wanted state; nothing is written before all files are valid."""
        if not self.module.check_mode:
            refuse_older(self.module, self.module.params["run"])
        self.refuse_damaged()
        waiting = self.take_over()
        wanted = {path: base64.b64decode(spec["content"]) for path, spec in self.payload["files"].items()}
        present = {path: content for path, content in wanted.items() if content.strip()}
        absent = sorted((set(wanted) - set(present)) | set(self.payload["absent"]))
        self.refuse_misplaced([*present, *self.payload["links"]], absent)
        stale = [path for path, content in present.items() if read(path) != content]
        for path in stale:
            self.validate_file(path, present[path])
        for path, spec in sorted(self.payload["directories"].items()):
            self.ensure_directory(path, spec)
        for path in sorted(present):
            self.ensure_file(path, present[path], self.payload["files"][path], path in stale)
        for path, target in self.payload["links"].items():
            self.ensure_link(path, target)
        for path in absent:
            self.ensure_absent(path)
        self.record_again([*sorted(present), *self.payload["links"]])
        for path in sorted(waiting - set(self.changed)):
            self.changed.append(path)
            self.diff.append({"after_header": path, "before": "", "after": "(una ejecución interrumpida lo cambió)\n"})

    def refuse_damaged(self):
        """Build nothing on half a record. A mirror goes on, since it may be about a stolen key; the preflight tells."""
        found = os.path.join(self.record, "found")
        if os.path.isdir(self.record) and not is_whole(found) and not os.path.exists(GATE):
            self.module.fail_json(msg=DAMAGED % self.record)

    def refuse_misplaced(self, files, absent):
        """Fail, before anything is written, where a folder of somebody's has a file's place, or a file a folder's.

        Docker makes a folder for each path that a container shall see and that is missing just then.
        """
        for path in absent:
            if is_folder(path):
                self.module.fail_json(
                    msg="%s es una carpeta, y el proyecto solo retira archivos y enlaces; no se escribió nada. Muévala "
                    "a otro lugar y repita" % path
                )
        for path in files:
            if is_folder(path) and os.listdir(path):
                self.module.fail_json(
                    msg="%s es una carpeta, y ahí va un archivo del proyecto; no se escribió nada. Vea qué guarda, "
                    "muévala a otro lugar y repita" % path
                )
        for path in [*self.payload["directories"], *map(os.path.dirname, files)]:
            above = first_present(path)
            if not os.path.isdir(above):
                self.module.fail_json(
                    msg="%s es un archivo, y ahí va una carpeta del proyecto; no se escribió nada. Vea de qué es, "
                    "muévalo a otro lugar y repita" % above
                )

    def take_over(self):
        """Return which of the paths an interrupted run changed; from now on they wait for the end of this run."""
        found = recorded_lines(self.unapplied)
        lines = [line.partition(" ") for line in found if DAMAGE not in line]
        managed = {path for paths in self.payload.values() for path in paths}
        waiting = {path for _, _, path in lines} & managed
        if (waiting or len(lines) < len(found)) and not self.module.check_mode:
            rest = ["%s %s\n" % (run, path) for run, _, path in lines if path not in waiting]
            ours = ["%s %s\n" % (self.module.params["run"], path) for path in sorted(waiting)]
            put_file(self.unapplied, "".join(rest + ours).encode(), os.stat(self.unapplied))
        return waiting

    def validate_file(self, path, content):
        """Run the file's own validator on the new content before it takes its place."""
        command = self.payload["files"][path].get("validate")
        if not command or not self.can_run(command):
            return
        with tempfile.NamedTemporaryFile(dir=self.module.tmpdir, prefix=os.path.basename(path)) as candidate:
            candidate.write(content)
            candidate.flush()
            # A program that AppArmor confines to its folders cannot open the new file, but can read it from a pipe.
            given = None if "%s" in command else content
            command = shlex.split(command.replace("%s", candidate.name))
            code, out, err = self.module.run_command(command, data=given, binary_data=True)
        if code != 0:
            self.module.fail_json(msg="%s no es válido, no se escribió nada: %s" % (path, (err or out).strip()))

    def can_run(self, command):
        """Tell whether a validator can run; in check mode on a new server its program may not be installed yet."""
        return not self.module.check_mode or self.module.get_bin_path(shlex.split(command)[0]) is not None

    def ensure_directory(self, path, spec):
        """Make a directory (and its parents) and correct its attributes."""
        if not os.path.isdir(path):
            self.note(path, "absent", "directory")
            if not self.module.check_mode:
                self.make_directory(path)
                self.undo.append(lambda: os.rmdir(path))
        self.ensure_attributes(path, spec)

    def ensure_file(self, path, content, spec, stale):
        """Write a file atomically when its content differs and correct its attributes."""
        attributes = {key: spec[key] for key in ("owner", "group", "mode")}
        if stale:
            self.note(path, read(path), content, sensitive=spec.get("sensitive", False))
            if not self.module.check_mode:
                self.undo.append(way_back(path))
                self.write(path, content, attributes)
        self.ensure_attributes(path, attributes)

    def write(self, path, content, attributes):
        """Write a file beside the target, readable by root only until its attributes are set, and rename it."""
        self.make_directory(os.path.dirname(path))
        self.remember(path)
        handle, name = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".prep-new-")
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(content)
                target.flush()
                os.fsync(target.fileno())
            self.module.set_fs_attributes_if_different(
                self.module.load_file_common_arguments(dict(attributes, path=name)), False
            )
            make_room(path)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    def ensure_attributes(self, path, attributes):
        """Correct owner, group and mode; in check mode the owner may not exist yet."""
        if self.module.check_mode and not (os.path.exists(path) and known(attributes)):
            if path not in self.changed:
                self.note(path, "attributes", "attributes of %(owner)s:%(group)s" % attributes)
            return
        details = {}
        arguments = self.module.load_file_common_arguments(dict(attributes, path=path))
        if self.module.set_fs_attributes_if_different(arguments, False, diff=details) and path not in self.changed:
            self.note(path, json.dumps(details.get("before", {})), json.dumps(details.get("after", {})))

    def ensure_link(self, path, target):
        """Make a symbolic link point to `target`, replacing any file at its path."""
        before = os.readlink(path) if os.path.islink(path) else read(path)
        if before == target:
            return
        self.note(path, before, "-> " + target)
        if not self.module.check_mode:
            self.make_directory(os.path.dirname(path))
            self.remember(path)
            self.undo.append(way_back(path))
            make_room(path)
            put_link(path, target)

    def ensure_absent(self, path):
        """Remove a file or link."""
        if not os.path.lexists(path):
            return
        self.note(path, read(path), "absent")
        if not self.module.check_mode:
            self.remember(path)
            self.undo.append(way_back(path))
            os.remove(path)

    def make_directory(self, path):
        """Make a directory and its missing parents, and record that this module made them."""
        if not os.path.isdir(path):
            self.make_directory(os.path.dirname(path))
            self.remember(path + "/")
            os.mkdir(path)
            os.chmod(path, 0o755)  # whatever the umask of root

    def remember(self, path):
        """Record a path before its first change; before the very first change, copy the server's original state."""
        if path in self.recorded:
            return
        self.append("paths", path)
        self.recorded.add(path)

    def record_again(self, paths):
        """Record what stands as wanted and is not on the list: a power cut has taken its line.

        Where the record itself is gone, nothing is known of before, and none is begun.
        """
        if not self.module.check_mode and os.path.isdir(self.record):
            for path in paths:
                self.remember(path)

    def append(self, name, line):
        """Append a line to a file of the record; it is on the disk before the change that it tells of."""
        if not os.path.isdir(self.record):
            self.keep_found()
        with open(os.path.join(self.record, name), "ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
            after_zeros = file.read(1) == b"\0"  # what a power cut leaves of lines that were not on the disk yet
            file.write(("\n" * after_zeros + line + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def keep_found(self):
        """Copy the state that `record` tells of; the copy gets its name only when it is complete and on the disk."""
        unfinished = self.record + ".new"
        for left in (unfinished, self.record + ".old"):  # by a run or a removal that did not come to its end
            shutil.rmtree(left, ignore_errors=True)
        found = os.path.join(unfinished, "found")
        os.makedirs(unfinished, 0o700)
        os.mkdir(found)
        paths = [path[1:] for path in [*FOUND, *glob.glob(KEYS)]]
        self.module.run_command(["cp", "--archive", "--parents", *paths, found], cwd="/", check_rc=True)
        for path in filter(os.path.isdir, FOLDERS):
            os.makedirs(found + path)
            shutil.copymode(path, found + path)
        self.module.run_command(["sync", "-f", unfinished], check_rc=True)
        os.rename(unfinished, self.record)

    def note(self, path, before, after, sensitive=False):
        """Record a change that is about to be made, with its diff unless the content is secret."""
        if not self.changed and self.guard and not self.module.check_mode:
            self.module.run_command([self.guard, "arm"], check_rc=True)
        if not self.module.check_mode:
            self.append("unapplied", "%s %s" % (self.module.params["run"], path))
        self.changed.append(path)
        if sensitive:
            before, after = "(no se muestra)", "(no se muestra: es secreto, cambió)"
        self.diff.append(
            {"before_header": path, "after_header": path, "before": text(before), "after": text(after)},
        )

    def validate_whole(self, command):
        """Run the command that validates the whole configuration; when it fails, put every file back."""
        if not command or not self.changed or self.module.check_mode:
            return
        try:
            code, out, err = self.module.run_command(shlex.split(command), handle_exceptions=False)
        except OSError as error:  # as where somebody has removed the program
            code, out, err = error.errno, "", error.strerror
        if code == 0:
            return
        for step in reversed(self.undo):
            step()
        if self.guard:
            self.module.run_command([self.guard, "restore"])
        complaint = (err or out).strip()
        self.module.fail_json(msg="%s rechazó la nueva configuración, volvió la anterior: %s" % (command, complaint))

    def give_up(self, error):
        """Say which file cannot be changed, and why. What was written stays: the next run goes on with the rest."""
        named = [name for name in (error.filename2, error.filename) if isinstance(name, str)]
        held = fixed.of(named)
        why, remedy = WHY.get(error.errno, (error.strerror or str(error), "Corríjalo en el servidor"))
        if held:
            why = "un atributo de chattr lo impide"
            remedy = "Quítelo en el servidor (sudo chattr -i -a %s)" % " ".join(held)
        self.module.fail_json(msg="no se pudo cambiar %s: %s. %s y repita" % ("".join(named[:1]), why, remedy))

    def record_written(self):
        """Record how all paths stand now; where the record itself is gone, none is begun."""
        if not self.module.check_mode and os.path.isdir(self.record):
            written.note(self.record, {path for paths in self.payload.values() for path in paths})

    def armed(self):
        """Tell whether the guard waits for the confirmation of a change."""
        if not self.guard or self.module.check_mode:
            return False
        return self.module.run_command([self.guard, "pending"])[0] == 0


def read(path):
    """Return the content of a regular file in bytes, or None."""
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as source:
        return source.read()


def is_folder(path):
    """Tell whether a path is a folder itself, not a link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def first_present(path):
    """Return a path, or the lowest above it that there is; a link that leads nowhere is there too."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def make_room(path):
    """Remove an empty folder in the place of a file or link."""
    if is_folder(path):
        os.rmdir(path)


def recorded_lines(path):
    """Return the lines of a file of the record; bytes that the disk has damaged must not stop the run."""
    return (read(path) or b"").decode(errors="replace").splitlines()


def way_back(path):
    """Return a function that restores a path to what it is now: a link, a file with its owner and mode, or nothing.

    An empty folder, which says nothing, counts as nothing.
    """
    if os.path.islink(path):
        return functools.partial(put_link, path, os.readlink(path))
    content = read(path)
    if content is None:
        return functools.partial(os.remove, path)
    return functools.partial(put_file, path, content, os.stat(path))


def put_link(path, target):
    """Make a symbolic link, replacing any link or file at its path."""
    temporary = path + ".prep-new"
    if os.path.lexists(temporary):
        os.remove(temporary)  # left by an interrupted run
    os.symlink(target, temporary)
    os.replace(temporary, path)


def put_file(path, content, status):
    """Write a file with owner and mode of `status`; it is readable by root only until they are set."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".prep-old-")
    with os.fdopen(handle, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    os.chown(temporary, status.st_uid, status.st_gid)
    os.chmod(temporary, stat.S_IMODE(status.st_mode))
    os.replace(temporary, path)


def text(content):
    """Show bytes as text in a diff."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content + "\n"
    try:
        return content.decode()
    except UnicodeDecodeError:
        return "(%d bytes, not text)\n" % len(content)


def known(attributes):
    """Tell whether the owner and group exist on this server."""
    try:
        attributes["owner"].isdigit() or pwd.getpwnam(attributes["owner"])
        attributes["group"].isdigit() or grp.getgrnam(attributes["group"])
    except KeyError:
        return False
    return True


def main():
    """Run the module."""
    module = AnsibleModule(
        # One opaque argument: the server's journal then shows no content, and Ansible masks no short value elsewhere.
        argument_spec={
            "payload": {"type": "str", "required": True, "no_log": True},
            "validate": {"type": "str"},
            "guard": {"type": "path"},
            "record": {"type": "path", "default": "/var/lib/prep-difusor"},
            "run": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    wanted = ManagedFiles(module, json.loads(module.params["payload"]))
    try:
        wanted.apply()
    except OSError as error:
        wanted.give_up(error)
    wanted.validate_whole(module.params["validate"])
    wanted.record_written()
    module.exit_json(changed=bool(wanted.changed), changed_files=wanted.changed, armed=wanted.armed(), diff=wanted.diff)


if __name__ == "__main__":
    main()
