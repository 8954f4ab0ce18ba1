"""The intake under The Update Framework's list of attacks, and under accidents: the last good corte stays."""

from __future__ import annotations

import errno
import gzip
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from corte_kit import FILES, PRINCIPAL, Server, allow, flip, make_key, room_for, table, write_files

from corte.format import files, instants, manifest, signature, tree
from corte.format.manifest import Window
from corte.format.refusal import Refusal
from corte.server import intake, log, store
from corte.server.clock import Clock
from corte.server.intake import Intake
from corte.server.memory import Memory
from corte.server.store import Store


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder, name) for name in ("firma", "intruso")}


@pytest.fixture
def server(tmp_path: Path, keys: dict[str, Path]) -> Server:
    """A server that already shows corte 5."""
    server = Server.make(tmp_path / "srv", keys["firma"])
    assert server.send(5)["result"] == "shown"
    return server


def refused(server: Server, attempt: dict[str, object], code: str) -> None:
    """Assert that the push was refused with `code`, and that citizens still see corte 5, byte for byte."""
    assert (attempt["result"], attempt["code"]) == ("refused", code), attempt
    assert attempt["reason"]
    assert server.shown() == 5
    assert server.status()["shown"]["sequence"] == 5
    raw = (server.config.public / "actual/corte.json").read_bytes()
    tree.verify(server.config.public / "actual/", manifest.read(raw))


def test_a_good_corte_is_shown_with_its_identity(server: Server):
    files = {**FILES, "datos/gubernatura.json": b'{"votos": 1}\n'}
    attempt = server.send(6, files)
    status = server.status()
    assert attempt["result"] == "shown"
    assert status["shown"]["sequence"] == 6
    assert status["shown"]["signer"] == PRINCIPAL
    assert status["shown"]["manifest_sha256"] == attempt["manifest_sha256"]
    assert status["gate"]["state"] == "open"
    assert (server.config.public / "actual/datos/gubernatura.json").read_bytes() == b'{"votos": 1}\n'
    assert [entry["event"] for entry in log.entries(server.config.store / "bitacora.jsonl")] == ["shown", "shown"]


def test_unchanged_content_is_stored_once(server: Server):
    server.send(6, {**FILES, "nuevo.csv": b"n\n"})
    old, new = sorted(server.config.public.glob("cortes/*/descargas/a.csv"))
    assert old.samefile(new)
    assert new.stat().st_mode & 0o777 == 0o444


def test_the_same_corte_again_changes_nothing(server: Server):
    raw = (server.config.public / "actual/corte.json").read_bytes()
    assert server.push(raw)["result"] == "repeated"
    assert server.shown() == 5


def test_arbitrary_content_with_another_key(server: Server, keys: dict[str, Path]):
    refused(server, server.push(server.manifest(6).to_bytes(), key=keys["intruso"]), "signature")


def test_arbitrary_content_under_a_good_manifest(server: Server):
    raw = server.manifest(6, {**FILES, "datos/gubernatura.json": b'{"votos": 1}\n'}).to_bytes()
    (server.config.incoming / "datos/gubernatura.json").write_bytes(b'{"votos": 9}\n')
    refused(server, server.push(raw), "digest")


def test_content_altered_in_place_is_never_shown(server: Server):
    """A new file with the right size and time but other content is refused; a file that the store has is not read."""
    raw = server.manifest(6, {**FILES, "nuevo.csv": b"n|1\n"}).to_bytes()
    for path in ("descargas/a.csv", "nuevo.csv"):
        file = server.config.incoming / path
        before = file.stat()
        file.write_bytes(bytes(before.st_size))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    refused(server, server.push(raw), "digest")
    (server.config.incoming / "nuevo.csv").write_bytes(b"n|1\n")
    assert server.push(raw)["result"] == "shown"
    assert (server.config.public / "actual/descargas/a.csv").read_bytes() == FILES["descargas/a.csv"]


def test_twins_of_new_content_are_stored_once(server: Server):
    server.send(6, {**FILES, "uno.csv": b"n|1\n", "otros/dos.csv": b"n|1\n"})
    shown = server.config.public / "actual"
    assert (shown / "uno.csv").samefile(shown / "otros/dos.csv")


def test_a_manifest_altered_after_signing(server: Server):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / manifest.NAME).write_bytes(raw.replace(b'"sequence": 6', b'"sequence": 7'))
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(signature.sign(raw, server.key, "demo"))
    refused(server, server.run(), "signature")


@pytest.mark.parametrize("armour", [b"", b"basura", b"\0" * 1000, b"-----BEGIN SSH SIGNATURE-----\n", b"x" * 70_000])
def test_bytes_that_are_no_signature_are_refused(server: Server, armour: bytes):
    (server.config.incoming / manifest.NAME).write_bytes(server.manifest(6).to_bytes())
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(armour)
    refused(server, server.run(), "signature")


def test_a_signature_without_manifest(server: Server):
    (server.config.incoming / manifest.NAME).unlink()
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(b"x")
    refused(server, server.run(), "missing")


def test_rollback_to_an_older_sequence(server: Server):
    refused(server, server.send(4), "rollback")


def test_rollback_to_an_older_count_under_a_newer_sequence(server: Server):
    refused(server, server.send(6, corte=instants.now().replace(microsecond=0) - timedelta(minutes=10)), "rollback")


def test_replay_of_the_previous_corte(server: Server):
    old = (server.config.public / "actual/corte.json").read_bytes()
    assert server.send(6)["result"] == "shown"
    assert server.push(old)["code"] == "rollback"
    assert server.shown() == 6


def test_the_same_sequence_with_other_content(server: Server):
    refused(server, server.send(5, {**FILES, "otro.csv": b"x"}), "conflict")


def test_a_mirror_kept_from_newer_cortes_is_stale(server: Server):
    status = server.status()
    assert status["stale"] is False
    later = instants.now().replace(microsecond=0)
    memory = Memory(server.config)
    state = memory.load()
    assert state.shown is not None
    aged = replace(state.shown, generated=instants.write(later - timedelta(minutes=21)))
    memory.save(replace(state, accepted=aged, shown=aged))
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(b"x")
    server.run()
    assert server.status()["stale"] is True


def test_mix_and_match_of_two_cortes(server: Server):
    six = server.manifest(6, {**FILES, "datos/gubernatura.json": b"seis\n"}).to_bytes()
    server.manifest(7, {**FILES, "datos/gubernatura.json": b"siete\n"})
    refused(server, server.push(six), "size")


@pytest.mark.parametrize("change", [{"election": "otra-2027"}, {"environment": "official"}])
def test_wrong_recipient(server: Server, change: dict[str, str]):
    refused(server, server.send(6, **change), "recipient")


def test_a_signature_made_for_another_election(server: Server):
    refused(server, server.push(server.manifest(6).to_bytes(), election="otra-2027"), "signature")


@pytest.mark.parametrize(
    ("after", "before"), [("20200101000000", "20210101000000"), ("20390101000000", "20400101000000")]
)
def test_a_signer_who_is_expired_or_not_yet_valid(server: Server, after: str, before: str):
    server.config.allowed_signers.write_text(allow(server.key, after, before))
    refused(server, server.send(6), "signature")


def test_validity_is_in_utc_whatever_the_zone_of_the_server(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Etc/GMT+12")
    soon = instants.now() + timedelta(minutes=5)
    server.config.allowed_signers.write_text(allow(server.key, before=soon.strftime("%Y%m%d%H%M%S")))
    assert server.send(6)["result"] == "shown"
    server.config.allowed_signers.write_text(
        allow(server.key, before=(soon - timedelta(minutes=10)).strftime("%Y%m%d%H%M%S"))
    )
    assert server.send(7)["code"] == "signature"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(',valid-before="20400101000000"', ""),
        lambda line: line.replace("20400101000000", "20400101000000Z"),
        lambda line: line.replace(PRINCIPAL, "*"),
        lambda line: line.replace("prep-corte@demo", "*"),
        lambda line: line.replace('namespaces="prep-corte@demo",', ""),
        lambda line: "#" + line,
    ],
)
def test_a_signer_line_of_another_form_is_ignored(server: Server, spoil: Callable[[str], str]):
    server.config.allowed_signers.write_text(spoil(allow(server.key)))
    refused(server, server.send(6), "signature")


def test_a_removed_signer(server: Server, keys: dict[str, Path]):
    server.config.allowed_signers.write_text(allow(keys["intruso"]))
    refused(server, server.send(6), "signature")


def test_a_revoked_signer(server: Server):
    server.config.revoked.write_text(server.key.with_name("firma.pub").read_text())
    refused(server, server.send(6), "signature")


def test_a_signer_who_is_revoked_meanwhile(server: Server, monkeypatch: pytest.MonkeyPatch):
    """The intake checks again at the end: the gate may have looked for revoked keys before this corte was accepted."""
    admit = Store.admit

    def revoke_first(*arguments: Any) -> None:
        server.config.revoked.write_text(server.key.with_name("firma.pub").read_text())
        admit(*arguments)

    monkeypatch.setattr(Store, "admit", revoke_first)
    refused(server, server.send(6), "signature")


def certify(server: Server, authority: Path, folder: Path, lasts: str = "-1h:+1h", principal: str = PRINCIPAL) -> Path:
    """Have the server trust a certificate authority; return the path of a certificate for an operator's key."""
    operator = make_key(folder, "operadora")
    issue = ["ssh-keygen", "-q", "-s", str(authority), "-I", "op", "-n", principal, "-V", lasts, str(operator) + ".pub"]
    subprocess.run(issue, check=True)
    server.config.allowed_signers.write_text(allow(authority).replace("namespaces=", "cert-authority,namespaces="))
    return Path(str(operator) + "-cert.pub")


def test_a_short_lived_certificate_of_the_institutes_authority(server: Server, keys: dict[str, Path], tmp_path: Path):
    certificate = certify(server, keys["intruso"], tmp_path)
    attempt = server.push(server.manifest(6).to_bytes(), key=certificate)
    assert (attempt["result"], server.status()["shown"]["signer"]) == ("shown", PRINCIPAL)


@pytest.mark.parametrize(
    "bad",
    [{"lasts": "-2h:-1h"}, {"lasts": "+1h:+2h"}, {"principal": "otra@demo.test"}],
    ids=["ended", "early", "other"],
)
def test_a_certificate_that_is_not_valid(server: Server, keys: dict[str, Path], tmp_path: Path, bad: dict[str, str]):
    certificate = certify(server, keys["intruso"], tmp_path, **bad)
    refused(server, server.push(server.manifest(6).to_bytes(), key=certificate), "signature")


@pytest.mark.parametrize("who", ["operator", "authority"])
def test_a_revoked_certificate(server: Server, keys: dict[str, Path], tmp_path: Path, who: str):
    certificate = certify(server, keys["intruso"], tmp_path)
    revoked = (tmp_path / "operadora" if who == "operator" else keys["intruso"]).with_suffix(".pub")
    server.config.revoked.write_text("# comment\n" + revoked.read_text())
    refused(server, server.push(server.manifest(6).to_bytes(), key=certificate), "signature")


def test_an_authority_signs_nothing_itself(server: Server, keys: dict[str, Path], tmp_path: Path):
    certify(server, keys["intruso"], tmp_path)
    refused(server, server.push(server.manifest(6).to_bytes(), key=keys["intruso"]), "signature")


def test_a_window_that_opens_earlier(server: Server):
    window = server.config.window
    early = Window(window.opens - timedelta(minutes=1), window.closes, window.retain_until)
    refused(server, server.send(6, window=early), "window")


def test_a_corte_after_its_own_close(server: Server):
    closes = instants.now().replace(microsecond=0)
    window = Window(server.config.window.opens, closes, server.config.window.closes)
    refused(server, server.send(6, window=window, corte=window.closes + timedelta(minutes=1)), "window")


def clock_is(server: Server, synchronised: bool) -> None:
    """Write to the status, as the gate would, whether the clock is synchronised."""
    memory, now = Memory(server.config), instants.now()
    memory.publish(memory.load(), "open", Clock(synchronised, 0.0, 0.001, now), now)


def test_a_corte_from_the_future(server: Server):
    clock_is(server, synchronised=True)
    refused(server, server.send(6, generated=instants.now().replace(microsecond=0) + timedelta(hours=1)), "future")


def test_a_doubtful_clock_refuses_no_corte_as_too_early(server: Server):
    clock_is(server, synchronised=False)
    assert server.send(6, generated=instants.now().replace(microsecond=0) + timedelta(hours=1))["result"] == "shown"


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_corte_stamped_ahead_does_not_keep_the_right_ones_out(server: Server, synchronised: bool):
    """An instant three hours ahead, by mistake: had it been accepted, every right corte would now count as older."""
    clock_is(server, synchronised)
    refused(server, server.send(6, corte=instants.now().replace(microsecond=0) + timedelta(hours=3)), "future")
    assert server.send(6)["result"] == "shown"


@pytest.mark.parametrize(("ahead", "result"), [(290, "shown"), (310, "refused")])
def test_how_far_ahead_a_corte_may_be(server: Server, ahead: int, result: str):
    clock_is(server, synchronised=True)
    later = instants.now().replace(microsecond=0) + timedelta(seconds=ahead)
    assert server.send(6, corte=later)["result"] == result


def test_the_corte_of_the_opening_comes_before_its_instant(tmp_path: Path, keys: dict[str, Path]):
    opens = instants.now().replace(microsecond=0) + timedelta(hours=2)
    early = Server.make(tmp_path / "early", keys["firma"], opens)
    clock_is(early, synchronised=True)
    assert early.send(1, corte=opens + timedelta(seconds=1))["code"] == "future"
    assert early.send(1, corte=opens)["result"] == "held"


def test_a_newer_corte_moves_the_close(server: Server):
    window = server.config.window
    closes = window.closes + timedelta(hours=1)
    assert server.send(6, window=Window(window.opens, closes, window.retain_until))["result"] == "shown"
    assert server.status()["gate"]["closes"] == instants.write(closes)


def test_an_extra_file(server: Server):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / "sobra.html").write_text("x")
    refused(server, server.push(raw), "extra")


def test_an_extra_folder_full_of_files_is_not_even_read(server: Server):
    raw = server.manifest(6).to_bytes()
    write_files(server.config.incoming, {f"sobra/{number}": b"" for number in range(1000)})
    refused(server, server.push(raw), "extra")


def test_a_truncated_transfer(server: Server):
    raw = server.manifest(6, {**FILES, "grande.csv": b"x" * 100_000}).to_bytes()
    (server.config.incoming / "grande.csv").write_bytes(b"x" * 50_000)
    refused(server, server.push(raw), "size")


def test_a_missing_file(server: Server):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / "descargas/a.csv").unlink()
    refused(server, server.push(raw), "missing")


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    "make",
    [link_to("/etc/passwd"), link_to("a.csv"), os.mkfifo, lambda path: path.mkdir()],
    ids=["absolute-link", "relative-link", "fifo", "folder"],
)
def test_what_is_no_regular_file_is_refused(server: Server, make: Callable[[Path], None]):
    raw = server.manifest(6, {**FILES, "descargas/b.csv": b"a|b\n"}).to_bytes()
    path = server.config.incoming / "descargas/b.csv"
    path.unlink()
    make(path)
    attempt = server.push(raw)
    refused(server, attempt, "extra" if path.is_dir() else "kind")


def test_a_folder_that_is_a_link_elsewhere(server: Server, tmp_path: Path):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / "datos").rename(tmp_path / "datos")
    (server.config.incoming / "datos").symlink_to(tmp_path / "datos")
    assert server.push(raw)["code"] in ("extra", "kind", "missing")
    assert server.shown() == 5


@pytest.mark.parametrize("name", [manifest.NAME, manifest.SIGNATURE_NAME])
def test_a_manifest_or_signature_that_is_a_link(server: Server, name: str, tmp_path: Path):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / manifest.NAME).write_bytes(raw)
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(signature.sign(raw, server.key, "demo"))
    (server.config.incoming / name).rename(tmp_path / name)
    (server.config.incoming / name).symlink_to(tmp_path / name)
    attempt = server.run()
    assert attempt["result"] == "refused"
    assert server.shown() == 5


def test_a_folder_named_like_the_signature_does_not_start_the_intake_for_ever(server: Server):
    folder = server.config.incoming / manifest.SIGNATURE_NAME
    (folder / "dentro").mkdir(parents=True)
    (server.config.incoming / ".reclamado/x").mkdir(parents=True)
    assert server.run()["result"] == "refused"
    assert not folder.exists()


def test_a_sparse_file_as_large_as_the_disk(server: Server):
    found = server.manifest(6)
    huge = manifest.Entry(10**12, "a" * 64)
    with (server.config.incoming / "enorme.bin").open("wb") as file:
        file.truncate(huge.size)
    refused(server, server.push(replace(found, files={**found.files, "enorme.bin": huge}).to_bytes()), "size")


def test_a_full_disk_leaves_everything_as_it_was(server: Server, monkeypatch: pytest.MonkeyPatch):
    def full(self: Store, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "_skeleton", full)
    refused(server, server.send(6, {**FILES, "nuevo.csv": b"n"}), "disk")


def test_a_file_that_fits_on_the_disk_only_in_part_is_not_shown(server: Server):
    raw = server.manifest(6, {**FILES, "nuevo.csv": b"n" * 99_999}).to_bytes()
    with room_for(50_000):
        refused(server, server.push(raw), "system")


def test_a_disk_that_cannot_be_flushed_is_a_refusal(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "sync").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "sync").chmod(0o755)
    raw = server.manifest(6, {**FILES, "nuevo.csv": b"n"}).to_bytes()
    with monkeypatch.context() as broken:
        broken.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        refused(server, server.push(raw), "system")
    assert server.push(raw)["result"] == "shown"


def test_content_with_as_many_links_as_the_file_system_allows(server: Server, monkeypatch: pytest.MonkeyPatch):
    """ext4 allows 65,000 links to a file; equal files, such as actas without an image, can need more."""
    link = os.link

    def bounded(source: str, *arguments: object, **options: object) -> None:
        if os.stat(source).st_nlink >= 5:
            raise OSError(errno.EMLINK, "Too many links")
        link(source, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", bounded)
    for sequence in range(6, 10):
        twins = {f"actas/{number}.svg": b"sin imagen" for number in range(3)}
        assert server.send(sequence, {**FILES, **twins, "n.csv": b"%d" % sequence})["result"] == "shown"
        tree.verify(
            server.config.public / "actual/", manifest.read((server.config.public / "actual/corte.json").read_bytes())
        )


@pytest.mark.parametrize("step", ["sync_file_system", "replace_link", "replace"])
def test_a_crash_in_the_middle_is_mended_by_the_next_push(server: Server, monkeypatch: pytest.MonkeyPatch, step: str):
    class Crash(BaseException):
        pass

    def crash(*_: object, **__: object) -> None:
        raise Crash

    content = {**FILES, "nuevo.csv": b"n"}
    raw = server.manifest(6, content).to_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(files, step, crash)
        with pytest.raises(Crash):
            server.push(raw)
    assert server.shown() == 5
    assert server.push(raw)["result"] in ("shown", "repeated")
    assert server.shown() == 6


def as_signed(server: Server) -> None:
    """Assert that each published file, and its compressed copy, has the content that was signed."""
    shown = server.config.public / "actual"
    signed = manifest.read((shown / "corte.json").read_bytes())
    for path, entry in signed.files.items():
        assert manifest.digest((shown / path).read_bytes()) == entry.sha256
        if (shown / f"{path}.gz").exists():
            assert manifest.digest(gzip.decompress((shown / f"{path}.gz").read_bytes())) == entry.sha256


@pytest.mark.parametrize("name", ["descargas/a.csv", "largo.csv", "largo.csv.gz"])
def test_what_the_disk_damages_is_told_and_mended(server: Server, name: str):
    pushed = {**FILES, "largo.csv": b"a,b\n" * 1000}
    raw = server.manifest(6, pushed).to_bytes()
    for push in (lambda: server.push(raw), lambda: server.send(7, {**pushed, "nuevo.csv": b"n\n"})):
        assert server.push(raw)["result"] in ("shown", "repeated")
        flip(server.config.public / "actual" / name)
        push()
        as_signed(server)
        events = [entry for entry in log.entries(server.config.store / "bitacora.jsonl") if entry["event"] == "damaged"]
        assert events.pop()["paths"] == [name.removesuffix(".gz")]


def test_how_much_is_looked_at_again_does_not_grow_with_what_is_there(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake, "SAMPLE_BYTES", 1000)
    read: list[str] = []
    original = tree.read_verified
    monkeypatch.setattr(tree, "read_verified", lambda *given: read.append(given[1]) or original(*given))
    server.send(6, {f"actas/{number}.bin": bytes([number]) * 400 for number in range(50)})
    raw = server.manifest(7, {"nuevo.csv": b"n\n"}).to_bytes()
    counts = []
    for _ in range(3):
        read.clear()
        server.push(raw)
        counts.append(len(read))
    once, asked, again = counts
    assert 1 < once < 10
    assert asked > 50, "pushing the same corte again should have the intake read all files"
    assert again < 10, "a third push of the same corte should not read all files again"


def test_old_trees_and_their_content_leave(server: Server):
    for sequence in range(6, 10):
        server.send(sequence, {**FILES, "datos/gubernatura.json": b"%d\n" % sequence})
    kept = sorted(int(path.name.partition("-")[0]) for path in (server.config.public / "cortes").iterdir())
    assert kept == [8, 9]
    assert len(list((server.config.store / "objetos").glob("??/*"))) == len(FILES) + 1


def validator(path: Path) -> tuple[float, int]:
    """Return the modification time and size, of which a web server makes a file's ETag."""
    return path.stat().st_mtime, path.stat().st_size


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_two_files_that_change_places_change_their_validators(server: Server, suffix: str):
    """Files of one size swap their contents: their ETags must change, or browsers would keep the old contents."""
    one, other = (f'{{"votos": {count}}}\n'.encode() * 100 for count in (10, 20))
    shown = server.config.public / "actual"
    server.send(6, {**FILES, "datos/a.json": one, "datos/b.json": other})
    before = [validator(shown / f"datos/{name}.json{suffix}") for name in "ab"]
    server.send(7, {**FILES, "datos/a.json": other, "datos/b.json": one})
    assert [validator(shown / f"datos/{name}.json{suffix}") for name in "ab"] == before[::-1]
    assert before[0] != before[1]
    server.send(8, {**FILES, "datos/a.json": one, "datos/b.json": other, "nuevo.csv": b"n\n"})
    assert [validator(shown / f"datos/{name}.json{suffix}") for name in "ab"] == before, "ETags differ between mirrors"


def test_texts_get_a_compressed_copy(server: Server):
    text = b'{"votos": 1}\n' * 100
    server.send(6, {**FILES, "datos/a.json": text, "c.csv": b"1\n"})
    shown = server.config.public / "actual"
    assert gzip.decompress((shown / "datos/a.json.gz").read_bytes()) == text
    assert (shown / "datos/a.json.gz").stat().st_mode == (shown / "datos/a.json").stat().st_mode
    assert not (shown / "c.csv.gz").exists(), "a file this small should not be compressed"


def test_a_store_of_an_earlier_version_gets_compressed_copies(server: Server):
    text = b'{"votos": 1}\n' * 100
    server.send(6, {**FILES, "datos/a.json": text})
    for packed in [*server.config.public.rglob("*.gz"), *server.config.store.rglob("*.gz")]:
        packed.unlink()
    server.send(7, {**FILES, "datos/a.json": text})
    assert gzip.decompress((server.config.public / "actual/datos/a.json.gz").read_bytes()) == text


def test_a_name_from_outside_is_harmless_in_the_reason(server: Server):
    raw = server.manifest(6).to_bytes()
    os.mkdir(os.fsencode(server.config.incoming) + b"/\xff\x1b[2J\n<script>")
    attempt = server.push(raw)
    refused(server, attempt, "extra")
    assert attempt["reason"].replace("«", "").replace("»", "").replace("á", "").isprintable()


def test_a_client_that_repeats_itself_does_not_fill_the_log(server: Server):
    old = server.manifest(4).to_bytes()
    refusals = [server.push(old) for _ in range(3)]
    assert [attempt["times"] for attempt in refusals] == [1, 2, 3]
    assert len({attempt["number"] for attempt in refusals}) == 3, "publish waits for a new number"
    assert server.push(server.manifest(3).to_bytes())["number"] > refusals[-1]["number"]
    assert server.send(6)["times"] == 1
    lines = list(log.entries(server.config.store / "bitacora.jsonl"))
    assert [line["event"] for line in lines] == ["shown", "refused", "refused", "shown"]
    assert [line.get("last_times") for line in lines] == [None, None, 3, None]


def test_an_edited_log_fails_its_check(server: Server):
    server.send(6)
    path = server.config.store / "bitacora.jsonl"
    path.write_text(path.read_text().replace("shown", "SHOWN", 1))
    with pytest.raises(Refusal, match="renglón 2"):
        list(log.entries(path))


@pytest.mark.parametrize("line", [b"[]\n", b"{}\n", b"basura\n", b'{"n": 7, "previous": 0}\n', b"\xff\n"])
def test_a_log_with_an_added_line_fails_its_check(server: Server, line: bytes):
    path = server.config.store / "bitacora.jsonl"
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(Refusal, match="renglón 2"):
        log.end(path)


def head_of(server: Server, entries: int) -> log.Head:
    """Return the log's head as estado.json names it, after checking its number of entries."""
    told = server.status()["log"]
    assert told["entries"] == entries
    return log.Head(entries, told["head"])


def test_a_log_line_torn_by_a_power_cut_is_dropped(server: Server):
    path = server.config.store / "bitacora.jsonl"
    with path.open("ab") as file:
        file.write(b'{"n": 2, "at"')
    assert [entry["n"] for entry in log.entries(path)] == [1]
    server.send(6)
    assert [entry["n"] for entry in log.entries(path)] == [1, 2]
    assert log.end(path) == head_of(server, entries=2)


def test_a_partly_written_log_line_is_ignored(server: Server):
    path = server.config.store / "bitacora.jsonl"
    with room_for(path.stat().st_size + 9), pytest.raises(OSError, match="No space left"):
        log.append(path, head_of(server, entries=1), "shown", instants.now())
    assert log.end(path) == head_of(server, entries=1)
    assert log.append(path, log.end(path), "shown", instants.now())[0].entries == 2


def test_a_line_longer_than_what_is_read_at_once_is_found(server: Server):
    path = server.config.store / "bitacora.jsonl"
    log.append(path, log.end(path), "shown", instants.now(), reason="x" * 100_000)
    server.send(6)
    assert [entry["n"] for entry in log.entries(path)] == [1, 2, 3]


def pushed(server: Server, sequence: int, armour: bytes) -> None:
    """Write a good corte with the signature `armour` to the incoming folder."""
    raw = server.manifest(sequence).to_bytes()
    (server.config.incoming / manifest.NAME).write_bytes(raw)
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(armour)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: good + b"<script>", lambda good: b"x\n" + good, lambda good: good.replace(b"\n", b"\r\n"),
        lambda good: good.rstrip(), lambda good: good + good, lambda good: good.replace(b"\n", b"\n\n", 2),
    ],
    ids=["text after it", "text before it", "CRLF", "no last LF", "twice", "empty lines"],
)  # fmt: skip
def test_only_the_canonical_form_of_a_signature_is_accepted(server: Server, spoil: Callable[[bytes], bytes]):
    raw = server.manifest(6).to_bytes()
    good = signature.sign(raw, server.key, server.config.election)
    pushed(server, 6, spoil(good))
    (server.config.incoming / manifest.NAME).write_bytes(raw)
    refused(server, server.run(), "signature")
    assert signature.canonical(good) == good


def test_a_run_that_never_finished_is_told_by_the_next(server: Server):
    """An intake that was killed logs nothing; the next run logs it as `interrupted`, once."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            doomed = Intake(server.config)
            doomed._take = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
            pushed(server, 6, b"x")
            doomed.run()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert server.send(7)["result"] == "shown"
    events = [entry["event"] for entry in log.entries(server.config.store / "bitacora.jsonl")]
    assert events[-2:] == ["interrupted", "shown"]
    server.send(8, {**FILES, "ocho.csv": b"8\n"})
    assert [entry["event"] for entry in log.entries(server.config.store / "bitacora.jsonl")].count("interrupted") == 1


def test_a_corte_leaves_inodes_for_the_server(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "RESERVE_INODES", os.statvfs(server.config.store).f_files)
    refused(server, server.send(6), "disk")


def test_what_a_failed_run_had_staged_is_gone_at_its_end(server: Server):
    raw = server.manifest(6, {**FILES, "datos/nuevo.json": b"{}"}).to_bytes()
    (server.config.incoming / "datos/nuevo.json").write_bytes(b"[]")
    refused(server, server.push(raw), "digest")
    assert list((server.config.store / "nuevo").iterdir()) == []


def test_a_disk_that_turned_read_only_does_not_start_the_intake_again_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pauses: list[float] = []

    def read_only(incoming: int) -> bytes:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    pushed(server, 6, b"x")
    monkeypatch.setattr(intake, "claim", read_only)
    monkeypatch.setattr(intake.time, "sleep", pauses.append)
    assert Intake(server.config).run() == 1
    assert pauses == [intake.PAUSE]
    assert "el disco solo admite lectura" in capsys.readouterr().err


def test_signing_with_an_unusable_key_says_so(tmp_path: Path):
    with pytest.raises(Refusal, match="No se pudo firmar"):
        signature.sign(b"x", tmp_path / "no-hay", "demo")


def again(server: Server, sequence: int, seconds: int = 1, **changes: object) -> dict[str, object]:
    """Push the accepted corte signed anew, `seconds` later, as the institute does to give an order."""
    accepted = server.status()["shown"] or server.status()["held"]
    generated = instants.parse(accepted["generated"]) + timedelta(seconds=seconds)
    return server.send(sequence, corte=instants.parse(accepted["corte"]), generated=generated, **changes)


def test_an_order_is_the_same_corte_signed_anew(server: Server):
    before = (server.config.public / "actual").readlink()
    window = server.config.window
    earlier = Window(window.opens, window.closes - timedelta(hours=1), window.retain_until)
    assert again(server, 5, window=earlier)["result"] == "shown"
    assert server.shown() == 5
    assert (server.config.public / "actual").readlink() != before, "a published tree should be replaced, not written to"
    assert server.status()["gate"]["closes"] == instants.write(earlier.closes)


def test_the_older_signing_of_the_same_corte_is_a_replay(server: Server):
    old = (server.config.public / "actual/corte.json").read_bytes()
    assert again(server, 5, orders=("clock-override",))["result"] == "shown"
    assert server.push(old)["code"] == "rollback"
    assert server.status()["gate"]["clock_override"] is True


def test_hold_keeps_what_is_shown_until_resume(server: Server):
    assert again(server, 5, orders=("hold",))["result"] == "held"
    assert server.status()["gate"]["hold"]["sequence"] == 5
    for sequence in (6, 7, 8):
        changed = {**FILES, "datos/gubernatura.json": b"%d\n" % sequence}
        assert server.send(sequence, changed)["result"] == "held"
    status = server.status()
    assert (server.shown(), status["shown"]["sequence"], status["held"]["sequence"]) == (5, 5, 8)
    assert status["stale"] is False
    assert server.send(8, changed, orders=("resume",), **later(status))["result"] == "shown"
    assert (server.shown(), server.status()["gate"]["hold"]) == (8, None)


def later(status: dict[str, dict[str, str]]) -> dict[str, object]:
    held = status["held"]
    instant = instants.parse(held["generated"])
    return {"corte": instants.parse(held["corte"]), "generated": instant + timedelta(seconds=1)}


def test_counts_fall_only_when_that_is_signed(server: Server):
    assert server.send(6, {"descargas/GUB.csv": table(7)})["result"] == "shown"
    attempt = server.send(7, {"descargas/GUB.csv": table(5)})
    assert (attempt["code"], server.shown()) == ("rectification", 6)
    assert "7 actas" in str(attempt["reason"])
    assert server.send(7, {"descargas/GUB.csv": table(5)}, orders=("rectification",))["result"] == "shown"
    assert server.status()["shown"]["orders"] == ["rectification"]


def test_a_table_that_disappears_is_a_fall(server: Server):
    assert server.send(6, {"descargas/GUB.csv": table(7)})["result"] == "shown"
    (server.config.incoming / "descargas/GUB.csv").unlink()
    assert server.send(7)["code"] == "rectification"


def test_what_does_not_add_up_is_a_warning_or_a_refusal_as_the_institute_wants(server: Server):
    odd = {"descargas/GUB.csv": table(11, registered=3, digest="f00")}
    attempt = server.send(6, odd)
    assert attempt["result"] == "shown"
    assert len(attempt["warnings"]) == 4
    strict = replace(server, config=replace(server.config, strict_content=True))
    assert strict.send(7, odd)["code"] == "content"
    assert server.shown() == 6
