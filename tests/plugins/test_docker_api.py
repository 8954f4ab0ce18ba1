"""The look asks the Docker engine on its socket, and knows nothing of one that does not answer as it should."""

from __future__ import annotations

import json
import socket
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from plugin_kit import load

PROBE = load("modules/server_probe.py")
SERVER, NEIGHBOURS, DOCKER = PROBE.server, PROBE.neighbours, PROBE.server.docker_api


@contextmanager
def engine(path: Path, answer: Any) -> Iterator[Any]:
    """An engine on a socket; `answer(request)` returns all its bytes for a request's path with its filters."""

    class Request(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            words = self.rfile.readline().split()
            while self.rfile.readline().strip():
                pass
            assert words[0] == b"GET", "the look changes nothing"
            self.wfile.write(answer(words[1].decode()))

    with socketserver.UnixStreamServer(str(path), Request) as listener:
        Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield PROBE.Engine(str(path))
        finally:
            listener.shutdown()


def response(content: object, status: str = "200 OK") -> bytes:
    body = json.dumps(content).encode()
    return f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def container(name: str, state: str = "running", ports: Any = None, **labels: str) -> dict[str, Any]:
    found = {"Id": f"id-{name}", "Names": [f"/{name}"], "State": state, "Ports": ports or []}
    return {**found, "Labels": labels or None}


OURS = {
    "Id": "id-prep-1", "Name": "/prep-1", "Image": "sha256:a", "State": {"Status": "exited"},
    "HostConfig": {"RestartPolicy": {"Name": "always"}}, "NetworkSettings": {"Networks": {"prep": {}}},
}  # fmt: skip
PUBLIC = [{"IP": ip, "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"} for ip in ("0.0.0.0", "::")]
ROLE = {"prep-difusor.role": "prep"}
ANSWERS: dict[str, Any] = {
    "/containers/json": [
        container("prep-1", "exited", **ROLE),
        container("prep-2", "removing", **ROLE),
        container("web", ports=PUBLIC),
        {**container("base", "paused"), "Names": ["/web/bd", "/base"]},
        container("vieja", "exited"),
    ],
    "/containers/id-prep-1/json": OURS,
    "/images/json": [{"Id": "sha256:a", "RepoTags": ["prep-difusor/prep:1"]}, {"Id": "sha256:b", "RepoTags": None}],
    "/volumes": {"Volumes": [{"Name": "datos"}], "Warnings": None},
    "/networks": [{"Name": "prep", "Options": {"com.docker.network.bridge.name": "br-prep"}}],
    "/info": {"Swarm": {"LocalNodeState": "active"}, "SecurityOptions": ["name=seccomp,profile=builtin"]},
}
ASKED = {"/images/json": [{"reference": ["prep-difusor/*"]}, {}], "/networks": [{"driver": ["bridge"]}]}


def look(docker: Any) -> tuple[dict[str, Any], list[str], dict[str, Any], list[str]]:
    """Return the state, the owner's containers, the neighbours, and all that is not the project's, of a whole look."""

    def lines(*words: str) -> list[str]:
        return ["*:81->80/tcp"] if words[:2] == ("docker", "service") else []

    facts, found = SERVER.look(lines, docker, [], b"", False)
    beside = {"account": "", "origins": [], "shape": False, "units": [], "ports": [], "operator": ""}
    neighbours = NEIGHBOURS.look(lines, docker, found["containers"], **beside)
    return facts["current_state"], found["containers"], neighbours, facts["docker_others"]


def test_a_look_tells_what_the_engine_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    (tmp_path / "enabled").write_text("Y\n")
    monkeypatch.setattr(SERVER.engine, "APPARMOR", str(tmp_path))
    monkeypatch.setattr(SERVER.engine, "ENABLED", str(tmp_path / "enabled"))

    def answer(request: str) -> bytes:
        path, options = urlsplit(request).path, parse_qs(urlsplit(request).query)
        asked.append(path)
        assert json.loads(options.get("filters", ["{}"])[0]) == ASKED.get(path, [{}])[asked.count(path) - 1]
        assert (options.get("all") == ["1"]) is (path == "/containers/json")
        return response(ANSWERS[path]) if path in ANSWERS else response({"message": "no such"}, "404 Not Found")

    with engine(tmp_path / "s", answer) as docker:
        state, containers, beside, others = look(docker)
    assert others == ["web", "base", "vieja", "sha256:b", "datos"]
    assert state["images"] == {"prep-difusor/prep:1": "sha256:a"}
    assert state["networks"] == {"prep": {"com.docker.network.bridge.name": "br-prep"}}
    assert {name: each["state"] for name, each in state["containers"].items()} == {"prep-1": "exited"}
    assert containers == ["web 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp", "base"]
    assert (beside["published"], beside["swarm"]) == (["8080/tcp", "81/tcp"], True)
    assert (state["confining"], asked.count("/info")) == (False, 1)


BROKEN = {
    "an error": response({"message": "internal"}, "500 Internal Server Error"),
    "an error with content": response(ANSWERS["/containers/json"], "500 Internal Server Error"),
    "another kind of answer": response("x"),
    "the end before the answer": b"",
    "the end in the middle": response(ANSWERS["/containers/json"])[:200],
    "no text": response([])[:-2] + b"\xff\xfe\xfd",
    "too much": response([{"Id": "x" * 5000}]),
}


@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN)
def test_of_an_engine_that_fails_nothing_is_known(said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DOCKER, "LARGEST", 4000)
    with engine(tmp_path / "s", lambda _: said) as docker:
        check_that_nothing_is_known(docker)


def test_without_an_engine_nothing_is_known(tmp_path: Path) -> None:
    check_that_nothing_is_known(PROBE.Engine(str(tmp_path / "s")))
    with socket.socket(socket.AF_UNIX) as left:  # by an engine that has ended
        left.bind(str(tmp_path / "s"))
    check_that_nothing_is_known(PROBE.Engine(str(tmp_path / "s")))


def test_a_silent_engine_is_waited_for_once(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        check_that_nothing_is_known(PROBE.Engine(str(tmp_path / "s"), wait=0.05))
        listener.setblocking(False)
        listener.accept()[0].close()
        with pytest.raises(BlockingIOError):
            listener.accept()


def check_that_nothing_is_known(docker: Any) -> None:
    state, containers, beside, others = look(docker)
    assert (state["images"], state["networks"], state["containers"], containers, others) == ({}, {}, {}, [], [])
    assert (state["confining"], beside["published"], beside["swarm"]) == (True, [], False)


def port(inside: int, outside: int | None = None, address: str = "", protocol: str = "tcp") -> dict[str, Any]:
    place = {"IP": address, "PublicPort": outside} if outside else {}
    return {**place, "PrivatePort": inside, "Type": protocol}


@pytest.mark.parametrize(
    ("listed", "shown", "published"),
    [
        ([], "", []),
        ([port(3306), port(33060)], "3306/tcp, 33060/tcp", []),
        ([port(82), port(80), port(81)], "80-82/tcp", []),
        ([port(8080, 580, "127.5.6.7"), port(70, 70, "::1")], "[::1]:70->70/tcp, 127.5.6.7:580->8080/tcp", []),
        (
            [port(each, each, address, "udp") for address in ("::", "0.0.0.0") for each in (54, 53)] + [port(53)],
            "53/tcp, 0.0.0.0:53-54->53-54/udp, [::]:53-54->53-54/udp",
            ["53-54/udp"],
        ),
        ([port(80, 9000, "10.0.0.1"), port(81, 9001, "10.0.0.1")], "10.0.0.1:9000-9001->80-81/tcp", ["9000-9001/tcp"]),
        ([port(80, 9001, "10.0.0.1"), port(81, 8000, "10.0.0.1")], "10.0.0.1:9001->80/tcp, 10.0.0.1:8000->81/tcp",
         ["8000/tcp", "9001/tcp"]),
        ([port(80, 81)], "0.0.0.0:81->80/tcp", ["81/tcp"]),  # another engine says so for all addresses
    ],
)  # fmt: skip
def test_ports_are_shown_as_docker_ps_does(listed: list[dict[str, Any]], shown: str, published: list[str]) -> None:
    assert DOCKER.ports(listed) == shown
    assert NEIGHBOURS.published([shown]) == published
