"""rsync is called so that no secret shows, is tried again when that may help, and ends."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from publish_kit import SECRET, make_target

from corte.format import manifest
from difusor.publish import push
from difusor.publish.signing import SignedCorte


def test_the_secret_is_neither_shown_nor_an_argument(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls = fake_rsync(tmp_path, monkeypatch, "echo 'Total bytes sent: 1,234'")
    target = make_target(election)
    assert push.push(signed.folder, target, bandwidth=500) == 2468
    content, signature = calls.read_text().splitlines()
    assert SECRET not in repr(target) + content + signature
    assert "--bwlimit=500" in content and "--exclude=/corte.json.sig" in content and "--delete" in content
    assert signature.endswith(f"{manifest.SIGNATURE_NAME} rsync://instituto@10.0.0.1:873/corte/ {SECRET[:2]}")


def test_a_corte_goes_to_the_port_of_the_call(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls = fake_rsync(tmp_path, monkeypatch, "echo 'rsync: failed to connect: Connection refused (111)' >&2; exit 1")
    with pytest.raises(push.PushFailed, match="rechaza el puerto 8730: allá no corre"):
        push.push(signed.folder, replace(make_target(election), port=8730))
    assert "rsync://instituto@10.0.0.1:8730/corte/" in calls.read_text()


def test_variables_of_rsync_lead_nowhere_else(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The real rsync, which this program would otherwise connect to the server."""
    monkeypatch.setenv("RSYNC_CONNECT_PROG", f"env >{tmp_path / 'elsewhere'}")
    monkeypatch.setattr(push, "ATTEMPTS", 1)
    with pytest.raises(push.PushFailed, match="rechaza el puerto 1: allá no corre"):
        push.push(signed.folder, replace(make_target(election), address="127.0.0.1", port=1))
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_whose_name_has_a_colon_is_no_host(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls = fake_rsync(tmp_path, monkeypatch, "")
    (tmp_path / "20:10").symlink_to(signed.folder)
    monkeypatch.chdir(tmp_path)
    push.push(Path("20:10"), make_target(election))
    assert all(f" {tmp_path}/20:10/" in line for line in calls.read_text().splitlines())


@pytest.mark.parametrize(
    ("script", "attempts", "sentence"),
    [
        ("echo '@ERROR: max connections (2) reached -- try again later' >&2; exit 5", 3, "no admite uno más"),
        ("echo '@ERROR: auth failed on module corte' >&2; exit 5", 1, "no acepta el secreto"),
        ("echo 'rsync: The server is configured to refuse --links' >&2; exit 4", 1, "no admite cómo se envía"),
        (
            "echo 'rsync: failed to connect to 10.0.0.1: Connection refused (111)' >&2; exit 10",
            3,
            "rechaza el puerto 873",
        ),
        ("echo '@ERROR: chdir failed' >&2; exit 5", 3, "no puede escribir en la carpeta de entrada"),
        (
            "echo 'rsync: [receiver] mkstemp \".a.3Jd1PR\" (in corte) failed: Permission denied (13)' >&2; exit 23",
            3,
            "no puede escribir en la carpeta de entrada",
        ),
        (
            "echo 'rsync: [generator] failed to set times on \".\" (in c): Operation not permitted (1)' >&2; exit 23",
            3,
            "no puede escribir en la carpeta de entrada",
        ),
        (
            "echo '@ERROR: pre-xfer exec returned failure (256)\nguard: line 6: cd: /x: Permission denied' >&2; exit 5",
            3,
            "no puede escribir en la carpeta de entrada",
        ),
        (
            "echo '@ERROR: pre-xfer exec returned failure (32512)\n"
            "rsync error: error starting client-server protocol (code 5) at main.c(1863) [sender=3.2.7]' >&2; exit 5",
            3,
            r"vigila los envíos \(guard.py\) no arrancó; aplique allá el inventario",
        ),
        (
            "echo 'pre-xfer exec returned failure (32256)\n"
            "rsync error: requested action not supported (code 4) at clientserver.c(1267) [Receiver=3.5.0]\n"
            "rsync: [sender] read error: Connection reset by peer (104)' >&2; exit 4",
            1,
            r"vigila los envíos \(guard.py\) no arrancó; aplique allá el inventario",
        ),
        (
            "echo '@ERROR: pre-xfer exec returned failure (256)\nNo hay espacio en disco.\nrsync error: x' >&2; exit 5",
            3,
            "no tiene espacio en disco",
        ),
        (
            "echo 'rsync: [receiver] mkstemp \"x\" (in corte) failed: Read-only file system (30)' >&2; exit 23",
            3,
            "su disco solo admite lectura",
        ),
        (
            "echo 'rsync: [sender] send_files failed to open \"x\": Permission denied (13)' >&2; exit 23",
            3,
            "no pudo leer en esta máquina",
        ),
        ("exit 30", 3, "rsync terminó con 30"),
        ("echo 'rsync: a new complaint' >&2; exit 1", 1, "rsync dice: «rsync: a new complaint»"),
    ],
)
def test_only_temporary_errors_are_tried_again(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    script: str, attempts: int, sentence: str,
):  # fmt: skip
    calls = fake_rsync(tmp_path, monkeypatch, script)
    with pytest.raises(push.PushFailed, match=sentence):
        push.push(signed.folder, make_target(election))
    assert len(calls.read_text().splitlines()) == attempts


def test_a_transfer_that_does_not_end_is_given_up(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_rsync(tmp_path, monkeypatch, "exec sleep 30")  # pace: a transfer that hangs
    with pytest.raises(push.PushFailed, match="no terminó a tiempo"):
        push.push(signed.folder, make_target(election), limit=0.2)


def fake_rsync(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put `script` first in PATH as rsync; return the file with its arguments and two letters of the secret."""
    calls = folder / "calls"
    (folder / "bin").mkdir()
    program = folder / "bin/rsync"
    program.write_text(f'#!/bin/sh\necho "$@" "$(echo "$RSYNC_PASSWORD" | cut -c1-2)" >>{calls}\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(push.time, "sleep", lambda seconds: None)
    return calls
