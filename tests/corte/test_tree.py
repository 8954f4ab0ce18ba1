"""A tree is checked against its manifest: nothing outside it is read, and a tree that differs is refused."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from corte_kit import FILES, GOOD, write_files
from hypothesis import given, settings
from hypothesis import strategies as st

from corte.format import tree
from corte.format.manifest import Manifest
from corte.format.refusal import Refusal
from corte.server.incoming import listing

PLACES = sorted({*FILES, "datos", "descargas", "otro", "datos/otro", "descargas/a.csv/otro"})
NAMES = st.binary(min_size=1, max_size=12).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)


def _put(folder: Path, place: str | bytes, what: str, outside: Path) -> None:
    """Put something at a place in a folder, instead of what is there; do nothing where the place cannot exist."""
    path = Path(os.fsdecode(os.path.join(os.fsencode(folder), os.fsencode(place))))
    twin = outside / os.fsdecode(os.fsencode(place))
    if not path.parent.is_dir() or path.parent.is_symlink():
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    make: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "file": lambda: path.write_bytes(b"{}\n"),
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
        "link to its like outside": lambda: path.symlink_to(twin),
        "relative link": lambda: path.symlink_to("../" * 9 + str(twin).lstrip("/")),
        "link to itself": lambda: path.symlink_to(path.name),
        "hard link to its like outside": lambda: os.link(twin, path) if twin.is_file() else None,
    }
    make[what]()


def confirms(folder: Path, signed: Manifest) -> bool:
    """Tell whether the intake's quick comparison takes a folder for what was signed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with listing(descriptor) as listed:
            return listed.confirms(signed)
    finally:
        os.close(descriptor)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(PLACES) | NAMES,
        st.sampled_from(
            [
                "nothing", "file", "folder", "fifo", "link to its like outside", "relative link", "link to itself",
                "hard link to its like outside",
            ]
        ),
    ),
    max_size=5,
)  # fmt: skip


@settings(max_examples=300)
@given(changes=CHANGES)
def test_only_the_signed_tree_passes_and_no_link_is_followed(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str | bytes, str]]
):
    top = tmp_path_factory.mktemp("arbol")
    folder, outside = top / "entrada", top / "fuera"  # same content outside: only a file's kind differs
    write_files(folder, FILES)
    write_files(outside, FILES)
    signed = Manifest(**{**vars(GOOD), "files": tree.describe(folder)})
    for place, what in changes:
        _put(folder, place, what, outside)
    is_listed = confirms(folder, signed)
    try:
        tree.verify(folder, signed)
    except Refusal as refusal:
        assert refusal.code in ("extra", "missing", "kind", "size", "digest")
        assert not is_listed or refusal.code == "digest", "the quick comparison takes what the thorough one refuses"
    else:
        assert is_listed, "a good push is compared twice"
        found = {str(path.relative_to(folder)): path.lstat().st_mode for path in folder.rglob("*")}
        assert {path for path, mode in found.items() if not stat.S_ISDIR(mode)} == set(FILES)
        assert not any(stat.S_ISLNK(mode) for mode in found.values())
        assert all((folder / path).read_bytes() == content for path, content in FILES.items())
    finally:
        shutil.rmtree(top)
