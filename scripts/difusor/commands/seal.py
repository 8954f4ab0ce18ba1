"""`difusor seal`: make the PDF of a dictamen and sign it, or add a signature to a PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difusor.project import from_project
from difusor.terminal import complain, json_text, printable, results, warn
from difusor.terminal.arguments import Json, paper

if TYPE_CHECKING:
    from difusor.report.sealing import Sealed

KEY_PASSWORD = "--password-file"
Source = Annotated[
    Path,
    typer.Argument(
        parser=paper, metavar="PAPEL", show_default=False,
        help="El difusor, el JSON de su dictamen, o un PDF que ya está hecho.",
    ),
]  # fmt: skip
Certificate = Annotated[
    Path | None,
    typer.Option(
        metavar="ARCHIVO", exists=True, dir_okay=False, resolve_path=True,
        help="Certificado de quien firma: el .cer del SAT, o uno en PEM o PKCS#12. Sin él, el PDF queda sin firma.",
    ),
]  # fmt: skip
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="ARCHIVO", exists=True, dir_okay=False, resolve_path=True,
        help="Su llave privada, como el .key del SAT; con PKCS#12 no hace falta.",
    ),
]  # fmt: skip
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        KEY_PASSWORD, metavar="ARCHIVO", exists=True, resolve_path=True,
        help="Archivo con la contraseña de la llave; si no se da, se pide sin mostrarla.",
    ),
]  # fmt: skip


def run(
    source: Source,
    folio: Annotated[
        str, typer.Option(metavar="FOLIO", help="El número con que se archiva; un dictamen no va sin él.")
    ] = "",
    certificate: Certificate = None,
    key: Key = None,
    password_file: PasswordFile = None,
    post: Annotated[
        str, typer.Option(metavar="CARGO", help="Cargo de quien firma, si no es el que dice la elección.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Sustituye un dictamen que ya está firmado.")] = False,
    as_json: Json = False,
) -> None:
    """Hace el PDF/A de un dictamen, con sus datos dentro, y lo firma (PAdES) con el certificado de un funcionario.

    A un PDF que ya está hecho, como una carta o un dictamen que otro firmó, le agrega una firma.
    """
    import click

    from corte.format import instants
    from difusor.papers import certificates
    from difusor.project import UnusableError
    from difusor.report.sealing import Sealing, seal
    from difusor.terminal.asking import secret

    if certificate is None and (key or password_file):
        raise click.UsageError("con --key o --password-file dé también --certificate")

    def password() -> bytes:
        return secret("Contraseña de la llave", KEY_PASSWORD, password_file)

    at = instants.now()
    try:
        credentials = certificates.load(certificate, key, password, at) if certificate else None
        done = seal(source, Sealing(folio, at, post, replace), credentials)
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    for note in done.notes:
        warn(f"{note}.")
    if as_json:
        typer.echo(json_text(_answer(done)))
    else:
        show(done)


def show(done: Sealed) -> None:
    """Print what was written, and who signed it."""
    how = f"firmado por {done.holder.name}" if done.holder else "sin firma electrónica"
    results.print(f"[green]✓[/] {printable(f'{from_project(done.path)}, {how}')}", soft_wrap=True)
    results.print(f"  SHA-256 {done.sha256}")


def _answer(done: Sealed) -> dict[str, Any]:
    return {
        "file": str(done.path),
        "sha256": done.sha256,
        "signed_by": done.holder.name if done.holder else "",
        "certificate": done.holder.number if done.holder else "",
        "attached": list(done.attached),
        "notes": list(done.notes),
    }
