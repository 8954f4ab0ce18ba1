"""Looks at all difusores at the same time, and makes one row of each; a slow or broken one never stops the others."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from testinfra.backend.ssh import SshBackend
from testinfra.host import Host as Shell

from difusor.countdown import drift, inside, outside, reaching, restart, servers
from difusor.countdown.checks import Check, Moment, State, bad, good, moment_of, ordered, warn
from difusor.countdown.outside import Looks, Outside
from difusor.countdown.reaching import Answers
from difusor.countdown.seen import Seen
from difusor.countdown.servers import Page
from difusor.countdown.subjects import Broken, Subject
from difusor.inventory import Host, linked
from difusor.servers import child
from difusor.suite import link
from difusor.terminal import plain, some

HERE = "esta máquina"
ITSELF = "el propio servidor {}"
ASKERS = 2
"""How many servers of other difusores ask for each page."""
FIRST = 0.75
"""The share of the time for the looks at servers and pages; in the rest pages are asked for from elsewhere."""
MOST = 200
"""Characters of what went wrong that are shown."""
KILL_EVERY = 0.2
"""Seconds after which programs that still run are looked for again: a look may begin its next one."""


@dataclass(frozen=True)
class Options:
    """Options: where the baselines are, whom to ask, which moment it is (None: by the calendar), seconds at most."""

    register: Path
    looks: Looks = field(default_factory=Looks)
    moment: Moment | None = None
    seconds: float = 60.0


@dataclass(frozen=True)
class Row:
    """One server: its checks in the order in which they are seen to. `revoked`: why it is off the list, or empty.

    `zone`: that of its election, by whose clocks its times are told; None when the inventory does not say.
    """

    difusor: str
    moment: Moment | None
    opens: datetime | None
    checks: tuple[Check, ...]
    revoked: str = ""
    zone: tzinfo | None = None
    closes: datetime | None = None

    @property
    def state(self) -> State:
        """The worst state of its checks."""
        states = {each.state for each in self.checks}
        return "bad" if "bad" in states else "warn" if "warn" in states else "good"


@dataclass(frozen=True)
class Found:
    """What was found of one server: on it, or why not; of its page, or why not; and from where the page answers."""

    seen: Seen | Check
    page: Outside | Check
    answers: Answers


def rows(subjects: Sequence[Subject | Broken], options: Options, now: datetime) -> list[Row]:
    """Return the rows of all servers, in the order given, within `options.seconds`."""
    found = _look([each for each in subjects if isinstance(each, Subject) and not each.revoked], options)
    return [
        Row(each.name, options.moment, None, (each.check,))
        if isinstance(each, Broken)
        else _row(each, found.get(each.name), options, now)
        for each in subjects
    ]


def _row(subject: Subject, found: Found | None, options: Options, now: datetime) -> Row:
    """Return the row of a server; nothing was looked for on one that is off the list."""
    election = subject.host.election
    moment = options.moment or moment_of(election.opens, now)
    try:
        checks = _checks(subject, found, moment, options.register) if found else []
    except Exception as error:  # servers and files may say what nobody foresaw, and the others have their rows
        checks = [_unforeseen("server", error)]
    found_out = tuple(ordered(checks, moment))
    return Row(subject.name, moment, election.opens, found_out, subject.revoked, election.catalog.zone, election.closes)


def _checks(subject: Subject, found: Found, moment: Moment, register: Path) -> list[Check]:
    host, given, seen, page = subject.host, subject.given, found.seen, found.page
    checks: list[Check] = []
    if subject.is_astray:  # then the lists that the server is compared with may be those of a copy that nobody edits
        checks.append(bad("inventory", linked.UNLINKED, linked.remedy(subject.inventory)))
    checks += _images_here(host)
    if isinstance(seen, Check):
        checks.append(seen)
    else:
        baseline = register / f"{subject.inventory.resolve().name}.json"
        entered = inside.entered(host, seen.own, given) or _entered(subject.shell)
        checks += [entered, *inside.judge(host, seen, given)]
        checks.append(drift.judge(baseline, host.election, host.name, seen.look, given))
        checks.append(restart.judge(host.election, seen.server, moment, given))
    if isinstance(page, Check):
        checks.append(page)
    else:
        name, there = host.partner.public_name, page.addresses
        reached = outside.displaced(host, page, given) or reaching.judge(name, there, found.answers)
        checks += [*outside.judge(host, page, moment, given), reached]
    return checks


def _entered(shell: Shell | None) -> Check:
    """Return how a server was entered; a warning where another one could have answered in its place."""
    if isinstance(shell, Shell) and isinstance(shell.backend, SshBackend) and link.takes_any_key(shell.backend):
        return warn(
            "server",
            "se entra con sudo, y también a quien muestre una llave que nadie conoce (StrictHostKeyChecking, en el SSH "
            "de esta máquina o en el inventario)",
            "agregue -o StrictHostKeyChecking=yes a ansible_ssh_common_args, en hosts.yml",
        )
    return good("server", "se entra con sudo")


def _images_here(host: Host) -> list[Check]:
    """Return a warning when an image that an inventory names is not on this machine: a run would be refused here."""
    images = (host.partner.prep_image, host.partner.waf_image)
    if not (missing := [each.archive for each in images if each.archive and not Path(each.archive).is_file()]):
        return []
    named = some([os.path.normpath(each) for each in missing])
    return [
        warn(
            "inventory",
            f"en esta máquina faltan imágenes ({named}), y sin ellas apply y restore se niegan",
            "tráigalas de la máquina con la que se instaló el servidor, con el mismo nombre",
        )
    ]


def _look(subjects: Sequence[Subject], options: Options) -> dict[str, Found]:
    """Look at all servers and pages at once, then have them ask for each other's pages; return what was found."""
    started = time.monotonic()
    works: list[Future[Any]] = []
    pool = ThreadPoolExecutor(max_workers=max(1, 2 * len(subjects)))
    try:
        looked = {each.name: pool.submit(servers.look, each) for each in subjects}
        asked = {each.name: pool.submit(outside.look, each, options.looks) for each in subjects}
        works += [*looked.values(), *asked.values()]
        wait(works, timeout=FIRST * options.seconds)
        seen: dict[str, Seen | Check] = {
            name: _result(work, "server", options.seconds) for name, work in looked.items()
        }
        pages: dict[str, Outside | Check] = {
            name: _result(work, "families", options.seconds) for name, work in asked.items()
        }
        places = _places(subjects, seen, pages)
        reached = {
            name: pool.submit(servers.reach, shell, list(wanted.values())) for name, (shell, wanted) in places.items()
        }
        works += reached.values()
        wait(reached.values(), timeout=max(0.0, started + options.seconds - time.monotonic()))
        heard = {name: work.result() if work.done() and not work.exception() else {} for name, work in reached.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        while wait(works, timeout=KILL_EVERY).not_done:
            child.kill_all()
    return {
        each.name: Found(seen[each.name], pages[each.name], _answers(each.name, pages[each.name], places, heard))
        for each in subjects
    }


def _result(work: Future[Any], key: str, seconds: float) -> Any:
    """Return what a look found, or its red check when it did not end in time or failed in a way nobody expected."""
    if not work.done():
        return bad(
            key, f"no terminó de responder en {FIRST * seconds:.0f} s", "revise la red, y repita con más --seconds"
        )
    if error := work.exception():
        return _unforeseen(key, error)
    return work.result()


def _unforeseen(key: str, error: BaseException) -> Check:
    told = plain(f"no se pudo mirar ({type(error).__name__}: {error})", MOST)
    return bad(key, told, "repita; si sigue, es una falla de este programa")


Places = dict[str, tuple[Shell, dict[str, Page]]]
"""By place: how commands run there, and which pages it asks for, by difusor."""


def _places(
    subjects: Sequence[Subject], seen: Mapping[str, Seen | Check], pages: Mapping[str, Outside | Check]
) -> Places:
    """Return who asks for which pages: trusted vantages and other difusores' servers, else a server for its own."""
    able = [each for each in subjects if isinstance(seen[each.name], Seen) and each.shell]
    found: Places = {}
    for each in subjects:
        page = pages[each.name]
        if isinstance(page, Check):
            continue
        others = [other for other in able if other.inventory != each.inventory]
        start = sum(other.name < each.name for other in others)
        ring = {other.name: other.shell for other in (others[start:] + others[:start])[:ASKERS]}
        askers = {**each.vantages, **ring} or ({ITSELF.format(each.name): each.shell} if each in able else {})
        for name, shell in askers.items():
            partner = each.host.partner
            asked = (partner.public_name, each.host.election.id, page.addresses)
            found.setdefault(name, (shell, {}))[1][each.name] = asked
    return found


def _answers(difusor: str, page: Outside | Check, places: Places, heard: Mapping[str, Answers]) -> Answers:
    """Return what this machine and each place heard of a difusor's page, by place and address."""
    told = {} if isinstance(page, Check) else {HERE: page.answers}
    asked = {place: wanted[difusor][0] for place, (_, wanted) in places.items() if difusor in wanted}
    return told | {place: heard[place].get(fqdn, {}) for place, fqdn in asked.items()}
