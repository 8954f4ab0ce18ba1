"""The intake: the program that systemd starts when a signature arrives; it shows the pushed corte or says why not.

Whatever happens, the last good corte stays. The signature is claimed first (renamed), so that a push that arrives
meanwhile starts the next run, and a signature that made the intake crash does not start it again.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
import time
from bisect import bisect_right
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from corte.format import content, counts, files, future, instants, manifest, signature
from corte.format.errors import why
from corte.format.manifest import Manifest
from corte.format.refusal import Refusal
from corte.format.standing import Standing
from corte.server import gate
from corte.server.config import Config
from corte.server.incoming import Listing, claim, forget, listing, read_manifest
from corte.server.memory import Memory
from corte.server.state import Attempt, Corte, State, is_withdrawn
from corte.server.store import Store

SAMPLE_BYTES = 64 * 1024 * 1024
"""How many bytes of the kept files each push reads again to find damage; a fixed amount, however large the corte is.

It goes on where the last push ended, so each file has its turn within as many pushes as there are such amounts.
"""
EARLY = "Antes de la apertura solo se recibe el corte en ceros, cuyos archivos digan que no hay actas capturadas."
RESULTS = {
    "shown": "publicado",
    "held": "en espera",
    "refused": "rechazado",
    "repeated": "ya se tenía",
    "withdrawn": "retirado",
}
PAUSE = 30.0
"""Seconds to wait when the signature cannot be claimed."""
WALK = 120.0
"""Seconds for a walk through closed trees at most: a corte waits for the first, and the next one for the second."""
TOLD = 20
"""How many damaged files the log names at most."""


def take_in(config: Config) -> int:
    """Run the intake; return its exit status."""
    try:
        return Intake(config).run()
    except OSError as error:  # a folder cannot be used
        return _fail(error, config)


def _fail(error: OSError, config: Config) -> int:
    where = f" ({error.filename})" if error.filename else ""
    print(f"no se pudo recibir: {why(error)}{where}", file=sys.stderr)
    if os.path.lexists(config.incoming / manifest.SIGNATURE_NAME):
        time.sleep(PAUSE)  # the signature starts this program again at once, with a read-only disk in vain
    return 1


class Intake:
    """One server's intake."""

    def __init__(self, config: Config) -> None:
        """Take this server's configuration."""
        self.config = config
        self.memory = Memory(config)
        self.store = Store(config.store, config.public)
        self.warnings: list[str] = []
        self.early = self._is_before_opening(self.memory.now())
        self.ordering: Corte | None = None
        """The pushed corte, as soon as its orders are followed; its files may be refused afterwards."""

    def run(self) -> int:
        """Take in what was pushed; return the exit status: 0 even when the corte is refused, 1 at a system error."""
        incoming = os.open(self.config.incoming, os.O_RDONLY | os.O_DIRECTORY)
        try:
            armour = claim(incoming)
            if armour is not None:
                with listing(incoming) as listed, self.store.looking():
                    self._prepare()
                    self.store.walk.go_on(WALK)  # or else what is kept could not be linked to
                    with files.syncing(self.config.store):  # what was pushed is not on disk yet
                        self._take(incoming, listed, armour)
                    self.store.walk.go_on(WALK)
                self.memory.end_run()
                print(_cost(), file=sys.stderr)
        except OSError as error:
            return _fail(error, self.config)
        finally:
            os.close(incoming)
            with suppress(OSError):
                self.store.clear_new()
        return 0

    def _prepare(self) -> None:
        """Recover the state if it is lost, and log a previous run that did not end: killed, or out of memory."""
        with self.memory.lock():
            now = instants.now()
            self.memory.restore(self.store, now)
            since = self.memory.begin_run(now)
            if since:
                self.memory.save(self.memory.record(self.memory.load(), "interrupted", now, since=since))

    def _take(self, incoming: int, listed: Listing, armour: bytes) -> None:
        raw = b""
        corte: Corte | None = None
        problem: Refusal | None = None
        try:
            raw = read_manifest(incoming)
            corte = self._accept(incoming, listed, raw, armour)
        except Refusal as refusal:
            problem = refusal
        except OSError as error:
            problem = _trouble(error)
        if self.early and corte is None:
            forget(incoming)  # before the refusal is told, because the publisher may send again at once
        with self.memory.lock():
            if (corte or self.ordering) and signature.is_by_any(armour, self.config.revoked_keys()):
                corte = self.ordering = None
                problem = Refusal("signature", "La llave que firmó fue revocada entretanto.")
            state, result = self._decide(corte, problem, raw, armour)
            self.memory.save(state)
            self._tell(state)
            if result in ("shown", "held", "withdrawn"):
                self.store.prune(set(state.kept), {one.name for one in state.ordered})
        print(_sentence(state.last_attempt), file=sys.stderr)
        if corte is not None:
            found = manifest.read(raw)
            with suppress(OSError):  # a text file without a compressed copy is served as it is
                self.store.compress(corte.name, found)
            with suppress(OSError):  # the next tree is then made with more work
                self.store.prepare_spare(found)
            with suppress(OSError):
                self._look_again(incoming, corte, found, state.last_attempt)
            with suppress(OSError, Refusal):
                self.store.keep_papers(corte.name, raw, corte.signature.encode() or armour)

    def _look_again(self, incoming: int, corte: Corte, found: Manifest, attempt: Attempt | None) -> None:
        """Find files that the disk has damaged since they were verified, and replace them by the pushed ones.

        The corte is shown already, so nobody waits for this.
        """
        paths = _due(found, attempt, self.memory.last_reread())
        damaged = self.store.damaged(corte.name, found, paths)
        self.memory.note_reread(paths[-1])
        if not damaged:
            return
        print(f"el disco dañó {len(damaged)} archivos, como {damaged[0]}", file=sys.stderr)
        with self.memory.lock():
            state = self.memory.record(self.memory.load(), "damaged", instants.now(), paths=damaged[:TOLD])
            self.memory.save(state)
            self._tell(state)
        with suppress(OSError, Refusal):  # the next push is being written already, and will repair them
            self.store.mend(corte.name, found, incoming, damaged)
            self.store.compress(corte.name, found)

    def _accept(self, incoming: int, listed: Listing, raw: bytes, armour: bytes) -> Corte | None:
        """Check everything and keep the corte as a waiting tree; Refusal with the first reason why not.

        Returns None for a corte that is nothing but the order to withdraw it.
        """
        now = self.memory.now()
        signer = signature.verify(raw, armour, self.config.election, *self.config.signers, now=now)
        found = manifest.read(raw)
        corte = Corte.of(found, manifest.digest(raw), signer, armour)
        state = self.memory.load()
        accepted = self._last_accepted(state)
        if accepted is not None and accepted.manifest_sha256 == corte.manifest_sha256 and self.store.has(corte.name):
            return accepted
        if not self.memory.last_clock(now).synchronised:
            # A doubtful clock must not refuse a corte as coming from the future. One whose own instant is later than
            # its signing is refused all the same.
            self.early = self._is_before_opening(found.generated)
            now = max(now, found.generated)
        check(found, self.config, now)
        self.ordering = corte
        state = state.follow(corte, self.config)
        standing = state.standing(self.config)
        if is_withdrawn(corte, corte.stands):
            return None
        if is_withdrawn(corte, standing):
            raise Refusal("withdrawn", "El Instituto retiró este corte; el corregido lleva otro número o contenido.")
        accepted = self._last_accepted(state)
        if accepted is not None and accepted.manifest_sha256 == corte.manifest_sha256:
            accepted = None  # its tree was lost: take the same corte in again
        else:
            check_order(found, accepted, standing, self.config)
        listed.check(found)
        staged = self.store.stage(incoming, found, raw, armour)
        corte = replace(corte, captured=self._read(staged.tree, found, accepted, standing))
        self.store.admit(staged, corte.name)
        return corte

    def _is_before_opening(self, now: datetime) -> bool:
        """Tell whether it is before an official opening, when this server may keep nothing of captured actas."""
        is_open = self.config.gate_file.exists()
        return self.config.environment == "official" and now < self.config.window.opens and not is_open

    def _last_accepted(self, state: State) -> Corte | None:
        """Return the corte that a new one must not be older than.

        Sequences begin anew with each opening of a rehearsal; official ones never go back.
        """
        return state.accepted if self.config.environment == "official" else state.newest(self.config)

    def _read(self, folder: Path, found: Manifest, accepted: Corte | None, standing: Standing) -> dict[str, int]:
        """Return the counts of a staged tree.

        Refusal when there are any before an official opening, when they fall and no order to rectify stands between
        the accepted corte and this one, or when they do not add up and `strict_content` is set.
        """
        if self.early and content.captures(folder, found.files):
            raise Refusal("early", EARLY)
        said = content.read(folder, found.files, found.corte)
        self.warnings = said.warnings
        fall = counts.fallen(accepted.captured if accepted else {}, said.captured)
        if fall and not (accepted and standing.lets_fall(accepted.sequence, found.sequence)):
            raise Refusal("rectification", fall)
        if said.warnings and self.config.strict_content:
            raise Refusal("content", said.warnings[0])
        return said.captured

    def _decide(self, corte: Corte | None, problem: Refusal | None, raw: bytes, armour: bytes) -> tuple[State, str]:
        """Return the new state and the result; shows the corte when the gate is open. Called under the lock."""
        now = self.memory.now()
        before = self.memory.load()
        state = self._follow(before, raw, armour, now)
        if problem is not None and state.ordered != before.ordered:
            problem = Refusal(problem.code, f"{problem} Sus órdenes sí se siguen.")
        is_open = self.config.gate_file.exists()
        if corte is not None and state.accepted != corte:
            state = state.accept(corte, self.config)
        if state != before:
            self.memory.save(state)  # if this program crashes from here on, the gate shows the corte
        if is_open and gate.shows(gate.phase(state.window(self.config), now)):
            state = gate.show_newest(self.store, state, self.config, now)
        if problem is not None:
            result = "refused"
        elif corte is None:
            result = "withdrawn"
        elif before.accepted == corte:
            result = "repeated"
        else:
            result = "shown" if state.shown == corte else "held"
        last, taken = state.last_attempt, None if problem else corte or self.ordering
        attempt = Attempt(
            number=max(state.log.entries, last.number if last else 0) + 1,
            at=instants.write(now),
            result=result,
            sequence=taken.sequence if taken else None,
            manifest_sha256=manifest.digest(raw) if raw else None,
            signature_sha256=manifest.digest(armour),
            code=problem.code if problem else None,
            reason=str(problem) if problem else None,
            warnings=self.warnings,
        )
        if again := attempt.again(last):  # not logged: repeated pushes must not fill the disk
            return replace(state, last_attempt=again), result
        return self._record(replace(state, last_attempt=attempt), attempt, corte, last, now), result

    def _follow(self, state: State, raw: bytes, armour: bytes, now: datetime) -> State:
        """Return the state that follows the orders of what was pushed, and log what is new of them."""
        corte = self.ordering
        followed = state.follow(corte, self.config) if corte else state
        if corte is None or followed.ordered == state.ordered:
            return state
        with suppress(OSError):  # the log and the state have the orders too
            self.store.keep_order(corte.name, raw, armour)
        if followed.standing(self.config) == state.standing(self.config):
            return followed
        details = {
            name: getattr(corte, name)
            for name in (
                "sequence", "corte", "generated", "manifest_sha256", "content_sha256", "orders", "standing", "signer",
                "signature",
            )
        }  # fmt: skip
        return self.memory.record(followed, "orders", now, opens=corte.window["opens"], **details)

    def _record(
        self, state: State, attempt: Attempt, corte: Corte | None, last: Attempt | None, now: datetime
    ) -> State:
        details = {
            name: value
            for name, value in (
                ("sequence", attempt.sequence),
                ("corte", corte.corte if corte else None),
                ("opens", corte.window["opens"] if corte else None),
                ("manifest_sha256", attempt.manifest_sha256),
                ("content_sha256", corte.content_sha256 if corte else None),
                ("code", attempt.code),
                ("reason", attempt.reason),
                ("warnings", attempt.warnings),
                ("orders", corte.orders if corte else None),
                ("last_times", last.times if last and last.times > 1 else None),
            )
            if value not in (None, [])
        }
        return self.memory.record(state, attempt.result, now, **details)

    def _tell(self, state: State) -> None:
        """Update estado.json at once, with the clock as the gate service last reported it."""
        now = self.memory.now()
        clock = self.memory.last_clock(now)
        window, is_open = state.window(self.config), self.config.gate_file.exists()
        vouched = clock.synchronised or state.trusts_clock(self.config)
        self.memory.publish(state, gate.judge(window, now, vouched, is_open), clock, now)


def _cost() -> str:
    """Return a sentence on this run's processor time and its largest memory, for `bench/corte` and the journal."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    return f"usó {seconds:.2f} s de procesador y {max(one.ru_maxrss for one in used) // 1024} MiB de memoria"


def check(found: Manifest, config: Config, now: datetime) -> None:
    """Refuse a signed manifest for another election or window, or signed in the future; its orders do not count."""
    if (found.election, found.environment) != (config.election, config.environment):
        raise Refusal(
            "recipient",
            f"Es de {found.election} ({found.environment}) "
            f"y este servidor publica {config.election} ({config.environment}).",
        )
    if found.window.opens != config.window.opens:
        raise Refusal(
            "window",
            f"Abre {instants.write(found.window.opens)} y este servidor abre {instants.write(config.window.opens)}.",
        )
    if now >= found.window.retain_until or found.corte > found.window.closes:
        raise Refusal("window", "Está fuera de su propia ventana de publicación.")
    future.check(found, now)


def check_order(found: Manifest, accepted: Corte | None, standing: Standing, config: Config) -> None:
    """Refuse a corte that is too large, older than the accepted one, or than the withdrawal of all there were."""
    if found.total_bytes > config.max_bytes:
        raise Refusal("size", f"Mide {found.total_bytes} bytes y el máximo es {config.max_bytes}.")
    if accepted is None:
        gone = standing.withdrawn
        if gone and found.generated < gone[-1].at:
            raise Refusal("rollback", f"Se firmó antes de retirarse el corte {gone[-1].sequence}: fírmelo de nuevo.")
        return
    opens, same = accepted.window["opens"], found.sequence == accepted.sequence
    other = "" if opens == instants.write(found.window.opens) else f" Lo aceptado es de otra apertura: {opens}."
    if same and (found.content_sha256, instants.write(found.corte)) != (accepted.content_sha256, accepted.corte):
        raise Refusal("conflict", f"Ya se aceptó otro contenido con la secuencia {found.sequence}.{other}")
    # The same corte is signed again only to give an order; an older signature is a replay.
    if same and instants.write(found.generated) <= accepted.generated:
        raise Refusal("rollback", f"Se firmó antes, o a la vez, que el aceptado ({accepted.generated}).{other}")
    if found.sequence < accepted.sequence or found.corte < instants.parse(accepted.corte):
        raise Refusal(
            "rollback",
            f"Es anterior (secuencia {found.sequence}, corte {instants.write(found.corte)}) "
            f"al último aceptado ({accepted.sequence}, {accepted.corte}).{other}",
        )


def _due(found: Manifest, attempt: Attempt | None, last: str) -> list[str]:
    """Return the paths after `last`, and from the first on after the last one, until they have SAMPLE_BYTES.

    All paths, the first time the same corte is repeated.
    """
    paths = sorted(found.files)  # a manifest has them in this order, so it takes milliseconds
    if attempt is not None and (attempt.result, attempt.times) == ("repeated", 1):
        return paths
    next_one, left = bisect_right(paths, last), SAMPLE_BYTES
    paths = paths[next_one:] + paths[:next_one]
    for number, path in enumerate(paths, 1):
        left -= found.files[path].size
        if left < 0:
            return paths[:number]
    return paths


def _trouble(error: OSError) -> Refusal:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal("disk", "Se llenó el disco.")
    return Refusal("system", f"El servidor no pudo leer o guardar el corte: {why(error)}.")


def _sentence(attempt: Attempt | None) -> str:
    """Return the Spanish sentence on an attempt for the server's journal."""
    if attempt is None:
        return ""
    said = f"corte {attempt.manifest_sha256 or '?'}: {RESULTS[attempt.result]}"
    return f"{said}. {attempt.reason}" if attempt.reason else said
