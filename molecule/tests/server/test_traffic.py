"""Legitimate traffic: no reader of the page is taken for an attacker, whatever browser, link or request they use."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from corte_fixtures import SHOWN, steadily
from patience import send_patiently
from testinfra.host import Host
from web_fixtures import logged, request

from difusor.inventory.excepted import INSPECTED
from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Record = Callable[[object], None]
pytestmark = [pytest.mark.clause("DG-02", "RED-07"), pytest.mark.xdist_group("limits")]

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
ANDROID = f"Mozilla/5.0 (Linux; Android 14; SM-A155M) {WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
VISITORS = {
    "teléfono Android": ANDROID,
    "iPhone": f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1",
    "dentro de Facebook": f"{ANDROID} [FB_IAB/FB4A;FBAV/470.0.0.29.109;]",
    "dentro de Instagram": f"{IPHONE} Mobile/15E148 Instagram 330.0.3.29.94 (iPhone14,5; iOS 17_4; es_MX; scale=3.00)",
    "Android de 2012": "Mozilla/5.0 (Linux; U; Android 4.1.2; es-mx; GT-I8190L Build/JZO54K) AppleWebKit/534.30",
    "teléfono de teclas": "Nokia6300/2.0 (07.21) Profile/MIDP-2.0 Configuration/CLDC-1.1",
    "KaiOS": "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
    "Opera Mini": "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/191.287; U; es) Presto/2.12.423 Version/12.16",
    "UC Browser": f"Mozilla/5.0 (Linux; U; Android 9; es-MX) {WEBKIT} UCBrowser/13.0.5.1291 U3/0.8.0 Mobile",
    "Internet Explorer 8": "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; .NET CLR 2.0.50727)",
    "Internet Explorer 11": "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Firefox": "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "televisor": f"Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) {WEBKIT} Version/5.0 TV Safari/538.1",
    "Google": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Bing": "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Apple": f"Mozilla/5.0 (Macintosh) {WEBKIT} (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "DuckDuckGo": "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "archivo de la web": "Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
    "vista previa de WhatsApp": "WhatsApp/2.24.11.76 A",
    "vista previa de Facebook": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "vista previa de X": "Twitterbot/1.0",
    "navegador de texto": "Lynx/2.9.0 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.8.3",
    "periodista con curl": "curl/8.5.0",
    "vigilancia del Instituto": "python-httpx/0.28.1",
    "balanceador": "ELB-HealthChecker/2.0",
    "quien no dice qué usa": "",
}
PAGES = ["", "datos/corte.json", INSPECTED]  # of the application, of the corte, past the WAF's rules
DEEP_LINKS = [
    "index.html?utm_source=boletin&utm_medium=correo",
    "?fbclid=IwAR0abc_DEF-123",
    "?municipio=Jantetelco&casilla=contigua",
    "?buscar=Xoxocotla%20de%20los%20%C3%91andu%20y%20M%C3%A1rquez",
    "?q=resultados%20de%20la%20elecci%C3%B3n%20en%20Cuautla",
    "?candidatura=Mar%C3%ADa%20Pe%C3%B1a%20(PAN-PRI-PRD)",
    "?acta=0104%20B%C3%A1sica&tipo=P%26C",
    "datos/corte.json?v=1718000000000",
]
NOT_HERE = ["datos/M%C3%A9xico.json", "datos/año.csv", "apéndice/", "apple-touch-icon-precomposed.png", "robots.txt"]
# Queries, cookies and headers that readers bring.
BROUGHT = yaml.safe_load(Path(__file__).with_name("readers.yml").read_text(encoding="utf-8"))
LONGEST = 8000  # bytes of a header; a newspaper's own server would refuse more


@pytest.fixture(autouse=True)
def _open_gate(host: Host, variables: dict[str, Any]) -> None:
    """Skip these tests while the gate is closed, because every request then gets the waiting page."""
    if send(host, variables, [ask(variables, "")])[0]["statuses"] == [503]:
        pytest.skip("la compuerta está cerrada")


def test_no_visitor_is_refused_for_what_he_uses(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Teléfonos, navegadores viejos, buscadores, vistas previas, vigilancia y balanceador reciben página y datos."""
    asked = [(name, path) for name in VISITORS for path in PAGES]
    texts = [ask(variables, path, f"User-Agent: {VISITORS[name]}") for name, path in asked]
    answers = [answer["statuses"] for answer in send_patiently(host, variables, texts)]
    refused = {each: found for each, found in zip(asked, answers, strict=True) if found != [200]}
    record_evidence(f"{len(VISITORS)} visitantes, {len(asked)} solicitudes, {len(refused)} rechazadas")
    assert not refused


def test_no_link_is_refused(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Enlaces compartidos, búsquedas con acentos y eñes, nombres que el sitio no tiene: nada se toma por ataque.

    Neither by the page nor by the WAF's rules, which see the same links in the constant answer's folder.
    """
    past_rules = [f"{INSPECTED}{path}" for path in DEEP_LINKS + NOT_HERE]
    asked = [ask(variables, path) for path in DEEP_LINKS + past_rules + NOT_HERE]
    found = [answer["statuses"] for answer in send_patiently(host, variables, asked)]
    record_evidence(dict(zip(DEEP_LINKS + past_rules + NOT_HERE, found, strict=True)))
    assert found == [[200]] * (len(DEEP_LINKS) + len(past_rules)) + [[404]] * len(NOT_HERE)


def test_nothing_that_a_reader_brings_changes_the_road(
    host: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Lo que traen enlaces de redes, cookies del periódico, proxies y teléfonos viejos no manda a nadie por el WAF.

    Each is asked for with a page and with data; a mark finds it in the log, which has the beginning of each.
    """
    mark = host.check_output("date +%s%N")
    brought = {f"enlace de {name}": (query, "DNT: 1") for name, query in BROUGHT["links"].items()}
    brought |= {f"cookies de {name}": ("a=1", f"Cookie: {cookie}") for name, cookie in BROUGHT["cookies"].items()}
    brought |= {name: ("a=1", "\r\n".join(headers)) for name, headers in BROUGHT["headers"].items()}
    brought["cookie larga"] = ("a=1", f"Cookie: larga={'x' * (LONGEST - len('Cookie: larga='))}")
    pages = ("", "index.html", "datos/corte.json")
    texts = {
        (name, page): ask(variables, f"{page}?marca={mark}&{query}", header)
        for name, (query, header) in brought.items()
        for page in pages
    }
    answers = [answer["statuses"] for answer in send_patiently(host, variables, list(texts.values()))]
    refused = {each: found for each, found in zip(texts, answers, strict=True) if found != [200]}

    def roads() -> list[str]:
        return re.findall(r" fast=(\d) ", logged(host, f"marca={mark}"))

    found = until(roads, lambda found: len(found) == len(texts), what="nginx anote cada solicitud", every=0.5)
    record_evidence(
        f"{len(brought)} casos, {len(texts)} solicitudes: rechazadas {refused}, por el WAF {found.count('0')}"
    )
    assert not refused
    assert set(found) == {"1"}


@pytest.mark.parametrize("query", ["", "?revision=1"], ids=["sin argumentos", "con argumentos"])
def test_every_way_of_reading_a_file_works(
    host: Host, variables: dict[str, Any], query: str, record_evidence: Record
) -> None:
    """Por partes, solo si cambió, solo las cabeceras, con HTTP/1.0, comprimido o no: toda forma de leer sirve."""
    path = f"datos/corte.json{query}"
    (whole,) = send(host, variables, [ask(variables, path)])
    told = dict(re.findall(r"(?m)^(ETag|Last-Modified): (.+?)\r?$", whole["head"]))
    assert told.keys() == {"ETag"}, "Last-Modified would mislead: it is no date"
    ways = {
        "Range: bytes=0-99": 206,
        "Range: bytes=-10": 206,
        "Range: bytes=0-9,20-29": 206,
        "Range: bytes=99999999-": 416,
        f"If-None-Match: {told['ETag']}": 304,
        'If-None-Match: "otro"': 200,
        "If-Modified-Since: Mon, 03 Jun 2024 02:00:00 GMT": 200,
        "If-Modified-Since: Tue, 19 Jan 2038 03:14:07 GMT": 200,
        "Accept-Encoding: gzip, deflate, br, zstd": 200,
        "Accept-Encoding: identity": 200,
        "Referer: https://www.google.com.mx/": 200,
        "Cookie: _ga=GA1.2.1.2; aviso=sí": 200,
        "DNT: 1\r\nSec-GPC: 1\r\nUpgrade-Insecure-Requests: 1": 200,
        "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nPriority: u=1, i": 200,
        "Pragma: no-cache\r\nCache-Control: no-cache": 200,
    }
    texts = [ask(variables, path, header) for header in ways]
    texts += [texts[0].replace("GET", "HEAD", 1).replace("Range", "X-Range"), texts[-1].replace("HTTP/1.1", "HTTP/1.0")]
    past_rules = [text.replace(f"{variables['difusor_path']}{path}", f"{INSPECTED}{path}", 1) for text in texts]
    found = [answer["statuses"] for answer in send_patiently(host, variables, texts + past_rules)]
    record_evidence(dict(zip([*ways, "HEAD", "HTTP/1.0"], found, strict=False)))
    assert found[: len(texts)] == [[status] for status in [*ways.values(), 200, 200]]
    assert found[len(texts) :] == [[200]] * len(texts), "las reglas del WAF toman una de ellas por ataque"


def test_no_path_of_the_last_cortes_is_refused(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """De los cortes guardados, toda ruta del que está en vigor se sirve y ninguna otra se toma por ataque."""

    def wrong() -> dict[str, list[int]]:
        listed = host.check_output("cd /srv/prep/publico/cortes && find . -type f ! -name '*.gz' -printf '%P\\n'")
        current = host.check_output("basename $(readlink %s)", SHOWN)
        cortes: dict[str, set[str]] = {}
        for corte, _, path in (line.partition("/") for line in listed.splitlines()):
            cortes.setdefault(corte, set()).add(path)
        paths, shown = sorted(set.union(*cortes.values())), cortes[current]
        texts = [ask(variables, quote(path)).replace("GET", "HEAD", 1) for path in paths]
        found = dict(zip(paths, (answer["statuses"] for answer in send_patiently(host, variables, texts)), strict=True))
        record_evidence(f"{len(cortes)} cortes, {len(paths)} rutas, {len(shown)} del corte en vigor")
        return {path: each for path, each in found.items() if each != ([200] if path in shown else [404])}

    found = steadily(lambda: host.check_output("readlink %s", SHOWN), wrong, lambda found: not found)
    record_evidence(f"mal: {len(found)}")
    assert not found


def ask(variables: dict[str, Any], path: str, header: str = "User-Agent: dictamen") -> str:
    """Return a GET of a path with this header, as `request` does; text beyond ASCII is sent as its UTF-8 bytes."""
    text = request(variables, path, header)
    return text.encode().decode("latin-1")
