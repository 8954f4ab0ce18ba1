"""For which reasons an acceptance does not begin, or does not go on, before anything is touched."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import click
import typer

from corte.format import files, instants
from difusor.acceptance.case import Case
from difusor.acceptance.journal import VISITOR as NAME
from difusor.acceptance.journal import Journal, Start
from difusor.baseline.record import BaselineError, check_key
from difusor.inventory import load
from difusor.project import ROOT, UnusableError, commit, given, home_or_project
from difusor.synthetic.due import due
from difusor.terminal import by_clocks, plain

STATUS = "/srv/prep/estado/estado.json"
"""Where a server says what it shows (the role corte's corte_status_file)."""
RECORDED, DATA = "/var/lib/prep-difusor", "/srv/prep"
"""Where a server has the record of how it was found, without which nothing gives it back, and the cortes."""
TRACES = (RECORDED, DATA, "/etc/prep-corte", "/usr/local/sbin/prep-rollback")
"""What the project installs, or leaves when it is removed without its data."""
LOOK = (
    f"cat {STATUS} 2>/dev/null; echo; for each in {' '.join(TRACES)}; do test -e $each && echo $each; done; "
    f"getent passwd {NAME} | cut -d: -f1; true"
)
LASTS = timedelta(minutes=90)
"""What an acceptance may last; the election must not close meanwhile."""
CODE = ("site.yml", "ansible.cfg", "playbooks", "roles", "plugins", "scripts", "spec", "molecule/tests")
"""What of the project decides how an acceptance goes."""
DIFFERENT = {
    "inventory_sha256": "cambió un archivo del inventario o de su elección",
    "project_sha256": "cambió el proyecto (otra versión, o archivos modificados), la convocatoria o el lugar",
    "host_key": "la llave con que se identifica el servidor es otra",
    "machine": "el servidor es otro, o se instaló de nuevo",
    "server": "el inventario nombra a otro servidor",
}


def only_server(inventory: Path) -> str:
    """Return the name of the only server of an inventory; UnusableError when there are more, or it is off the list."""
    servers = load(inventory)
    if len(servers) > 1:
        names = ", ".join(server.name for server in servers)
        raise UnusableError(
            f"{inventory} tiene {len(servers)} servidores ({names}) y se acepta uno solo: haga un inventario con ese"
        )
    if revoked := servers[0].partner.revocation:
        told = by_clocks(revoked.told, servers[0].election.catalog.zone)
        raise UnusableError(f"{servers[0].name} está {told}. No se acepta mientras no vuelva (./difusor restore)")
    return servers[0].name


def check_rehearsal(case: Case) -> None:
    """Refuse an election that is official or over, and a key that may not sign its cortes; nobody is contacted."""
    election = case.election
    if election.environment != "simulacro":
        raise UnusableError(
            f"{election.id} es una elección oficial, y una aceptación publica datos inventados y lo retira todo. "
            "Haga un simulacro (./difusor new election) y un inventario que lo use"
        )
    due(election)
    if (left := election.window.closes - instants.now()) < LASTS:
        raise UnusableError(
            f"{election.id} cierra en {left.total_seconds() / 60:.0f} minutos, y una aceptación puede tardar "
            f"{LASTS.total_seconds() / 60:.0f}: después del cierre no hay corte que publicar. Haga otro simulacro "
            "(./difusor new election)"
        )
    try:
        check_key(case.key, election)
    except BaselineError as error:
        raise UnusableError(str(error)) from error


def check_server(case: Case) -> tuple[str, str]:
    """Return the host key and machine id of a server that can be reached and has nothing of the project."""
    known = case.known()
    if known.unreachable:
        raise UnusableError(known.unreachable)
    status, *found = case.ask(LOOK).split("\n")
    if shown := _shown(status):
        raise UnusableError(
            f"{case.server} {shown}, según {STATUS}, y una aceptación lo quitaría; nada se tocó. "
            "Use un servidor que no publique nada"
        )
    if traces := [line for line in found if line and line != NAME]:
        raise UnusableError(
            f"{case.server} ya tiene el proyecto, o algo que dejó ({', '.join(traces)}); una aceptación comienza en un "
            f"servidor sin instalar. {_cleared(case, traces)}"
        )
    if NAME in found:
        raise UnusableError(
            f"{case.server} ya tiene una cuenta {NAME}, que es la de las aceptaciones: quítela "
            f"(sudo userdel --remove {NAME})"
        )
    return known.identity.get("ssh_host_key", ""), known.identity.get("machine_id", "")


def _shown(status: str) -> str:
    """Return that a server shows or holds a corte, and which, out of its status; "" when it has none."""
    try:
        document = json.loads(status or "{}")
        shown, held, gate = (document.get(name) or {} for name in ("shown", "held", "gate"))
        told = f"{(shown or held).get('corte')}, compuerta {gate.get('state')}"
    except (ValueError, AttributeError, RecursionError):
        return ""
    does = "sirve un corte" if shown else "guarda un corte que aún no muestra" if held else ""
    return plain(f"{does} (el de {told})", 200) if does else ""


def _cleared(case: Case, traces: list[str]) -> str:
    """Return how a server loses these traces: what gives it back needs its record, and passes over one without."""
    if RECORDED in traces:
        # Without --early: that the public may still ask for something there is for `remove` to say.
        return f"Si lo de ahí sobra: ./difusor remove -i {given(case.inventory)} --data"
    if traces == [DATA]:
        return f"Son los cortes que un remove sin --data deja; si sobran, en el servidor: sudo rm -r {DATA}"
    return (
        f"Se perdió el registro de cómo estaba antes ({RECORDED}), y sin él no se puede devolver: tráigalo de un "
        "respaldo, o instale el servidor de nuevo"
    )


def check_name(case: Case, typed: str | None) -> None:
    """Refuse unless somebody types the server's name, on the terminal or as an option."""
    if typed is None:
        if not sys.stdin.isatty():
            raise click.UsageError("Sin una terminal en que escribirlo, falta --name con el nombre del servidor")
        asked = f"Se instalará, reiniciará y retirará el proyecto en {case.address}. Escriba el nombre del servidor"
        typed = str(typer.prompt(asked, err=True))
    if typed.strip() != case.server:
        raise UnusableError(
            f"«{plain(typed, 80)}» no es el nombre del servidor en el inventario, {case.server}; nada se tocó"
        )


def beginning(case: Case, keep: bool, host_key: str, machine: str) -> Start:
    """Return what an acceptance begins with now."""
    return Start(
        inventory=str(case.inventory), server=case.server, key=str(case.key), authority=str(case.authority or ""),
        keep=keep, commit=commit(), inventory_sha256=digest_of(_of_inventory(case.inventory)),
        project_sha256=digest_of([*_of_project(), *_of_the_place(case)]), host_key=host_key, machine=machine,
    )  # fmt: skip


def check_same(journal: Journal, now: Start) -> None:
    """Refuse to go on when the inventory, the project or the server are not those of the beginning."""
    start = journal.start()
    changed = [why for field, why in DIFFERENT.items() if getattr(start, field) != getattr(now, field)]
    if changed:
        raise UnusableError(
            f"la aceptación de {journal.folder.name} no puede seguir: {'; '.join(changed)}. Vuelva a lo de entonces, o "
            f"deje esa aceptación: {journal.giving_up}"
        )


def digest_of(paths: Iterable[Path]) -> str:
    """Return the SHA-256 over the names and contents of files, whatever order they come in."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = files.read(path)
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _of_inventory(source: Path) -> Iterator[Path]:
    """Yield the files of an inventory's folder; its election is one of them, by a link. Not what an editor leaves."""
    folder = source if source.is_dir() else source.parent
    files = (path for path in folder.rglob("*") if path.is_file())
    yield from (path for path in files if not path.name.startswith(".") and not path.name.endswith("~"))


def _of_project() -> Iterator[Path]:
    for name in CODE:
        below = [ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*")
        yield from (path for path in below if path.is_file() and "__pycache__" not in path.parts)


def _of_the_place(case: Case) -> Iterator[Path]:
    """Yield what the institute may have of its own beside the project's: the call, its deviations, the place."""
    election = case.election
    names = (f"spec/{election.spec}.yml", "spec/deviations.yml", f"catalogs/{election.place}.yml")
    yield from map(home_or_project, names)
