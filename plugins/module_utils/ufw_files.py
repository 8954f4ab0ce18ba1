"""What a damaged disk or an old backup leaves in UFW's files, which the firewall reads only when it starts."""

from __future__ import annotations

import ipaddress
import os
import re

from ansible.module_utils.probe import ufw

MARKER = ufw.MARKER.decode()
TUPLE = "### tuple ### "
VERSIONS = {4: "", 6: "6"}
"""What UFW adds to its names for an IP version."""
LOADED = ("before", "after", "user")
"""The files of rules, in the order in which UFW loads them."""
SAMPLES = {
    "/etc/ufw/ufw.conf": "/usr/share/ufw/ufw.conf",
    **{
        f"/etc/ufw/{name}{suffix}.rules": f"/usr/share/ufw/iptables/{name}{suffix}.rules"
        for suffix in VERSIONS.values()
        for name in LOADED
    },
}
"""The package's own copies, from which `ufw reset` takes the files of rules too."""


def comment(encoded):
    """Return the comment of a rule; of a damaged one only whether it is ours, so that it gets its name again."""
    try:
        found = bytes.fromhex(encoded.strip()).decode(errors="replace")
    except ValueError:
        found = ""
    return MARKER if ufw.is_ours(encoded) and not found.startswith(MARKER) else found


def is_kept(rule, is_ours):
    """Tell whether UFW reads this rule. It passes over the others, and leaves them out when it writes the file anew.

    Of rules of the owner's only the form is judged here, which has more values than the project's ever have.
    """
    if not rule.isascii() or not ufw.TUPLE.match(rule):
        return False
    _, proto, port, _, _, origin = rule.split()[:6]
    try:
        ipaddress.ip_network(origin, strict=False)
    except ValueError:
        return not is_ours
    is_sound = proto in ("tcp", "udp", "any") and all(0 < int(part) < 65536 for part in re.findall(r"\d+", port))
    return is_sound or not is_ours


def admits_line(line, key):
    """Tell whether a line is the one that UFW writes below the rule with this key; the order of options is free."""
    words = line.split()
    wanted = {
        "-A": f"ufw{VERSIONS[key.version]}-user-input",
        "-p": key.proto,
        "--dport": key.port,
        "-j": "ACCEPT",
        **({} if key.source.endswith("/0") else {"-s": key.source}),
    }
    return len(words) % 2 == 0 and {words[at]: words[at + 1] for at in range(0, len(words), 2)} == wanted


def lost(path, text):
    """Tell whether one of UFW's files is so damaged that UFW ends with an error or, at the start, loads nothing."""
    if "\ufffd" in text and path.endswith(".conf"):
        return True
    return not text.strip("\0\n ")


def restored(read):
    """Return {path: the package's copy} of those of UFW's files that are lost, where there is such a copy."""
    return {path: copy for path, copy in SAMPLES.items() if os.path.isfile(copy) and lost(path, read(path))}


def complaint(module, command, path):
    """Return what `iptables-restore` says of the line with which a file would not load; "" when it would.

    Only what names a line counts: it also fails while another program holds the kernel's rules.
    """
    code, _, err = module.run_command([f"{command}-restore", "--noflush", "--test", path])
    said = err.partition("\nTry `")[0].strip()
    return said if code != 0 and re.search(r"\bline:? \d+", said) else ""
