"""Verified content on disk: objects named by their SHA-256, and trees of hard links into them.

    <store>/objetos/ab/cdef…    one read-only file for each content; for text files also a compressed one, cdef….gz
    <store>/espera/<corte>      a verified tree that nobody may see yet; <corte> is <sequence>-<start of its digest>
    <store>/ordenes/<corte>     manifest and signature of a corte whose orders are followed, with or without its tree
    <store>/firmados/<corte>    a second copy of manifest and signature, in case the disk damages the first
    <store>/reserva             the tree that was retired last, or a copy of the newest; the next one is made of it
    <public>/cortes/<corte>     a tree that may be seen
    <public>/actual             -> cortes/<corte>, the link that selects the tree that citizens see

A new corte takes disk space only for content that is new, plus a link for every file, and time for what changed: its
tree is the retired one with some links exchanged. Store and public folder are on the same file system.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from corte.format import files
from corte.format.manifest import NAME, SIGNATURE_NAME, Manifest, digest
from corte.format.refusal import Refusal
from corte.server import compressed, folders, modes, spare
from corte.server.beside import Beside, beside
from corte.server.incoming import copy
from corte.server.objects import Objects

_NOT_LINKED = (errno.ENOENT, errno.ENOTDIR, errno.EMLINK, errno.EPERM, errno.EACCES)
"""Errors at which content is copied anew: no object, as many links as there may be, an object of somebody else."""
RESERVE_BYTES = 256 * 1024 * 1024
RESERVE_INODES = 10_000
"""Bytes and inodes that a corte must leave free, so that the server's other services never meet a full disk."""


@dataclass(frozen=True)
class Staged:
    """A verified tree that has no final name yet, and where in it each new object is, by SHA-256."""

    tree: Path
    fresh: dict[str, str]
    raw: bytes
    signature: bytes


class Store:
    """The store and the public folder.

    Only one process at a time calls `stage` and `admit`; `show` and `prune` are called under the state's lock.
    """

    def __init__(self, store: Path, public: Path, despite: tuple[type[OSError], ...] = ()) -> None:
        """Make the folders `store` and `public`, and those below them, usable; OSError when that cannot be.

        With `despite` it is left to `make_usable`.
        """
        self.objects = Objects(store / "objetos")
        self.waiting = store / "espera"
        self.orders = store / "ordenes"
        self.signed = store / "firmados"
        self.new = store / "nuevo"
        self.spare = store / "reserva"
        self.trees = public / "cortes"
        self.current = public / "actual"
        self._made = (self.trees, self.waiting, self.objects.folder, self.orders, self.signed, self.new)
        self.walk = modes.Walk(lambda: (self.trees / self.shown(), *self._made, self.spare))
        self._repaired: list[str] = []
        with suppress(*despite):
            self.make_usable()
        self._looking: Beside | None = None

    def make_usable(self) -> None:
        """Make the folders usable; `repair` will tell of those that were not."""
        self._repaired += self._repair()

    def repair(self) -> list[str]:
        """Make the folders usable; return the names of those that were not, since the last call."""
        found = self._repaired + self._repair()
        self._repaired = []
        return found

    def _repair(self) -> list[str]:
        needed = (self.trees.parent, *self._made)
        found = folders.ensure_all(self.new.parent, needed)
        shown = self.trees / self.shown()
        found += [path.name for path in (*needed, self.spare, shown, shown / NAME) if modes.reopen(path)]
        if found:
            self.walk.begin()
        return found

    def stage(self, incoming: int, manifest: Manifest, raw: bytes, signature: bytes) -> Staged:
        """Build a corte's tree in `self.new`: link known content, copy the rest from `incoming`, verifying every byte.

        `incoming` is a folder's descriptor. Nothing gets its final name yet; at Refusal or OSError the kept cortes are
        untouched.
        """
        self.clear_new()
        self._demand_inodes(manifest)
        staged, lacking = self._skeleton(manifest, raw, signature)
        missing: dict[str, list[str]] = {}
        for path in lacking:
            entry = manifest.files[path]
            try:
                os.link(self.objects.path(entry.sha256), f"{staged}/{path}")
            except OSError as error:
                if error.errno not in _NOT_LINKED:
                    raise
                missing.setdefault(entry.sha256, []).append(path)
        size = sum(manifest.files[path].size for path, *_ in missing.values())
        if shutil.disk_usage(self.new).free < size + RESERVE_BYTES:
            raise Refusal("disk", f"No hay espacio en disco para {size} bytes más.")
        fresh = {}
        for sha256, (path, *twins) in missing.items():
            fresh[sha256] = f"{staged}/{path}"
            copy(incoming, path, manifest.files[path], fresh[sha256])
            for twin in twins:
                os.link(fresh[sha256], f"{staged}/{twin}")
        return Staged(staged, fresh, raw, signature)

    def admit(self, staged: Staged, name: str) -> None:
        """Keep a staged corte as the waiting tree `name`; it is wholly on disk before any file gets its final name."""
        files.sync_file_system(self.new)
        for sha256, new in staged.fresh.items():
            self.objects.keep(sha256, new)
        _write_papers(self.signed / name, staged.raw, staged.signature)
        staged.tree.rename(files.vacated(self.waiting / name))
        files.sync_folder(self.waiting)

    def compress(self, name: str, manifest: Manifest) -> None:
        """Put a compressed copy beside each text file of a kept tree; until then the file is served as it is."""
        kept = self._find(name)
        if kept is None:
            return
        folder = os.open(kept, os.O_RDONLY | os.O_DIRECTORY)  # the gate may move the tree meanwhile
        try:
            texts = {
                f"{path}{compressed.SUFFIX}": entry.sha256
                for path, entry in manifest.files.items()
                if compressed.pays(path, entry.size)
            }
            self._make_compressed(set(texts.values()))
            for path, sha256 in texts.items():
                with suppress(FileExistsError):
                    os.link(self.objects.path(sha256 + compressed.SUFFIX), path, dst_dir_fd=folder)
        finally:
            os.close(folder)

    def damaged(self, name: str, manifest: Manifest, paths: Iterable[str]) -> list[str]:
        """Return which of these files of a kept tree the disk has changed; no later corte links to their content."""
        kept = self._find(name)
        if kept is None:
            return []
        paths = [*paths]
        if any([modes.reopen(kept / path) for path in paths]):  # where one is closed to nginx, others are
            self.walk.begin()
        folder = os.open(kept, os.O_RDONLY | os.O_DIRECTORY)
        try:
            found = [path for path in paths if not compressed.is_whole(folder, path, manifest.files[path])]
        finally:
            os.close(folder)
        for path in found:
            self.objects.drop(manifest.files[path].sha256)
        return found

    def mend(self, name: str, manifest: Manifest, incoming: int, paths: Iterable[str]) -> None:
        """Replace damaged files of a kept tree by the pushed ones; Refusal when `incoming` no longer has those."""
        kept = self._find(name)
        if kept is None:
            return
        self.clear_new()
        folder = os.open(kept, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for path in paths:
                sha256 = manifest.files[path].sha256
                new = f"{self.new}/{sha256}"
                copy(incoming, path, manifest.files[path], new)
                files.sync_file_system(self.new)
                self.objects.keep(sha256, new)
                with suppress(FileNotFoundError):  # it may be a copy of the damaged file
                    os.unlink(path + compressed.SUFFIX, dir_fd=folder)
                os.replace(new, path, dst_dir_fd=folder)
        finally:
            os.close(folder)

    def show(self, name: str) -> None:
        """Make citizens see this tree, waiting or public, from one atomic step on."""
        public, waiting = self.trees / name, self.waiting / name
        if waiting.exists():
            waiting.rename(files.vacated(public))
            files.sync_folder(self.trees)
        if modes.reopen(public) | modes.reopen(public / NAME):
            self.walk.begin()
        files.replace_link(self.current, f"cortes/{name}")

    def hide(self) -> None:
        """Show nothing: move every tree out of the folder that the web server can read."""
        if os.path.lexists(self.current):
            files.vacated(self.current)
            files.sync_folder(self.current.parent)
        for path in self.trees.iterdir():
            path.rename(files.vacated(self.waiting / path.name))

    def has(self, name: str) -> bool:
        """Tell whether there is a tree of this name, waiting or public."""
        return self._find(name) is not None

    def prune(self, keep: set[str], orders: set[str]) -> None:
        """Remove the trees whose name is not in `keep`, then the objects that no tree links to any more.

        `orders`: the names of the cortes whose manifest and signature are kept for their orders.
        """
        removed = False
        needed = ((self.trees, keep), (self.waiting, keep), (self.orders, orders), (self.signed, keep | orders))
        for folder, names in needed:
            for path in folder.iterdir():
                if path.name not in names:
                    self._retire(path)
                    removed = True
        if not keep:
            shutil.rmtree(self.spare, ignore_errors=True)
        if removed and not folders.is_real(self.spare):  # else `prepare_spare` does it when citizens see the new corte
            self.objects.sweep()

    def _retire(self, path: Path) -> None:
        """Keep a tree that is no longer needed as the spare one; remove anything else."""
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        if path.parent not in (self.trees, self.waiting):
            files.vacated(path)
            return
        try:
            path.rename(files.vacated(self.spare))
        except OSError:  # the next tree is then made without a spare one
            files.vacated(path)

    def prepare_spare(self, manifest: Manifest) -> None:
        """Make the spare tree like this corte, and remove the objects that only the spare tree still had."""
        spare.prepare(self.spare, manifest, self.objects)

    def names(self) -> list[str]:
        """Return the names of all trees, waiting or public."""
        return sorted(path.name for folder in (self.waiting, self.trees) for path in folder.iterdir())

    def order_names(self) -> list[str]:
        """Return the names of the cortes whose manifest and signature are kept for their orders."""
        return sorted(path.name for path in self.orders.iterdir())

    def shown(self) -> str:
        """Return the name of the tree that citizens see; "" when they see none."""
        folder, _, name = os.readlink(self.current).partition("/") if self.current.is_symlink() else ("", "", "")
        return name if folder == self.trees.name else ""

    def is_shown(self, name: str) -> bool:
        """Tell whether citizens see the tree of this name, which is there."""
        return self.shown() == name and folders.is_real(self.trees / name)

    def tree(self, name: str) -> Path:
        """Return where the tree of this name is; Refusal when there is none."""
        kept = self._find(name)
        if kept is None:
            raise Refusal("missing", f"Falta el corte {name}.")
        return kept

    def papers(self, name: str) -> tuple[bytes, list[bytes]]:
        """Return a corte's manifest, and each signature that its copies have: a damaged one is known only by verifying.

        Refusal or OSError when no copy of the manifest is good.
        """
        raw = self._paper(name, NAME, lambda raw: name.endswith("-" + digest(raw)[:12]))
        found = (_read(folder / SIGNATURE_NAME) for folder in (*self._homes(name), self.signed / name))
        return raw, [armour for armour in dict.fromkeys(found) if armour]

    def mend_papers(self, name: str, manifest_sha256: str, signature: bytes) -> list[str]:
        """Restore a corte's manifest and signature where the disk has changed them; return the names of those files.

        `signature` is the right one. A manifest with all copies damaged is restored by the next push of the same
        corte.
        """
        with suppress(Refusal):
            raw = self._paper(name, NAME, lambda raw: digest(raw) == manifest_sha256)
            return self.keep_papers(name, raw, signature)
        return []

    def keep_papers(self, name: str, raw: bytes, signature: bytes) -> list[str]:
        """Write this manifest and signature wherever the corte has them, and to the second copies, where they differ.

        Return the names of the files that differed; Refusal when there is no such corte.
        """
        homes, copies = self._homes(name), self.signed / name
        if not homes:
            raise Refusal("missing", f"Falta el corte {name}.")
        differed = {*_write_papers(copies, raw, signature)}
        for home in homes:
            differed.update(_write_papers(home, raw, signature, by_way_of=copies))
        return sorted(differed)

    def keep_order(self, name: str, raw: bytes, signature: bytes) -> None:
        """Keep a corte's manifest and signature for its orders, durably, even if it has no tree."""
        for folder in (self.orders, self.signed):
            _write_papers(folder / name, raw, signature)
            files.sync_folder(folder)

    def _homes(self, name: str) -> list[Path]:
        """Return the folders that have a corte's manifest and signature, but for the second copies."""
        tree, order = self._find(name), self.orders / name
        return [*([tree] if tree else []), *([order] if order.is_dir() else [])]

    def _paper(self, name: str, paper: str, is_right: Callable[[bytes], bool]) -> bytes:
        for folder in (*self._homes(name), self.signed / name):
            content = _read(folder / paper)
            if content is not None and is_right(content):
                return content
        raise Refusal("missing", f"El disco dañó {paper} del corte {name}.")

    def _demand_inodes(self, manifest: Manifest) -> None:
        """Refuse a tree that would not leave RESERVE_INODES free, counting all its files as new."""
        found = os.statvfs(self.new)
        # A text file also has a compressed copy.
        wanted = len(manifest.files) * 2 + len(manifest.folders)
        if found.f_files and found.f_favail < wanted + RESERVE_INODES:  # 0: they are made as needed
            raise Refusal("disk", f"No hay lugar en el disco para {wanted} archivos más.")

    def _find(self, name: str) -> Path | None:
        return next((home / name for home in (self.waiting, self.trees) if folders.is_real(home / name)), None)

    def _make_compressed(self, texts: set[str]) -> None:
        fresh = {
            f"{self.new}/{sha256}": sha256
            for sha256 in texts
            if not os.path.exists(self.objects.path(sha256 + compressed.SUFFIX))
        }
        if not fresh:
            return
        for new, sha256 in fresh.items():
            compressed.write(self.objects.path(sha256), new)
        files.sync_file_system(self.new)
        for new, sha256 in fresh.items():
            os.rename(new, self.objects.place(sha256 + compressed.SUFFIX))

    def _skeleton(self, manifest: Manifest, raw: bytes, signature: bytes) -> tuple[Path, list[str]]:
        """Begin a tree, of the spare one if there is one; return it and the paths of the files that it has not yet."""
        staged = self.new / "arbol"
        try:
            if folders.is_real(self.spare):
                self.spare.rename(staged)
            lacking = spare.strip(staged, manifest, self._look(staged))
        except OSError:  # there is none, or it cannot be used
            files.vacated(staged).mkdir(mode=0o755)
            lacking = list(manifest.files)
        for folder in sorted(manifest.folders):
            (staged / folder).mkdir(mode=0o755, exist_ok=True)
        for name, content in ((NAME, raw), (SIGNATURE_NAME, signature)):
            (staged / name).write_bytes(content)
            (staged / name).chmod(0o444)
        return staged, lacking

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Have a process beside this one see meanwhile what `stage` needs to know of the spare tree."""
        with beside(lambda: spare.look(self.spare, self.objects)) as self._looking:
            yield

    def _look(self, staged: Path) -> list[str]:
        begun, self._looking = self._looking, None  # its lines can be read once
        with suppress(OSError):
            if begun and spare.is_of(seen := begun.lines(), staged):
                return seen
        return spare.look(staged, self.objects)  # another tree was retired meanwhile

    def clear_new(self) -> None:
        """Remove what an interrupted admission left in `self.new`.

        The folder itself stays: the gate makes folders that are missing, and the two would get in each other's way.
        """
        folders.ensure(self.new)
        for path in list(self.new.iterdir()):
            files.vacated(path)


def _write_papers(folder: Path, raw: bytes, signature: bytes, by_way_of: Path | None = None) -> list[str]:
    """Write this manifest and this signature to a folder where they differ; return the names of those that did."""
    folders.ensure(folder)
    stale = [name for name, content in ((NAME, raw), (SIGNATURE_NAME, signature)) if _read(folder / name) != content]
    for name in stale:
        files.replace(folder / name, raw if name == NAME else signature, 0o444, by_way_of)
    return stale


def _read(path: Path) -> bytes | None:
    """Return the content of a file; None when it is missing or cannot be read."""
    try:
        return files.read(path)
    except OSError:
        return None
