"""Attacks through the real rsync daemon by somebody who has its secret or a signing key: each push is refused."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from corte_fixtures import WAIT, await_status, expecting, fill, get, next_attempt
from testinfra.host import Host

from corte.format import instants, manifest, signature
from corte.format.manifest import Entry, Manifest
from difusor.publish import signing
from difusor.publish.comparison import compare
from difusor.publish.mirror import Mirror, last_number
from difusor.publish.push import PushFailed, push
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.suite.waiting import until

pytestmark = pytest.mark.clause("DG-04", "DG-10")

Record = Callable[[object], None]
Attack = Callable[..., str]
EMPTY = Entry(0, manifest.digest(b""))


@pytest.fixture
def attack(mirror: Mirror, target: Target, published: SignedCorte, key: Path, record_evidence: Record) -> Attack:
    """Return a function that signs a manifest's bytes, pushes them with the tree and returns the refusal's code.

    `appended` comes after the signature. The function also checks that the shown corte did not change.
    """

    def run(raw: bytes, signer: Path = key, election: str = target.election.id, appended: bytes = b"") -> str:
        (published.folder / manifest.NAME).write_bytes(raw)
        armour = signature.sign(raw, signer, election)
        (published.folder / manifest.SIGNATURE_NAME).write_bytes(armour + appended)
        return judge(lambda: push(published.folder, target), mirror, record_evidence)

    return run


def judge(deliver: Callable[[], object], mirror: Mirror, record_evidence: Record) -> str:
    """Deliver a push, check that it is refused and that nothing else changed; return the refusal's code."""
    before = mirror.status()
    deliver()
    attempt = next_attempt(mirror, last_number(before))
    after = mirror.status()
    assert before is not None and after is not None
    record_evidence(attempt["reason"])
    assert attempt["result"] == "refused", attempt
    assert attempt["reason"].endswith(".")
    assert after["shown"]["manifest_sha256"] == before["shown"]["manifest_sha256"]
    return str(attempt["code"])


def next_corte(published: SignedCorte, **changes: Any) -> Manifest:
    """Return the manifest of a good next corte with the same files, and with `changes` to its fields."""
    now = instants.now().replace(microsecond=0)
    following = replace(published.manifest, sequence=published.manifest.sequence + 1, generated=now, orders=())
    return replace(following, **changes)


def next_with(published: SignedCorte, extra: dict[str, bytes]) -> Manifest:
    """Write more files (path to content) into the tree; return the manifest of a good next corte that has them too."""
    for path, content in extra.items():
        (published.folder / path).write_bytes(content)
    entries = {path: Entry(len(content), manifest.digest(content)) for path, content in extra.items()}
    return next_corte(published, files={**published.manifest.files, **entries})


def canonical(document: dict[str, Any]) -> bytes:
    """Return any document in the manifest's canonical form, even one that is no valid manifest."""
    return (json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


@pytest.mark.parametrize(
    "paths",
    [
        ["../../etc/cron.d/intruso"],
        ["/etc/cron.d/intruso"],
        ["datos/./x.json"],
        [".ssh/authorized_keys"],
        ["datos/Corte.json"],
        ["descargas/\u00f1.csv", "descargas/n\u0303.csv"],
        ["datos/\uff43orte.json"],
        ["datos"],
        ["corte.json"],
    ],
    ids=[
        "traversal",
        "absolute",
        "dot",
        "hidden",
        "case twin",
        "unicode twin",
        "width twin",
        "file and folder",
        "self",
    ],
)
def test_a_signed_path_that_leads_elsewhere_is_refused(
    attack: Attack, published: SignedCorte, paths: list[str]
) -> None:
    """Un manifiesto firmado con una ruta que sale del árbol, o que se confunde con otra, es rechazado con su motivo."""
    document = next_corte(published, files={**published.manifest.files, **dict.fromkeys(paths, EMPTY)})
    assert attack(document.to_bytes()) in ("path", "manifest")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda raw: raw.replace(b'"sequence"', b'"sequence": 1,\n "sequence"', 1), "manifest"),
        (lambda raw: raw.replace(b" ", b"", 1), "manifest"),
        (lambda raw: b"[" * 100_000, "manifest"),
        (lambda raw: b"", "manifest"),
        (lambda raw: raw.replace(b'"simulacro"', b'"official"'), "recipient"),
    ],
    ids=["duplicate keys", "another form", "deep", "empty", "official"],
)
def test_a_signed_manifest_of_another_form_or_night_is_refused(
    attack: Attack, published: SignedCorte, spoil: Callable[[bytes], bytes], code: str
) -> None:
    """Un manifiesto firmado que no tiene la única forma admitida, o que es de la otra noche, es rechazado."""
    assert attack(spoil(next_corte(published).to_bytes())) == code


def test_too_many_files_are_refused_before_any_is_looked_at(attack: Attack, published: SignedCorte) -> None:
    """Un manifiesto firmado con más archivos que el límite es rechazado antes de tocar ninguno."""
    files = {f"x/{number}": EMPTY for number in range(manifest.MAX_FILES + 1)}
    assert attack(next_corte(published, files=files).to_bytes()) == "manifest"


def test_a_corte_larger_than_the_limit_is_refused(attack: Attack, published: SignedCorte) -> None:
    """Un corte firmado que pesa más que el límite del servidor es rechazado sin leerlo."""
    files = {**published.manifest.files, "enorme.bin": Entry(manifest.MAX_SIZE, "a" * 64)}
    assert attack(next_corte(published, files=files).to_bytes()) == "size"


def test_a_signature_for_another_election_is_refused(attack: Attack, published: SignedCorte) -> None:
    """Una firma hecha para otra elección, y un corte de otra elección, son rechazados."""
    assert attack(next_corte(published).to_bytes(), election="otra-2027") == "signature"
    assert attack(next_corte(published, election="otra-2027").to_bytes()) == "recipient"


def test_text_after_a_valid_signature_is_refused(
    attack: Attack, published: SignedCorte, mirror: Mirror, base: str
) -> None:
    """Una firma válida con texto añadido al final es rechazada, y a la ciudadanía no le llega ese texto."""
    assert attack(next_corte(published).to_bytes(), appended=b"<script>alert(1)</script>\n") == "signature"
    assert get(mirror, base + manifest.SIGNATURE_NAME).content == published.armour


def test_a_corte_of_three_hours_ahead_is_refused(attack: Attack, published: SignedCorte) -> None:
    """Un corte firmado con una hora que aún no llega es rechazado: si no, los que siguen se rechazarían por viejos."""
    later = instants.now().replace(microsecond=0) + timedelta(hours=3)
    assert attack(next_corte(published, corte=later).to_bytes()) == "future"


def test_the_same_sequence_with_other_content_is_refused(attack: Attack, published: SignedCorte) -> None:
    """Otro contenido bajo la secuencia que ya se aceptó, y la firma anterior del mismo corte, son rechazados."""
    files = {path: entry for path, entry in published.manifest.files.items() if path != "datos/corte.json"}
    same = published.manifest.sequence
    assert attack(next_corte(published, sequence=same, files=files).to_bytes()) == "conflict"
    old = published.manifest.generated - timedelta(minutes=1)
    assert attack(next_corte(published, sequence=same, generated=old).to_bytes()) == "rollback"


@pytest.mark.parametrize(
    ("file", "edit"),
    [
        ("allowed_signers", 's/before="[0-9]*"/before="20200101000000"/; s/after="[0-9]*"/after="20190101000000"/'),
        ("allowed_signers", 's/after="[0-9]*"/after="20990101000000"/; s/before="[0-9]*"/before="21000101000000"/'),
        ("revoked", "$a\\{key}"),
    ],
    ids=["expired", "not yet valid", "revoked"],
)  # fmt: skip
def test_a_signer_who_may_not_sign_today_is_refused(
    host: Host, attack: Attack, published: SignedCorte, key: Path, file: str, edit: str
) -> None:
    """Una firma de quien ya no, todavía no, o nunca más puede firmar, es rechazada con su motivo."""
    path = f"/etc/prep-corte/{file}"
    host.check_output(f"cp -a {path} /run/firmantes")
    try:
        host.check_output("sed -i %s %s", edit.format(key=key.with_name("firma.pub").read_text().strip()), path)
        assert attack(next_corte(published).to_bytes()) == "signature"
    finally:
        host.check_output(f"cp -a /run/firmantes {path} && rm /run/firmantes")


def test_a_manifest_of_a_gigabyte_is_refused(
    host: Host, mirror: Mirror, target: Target, published: SignedCorte, record_evidence: Record
) -> None:
    """Un manifiesto de un gigabyte es rechazado sin leerlo entero."""
    signature_file, arrived = published.folder / manifest.SIGNATURE_NAME, f"/srv/prep/entrada/{manifest.NAME}"
    signature_file.write_bytes(b"x")

    def deliver() -> None:
        # Grown where it would arrive: to send a gigabyte of zeros takes longer than all other attacks together.
        host.check_output("truncate --size=1G %s && chown prep-entrada: %s", arrived, arrived)
        assert _rsync(target, str(signature_file), target.url).returncode == 0

    assert judge(deliver, mirror, record_evidence) == "size"


def test_a_flood_of_small_files_is_refused_at_the_first(attack: Attack, published: SignedCorte) -> None:
    """Más archivos que el límite, que nadie firmó, son rechazados al ver el primero."""
    flood = published.folder / "datos/sobra"
    fill(flood, 20_000, b"")
    assert attack(next_corte(published).to_bytes()) == "extra"


def test_an_altered_byte_of_the_same_size_and_time_is_refused(attack: Attack, published: SignedCorte) -> None:
    """Un archivo con el tamaño y la hora debidos pero otro contenido es rechazado por su SHA-256."""
    path = published.folder / "datos/resultados.html"
    altered = {"datos/resultados.html": Entry(path.stat().st_size, "a" * 64)}
    document = next_corte(published, files={**published.manifest.files, **altered})
    assert attack(document.to_bytes()) == "digest"


@pytest.fixture
def strict(host: Host) -> Iterator[None]:
    """Have the server refuse cortes whose tables do not add up, as the institute may ask."""
    with expecting(host, strict_content=True):
        yield


@pytest.mark.usefixtures("strict")
def test_tables_that_do_not_add_up_are_held_where_the_institute_asks(attack: Attack, published: SignedCorte) -> None:
    """Con la revisión estricta que el Instituto pide, un corte firmado cuyas tablas no cuadran no se publica."""
    extra = {"descargas/20200101_0000_PREP_MOR.csv": b"x\n"}
    assert attack(next_with(published, extra).to_bytes()) == "content"


@pytest.mark.usefixtures("strict")
def test_a_signed_bomb_is_refused(
    host: Host, attack: Attack, mirror: Mirror, published: SignedCorte, record_evidence: Record
) -> None:
    """Dos zip firmados, de un renglón de 100 MB cada uno, se rechazan por lo que son, y nadie se queda sin memoria."""
    bombs = {f"descargas/{name}.zip": _bomb(byte) for name, byte in (("comas", b","), ("letras", b"x"))}
    assert attack(next_with(published, bombs).to_bytes()) == "content"
    attempt = (mirror.status() or {})["last_attempt"]

    def used() -> list[str]:
        journal = host.check_output("journalctl --unit=prep-corte-intake --output=cat --lines=40")
        return re.findall(r"(\d+) MiB de memoria", journal.partition(attempt["manifest_sha256"])[2])

    (memory,) = until(used, what="quien verifica termine y diga cuánta memoria usó")
    record_evidence(f"{sum(map(len, bombs.values()))} bytes enviados; memoria: {memory} MiB; {attempt['warnings']}")
    assert [warning.partition(":")[0] for warning in attempt["warnings"]] == [*bombs]
    assert int(memory) < 100


def test_a_mirror_that_is_kept_from_newer_cortes_says_so(host: Host, mirror: Mirror, record_evidence: Record) -> None:
    """Un espejo al que no le llegan cortes lo dice, pasados dos intervalos (aquí, de cero minutos)."""
    before = mirror.status() or {}
    try:
        with expecting(host, interval_minutes=0):
            host.check_output("systemctl restart prep-corte-gate.service")
            after = _becomes_stale(mirror, True)
    finally:
        host.check_output("systemctl restart prep-corte-gate.service")
    record_evidence(f"antes: {before['stale']}; sin cortes nuevos: {after['stale']}; sigue a la vista el mismo")
    assert after["shown"]["manifest_sha256"] == before["shown"]["manifest_sha256"]
    _becomes_stale(mirror, before["stale"])


def test_options_that_write_elsewhere_or_read_do_nothing(
    host: Host, target: Target, tmp_path: Path, record_evidence: Record
) -> None:
    """Enlaces, enlaces duros, dispositivos, escritura en el lugar, y lectura: el servicio los niega y nada llega."""
    (tmp_path / "enlace").symlink_to("/etc/shadow")
    os.mkfifo(tmp_path / "tubo")
    (tmp_path / "uno").write_text("x")
    os.link(tmp_path / "uno", tmp_path / "dos")
    listing = "find /srv/prep/entrada -printf '%p %y %n %s\n' | sort"
    before = host.check_output(listing)
    for option in ("--links", "--hard-links", "--devices", "--specials", "--inplace", "--append"):
        done = _rsync(target, "--recursive", option, f"{tmp_path}/", target.url)
        assert done.returncode != 0, option
    done = _rsync(target, "--recursive", f"{tmp_path}/", target.url + "../../../etc/")
    stolen = _rsync(target, "--recursive", target.url + "corte.json", str(tmp_path))
    record_evidence(stolen.stderr.strip().splitlines()[0])
    assert stolen.returncode != 0 and not (tmp_path / "corte.json").exists()
    arrived = set(host.check_output(listing).splitlines()) - set(before.splitlines())
    assert {line.split()[1] for line in arrived} <= {"f", "d"}
    assert not host.file("/etc/uno").exists


def test_a_deep_folder_in_the_way_does_not_stop_the_intake(
    mirror: Mirror, target: Target, tmp_path: Path, record_evidence: Record
) -> None:
    """Una carpeta de mil niveles donde se aparta la firma no detiene a quien verifica: responde al siguiente envío."""
    (tmp_path / "carpeta/.reclamado").mkdir(parents=True)
    subprocess.run(["mkdir", "-p", "a/" * 1500], cwd=tmp_path / "carpeta/.reclamado", check=True)
    (tmp_path / manifest.SIGNATURE_NAME).write_bytes(b"x")
    before = last_number(mirror.status())
    _rsync(target, "--recursive", f"{tmp_path}/carpeta/", target.url)  # rsync stops at the depth that the daemon allows
    assert _rsync(target, f"{tmp_path}/{manifest.SIGNATURE_NAME}", target.url).returncode == 0
    attempt = next_attempt(mirror, before)
    record_evidence(attempt["reason"])
    assert attempt["result"] == "refused"


def test_a_sparse_file_beyond_the_limit_does_not_arrive(
    host: Host, mirror: Mirror, target: Target, record_evidence: Record
) -> None:
    """Un archivo disperso mayor que el límite de un archivo no llega entero, y la página sigue igual."""
    limit = int(host.check_output("systemctl show rsync --property LimitFSIZE --value"))
    before = mirror.status()
    # Of a sparse file on a disk the kernel keeps all the zeros that are read, gigabytes of them, in memory.
    with TemporaryDirectory(dir="/dev/shm") as folder:
        with Path(folder, "disperso.bin").open("wb") as sparse:
            sparse.truncate(limit + 1)
        done = _rsync(target, "--recursive", "--compress", f"{folder}/", target.url)
    after = mirror.status()
    record_evidence(f"límite: {limit} bytes; {done.stderr.strip().splitlines()[0]}")
    assert done.returncode != 0
    assert host.run("find /srv/prep/entrada -size +%sc", str(limit)).stdout == ""
    assert before is not None and after is not None
    assert after["shown"]["manifest_sha256"] == before["shown"]["manifest_sha256"]


def test_a_second_client_in_the_middle_of_a_transfer_mixes_nothing(
    mirror: Mirror,
    target: Target,
    published: SignedCorte,
    key: Path,
    tmp_path: Path,
    authority: Path,
    record_evidence: Record,
) -> None:
    """Mientras se envía un corte, otro envío escribe y borra lo suyo: el corte se publica entero o se rechaza."""
    (tmp_path / "otro/datos").mkdir(parents=True)
    for name in ("corte.json", "resultados.html"):
        (tmp_path / "otro/datos" / name).write_bytes(b"{}\n")
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            _rsync(target, "--recursive", "--delete", "--exclude=/corte.json.sig", f"{tmp_path}/otro/", target.url)

    signed = signing.sign(published.folder, target.election, key, published.manifest.sequence, published.manifest.corte)
    before = last_number(mirror.status())
    other = threading.Thread(target=disturb)
    other.start()
    try:
        push(signed.folder, target)
        attempt = next_attempt(mirror, before)
    except PushFailed as failure:
        attempt = {"result": "refused", "reason": str(failure)}
    finally:
        stop.set()
        other.join()
    record_evidence(f"{attempt['result']}: {attempt['reason'] or 'entero'}")
    assert attempt["result"] in ("shown", "refused")
    assert compare(target, authority).good


def test_after_all_attacks_the_next_good_push_is_shown(
    host: Host,
    mirror: Mirror,
    target: Target,
    published: SignedCorte,
    key: Path,
    authority: Path,
    record_evidence: Record,
) -> None:
    """Después de los ataques, el siguiente envío bueno se publica, no queda nada ajeno y la bitácora está completa."""
    signed = signing.sign(published.folder, target.election, key, published.manifest.sequence, published.manifest.corte)
    before = last_number(mirror.status())
    push(signed.folder, target, checksum=True)
    word, status = mirror.await_word(signed, before, WAIT)
    found = compare(target, authority, expected=signed.sha256)
    command = "cd /usr/local/lib/prep-corte && python3 -B -m corte log"
    lines = host.check_output(command).splitlines()
    record_evidence(f"{word}; {found.files} archivos, {found.bytes} bytes iguales; bitácora de {len(lines)} renglones")
    assert word == "shown" and found.good, found
    assert json.loads(lines[-1])["n"] == status["log"]["entries"]
    assert host.run("find /srv/prep/entrada -size +100M -o -name sobra").stdout == ""


def _becomes_stale(mirror: Mirror, stale: bool) -> dict[str, Any]:
    """Return estado.json as soon as its `stale` (no new corte for two intervals) has this value."""
    what = "el espejo diga que le faltan cortes" if stale else "el espejo deje de decir que le faltan cortes"
    return await_status(mirror, lambda status: status["stale"] is stale, what)


def _bomb(byte: bytes) -> bytes:
    """Return a zip with a table that is one line of a repeated byte."""
    archive = io.BytesIO()
    with (
        zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("tabla.csv", "w") as table,
    ):
        for _ in range(100):
            table.write(byte * 1_000_000)
    return archive.getvalue()


def _rsync(target: Target, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RSYNC_PASSWORD": target.secret, "LC_ALL": "C"}
    return subprocess.run(["rsync", "--timeout=30", *arguments], env=environment, capture_output=True, text=True)
