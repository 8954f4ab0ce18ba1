"""What is told of the owner's own web sites and stops no run, as rows of the preflight's diagnosis.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from difusor.servers import webserver
from difusor.servers.neighbours import Neighbours

Row = tuple[str, list[str]]
"""What is told, and of what."""


def rows(found: Neighbours, ports: Collection[int], *, is_locked: bool = False) -> list[Row]:
    """Return the rows that have something to tell.

    `ports` are the page's, `is_locked` tells whether only a CDN and the trusted addresses will reach them.
    """
    return [row for row in _rows(found, ports, is_locked=is_locked) if row[1]]


def _rows(found: Neighbours, ports: Collection[int], *, is_locked: bool) -> Iterator[Row]:
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
    yield (
        "AVISO: certbot renueva estos certificados con el puerto 80 para él solo (authenticator = standalone), y con "
        "nginx en ese puerto no podrá; para cada uno ponga en nginx un server con su nombre en el puerto 80 y una "
        "carpeta para /.well-known/acme-challenge/, y corra sudo certbot certonly --webroot -w CARPETA -d NOMBRE (para "
        "el nombre de la página, difusor_tls_mode: acme)",
        list(found.standalone),
    )
    yield (
        "AVISO: estas reglas limitan lo que pide cada dirección, y se quedan; tras la de una red móvil hay cientos "
        "de teléfonos, que se quedarían sin la página: quítelas, que el proyecto pone límites propios, o súbalas mucho",
        list(found.limiting_each),
    )
