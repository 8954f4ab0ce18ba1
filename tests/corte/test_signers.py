"""Only who may sign this election today is believed, by one form of signature."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from corte_kit import ELECTION, PRINCIPAL, Server, allow, make_key, pushed, refused

from corte.format import instants, manifest, signature
from corte.format.refusal import Refusal
from corte.server.store import Store


@pytest.mark.parametrize("armour", [b"", b"basura", b"\0" * 1000, b"-----BEGIN SSH SIGNATURE-----\n", b"x" * 70_000])
def test_bytes_that_are_no_signature_are_refused(server: Server, armour: bytes):
    (server.config.incoming / manifest.NAME).write_bytes(server.manifest(6).to_bytes())
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(armour)
    refused(server, server.run(), "signature")


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


def test_a_line_that_the_disk_has_damaged_is_ignored(server: Server):
    """The intake ended at it without a word, and took in nothing more."""
    before = server.config.allowed_signers.read_bytes()
    server.config.allowed_signers.write_bytes(b"firma@demo\xff " + before + b"\n" + before)
    assert server.send(6)["result"] == "shown"


def test_a_removed_signer(server: Server, keys: dict[str, Path]):
    server.config.allowed_signers.write_text(allow(keys["intruso"]))
    refused(server, server.send(6), "signature")


def test_a_revoked_signer(server: Server):
    server.config.revoked.write_text(server.key.with_name("firma.pub").read_text())
    refused(server, server.send(6), "signature")


def other_letter(text: str) -> str:
    """Change a letter in the middle of a public key to another one of Base64, as a bad disk may."""
    kind, key, *rest = text.split()
    at = len(key) // 2
    return " ".join([kind, key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1 :], *rest, "\n"])


@pytest.mark.parametrize("damage", [lambda text: "", other_letter, lambda text: text], ids=["empty", "letter", "none"])
@pytest.mark.parametrize("who", ["signer", "operator", "authority"])
def test_a_key_that_the_damaged_list_of_revoked_keys_has_lost_stays_revoked(
    server: Server, keys: dict[str, Path], tmp_path: Path, who: str, damage: Callable[[str], str]
):
    """The stolen key's next corte was shown where that key was still listed, or certified."""
    certificate = certify(server, keys["intruso"], tmp_path) if who != "signer" else None
    stolen = {"signer": server.key, "operator": tmp_path / "operadora", "authority": keys["intruso"]}[who]
    public = stolen.with_suffix(".pub").read_text()
    server.config.revoked.write_text(damage(public))
    knows = Server(replace(server.config, known_revoked=(public.strip(),)), server.key)
    refused(knows, knows.push(knows.manifest(6).to_bytes(), key=certificate), "signature")
    assert signature.is_by_any(signature.sign(b"x", certificate or server.key, ELECTION), knows.config.revoked_keys())


def test_who_is_not_revoked_may_sign_beside_a_list_of_revoked_keys(server: Server, keys: dict[str, Path]):
    other = keys["intruso"].with_suffix(".pub").read_text()
    server.config.revoked.write_text(f"# comment\n{other}")
    knows = Server(replace(server.config, known_revoked=(other.strip(),)), server.key)
    assert knows.send(6)["result"] == "shown"


def test_a_certificate_is_judged_at_the_instant_that_is_asked_for(
    server: Server, keys: dict[str, Path], tmp_path: Path
):
    certificate = certify(server, keys["intruso"], tmp_path, lasts="20240603000000Z:20240604000000Z")
    armour = signature.sign(b"x", certificate, ELECTION)
    of = (b"x", armour, ELECTION, server.config.allowed_signers)
    assert signature.verify(*of, past=datetime(2024, 6, 3, 12, tzinfo=UTC)) == PRINCIPAL
    for past in (None, datetime(2024, 6, 5, tzinfo=UTC)):
        with pytest.raises(Refusal):
            signature.verify(*of, past=past)


def test_a_server_that_can_start_no_program_does_not_blame_the_signature(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """`publish` sends the corte once more for this reason, and not for a signature that nobody believes."""
    raw = server.manifest(6).to_bytes()
    server.put(raw, signature.sign(raw, server.key, server.config.election))
    with monkeypatch.context() as short_of_processes:
        short_of_processes.setattr(signature.subprocess, "run", _none_left)
        refused(server, server.run(), "system")
    assert server.deliver(raw, signature.sign(raw, server.key, server.config.election))["result"] == "shown"


def _none_left(*_: object, **__: object) -> None:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


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


@pytest.mark.parametrize("bits", ["384", "521"])
def test_the_larger_keys_of_a_card_sign_until_they_are_revoked(server: Server, tmp_path: Path, bits: str):
    key = tmp_path / "tarjeta"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-b", bits, "-N", "", "-f", str(key)], check=True)
    server.config.allowed_signers.write_text(allow(key))
    raw = server.manifest(6).to_bytes()
    assert server.push(raw, key=key)["result"] == "shown"
    public = key.with_suffix(".pub").read_text().strip()
    knows = Server(replace(server.config, known_revoked=(public,)), key)
    assert knows.push(server.manifest(7).to_bytes(), key=key)["code"] == "signature"


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


def test_signing_with_an_unusable_key_says_so(tmp_path: Path):
    with pytest.raises(Refusal, match="No se pudo firmar"):
        signature.sign(b"x", tmp_path / "no-hay", "demo")
