"""Judges what a run builds on: files to change, Python, modules of the kernel, the institute's home, room for files.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from difusor.servers.neighbours import Neighbours

FIRST_FILES, LATER_FILES = 50_000, 2_000
"""How many files there must be room for: before the first run, with its packages and images, and on a mirror."""
CLOSING = "kernel.modules_disabled"
"""The parameter after which the kernel loads no module any more until it starts again."""


@dataclass(frozen=True)
class Ground:
    """What the module server_probe found of it."""

    fixed: tuple[str, ...] = ()  # files and folders that nobody may change (chattr)
    python: str = ""  # where /usr/bin/python3 leads; empty without one
    forbidden: tuple[str, ...] = ()  # modules of the kernel that shall not be loaded
    closed: bool = False  # whether it loads no module at all
    home: str = ""  # the kind of file system of the institute's home folder
    home_writable: bool = True


def problems(found: Ground, beside: Neighbours, facts: Mapping[str, Any], files: Mapping[str, int]) -> Iterator[str]:
    """Yield every reason not to go on; `files`: how many more each folder's file system takes, -1 for any number."""
    if found.fixed and not beside.mirror_of:  # a late change may need none of them, and tells of one that it needs
        named = " ".join(found.fixed)
        yield (
            f"no se pueden cambiar {named}, que tienen un atributo de chattr (lo muestra lsattr -d {named}) y que la "
            f"instalación cambia; sudo chattr -i -a {named}, y si los protege a propósito, vuelva a ponerlo cuando el "
            "servidor ya no sea espejo"
        )
    yield from _python(found.python, facts.get("packages", {}).get("python3-minimal", ""))
    yield from _modules(found, str(facts.get("owners_parameters", {}).get(CLOSING, "")))
    yield from _home(found, beside.account)
    needed = LATER_FILES if beside.mirror_of else FIRST_FILES
    for folder, left in files.items():
        if 0 <= left < needed:
            yield (
                f"{folder} admite solo {left:,} archivos más (inodos) y necesita {needed:,}; borre los que sobren "
                f"(sudo du --inodes {folder} | sort -n dice dónde hay muchos) o amplíe el disco"
            )


def _python(path: str, version: str) -> Iterator[str]:
    """Tell of a Python that somebody has put in the place of the system's, without which apt, ufw and fail2ban end."""
    own = re.match(r"(\d+\.\d+)\.", version)
    if path and own and path != f"/usr/bin/python{own[1]}":
        yield (
            f"/usr/bin/python3 lleva a {path} y no al Python {own[1]} del sistema, sin el que apt, ufw y fail2ban no "
            f"corren; devuélvalo (sudo update-alternatives --remove-all python3; sudo ln -sfn python{own[1]} "
            "/usr/bin/python3) y llame al otro por su nombre"
        )


def _modules(found: Ground, at_boot: str) -> Iterator[str]:
    if found.forbidden:
        yield (
            f"modprobe tiene prohibido cargar {', '.join(found.forbidden)} (install … /bin/false), que Docker y el "
            "cortafuegos necesitan; quite esos renglones de /etc/modprobe.d"
        )
    if found.closed or at_boot == "1":
        yield (
            f"el núcleo no carga más módulos ({CLOSING}=1), y Docker y el cortafuegos necesitan los suyos, también al "
            "arrancar; quite ese renglón de /etc/sysctl.conf o /etc/sysctl.d y reinicie el servidor"
        )


def _home(found: Ground, account: str) -> Iterator[str]:
    if found.home == "autofs":
        yield (
            f"/home se monta según se pide (autofs), y ahí no se puede crear la carpeta de «{account}», la cuenta del "
            f"Instituto; dele una local: sudo mkdir -p /var/home/{account}, y en el mapa de /home (como "
            f"/etc/auto.home) el renglón «{account} -fstype=bind :/var/home/{account}», o quite /home de "
            "/etc/auto.master"
        )
    elif not found.home_writable:
        yield (
            f"root no puede escribir en /home ({found.home}), donde va la carpeta de «{account}», la cuenta del "
            "Instituto; si lo exporta otra máquina, que sea con no_root_squash, o monte ahí un disco propio"
        )
