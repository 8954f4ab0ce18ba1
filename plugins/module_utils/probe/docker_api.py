"""What a server's Docker engine answers on its socket, and how it says which ports a container publishes.

Not by the program `docker`: each start of it costs more of the processor than most of the look.
"""

from __future__ import annotations

import functools
import json
import socket
from urllib.parse import quote

SOCKET = "/run/docker.sock"
WAIT = 60.0  # seconds for an answer; an engine that is just starting takes some
LARGEST = 16_000_000  # bytes of an answer


class Engine:
    """The engine behind a socket. Where none runs, it refuses, or it does not answer, nothing is known of it."""

    def __init__(self, path=SOCKET, wait=WAIT):
        """Take the socket's path, and the seconds that the engine has for an answer."""
        self._path, self._wait, self._is_silent = path, wait, False

    def ask(self, kind, path, **filters):
        """Return the list or dict, as `kind` says, that the engine answers to GET `path`; empty if nothing is known.

        `filters`: lists by name, as the API describes them. An engine that was silent once is not waited for again.
        """
        chosen = "?filters=" + quote(json.dumps(filters)) if filters else ""
        try:
            found = None if self._is_silent else json.loads(self._answer(path + chosen))
        except socket.timeout:
            self._is_silent, found = True, None
        except (OSError, ValueError):
            found = None
        return found if isinstance(found, kind) else kind()

    @functools.cached_property
    def info(self):
        """What the engine says of itself: it looks at much for that, so it is asked once."""
        return self.ask(dict, "/info")

    def _answer(self, path):
        """Return the content of an answer; raises OSError, and ValueError for one that is broken off or no success.

        In HTTP/1.0 the end of the connection ends the answer. To import `http.client` would take ten times as long as
        all the answers.
        """
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(self._wait)
            link.connect(self._path)
            link.sendall(("GET %s HTTP/1.0\r\nHost: docker\r\n\r\n" % path).encode())
            with link.makefile("rb") as answer:
                head, _, content = answer.read(LARGEST).partition(b"\r\n\r\n")
        if head.split()[1:2] != [b"200"]:
            raise ValueError(head)
        return content


def owners(listed):
    """Return a line for each running container that is not the project's, as `docker ps` shows its name and ports."""
    running = (each for each in listed if each["State"] in ("running", "paused", "restarting"))
    others = (each for each in running if not is_ours(each))
    return [("%s %s" % (_name(each), ports(each["Ports"] or []))).strip() for each in others]


def others(containers, images, volumes, ours):
    """Return what an engine's lists have beside the project's: names of containers and volumes, and ids of images.

    `ours`: the ids of the project's images.
    """
    found = [_name(each) for each in containers if not is_ours(each)]
    found += [each["Id"] for each in images if each["Id"] not in ours]
    return found + [each["Name"] for each in volumes]


def is_ours(listed):
    """Tell whether a container of the engine's list is the project's."""
    return "prep-difusor.role" in (listed["Labels"] or {})


def ports(listed):
    """Return ports of a container as `docker ps` shows them, such as "0.0.0.0:80-81->80-81/tcp, 3306/tcp"."""
    runs, ends = [], {}  # [place, first, last], and those by place and last
    for each in sorted(listed, key=lambda each: (each["PrivatePort"], each.get("IP", ""))):
        inside, outside = each["PrivatePort"], each.get("PublicPort")
        place = (each["Type"], each.get("IP") or "0.0.0.0", outside - inside) if outside else (each["Type"],)
        run = ends.pop((place, inside - 1), None)
        if run is None:
            run = [place, inside, inside]
            runs.append(run)
        run[2] = inside
        ends[place, inside] = run
    return ", ".join(_shown(*run) for run in runs)


def _shown(place, first, last):
    """Return ports in a row that are published at the same place, or nowhere."""
    inside = "%s/%s" % (_row(first, last), place[0])
    if len(place) == 1:
        return inside
    _, address, shift = place
    outside = _row(first + shift, last + shift)
    return "%s:%s->%s" % ("[%s]" % address if ":" in address else address, outside, inside)


def _row(first, last):
    return "%d" % first if first == last else "%d-%d" % (first, last)


def _name(listed):
    """Return a container's own name; those with a further slash are other containers' names for it."""
    return next((name.lstrip("/") for name in listed["Names"] or [] if name.rfind("/") < 1), "")
