"""The server's entry point: `python3 -m corte intake | gate | log | purge`."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import NoReturn

from corte.format.errors import why
from corte.format.record import Damaged
from corte.format.refusal import Refusal
from corte.server import config, gate, intake, log
from corte.server.memory import Memory
from corte.server.purge import known, purge

VERBS = ("intake", "gate", "log", "purge")
HELP = """uso: python3 -m corte VERBO [--check] [--config ARCHIVO]

verbos:
  intake            recibe lo que llegó a la carpeta de entrada; lo llama systemd
  gate              abre y cierra la compuerta; lo llama systemd
  log               imprime la bitácora y comprueba su cadena
  purge             borra lo que dejó un simulacro; imprime qué borró

opciones:
  --check           con purge: solo dice si se puede, y qué se borraría
  --config ARCHIVO  otra configuración que %s
"""


class Parser(argparse.ArgumentParser):
    """Speaks Spanish: argparse has its own help and errors in English only, whatever the language of the machine."""

    def format_help(self) -> str:
        """Return the help."""
        return HELP % config.PATH

    def error(self, message: str) -> NoReturn:
        """Exit with the status of a usage error, after saying what can be given."""
        self.exit(os.EX_USAGE, f"No se entiende la orden «{' '.join(sys.argv[1:])}».\n\n{HELP % config.PATH}")


def _settings(path: Path) -> config.Config:
    """Return the configuration; with a word about it that of the copy beside it, when the file cannot be used.

    Damaged when the copy cannot be used either.
    """
    try:
        return config.Config.load(path)
    except Damaged:
        wrong = f"{path} falta o está dañado: quien opera el espejo repita ./difusor apply."
        print(wrong, file=sys.stderr)
    settings = config.Config.load(config.copy_of(path))
    print(f"Mientras, vale su copia, {config.copy_of(path)}.", file=sys.stderr)
    return settings


def main() -> int:
    """Run one of the server's two services, print the log while checking its chain, or delete a rehearsal's data."""
    parser = Parser(allow_abbrev=False)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--config", type=Path, default=config.PATH)
    arguments = parser.parse_args()
    try:
        settings = _settings(arguments.config)
    except Damaged:
        if arguments.verb == "intake":
            time.sleep(intake.PAUSE)  # the signature, which it cannot claim, starts it again at once
        return 1
    try:
        if arguments.verb == "intake":
            gc.disable()  # a short run whose 200,000 entries hold no cycles; looking for some costs a twentieth of it
            return intake.take_in(settings)
        if arguments.verb == "gate":
            gate.Gate(settings).run()
        if arguments.verb == "purge":
            print(json.dumps(known(settings) if arguments.check else purge(settings)))
        else:
            for entry in log.entries(Memory(settings).log_path):
                print(json.dumps(entry, ensure_ascii=False))
    except Refusal as refusal:
        sys.exit(str(refusal))
    except OSError as error:
        sys.exit(f"No se puede usar {error.filename or settings.store}: {why(error)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
