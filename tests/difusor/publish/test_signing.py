"""What the institute signs, under which terms, and what it does not sign."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from corte_kit import make_key, write_files
from publish_kit import command_of, make_target

from corte.format import limits, manifest, signature
from corte.format.refusal import Refusal
from difusor.commands import sign, verify
from difusor.inventory import load_election
from difusor.project import UnusableError
from difusor.publish import signing
from difusor.publish.mirror import Mirror
from difusor.publish.orders import signed_for
from difusor.publish.signing import SignedCorte


def test_a_tree_is_signed_under_the_elections_own_terms(signed: SignedCorte):
    document = signed.manifest
    assert (document.election, document.environment, document.sequence) == ("demo", "official", 7)
    assert document.window.opens == datetime(2024, 6, 3, 2, tzinfo=UTC)
    again, fingerprint = signing.verify(signed.folder)
    assert again == signed
    assert fingerprint.startswith("SHA256:")


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no mirror answer."""
    monkeypatch.setattr(Mirror, "status", lambda mirror: None)


def test_the_signer_is_one_of_the_elections(signed: SignedCorte, election: Path, tmp_path: Path):
    decided = load_election(election)
    assert signing.signer(signed, decided) == "firma@demo.test"
    other = signing.sign(signed.folder, decided, make_key(tmp_path, "otra"))
    with pytest.raises(Refusal, match="La firma no es de quien"):
        signing.signer(other, decided)
    with pytest.raises(Refusal, match="el difusor publica demo"):
        signing.signer(signed, decided.model_copy(update={"environment": "simulacro"}))


def test_a_revoked_key_is_noticed_at_the_institute_too(signed: SignedCorte, election: Path, key: Path):
    public = key.with_name("firma.pub").read_text()
    election.write_text(election.read_text() + f"    election_revoked_keys: ['{public.strip()}']\n")
    with pytest.raises(Refusal, match="La firma es de una llave revocada"):
        signing.signer(signed, load_election(election))


def test_a_changed_byte_is_noticed_at_the_institute_too(signed: SignedCorte):
    path = signed.folder / "descargas/a.csv"
    path.write_bytes(path.read_bytes().swapcase())
    with pytest.raises(Refusal, match=r"a\.csv"):
        signing.verify(signed.folder)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: (tree / "vacia").mkdir(),
        lambda tree: (tree / "enlace").symlink_to("/etc/passwd"),
        lambda tree: (tree / ".oculto").write_text("x"),
        lambda tree: (tree / "DATOS").mkdir() or (tree / "DATOS/corte.json").write_text("x"),
        lambda tree: (tree / "datos/copia.bak").write_text("x"),
        lambda tree: (tree / "datos/a\ufe0f.json").write_text("x"),
        lambda tree: [
            (tree / f"datos/{number}").mkdir() or (tree / f"datos/{number}/a").touch() for number in range(9)
        ],
        lambda tree: os.truncate(tree / "descargas/a.csv", 100_001),
        lambda tree: write_files(tree, {f"descargas/{number}.csv": b"" for number in range(50)}),
    ],
    ids=[
        "empty folder",
        "link",
        "hidden file",
        "twin folder",
        "type",
        "invisible",
        "folders",
        "large file",
        "manifest",
    ],
)
def test_what_no_server_would_take_is_not_signed(
    tree: Path, election: Path, key: Path, spoil: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "MAX_FOLDERS", 9)
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 100_000)
    monkeypatch.setattr(manifest, "MAX_BYTES", 5_000)
    spoil(tree)
    with pytest.raises(Refusal):
        signing.sign(tree, load_election(election), key)
    assert not signing.is_signed(tree)


@pytest.mark.parametrize("left", [".DS_Store", "datos/._corte.json", "descargas/~$actas.xlsx", ".Trash-0/info"])
def test_what_a_system_or_an_open_program_left_is_to_be_deleted(tree: Path, election: Path, key: Path, left: str):
    """The file that locks an open spreadsheet was published, with the name of who had it open."""
    write_files(tree, {left: b"\x05"})
    with pytest.raises(Refusal, match="bórrelo de la carpeta"):
        signing.sign(tree, load_election(election), key)
    assert not signing.is_signed(tree)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"actas.csv:Zone.Identifier", "marca que Windows pone"),
        *((f"Diputación{code}.csv".encode(code), "un ZIP de Windows") for code in ("cp437", "cp850", "cp1252")),
        ("Diputación.csv".encode("cp1252").decode("cp437").encode(), "un ZIP de Windows"),
        ("Año.csv".encode().decode("cp850").encode(), "un ZIP de Windows"),
    ],
)
def test_what_windows_or_a_zip_made_of_a_name_is_told_as_that(
    tree: Path, election: Path, key: Path, name: bytes, said: str
):
    """They carried «un carácter que no se admite», and nobody saw which, nor where it came from."""
    Path(os.fsdecode(os.fsencode(tree / "descargas") + b"/" + name)).write_text("x\n")
    with pytest.raises(Refusal, match=said):
        signing.sign(tree, load_election(election), key)


def test_names_with_accents_are_signed(tree: Path, election: Path, key: Path):
    write_files(tree, {"descargas/Ñuu Ndeé, áéíóú ü (1ra).txt": b"x\n"})
    assert signing.sign(tree, load_election(election), key)


def test_a_tree_that_does_not_say_which_corte_it_is(tree: Path, election: Path, key: Path):
    (tree / "datos/corte.json").write_text("[]")
    with pytest.raises(UnusableError, match="--sequence"):
        signing.sign(tree, load_election(election), key)
    instant = datetime(2024, 6, 3, 4, tzinfo=UTC)
    assert signing.sign(tree, load_election(election), key, 9, instant).manifest.sequence == 9


def test_what_lies_where_the_tree_says_which_corte_it_is_is_told_as_what_it_is(tree: Path, election: Path, key: Path):
    """«no dice «secuencia»; escríbalos ahí» was said of a file that nobody could read or write."""
    (tree / "datos/corte.json").unlink()
    os.mkfifo(tree / "datos/corte.json")
    with pytest.raises(UnusableError, match=r"no se puede leer .*/datos/corte\.json: no es un archivo: es una tubería"):
        signed_for([make_target(election)], tree, key)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2027-06-06T20:10:00", r"«2027-06-06T20:10:00» no dice su diferencia con UTC; escríbalo como 2024"),
        ("20:10", "«20:10» no es un instante como 2024"),
        ("9999-12-31T23:59:59-06:00", "no es de ningún año"),
        (2010, "no dice «secuencia» y «corte»; escríbalos ahí, o délos con «difusor sign», --sequence y --corte"),
    ],
    ids=["no offset", "no date", "the last year", "a number"],
)  # fmt: skip
def test_an_instant_that_the_tree_says_in_another_form_is_told_as_that(
    tree: Path, election: Path, key: Path, said: object, told: str
):
    """It was told as missing, with options that `publish` does not have."""
    (tree / "datos/corte.json").write_text(json.dumps({"secuencia": 7, "corte": said}))
    with pytest.raises(UnusableError, match=told) as refused:
        signed_for([make_target(election)], tree, key)
    assert "«difusor sign»" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("    election_opens", "    election_opened"), "election_opens: falta"),
        (lambda text: f"{text}    election_revoked_key: []\n", r"no existe; ¿quiso decir election_revoked_keys\?"),
        (lambda text: f"{text}    election_jornada: 2024-06-02\n", "election_jornada: no existe; quítela"),
        (lambda text: text.replace("-06:00", ""), "no es un instante absoluto"),
        (lambda text: text.replace("demo\n", '"{{ lab }}"\n', 1), "depende de un inventario"),
        (lambda text: "[]", "debe ser un solo documento"),
        (lambda text: "otro: 1", "no es el archivo de una elección"),
    ],
)
def test_an_unusable_election_says_why(election: Path, change: Any, sentence: str):
    election.write_text(change(election.read_text()))
    with pytest.raises(UnusableError, match=sentence):
        load_election(election)


def test_the_role_installs_the_same_signers(election: Path):
    line = load_election(election).allowed_signers
    assert line.startswith(
        'firma@demo.test namespaces="prep-corte@demo",valid-after="20200101000000",valid-before="20400101060000" ssh-ed'
    )


def test_a_tree_signed_for_another_opening_is_signed_again(signed: SignedCorte, election: Path, key: Path):
    target = make_target(election)
    moved = replace(target.election.window, opens=target.election.window.opens + timedelta(hours=1))
    later = replace(target, election=target.election.within(moved))
    assert signed_for([target], signed.folder, key) == signed
    assert signed_for([later], signed.folder, None) == signed
    assert signed_for([later], signed.folder, key).manifest.window == moved
    with pytest.raises(UnusableError, match="no está firmado"):
        (signed.folder / manifest.SIGNATURE_NAME).unlink()
        signed_for([target], signed.folder, None)


@pytest.mark.parametrize("name", ["no-existe", "no-es-llave", "."])
def test_a_key_that_is_none_is_told_also_of_a_corte_that_is_signed(
    signed: SignedCorte, election: Path, tmp_path: Path, name: str
):
    """It was ignored, until the night's first corte that had to be signed."""
    (tmp_path / "no-es-llave").write_text("hola\n")
    with pytest.raises(UnusableError, match="no es una llave de OpenSSH; corrija --key, o quítela") as refused:
        signed_for([make_target(election)], signed.folder, tmp_path / name)
    assert str(tmp_path / name) in str(refused.value)
    (signed.folder / manifest.SIGNATURE_NAME).unlink()
    with pytest.raises(UnusableError, match=r"no es una llave de OpenSSH; corrija --key$"):
        signed_for([make_target(election)], signed.folder, tmp_path / name)


@pytest.mark.parametrize("has_public", [True, False])
@pytest.mark.parametrize("form", ["CRLF", "mark", "UTF-16"])
def test_a_key_that_windows_has_written_anew_is_told_as_that(
    signed: SignedCorte, election: Path, key: Path, tmp_path: Path, form: str, has_public: bool
):
    """Without its public half beside it, it was said not to exist; what is told to type mends it."""
    text = key.read_bytes()
    if has_public:
        shutil.copy(f"{key}.pub", tmp_path / "la firma.pub")
    key = Path(shutil.copy(key, tmp_path / "la firma"))
    changes = {
        "CRLF": text.replace(b"\n", b"\r\n"),
        "mark": b"\xef\xbb\xbf" + text,
        "UTF-16": text.decode().encode("utf-16"),
    }
    key.write_bytes(changes[form])
    with pytest.raises(Refusal) as refused:
        signing.sign(signed.folder, load_election(election), key)
    if form == "UTF-16":
        assert f"No se pudo firmar con {key}: está en UTF-16" in str(refused.value)
        return
    assert f"No se pudo firmar con {key}: tiene marcas de Windows (BOM o CR)" in str(refused.value)
    if not has_public:
        with pytest.raises(UnusableError, match="tiene marcas de Windows"):
            signed_for([make_target(election)], signed.folder, key)
    subprocess.run(str(refused.value).partition("repita: ")[2].removesuffix("."), shell=True, check=True)
    assert key.read_bytes() == text
    assert signing.sign(signed.folder, load_election(election), key)


def test_a_key_whose_private_half_only_the_agent_has_is_one(
    signed: SignedCorte, election: Path, key: Path, tmp_path: Path
):
    public = shutil.copy(f"{key}.pub", tmp_path / "agente.pub")
    for given in (tmp_path / "agente", public):
        assert signed_for([make_target(election)], signed.folder, given) == signed


@pytest.mark.parametrize("step", ["check-novalidate", "verify"])
def test_what_this_machine_could_not_verify_is_not_signed_anew(
    signed: SignedCorte, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    """Killed once for want of memory, it made two manifests of one corte, of which mirrors had the first."""
    failing, right = [step], signature._ssh_keygen

    def killed_once(arguments: list[str], *more: Any) -> Any:
        if failing and failing[0] in arguments:
            failing.clear()
            raise Refusal("system", "El sistema terminó ssh-keygen antes de tiempo.")
        return right(arguments, *more)

    monkeypatch.setattr(signature, "_ssh_keygen", killed_once)
    with pytest.raises(Refusal, match="terminó ssh-keygen antes de tiempo"):
        signed_for([make_target(election)], signed.folder, key)
    assert not failing and signing.papers(signed.folder) == (signed.raw, signed.armour)
    assert signed_for([make_target(election)], signed.folder, key) == signed


@pytest.mark.parametrize("order", ["hold", "close"])
def test_what_a_corte_orders_is_not_lost_by_signing_it_anew(tree: Path, election: Path, key: Path, order: str):
    decided = load_election(election)
    later = replace(decided.window, closes=decided.window.closes + timedelta(hours=1))
    if order == "close":
        signing.sign(tree, decided.within(later), key)
    else:
        signing.sign(tree, decided, key, orders=[order])
    (tree / manifest.SIGNATURE_NAME).write_bytes(b"x")
    with pytest.raises(UnusableError, match=rf"\(--{order}\).*«difusor sign»"):
        signed_for([make_target(election)], tree, key)
    (tree / "datos/corte.json").write_text(json.dumps({"secuencia": 8, "corte": "2024-06-03T03:20:00Z"}))
    assert signed_for([make_target(election)], tree, key).manifest.orders == (), "an old order was signed again"


def run_verb(*arguments: object) -> str:
    done = CliRunner().invoke(command_of(sign), [str(part) for part in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_rehearsal_is_signed_as_one_and_verified(tree: Path, election: Path, key: Path):
    told = run_verb(tree, "--election", election, "--key", key, "--simulacro")
    raw = (tree / manifest.NAME).read_bytes()
    assert manifest.read(raw).environment == "simulacro"
    assert manifest.digest(raw) in told
    done = CliRunner().invoke(command_of(verify), [str(tree)])
    assert (done.exit_code, done.stdout.strip()) == (0, manifest.digest(raw))
    official = CliRunner().invoke(command_of(verify), [str(tree), "--election", str(election)])
    assert (official.exit_code, official.stdout) == (1, "")
    (tree / "descargas/a.csv").write_bytes(b"x")
    assert CliRunner().invoke(command_of(verify), [str(tree)]).exit_code == 1


def test_it_is_told_what_of_the_tables_was_compared_and_what_could_not(tree: Path, election: Path, key: Path):
    """A table in the form of 2024's federal files, with days first, and one of which nothing can be told."""
    top = "Elección\r\n2024/06/02 21:10 (UTC-6)\r\nACTAS_CAPTURADAS,ACTAS_ESPERADAS\r\n1,9\r\n\r\n"
    columns = "SECCION,REPRESENTANTES_PP_CI,TOTAL_VOTOS_ASENTADO,COTEJADA,FECHA_HORA_CAPTURA\r\n"
    (tree / "descargas/federal.csv").write_text(top + columns + "1,2,300,1,02/06/2024 21:11:00\r\n")
    (tree / "descargas/otra.csv").write_text("SECCION,VOTOS\r\n1,300\r\n")
    signed = " ".join(run_verb(tree, "--election", election, "--key", key).split())
    verified = " ".join(CliRunner().invoke(command_of(verify), [str(tree)]).output.split())
    for told in (signed, verified):
        assert "actas leídas en las tablas: 1; se compararon totales" in told
        assert "sin comprobar: otra.csv: no tiene los totales de una tabla" in told
        assert "federal.csv: 1 actas llevan una hora posterior al corte" in told


def test_text_that_is_not_in_utf_8_is_told(tree: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing was said, and citizens saw «Diputaci\ufffdn»: the servers call every text UTF-8."""
    letters = "Diputación".encode()
    texts = {"descargas/actas.CSV": "Diputación\r\n".encode("cp1252"), "datos/pie.html": "<p>José".encode("cp1252")}
    texts |= {"app.js": "'año'\n".encode("utf-16"), "otra.js": b"\xef\xbb\xbf" + letters, "imagen.png": b"\xff\xd8"}
    write_files(tree, texts | {"larga.txt": letters * 2_000, "cortada.txt": letters[:-2]})
    monkeypatch.setattr("corte.format.tree._CHUNK", 7)  # so that letters lie across two chunks
    told = [
        f"{path}: no está en UTF-8, y los servidores lo sirven como tal; guárdelo en UTF-8."
        for path in ("app.js", "cortada.txt", "datos/pie.html", "descargas/actas.CSV")
    ]
    signed = signing.sign(tree, load_election(election), key)
    for each in (signed, signing.verify(tree)[0]):
        assert [warning for warning in signing.plausible(each)[0] if "UTF-8" in warning] == told
    monkeypatch.setattr("corte.format.content.MAX_WARNINGS", 1)
    assert signing.plausible(signed)[0][:2] == [told[0], "Otros 3 archivos de texto tampoco están en UTF-8."]


def test_the_night_s_orders_are_flags_of_sign(tree: Path, election: Path, key: Path):
    run_verb(tree, "--election", election, "--key", key, "--close", "2024-06-03T20:00:00-07:00", "--hold")
    document = manifest.read((tree / manifest.NAME).read_bytes())
    assert document.orders == ("hold",)
    assert document.window.closes == datetime(2024, 6, 4, 3, tzinfo=UTC)
    assert document.window.opens == datetime(2024, 6, 3, 2, tzinfo=UTC)
    at = "2039-07-01T00:00:00Z"
    election.write_text(election.read_text().replace("2024-06-04T02:00:00Z", at).replace("2039-06-10T05:59:00Z", at))
    run_verb(tree, "--election", election, "--key", key, "--close", at, "--resume", "--rectification")
    document = manifest.read((tree / manifest.NAME).read_bytes())
    assert document.orders == ("rectification", "resume")
    assert document.window.retain_until == document.window.closes


def test_what_a_power_cut_left_of_a_signing_keeps_no_corte_from_being_signed(tree: Path, election: Path, key: Path):
    (tree / ".nuevo-a1b2").write_bytes(b"{")
    run_verb(tree, "--election", election, "--key", key)
    assert not (tree / ".nuevo-a1b2").exists()


def test_a_key_that_no_server_knows_leaves_the_signature_that_they_know(
    tree: Path, election: Path, key: Path, tmp_path: Path
):
    run_verb(tree, "--election", election, "--key", key)
    before = signing.papers(tree)
    words = [str(part) for part in (tree, "--election", election, "--key", make_key(tmp_path, "otra"))]
    done = CliRunner().invoke(command_of(sign), words)
    assert (done.exit_code, "La firma no es de quien" in done.output) == (1, True), done.output
    assert signing.papers(tree) == before


@pytest.mark.parametrize("flags", [("--hold", "--resume"), ("--close", "2024-06-01T00:00:00Z")])
def test_an_order_that_makes_no_sense_is_not_signed(tree: Path, election: Path, key: Path, flags: tuple[str, ...]):
    arguments = [str(part) for part in (tree, "--election", election, "--key", key, *flags)]
    assert CliRunner().invoke(command_of(sign), arguments).exit_code == 1
    assert not signing.is_signed(tree)
