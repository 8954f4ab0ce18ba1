"""A folder with a private key, a vault or a password is neither signed nor sent, and what is public in it is."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from corte_kit import make_key, write_files
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID
from desk_kit import Desk
from publish_kit import make_target

from corte.format import manifest
from difusor.commands import publish, sign
from difusor.inventory import load_election
from difusor.project import UnusableError
from difusor.publish import keys, signing
from difusor.publish.mirror import Mirror
from difusor.publish.orders import signed_for

FORMATS = (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH)
AGE = b"# created: 2026\nAGE-SECRET-KEY-1" + b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2 + b"\n"
PUTTY = b"PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\n"
PGP = b"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\nComment: x: y: z\n\n" + b"lQOYBFxx" * 12 + b"\n"
PACKET = b"\x95\x03\x98\x04\x5c\x71\x00\x00\x01" + b"n" * 200
MINISIGN = b"untrusted comment: minisign encrypted secret key\nRWR\n"
VAULT = b"$ANSIBLE_VAULT;1.1;AES256\n6162\n"
INLINE = b"vault_rsync_secret: !vault |\n  " + VAULT


def private_keys() -> dict[str, bytes]:
    """Return a key of each kind in each form in which it is usually kept, with a password and without."""
    made = {
        "rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1()),
        "dsa": dsa.generate_private_key(1024), "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }  # fmt: skip
    found = {}
    for name, key in made.items():
        for encoding in (Encoding.PEM, Encoding.DER):
            for form in FORMATS:
                for lock in (NoEncryption(), BestAvailableEncryption(b"frase")):
                    try:
                        content = key.private_bytes(encoding, form, lock)  # type: ignore[attr-defined]
                    except (ValueError, TypeError, UnsupportedAlgorithm):  # there is no such form
                        continue
                    found[f"{name} {encoding} {form} {type(lock).__name__}"] = content
    return found


def authority(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "prueba")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return made.sign(key, hashes.SHA256())


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no mirror answer."""
    monkeypatch.setattr(Mirror, "status", lambda mirror: None)


@pytest.fixture(scope="module")
def pair() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048)
    return key, authority(key)


@pytest.mark.filterwarnings("ignore:SSH DSA key support")
def test_a_private_key_is_known_by_its_content_in_every_form() -> None:
    found = private_keys()
    assert len(found) > 20
    assert {name: keys.of(content) for name, content in found.items() if not keys.of(content)} == {}


def test_sat_s_key_and_other_stores_are_known(pair: tuple[rsa.RSAPrivateKey, x509.Certificate], tmp_path: Path) -> None:
    key, certificate = pair
    kept = NoEncryption(), BestAvailableEncryption(b"frase")
    stores = [serialize_key_and_certificates(b"x", key, certificate, None, lock) for lock in kept]
    (tmp_path / "llave.pem").write_bytes(key.private_bytes(Encoding.PEM, FORMATS[0], NoEncryption()))
    for cipher in ("des3", "PBE-MD5-DES", "PBE-SHA1-3DES"):  # SAT has given the first two
        option = ["-v1" if cipher.startswith("PBE") else "-v2", cipher]
        words = ["openssl", "pkcs8", "-topk8", "-in", "llave.pem", "-outform", "DER", "-passout", "pass:frase", *option]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True)
        stores += [done.stdout] if done.returncode == 0 else []  # OpenSSL 3 makes no more with MD5
    assert len(stores) >= 4 and all(map(keys.of, stores))


@pytest.mark.parametrize("content", [AGE, PUTTY, PGP, PACKET, VAULT, INLINE, MINISIGN])
def test_a_secret_of_another_program_is_known(content: bytes) -> None:
    assert keys.of(content)


def test_a_key_is_known_in_other_texts(
    key: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate], tmp_path: Path
) -> None:
    text, locked = key.read_bytes(), make_key(tmp_path, "otra")
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "una frase", "-f", str(locked)], check=True)
    chain = pair[1].public_bytes(Encoding.PEM) * 4
    numbers = base64.urlsafe_b64encode(b"x" * 40)
    forms = [
        text.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + text, text.decode().encode("utf-16"), chain + text,
        json.dumps({"private_key": text.decode()}).encode(), b"llave: |\n  " + text.replace(b"\n", b"\n  "),
        b'{"kty": "OKP", "d": "' + numbers + b'"}', locked.read_bytes(),
    ]  # fmt: skip
    assert all(map(keys.of, forms))


def test_what_is_public_is_no_secret(
    tree: Path, key: Path, pair: tuple[rsa.RSAPrivateKey, x509.Certificate], tmp_path: Path
) -> None:
    other, certificate = make_key(tmp_path, "otra"), pair[1]
    public = pair[0].public_key()
    words = ["ssh-keygen", "-q", "-s", str(key), "-I", "turno", "-n", "x", f"{other}.pub"]
    subprocess.run(words, check=True)
    program = b't="-----BEGIN RSA PRIVATE KEY-----\\n";t+=this.wordwrap(k)+"\\n-----END RSA PRIVATE KEY-----"'
    write_files(tree, {
        "firma.pub": Path(f"{other}.pub").read_bytes(), "certificada": Path(f"{other}-cert.pub").read_bytes(),
        "cadena": certificate.public_bytes(Encoding.PEM) * 3, "der": certificate.public_bytes(Encoding.DER),
        "publica": public.public_bytes(Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "publica.der": public.public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        "publica1.der": public.public_bytes(Encoding.DER, serialization.PublicFormat.PKCS1),
        "firma.asc": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n", "known_hosts": b"prep ssh-ed25519 AAAA\n",
        "jsencrypt.js": program, "corte.minisig": b"untrusted comment: signature from minisign secret key\nRUR\n",
        "ayuda.txt": b"Empieza con -----BEGIN PRIVATE KEY----- y es secreta; AGE-SECRET-KEY-1 y $ANSIBLE_VAULT;1 no\n",
        "jwk.json": b'{"kty": "RSA", "n": "' + b"A" * 300 + b'", "e": "AQAB"}', "vacio": b"", "env.js": b"a=1\n",
        "0.csv": b"0,1,2\n", "hosts.yml": b"all: {}\n", "imagen.png": b"\x89PNG" + b"-" * 40,
    })  # fmt: skip
    assert list(keys.secrets(tree)) == []


@pytest.mark.parametrize(
    "name",
    [
        "vault-password", "datos/vault-password.txt", ".vault_pass", "group_vars/all/vault.yml", ".env", ".env.local",
        "prod.env", ".netrc", ".pgpass", ".git-credentials", "rsyncd.secrets", "Firma.P12", "firma.pfx", "llave.ppk",
    ],
)  # fmt: skip
def test_what_no_content_tells_is_known_by_its_name(tree: Path, name: str) -> None:
    write_files(tree, {name: b"7f3kq0\n"})
    assert [path for path, _ in keys.secrets(tree)] == [name]


@pytest.mark.parametrize("name", ["llave.txt", "datos/firma", ".ssh/id_ed25519", "datos/firma.pem"])
def test_a_folder_with_a_key_is_not_signed_and_is_told_what_to_do(
    tree: Path, election: Path, key: Path, records: Path, name: str
) -> None:
    """It was signed and published to everybody, or called a hidden file or one of a type that is not served."""
    write_files(tree, {name: key.read_bytes()})
    for _ in range(2):
        done = Desk.run(sign, tree, "--election", election, "--key", key)
        told = " ".join(done.output.split())
        assert (done.exit_code, signing.is_signed(tree)) == (1, False)
        assert f"«{name}» (una llave privada)" in told and "Sáquelo de la carpeta y repita" in told
        assert "délo por conocido de todos" in told and "no se firmó ni se envió nada" in told
    assert not list(records.rglob("*.json*"))
    with pytest.raises(UnusableError, match="una llave privada"):
        signed_for([make_target(election)], tree, key)
    (tree / name).unlink()
    if name.startswith("."):
        (tree / name).parent.rmdir()
    assert Desk.run(sign, tree, "--election", election, "--key", key).exit_code == 0


def test_only_some_of_many_secrets_are_named(tree: Path, key: Path) -> None:
    write_files(tree, {f"llaves/{number}": key.read_bytes() for number in range(7)})
    with pytest.raises(UnusableError, match=r"«llaves/4» \(una llave privada\) y otros 2; no se firmó"):
        keys.check(tree)


def test_a_key_that_an_earlier_version_published_is_taken_back(
    desk: Desk, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told is what to do: without the key it is another corte, and the one with it is shown no more."""
    folder = desk.corte(6)
    write_files(folder, {"descargas/llave.txt": key.read_bytes()})
    with monkeypatch.context() as earlier:
        earlier.setattr(keys, "check", lambda folder: None)
        assert desk.publish(folder) == (0, ["shown", "shown"])
    before = signing.papers(folder)
    for is_given in (True, False):
        assert desk.publish(folder, key=is_given) == (1, [])
        assert "una llave privada" in desk.details
    assert desk.sign(folder, "--withdraw", folder).exit_code == 1 and signing.papers(folder) == before
    (folder / "descargas/llave.txt").unlink()
    for server in desk.servers.values():
        (server.config.incoming / "descargas/llave.txt").unlink()  # as rsync does
    assert desk.sign(folder, "--withdraw", folder).exit_code == 0
    assert desk.publish(folder, key=False) == (0, ["shown", "shown"])
    for server in desk.servers.values():
        assert server.shown() == 6 and not (server.config.public / "actual/descargas/llave.txt").exists()
    assert [one.sequence for one in signing.verify(folder)[0].manifest.stands.withdrawn] == [6]


def test_a_folder_is_looked_at_also_where_no_inventory_can_be_used(tree: Path, key: Path, tmp_path: Path) -> None:
    (tmp_path / "vacio").mkdir()
    write_files(tree, {"firma": key.read_bytes()})
    done = Desk.run(publish, tree, "-i", tmp_path / "vacio", "--key", key)
    assert done.exit_code == 1 and "una llave privada" in " ".join(done.output.split())


def test_large_files_and_images_are_not_read(tree: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corte may have a hundred thousand of them."""
    text = key.read_bytes()
    large, image, edge = text + b"-" * keys.LARGEST, b"\xff\xd8\xff" + b"-" * 50_000, b"-" * keys.HEAD + text
    write_files(tree, {"grande.txt": large, "actas/1.jpg": image, "lejos.txt": edge})
    read, right = [], os.read

    def noted(descriptor: int, size: int) -> bytes:
        content = right(descriptor, size)
        read.append((os.readlink(f"/proc/self/fd/{descriptor}").rpartition("/")[2], len(content)))
        return content

    monkeypatch.setattr(os, "read", noted)
    assert list(keys.secrets(tree)) == []
    sizes = {name: sum(size for other, size in read if other == name) for name, _ in read}
    assert "grande.txt" not in sizes and sizes["1.jpg"] == 16 and sizes["lejos.txt"] == keys.HEAD


def test_links_and_what_cannot_be_opened_keep_nothing_waiting(tree: Path, key: Path) -> None:
    """A server takes neither, and neither is signed."""
    (tree / "enlace").symlink_to(key)
    (tree / "circulo").symlink_to(".")
    os.mkfifo(tree / "tuberia")
    assert list(keys.secrets(tree)) == []
    assert list(keys.secrets(tree / "no-existe")) == []


def test_a_long_line_of_marks_is_judged_at_once() -> None:
    """A pattern that tries all ways to divide such a line would never end."""
    head = b"-----BEGIN PRIVATE KEY-----\n" + b"a: " * 10_000
    assert keys.of(head) == ""


def test_the_signature_itself_is_no_secret(tree: Path, election: Path, key: Path) -> None:
    signed = signing.sign(tree, load_election(election), key)
    assert (tree / manifest.SIGNATURE_NAME).exists() and list(keys.secrets(signed.folder)) == []
    copied = shutil.copytree(tree, tree.with_name("otra"))
    assert signed_for([make_target(election)], copied, key).raw == signed.raw
