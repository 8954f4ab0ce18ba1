"""`difusor new`: make an election or the inventory of a difusor in the institute's home, from what only people know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from difusor.project import ROOT, from_project
from difusor.terminal import complain, console, local, results
from difusor.terminal.arguments import absolute, elections, or_none, written_instant
from difusor.terminal.asking import confirmed

if TYPE_CHECKING:
    from difusor.partners.facts import PartnerFacts
    from difusor.partners.host_key import HostKey

PURPOSE = "Crea una elección o el inventario de un difusor, con lo que se escriba y lo que se sortee."

Mbps = Annotated[
    int | None,
    typer.Option(
        metavar="MBPS", help="Los que su enlace envía según su contrato: una parte se aparta para el Instituto."
    ),
]


def new_election(
    name: Annotated[str, typer.Argument(metavar="NOMBRE", help="Un nombre corto, como diputaciones-2027.")],
    like: Annotated[
        str | None,
        typer.Option(metavar="ELECCIÓN", help="Otra, de la que se toman el lugar, los cargos y el Instituto."),
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXTO", help="Su nombre completo, que todos leen.")] = None,
    environment: Annotated[str | None, typer.Option(metavar="AMBIENTE", help="official o simulacro.")] = None,
    opens: Annotated[
        datetime | None,
        typer.Option(
            parser=written_instant, metavar="INSTANTE",
            help="Apertura, con su diferencia con UTC. Un simulacro abre, si no se dice, en la hora que corre.",
        ),
    ] = None,
    closes: Annotated[
        datetime | None,
        typer.Option(parser=written_instant, metavar="INSTANTE", help="Cierre; si no se dice, 24 horas después."),
    ] = None,
    notice_until: Annotated[
        datetime | None,
        typer.Option(parser=written_instant, metavar="INSTANTE", help="Hasta cuándo se podía dar aviso por oficio."),
    ] = None,
    trusted: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIRECCIÓN", help="Desde dónde se configura y se envían cortes; puede repetirse."
        ),
    ] = None,
    signer: Annotated[str | None, typer.Option(metavar="IDENTIDAD", help="Quién firma: firma@instituto.mx.")] = None,
    key: Annotated[
        str | None, typer.Option(parser=absolute, metavar="LLAVE.pub", help="Su llave pública de OpenSSH: un archivo.")
    ] = None,
) -> None:  # fmt: skip
    """Crea una elección: elections/NOMBRE.yml. Pregunta en la terminal lo que no se dé."""
    from difusor.inventory import linked
    from difusor.partners import asked, election
    from difusor.project import inventories

    given = {
        "like": like, "name": title, "environment": environment, "opens": opens, "closes": closes,
        "notice_until": notice_until, "trusted_addresses": tuple(trusted or ()), "principal": signer,
        "signing_key": key,
    }  # fmt: skip
    with _refusals():
        facts = asked.election(name, given)
        path = election.create(facts)
        zone = election.place(facts.like).zone
    results.print(f"[green]✓[/] {from_project(path)}: ábralo para cambiar lo que haga falta.", soft_wrap=True)
    results.print(f"  Abre {local(facts.opens, zone)} y cierra {local(facts.closes, zone)}.", soft_wrap=True)
    results.print(
        f"  Sigue: ./difusor new difusor NOMBRE, o el formato: ./difusor form ~/formato --election {name}",
        soft_wrap=True,
    )
    if facts.environment == "simulacro" and any(map(linked.election_of, inventories())):
        results.print(
            f"  Un difusor que ya está inscrito: {linked.linking_any(name)}; ./difusor apply -i DIFUSOR", soft_wrap=True
        )


def new_difusor(
    name: Annotated[str, typer.Argument(metavar="NOMBRE", help="Un nombre corto: letras, cifras y _.")],
    election: Annotated[
        str | None, typer.Option(metavar="ELECCIÓN", autocompletion=elections, help="Cuál; si hay una sola, esa.")
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXTO", help="Su nombre, como en la lista oficial.")] = None,
    fqdn: Annotated[str | None, typer.Option(metavar="DOMINIO", help="El nombre por el que se abre la página.")] = None,
    path: Annotated[str, typer.Option(metavar="CARPETA", help="La carpeta de la página, como /prep2027/.")] = "/",
    server: Annotated[
        str | None, typer.Option(metavar="USUARIO@DIRECCIÓN[:PUERTO]", help="Por dónde se entra con SSH.")
    ] = None,
    public_address: Annotated[
        str | None, typer.Option(metavar="DIRECCIÓN", help="Su dirección IP pública, si no es la de SSH.")
    ] = None,
    trusted: Annotated[
        list[str] | None,
        typer.Option(metavar="DIRECCIÓN", help="Dirección confiable además de las de la elección; puede repetirse."),
    ] = None,
    uplink_mbps: Mbps = None,
    account: Annotated[
        str, typer.Option(metavar="USUARIO", help="La cuenta que el Instituto tendrá en el servidor.")
    ] = "instituto",
    ssh_key: Annotated[
        str | None,
        typer.Option(parser=absolute, metavar="LLAVE", help="Su llave de SSH; junto a ella, la pública (.pub)."),
    ] = None,
    certificate: Annotated[
        str | None,
        typer.Option(
            parser=or_none, metavar="ARCHIVO",
            help="Certificado de la página con sus intermedios; vacío: lo pide por ACME.",
        ),
    ] = None,
    certificate_key: Annotated[
        str | None, typer.Option(parser=or_none, metavar="ARCHIVO", help="La llave del certificado.")
    ] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option(metavar="SHA256:…", help="Huella del servidor, como la dio su administrador; si no es, se niega."),
    ] = None,
) -> None:  # fmt: skip
    """Crea el inventario de un difusor: inventories/NOMBRE, con sus secretos sorteados y cifrados.

    Pregunta en la terminal lo que no se dé. Antes de crear nada aprende la llave con que se identifica el servidor.
    """
    from difusor.partners import asked, inventory

    given = {
        "election": election, "name": title, "fqdn": fqdn, "path": path, "server": server,
        "public_address": public_address, "trusted_addresses": tuple(trusted or ()), "uplink_mbps": uplink_mbps,
        "admin_user": account, "ssh_key": ssh_key, "certificate": certificate, "certificate_key": certificate_key,
    }  # fmt: skip
    with _refusals():
        facts = asked.partner(name, given)
        folder = inventory.create(facts, _host_key(facts, fingerprint).line)
    results.print(f"[green]✓[/] {from_project(folder)}: hosts.yml, sus datos, su bóveda y la llave del servidor.")
    results.print(f"  Lo que se puede agregar está explicado en {ROOT / 'inventories/ejemplo'}.", soft_wrap=True)
    results.print(f"  Sigue: ./difusor preflight -i {name}", soft_wrap=True)


def _host_key(facts: PartnerFacts, fingerprint: str | None) -> HostKey:
    """Return the server's key, whose fingerprint the operator has given, or confirms when it is shown."""
    from difusor.partners import host_key
    from difusor.project import UnusableError
    from difusor.servers.connection import Login

    keys = host_key.scan(Login(facts.id, facts.address, facts.login, facts.port))
    if fingerprint:
        return host_key.matching(keys, fingerprint, facts.address)
    console.print(
        f"{facts.address} se identifica con la huella {keys[0].fingerprint} ({keys[0].kind}).", soft_wrap=True
    )
    console.print(f"  Su administrador la ve con: ssh-keygen -lf {keys[0].file}")
    if not confirmed("¿Es la que le dio su administrador?"):
        raise UnusableError("no se confirmó la huella del servidor y nada se creó; pídala y dé --fingerprint SHA256:…")
    return keys[0]


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what cannot be made into its sentences and exit status 1."""
    from difusor.partners.facts import FactError
    from difusor.project import UnusableError

    try:
        yield
    except (UnusableError, FactError) as problem:
        complain(problem)
        raise typer.Exit(1) from problem


KINDS = {"election": new_election, "difusor": new_difusor}
