"""nginx from outside: open to everybody, encrypted, and silent to requests for unknown names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host
from web_fixtures import CURL, entrance, get

from difusor.publish import trust
from difusor.servers.rawhttp import send
from difusor.spec import Spec
from difusor.spec.expected import CLOSED_STATUS
from difusor.suite import browser

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
VERIFICATION = """
import glob, json, os, socket, ssl, sys
context = ssl.create_default_context()
context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)  # asks for extensions that browsers do not
paths = ssl.get_default_verify_paths()
if not paths.cafile and not glob.glob(os.path.join(paths.capath or "/nowhere", "*")):
    print(json.dumps({"authorities": 0}))
    sys.exit()
try:
    plain = socket.create_connection((sys.argv[1], 443), timeout=15)
except OSError:
    print(json.dumps({"unreached": sys.argv[1]}))
    sys.exit()
try:
    with context.wrap_socket(plain, server_hostname=sys.argv[2]) as connection:
        shown = connection.getpeercert()
    issuer = dict(pair[0] for pair in shown["issuer"])
    print(json.dumps({"issuer": issuer.get("commonName", ""), "until": shown["notAfter"]}))
except ssl.SSLCertVerificationError as error:
    print(json.dumps({"code": error.verify_code, "said": error.verify_message}))
"""
UNRESOLVED = 6
"""What curl ends with that finds no address for a name: where only a CDN is admitted, it has to."""
TOO_LATE = 28
"""What it ends with when no answer, or not all of it, came in time."""
STRANGER = "otro-sitio.example"
HANDSHAKE = """
import json, socket, ssl, sys, warnings
warnings.simplefilter("ignore")
found = {}
for version in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    try:
        with socket.create_connection((sys.argv[1], 443), timeout=15) as plain:
            with context.wrap_socket(plain, server_hostname=sys.argv[2]) as connection:
                found[version.replace("_", ".")] = connection.cipher()[0]
    except ssl.SSLError as error:
        found[version.replace("_", ".")] = error.reason
print(json.dumps(found))
"""


@pytest.mark.clause("DG-02")
def test_browsers_trust_the_certificate(untrusted: Host, road: dict[str, Any], record_evidence: Record) -> None:
    """Un navegador acepta el certificado: de una autoridad pública, con sus intermedios, vigente y para el nombre."""
    name = road["difusor_fqdn"]
    found = json.loads(untrusted.check_output("python3 -c %s %s %s", VERIFICATION, entrance(road) or name, name))
    if found.get("authorities") == 0:
        # It would refuse every certificate: the clause is then not verified.
        pytest.skip("el punto de observación no conoce ninguna autoridad pública; instálele ca-certificates")
    if "unreached" in found:
        pytest.skip(f"el punto de observación no pudo conectarse con {found['unreached']}; compruébelo desde ahí")
    record_evidence(f"lo emitió {found['issuer']}, vence {found['until']}" if "issuer" in found else found["said"])
    assert "code" not in found, trust.refusal(found["code"])


@pytest.mark.clause("RED-08")
@pytest.mark.criterion("DG-02")
def test_plain_http_leads_to_https(untrusted: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Quien llega por HTTP es enviado a la misma dirección por HTTPS."""
    name, path = variables["difusor_fqdn"], f"{variables['difusor_path']}index.html"
    (answer,) = send(untrusted, variables, [get(name, path)], port=80)
    if not answer["statuses"]:
        skip_unless_answered(untrusted, variables, 80)
    record_evidence(answer["head"].splitlines()[0])
    assert answer["statuses"] == [301]
    assert f"location: https://{name}{path}" in answer["head"].lower()


@pytest.mark.clause("RED-08")
@pytest.mark.criterion("DG-02")
def test_old_encryption_is_refused(
    untrusted: Host,
    variables: dict[str, Any],
    call: Spec,
    criteria: dict[str, Any],
    expect: Expect,
    record_evidence: Record,
) -> None:
    """El servidor acepta TLS desde la versión exigida y rechaza toda versión anterior."""
    address, name = variables["difusor_public_address"], variables["difusor_fqdn"]
    found = json.loads(untrusted.check_output("python3 -c %s %s %s", HANDSHAKE, address, name))
    record_evidence(found)
    floor = expect("RED-08")["tls_floor"] if "RED-08" in call.ids else criteria["tls_floor"]
    for version, result in found.items():
        if version >= floor:
            assert result.startswith(("TLS_", "ECDHE-")), f"{version}: {result}"
        else:
            assert "ALERT_PROTOCOL_VERSION" in result, f"{version} no fue rechazado por el servidor: {result}"


@pytest.mark.clause("RED-07")
def test_unknown_names_get_no_answer(untrusted: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Una solicitud con un nombre ajeno, en el saludo TLS o en Host, se queda sin respuesta."""
    name, path = variables["difusor_fqdn"], variables["difusor_path"]
    requests = [get(STRANGER, path), get(f"{name}.{STRANGER}", path), f"GET {path} HTTP/1.0\r\n\r\n"]
    answers = (
        send(untrusted, variables, requests)
        + send(untrusted, variables, requests, server_name=STRANGER)
        + send(untrusted, variables, requests, port=80)
    )
    record_evidence(
        f"{len(answers)} solicitudes con nombres ajenos: {sum(not a['statuses'] for a in answers)} sin respuesta"
    )
    assert not any(answer["statuses"] for answer in answers)
    for port in (443, 80):
        skip_unless_answered(untrusted, variables, port)


def skip_unless_answered(vantage: Host, variables: dict[str, Any], port: int = 443) -> None:
    """Skip the test where the page's own name gets no answer either: the firewall may admit only a CDN."""
    (answer,) = send(vantage, variables, [get(variables["difusor_fqdn"], variables["difusor_path"])], port)
    if not answer["statuses"]:
        pytest.skip(f"por el puerto {port} tampoco la página le contesta al punto de observación: no se sabe por qué")


@pytest.mark.clause("DG-14")
def test_notices_tell_the_institute_s_telephone(
    untrusted: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Los avisos que el servidor muestra en lugar de la página dicen el teléfono del Instituto para dudas."""
    path, required = f"{variables['difusor_path']}datos/no-existe.json", expect("DG-14")
    (answer,) = send(untrusted, variables, [get(variables["difusor_fqdn"], path)])
    if not answer["statuses"]:
        skip_unless_answered(untrusted, variables)
    shown = browser.words(answer["body"])
    record_evidence(f"{answer['statuses']}: {shown[-160:]}")
    assert required["telephone"] in shown, f"el aviso no dice el teléfono {required['telephone']}"
    assert required["extension"] in shown.partition(required["telephone"])[2], "el aviso no dice la extensión"


@pytest.mark.clause("DG-02")
def test_page_is_public_and_free(untrusted: Host, door: str, url: str, expect: Expect, record_evidence: Record) -> None:
    """Cualquiera obtiene la página sin contraseña, registro ni pago; fuera del periodo, el aviso de espera."""
    command = f"{CURL} {door} --output /dev/null --dump-header - %s"
    answer = untrusted.run(command, url)
    record_evidence(answer.stdout)
    if answer.rc == UNRESOLVED:
        pytest.skip(f"el punto de observación no pudo saber a dónde lleva {url}")
    if answer.rc == TOO_LATE:
        pytest.skip(f"el punto de observación no obtuvo {url} a tiempo; compruébelo desde ahí y repita")
    assert answer.succeeded, answer.stderr.strip()
    status = int(answer.stdout.split()[1])
    waiting = status == CLOSED_STATUS and re.search(r"(?im)^retry-after:", answer.stdout)
    assert status == expect("DG-02")["status"] or waiting, f"la página respondió {status}"
    assert not re.search(r"(?im)^www-authenticate:", answer.stdout), "la página pide contraseña"
