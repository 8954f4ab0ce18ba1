"""The link as a folder of a site on another server: a real nginx and a real Apache in front, in order and at fault.

The site is on the citizens' machine, with the lines that `difusor front` prints. A run of site.yml costs more than what
these tests look at, so they share one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import web_fixtures
from corte_fixtures import WAIT, Shown, next_second
from suite_kit import load
from testinfra.host import Host

from corte.format.standing import Standing
from difusor import inventory
from difusor.partners.front import lines
from difusor.publish import comparison, front, paced, signing
from difusor.publish.comparison import Comparison
from difusor.publish.mirror import PATH, Mirror, last_number
from difusor.publish.push import push
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.suite import fixtures
from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
Site = Callable[..., str]
Take = Callable[[], Shown]
NAME, FOLDER = "www.demo.test", "/prep2024mor/"
PROGRAMS = ("nginx", "apache")
EDGE = "nginx,ufw,fail2ban"
HSTS = "max-age=63072000; includeSubDomains"
"""How long the site's own visitors are to insist on https."""
KEY, CERTIFICATE = "/etc/ssl/private/sitio.key", "/etc/ssl/certs/sitio.pem"
# By program: its configuration, where that stands, and the unit. OUTER and INNER stand for the printed lines.
SERVERS = {
    "nginx": (
        f"""OUTER
server {{
    listen 443 ssl;
    server_name {NAME};
    error_log syslog:server=unix:/dev/log;
    ssl_certificate {CERTIFICATE};
    ssl_certificate_key {KEY};
    add_header Strict-Transport-Security "{HSTS}" always;
    location / {{
        return 200 portada;
    }}
INNER
}}
""",
        "/etc/nginx/conf.d/sitio.conf",
        "nginx",
    ),
    "apache": (
        f"""OUTER
<VirtualHost *:443>
    ServerName {NAME}
    SSLEngine on
    SSLCertificateFile {CERTIFICATE}
    SSLCertificateKeyFile {KEY}
    Header always set Strict-Transport-Security "{HSTS}"
    RedirectMatch 302 ^/$ /portada
INNER
</VirtualHost>
""",
        "/etc/apache2/sites-enabled/000-default.conf",
        "apache2",
    ),
}
UNPACKED = {'Connection "";': 'Connection ""; proxy_set_header Accept-Encoding "";'}
"""Has the site ask the server for uncompressed pages, which it then can alter."""
FAULTS = {
    "injects": (
        {"sub_filter_types none/none;": "sub_filter '</head>' '<script src=/m.js></script></head>';", **UNPACKED},
        "datos/resultados.html no es el que se firmó",
    ),
    "compresses again": (
        {"gzip off;": "gzip on; gzip_proxied any; gzip_types *;", **UNPACKED},
        "cambia la cabecera ETag de",
    ),
    "drops a header": (
        {"ssi off;": "ssi off; proxy_hide_header Content-Security-Policy;"},
        "cambia la cabecera Content-Security-Policy de la portada: llega «nada»",
    ),
    "drops the validators": (
        {"ssi off;": 'ssi off; proxy_set_header If-None-Match "";'},
        "no pasa la pregunta de si la portada cambió",
    ),
    "does not pass the status": (
        {'location ^~ "/.well-known/prep/"': 'location ^~ "/ajena/"'},
        "no pasa /.well-known/prep/ a su servidor; los renglones que le faltan los da ./difusor front -i X",
    ),
    "does not pass the folder": (
        {f'location ^~ "{FOLDER}"': 'location ^~ "/ajena/"'},
        f"no pasa la carpeta {FOLDER} a su servidor",
    ),
    "does not believe the server": (
        {"/etc/ssl/certs/ca-certificates.crt": CERTIFICATE},
        f"{NAME} no alcanza a su servidor, y responde 502",
    ),
}
"""What its administrator may have changed in the printed lines, and what is then said of the site."""
PRIVATE = {"ssi off;": "ssi off; auth_basic Suscriptores; auth_basic_user_file /dev/null;"}


@dataclass(frozen=True)
class Fronted:
    """The tested server behind a site, and that site's machine."""

    values: dict[str, Any]
    site: Host
    authority: Path
    """The certificates of the lab's authority and of the site."""

    def host(self, program: str = "nginx") -> inventory.Host:
        """Return the server as the inventory describes it, with the site's program."""
        other = {**self.values["difusor_front"], "program": program}
        return inventory.Host.of(self.values["inventory_hostname"], {**self.values, "difusor_front": other})

    def install(self, program: str, changes: Mapping[str, str] | None = None) -> None:
        """Put the printed lines, changed, into the configuration of the site's program, and run it alone."""
        text = lines([self.host(program)])
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new)
        outer, _, inner = text.partition("# 2.") if program == "nginx" else ("", "", text)
        server, path, unit = SERVERS[program]
        configuration = server.replace("OUTER", outer).replace("INNER", f"# {inner}")
        self.site.check_output("printf %%s %s >%s", configuration, path)
        self.site.check_output(f"systemctl stop nginx apache2 && systemctl start {unit}")

    def look(self) -> tuple[Comparison, Comparison]:
        """Compare what the server sends, and what comes through the site."""
        target = Target.of(self.host())
        behind = comparison.compare(target, self.authority)
        assert target.front
        return behind, front.compare(target, target.front, behind, self.authority, WAIT, Standing())


@pytest.fixture(scope="module", autouse=True)
def pace() -> Iterator[None]:
    """Ask ten times as fast as `audit` does, which for most of a comparison's time only keeps to its pace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paced, "RATE", 1_000.0)
        yield


@pytest.fixture(scope="module")
def fronted(
    run_site: Site, untrusted: Host, variables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fronted]:
    """Have the site pass a folder to the server; afterwards the server is as its inventory says."""
    addresses = sorted(untrusted.check_output("hostname -I").split(), key=lambda each: ":" in each)
    site = {"name": NAME, "program": "nginx", "addresses": addresses}
    values = {"difusor_path": FOLDER, "difusor_front": site}
    authority = tmp_path_factory.mktemp("front") / "authorities.pem"
    lab = Path(variables["lab_dir"]) / "tls/ca.pem"
    untrusted.check_output(
        "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "
        "nginx apache2 ca-certificates >/dev/null 2>&1; systemctl stop nginx apache2; "
        "a2enmod -q ssl proxy proxy_http headers && rm -f /etc/nginx/sites-enabled/default && "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN={NAME} -addext subjectAltName=DNS:{NAME} -keyout {KEY} -out {CERTIFICATE} 2>/dev/null"
    )
    authority.write_text(lab.read_text() + untrusted.file(CERTIFICATE).content_string)
    try:
        run_site(values, "--tags", EDGE)
        yield Fronted({**variables, **values}, untrusted, authority)
    finally:
        untrusted.run("systemctl stop nginx apache2")
        run_site({}, "--tags", EDGE)


@pytest.fixture
def base(fronted: Fronted, mirror: Mirror) -> str:
    """Return the page's address on the server itself, which is below the folder here."""
    assert fronted
    return mirror.url.removesuffix(PATH) + FOLDER


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_page_comes_through_the_site_as_the_server_sends_it(
    fronted: Fronted, program: str, host: Host, trusted: Host
) -> None:
    """Por el sitio del difusor llega todo igual, se sabe quién visita, y las demás páginas de ese sitio siguen."""
    fronted.install(program)
    for found in fronted.look():
        assert (found.result, found.differences) == ("authentic", []), found
    mark, address = f"marca-{os.urandom(4).hex()}", fronted.values["difusor_front"]["addresses"][0]
    ask = "curl --silent --insecure --output /dev/null --write-out '%%{http_code} %%{redirect_url}' --resolve %s"
    visit = f"{ask} --header 'X-Forwarded-For: 203.0.113.9' --user-agent {mark} https://{NAME}%s"
    codes = [trusted.check_output(visit, f"{NAME}:443:{address}", path) for path in (FOLDER, FOLDER[:-1], "/")]
    assert [each.split()[0] for each in codes] == ["200", "301", "200" if program == "nginx" else "302"]
    assert codes[1].endswith(FOLDER)
    line = until(lambda: web_fixtures.logged(host, mark), what="la visita quede anotada", every=0.5)
    assert line.split()[0] in trusted.check_output("hostname -I").split()


@pytest.mark.parametrize("program", PROGRAMS)
def test_how_long_https_is_insisted_on_is_said_by_the_site_alone(
    fronted: Fronted, program: str, trusted: Host, record_evidence: Record
) -> None:
    """El HSTS del servidor es de su nombre: por el sitio no llega, y el del sitio sigue como lo puso su dueño."""
    fronted.install(program)
    ask = "curl --silent --insecure --output /dev/null --dump-header - --resolve %s https://%s%s"

    def said(name: str, address: str, path: str) -> list[str]:
        head = trusted.check_output(ask, f"{name}:443:{address}", name, path)
        return re.findall(r"(?im)^strict-transport-security: (.+?)\r?$", head)

    address = fronted.values["difusor_front"]["addresses"][0]
    own = said(fronted.values["difusor_fqdn"], fronted.values["difusor_public_address"], FOLDER)
    through, front = said(NAME, address, FOLDER), said(NAME, address, "/")
    record_evidence(f"en el servidor {own}; por el sitio {through}; en la portada del sitio {front}")
    assert own and own != [HSTS]
    assert through == ([] if program == "nginx" else [HSTS])
    assert front == [HSTS]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_site_is_told_from_one_of_the_server(fronted: Fronted, fault: str) -> None:
    """Lo que el sitio del difusor altera, quita o no pasa se dice de él, y del servidor que está bien."""
    changes, said = FAULTS[fault]
    fronted.install("nginx", changes)
    behind, found = fronted.look()
    assert behind.result == "authentic", behind
    assert not found.good and any(said in each for each in (found.detail, *found.differences)), found


class Citizen:
    """What the dictamen measures of the page that citizens get, through the site instead of at the server."""

    def __init__(self, fronted: Fronted) -> None:
        """Take the tests of the dictamen, and what they are given with a site in the inventory."""
        self.road, self.vantage = fixtures.through(fronted.values), fronted.site
        self.prep, self.nginx = load("outside/test_prep.py"), load("outside/test_nginx.py")
        self.door, self.url = web_fixtures.door.__wrapped__(self.road), fixtures.url.__wrapped__(self.road)

    def finds_the_page(self, host: Host, status: dict[str, Any], take: Take, expect: Expect, record: Record) -> None:
        """Run the test of DG-03."""
        page = self.prep.page.__wrapped__(host, self.road, record)
        fingerprint = web_fixtures.fingerprint.__wrapped__(self.vantage, self.door)
        self.prep.test_page_is_the_institute_s(page, status, take, fingerprint, self.url, expect, record)

    def finds_it_public(self, expect: Expect, record: Record) -> None:
        """Run the test of DG-02."""
        self.nginx.test_page_is_public_and_free(self.vantage, self.door, self.url, expect, record)


def test_the_dictamen_judges_what_comes_through_the_site(
    fronted: Fronted, host: Host, status: dict[str, Any], take: Take, expect: Expect, record_evidence: Record
) -> None:
    """El dictamen mide lo que llega por el sitio: uno que inserta, o pide contraseña, no cumple, y su servidor sí."""
    given, citizen = (host, status, take, expect, record_evidence), Citizen(fronted)
    fronted.install("nginx")
    citizen.finds_the_page(*given)
    citizen.finds_it_public(expect, record_evidence)
    with pytest.raises(AssertionError, match="autoridad"):  # the lab's site has issued its own certificate
        citizen.nginx.test_browsers_trust_the_certificate(fronted.site, citizen.road, record_evidence)
    fronted.install("nginx", FAULTS["injects"][0])
    with pytest.raises(AssertionError, match=r"no llegan como son: .*html, comprimido"):
        citizen.finds_the_page(*given)
    fronted.install("nginx", PRIVATE)
    with pytest.raises(AssertionError, match="respondió 401"):
        citizen.finds_it_public(expect, record_evidence)


def test_a_site_that_is_down_is_not_the_servers_fault(fronted: Fronted) -> None:
    """Con el sitio apagado, el servidor sigue bien, y se dice que es el sitio el que no responde."""
    fronted.site.check_output("systemctl stop nginx apache2")
    behind, found = fronted.look()
    assert behind.result == "authentic", behind
    assert found.result == "unreachable" and found.detail.startswith(f"{NAME} no responde: ")


def test_a_site_that_keeps_answers_shows_an_older_corte(
    fronted: Fronted, mirror: Mirror, target: Target, published: SignedCorte, key: Path
) -> None:
    """Un sitio que guarda respuestas muestra un corte anterior: se dice cuál, y cuál muestra ya su servidor."""
    kept = "proxy_cache guarda; proxy_cache_valid 200 1h; proxy_ignore_headers Cache-Control Vary;"
    path = "proxy_cache_path /var/cache/nginx/guarda keys_zone=guarda:1m;\nupstream prep_difusor {"
    fronted.site.check_output("rm -rf /var/cache/nginx/guarda; mkdir -p /var/cache/nginx")
    fronted.install("nginx", {"proxy_cache off;": kept, "upstream prep_difusor {": path})
    fronted.look()  # fills what it keeps
    next_second()
    number = published.manifest.sequence + 1
    signed = signing.sign(published.folder, target.election, key, number, published.manifest.corte)
    before = last_number(mirror.status())
    push(signed.folder, target)
    assert mirror.await_word(signed, before, WAIT)[0] == "shown"
    behind, found = fronted.look()
    assert behind.result == "authentic", behind
    wanted = f"guarda respuestas: muestra el corte {number - 1}, y su servidor ya muestra el {number}"
    assert found.detail == f"es de {NAME} y no de su servidor: {wanted}"
