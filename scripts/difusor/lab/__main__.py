"""`python -m difusor.lab window|publish LAB`: called by the playbooks of the lab; LAB is the lab's name."""

from __future__ import annotations

import sys

from difusor.lab.night import ensure_window, publish_latest
from difusor.terminal import StepFailed

action, lab = sys.argv[1:]
try:
    if action == "publish":
        publish_latest(lab)
    else:
        print("written" if ensure_window(lab) else "kept")
except StepFailed as failure:
    sys.exit(str(failure))
