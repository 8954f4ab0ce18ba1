"""One Chromium for all pages that the tests read; each page gets a profile of its own, as in a browser just started.

It is told what to do through a pipe, in the DevTools protocol; it does what `difusor.suite.browser.read` has a browser
do with `--virtual-time-budget` and `--dump-dom`. To start it costs most of what a test of a page does.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import weakref
from functools import cache
from typing import Any

import pytest

from difusor.suite import browser

NAME = "prep.diario.test"
"""A host's name that stands for this machine."""
NEEDS_BROWSER = pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="this machine has no browser")


def read(url: str) -> str:
    """Return the words that the browser shows, as `browser.read` does."""
    return browser.words(_browser().html(url), {"noscript"})


class _Browser:
    def __init__(self) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="navegador-")
        program = next(filter(None, map(shutil.which, browser.PROGRAMS)))
        theirs, self._orders = os.pipe()
        self._answers, told = os.pipe()
        command = [
            "bash", "-c", f'exec "$@" 3<&{theirs} 4>&{told}', "bash", program, *browser.QUIET,
            f"--user-data-dir={self._profile.name}", f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
            "--remote-debugging-pipe", *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]  # fmt: skip
        process = subprocess.Popen(
            command, pass_fds=[theirs, told], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        os.close(told)
        self._number, self._read, self._events = 0, b"", list[dict[str, Any]]()
        weakref.finalize(self, _end, process, self._profile)

    def html(self, url: str) -> str:
        """Return the HTML of a page when its scripts have had `browser.PATIENCE` milliseconds of its own time."""
        context = self._ask("Target.createBrowserContext")["browserContextId"]
        target = self._ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        page = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._events.clear()
        self._ask("Page.enable", page)
        self._ask("Emulation.setVirtualTimePolicy", page, policy="pause")  # else the empty page would use it up
        went = self._ask("Page.navigate", page, url=url)
        assert "errorText" not in went, went["errorText"]
        self._ask(
            "Emulation.setVirtualTimePolicy", page, policy="pauseIfNetworkFetchesPending", budget=browser.PATIENCE,
            maxVirtualTimeTaskStarvationCount=9999,
        )  # fmt: skip
        for event in ("Page.loadEventFired", "Emulation.virtualTimeBudgetExpired"):
            while not any(each["method"] == event for each in self._events):
                self._events.append(self._hear())
        shown = self._ask("Runtime.evaluate", page, expression="document.documentElement.outerHTML")
        self._ask("Target.disposeBrowserContext", browserContextId=context)
        return str(shown["result"]["value"])

    def _ask(self, method: str, page: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        order = {"id": self._number, "method": method, "params": parameters, **({"sessionId": page} if page else {})}
        os.write(self._orders, json.dumps(order).encode() + b"\0")
        while (answer := self._hear()).get("id") != self._number:
            self._events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            assert select.select([self._answers], [], [], browser.LIMIT)[0], "the browser does not answer"
            more = os.read(self._answers, 1 << 16)
            assert more, "the browser ended by itself"
            self._read += more
        message, _, self._read = self._read.partition(b"\0")
        return dict(json.loads(message))


def _end(process: subprocess.Popen[bytes], profile: tempfile.TemporaryDirectory[str]) -> None:
    process.terminate()
    process.wait()
    profile.cleanup()


@cache
def _browser() -> _Browser:
    return _Browser()
