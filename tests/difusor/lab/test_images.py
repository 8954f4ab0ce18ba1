"""Building the images: what the operator is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from difusor.lab import images

REFERENCE = "prep-difusor/waf:trixie-0123456789ab-sin"


def test_the_operator_sees_what_an_image_had_to_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = tmp_path / "containers/build"
    build.parent.mkdir()
    build.write_text(
        f"#!/bin/sh\necho 'se construye' >&2\necho 'AVISO: las reglas [4.25] no se obtuvieron' >&2\necho {REFERENCE}\n"
    )
    build.chmod(0o755)
    monkeypatch.setattr(images, "ROOT", tmp_path)
    monkeypatch.setattr(images, "BUILD", tmp_path / "build")
    archive = images.archive("waf")
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"saved before")
    archive.with_suffix(".reference").write_text(REFERENCE)
    images._build("waf")
    said = capsys.readouterr().err
    assert "! las reglas [4.25] no se obtuvieron\n" in said
    assert "se construye" not in said
    assert archive.read_bytes() == b"saved before"
