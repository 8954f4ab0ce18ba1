"""What the owner's own files say that the project lives beside or replaces."""

from __future__ import annotations

import glob
import hashlib
import operator
import os
import pwd
import re
import stat

from ansible.module_utils.probe import (
    LARGEST,
    OURS,
    content,
    jobs,
    pam,
    parameters,
    read,
    read_plain,
    sharing,
    ssh,
    sudo,
    ufw,
    updates,
    wrappers,
)
from ansible.module_utils.probe.record import PAGE, is_late, is_made, is_whole
from ansible.module_utils.probe.server import FOUND, RECORD, members

NGINX = "/etc/nginx"
SITES = ("conf.d/*.conf", "sites-enabled/*")  # in the order in which nginx reads them
# What nginx's configuration consists of; a quote counts only at the beginning of a word.
TOKEN = re.compile(
    r"""[;{}]|\s+|\#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|\$\{\w*\}|[^\s;{}\\])+|\\""", re.DOTALL
)
FOLLOWED = ("", "server", "stream", "mail")  # the outermost blocks whose includes are followed
LONGEST_WORD = 200
OF_A_SITE = ("listen", "server_name", "return", "ssl_reject_handshake")
# Directives that say where nginx writes, and what the project's may not write (ProtectSystem=full).
WRITTEN = re.compile(r"(access|error)_log|\w+_(cache|temp)_path")
UNWRITABLE = ("/etc/", "/usr/", "/boot/")
DEEPEST, MOST, A_LOOK = 10, 20 * LARGEST, 200  # of includes: files in one another, bytes, and of these for each look
FAILED = 'said=$(timeout 120 %s 2>&1) || { [ $? != 124 ] || said="[emerg] $0 in /etc/nginx:"; echo "$said"; }'
UNREAD = "no termina de leerse en dos minutos, como con un include de algo que no es un archivo"
RSYNCD = "/etc/rsyncd.conf"
AUDITD = "/etc/audit/auditd.conf"
NFTABLES = "/etc/nftables.conf"
COPIED = {"/etc/ufw/after.init": "/usr/share/ufw/after.init"}  # that a package copies without noting it


def is_ours(text, path):
    """Tell whether a text is that of a file which a role of the project has installed, damaged since or not.

    A run writes a damaged one anew, if it is not stopped because it takes it for the owner's.
    """
    return OURS in text[:200] or (is_made(path, RECORD) and is_damaged(text))


def is_damaged(text):
    """Tell whether a text is as a disk's damage leaves one: bytes that no text has, or a first line all but right."""
    head = text[:200]
    wrong = (sum(map(operator.ne, head[at:], OURS)) for at in range(len(head) - len(OURS) + 1))
    return "\0" in text or "\ufffd" in text or min(wrong, default=len(OURS)) <= 2


def directives(path, text, within=""):
    """Return [{path, line, words, within}] of all directives in the text of one of nginx's files.

    A block is told by its words before the brace, `within` by the first words of the blocks around it, with slashes;
    those around a file that is included in one are given. Quotes are taken off, long words cut.
    """
    found, words, blocks, line, begun = [], [], within.split("/") if within else [], 1, 1
    for token in TOKEN.findall(text):
        if token in (";", "{", "}"):
            if words:
                found.append({"path": path, "line": begun, "words": words, "within": "/".join(blocks[:DEEPEST])})
            if token == "{":
                blocks.append(words[0] if words else "")
            elif token == "}":
                del blocks[-1:]
            words = []
        elif not token.isspace() and token[0] != "#":
            begun = begun if words else line
            words.append(token.strip("\"'")[:LONGEST_WORD])
        line += token.count("\n")
    return found


def settings(path, text):
    """Return those directives of a file that stand in no block, and what its sites listen on, and answer to whom.

    Also what a site writes where the project's nginx cannot; links in such a path are followed.
    """
    return list(filter(_counts, directives(path, text)))


def _counts(directive):
    words, within = directive["words"], directive["within"]
    if WRITTEN.fullmatch(words[0]) and words[1:2] and words[1].startswith("/") and "\0" not in words[1]:
        words[1] = os.path.realpath(words[1])
        if within.split("/")[0] == "server" and words[1].startswith(UNWRITABLE):
            return True
    return not within or (within == "server" and words[0] in OF_A_SITE)


def owners_settings(nginx=NGINX, seen=None):
    """Return `settings` of every file of the owner's that nginx reads; what one includes stands where it includes it.

    `seen` gets what was looked at, as pairs: whether within a block, and the path.
    """
    includes, done = _Includes(nginx, seen), set()
    return [each for pattern in SITES for each in includes.follow(pattern, "", 0, done) if _counts(each)]


def others_ports(nginx=NGINX):
    """Return what servers outside of http, for streams and mail, listen on, in the form of `directives`.

    `nginx -t` finds nothing wrong where one of them has a port that a site has too, and then nginx does not start.
    """
    includes, done = _Includes(nginx), set()
    found = (each for name in ("modules-enabled/*.conf", "nginx.conf") for each in includes.follow(name, "", 0, done))
    return [
        each for each in found if each["words"][0] == "listen" and each["within"] in ("stream/server", "mail/server")
    ]


class _Includes:
    """Reads the files that nginx reads. Who may write one of them could else keep the reader busy for ever."""

    def __init__(self, nginx, seen=None):
        """Take nginx's folder, and the set that gets what was looked at."""
        self.nginx, self.seen, self.left = nginx, set() if seen is None else seen, MOST

    def follow(self, pattern, within, depth, done):
        """Yield the directives of the files that a pattern names, and of those that they include themselves.

        `within`: the blocks around it; `depth`: how many files lead to it; `done` gets what was read, as pairs of
        blocks and path: one set for all that stands in no block, and one for each server block.
        """
        pattern = os.path.join(self.nginx, pattern)
        wild = sum(map(glob.has_magic, pattern.split("/")))
        if depth > DEEPEST or "\0" in pattern or (depth and not self.takes(A_LOOK**wild)):
            return
        if wild:
            self.seen.add((bool(within), os.path.dirname(pattern)))
        for path in sorted(glob.glob(pattern)):
            if (within, path) in done or not os.path.isfile(path) or is_ours(text := self.text(path, depth), path):
                continue
            done.add((within, path))
            self.seen.add((bool(within), path))
            block = done
            for each in directives(path, text, within):
                yield each
                word, around = each["words"][0], each["within"]
                block = set() if word == "server" and not around else block
                if word == "include" and around.split("/")[0] in FOLLOWED:
                    named = "".join(each["words"][1:2])
                    yield from self.follow(named, around, depth + 1, block if around else done)

    def text(self, path, depth):
        """Return the text of a file. An include may name anything, such as what the kernel writes while it is read."""
        if not depth and not others_write(path):
            return read(path)
        text = read_plain(path) if self.takes(A_LOOK) else ""
        return text if self.takes(len(text)) else ""

    def takes(self, cost):
        """Take a cost off the bytes that are left, and tell whether there were as many."""
        self.left -= cost
        return self.left >= 0


def others_write(path):
    """Return this path, or the first folder above it, that others than root may write; "" when there is none."""
    for place in (os.path.dirname(path), os.path.realpath(path)):
        while True:
            try:
                status = os.stat(place)
            except OSError:  # it is gone, or leads in a circle
                break
            is_shared = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid != 0)
            if status.st_uid != 0 or (is_shared and not status.st_mode & stat.S_ISVTX):
                return place
            if place == os.path.dirname(place):
                break
            place = os.path.dirname(place)
    return ""


def owners_main(packaged, path=f"{NGINX}/nginx.conf"):
    """Return the directives in the two outer levels of an nginx.conf that the owner has changed.

    Also of one that a package has brought where nginx runs as another account than the project's, as nginx.org has it:
    the owner has to change that.
    """
    text = read(path)
    said = [each for each in directives(path, text) if each["within"] in ("", "http", "events")]
    is_another = any(each["words"][0] == "user" and each["words"][1:2] != [sharing.ACCOUNT] for each in said)
    return said if is_changed(path, packaged) or (is_another and not is_ours(text, path)) else []


def refused(nginx, sshd, owners, main=f"{NGINX}/nginx.conf"):
    """Return [{program, place, reason}] for what in files of the owner's keeps nginx or sshd from starting again.

    `nginx` and `sshd` are the lines of their own tests where these failed, `owners` the owner's files of nginx: of a
    certificate that is gone nginx does not say which file wants it. A file of the project's, and nginx.conf, are
    written anew by the run. Options that sshd knows no more, or not yet, it only mentions.
    """
    found = []
    for line in nginx:
        said = re.search(r"\[emerg\] (?:\d+#\d+: )?(.*?)(?: in (/\S+?)(:\d*))?$", line)
        if said:
            reason, path, number = said.groups("")
            path = path or next((each for each in owners if _names(read(each), reason)), "")
            found.append(("nginx", path, number, reason))
    for line in sshd:
        said = re.match(r"(/\S+?):? line (\d+): (?!Deprecated option|Unsupported option)(.*)", line)
        if said:
            found.append(("sshd", said.group(1), ":" + said.group(2), said.group(3)))
    return [
        {"program": program, "place": (path + number).rstrip(":"), "reason": reason}
        for program, path, number, reason in found
        if path and path != main and not is_ours(read(path), path)
    ]


def _names(text, message):
    """Tell whether a text has a path that a message quotes."""
    return any(path in text for path in re.findall(r'"(/[^"]+)"', message))


def mirror_of(text, path=PAGE):
    """Return the names that the project's own site, whose text this is, answers to."""
    named = [each["words"][1:] for each in directives(path, text) if each["words"][0] == "server_name"]
    return sorted({name for names in named for name in names} - {"_"}) if is_ours(text, path) else []


def unrecorded(page=PAGE, found=FOUND):
    """Tell whether this is the project's server, and the record of how it was found is gone, damaged or begun since."""
    return is_ours(read(page), page) and (not is_whole(found) or is_late(found, page))


def samples(packaged, nginx=NGINX):
    """Return those of nginx's files of sites that are as a package has brought them, or links to such."""
    paths = [path for pattern in SITES for path in sorted(glob.glob(os.path.join(nginx, pattern)))]
    real = {path: os.path.realpath(path) for path in paths if os.path.isfile(path)}
    return [path for path, file in real.items() if not is_ours(read(file), file) and not is_changed(file, packaged)]


def is_changed(path, packaged):
    """Tell whether a file is the owner's: no package's, nor the project's; `packaged` are lines of "path md5".

    One that cannot be read is taken for the owner's, so that somebody looks at it.
    """
    if is_ours(read(path), path) or not os.path.isfile(path):
        return False
    written, copied = content(path), read(COPIED.get(path, "")).encode()
    return written is None or (written != copied and "%s %s" % (path, hashlib.md5(written).hexdigest()) not in packaged)


def modules(text, path=RSYNCD):
    """Return the names of the modules in the text of an rsyncd.conf; its path where it says something but has none."""
    if is_ours(text, path):
        return []
    said = [line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"]
    return [line.strip("[]") for line in said if line[0] == "["] or [path for _ in said[:1]]


def account_keys(name):
    """Return the public keys that open an account, as "ssh-ed25519 AAAA"; empty when there is no such account."""
    try:
        home = pwd.getpwnam(name).pw_dir
    except KeyError:
        return []
    paths = (os.path.join(home, ".ssh", each) for each in ("authorized_keys", "authorized_keys2"))
    lines = (line for path in paths for line in read_plain(path).splitlines() if not line.lstrip().startswith("#"))
    found = (re.search(r"(?:^|\s)((?:ssh|ecdsa|sk)-\S+\s+AAAA\S+)", line) for line in lines)
    return [" ".join(match.group(1).split()) for match in found if match]


def uid(name):
    """Return the user id of an account, 0 when there is none."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return 0


def has_password(name, shadow="/etc/shadow"):
    """Tell whether an account has a password that it can log in with."""
    fields = (line.split(":") for line in read(shadow).splitlines())
    return any(len(each) > 1 and each[0] == name and each[1][:1] == "$" for each in fields)


def halting(text):
    """Return the settings in the text of auditd.conf by which a log that is never rotated stops the server one day."""
    pairs = re.findall(r"^\s*(\w+)\s*=\s*(\w+)", text, re.MULTILINE)
    said = {name.lower(): value.lower() for name, value in pairs}
    if said.get("max_log_file_action") == "rotate":
        return []
    return ["%s = %s" % each for each in said.items() if each[0].endswith("_action") and each[1] in ("halt", "single")]


def audit_waits(lines):
    """Tell whether the kernel takes no audit rules before a restart (`-e 2`), and has none of the project's by now."""
    ours = re.compile(r"(?:-k |key=)prep-")
    return "enabled 2" in lines("auditctl", "-s") and not any(ours.search(line) for line in lines("auditctl", "-l"))


def packaged_files(lines):
    """Return {"path md5"} of the files that packages installed and that an owner may change (dpkg and ucf)."""
    conffiles = lines("dpkg-query", "--show", "--showformat", "${Conffiles}\n")
    found = {" ".join(line.split()[:2]) for line in conffiles if line.strip()}
    ucf = (line.split() for line in read("/var/lib/ucf/hashfile").splitlines())
    return found | {"%s %s" % (words[1], words[0]) for words in ucf if len(words) == 2}


def look(lines, account, replaced):
    """Return what RETURN of `server_probe` describes as `files`."""
    packaged = packaged_files(lines)
    owns = lambda path: is_changed(path, packaged)  # noqa: E731
    at_boot = lines("systemctl", "is-enabled", "nftables.service") == ["enabled"]
    seen = set()
    settings = owners_settings(seen=seen)
    tests = (lines("sh", "-c", FAILED % test, UNREAD) for test in ("nginx -t", "sshd -t"))
    return {
        "settings": settings,
        "samples": samples(packaged),
        "others_ports": others_ports(),
        "writable": sorted(filter(None, {others_write(path) for _, path in seen})),
        "refused": refused(*tests, owners=sorted({each["path"] for each in settings})),
        **ufw.look(),
        "keys": account_keys(account),
        "keyed": sorted(name for name in {*members("sudo"), *sudo.to_root()} if account_keys(name)),
        "has_password": has_password(account),
        "uid": uid(account),
        "mirror_of": mirror_of(read(PAGE)),
        "unrecorded": unrecorded(),
        "main": owners_main(packaged),
        "changed_files": [path for path in replaced if is_changed(path, packaged)],
        "modules": modules(read(RSYNCD)),
        "lists": ssh.with_lists(ssh.configuration()),
        "excepted": ssh.excepted(),
        "ssh_included": not os.path.exists(ssh.SSHD) or ssh.includes_drop_ins(read(ssh.SSHD)),
        "restarting": jobs.restarting(lines, owns),
        "parameters": parameters.written(owns),
        "standalone": jobs.standalone(),
        "wrapped": wrappers.look(),
        "choosing": pam.choosing(),
        "updates": updates.look(lines, owns),
        "halting": halting(read(AUDITD)),
        "audit_waits": audit_waits(lines),
        "emptying": jobs.emptying(lines, owns),
        "flushing": at_boot and re.search(r"^\s*flush\s+ruleset", read(NFTABLES), re.MULTILINE) is not None,
    }
