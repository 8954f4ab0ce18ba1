"""Makes the inventory of a partner: server, facts, election, host key, certificate, and a vault of drawn secrets."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passlib.hash import sha512_crypt

from corte.format import files
from difusor.inventory import JUDGED, problems
from difusor.inventory.images import built
from difusor.inventory.passwords import ROUNDS, weaknesses
from difusor.inventory.variables import content, read, seal
from difusor.inventory.vaults import KEY, ensure_password, refuse_lost_password
from difusor.partners import election
from difusor.partners.facts import PartnerFacts
from difusor.partners.files import ensure_home, new_folder, refuse_existing, render
from difusor.project import UnusableError, home

KINDS = ("prep", "waf")
CERTIFICATE = "tls/fullchain.pem"
"""Where an inventory has its copy of the certificate; that of the key is KEY."""
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.:+="
"""What a drawn password is made of: no characters that look alike, none that a shell or YAML reads as its own."""


def folder(name: str) -> Path:
    """Return where the inventory of the partner of this name is, whether it exists or not."""
    return home() / "inventories" / name


def refuse_impossible(name: str, of_election: str = "") -> None:
    """Raise UnusableError when the name is taken, or there are no images or there is no election of this name.

    Also when the home has lost the password of its vaults.
    """
    refuse_existing(folder(name), "el difusor")
    refuse_lost_password()
    if any(built(kind) is None for kind in KINDS):
        raise UnusableError("aún no hay imágenes que fijar en el inventario: ./difusor images, y repita")
    if of_election and not election.file(of_election).is_file():
        raise UnusableError(
            f"no existe la elección «{of_election}»; corrija el nombre, o hágala: ./difusor new election {of_election}"
        )


def create(facts: PartnerFacts, host_key: str, registered: Mapping[str, bytes] | None = None) -> Path:
    """Make the inventory and return its folder; UnusableError says why it cannot be made, and nothing is left then.

    `host_key` is a line of known_hosts: the server's public key, which the caller has verified. `registered` are the
    files in which an enrolment keeps what the form says; those variables are then not in main.yml.
    """
    refuse_impossible(facts.id, facts.election)
    ensure_home()
    ensure_password()
    final = folder(facts.id)
    with new_folder(final) as unfinished:
        _fill(unfinished, facts, host_key, registered or {})
        refuse_faulty(unfinished, facts)
    return final


def refuse_faulty(unfinished: Path, facts: PartnerFacts, corrected: Path | None = None) -> None:
    """Raise UnusableError when preflight would refuse something in this unfinished inventory.

    `corrected`: the inventory of which it is a copy, with corrections.
    """
    if not (found := _faults(unfinished)):
        return
    lines = "\n".join(f"- {each}" for each in found)
    # The operator knows the paths that were typed, or are in the inventory, not those in the unfinished one.
    for copy, typed in ((CERTIFICATE, facts.certificate), (KEY, facts.certificate_key)):
        known = typed or (corrected / copy if corrected else None)
        lines = lines.replace(str(unfinished / copy), str(known)) if known else lines
    if corrected is None:
        raise UnusableError(f"con esos valores el difusor no se puede instalar, y nada se creó. Corrija:\n{lines}")
    lines = lines.replace(str(unfinished), str(corrected))
    if str(corrected / CERTIFICATE) in lines:
        lines += "\n- El certificado nuevo, con su llave: dé también --certificate y --certificate-key"
    raise UnusableError(f"con esos valores el difusor no se puede instalar, y nada cambió. Corrija:\n{lines}")


def entrance(facts: PartnerFacts, host_key: str) -> dict[str, bytes]:
    """Return the files that say how to enter the server, by their path in the inventory."""
    return {"hosts.yml": render("hosts.yml.j2", dict(facts)).encode(), "known_hosts": f"{host_key}\n".encode()}


def delivered(inventory: Path, facts: PartnerFacts) -> dict[str, bytes]:
    """Return the certificate and its key, which is sealed, as they go into an inventory that has others, or none."""
    if not (facts.certificate and facts.certificate_key):
        return {}
    given = {CERTIFICATE: files.small(facts.certificate), KEY: files.small(facts.certificate_key)}
    other = {name: plain for name, plain in given.items() if _there(inventory / name) != plain}
    return {name: seal(plain, facts.id) if name == KEY else plain for name, plain in other.items()}


def _there(path: Path) -> bytes | None:
    try:
        return content(str(path))
    except OSError:
        return None


def _fill(inventory: Path, facts: PartnerFacts, host_key: str, registered: Mapping[str, bytes]) -> None:
    """Write every file of the inventory."""
    group = inventory / f"group_vars/{facts.id}"
    group.mkdir(parents=True)
    values = dict(facts) | {"images": {kind: _pinned(kind) for kind in KINDS}, "registered": bool(registered)}
    (group / "main.yml").write_text(render("main.yml.j2", values), encoding="utf-8")
    (group / "vault.yml").write_bytes(seal(render("vault.yml.j2", drawn_secrets()).encode(), facts.id))
    for name, text in {**entrance(facts, host_key), **registered}.items():
        (inventory / name).write_bytes(text)
    # Relative, so that the home may be moved; -i <difusor> is then all that a command needs.
    (inventory / "election.yml").symlink_to(f"../../elections/{facts.election}.yml")
    if facts.certificate and facts.certificate_key:
        (inventory / "tls").mkdir()
        shutil.copyfile(facts.certificate, inventory / CERTIFICATE)
        (inventory / KEY).write_bytes(seal(files.small(facts.certificate_key), facts.id))


def _pinned(kind: str) -> dict[str, str]:
    found = built(kind)
    assert found is not None  # refuse_impossible
    archive, sha256 = found
    return {"archive": f"{{{{ inventory_dir }}}}/../../build/images/{archive.name}", "sha256": sha256}


def drawn_secrets() -> dict[str, str]:
    """Draw what only a partner's own server knows: its account's password, with the hash, and the secret of rsync."""
    password = ""
    while not password or weaknesses(password):
        password = "".join(secrets.choice(LETTERS) for _ in range(20))
    hashed = sha512_crypt.using(rounds=ROUNDS).hash(password)  # type: ignore[no-untyped-call]  # the stubs' gap
    return {"password": password, "password_hash": hashed, "rsync_secret": secrets.token_urlsafe(24)}


def _faults(inventory: Path) -> list[str]:
    """Return what preflight would refuse in the new inventory, whose files are read as Ansible reads them."""
    variables: Mapping[str, Mapping[str, Any]] = read(inventory, only=JUDGED).hosts
    return [fault for values in variables.values() if "difusor_fqdn" in values for fault in problems(values, content)]
