"""Arguments that several verbs share: inventories, paths, and options that are passed to ansible-playbook.

The operator gives paths relative to the current folder; verbs run in the project's folder, so the values returned here
are absolute, or relative to that.
"""

from __future__ import annotations

import shlex
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from corte.format import files, instants
from corte.format.errors import why
from difusor.project import UnusableError, build, expanduser, from_project, home, inventories, path_fault, whose


def difusores() -> list[str]:
    """Return the names of the difusores that have an inventory."""
    return [path.name for path in inventories()]


def elections() -> list[str]:
    """Return the names of the elections in the institute's home."""
    return sorted(path.stem for path in (home() / "elections").glob("[!.]*.yml"))


def expanded(text: str) -> str:
    """Return a path with its ~ expanded; refused when that names an account which this machine does not have."""
    try:
        return expanduser(text)
    except UnusableError as problem:
        raise typer.BadParameter(f"{problem}.") from None


def _refuse_two(text: str, given: Path, named: Path, what: str) -> None:
    """Refuse a word that is both a path here and a name in the home, unless both are the same place.

    `what` the name means, with its article. Which of the two is taken would depend on where one stands.
    """
    if Path(text).name == text and given.exists() and named.exists() and not given.samefile(named):
        raise typer.BadParameter(
            f"«{text}» son dos cosas: lo que hay en esta carpeta ({given}) y {what} ({named}). Diga cuál: la primera "
            f"es ./{text}; la otra, {shlex.quote(str(named))}."
        )


def inventory(text: str) -> Path:
    """Return the inventory at a path, or else that of a difusor's name; relative to the project when inside it."""
    given = Path(expanded(text)).absolute()
    named = home() / "inventories" / text
    if text.strip() and given.exists():
        _refuse_two(text, given, named, f"el difusor de {home()}")
        if fault := path_fault(given):
            raise typer.BadParameter(f"{given} no se puede usar: {fault}")
        return from_project(given)
    if text in difusores():  # as it is written: a disk of Windows finds Diario where diario is, which is another name
        return from_project(named)
    wrong = f"no existe el difusor «{text}», ni esa ruta" if text.strip() else "está vacío: ¿qué difusor?"
    raise typer.BadParameter(f"{wrong}; los que hay {whose()}: {', '.join(difusores()) or 'ninguno'}.")


def election(text: str) -> Path:
    """Return the election file or the inventory at a path, or else the election of this name, as an absolute path."""
    given, named = Path(expanded(text)).absolute(), home() / f"elections/{text}.yml"
    if text.strip() and given.exists():
        _refuse_two(text, given, named, f"la elección de {home()}")
        return given
    if text in elections():
        return named
    wrong = f"no existe la elección «{text}», ni esa ruta" if text.strip() else "está vacío: ¿qué elección?"
    there = ", ".join(elections()) or "ninguna"
    raise typer.BadParameter(f"{wrong}; las que hay {whose()}: {there}.")


def paper(text: str) -> Path:
    """Return the file at a path, or else the dictamen of the difusor of this name, as an absolute path."""
    given, named = Path(expanded(text)).absolute(), build() / f"dictamen/{text}.json"
    if given.is_file():
        _refuse_two(text, given, named, "el dictamen de ese difusor")
        return given
    if text.strip() and Path(text).name == text and named.is_file():
        return named
    raise typer.BadParameter(f"no existe el archivo «{text}», ni un dictamen suyo; se mide con ./difusor report -i X")


def verifiable(text: str) -> Path:
    """Return the folder or file at a path, or else the sealed dictamen of the difusor of this name; links resolved."""
    given, sealed = Path(expanded(text)).absolute(), build() / f"dictamen/{text}.pdf"
    if text.strip() and given.exists():
        _refuse_two(text, given, sealed, "el dictamen en PDF de ese difusor")
        return given.resolve()
    if text.strip() and Path(text).name == text and sealed.is_file():
        return sealed.resolve()
    raise typer.BadParameter(f"no existe «{text}», ni un dictamen en PDF de un difusor de ese nombre (./difusor seal).")


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant with an offset and return it in UTC."""
    try:
        return instants.parse_offset(text)
    except ValueError as error:  # which says what of it is missing, or that no day has an hour 24
        told = str(error).replace("no es un instante como", "no es un instante con su diferencia con UTC, como")
        raise typer.BadParameter(told) from None


def written_instant(text: str) -> datetime:
    """Read an instant as `instant` does, and return it with the difference with UTC that is written in it."""
    instant(text)
    return datetime.fromisoformat(text)


def absolute(text: str) -> str:
    """Return a path of the operator's made absolute."""
    return str(Path(expanded(text)).absolute())


def or_none(text: str) -> str:
    """Return a path made absolute; an empty one, which says that there is none, as it is."""
    return absolute(text) if text else ""


def named_corte(text: str) -> str:
    """Return the path of a corte made absolute, or, when there is no such path, the text: a manifest's SHA-256."""
    given = Path(expanded(text)).absolute()
    return str(given) if given.exists() else text


def authority(text: str) -> Path:
    """Return the path of a file with certificates, made absolute; refused at once when it has none."""
    path = Path(expanded(text)).absolute()
    try:
        files.opened(path).close()  # OpenSSL would wait for whoever writes to a pipe
        ssl.create_default_context().load_verify_locations(path)
    except ssl.SSLError:
        raise typer.BadParameter(
            f"«{text}» no contiene certificados en PEM; dé el de la autoridad que los firmó"
        ) from None
    except OSError as error:
        raise typer.BadParameter(f"no se puede leer «{text}» ({why(error)}); corrija la ruta") from None
    return path


def vault_id(text: str) -> str:
    """Return a vault identity of Ansible's (NAME@FILE, FILE or NAME@prompt) with the path of its file made absolute."""
    name, at, source = text.partition("@") if "@" in text else ("", "", text)
    path = Path(expanded(source)).absolute()
    return f"{name}{at}{path}" if path.is_file() else text


def _once(given: list[Path] | None) -> list[Path] | None:
    """Return each inventory once: a server refuses one of two deliveries that come at the same time."""
    return list({each.resolve(): each for each in given}.values()) if given else given


def _inventory_option(text: str, callback: Callable[..., Any] | None = None) -> Any:
    return typer.Option(
        "--inventory",
        "-i",
        parser=inventory,
        callback=callback,
        metavar="DIFUSOR",
        autocompletion=difusores,
        show_default=False,
        help=text,
    )


Difusor = Annotated[Path, _inventory_option("El difusor: su nombre, o la ruta de su inventario.")]
MaybeDifusor = Annotated[Path | None, _inventory_option("El difusor: su nombre, o la ruta de su inventario.")]
Name = Annotated[
    Path,
    typer.Argument(
        parser=inventory, metavar="DIFUSOR", autocompletion=difusores, show_default=False,
        help="El difusor: su nombre, o la ruta de su inventario.",
    ),
]  # fmt: skip
Difusores = Annotated[
    list[Path], _inventory_option("El difusor: su nombre, o la ruta de su inventario; puede repetirse.", _once)
]
MaybeDifusores = Annotated[
    list[Path] | None, _inventory_option("Un difusor: su nombre, o la ruta de su inventario; puede repetirse.", _once)
]
ELECTION = typer.Option(
    "--election", parser=election, metavar="ELECCIÓN", autocompletion=elections, show_default=False,
    help="Su nombre, la ruta de su archivo, o un inventario que la use.",
)  # fmt: skip
Election = Annotated[Path, ELECTION]
MaybeElection = Annotated[Path | None, ELECTION]
Corte = Annotated[
    Path, typer.Argument(metavar="CORTE", exists=True, file_okay=False, resolve_path=True, help="Carpeta del corte.")
]
Jump = Annotated[
    int | None,
    typer.Option(
        metavar="NÚMERO", min=1, show_default="10",
        help="Cuántos números puede saltar el corte desde el último que se firmó.",
    ),
]  # fmt: skip
Authority = Annotated[
    Path | None,
    typer.Option(
        "--ca", metavar="ARCHIVO", parser=authority,
        help="Autoridad de los certificados, en vez de las públicas que conoce esta máquina.",
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="El resultado en JSON, por la salida estándar.")]
AskBecomePass = Annotated[
    bool,
    typer.Option("--ask-become-pass", "-K", help="Pide la contraseña de sudo de la cuenta con que se entra."),
]
"""Of every verb that becomes root on a server; those that run a playbook pass it on, the others ask themselves."""

PANEL = "Para ansible-playbook"
"""The heading, in a verb's help, of the options that the verb passes on to ansible-playbook."""
Check = Annotated[
    bool, typer.Option("--check", "-C", rich_help_panel=PANEL, help="Muestra qué cambiaría, sin cambiarlo.")
]
Diff = Annotated[bool, typer.Option("--diff", "-D", rich_help_panel=PANEL, help="Muestra cada línea que cambia.")]
Limit = Annotated[
    str | None,
    typer.Option("--limit", "-l", metavar="SERVIDORES", rich_help_panel=PANEL, help="Solo esos servidores."),
]
AskVaultPass = Annotated[
    bool,
    typer.Option("--ask-vault-pass", "-J", rich_help_panel=PANEL, help="Pide la contraseña de la bóveda."),
]
VaultIds = Annotated[
    list[str] | None,
    typer.Option(
        "--vault-id", parser=vault_id, metavar="BÓVEDA@ARCHIVO", rich_help_panel=PANEL,
        help="Quién abre la bóveda: BÓVEDA@ARCHIVO o BÓVEDA@prompt; puede repetirse.",
    ),
]  # fmt: skip
Further = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- OPCIÓN...]", show_default=False,
        help="Otras opciones de ansible-playbook, tal cual y después de --; sus rutas, desde la carpeta del proyecto.",
    ),
]  # fmt: skip
