"""For bench/crowd: pushes a corte that is one megabyte larger than the shown one, and times it until it is shown."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from difusor.lab import night
from difusor.publish import signing, target
from difusor.publish.mirror import Mirror, last_number
from difusor.publish.push import push

NAME = "descargas/carga.zip"
BYTES = 1_000_000
"""Random, so that rsync finds none of them in an earlier corte and nothing makes them smaller."""
PATIENCE = 60.0


class Institute:
    """Signs and pushes cortes to a lab's server."""

    def __init__(self, lab: str, folder: Path) -> None:
        """Take the lab's latest corte as the model of all that follow."""
        (self.target,) = target.read(Path(night.INVENTORY))
        self.key, self.authority = night.folder(lab) / "firma", night.authority(lab)
        self.tree = folder / "corte"
        shutil.copytree(night.make_latest(lab), self.tree)

    def publish(self) -> float:
        """Push the next corte; return the seconds until the server says that it is shown. SystemExit when it is not."""
        (self.tree / NAME).write_bytes(os.urandom(BYTES))
        with Mirror(self.target, self.authority) as mirror:
            status = mirror.status() or {}
            shown = status.get("shown") or {}
            signed = signing.sign(self.tree, self.target.election, self.key, shown.get("sequence", 0) + 1)
            begun = time.monotonic()
            push(signed.folder, self.target)
            word, after = mirror.await_word(signed, last_number(status), PATIENCE)
            if word != "shown":
                raise SystemExit(f"bench/crowd: the corte is {word}: {after.get('last_attempt') or mirror.problem}")
            return time.monotonic() - begun
