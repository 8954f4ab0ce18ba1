"""Requests to the page, written byte for byte, and a fixture that skips tests while the gate is closed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from testinfra.host import Host

from difusor.servers.rawhttp import send

STATUS = "/.well-known/prep/estado.json"
"""The path of estado.json, the server's public state."""
INSPECTED = "/.well-known/prep/waf/"
"""What is asked for below this path goes through the WAF, also while the gate is closed; behind it is a constant."""


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


def page_files(host: Host, variables: dict[str, Any]) -> list[str]:
    """Return the names of the files that the page loads: scripts, style, icon."""
    (answer,) = send(host, variables, [get(variables["difusor_fqdn"], variables["difusor_path"])])
    return re.findall(r'="([\w.]+[.](?:css|js|svg))"', answer["body"])


def headers_of(answer: dict[str, Any]) -> dict[str, str]:
    """Return the headers of an answer of rawhttp.send, names in lower case."""
    lines = [line.partition(":") for line in answer["head"].splitlines()[1:]]
    return {name.strip().lower(): value.strip() for name, _, value in lines}
