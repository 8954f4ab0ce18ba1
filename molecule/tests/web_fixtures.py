"""Requests to the page, written byte for byte, and as a citizen makes them; and what the gate lets through."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from corte_fixtures import PACE
from testinfra.host import Host

from difusor.inventory.excepted import INSPECTED
from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Fetch = Callable[[str], str]
Fingerprint = Callable[..., str]
Visit = Callable[[str], tuple[int, str]]

STATUS = "/.well-known/prep/estado.json"
"""The path of estado.json, the server's public state."""
CURL = "curl --disable --noproxy '*' --silent --show-error --insecure --max-time 20"
"""How every test asks for a page from a vantage point. A proxy of that machine's, from its environment or its .curlrc,
would answer in the server's place, and would choose the address that it asks."""
# The forms in which a server may keep a file, by what curl asks for: the best that it knows, gzip, and none.
FORMS = {"comprimido": "--compressed", "gzip": "--compressed --header Accept-Encoding:gzip", "sin comprimir": ""}


@pytest.fixture
def door(road: dict[str, Any]) -> str:
    """Return curl's options for the server itself, or the site in front of it: the vantage point needs no name server.

    None where citizens go where the page's name leads.
    """
    address = entrance(road)
    return door_of(road["difusor_fqdn"], address) if address else ""


def entrance(road: dict[str, Any]) -> str:
    """Return the address where citizens ask; empty on the road through a CDN or balancer, to which the name leads."""
    return "" if road.get("difusor_origin_lock") else str(road["difusor_public_address"])


def door_of(name: str, address: str) -> str:
    """Return curl's options with which it asks for a name at this address."""
    at = f"[{address}]" if ":" in address else address
    return shlex.join(["--resolve", f"{name}:443:{at}"])


@pytest.fixture
def fetch(visit: Visit) -> Fetch:
    """Return a function that gets a page's text as a citizen does; its certificate is judged by another test."""

    def ask(url: str) -> str:
        status, text = visit(url)
        assert status == 200, f"{url} responde {status}"
        return text

    return ask


@pytest.fixture
def fingerprint(untrusted: Host, door: str) -> Fingerprint:
    """Return a function that gets a file in one of FORMS: its SHA-256, or the status when that is not 200."""

    def ask(url: str, form: str = "comprimido") -> str:
        status, digest = received(untrusted, door, url, form, "sha256sum")
        return digest.split()[0] if status == 200 else str(status)

    return ask


@pytest.fixture
def visit(untrusted: Host, door: str) -> Visit:
    """Return a function that asks for a page as a citizen does: its status and its text, whatever the status is."""
    return lambda url: received(untrusted, door, url)


def received(vantage: Host, door: str, url: str, form: str = "comprimido", program: str = "cat") -> tuple[int, str]:
    """Return the status of an answer, and what a program on the vantage point makes of its body.

    What does not arrive whole is no fault of the server: the test is skipped.
    """
    status, text, complaint = answered(vantage, door, url, form, program)
    if complaint:
        pytest.skip(f"el punto de observación no obtuvo {url}: {complaint}")
    return status, text


def answered(
    vantage: Host, door: str, url: str, form: str = "comprimido", program: str = "cat"
) -> tuple[int, str, str]:
    """Return what `received` does, and what curl complained of when not all of it came.

    When the server answers that we ask too fast, it is asked again after a pause.
    """
    curl = f"{CURL} {door} {FORMS[form]} --write-out '%%{{stderr}}%%{{http_code}}' %s"

    def ask() -> tuple[int, str, str]:
        # curl says 200 also of a part; its own exit status, which the pipe hides, tells whether that was all.
        done = vantage.run(f'{{ {curl}; echo " $?" >&2; }} | {program}', url)
        *complaint, status, ended = done.stderr.split()
        return int(status), done.stdout, "" if ended == "0" else " ".join(complaint) or f"curl terminó con {ended}"

    what = f"{url} se entregue sin que el servidor diga que se pide demasiado aprisa"
    return until(ask, lambda answer: answer[0] != 429, what=what, every=PACE)


@pytest.fixture
def open_gate(host: Host, variables: dict[str, Any]) -> None:
    """Skip the test while the gate is closed or there is no corte: every request for the page then gets the notice."""
    if gate_is_closed(host, variables):
        pytest.skip("la compuerta está cerrada o no hay corte: toda la página recibe el aviso de espera")


@pytest.fixture
def inspected(host: Host, variables: dict[str, Any]) -> list[str]:
    """Return the folders all of whose requests go through the WAF: the constant one and, while open, the declared."""
    closed = gate_is_closed(host, variables)
    return [INSPECTED] if closed else [INSPECTED, *declared(variables)]


def gate_is_closed(host: Host, variables: dict[str, Any]) -> bool:
    """Tell whether the page answers with the waiting notice."""
    return bool(send(host, variables, [request(variables, "")])[0]["statuses"] == [503])


@contextmanager
def reloading(host: Host) -> Iterator[None]:
    """After a block that reloads nginx, wait until its old workers have ended: the reload itself returns earlier."""
    workers = "pgrep --parent $(systemctl show --property MainPID --value nginx.service)"
    before = set(host.check_output(workers).split())
    yield
    until(
        lambda: before & set(host.check_output(workers).split()),
        lambda left: not left,
        what="se vayan los procesos de nginx que servían antes",
    )


def declared(variables: dict[str, Any]) -> list[str]:
    """Return the absolute paths of the folders that the election declares dynamic."""
    return [f"{variables['difusor_path']}{folder['path']}" for folder in variables.get("election_dynamic_paths", [])]


def get(name: str, path: str) -> str:
    """Return a plain GET of an absolute path."""
    return f"GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: dictamen\r\nAccept: */*\r\nConnection: close\r\n\r\n"


def request(variables: dict[str, Any], path: str, header: str = "X-Requested-By: dictamen") -> str:
    """Return a GET as a browser would send it, with one more header; a path without a slash is below the site's own."""
    path = path if path.startswith("/") else f"{variables['difusor_path']}{path}"
    return (
        f"GET {path} HTTP/1.1\r\nHost: {variables['difusor_fqdn']}\r\n"
        f"Accept: */*\r\n{header}\r\nConnection: close\r\n\r\n"
    )


def logged(host: Host, mark: str) -> str:
    """Return the lines of the page's access log that hold a mark, also where the log was rotated a moment ago."""
    # Not zgrep, which begins several programs for each file; gzip gives as they are those that are not compressed.
    files = "find /var/log/nginx/prep -name 'access.log*' -mmin -15 -exec gzip -cdf {} + | grep -F %s"
    return str(host.run(files, mark).stdout)


def page_files(host: Host, variables: dict[str, Any]) -> list[str]:
    """Return the names of the files that the page loads: scripts, style, icon."""
    (answer,) = send(host, variables, [get(variables["difusor_fqdn"], variables["difusor_path"])])
    return re.findall(r'="([\w.]+[.](?:css|js|svg))"', answer["body"])


def headers_of(answer: dict[str, Any]) -> dict[str, str]:
    """Return the headers of an answer of rawhttp.send, names in lower case."""
    lines = [line.partition(":") for line in answer["head"].splitlines()[1:]]
    return {name.strip().lower(): value.strip() for name, _, value in lines}
