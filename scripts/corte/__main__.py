"""The server's entry point: `python3 -m corte intake | gate | log | purge`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from corte.format.refusal import Refusal
from corte.server import config, gate, intake, log
from corte.server.memory import Memory
from corte.server.purge import known, purge


def main() -> int:
    """Run one of the server's two services, print the log while checking its chain, or delete a rehearsal's data."""
    parser = argparse.ArgumentParser(prog="corte", description=__doc__)
    parser.add_argument("verb", choices=("intake", "gate", "log", "purge"))
    parser.add_argument("--check", action="store_true", help="of purge: only say whether it may, and what it would be")
    parser.add_argument("--config", type=Path, default=config.PATH)
    arguments = parser.parse_args()
    settings = config.Config.load(arguments.config)
    if arguments.verb == "intake":
        return intake.Intake(settings).run()
    if arguments.verb == "gate":
        gate.Gate(settings).run()
    try:
        if arguments.verb == "purge":
            print(json.dumps(known(settings) if arguments.check else purge(settings)))
        else:
            for entry in log.entries(Memory(settings).log_path):
                print(json.dumps(entry, ensure_ascii=False))
    except Refusal as refusal:
        sys.exit(str(refusal))
    return 0


if __name__ == "__main__":
    sys.exit(main())
