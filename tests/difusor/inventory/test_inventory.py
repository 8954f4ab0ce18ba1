"""Every mistake in an inventory is reported in clear Spanish, all at once, before any server is contacted."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from inventory_kit import packed_image, rsa_key
from pydantic import ValidationError
from variables_kit import INSTITUTE, KEY, Variables, write_certificate

from corte.format import signature
from difusor import inventory
from difusor.inventory.parts import Signer

ROOT = Path(__file__).resolve().parents[3]
COLORS: dict[str, str] = INSTITUTE["colors"]

Change = Callable[[Variables], object]


POINT = (
    ec.derive_private_key(2027, ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
)
"""Of an ECDSA public key; always the same, because tests are named after it."""


def test_nothing_is_said_of_a_good_inventory(good: Variables) -> None:
    assert inventory.problems(good) == []


def parts(*fields: bytes) -> str:
    """Return the Base64 of a public key that consists of these fields."""
    return base64.b64encode(b"".join(len(each).to_bytes(4, "big") + each for each in fields)).decode()


def ecdsa_key(curve: ec.EllipticCurve) -> str:
    """Return an ECDSA public key as OpenSSH writes it; always the same, as POINT."""
    key = ec.derive_private_key(2027, curve).public_key()
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


SECURITY_KEY = "sk-ssh-ed25519@openssh.com"
ECDSA = f"ecdsa-sha2-nistp256 {parts(b'ecdsa-sha2-nistp256', b'nistp256', POINT)}"
BLOB = KEY.split()[1]


@pytest.mark.parametrize(
    "key",
    [
        KEY, f"{KEY}\n", ECDSA, ecdsa_key(ec.SECP384R1()), ecdsa_key(ec.SECP521R1()), rsa_key(3072),
        f"ssh-ed25519 {BLOB} Dirección de Informática",
        f"{SECURITY_KEY} {parts(SECURITY_KEY.encode(), bytes(32), b'ssh:')} caja fuerte",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["election_revoked_keys", "difusor_admin_keys", "difusor_break_glass_key"])
def test_a_whole_public_key_is_taken(good: Variables, name: str, key: str) -> None:
    good[name] = key if name.endswith("_key") else [key]
    assert inventory.problems(good) == []


@pytest.mark.parametrize(
    "key",
    [
        *(f"ssh-ed25519 {BLOB[:end]}" for end in range(4, len(BLOB), 4)), f"ssh-ed25519 {BLOB}AAAA",
        f"ssh-ed25519 {BLOB[:40]}\n{BLOB[40:]}", f"{KEY}\n{ECDSA}", f"{KEY}\u2028más", KEY.replace(" ", "  ", 1),
        KEY.replace(" ", "\t", 1), rsa_key(3072)[:-40], f"{ECDSA.rstrip('=')}==",
        f"ecdsa-sha2-nistp256 {parts(b'ecdsa-sha2-nistp256', b'nistp256', bytes(65))}",
        f"ecdsa-sha2-nistp256 {parts(b'ecdsa-sha2-nistp256', b'nistp256', bytes([2]) + POINT[1:33])}",
        f"{SECURITY_KEY} {parts(SECURITY_KEY.encode(), bytes(32))}",
        f"{SECURITY_KEY} {parts(SECURITY_KEY.encode(), bytes(31), b'ssh:')}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["election_revoked_keys", "difusor_admin_keys", "difusor_break_glass_key"])
def test_a_broken_public_key_is_refused(good: Variables, name: str, key: str) -> None:
    """Among the revoked it would make ssh-keygen refuse every signature; elsewhere nobody could use it."""
    good[name] = key if name.endswith("_key") else [key]
    (said,) = inventory.problems(good)
    assert "no es una llave pública de OpenSSH; copie la línea entera del archivo .pub" in said


SIGNS = [*map(chr, [*range(0x600), *range(0x2000, 0x2070)]), "\u3000", "\ufeff", "\U000e0001", "投"]
"""Every sign of the scripts of Europe, and those that are not seen."""
REFUSED = set('\t\n #,*?!"\x00\x1b\x7f\x85\xa0\u200b\u2028\ufeff')


def test_every_signer_that_is_accepted_is_one_for_a_server() -> None:
    """Of one with # every server ignored the line, and with it each of his cortes."""
    dates = {"valid_after": "2027-06-01T00:00:00Z", "valid_before": "2027-06-10T00:00:00Z"}
    accepted = set()
    for sign in SIGNS:
        for principal in (f"{sign}firma@impebar.mx", f"fir{sign}ma@impebar.mx", f"firma@impebar.mx{sign}"):
            try:
                signer = Signer.model_validate({"principal": principal, "key": KEY, **dates})
            except ValidationError:
                continue
            accepted.add(sign)
            found = signature.valid_signers(signer.line("ensayo"), datetime(2027, 6, 6, tzinfo=UTC))
            assert [name for name, _ in found] == [principal]
    assert not accepted & REFUSED and accepted >= set("-.+='@\\ñ投")


def test_an_elections_id_is_one_that_a_manifest_takes(good: Variables) -> None:
    """With a longer one everything was installed, and no corte could be signed."""
    assert inventory.problems({**good, "election_id": "e" * 64}) == []
    (problem,) = inventory.problems({**good, "election_id": "e" * 65})
    assert problem.startswith("election_id: ") and "de 64 letras o menos" in problem


@pytest.mark.parametrize("labels", [None, {}, {"prep-difusor.files": " "}])
def test_an_application_that_lists_no_files_has_to_be_declared_open(good: Variables, labels: Any) -> None:
    unlisted = packed_image(ExposedPorts={"8080/tcp": {}}, Labels=labels)
    archive = good["difusor_prep_image"]["archive"]
    Path(archive).write_bytes(unlisted)
    good["difusor_prep_image"]["sha256"] = hashlib.sha256(unlisted).hexdigest()
    (problem,) = inventory.problems(good)
    assert problem.startswith(f"difusor_prep_image: {archive} no dice qué archivos tiene (etiqueta prep-difusor.files)")
    assert problem.endswith("declare abierta la aplicación: election_open_application: true.")
    assert inventory.problems({**good, "election_open_application": True}) == []


FRONT = {"name": "www.diario.mx", "program": "nginx", "addresses": ["189.240.1.20"]}


def replace(name: str, value: object) -> Change:
    return lambda variables: variables.__setitem__(name, value)


def inside(*path: str | int, value: object) -> Change:
    """Return a change that sets the value at `path`, a key inside other values."""

    def change(variables: Variables) -> None:
        place: Any = variables
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


WAIVER = {
    "clause": "HW-01", "reason": "Servidor virtual", "by": "Pleno", "agreement": "CEE/100/2024", "date": "2024-05-28",
    "expires": "2024-06-30",
}  # fmt: skip
CASES: dict[str, tuple[Change, str]] = {
    "missing variable": (lambda v: v.pop("difusor_fqdn"), "difusor_fqdn: falta; agréguela en group_vars"),
    "missing decision": (lambda v: v.pop("election_opens"), "election_opens: falta; agréguela en elections/"),
    "example name": (replace("difusor_fqdn", "prep.ejemplo.mx"), "difusor_fqdn: conserva el valor de ejemplo"),
    "example address": (replace("difusor_public_address", "203.0.113.10"), "conserva el valor de ejemplo"),
    "example marker": (replace("difusor_name", "EJEMPLO"), "difusor_name: conserva el valor de ejemplo"),
    "example deep inside": (
        inside("difusor_prep_image", "sha256", value="cambiame"),
        "difusor_prep_image: conserva el valor de ejemplo «cambiame»",
    ),
    "malformed address": (
        replace("difusor_public_address", "189.240.1.700"),
        "difusor_public_address: «189.240.1.700» no es una dirección IP",
    ),
    "address in another spelling": (
        replace("difusor_public_address", "2806:2F0:0:0::81"),
        "difusor_public_address: «2806:2F0:0:0::81» se escribe también de otra forma, que es la usual; escriba "
        "2806:2f0::81",
    ),
    "address of the other site in another spelling": (
        lambda v: v.update(difusor_path="/prep/", difusor_front={**FRONT, "addresses": ["2806:2F0::81"]}),
        "difusor_front.addresses[0]: «2806:2F0::81» se escribe también de otra forma, que es la usual; escriba ",
    ),
    "malformed trusted address": (
        replace("election_trusted_addresses", ["10.9.0"]),
        "election_trusted_addresses[0]: «10.9.0» no es una dirección ni una red",
    ),
    "network with host bits": (
        replace("election_trusted_addresses", ["10.9.0.4/24"]),
        "«10.9.0.4/24» no es una red; ¿quiso decir 10.9.0.0/24?",
    ),
    "the whole Internet": (replace("election_trusted_addresses", ["0.0.0.0/0"]), "«0.0.0.0/0» es todo Internet"),
    "nobody is trusted": (
        replace("election_trusted_addresses", []),
        "difusor_trusted_addresses: la lista de direcciones confiables está vacía",
    ),
    "no signer": (replace("election_signers", []), "election_signers: está vacía"),
    "signer's name": (
        inside("election_signers", 0, "principal", value="firma#1@impebar.mx"),
        "election_signers[0].principal: debe ser una identidad sin espacios, # ni comodines, como firma@instituto.mx",
    ),
    "signer's key": (inside("election_signers", 0, "key", value="ssh-ed25519 AAAA"), "no es una llave pública"),
    "signer of no time": (
        inside("election_signers", 0, "valid_before", value="2024-04-01T00:00:00Z"),
        "election_signers[0].valid_before: 2024-04-01T00:00:00+00:00 debe ser posterior a valid_after",
    ),
    "local instant": (
        replace("election_opens", "2024-06-02T20:00:00"),
        "election_opens: «2024-06-02T20:00:00» no es un instante absoluto",
    ),
    "clocks of another place": (
        replace("election_opens", "2024-06-02T20:00:00-05:00"),
        "election_opens: «2024-06-02T20:00:00-05:00» no lleva la diferencia con UTC que tiene America/Tijuana ese día, "
        "-07:00; corríjala",
    ),
    "form's date by other clocks": (
        replace("election_call", {"form_until": "2024-05-20T20:00:00-05:00"}),
        "election_call: «2024-05-20T20:00:00-05:00» no lleva la diferencia con UTC",
    ),
    "list's date by other clocks": (
        replace("election_call", {"list_from": "2024-05-27T00:00:00-05:00"}),
        "election_call: «2024-05-27T00:00:00-05:00» no lleva la diferencia con UTC",
    ),
    "instant of no calendar": (
        replace("election_opens", "2024-06-32T20:00:00Z"),
        "election_opens: «2024-06-32T20:00:00Z» no es un instante como 2024-06-02T20:00:00-06:00",
    ),
    "hour of no clock": (
        replace("election_closes", "2024-06-02T24:00:00-07:00"),
        "election_closes: «2024-06-02T24:00:00-07:00» dice la hora 24, que no hay; escriba las 00:00 del día siguiente",
    ),
    "signer for ever": (
        inside("election_signers", 0, "valid_before", value="9999-12-31T23:59:59Z"),
        "election_signers[0].valid_before: «9999-12-31T23:59:59Z» no es de ningún año en que haya elecciones",
    ),
    "end that is in no year in UTC": (
        lambda v: v.update(election_notice_until="9999-12-31T23:59:59-07:00"),
        "election_notice_until: «9999-12-31T23:59:59-07:00» no es de ningún año en que haya elecciones",
    ),
    "signer since ever": (
        inside("election_signers", 0, "valid_after", value="0001-01-01T00:00:00+06:00"),
        "election_signers[0].valid_after: «0001-01-01T00:00:00+06:00» no es de ningún año en que haya elecciones",
    ),
    "closes before it opens": (
        replace("election_closes", "2024-06-02T19:00:00-07:00"),
        "election_closes: 2024-06-02T19:00:00-07:00 debe ser posterior a election_opens",
    ),
    "retained by nobody's order": (
        lambda v: v.pop("election_retention_order"),
        "election_retain_until: la convocatoria termina la publicación al cierre",
    ),
    "waiver without an agreement": (
        replace("difusor_waivers", [{key: value for key, value in WAIVER.items() if key != "agreement"}]),
        "difusor_waivers[0].agreement: falta; agréguela",
    ),
    "waiver that nobody decided": (
        replace("difusor_waivers", [{**WAIVER, "by": ""}]),
        "difusor_waivers[0].by: está vacía",
    ),
    "waiver by a blank": (
        replace("difusor_waivers", [{**WAIVER, "by": " \n"}]),
        "difusor_waivers[0].by: está en blanco; escriba su valor",
    ),
    "a name that is a number to YAML": (
        replace("difusor_name", 2027),
        "difusor_name: debe ser un texto; póngalo entre",
    ),
    "a name that is a no to YAML": (replace("difusor_name", False), "difusor_name: debe ser un texto; póngalo entre"),
    "order to retain without a day": (
        replace("election_retention_order", {"by": "Pleno", "agreement": "CEE/102/2024"}),
        "election_retention_order.date: falta; agréguela",
    ),
    "notice of another kind": (
        replace("difusor_notice", {"kind": "partido", "folio": "7", "received": "2024-05-20T16:30:00Z"}),
        "difusor_notice.kind: debe ser 'medio de comunicación' o 'institución académica'; dice «partido»",
    ),
    "gone before it closes": (replace("election_retain_until", "2024-06-03T03:00:00Z"), "posterior a election_closes"),
    "place without a catalogue": (
        replace("election_place", "nada"),
        "election_place: no hay catálogo de «nada» (catalogs/nada.yml); los que hay: ",
    ),
    "call that does not exist": (
        replace("election_spec", "nada"),
        "election_spec: no hay convocatoria «nada» (spec/nada.yml); las que hay: ",
    ),
    "call that is no call": (replace("election_spec", "deviations"), "election_spec: no hay convocatoria «deviations»"),
    "call that is a path": (
        replace("election_spec", "../catalogs/x"),
        "debe ser el nombre de una convocatoria de spec/, en minúsculas sin acentos, con cifras y -; llame así",
    ),
    "call that nobody named": (
        lambda v: v.pop("election_spec"),
        "election_spec: falta; agréguela en elections/<elección>.yml",
    ),
    "waiver of a clause that the call lacks": (
        lambda v: v.update(election_spec="ribera-2027", difusor_waivers=[{**WAIVER, "clause": "HW-05"}]),
        "difusor_waivers[0]: HW-05 no es una cláusula de la convocatoria ribera-2027 (spec/ribera-2027.yml); quítela",
    ),
    "logo that is a path": (
        lambda v: v.update(election_institute={**v["election_institute"], "logo": "../spec/logo.png"}),
        "election_institute.logo: debe ser el nombre de un PNG de elections/, en minúsculas sin acentos ni espacios",
    ),
    "logo that is not there": (
        lambda v: v.update(election_institute={**v["election_institute"], "logo": "nada.png"}),
        "election_institute: no se puede leer ",
    ),
    "place whose file has another kind of name": (
        replace("election_place", "valle_alto"),
        "debe ser el nombre de un lugar de catalogs/, en minúsculas sin acentos, con cifras y -; llame así",
    ),
    "place that is a path": (replace("election_place", "../spec/x"), "debe ser el nombre de un lugar de catalogs/"),
    "no office": (replace("election_offices", []), "election_offices: está vacía; agregue al menos un elemento"),
    "office twice": (replace("election_offices", ["congreso", "congreso"]), "«congreso» está dos veces"),
    "office that the place lacks": (
        replace("election_offices", ["congreso", "regencia"]),
        "catalogs/ribera.yml no tiene el cargo «regencia»; los que tiene: alcaldias, congreso",
    ),
    "colour that nobody could read": (
        replace("election_institute", INSTITUTE | {"colors": COLORS | {"accent": "#ffd84d"}}),
        "election_institute.colors.accent: «#ffd84d» sobre #ffffff tiene un contraste de 1.4 a 1",
    ),
    "colour in words": (
        replace("election_institute", INSTITUTE | {"colors": COLORS | {"band": "guinda"}}),
        "election_institute.colors.band: debe ser un color como #7a2682",
    ),
    "wrong kind": (replace("difusor_ssh_password_login", "no"), "debe ser true o false, sin comillas"),
    "unknown choice": (replace("difusor_tls_mode", "archivos"), "difusor_tls_mode: debe ser 'files' o 'acme'"),
    "path without its end": (replace("difusor_path", "/prep2024mor"), "difusor_path: debe empezar y terminar con /"),
    "root as the institute's account": (replace("difusor_admin_user", "root"), "distinto de root"),
    "password in clear": (replace("difusor_admin_password_hash", "hunter2"), "no es un hash SHA-512"),
    "short secret": (replace("difusor_rsync_secret", "hunter2"), "necesita 16 caracteres o más"),
    "private key for a public one": (
        replace("difusor_admin_keys", ["-----BEGIN"]),
        "no es una llave pública de OpenSSH",
    ),
    "key that newer servers do not take": (
        replace("difusor_break_glass_key", rsa_key(2048)),
        "es una llave RSA de 2048 bits y el servidor pide 3072 o más",
    ),
    "image archive with another digest": (
        inside("difusor_prep_image", "sha256", value="0" * 64),
        "prep.tar.gz tiene el SHA-256 ",
    ),
    "image archive that is not there": (
        inside("difusor_prep_image", "archive", value="/nowhere/prep.tar.gz"),
        "no se puede leer /nowhere/prep.tar.gz",
    ),
    "rules with another digest": (
        lambda v: v.update(difusor_sensor_rules={"file": v["difusor_tls_key"], "sha256": "0" * 64}),
        "difusor_sensor_rules.sha256: no es el de ",
    ),
    "rules without a digest": (
        lambda v: v.update(difusor_sensor_rules={"file": v["difusor_tls_key"]}),
        "difusor_sensor_rules.sha256: falta",
    ),
    "image by tag": (
        replace("difusor_waf_image", {"reference": "registro.instituto.mx/waf:1"}),
        "difusor_waf_image.reference: debe fijar el contenido",
    ),
    "misspelled key": (
        replace("difusor_waf_image", {"referense": "registro.instituto.mx/waf:1"}),
        "difusor_waf_image.referense: no existe; ¿quiso decir reference?",
    ),
    "dynamic path from the root": (
        replace("election_dynamic_paths", [{"path": "/api/"}]),
        "election_dynamic_paths[0].path: debe ser una carpeta relativa, como api/",
    ),
    "dynamic path of the corte": (
        replace("election_dynamic_paths", [{"path": "api/"}, {"path": "datos/api/"}]),
        "election_dynamic_paths[1].path: «datos/» no es de la aplicación sino del corte o de nginx",
    ),
    "dynamic path twice": (
        replace("election_dynamic_paths", [{"path": "api/"}, {"path": "api/", "arguments": ["distrito"]}]),
        "election_dynamic_paths: «api/» está dos veces",
    ),
    "application declared open with a word": (
        replace("election_open_application", "abierta"),
        "election_open_application: debe ser true o false",
    ),
    "locked for everybody": (
        replace("difusor_origin_lock", True),
        "difusor_origin_lock: cerraría la página a todos: difusor_cdn_ranges está vacía",
    ),
    "locked for the authority that asks at port 80": (
        lambda v: v.update(
            difusor_path="/prep/", difusor_front=FRONT, difusor_origin_lock=True, difusor_tls_mode="acme"
        ),
        "difusor_origin_lock: cerraría el puerto 80 a la autoridad de difusor_tls_mode: acme; use files",
    ),
    "half the Internet may say who it is": (
        replace("difusor_cdn_ranges", ["10.0.0.0/8", "2a00::/15"]),
        "difusor_cdn_ranges[1]: 2a00::/15 abarca medio internet; escriba solo las redes de quien debe llegar por ahí",
    ),
    "half the Internet is trusted": (
        replace("difusor_trusted_addresses", ["2a00::/16", "128.0.0.0/1"]),
        "difusor_trusted_addresses[1]: 128.0.0.0/1 abarca medio internet",
    ),
    "a folder of another site, but no folder": (
        lambda v: v.update(difusor_path="/", difusor_front=FRONT),
        "difusor_front: pasa una carpeta de su sitio; escriba en difusor_path cuál, como /prep2024mor/",
    ),
    "the other site has the same name": (
        lambda v: v.update(difusor_path="/prep/", difusor_front={**FRONT, "name": v["difusor_fqdn"]}),
        "difusor_front: «prep.diario.mx» es también el nombre de este servidor",
    ),
    "the other site is on the same server": (
        lambda v: v.update(difusor_path="/prep/", difusor_front={**FRONT, "addresses": [v["difusor_public_address"]]}),
        "difusor_front: está en el mismo servidor que el PREP",
    ),
    "the other site and a CDN": (
        lambda v: v.update(difusor_path="/prep/", difusor_front=FRONT, difusor_cdn_ranges=["189.240.0.0/24"]),
        "difusor_front: y difusor_cdn_ranges no van juntas",
    ),
    "the other site has no address": (
        lambda v: v.update(difusor_path="/prep/", difusor_front={**FRONT, "addresses": []}),
        "difusor_front.addresses: está vacía",
    ),
    "the other site runs something else": (
        lambda v: v.update(difusor_path="/prep/", difusor_front={**FRONT, "program": "iis"}),
        "difusor_front.program: debe ser",
    ),
    "engine switched on without quotes": (replace("difusor_waf_engine", True), "difusor_waf_engine: debe ser 'On'"),
    "path of the WAF that begins nowhere": (
        replace("difusor_waf_exclusions", [{"rule": 920350, "reason": "acentos", "path": "consulta/"}]),
        "difusor_waf_exclusions[0].path: debe ser una ruta desde la raíz del sitio, como /prep2024mor/consulta/; dice",
    ),
    "path of the WAF that no request has": (
        replace("difusor_waf_exclusions", [{"rule": 920350, "reason": "acentos", "path": "/consulta/"}]),
        "difusor_waf_exclusions[0]: «/consulta/» no está en la página, y ahí la regla 920350 seguiría; escriba "
        "/prep2024mor/consulta/ o quite path",
    ),
    "reason that goes on as a setting": (
        replace("difusor_waf_exclusions", [{"rule": 920350, "reason": "acentos\nSecRuleEngine Off"}]),
        "difusor_waf_exclusions[0].reason: debe caber en una línea",
    ),
    "certificate that is not there": (
        replace("difusor_tls_certificate", "/nowhere/fullchain.pem"),
        "difusor_tls_certificate: no se puede leer /nowhere/fullchain.pem",
    ),
    "relative path": (replace("difusor_tls_certificate", "tls.pem"), 'escriba "{{ inventory_dir }}/tls.pem"'),
    "certificate of another name": (
        replace("difusor_fqdn", "prep.otro.mx"),
        "no es para prep.otro.mx sino para prep.diario.mx",
    ),
    "waiver of what nobody may excuse": (
        replace("difusor_waivers", [{**WAIVER, "clause": "DG-05"}]),
        "difusor_waivers[0]: DG-05 no admite exención",
    ),
    "value that needs another": (
        replace("difusor_rsync_secret", LookupError("'vault_difusor_rsync_secret' is undefined")),
        "difusor_rsync_secret: no se puede calcular: nadie define «vault_difusor_rsync_secret»; defínala, o corrija",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_fault_is_one_sentence(good: Variables, case: str) -> None:
    change, sentence = CASES[case]
    change(good)
    found = inventory.problems(good)
    assert len(found) == 1, found
    assert sentence in found[0]
    assert found[0].endswith((".", "?"))
    assert "hunter2" not in found[0], "the message shows the secret"


SPELLINGS = {
    "10.1.2.0/255.255.255.0": "escriba 10.1.2.0/24",
    "10.1.2.0/0.0.0.255": "escriba 10.1.2.0/24",
    "10.1.2.3/255.255.255.255": "escriba 10.1.2.3/32",
    "10.1.2.0/024": "escriba 10.1.2.0/24",
    "10.1.2.3/255.255.255.0": "¿quiso decir 10.1.2.0/24?",
    "::ffff:10.1.2.3": "«::ffff:10.1.2.3» es IPv4 escrito como IPv6; escriba 10.1.2.3.",
    "::ffff:a01:203/128": "escriba 10.1.2.3/32",
    "::ffff:10.1.2.0/120": "escriba 10.1.2.0/24",
    "fe80::1%eth0": "lleva una zona («%»), que solo vale dentro del equipo; quítela",
    "fe80::%eth0/64": "lleva una zona («%»)",
}
LISTS = ("election_trusted_addresses", "difusor_trusted_addresses", "difusor_cdn_ranges")
NAMES = ("election_time_servers", "difusor_ntp_servers", "difusor_aliases", "difusor_public_address")


@pytest.mark.parametrize("name", [*LISTS, *NAMES])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_address_that_programs_read_in_different_ways(good: Variables, spelling: str, name: str) -> None:
    good[name] = spelling if name == "difusor_public_address" else [spelling]
    (said,) = inventory.problems(good)
    assert SPELLINGS[spelling] in said or (name in NAMES and "/" in spelling)


@pytest.mark.parametrize("name", LISTS)
def test_an_address_that_all_programs_read_alike(good: Variables, name: str) -> None:
    good[name] = ["10.1.2.0/24", "10.1.3.3/32", "10.1.3.4", "FD00:0::3", "2A00::/16", "172.16.0.0/12", "10.0.0.0/8"]
    assert inventory.problems(good) == []


def test_certificate_of_another_key(good: Variables, tmp_path: Path) -> None:
    _, good["difusor_tls_key"] = write_certificate(tmp_path, "other")
    assert "other.key no es la llave del certificado" in inventory.problems(good)[0]


def test_a_private_authority_is_refused_in_official_mode(good: Variables, tmp_path: Path) -> None:
    good["difusor_tls_certificate"], good["difusor_tls_key"] = write_certificate(tmp_path, "mine")
    (said,) = inventory.problems(good)
    assert "lo firma «prep.diario.mx», que no es una autoridad pública" in said
    assert inventory.problems({**good, "election_environment": "simulacro"}) == []


def test_certificate_that_expired(good: Variables, tmp_path: Path) -> None:
    good["difusor_tls_certificate"], good["difusor_tls_key"] = write_certificate(tmp_path, "old", days=-1)
    assert "renueve el certificado" in inventory.problems(good)[0]


@pytest.mark.parametrize(
    "damage", [lambda pem: pem[:-20], lambda pem: pem[:300], lambda pem: pem.replace(b"-END", b"END")]
)
def test_a_chain_that_was_not_copied_whole(good: Variables, damage: Callable[[bytes], bytes]) -> None:
    """The page's own certificate is whole, and the library reads it alone; nginx does not start."""
    file = Path(good["difusor_tls_certificate"])
    page = file.read_bytes()
    file.write_bytes(page + damage(page))
    assert "no es un certificado en PEM, o no está entero; cópielo otra vez" in inventory.problems(good)[0]
    file.write_bytes(b"Subject: CN=prep\r\n" + page.replace(b"\n", b"\r\n") + page)
    assert inventory.problems(good) == []


def test_certificates_of_which_the_last_line_of_one_has_another_behind_it(good: Variables) -> None:
    file = Path(good["difusor_tls_certificate"])
    file.write_bytes(file.read_bytes().rstrip() + file.read_bytes())
    assert "no está entero" in inventory.problems(good)[0]


def test_certificate_of_a_day_to_come(good: Variables, tmp_path: Path) -> None:
    good["difusor_tls_certificate"], good["difusor_tls_key"] = write_certificate(tmp_path, "new", begins=2)
    assert "y los navegadores aún no lo aceptan; deje hasta entonces el anterior" in inventory.problems(good)[0]


def test_certificate_has_to_be_for_every_name_of_the_server(good: Variables, tmp_path: Path) -> None:
    """Addresses, and names without a dot, are for the institute's own network."""
    good["difusor_aliases"] = ["189.240.1.7", "fd00::7", "servidor", "www.prep.diario.mx", "prep.otro.mx"]
    (said,) = inventory.problems(good)
    assert "tls.pem no es también para www.prep.diario.mx, prep.otro.mx; pida uno que lo sea, o quite" in said
    names = ["prep.diario.mx", "*.prep.diario.mx", "prep.otro.mx"]
    good["difusor_tls_certificate"], good["difusor_tls_key"] = write_certificate(tmp_path, "tls", names=names)
    assert inventory.problems(good) == []


def test_files_are_not_judged_where_none_is_read(good: Variables, tmp_path: Path) -> None:
    good["difusor_tls_certificate"], good["difusor_tls_key"] = write_certificate(tmp_path, "old", days=-1)
    Path(good["difusor_tls_key"]).unlink()
    good["difusor_prep_image"]["sha256"] = "0" * 64
    assert len(inventory.problems(good)) == 3 and inventory.problems(good, read=None) == []
    good["difusor_tls_certificate"], good["difusor_tls_key"] = write_certificate(tmp_path, "mine")
    assert inventory.problems(good, read=None) == [], "nor whether its authority is a public one"
    good["difusor_prep_image"]["sha256"] = "0"
    assert len(inventory.problems(good, read=None)) == 1


def test_what_citizens_do_not_depend_on_keeps_no_corte_and_no_signer_away(good: Variables) -> None:
    """Cortes, signers and trusted addresses read no files, and are urgent: what an earlier version took is taken."""
    good["difusor_public_address"] = "2806:2F0:0:0::81"
    good["difusor_waf_exclusions"] = [{"rule": 942100, "path": "/otra/", "reason": "uno\ndos"}]
    assert len(inventory.problems(good)) > 1 and inventory.problems(good, read=None) == []
    assert inventory.Host.of("difusor", good).partner.public_address == "2806:2f0::81"


def test_unreadable_certificate(good: Variables) -> None:
    def read(path: str) -> bytes:
        if path == good["difusor_tls_certificate"]:
            raise PermissionError(13, "Permission denied")
        return Path(path).read_bytes()

    assert any(
        "tls.pem (falta permiso); corrija la ruta o sus permisos" in line for line in inventory.problems(good, read)
    )


def test_all_faults_are_told_at_once(good: Variables) -> None:
    good["difusor_path"] = "prep"
    good["election_place"] = "Ribera"
    del good["difusor_name"]
    assert {sentence.partition(":")[0] for sentence in inventory.problems(good)} == {
        "difusor_path",
        "election_place",
        "difusor_name",
    }


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("difusor_fqnd", "¿quiso decir difusor_fqdn?"),
        ("election_trusted_adresses", "¿quiso decir election_trusted_addresses?"),
        ("difsor_admin_keys", "¿quiso decir difusor_admin_keys?"),
        ("preflight_fre_gb", "¿quiso decir preflight_free_gb?"),
        ("ufw_open_everything", "quítela del inventario."),
    ],
)
def test_misspelled_name(name: str, suggestion: str) -> None:
    assert inventory.unknown([name], ROOT) == [f"{name}: no existe; {suggestion}"]


def test_variables_of_others_are_not_refused() -> None:
    names = ["lab_dir", "my_proxy", "ansible_control_path_dir", "difusor_fqdn", "preflight_free_gb"]
    assert inventory.unknown(names, ROOT) == []


def test_nothing_is_retained_after_the_close_unless_it_is_ordered(good: Variables) -> None:
    for name in ("election_retain_until", "election_retention_order"):
        del good[name]
    assert inventory.problems(good) == []
    names = inventory.variable_names(inventory.Election)
    decided = inventory.Election.model_validate({name: value for name, value in good.items() if name in names})
    assert decided.window.retain_until == decided.window.closes


def test_an_order_to_retain_may_be_written_before_its_date_is_known(good: Variables) -> None:
    """Nothing is retained meanwhile: the institute orders it, and writes until when once that is settled."""
    good["election_retain_until"] = None
    assert inventory.problems(good) == []
    names = inventory.variable_names(inventory.Election)
    decided = inventory.Election.model_validate({name: value for name, value in good.items() if name in names})
    assert decided.retention_order and decided.window.retain_until == decided.window.closes


@pytest.mark.parametrize(
    "path", ["", "/", "/prep2024mor", "/prep2024mor/", "/prep2024mor/consulta/", "/.well-known/prep/waf/"]
)
def test_a_rule_may_be_left_out_wherever_the_waf_inspects(good: Variables, path: str) -> None:
    good["difusor_waf_exclusions"] = [{"rule": 920350, "reason": "Los nombres llevan acento.\n", "path": path}]
    assert inventory.problems(good) == []


REGISTRATION = {
    "site": "www.diario.mx",
    "link": "www.diario.mx/prep2024mor",
    "technical_contact": {"name": "Rosa", "phone": "777 1", "mobile": "777 2", "email": "rosa@diario.mx"},
    "legal_contact": {"name": "Luis", "phone": "777 3", "mobile": "777 4", "email": "luis@diario.mx"},
}


@pytest.mark.parametrize("scheme", ["", "http://", "https://"])
@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("host", ["www.diario.mx", "www.Diario.MX"])
def test_the_link_is_taken_as_the_form_writes_it(
    good: Variables, tmp_path: Path, scheme: str, host: str, end: str
) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"")
    given = {**REGISTRATION, "logo": str(logo), "link": f"{scheme}{host}/prep2024Mor{end}"}
    good["difusor_registration"] = given
    assert inventory.problems(good) == []
    registration = inventory.Registration.model_validate(given)
    assert registration.link_without_scheme == "www.diario.mx/prep2024Mor"
    items = registration.items("Diario del Valle")
    assert len(items) == 19
    assert [name for name, value in items.items() if not value] == [
        "IP o dominio de cuenta FTP", "usuario FTP", "contraseña FTP", "software del servidor web",
        "características de hardware", "infraestructura de alimentación eléctrica",
        "infraestructura de red y seguridad de acceso",
    ]  # fmt: skip
