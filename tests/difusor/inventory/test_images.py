"""Which files the image of a PREP application lists, and which lists a server cannot be set up with."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from inventory_kit import PREP, packed_image

from difusor.inventory import images
from difusor.inventory.images import FILES, architecture, check_image, listed_files


def image(files: str) -> bytes:
    """Return the archive of an application's image with this list of files."""
    return packed_image(ExposedPorts={"8080/tcp": {}}, Labels={FILES: files})


def test_the_roles_read_the_list_in_the_archive_or_in_the_labels_of_a_pulled_image(tmp_path: Path) -> None:
    init_plugin_loader()
    archive = tmp_path / "prep.tar.gz"
    archive.write_bytes(PREP)
    values = {"archive": str(archive), "labels": {FILES: "app.js index.html"}, "none": None}
    templar = Templar(loader=DataLoader(), variables=values)
    for expression in ("archive | image_files", "labels | listed_files"):
        assert templar.template(trust_as_template(f"{{{{ {expression} }}}}")) == ["app.js", "index.html"]
    assert templar.template(trust_as_template("{{ none | listed_files }}")) == []


@pytest.mark.parametrize(
    ("packed", "found"),
    [(packed_image("arm64"), "arm64"), (PREP, "amd64"), (b"none", "")],
    ids=["arm64", "amd64", "no"],
)
def test_what_an_image_is_made_for_is_read_from_its_archive(packed: bytes, found: str, tmp_path: Path) -> None:
    archive = tmp_path / "prep.tar.gz"
    archive.write_bytes(packed)
    assert architecture(archive) == found


@pytest.mark.parametrize("files", ["a.js", "a-b_c.d.js x/y/z.woff2 README 2024.json", "  a.js\n b.js "])
def test_a_plain_list_is_taken(files: str) -> None:
    check_image(image(files), "prep.tar.gz", "prep")
    assert listed_files({FILES: files}) == files.split()


@pytest.mark.parametrize(
    "file",
    ["/a.js", "a/../b", ".git/config", "a//b", "a/", "a;b", "a{b}", "$uri", "a\\b", "ñ.js", "_fast/x", "a?b", "%61"],
)
def test_a_list_that_would_write_into_the_configuration_is_refused(file: str) -> None:
    with pytest.raises(
        ValueError, match=r"prep\.tar\.gz: la etiqueta prep-difusor\.files lista «.+» *, y el borde solo"
    ):
        check_image(image(f"app.js {file}"), "prep.tar.gz", "prep")


def test_a_file_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="lista dos veces un archivo"):
        check_image(image("app.js index.html app.js"), "prep.tar.gz", "prep")


def layer(**files: bytes) -> bytes:
    """Return a layer with these files; their names have `__` for a slash, `WH` for `.wh.`, `_opq` for `.opq`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("WH", ".wh.").replace("_opq", ".opq"))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def layered(path: Path, *layers: bytes) -> Path:
    """Write an archive of an image with these layers, what describes it last, as Docker does."""
    parts = {f"{number}/layer.tar": content for number, content in enumerate(layers)}
    described = {"config": {"Cmd": ["nginx"]}, "rootfs": {"diff_ids": [f"sha256:{name}" for name in parts]}}
    parts["config.json"] = json.dumps(described).encode()
    parts["manifest.json"] = json.dumps([{"Config": "config.json", "Layers": list(parts)[:-1]}]).encode()
    with tarfile.open(path, "w:gz") as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_files_of_an_image_are_those_of_its_layers_together(tmp_path: Path) -> None:
    base = layer(usr__page__a=b"1", usr__page__b=b"2", usr__page__old__c=b"3", usr__page__old__d=b"4", etc__a=b"5")
    upper = layer(usr__page__a=b"new", usr__page__WHb=b"", usr__page__WHold=b"", usr__pages=b"6")
    archive = layered(tmp_path / "imagen.tar.gz", base, upper)
    assert images.files_below(archive, "/usr/page") == {"a": digest(b"new")}
    opaque = layered(tmp_path / "otra.tar.gz", base, layer(usr__WHWH_opq=b"", usr__page__e=b"7"))
    assert images.files_below(opaque, "/usr/page") == {"e": digest(b"7")}


def test_an_image_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    archive = layered(tmp_path / "imagen.tar.gz", layer(a=b"1"))
    assert images.unlike(archive, ["sha256:0/layer.tar"], {"Cmd": ["nginx"], "User": "", "Entrypoint": None}) == []
    assert images.unlike(archive, ["sha256:0/layer.tar", "sha256:otra"], {"Cmd": ["nginx"]}) == ["su contenido"]
    assert images.unlike(archive, ["sha256:0/layer.tar"], {"Cmd": ["sh"], "User": "0"}) == ["Cmd", "User"]
