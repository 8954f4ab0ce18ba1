"""Checks the values of an inventory: a Spanish sentence for each with which a server cannot be set up."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from difusor import spec
from difusor.inventory.calendar import PENDING, pending
from difusor.inventory.certificates import distrust
from difusor.inventory.images import FILES, labels, listed_files
from difusor.inventory.model import NAMES, Election, Partner, variable_names
from difusor.inventory.parts import PARTS
from difusor.inventory.placeholders import unfinished
from difusor.inventory.values import Read, from_disk, host
from difusor.spec import signs
from difusor.spec.faults import sentence

# ansible_host is checked too: an example value left there would send the run to an address that nobody has.
JUDGED = NAMES | {"ansible_host"}
NOBODY_TRUSTED = (
    "la lista de direcciones confiables está vacía y nadie podría entrar al servidor; "
    "agregue la suya aquí o en election_trusted_addresses"
)

NO_ELECTION = (
    "election_*",
    "este inventario no dice de qué elección es; enlácela, en su carpeta: ln -sfn ../../elections/ELECCIÓN.yml "
    "election.yml",
)
NO_PARTNER = (
    "difusor_*",
    "este servidor no tiene ninguna variable de su difusor; en hosts.yml póngalo en un grupo con el mismo nombre que "
    "la carpeta de group_vars/",
)
"""Said once, instead of every single variable that is missing."""


def problems(variables: Mapping[str, Any], read: Read | None = from_disk) -> list[str]:
    """Return every reason why these variables cannot set up a server, a Spanish sentence each; empty when they can.

    `variables` maps names to rendered values, or to the exception that rendering raised, and may hold other names too;
    `read` returns the bytes of a file of the controller (default: as it is on disk) and raises OSError. With None no
    file is read: certificate, key and images may be missing, or have expired.
    """
    values = {name: variables[name] for name in variables if name in JUDGED}
    found = _of_the_address(values)
    found |= {name: _to_do(name, sentence) for name, value in values.items() if (sentence := unfinished(value))}
    found |= pending(values)
    read = cache(read) if read else None  # an image has tens of megabytes, and its digest and its labels are asked for
    context = {"call": _usable_call(values), "read": read}
    told = set(found) | ({PENDING} if pending(values) else set())
    for model, remedy in ((Election, NO_ELECTION), (Partner, NO_PARTNER)):
        if not variable_names(model) & values.keys():
            found[remedy[0]] = remedy[1]
            continue
        finished = {name: value for name, value in values.items() if name in variable_names(model) - told}
        try:
            model.model_validate(finished, context=context)
        except ValidationError as error:
            found |= {place: sentence for place, name, sentence in _details(error) if name not in told}
    if values.get("election_trusted_addresses") == [] and not values.get("difusor_trusted_addresses"):
        found.setdefault("difusor_trusted_addresses", NOBODY_TRUSTED)
    if read and not values.get("election_open_application") and "difusor_prep_image" not in told | found.keys():
        found |= _of_the_files(values, read)
    if read and values.get("election_environment") == "official" and "difusor_tls_certificate" not in found:
        found |= _of_the_chain(values, read)
    return [_whole(place, sentence) for place, sentence in found.items()]


def _of_the_address(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the address at which the server is reached, if there is one."""
    address = values.get("ansible_host")
    try:
        if isinstance(address, str):
            host(address.lower())
    except ValueError as error:
        return {"ansible_host": "; ".join(filter(None, (str(error), signs.in_value(address))))}
    return {}


def _usable_call(values: Mapping[str, Any]) -> str:
    """Return the name of the election's call, against which waivers are judged; "" when its spec cannot be used."""
    call = values.get("election_spec")
    try:
        return call if isinstance(call, str) and spec.load(call) else ""
    except spec.SpecError:
        return ""  # said of the election


def _to_do(name: str, sentence: str) -> str:
    """Return the sentence on an unfinished value; an optional variable may as well be removed."""
    required = {str(field.alias) for field in Partner.model_fields.values() if field.is_required()}
    optional = name in variable_names(Partner) - required
    return f"{sentence}, o quite la variable" if optional and sentence.endswith("escriba el suyo") else sentence


def _of_the_files(values: Mapping[str, Any], read: Read) -> dict[str, str]:
    """Return what is wrong when nobody can know which files a PREP application has that is not declared open."""
    image = values.get("difusor_prep_image")
    path = image.get("archive") if isinstance(image, Mapping) else None
    try:
        if not path or listed_files(labels(read(path))):
            return {}
    except (OSError, ValueError):
        return {}  # said already
    return {
        "difusor_prep_image": (
            f"{path} no dice qué archivos tiene (etiqueta {FILES}) y el borde respondería 404 a todos; pida la "
            "etiqueta a quien hizo la imagen o, si no se pueden listar, declare abierta la aplicación: "
            "election_open_application: true"
        )
    }


def _of_the_chain(values: Mapping[str, Any], read: Read) -> dict[str, str]:
    """Return what is wrong with the certificates that go with the page's, which browsers must be able to follow."""
    path = values.get("difusor_tls_certificate")
    if values.get("difusor_tls_mode") != "files" or not isinstance(path, str):
        return {}
    try:
        reason = distrust(read(path))
    except (OSError, ValueError):
        return {}  # said already
    if not reason:
        return {}
    return {
        "difusor_tls_certificate": (
            f"los navegadores no aceptarían {path}: {reason}. Ponga en el archivo un certificado de una autoridad "
            "pública y, debajo, sus intermedios"
        )
    }


def sentences(error: ValidationError) -> list[str]:
    """Return the errors of a model's validation as Spanish sentences."""
    return [_whole(place, sentence) for place, _, sentence in _details(error)]


def _details(error: ValidationError) -> Iterator[tuple[str, str | int, str]]:
    """Yield (place, variable, sentence without its full stop) for each problem."""
    for detail in error.errors(include_url=False):
        yield _place(detail["loc"]), detail["loc"][0], _sentence(detail)


def _whole(place: str, sentence: str) -> str:
    return f"{place}: {sentence}{'' if sentence.endswith('?') else '.'}"


def _place(loc: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _sentence(detail: ErrorDetails) -> str:
    kind, name = detail["type"], str(detail["loc"][-1])
    if kind == "missing":
        file = "elections/<elección>.yml" if name.startswith("election_") else "group_vars/<difusor>/main.yml"
        return f"falta; agréguela en {file} (inventories/ejemplo la explica)" if name in NAMES else "falta; agréguela"
    if kind == "extra_forbidden":
        fields = {field for model in PARTS for field in model.model_fields}
        near = difflib.get_close_matches(name, fields, n=1)
        return f"no existe; {f'¿quiso decir {near[0]}?' if near else 'quítela'}"
    return sentence(detail)
