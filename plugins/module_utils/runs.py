"""Keeps a run of the project from undoing what one that began later has done on the same server."""

from __future__ import annotations

LATEST = "/run/prep-difusor.run"
"""The word of the run that began last; `reach_server` writes it. A restart of the server empties this folder."""
LATER = (
    "Otra ejecución comenzó después en este servidor y desde ahora esta ya no toca nada en él: espere a que aquella "
    "termine y repita esta."
)


def refuse_older(module, run):
    """End a module, before its first write, when another run began later than the one with the word `run`.

    Without both words nothing is known of another run, as after a restart, and the module goes on.
    """
    try:
        with open(LATEST, encoding="utf-8", errors="replace") as file:
            latest = file.read()
    except OSError:
        return
    if is_older(run, latest):
        module.fail_json(msg=LATER)


def is_older(run, latest):
    """Tell whether the run with the word `run` is not the one that LATEST, whose text is `latest`, names."""
    latest = latest.strip()
    return bool(run and latest and run != latest)
