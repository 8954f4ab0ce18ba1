"""The facts of an election or a partner from the options of a command line; what they leave out is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from corte.format import files
from corte.format.errors import why
from corte.format.signature import UTF16
from difusor.partners import election as elections_file
from difusor.partners import inventory
from difusor.partners.facts import ElectionFacts, FactError, Facts, PartnerFacts, fault, of, public_address
from difusor.partners.files import refuse_existing
from difusor.project import UnusableError, expanduser
from difusor.terminal.arguments import elections, written_instant
from difusor.terminal.asking import Question, answers

OWN_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
"""The keys with which ssh logs in unless it is told another one."""
LOGIN = "usuario@dirección[:puerto]"
OPTIONS = {
    "id": "NOMBRE", "like": "--like", "name": "--title", "environment": "--environment",
    "opens": "--opens", "closes": "--closes", "notice_until": "--notice-until",
    "trusted_addresses": "--trusted", "principal": "--signer", "signing_key": "--key", "election": "--election",
    "fqdn": "--fqdn", "path": "--path", "login": "--server", "address": "--server", "port": "--server",
    "public_address": "--public-address", "admin_user": "--account", "admin_keys": "--ssh-key", "ssh_key": "--ssh-key",
    "certificate": "--certificate", "certificate_key": "--certificate-key", "uplink_mbps": "--uplink-mbps",
}  # fmt: skip
"""Which option sets which field, for the sentences that refuse a value."""


def election(name: str, given: Mapping[str, Any]) -> ElectionFacts:
    """Return an election's facts; UnusableError or FactError when they cannot be used.

    `given` maps fields to what their options say, None or empty where there is no option.
    """
    _check(ElectionFacts, "id", name)
    refuse_existing(elections_file.file(name), "la elección")
    question = partial(_question, ElectionFacts)
    models = elections_file.models()
    values = {"id": name, **given, "like": given.get("like") or (models[0] if len(models) == 1 else None)}
    _complete(
        values, [question("like", f"¿Con el lugar y el Instituto de cuál elección? ({', '.join(models)})", None, model)]
    )
    _complete(values, [question("environment", "¿official o simulacro?", "simulacro")])
    if values["environment"] == "simulacro":
        values["opens"] = values["opens"] or elections_file.present_hour()
    _complete(
        values,
        [
            question("name", "Nombre completo de la elección"),
            question("opens", "Apertura, como 2027-06-06T20:00:00-06:00", None, partial(_opening, values["like"])),
            question("trusted_addresses", "Direcciones confiables, separadas por espacios", None, addresses),
            question("principal", "Quién firma los cortes, como firma@instituto.mx"),
            question("signing_key", "Archivo de su llave pública", f"{own_key()}.pub", public_key),
        ],
    )
    values["closes"] = values["closes"] or values["opens"] + elections_file.REHEARSAL
    return _facts(ElectionFacts, values)


def _opening(like: str, text: str) -> datetime:
    """Return a written instant; ValueError unless it has the difference with UTC that the place of `like` has then."""
    written = written_instant(text)
    elections_file.place(like).check_offset(written)
    return written


def partner(name: str, given: Mapping[str, Any]) -> PartnerFacts:
    """Return a partner's facts; UnusableError or FactError when they cannot be used.

    `given` is as for `election`; besides the fields it has `server` (user@address:port).
    """
    _check(PartnerFacts, "id", name)
    there = elections()
    values = {"id": name, **given, "election": given["election"] or (there[0] if len(there) == 1 else None)}
    inventory.refuse_impossible(name, values["election"] or "")
    question = partial(_question, PartnerFacts)
    _complete(
        values,
        [
            question("election", f"Elección ({', '.join(there) or 'aún no hay ninguna'})"),
            question("name", "Nombre del difusor, como en la lista oficial"),
            question("fqdn", "Nombre por el que se abre la página, como prep.diario.mx"),
            Question("server", "--server", f"Por dónde se entra con SSH, {LOGIN}", None, login),
            Question("ssh_key", "--ssh-key", "Su llave de SSH", own_key(), key_pair),
            Question("certificate", "--certificate", "Certificado de la página (vacío: lo pide por ACME)", "", a_file),
        ],
    )
    if values["certificate"]:
        _complete(values, [Question("certificate_key", "--certificate-key", "Su llave privada", None, a_file)])
    values |= values.pop("server")
    if not (address := public_address(values["address"])):
        raise FactError({"--server": f"nadie conoce el nombre {values['address']}; corríjalo, o dé la dirección IP"})
    values["public_address"] = values["public_address"] or address
    private = values["ssh_key"]
    values |= {
        "admin_keys": (public_key(f"{private}.pub"),),
        "ssh_key": unless_own(private),
    }
    return _facts(PartnerFacts, values)


def _question(kind: type[Facts], field: str, text: str, default: str | None = None, read: Any = str) -> Question:
    return Question(field, OPTIONS[field], text, default, read, partial(fault, kind, field))


def _complete(values: dict[str, Any], questions: list[Question]) -> None:
    """Put the value of each question into `values`, which has what the options say."""
    for each in questions:
        if isinstance(text := values.get(each.field), str) and text:
            values[each.field] = _read(each, text)
    values |= answers(questions, values)


def _read(question: Question, text: str) -> Any:
    try:
        return question.read(text)
    except ValueError as error:
        raise FactError({question.option: str(error)}) from None


def _facts[F: Facts](kind: type[F], values: Mapping[str, Any]) -> F:
    """Return the facts; FactError names options instead of fields."""
    try:
        return of(kind, {name: value for name, value in values.items() if value not in (None, "", ())})
    except FactError as error:
        raise FactError({OPTIONS.get(name, name): problem for name, problem in error.faults.items()}) from None


def _check(kind: type[Facts], field: str, value: str) -> None:
    if problem := fault(kind, field, value):
        raise FactError({OPTIONS[field]: problem})


def login(text: str) -> dict[str, Any]:
    """Return the account, the address and the port in a text such as user@192.0.2.1:22 or user@[fd00::1]:22."""
    found = re.fullmatch(r"([^@\s]+)@(?:\[([0-9a-fA-F:]+)\]|([^:\s]+))(?::(\d{1,5}))?", text)
    if not found:
        raise ValueError(f"«{text}» no dice por dónde se entra; escríbalo como {LOGIN}")
    user, six, host, port = found.groups()
    values = {"login": user, "address": six or host, "port": int(port or 22)}
    for field, value in values.items():
        if problem := fault(PartnerFacts, field, value):
            raise ValueError(problem)
    return values


def model(text: str) -> str:
    """Return the name of an election from which another can be made: asked again before the rest, not refused after."""
    if not fault(ElectionFacts, "like", text):
        try:
            elections_file.taken(text)
        except UnusableError as error:
            raise ValueError(str(error)) from None
    return text


def addresses(text: str) -> tuple[str, ...]:
    """Return the addresses and networks in a text, which spaces or commas separate."""
    return tuple(text.replace(",", " ").split())


def public_key(path: str) -> str:
    """Return the public key in a file, as its only line; the mark (BOM) that Windows puts before it is none of it."""
    given = files.small(Path(a_file(path)))
    if given.startswith(UTF16):
        raise ValueError(f"{path} está en UTF-16, como lo escribe PowerShell de Windows; guárdelo en UTF-8")
    text = given.decode("utf-8-sig", errors="replace").strip()
    if "PRIVATE KEY" in text:
        raise ValueError(f"{path} es una llave privada; dé la pública, que termina en .pub")
    return text


def own_key() -> str:
    """Return the key of those that ssh uses by itself which the operator has, the first of them when there is none."""
    return next((path for path in OWN_KEYS if os.path.exists(os.path.expanduser(f"{path}.pub"))), OWN_KEYS[0])


def unless_own(private: str) -> str:
    """Return the path of a private key, or "" for one that ssh takes by itself."""
    return "" if private in map(os.path.expanduser, OWN_KEYS) else private


def key_pair(path: str) -> str:
    """Return the absolute path of a private key that has its public one beside it."""
    try:
        a_file(f"{path}.pub")
    except ValueError as error:
        raise ValueError(f"{error}, o haga una: ssh-keygen -t ed25519") from None
    return _absolute(path)


def a_file(path: str) -> str:
    """Return the absolute path of a file that can be read; "" stays."""
    whole = _absolute(path)
    try:
        if whole:
            files.small(Path(whole))
    except OSError as error:
        raise ValueError(f"no se puede leer {whole} ({why(error)}); corrija la ruta") from None
    return whole


def _absolute(path: str) -> str:
    try:
        return str(Path(expanduser(path)).absolute()) if path else ""
    except UnusableError as problem:
        raise ValueError(str(problem)) from None
