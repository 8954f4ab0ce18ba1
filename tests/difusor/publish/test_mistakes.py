"""What an operator mistypes at three in the morning is not signed, where it would keep out the right cortes."""

from __future__ import annotations

import codecs
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from corte_kit import FILES, make_key, write_files
from publish_kit import command_of, make_target

from corte.format import content, instants, manifest, signature
from corte.format.refusal import Refusal
from difusor.commands import publish, sign
from difusor.inventory import load_election
from difusor.project import UnusableError
from difusor.publish import deliver, mirror, mistakes, signing
from difusor.publish.deliver import Options
from difusor.publish.orders import signed_for
from difusor.publish.push import PushFailed
from difusor.publish.signing import SignedCorte

OPENS = datetime(2024, 6, 3, 2, tzinfo=UTC)
OFFICES = [{"clave": "congreso", "archivo": "datos/congreso.json"}]
"""By these a head is one that the page reads."""


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no mirror answer."""
    monkeypatch.setattr(mirror.Mirror, "status", lambda mirror: None)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "corte", 7)


def make_tree(folder: Path, sequence: int, corte: datetime = OPENS + timedelta(minutes=60), **said: object) -> Path:
    """Write a folder that says which corte it is."""
    identity = {"secuencia": sequence, "corte": instants.write(corte), **said}
    write_files(folder, {**FILES, "datos/corte.json": json.dumps(identity).encode()})
    return folder


def run_sign(tree: Path, election: Path, key: Path, *flags: object) -> Result:
    words = [str(tree), "--election", str(election), "--key", str(key), *map(str, flags)]
    return CliRunner().invoke(command_of(sign), words)


def this_night(election: Path, opens: datetime) -> None:
    """Give the election's file the window of 24 hours that opens at an instant."""
    text = election.read_text()
    for name, instant in (
        ("opens", opens), ("closes", opens + timedelta(hours=24)), ("retain_until", opens + timedelta(days=7)),
    ):  # fmt: skip
        before = next(line for line in text.splitlines() if f"election_{name}:" in line)
        text = text.replace(before, f'    election_{name}: "{instants.write(instant)}"')
    election.write_text(text)


def test_a_corte_stamped_ahead_is_not_signed(tree: Path, election: Path, key: Path):
    now = instants.now().replace(microsecond=0)
    this_night(election, now - timedelta(hours=1))
    done = run_sign(tree, election, key, "--corte", instants.write(now + timedelta(hours=3)))
    assert done.exit_code == 1 and "aún no llegan" in done.output
    assert not signing.is_signed(tree)
    assert run_sign(tree, election, key, "--corte", instants.write(now + timedelta(minutes=4))).exit_code == 0


def test_a_folder_that_says_an_instant_ahead_is_not_signed(tmp_path: Path, election: Path, key: Path):
    """An hour too much in the offset is typed as easily in the system that writes the folder."""
    now = instants.now().replace(microsecond=0)
    this_night(election, now - timedelta(hours=1))
    tree = make_tree(tmp_path / "otra", 7, now + timedelta(hours=1))
    assert run_sign(tree, election, key).exit_code == 1
    with pytest.raises(Refusal, match="aún no llegan"):
        signed_for([make_target(election)], tree, key)


def test_an_official_corte_of_before_the_opening_is_not_signed(tmp_path: Path, election: Path, key: Path) -> None:
    """Citizens would read an hour at which nothing was published; that of zeros has the opening's."""
    tree = make_tree(tmp_path / "corte", 1, OPENS - timedelta(minutes=20))
    done = run_sign(tree, election, key)
    said = " ".join(done.output.split())
    assert (done.exit_code, signing.is_signed(tree)) == (1, False)
    assert "su elección abre 02/06/2024 19:00:00 PDT, la hora que lleva el de ceros" in said
    assert f"corrija «corte» en {tree / signing.IDENTITY}: el de ceros lleva 2024-06-02T19:00:00-07:00" in said
    at = "2024-06-02T19:00:00-07:00"
    done = run_sign(tree, election, key, "--corte", at)
    assert done.exit_code == 0 and "dice ser el corte 1 de las" in " ".join(done.output.split()), "whoever insists"
    right = make_tree(tmp_path / "otra", 1, OPENS)
    done = run_sign(right, election, key, "--corte", "2024-06-02T18:40:00-07:00")
    assert done.exit_code == 1 and f"corrija --corte: el de ceros lleva {at}" in " ".join(done.output.split())
    assert run_sign(right, election, key).exit_code == 0


def test_what_is_out_is_held_or_withdrawn_whatever_hours_its_page_tells(
    tmp_path: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version, or another machine, signed it; to correct the folder first would make it another corte."""
    tree = make_tree(tmp_path / "corte", 1, OPENS - timedelta(minutes=20))
    with monkeypatch.context() as earlier:
        earlier.setattr(mistakes, "check_page", lambda *given: None)
        assert run_sign(tree, election, key).exit_code == 0
    assert run_sign(tree, election, key).exit_code == 1
    for order in (("--hold",), ("--withdraw", str(tree))):
        done = run_sign(tree, election, key, *order)
        assert done.exit_code == 0, done.output


def test_of_a_rehearsal_it_is_told_with_what_an_official_server_would_refuse(
    tmp_path: Path, election: Path, key: Path
) -> None:
    tree = make_tree(tmp_path / "corte", 1, OPENS - timedelta(minutes=20))
    done = run_sign(tree, election, key, "--simulacro")
    said = " ".join(done.output.split())
    assert done.exit_code == 0 and "en una elección oficial no se firmaría" in said
    assert "Antes de una apertura oficial se rechazaría" in said


@pytest.mark.parametrize("option", ["--close", "--retain", "--corte"])
def test_an_ordered_instant_has_the_difference_with_utc_of_the_place(
    tree: Path, election: Path, key: Path, option: str
):
    """That of the neighbouring place would close the page an hour early on every mirror."""
    place = load_election(election)
    end = place.window.retain_until if option == "--retain" else place.closes  # one that has passed is of no use
    at = place.closes - timedelta(minutes=90) if option == "--corte" else end + timedelta(minutes=30)
    right = timezone(place.utc_offset)
    wrong = timezone(place.utc_offset + timedelta(hours=1))
    done = run_sign(tree, election, key, option, at.astimezone(wrong).isoformat())
    assert (done.exit_code, signing.is_signed(tree)) == (1, False)
    assert f"{option}: «" in done.output and "corríjala" in done.output
    for zone in (right, UTC):
        assert run_sign(tree, election, key, option, at.astimezone(zone).isoformat(), "--jump", 999).exit_code == 0
    found = manifest.read((tree / manifest.NAME).read_bytes())
    assert at in (found.window.closes, found.window.retain_until, found.corte)


def test_the_corte_of_the_opening_is_signed_before_it(tmp_path: Path, election: Path, key: Path):
    opens = instants.now().replace(microsecond=0) + timedelta(hours=2)
    this_night(election, opens)
    assert run_sign(make_tree(tmp_path / "ceros", 1, opens), election, key).exit_code == 0
    assert run_sign(make_tree(tmp_path / "dos", 2, opens + timedelta(minutes=10)), election, key).exit_code == 1


def test_a_corte_stamped_ahead_is_not_sent(tree: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch):
    """Somebody else signed it, or another version did."""
    now = instants.now().replace(microsecond=0)
    this_night(election, now - timedelta(hours=1))
    signed = stamped(signing.sign(tree, load_election(election), key, 7, now), key, now + timedelta(hours=3))
    sent = arrange(monkeypatch, None)
    outcome = deliver.deliver(signed, make_target(election), Options(wait=0))
    assert (outcome.result, sent) == ("refused", []) and "aún no llegan" in outcome.detail


def stamped(signed: SignedCorte, key: Path, corte: datetime) -> SignedCorte:
    """Sign a corte with another instant, as a program without this check would."""
    before = instants.write(signed.manifest.corte).encode()
    raw = (
        (signed.folder / manifest.NAME)
        .read_bytes()
        .replace(b'"corte": "' + before, b'"corte": "' + instants.write(corte).encode())
    )
    (signed.folder / manifest.NAME).write_bytes(raw)
    armour = signature.sign(raw, key, signed.manifest.election)
    (signed.folder / manifest.SIGNATURE_NAME).write_bytes(armour)
    return SignedCorte.of(signed.folder, raw, armour)


@pytest.mark.parametrize(("sequence", "flags", "status"), [
    (17, (), 0), (18, (), 1), (1_000_000_000, (), 1), (18, ("--jump", 11), 0), (19, ("--jump", 11), 1), (3, (), 0),
])  # fmt: skip
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_jump_of_more_than_ten_is_said_twice(
    tree: Path, tmp_path: Path, election: Path, key: Path,
    sequence: int, flags: tuple[object, ...], status: int, elsewhere: bool,
):  # fmt: skip
    """The last sequence is known from the folder, and from the record of this machine for another folder."""
    assert run_sign(tree, election, key).exit_code == 0
    following = make_tree(tmp_path / "siguiente" if elsewhere else tree, sequence)
    done = run_sign(following, election, key, *flags)
    assert done.exit_code == status, done.output
    if status:
        assert f"--jump {sequence - 7}" in " ".join(done.output.split())


def test_without_records_the_clock_bounds_the_sequence(tmp_path: Path, election: Path, key: Path):
    at = OPENS + timedelta(minutes=300)  # the 31st corte
    assert run_sign(make_tree(tmp_path / "a", 42, at), election, key).exit_code == 1
    assert run_sign(make_tree(tmp_path / "b", 41, at), election, key).exit_code == 0


@pytest.mark.parametrize("spoil", [b"", b"{", b"[]", b'{"sequence": "x"}', b"\xff"])
def test_damaged_lines_of_what_was_signed_are_ignored(
    tree: Path, tmp_path: Path, election: Path, key: Path, records: Path, spoil: bytes
):
    assert run_sign(tree, election, key).exit_code == 0
    (history,) = records.glob("*/*.historia.jsonl")
    history.write_bytes(spoil)
    assert run_sign(make_tree(tmp_path / "a", 8), election, key).exit_code == 0
    done = run_sign(make_tree(tmp_path / "b", 19), election, key)
    assert done.exit_code == 1 and "es el 8;" in " ".join(done.output.split())


def test_a_history_of_gigabytes_fills_no_memory(tree: Path, election: Path, key: Path, records: Path):
    """As a damaged disk leaves it: one line without an end, of zeros."""
    assert run_sign(tree, election, key).exit_code == 0
    (history,) = records.glob("*/*.historia.jsonl")
    os.truncate(history, 2 << 30)
    done = run_sign(tree, election, key)
    said = " ".join(done.output.split())
    assert done.exit_code == 1 and "qué cortes se firmaron y se publicaron: el archivo es demasiado grande" in said


def test_a_rehearsal_has_its_own_numbers(tree: Path, tmp_path: Path, election: Path, key: Path):
    done = run_sign(make_tree(tmp_path / "a", 100), election, key, "--simulacro", "--jump", "100")
    assert done.exit_code == 0, done.output
    assert run_sign(make_tree(tmp_path / "b", 100), election, key).exit_code == 1


def test_publish_signs_a_jump_only_if_told(tmp_path: Path, election: Path, key: Path):
    tree = make_tree(tmp_path / "a", 500)
    with pytest.raises(UnusableError, match="--jump"):
        signed_for([make_target(election)], tree, key)
    assert signed_for([make_target(election)], tree, key, 500).manifest.sequence == 500


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (1, r"formato 1 y este programa lee el 2: .*anterior.*git pull.*sin ejecutar antes apply.*\./difusor sign"),
        (3, r"formato 3 y este programa lee el 2: .*posterior.*\./difusor apply desde la máquina que firmó.*git pull"),
    ],
    ids=["older", "newer"],
)
def test_publish_says_that_another_version_signed_the_corte(
    tree: Path, election: Path, key: Path, written: int, said: str
):
    """The first format said nothing of orders. An `apply` by the older side would take every server back to it."""
    assert run_sign(tree, election, key).exit_code == 0
    document = json.loads((tree / manifest.NAME).read_bytes())
    del document["standing"]
    (tree / manifest.NAME).write_text(json.dumps({**document, "format": written}, indent=1, sort_keys=True) + "\n")
    with pytest.raises(Refusal, match=said):
        signed_for([make_target(election)], tree, None)


@pytest.mark.parametrize(("said", "flags"), [(True, ()), (False, ("--simulacro",))])
def test_a_rehearsals_folder_is_no_official_corte(
    tmp_path: Path, election: Path, key: Path, said: bool, flags: tuple[str, ...]
):
    """Of the same sequence as the right corte, it would keep the right one out."""
    done = run_sign(make_tree(tmp_path / "a", 7, simulacro=said), election, key, *flags)
    assert done.exit_code == 1 and "simulacro" in done.output
    right = ["--simulacro"] if said else []
    assert run_sign(make_tree(tmp_path / "b", 7, simulacro=said), election, key, *right).exit_code == 0


def test_invented_data_are_no_official_corte(tmp_path: Path, election: Path, key: Path):
    """Also where nothing says that they are of a rehearsal."""
    done = run_sign(make_tree(tmp_path / "a", 7, datos_sinteticos=True), election, key)
    assert done.exit_code == 1 and "datos inventados" in done.output
    right = make_tree(tmp_path / "b", 7, datos_sinteticos=True)
    assert run_sign(right, election, key, "--simulacro").exit_code == 0
    assert run_sign(make_tree(tmp_path / "c", 7, datos_sinteticos=False), election, key).exit_code == 0


MISSING = object()


@pytest.mark.parametrize(
    ("field", "said", "official", "rehearsal"),
    [
        ("simulacro", "0", 1, 1), ("simulacro", "false", 1, 1), ("simulacro", "true", 1, 1), ("simulacro", 1, 1, 1),
        ("simulacro", [], 1, 1), ("simulacro", 0, 0, 1), ("simulacro", None, 0, 1), ("simulacro", MISSING, 0, 1),
        ("datos_sinteticos", "0", 1, 1), ("datos_sinteticos", 1, 1, 1), ("datos_sinteticos", None, 0, 1),
        ("datos_sinteticos", MISSING, 0, 0),
    ],
)  # fmt: skip
def test_a_label_that_the_page_would_show_or_leave_out_by_mistake_is_not_signed(
    tmp_path: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch,
    field: str, said: object, official: int, rehearsal: int,
) -> None:  # fmt: skip
    """JavaScript takes "0" and "false" for true: official results stood below SIMULACRO, and invented ones without."""
    for flags, environment, status in (((), False, official), (("--simulacro",), True, rehearsal)):
        labels = {"simulacro": environment, "datos_sinteticos": environment, field: said}
        labels = {name: value for name, value in labels.items() if value is not MISSING}
        tree = make_tree(tmp_path / f"corte-{environment}", 7, elecciones=OFFICES, **labels)
        done = run_sign(tree, election, key, *flags)
        told = " ".join(done.output.split())
        assert (done.exit_code, f"«{field}»" in told and "sin comillas" in told) == (status, bool(status)), told
        with monkeypatch.context() as earlier:
            earlier.setattr(mistakes, "check_page", lambda *given: None)
            assert run_sign(tree, election, key, *flags).exit_code == 0
        done = run_sign(tree, election, key, *flags, "--hold")
        told = " ".join(done.output.split())
        assert (done.exit_code, f"«{field}»" in told) == (0, bool(status)), "what is out is held, with a warning"
        other = make_tree(tmp_path / f"otra-{environment}", 7, **labels)
        assert run_sign(other, election, key, *flags, "--withdraw", tree).exit_code == 0, "another application's"


def test_a_mark_of_byte_order_hides_nothing(tmp_path: Path, election: Path, key: Path):
    """The number was not found, and what the advice led to was signed without a look at what the folder says."""
    given = ("--sequence", "7", "--corte", instants.write(OPENS + timedelta(minutes=60)))
    for name, flags, said, status in (("a", (), False, 0), ("b", given, True, 1)):
        tree = make_tree(tmp_path / name, 7, simulacro=said, totales={"actas_capturadas": 0})
        head = tree / signing.IDENTITY
        head.write_bytes(codecs.BOM_UTF8 + head.read_bytes())
        assert run_sign(tree, election, key, *flags).exit_code == status
        assert content.captures(tree, [signing.IDENTITY]) == "", "a server takes it, too"


@pytest.mark.parametrize("flags", [(), ("--sequence", "7", "--corte", instants.write(OPENS + timedelta(minutes=60)))])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{\n'simulacro': 1}", "no es JSON: se interrumpe en el renglón 2, columna 1"),
        (b'{"simulacro": "\xf1"}', "no está en UTF-8"),
        (b"[" * 100_000, "no es JSON que se pueda leer"),
    ],
)
def test_a_folder_that_says_nothing_readable_is_not_signed(
    tree: Path, election: Path, key: Path, flags: tuple[str, ...], text: bytes, said: str
):
    (tree / signing.IDENTITY).write_bytes(text)
    done = run_sign(tree, election, key, *flags)
    assert done.exit_code == 1 and said in " ".join(done.output.split())
    assert not signing.is_signed(tree)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_what_no_browser_reads_is_not_signed(
    tmp_path: Path, election: Path, key: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python writes it for 0/0, and reads it: every page would have stayed at the corte before, unexplained."""
    said: dict[str, object] = {"simulacro": False, "totales": {"participacion": float(name)}}
    tree = make_tree(tmp_path / "a", 7, elecciones=OFFICES, **said)
    done = run_sign(tree, election, key)
    told = " ".join(done.output.split())
    assert done.exit_code == 1 and f"dice {name}, que no es JSON y ningún navegador lee" in told
    assert run_sign(make_tree(tmp_path / "b", 7, **said), election, key).exit_code == 0, "another application's"
    with monkeypatch.context() as earlier:
        earlier.setattr(mistakes, "check_page", lambda *given: None)
        assert run_sign(tree, election, key).exit_code == 0
    assert run_sign(tree, election, key).exit_code == 1
    assert run_sign(tree, election, key, "--hold").exit_code == 0, "what is out is held, whatever it says"


@pytest.mark.parametrize(("flags", "told"), [((), False), (("--sequence", "8"), True)])
def test_a_number_that_the_folder_does_not_say_is_told(
    tree: Path, election: Path, key: Path, flags: tuple[str, ...], told: bool
):
    done = run_sign(tree, election, key, *flags)
    assert done.exit_code == 0 and ("dice ser el corte 7" in done.output) is told


@pytest.mark.parametrize("written", [manifest.FORMAT, 1], ids=["this version's", "another version's"])
def test_a_folder_that_was_signed_for_another_election_is_not_signed_for_this_one(
    tree: Path, election: Path, key: Path, written: int
) -> None:
    """With a key it was signed anew for whichever election was given; what is rehearsed is of the same one."""
    other = load_election(election).model_copy(update={"id": "otra-2027"})
    signing.sign(tree, other, key)
    if written != manifest.FORMAT:
        document = json.loads((tree / manifest.NAME).read_bytes())
        (tree / manifest.NAME).write_text(json.dumps({**document, "format": written}))
    before = signing.papers(tree)
    done = run_sign(tree, election, key)
    told = " ".join(done.output.split())
    assert done.exit_code == 1 and "es de la elección «otra-2027»" in told and "para «demo»" in told
    assert "copie la carpeta sin corte.json ni corte.json.sig, y firme la copia" in told
    for given in (key, None):
        with pytest.raises(UnusableError, match="«otra-2027»"):
            signed_for([make_target(election)], tree, given)
    assert signing.papers(tree) == before
    for name in (manifest.NAME, manifest.SIGNATURE_NAME):
        (tree / name).unlink()
    assert run_sign(tree, election, key, "--simulacro").exit_code == 0
    assert run_sign(tree, election, key).exit_code == 0, "only the environment is another"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--sequence", "8"), "--sequence 8, y la firma dice 7"),
        (
            ("--corte", "2024-06-02T20:10:00-07:00"),
            "--corte 2024-06-02T20:10:00-07:00, y la firma dice 2024-06-02T20:00:00-07:00",
        ),
        (("--sequence", "400", "--corte", "2024-06-03T03:10:00Z"), "quite --sequence y --corte;"),
    ],
)
@pytest.mark.parametrize("order", [(), ("--hold",)])
def test_an_option_that_contradicts_the_signature_of_a_folder_is_refused(
    tree: Path, election: Path, key: Path, flags: tuple[str, ...], told: str, order: tuple[str, ...]
) -> None:
    """It was signed again under the other number, and mirrors had one content as two cortes."""
    assert run_sign(tree, election, key).exit_code == 0
    before = signing.papers(tree)
    done = run_sign(tree, election, key, *flags, *order)
    said = " ".join(done.output.split())
    assert done.exit_code == 1 and told in said and "--jump" not in said, said
    assert "copie la carpeta sin corte.json" in said and signing.papers(tree) == before


def test_what_the_signature_says_too_or_is_another_corte_contradicts_nothing(
    tmp_path: Path, tree: Path, election: Path, key: Path
) -> None:
    """Another application's folder does not say its number, and the next corte is exported over that of the last."""
    same = ("--sequence", "7", "--corte", instants.write(OPENS + timedelta(minutes=60)))
    for flags in ((), same):
        assert run_sign(tree, election, key, *flags).exit_code == 0
    (tree / "descargas/a.csv").write_bytes(b"c|d\n")
    following = ("--sequence", "8", "--corte", instants.write(OPENS + timedelta(minutes=70)))
    assert run_sign(tree, election, key, *following).exit_code == 0
    assert run_sign(tree, election, key, "--simulacro", "--sequence", "3").exit_code == 0, "its numbers are its own"


def test_a_mistyped_number_is_corrected_by_withdrawing_it(tree: Path, election: Path, key: Path) -> None:
    assert run_sign(tree, election, key, "--sequence", "9").exit_code == 0
    assert run_sign(tree, election, key, "--sequence", "7").exit_code == 1
    done = run_sign(tree, election, key, "--sequence", "7", "--withdraw", tree)
    assert done.exit_code == 0 and "ESTE CORTE RETIRA OTRO: el corte 9 deja de mostrarse" in done.output, done.output


def test_a_corte_later_than_its_own_close_is_not_signed(tree: Path, election: Path, key: Path):
    done = run_sign(tree, election, key, "--close", instants.write(OPENS + timedelta(minutes=30)))
    told = " ".join(done.output.split())
    assert done.exit_code == 1
    assert "--close: 2024-06-02T19:30:00-07:00 es anterior al propio corte, de las 2024-06-02T20:00:00-07:00" in told


@pytest.mark.parametrize("is_moved", [False, True], ids=["as in the file", "moved by the last corte"])
def test_an_open_page_is_not_closed_by_an_instant_that_has_passed(
    tmp_path: Path, election: Path, key: Path, is_moved: bool, monkeypatch: pytest.MonkeyPatch
):
    """The day before, typed by mistake, would close every mirror as it receives the corte; nothing told of it."""
    now = instants.now().replace(microsecond=0)
    this_night(election, now - timedelta(hours=30 if is_moved else 3))  # it closes after 24
    tree, passed = make_tree(tmp_path / "siete", 7, now - timedelta(hours=2, minutes=30)), now - timedelta(hours=2)
    if is_moved:
        tree = make_tree(tmp_path / "seis", 6, now - timedelta(hours=7))
        with monkeypatch.context() as patch:
            patch.setattr(instants, "now", lambda: now - timedelta(hours=6, minutes=30))
            moved = instants.write(now + timedelta(hours=1))
            assert run_sign(tree, election, key, "--close", moved, "--jump", 999).exit_code == 0
    before = (tree / manifest.NAME).read_bytes() if is_moved else b""
    done = run_sign(tree, election, key, "--close", instants.write(passed), "--jump", 999)
    told = " ".join(done.output.split())
    assert done.exit_code == 1 and "ya pasó, y todos los espejos cerrarían" in told
    assert not signing.is_signed(tree) or (tree / manifest.NAME).read_bytes() == before
    done = run_sign(tree, election, key, "--close", told.rpartition("--close ")[2], "--jump", 999)
    assert done.exit_code == 0, done.output


def test_after_its_close_a_corte_is_signed_with_the_close_that_was_right(tmp_path: Path, election: Path, key: Path):
    """To withdraw one the next day, while the file of the election has the close of before it was moved."""
    now = instants.now().replace(microsecond=0)
    this_night(election, now - timedelta(hours=30))
    tree = make_tree(tmp_path / "siete", 7, now - timedelta(hours=8))
    done = run_sign(tree, election, key, "--close", instants.write(now - timedelta(hours=5)), "--jump", 999)
    assert done.exit_code == 0, done.output


def test_a_key_that_may_not_sign_is_told_at_once(tree: Path, tmp_path: Path, election: Path, records: Path):
    done = run_sign(tree, election, make_key(tmp_path, "otra"))
    assert done.exit_code == 1
    assert list(records.glob("*.json*")) == [], "nothing of it stands"


def arrange(monkeypatch: pytest.MonkeyPatch, said: dict[str, object] | None) -> list[Path]:
    """Have the mirror say this; return the list that gets the folder of each push."""
    sent: list[Path] = []

    def push(folder: Path, *_: object) -> int:
        sent.append(folder)
        raise PushFailed("sent")

    monkeypatch.setattr(deliver, "push", push)
    monkeypatch.setattr(deliver.Mirror, "status", lambda self: said)
    monkeypatch.setattr(mirror, "BEHIND", 0.1)
    return sent


@pytest.mark.parametrize(("captured", "sent"), [(0, 1), (5, 0)])
@pytest.mark.parametrize("ours", [True, False], ids=["by our clock", "by the mirror's clock"])
def test_before_the_opening_only_zeros_are_sent(
    tmp_path: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch, captured: int, sent: int, ours: bool
):
    now = instants.now().replace(microsecond=0)
    this_night(election, now + timedelta(hours=1) if ours else now - timedelta(minutes=1))
    tree = make_tree(tmp_path / "corte", 2, now, totales={"actas_capturadas": captured})
    signed = signing.sign(tree, load_election(election), key)
    waiting = {"gate": {"state": "waiting"}, "clock": {"synchronised": True}}
    pushed = arrange(monkeypatch, None if ours else waiting)
    outcome = deliver.deliver(signed, make_target(election), Options(wait=0))
    assert len(pushed) == sent
    assert outcome.result == ("failed" if sent else "refused")
    if not sent:
        assert ("Antes de la apertura" in outcome.detail) is ours
        assert ("el del espejo va detrás" in outcome.detail) is not ours


def test_results_pushed_at_the_opening_wait_for_a_mirror_whose_clock_is_a_little_behind(
    tmp_path: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch
):
    now = instants.now().replace(microsecond=0)
    this_night(election, now)
    tree = make_tree(tmp_path / "corte", 2, now, totales={"actas_capturadas": 5})
    signed = signing.sign(tree, load_election(election), key)
    pushed = arrange(monkeypatch, None)
    monkeypatch.setattr(mirror, "BEHIND", 30)
    said = [{"gate": {"state": state}, "clock": {"synchronised": True}} for state in ("waiting", "waiting", "open")]
    monkeypatch.setattr(deliver.Mirror, "status", lambda self: said.pop(0) if len(said) > 1 else said[0])
    deliver.deliver(signed, make_target(election), Options(wait=0))
    assert len(pushed) == 1


@pytest.mark.parametrize("said", [{"gate": {"state": "waiting"}}, {"gate": {"state": "open"}}, None])
def test_a_mirror_without_a_right_clock_does_not_stop_the_night(
    tmp_path: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, object] | None
):
    now = instants.now().replace(microsecond=0)
    this_night(election, now - timedelta(hours=1))
    tree = make_tree(tmp_path / "corte", 2, now, totales={"actas_capturadas": 5})
    pushed = arrange(monkeypatch, said)
    deliver.deliver(signing.sign(tree, load_election(election), key), make_target(election), Options(wait=0))
    assert len(pushed) == 1


def test_a_rehearsal_may_be_sent_whole_before_it_opens(
    tmp_path: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch
):
    now = instants.now().replace(microsecond=0)
    this_night(election, now + timedelta(hours=1))
    rehearsal = load_election(election).model_copy(update={"environment": "simulacro"})
    tree = make_tree(tmp_path / "corte", 2, now, totales={"actas_capturadas": 5})
    pushed = arrange(monkeypatch, None)
    target = replace(make_target(election), election=rehearsal)
    deliver.deliver(signing.sign(tree, rehearsal, key), target, Options(wait=0))
    assert len(pushed) == 1


@pytest.mark.parametrize(("captured", "told"), [(0, False), (5, True)])
def test_a_rehearsal_tells_what_an_official_opening_would_refuse(
    tmp_path: Path, election: Path, key: Path, captured: int, told: bool
):
    tree = make_tree(tmp_path / "ceros", 1, OPENS, totales={"actas_capturadas": captured})
    done = run_sign(tree, election, key, "--simulacro")
    assert done.exit_code == 0 and ("se rechazaría" in done.output) is told


def test_publish_says_why_no_inventory_can_be_used(tree: Path, tmp_path: Path, key: Path):
    (tmp_path / "vacio").mkdir()
    (tmp_path / "vacio/hosts.yml").write_text("---\nall: {children: {difusores: {hosts: {}}}}\n")
    done = CliRunner().invoke(command_of(publish), [str(tree), "-i", str(tmp_path / "vacio"), "--key", str(key)])
    assert done.exit_code == 1
    assert "no tiene servidores en el grupo difusores" in " ".join(done.output.split())
