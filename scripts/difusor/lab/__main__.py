"""`python -m difusor.lab window|publish LAB`: called by the playbooks of the lab; LAB is the lab's name."""

from __future__ import annotations

import os
import sys

from difusor.lab.night import ensure_window, publish_latest
from difusor.terminal import StepFailed

USAGE = """uso: python -m difusor.lab window|publish LABORATORIO

  window    escribe la elección y los secretos del laboratorio, si faltan o ya pasó su ventana; imprime written o kept
  publish   publica en el laboratorio su corte más reciente
"""

try:
    match sys.argv[1:]:
        case ["-h" | "--help"]:
            print(USAGE, end="")
        case ["publish", lab]:
            publish_latest(lab)
        case ["window", lab]:
            print("written" if ensure_window(lab) else "kept")
        case _:
            print(USAGE, end="", file=sys.stderr)
            sys.exit(os.EX_USAGE)
except StepFailed as failure:
    sys.exit(str(failure))
