"""A run that is stopped ends what it began, however often and by whatever signal it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

import pytest

from difusor.process import Stopped
from difusor.publish import stopping

AGAIN = [KeyboardInterrupt(), Stopped(signal.SIGTERM), Stopped(signal.SIGHUP)]


@pytest.mark.parametrize("again", AGAIN, ids=["Ctrl-C", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("where", ["waiting", "killing", "telling"])
def test_a_second_signal_does_not_undo_the_stop(where: str, again: BaseException, monkeypatch: pytest.MonkeyPatch):
    signals = {where: again}

    def come(now: str) -> None:
        if signal_now := signals.pop(now, None):
            raise signal_now

    def wait(works: Iterable[Future[Any]], timeout: float) -> Any:
        come("waiting")
        return wait_for(works, timeout)

    monkeypatch.setattr(stopping, "wait", wait)
    monkeypatch.setattr(stopping.child, "kill_all", lambda: come("killing"))
    monkeypatch.setattr(stopping.console, "print", lambda _: come("telling"))
    with ThreadPoolExecutor() as pool:
        work = pool.submit(stopping.STOPPED.wait, 20)
        stopping.stop([work])
    assert work.result() and not signals and not stopping.STOPPED.is_set()


def test_a_terminal_that_is_closed_keeps_no_work_going(monkeypatch: pytest.MonkeyPatch):
    def closed(_: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(stopping.console, "print", closed)
    with ThreadPoolExecutor() as pool:
        work = pool.submit(stopping.STOPPED.wait, 20)
        stopping.stop([work])
    assert work.result()
