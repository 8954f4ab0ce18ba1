"""Whether a run of the project is changing a server: what is read meanwhile is neither old nor new state."""

from __future__ import annotations

from dataclasses import dataclass

from testinfra.host import Host

from difusor.servers.latest_run import LATEST

RECORD = "/var/lib/prep-difusor"
"""The folder in which runs note what they change; only root reads it. The id of the run that began last is beside."""
RECENT = 15
"""Minutes after which a run that has left changes on the list of those not yet in force counts as failed."""
PENDING, UNFINISHED, ACTIVE = "pending", "unfinished", "active"


@dataclass(frozen=True)
class Work:
    """The run that began last on a server.

    `word`: its id, which the run drew, empty after a restart; `signs`: those of PENDING, UNFINISHED and ACTIVE that the
    server shows, none when the run has ended.
    """

    word: str
    signs: frozenset[str]

    @property
    def is_under_way(self) -> bool:
        """Whether the run has changed something in the last minutes and is not done."""
        return bool(self.signs & {PENDING, ACTIVE})

    @property
    def is_unfinished(self) -> bool:
        """Whether it is under way, or ended in the middle."""
        return bool(self.signs)


def seen(host: Host) -> Work | None:
    """Ask a server (testinfra's host, as root); None when it does not answer."""
    try:
        lines = host.run(_command()).stdout.splitlines()
    except RuntimeError:  # ssh's own failure, as testinfra raises it
        return None
    words = [line.partition("=")[2] for line in lines if line.startswith("word=")]
    return Work(words[0] if words else "", frozenset(lines) & {PENDING, UNFINISHED, ACTIVE})


def _command() -> str:
    """Return what prints the word, and the signs: a change that waits for its proof, and changes not yet in force."""
    return (
        f'word=$(head -c 40 {LATEST} 2>/dev/null); echo "word=$word"; '
        f"test ! -e {RECORD}/rollback.tar || echo {PENDING}; "
        f'if test "$word" && grep -qs "^$word " {RECORD}/unapplied; then '
        f"echo {UNFINISHED}; find {RECORD}/unapplied -mmin -{RECENT} -printf '{ACTIVE}\\n'; fi; true"
    )


def waiting(name: str) -> str:
    """Return the sentence on a server where a run is under way."""
    return (
        f"otra ejecución (apply, trusted, signers…) trabaja en {name}, o no llegó a su fin: espere a que termine, o "
        "repítala si falló, y después repita esto"
    )


def overtaken(name: str, before: Work | None, after: Work | None) -> str:
    """Return the sentence on a server that a run may have changed between two looks; empty when none has."""
    if before is None or after is None:
        return ""
    if after.word not in ("", before.word) or after.signs - before.signs:
        return (
            f"mientras tanto otra ejecución trabajó en {name}, y lo leído no es de antes ni de después; repita esto "
            "cuando aquella termine"
        )
    return ""
