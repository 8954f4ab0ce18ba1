"""Deletes every file of a rehearsal and returns evidence of what was deleted.

Called while neither the rsync daemon nor the intake nor the gate runs. A server that has accepted an official corte, or
followed an order of one, is never touched, whatever became of that corte.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from corte.format import files, instants, manifest
from corte.format.refusal import Refusal
from corte.server import log as journal
from corte.server import recovery
from corte.server.config import Config
from corte.server.memory import Memory
from corte.server.state import State
from corte.server.store import Store

OFFICIAL = "official"
KEPT = (
    "Este servidor ya aceptó un corte oficial, o una orden suya, y su bitácora lo dice; no se borra nada. Los cortes "
    "de un simulacro se quitan también cuando ./difusor apply pasa el servidor a otra elección."
)


def known(config: Config) -> dict[str, Any]:
    """Return which election's cortes there are and the head of their log; nothing is touched.

    Refusal when the server has taken in anything official, or the chain of its log is broken.
    """
    memory = Memory(config)
    state, _ = memory.find(Store(config.store, config.public))
    is_official = state is not None and state.environment == OFFICIAL
    if _logs_any(memory.log_path, is_official) or (is_official and _holds_any(state)):
        raise Refusal("recipient", KEPT)
    head = journal.end(memory.log_path)
    return {
        "at": instants.write(instants.now()),
        "election": state.election if state else None,
        "environment": state.environment if state else None,
        "log": {"entries": head.entries, "head": head.sha256},
    }


def purge(config: Config) -> dict[str, Any]:
    """Empty the incoming folder, store, public folder and status; return the evidence. Refusal as in `known`."""
    evidence = known(config)
    folders = (config.incoming, config.store, config.public, config.status_file.parent)
    removed = [path for folder in folders for path in _files(folder)]
    evidence |= {"removed_files": len(removed), "removed_bytes": sum(path.lstat().st_size for path in removed)}
    for folder in folders:
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        files.sync_folder(folder)
    evidence["remaining"] = {str(path): _digest(path) for folder in folders for path in _files(folder)}
    return evidence


def _holds_any(state: State | None) -> bool:
    """Tell whether a state has a corte, or follows an order of one."""
    return state is not None and bool(state.kept or state.ordered)


def _logs_any(log: Path, is_official: bool) -> bool:
    """Tell whether a corte was accepted, or an order followed, while this server was of any official election.

    `is_official`: it is of one now. The state forgets what was withdrawn, signed with a key that was revoked, or of an
    earlier election. An entry of an earlier version does not say which environment the server left.
    """
    has_any = False
    for entry in journal.remains(log):
        if entry.get("event") == "election":
            if has_any and entry.get("left_environment") == OFFICIAL:
                return True
            has_any = False
        elif entry.get("event") in (*recovery.TAKEN, recovery.ORDERS):
            has_any = True
    return has_any and is_official


def _files(folder: Path) -> list[Path]:
    return [Path(root, name) for root, _, names in os.walk(folder) for name in names]


def _digest(path: Path) -> str:
    return "" if path.is_symlink() else manifest.digest(path.read_bytes())
