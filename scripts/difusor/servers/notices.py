"""What is told of the owner's web sites, updates and logins and stops no run, as rows of the preflight's diagnosis.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from difusor.servers import webserver
from difusor.servers.neighbours import UPDATING, Neighbours

Row = tuple[str, list[str]]
"""What is told, and of what."""


RESIDENTS = {
    "banning": (
        "AVISO: estos programas cierran el paso a una dirección entera por lo que llega de ella, y tras la de una red "
        "móvil hay cientos de teléfonos, que se quedarían sin la página, o el Instituto sin su entrada; deténgalos "
        "hasta que termine la publicación (sudo systemctl disable --now con sus nombres), o haga que no miren los "
        "puertos 80 y 443 ni la bitácora de nginx, y que nunca cierren el paso a las direcciones confiables"
    ),
    "configuring": (
        "AVISO: estos programas escriben la configuración del servidor, y pueden deshacer en plena jornada lo que el "
        "proyecto puso (cortafuegos, SSH, nginx, paquetes); deténgalos hasta que termine la publicación (sudo "
        "systemctl disable --now con sus nombres), o quite de lo que escriben esas partes"
    ),
    "restarting": (
        "AVISO: estos programas reinician o detienen servicios, o el servidor entero, cuando la carga es mucha o falta "
        "memoria, como cuando todos abren la página; deténgalos hasta que termine la publicación (sudo systemctl "
        "disable --now con sus nombres), o haga que no lo hagan con nginx, Docker ni el servidor"
    ),
}
"""What is told of the owner's services that run, by what they may do to the page (`preflight_residents`)."""


def rows(
    found: Neighbours,
    ports: Collection[int],
    *,
    residents: Mapping[str, Collection[str]] | None = None,
    is_locked: bool = False,
    tls_floor: str = "",
) -> list[Row]:
    """Return the rows that have something to tell.

    `ports` are the page's, `residents` the services that may disturb it, by the names of RESIDENTS; `is_locked`
    tells whether only a CDN and the trusted addresses will reach the ports; `tls_floor` is the oldest version of TLS
    that the call allows, as nginx calls it.
    """
    told = (
        *_rows(found, ports, is_locked=is_locked, tls_floor=tls_floor),
        *_shutting_out(found),
        *((text, sorted({*found.running} & {*(residents or {}).get(kind, ())})) for kind, text in RESIDENTS.items()),
    )
    return [row for row in told if row[1]]


def _rows(found: Neighbours, ports: Collection[int], *, is_locked: bool, tls_floor: str) -> Iterator[Row]:
    sites = (found.settings, ports, found.samples)
    yield (
        "AVISO: estos sitios contestan hoy también a nombres que no tienen en su server_name, por ser los primeros de "
        "nginx o los que pone por omisión, y a esos nombres ya no contestarán; agregue ahí los que le falten, como el "
        "que empieza con www",
        [] if found.mirror_of else webserver.unlisted(*sites),
    )
    yield (
        "AVISO: con difusor_origin_lock el cortafuegos cierra los puertos 80 y 443 a todos menos a la CDN y a las "
        "direcciones confiables, también para estos sitios",
        webserver.beside(*sites) if is_locked else [],
    )
    # nginx (until 1.29.2) has no other ssl_protocols at a port than those of its default server, which is the page's.
    yield (
        "AVISO: la convocatoria pide TLS 1.3, y nginx no acepta entonces nada más antiguo en el puerto 443, digan lo "
        "que digan los ssl_protocols de estos sitios: quien los visita con TLS 1.2, como un teléfono o un programa "
        "viejo, ya no entrará; si los necesita, llévelos a otro servidor",
        webserver.beside(found.settings, {443} & {*ports}, found.samples) if tls_floor == "TLSv1.3" else [],
    )
    yield (
        f"AVISO: por estas líneas PAM deja entrar por SSH solo a algunas cuentas; «{found.account}», la del Instituto, "
        "tiene que estar entre ellas (pam_access lo dice en /etc/security/access.conf; pertenecerá al grupo sudo), o "
        "la instalación se detiene cuando pruebe su acceso, y SSH queda como estaba",
        [] if found.mirror_of else list(found.choosing),
    )
    yield (
        "AVISO: certbot renueva estos certificados con el puerto 80 para él solo (authenticator = standalone), y con "
        "nginx en ese puerto no podrá; para cada uno ponga en nginx un server con su nombre en el puerto 80 y una "
        "carpeta para /.well-known/acme-challenge/, y corra sudo certbot certonly --webroot -w CARPETA -d NOMBRE (para "
        "el nombre de la página, difusor_tls_mode: acme)",
        list(found.standalone),
    )
    yield (
        "AVISO: el servidor instala hoy por sí mismo también lo nuevo de estos orígenes, y mientras sea espejo "
        "instalará así solo las actualizaciones de seguridad de la distribución; lo demás lo actualiza usted (sudo apt "
        "upgrade)",
        [] if found.mirror_of else list(found.upgraded),
    )
    yield (
        "AVISO: las actualizaciones automáticas están apagadas en estos archivos o temporizadores, y el proyecto las "
        "enciende mientras el servidor sea espejo: las de seguridad, nunca durante la jornada",
        [] if found.mirror_of else list(found.updates_off),
    )
    yield (
        "AVISO: alguien enmascaró estos temporizadores, y no llegará ninguna actualización de seguridad; no hace falta "
        "para la jornada, en la que esperan de todos modos: sudo systemctl unmask con sus nombres, y ./difusor apply",
        [unit for unit in found.masked if unit in UPDATING] if found.mirror_of else [],
    )


def _shutting_out(found: Neighbours) -> Iterator[Row]:
    """Tell of what would take the page from everybody behind one address."""
    yield (
        "AVISO: estas reglas limitan lo que pide cada dirección, y se quedan; tras la de una red móvil hay cientos "
        "de teléfonos, que se quedarían sin la página: quítelas, que el proyecto pone límites propios, o súbalas mucho",
        list(found.limiting_each),
    )
    yield (
        "AVISO: estas reglas (jails) de fail2ban cierran los puertos de la página a una dirección entera, y tras la de "
        "una red móvil hay cientos de teléfonos: lo que uno pida en otro sitio de este servidor los deja a todos sin "
        "ella; hasta que termine la publicación ponga en cada una enabled = false (en /etc/fail2ban/jail.local, y sudo "
        "systemctl reload fail2ban)",
        list(found.jails),
    )
