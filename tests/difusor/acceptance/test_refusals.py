"""What an acceptance refuses before it touches anything, and what keeps an interrupted one from going on."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
import typer
import yaml
from home_kit import difusor, furnish, made

from difusor.acceptance import begin, refusals
from difusor.acceptance.case import Case
from difusor.acceptance.journal import Journal, latest, shelf
from difusor.commands import accept
from difusor.project import ROOT, UnusableError

SHOWN = '{"shown": {"corte": "2027-06-06T20:10:00Z"}, "gate": {"state": "open"}}'
HELD = '{"shown": null, "held": {"corte": "2027-06-06T20:00:00Z"}, "gate": {"state": "waiting"}}'


@pytest.fixture(scope="module")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = tmp_path_factory.mktemp("llave") / "firma"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return key


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signing_key: Path) -> Path:
    """Return the inventory of a rehearsal that is under way, whose cortes `signing_key` signs."""
    folder = furnish(tmp_path / "instituto", monkeypatch)
    found = made()
    now, day = datetime.now(UTC).replace(microsecond=0), timedelta(days=1)
    signer = {
        "principal": "firma@instituto.mx",
        "key": " ".join(signing_key.with_suffix(".pub").read_text().split()[:2]),
        "valid_after": (now - day).isoformat(),
        "valid_before": (now + day).isoformat(),
    }
    decide(
        folder,
        election_opens=(now - timedelta(hours=1)).isoformat(),
        election_closes=(now + timedelta(hours=23)).isoformat(),
        election_signers=[signer],
    )
    return found


def decide(home: Path, **values: Any) -> None:
    """Change the election of a home."""
    path = home / "elections/ensayo.yml"
    document = yaml.safe_load(path.read_text())
    document["all"]["vars"].update(values)
    path.write_text(yaml.safe_dump(document))


def home_of(inventory: Path) -> Path:
    return inventory.parents[1]


class Told(Case):
    """A server that answers as is said here."""

    answer = ""
    unreachable = ""

    def ask(self, *_: str) -> str:
        return self.answer

    def known(self) -> Any:
        identity = {"ssh_host_key": "SHA256:uno", "machine_id": "m1"}
        return SimpleNamespace(unreachable=self.unreachable, identity=identity)


@pytest.fixture
def case(inventory: Path, signing_key: Path) -> Told:
    return Told(inventory, refusals.only_server(inventory), signing_key)


def test_an_official_election(case: Told, inventory: Path) -> None:
    decide(home_of(inventory), election_environment="official")
    with pytest.raises(UnusableError, match="ensayo es una elección oficial"):
        begin.begin(case, case.server, keep=False)


def test_a_rehearsal_that_is_over(case: Told, inventory: Path) -> None:
    decide(home_of(inventory), election_opens="2024-06-02T20:00:00Z", election_closes="2024-06-03T20:00:00Z")
    with pytest.raises(UnusableError, match="cerró el"):
        begin.begin(case, case.server, keep=False)


def test_a_rehearsal_that_closes_meanwhile(case: Told, inventory: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    opens, closes = now - timedelta(hours=23), now + timedelta(hours=1)
    decide(home_of(inventory), election_opens=opens.isoformat(), election_closes=closes.isoformat())
    with pytest.raises(UnusableError, match=r"ensayo cierra en (59|60) minutos, y una aceptación puede tardar 90"):
        begin.begin(case, case.server, keep=False)


def test_a_key_that_signs_nothing_here(case: Told, tmp_path: Path) -> None:
    other = tmp_path / "otra"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    with pytest.raises(UnusableError, match="no es de ningún firmante"):
        begin.begin(Told(case.inventory, case.server, other), case.server, keep=False)


def test_a_server_that_is_not_bare(case: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer, sentence in (
        (f"{SHOWN}\n/srv/prep\n", r"sirve un corte \(el de 2027-06-06T20:10:00Z, compuerta open\), según /srv/prep"),
        (f"{HELD}\n/srv/prep\n", r"guarda un corte que aún no muestra \(el de 2027-06-06T20:00:00Z, compuerta waiting"),
        ("\n/srv/prep\n", r"ya tiene el proyecto, o algo que dejó \(/srv/prep\)"),
        ("{no es JSON\n/var/lib/prep-difusor\n/srv/prep\n", r"dejó \(/var/lib/prep-difusor, /srv/prep\)"),
        ("\nprep-visita\n", "ya tiene una cuenta prep-visita"),
    ):
        monkeypatch.setattr(Told, "answer", answer)
        with pytest.raises(UnusableError, match=sentence):
            begin.begin(case, case.server, keep=False)
    monkeypatch.setattr(Told, "unreachable", "diario no responde: 189.240.1.7 rechaza el puerto 2222")
    with pytest.raises(UnusableError, match="rechaza el puerto 2222"):
        begin.begin(case, case.server, keep=False)
    assert latest(case.inventory) is None


@pytest.mark.parametrize(
    ("traces", "advised", "harmful"),
    [
        (["/var/lib/prep-difusor", "/srv/prep"], "./difusor remove -i diario --data", ("--early", "rm -r", "borre")),
        (["/srv/prep"], "sudo rm -r /srv/prep", ("difusor remove",)),
        (["/srv/prep", "/usr/local/sbin/prep-rollback"], "tráigalo de un respaldo", ("difusor remove", "rm -r")),
    ],
    ids=["installed", "its data", "installed, its record lost"],
)
def test_what_is_advised_of_a_server_that_is_not_bare_makes_it_bare(
    traces: list[str], advised: str, harmful: tuple[str, ...], case: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its record `remove` passes a server over, and who deleted the record could not give it back any more."""
    monkeypatch.setattr(Told, "answer", "\n".join(["", *traces, ""]))
    with pytest.raises(UnusableError) as refused:
        refusals.check_server(case)
    assert advised in str(refused.value) and not [each for each in harmful if each in str(refused.value)]


def test_another_name_and_nobody_to_type_it(case: Told) -> None:
    for typed in ("", "otro", case.server.upper()):
        with pytest.raises(UnusableError, match="no es el nombre del servidor en el inventario"):
            begin.begin(case, typed, keep=False)
    with pytest.raises(click.UsageError, match="falta --name"):
        begin.begin(case, None, keep=False)
    assert latest(case.inventory) is None


def test_the_verb_says_what_is_missing(inventory: Path) -> None:
    done = difusor("accept", "-i", "diario", home=home_of(inventory))
    assert (done.returncode, "con --key" in done.stderr.replace("\n", " ")) == (64, True)
    done = difusor("accept", "-i", "diario", "--resume", home=home_of(inventory))
    assert done.returncode == 2
    assert "no hay ninguna aceptación a medias de diario" in done.stderr


@pytest.mark.parametrize("end", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_before_it_begins_is_no_failed_step(
    case: Told, end: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise end

    monkeypatch.setattr(begin, "begin", interrupted)
    with pytest.raises(typer.Exit) as exit_:
        accept.run(case.inventory, key=case.key)
    assert exit_.value.exit_code == 2
    assert "nada se tocó" in capsys.readouterr().err


def test_several_servers(inventory: Path) -> None:
    hosts = inventory / "hosts.yml"
    document = yaml.safe_load(hosts.read_text())
    (group,) = document["difusores"]["children"].values()
    group["hosts"]["segundo"] = {"ansible_host": "189.240.1.8"}
    hosts.write_text(yaml.safe_dump(document))
    with pytest.raises(UnusableError, match="tiene 2 servidores"):
        refusals.only_server(inventory)


def test_one_that_was_interrupted_comes_first(case: Told) -> None:
    journal = Journal(shelf(case.inventory) / "20270606T200000Z")
    journal.begin(refusals.beginning(case, False, "SHA256:uno", "m1"))
    with pytest.raises(UnusableError, match=r"20270606T200000Z quedó a medias: sígala con .*--resume"):
        begin.begin(case, case.server, keep=False)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"key": Path("/otra/llave")}, r"--key no cambia a la mitad: esa aceptación comenzó con \S*firma; repita sin"),
        ({"authority": Path("/otra/ca.pem")}, "--ca no cambia a la mitad: esa aceptación comenzó sin ella"),
        ({"keep": True}, "comenzó sin --keep y al terminar devuelve el servidor"),
    ],
    ids=["key", "authority", "keep"],
)
def test_what_is_given_to_go_on_is_not_ignored(case: Told, other: dict[str, Any], sentence: str) -> None:
    """It went on with what it had begun with, and cleared the server that was to be kept."""
    journal = Journal(shelf(case.inventory) / "20270606T200000Z")
    journal.begin(refusals.beginning(case, False, "SHA256:uno", "m1"))
    with pytest.raises(UnusableError, match=sentence):
        begin.resume(case.inventory, **{"key": case.key, **other})


def test_what_must_be_the_same_to_go_on(case: Told) -> None:
    journal = Journal(shelf(case.inventory) / "20270606T200000Z")
    journal.begin(refusals.beginning(case, False, "SHA256:uno", "m1"))
    refusals.check_same(journal, refusals.beginning(case, False, "SHA256:uno", "m1"))
    for host_key, machine, sentence in (
        ("SHA256:dos", "m1", "la llave con que se identifica el servidor es otra"),
        ("SHA256:uno", "m2", "el servidor es otro, o se instaló de nuevo"),
    ):
        with pytest.raises(UnusableError, match=f"20270606T200000Z no puede seguir: {sentence}"):
            refusals.check_same(journal, refusals.beginning(case, False, host_key, machine))
    for name in ("hosts.yml", "election.yml"):
        path = case.inventory / name
        before = path.read_bytes()
        path.write_bytes(before + b"# otra cosa\n")
        with pytest.raises(UnusableError, match="no puede seguir: cambió un archivo del inventario o de su elección"):
            refusals.check_same(journal, refusals.beginning(case, False, "SHA256:uno", "m1"))
        path.write_bytes(before)
    for name in (".hosts.yml.swp", "hosts.yml~"):
        (case.inventory / name).write_bytes(b"what an editor leaves")
    refusals.check_same(journal, refusals.beginning(case, False, "SHA256:uno", "m1"))


@pytest.mark.parametrize("name", ["spec/ribera-2027.yml", "spec/deviations.yml", "catalogs/ribera.yml"])
def test_the_institute_s_own_call_and_place_must_be_the_same_too(case: Told, name: str) -> None:
    """Only the project's own were looked at: the steps of one acceptance were judged by two annexes."""
    own = home_of(case.inventory) / name
    own.parent.mkdir(exist_ok=True)
    own.write_bytes((ROOT / name).read_bytes())
    journal = Journal(shelf(case.inventory) / "20270606T200000Z")
    journal.begin(refusals.beginning(case, False, "SHA256:uno", "m1"))
    refusals.check_same(journal, refusals.beginning(case, False, "SHA256:uno", "m1"))
    own.write_bytes(own.read_bytes() + b"# otra cosa\n")
    with pytest.raises(UnusableError, match=r"no puede seguir: cambió el proyecto .*, la convocatoria o el lugar"):
        refusals.check_same(journal, refusals.beginning(case, False, "SHA256:uno", "m1"))


def test_the_project_is_all_that_decides_how_it_goes() -> None:
    files = {str(path.relative_to(ROOT)) for path in refusals._of_project()}
    assert {"site.yml", "playbooks/acceptance/restart.yml", "roles/ssh/tasks/main.yml", "spec/ribera-2027.yml"} <= files
    assert not any("__pycache__" in name for name in files)
