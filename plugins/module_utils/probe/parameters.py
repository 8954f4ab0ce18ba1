"""Kernel parameters: those that the server's owner has set, and those of the project that have another value by now."""

from __future__ import annotations

import glob
import os
import re

from ansible.module_utils.probe import OURS, read

# A file hides those of its name in the folders before.
FOLDERS = ("/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d")
PARAMETERS = "/etc/sysctl.d/zz-prep-difusor.conf"
KERNEL = "/proc/sys"
PTRACE = KERNEL + "/kernel/yama/ptrace_scope"
FOR_GOOD = "3"  # a value that only a restart of the machine takes back
OWNERS = "/etc/sysctl.d"
UFW = "/etc/default/ufw"  # names one more file, which UFW reads whenever it starts
INTERFACE = "net/ipv4/conf/"  # of what is below it the kernel takes the larger value, an interface's or that of `all`
SWAPPED = str.maketrans("./", "/.")


def path_of(name):
    """Return a parameter's path below /proc/sys: a name may have dots for slashes, and then slashes for dots."""
    first = re.search("[./]", name)
    return name.translate(SWAPPED) if first and first.group() == "." else name


def lines(text):
    """Return [(name, value)] of a file of sysctl.d; the value is None where a pattern shall leave out that name."""
    found = []
    for line in text.splitlines():
        name, equals, value = line.strip().lstrip("-").partition("=")
        if name[:1] not in ("#", ";", "") and (equals or line.strip()[:1] == "-"):
            found.append((name.strip(), " ".join(value.split()) if equals else None))
    return found


def files(folders):
    """Return what files that are not the project's say at boot, in the form of `lines`, in the order of their names."""
    named = {os.path.basename(path): path for each in folders for path in sorted(glob.glob(each + "/*.conf"))}
    texts = [read(named[name]) for name in sorted(named)]
    return [line for text in texts if OURS not in text[:200] for line in lines(text)]


def owners(folders=FOLDERS, ptrace=PTRACE):
    """Return {name: value} of what files that are not the project's set at boot: the last one by name decides."""
    found = {name.replace("/", "."): value for name, value in files(folders) if value is not None}
    if read(ptrace).strip() == FOR_GOOD:
        found["kernel.yama.ptrace_scope"] = FOR_GOOD
    return found


def settings(text):
    """Return {name: value} of what the text of a file sets; nothing of one that is the project's."""
    said = [] if OURS in text[:200] else lines(text)
    return {name.replace("/", "."): value for name, value in said if value is not None}


def written(owns, folder=OWNERS, ufw=UFW):
    """Return [{path, name, value, lost}] of what files set that `owns(path)` tells to be the owner's, in their order.

    `lost`: whether only UFW reads the file, which it will not any more.
    """
    found = []
    named = re.findall(r"""^IPT_SYSCTL=["']?(/[^\s"'#]+)""", read(ufw), re.MULTILINE)
    paths = [(each, False) for each in sorted(glob.glob(folder + "/*.conf"))] + [(each, True) for each in named]
    for path, is_lost in paths:
        real = os.path.realpath(path)
        pairs = settings(read(real)) if owns(real) else {}
        found += [{"path": real, "name": name, "value": value, "lost": is_lost} for name, value in pairs.items()]
    return found


def strayed(text=None, folders=FOLDERS, kernel=KERNEL):
    """Return the names of the kernel parameters of a file of sysctl.d, the project's, that have another value by now.

    A pattern of the file, such as net.ipv4.conf.*.rp_filter, holds for each interface that no file names; the last one
    that fits decides. What this kernel does not have, or an interface that has gone, is left out.
    """
    given = [(path_of(name), value) for name, value in lines(read(PARAMETERS) if text is None else text)]
    wanted = {path: value for path, value in given if not glob.has_magic(path)}
    named = set(wanted).union(path_of(name) for name, _ in files(folders))
    for pattern, value in given:
        for path in glob.glob(os.path.join(kernel, pattern)) if glob.has_magic(pattern) else ():
            if os.path.relpath(path, kernel) not in named:
                wanted[os.path.relpath(path, kernel)] = value
    pairs = [(path, value, in_force(path, kernel, path not in named)) for path, value in wanted.items()]
    return [path.translate(SWAPPED) for path, value, found in pairs if found and value not in (None, found)]


def in_force(path, kernel, interface):
    """Return a parameter's value, "" where there is none; of an `interface` the one that the kernel goes by."""
    found = " ".join(read(os.path.join(kernel, path)).split())
    if interface and found and path.startswith(INTERFACE):
        return max(found, read(os.path.join(kernel, INTERFACE, "all", os.path.basename(path))).strip(), key=ordinal)
    return found


def ordinal(value):
    """Return a number's value; what is none comes first."""
    return int(value) if value.isdigit() else -1
