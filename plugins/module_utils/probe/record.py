"""What can be told of the record that `managed_files` keeps of how a server was found, before it is believed."""

from __future__ import annotations

import os

from ansible.module_utils.probe import OURS, read

GATE = "/etc/systemd/system/prep-corte-gate.service"
PAGE = "/etc/nginx/sites-available/prep"
NEEDED = ("etc/passwd", "var/lib/dpkg/status")  # without them every account and every package would pass for added


def is_whole(found):
    """Tell whether the copy of the server in this folder is all there.

    Half of one is left by a removal of earlier versions that was killed while it deleted it, and an empty one by a
    power cut soon after it was made.
    """
    paths = [os.path.join(found, path) for path in NEEDED]
    return all(os.path.isfile(path) and os.path.getsize(path) > 0 for path in paths)


def is_late(found, page=PAGE):
    """Tell whether the copy in this folder was made when the project was on the server already."""
    return any(OURS in read(found + path)[:200] for path in (GATE, page))


def is_made(path, record):
    """Tell whether the project made a file, as the record in this folder says, and its owner had none of that name."""
    return path in read(record + "/paths").splitlines() and not os.path.lexists(record + "/found" + path)
