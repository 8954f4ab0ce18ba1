"""`difusor images`: build the container images of a difusor's server as archives, for its inventory."""

from __future__ import annotations

from difusor.terminal import results, sentences


def run() -> None:
    """Construye las imágenes de la página y del WAF, e imprime sus renglones para el inventario de un difusor.

    Los inventarios que se hagan después con «new difusor» ya los llevan.
    """
    from difusor.lab import images

    with sentences():
        images.ensure_archives()
    for name in images.NAMES:
        results.print(f"difusor_{name}_image:", markup=False)
        results.print(f"  archive: {images.bring(name)}", markup=False, soft_wrap=True)
        results.print(f"  sha256: {images.digest(name)}", markup=False, soft_wrap=True)
