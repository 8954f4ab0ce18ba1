"""All difusores at once: one that is broken, hangs or answers nonsense is a red row, and stops nobody."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from click.testing import CliRunner
from countdown_kit import HOURS, host, look, own, seen, server
from inventory_kit import ELECTION, Certificates, write_inventory
from look_kit import name_server, page
from publish_kit import command_of
from rich.console import Console
from testinfra.host import Host

from difusor.baseline import record
from difusor.baseline.record import Baseline
from difusor.commands import countdown
from difusor.countdown import drift, run, subjects
from difusor.countdown.checks import LONGEST_FIRST, TITLES, Moment, bad, moment_of
from difusor.countdown.outside import Looks, Outside
from difusor.countdown.run import Options, Row, rows
from difusor.countdown.seen import UfwFiles
from difusor.countdown.subjects import Subject
from difusor.inventory.model import Election
from difusor.project import HOME, UnusableError
from difusor.servers import certificate
from difusor.servers.certificate import Certificate
from difusor.servers.names import Names

FQDN = "prep.diario.mx"
OPENS = host().election.opens
ANSWER = {FQDN: (200, json.dumps({"election": ELECTION["election_id"]}).encode())}
"""What the page answers."""
READY, HANGS, NONSENSE = "127.0.0.1", "192.0.2.2", "192.0.2.3"
SSH = """#!/bin/sh
for last; do :; done
case "$*" in *BatchMode=yes*) ;; *) echo "it would ask" >&2; exit 255;; esac
case "$*" in *" -G "* | "-G "*) cat {folder}/settings; exit;; esac
case "$*" in *{HANGS}*) sleep 60;; esac  # pace: a server that hangs
case "$last" in *machine_id*) echo uid=0; exit;; *wrap_socket*) exec cat {folder}/reach;; esac
case "$*" in *{NONSENSE}*) echo '[]'; echo '{{}}'; echo '{{}}';; *) sed "s/NOW/$(date +%s)/" {folder}/look;; esac
"""


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def inventories(tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the inventories of a ready server, one that hangs, one that answers nonsense, and a broken one.

    `ssh` is a program of the test that answers as these servers do.
    """
    said, found = server(), []
    for name, address in (("norte", READY), ("sur", HANGS), ("este", NONSENSE), ("roto", READY)):
        folder = write_inventory(tmp_path / name, certificates, address)
        main = folder / "group_vars/diario/main.yml"
        main.write_text(main.read_text().replace("189.240.1.7", "127.0.0.1"))
        (folder / "hosts.yml").write_text((folder / "hosts.yml").read_text().replace("operador", "root"))
        found.append(folder)
        election = (folder / "election.yml").read_text()
        for each, at in HOURS.items():
            election = election.replace(ELECTION[each], at)
        (folder / "election.yml").write_text(election)
    (found[-1] / "group_vars/diario/main.yml").write_text("difusor_name: [")
    said["admitted"] = [["22", "10.9.0.4/32"], ["873", "10.9.0.4/32"]]
    said["allowed"] = ["10.9.0.4"]
    baseline = look(host().election).model_dump(exclude={"server"})
    text = json.dumps(said).replace(str(said["now"]), "NOW")
    parts = (text, json.dumps(baseline), json.dumps(own()), UfwFiles().model_dump_json())
    (tmp_path / "look").write_text("".join(f"{part}\n" for part in parts))
    (tmp_path / "reach").write_text(json.dumps({FQDN: {"127.0.0.1": 0}}))
    (tmp_path / "settings").write_text("stricthostkeychecking true\n")
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(HANGS=HANGS, NONSENSE=NONSENSE, folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return found


@pytest.fixture
def looks(tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    """Run the page and the name server that knows it; return how they are asked."""
    (tmp_path / "ca.pem").write_bytes(certificates.root)
    leaf, key = certificates.page(FQDN)
    table = {(FQDN, "A"): ["300 127.0.0.1"], (FQDN, "CAA"): ['300 0 issue "letsencrypt.org"']}
    with (
        name_server(table) as names,
        page({FQDN: (leaf + certificates.intermediate, key)}, lambda _: ANSWER[FQDN], tmp_path) as port,
    ):
        monkeypatch.setattr(certificate, "PORT", port)
        yield Looks((names,), tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("status", "content", "found"),
    [
        (502, b"", "responde otra página (estado.json responde 502)"),
        (200, b"<h1>Mi sitio</h1>", "responde otra página (su respuesta no es JSON)"),
        (200, b'{"election": "otra-2021"}', "responde la elección «otra-2021»"),
    ],
)
def test_another_page_at_the_servers_own_address_is_red(
    inventories: list[Path], looks: Looks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    status: int, content: bytes, found: str,
) -> None:  # fmt: skip
    """Another site of the server had taken the address, or a balancer answered 502, and all rows were good."""
    monkeypatch.setitem(ANSWER, FQDN, (status, content))
    read = subjects.read_all(inventories[:1])
    (norte,) = rows(read, Options(tmp_path / "registro", looks), OPENS - timedelta(hours=20))
    assert told(norte)["families"] == f"bad: {FQDN} no muestra el PREP: en 127.0.0.1 {found}"
    (remedy,) = (each.remedy for each in norte.checks if each.key == "families")
    assert f"./difusor preflight -i {inventories[0]}" in remedy


def test_a_key_that_is_not_the_inventorys_makes_the_servers_row_red(
    inventories: list[Path], looks: Looks, tmp_path: Path
) -> None:
    said = (tmp_path / "look").read_text()
    (tmp_path / "look").write_text(said.replace('"keys": {', '"keys": {"SHA256:otra": "/home/x/.ssh/keys", '))
    read = subjects.read_all(inventories[:1])
    (norte,) = rows(read, Options(tmp_path / "registro", looks), OPENS - timedelta(hours=20))
    assert told(norte)["server"] == "bad: entra además SHA256:otra, que no está en difusor_admin_keys"


def test_a_server_that_is_entered_whatever_key_it_shows_is_told(
    inventories: list[Path], looks: Looks, tmp_path: Path
) -> None:
    """An inventory of an earlier version leaves it to the operator's own SSH."""
    options, now = Options(tmp_path / "registro", looks), OPENS - timedelta(hours=20)
    found = {}
    for said in ("true", "ask", "false", "accept-new"):
        (tmp_path / "settings").write_text(f"stricthostkeychecking {said}\n")
        found[said] = told(rows(subjects.read_all(inventories[:1]), options, now)[0]).get("server", "")
    assert [each.partition(":")[0] for each in found.values()] == ["", "", "warn", "warn"]
    assert "a quien muestre una llave que nadie conoce" in found["false"]


def told(row: Row) -> dict[str, str]:
    return {each.key: f"{each.state}: {each.found}" for each in row.checks if each.state != "good"}


@pytest.mark.timing("all are asked at once for four of the eight seconds, the rest is this machine's work")
def test_a_broken_or_silent_difusor_is_a_red_row_and_stops_nobody(
    inventories: list[Path], looks: Looks, tmp_path: Path
) -> None:
    found = subjects.read_all(inventories)
    started = time.monotonic()
    norte, sur, este, roto = rows(found, Options(tmp_path / "registro", looks, seconds=4), OPENS - timedelta(hours=20))
    assert time.monotonic() - started < 8
    assert told(norte) == {"drift": "warn: no hay registro con que comparar"}
    assert (norte.state, norte.moment, len(norte.checks)) == ("warn", Moment.DAY, 15)
    assert told(sur) == {"server": "bad: no terminó de responder en 3 s"}
    assert told(este) == {"server": "bad: su respuesta no se entiende"}
    assert roto.state == "bad" and "main.yml" in told(roto)["inventory"]
    assert [each.key for each in este.checks] == [
        key for key in LONGEST_FIRST if key in ("server", "names", "certificate", "families", "caa")
    ]
    assert next(each.found for each in este.checks if each.key == "families") == "IPv4 desde 2 lugares"
    assert all(each.remedy for row in (norte, sur, este, roto) for each in row.checks if each.state != "good")


def test_what_nobody_foresaw_of_one_inventory_is_its_red_row(
    inventories: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = subjects.read

    def stumble(inventory: Path, **more: Any) -> Any:
        return read(inventory, **more) if inventory.name == "norte" else {}["x"]

    monkeypatch.setattr(subjects, "read", stumble)
    norte, sur = subjects.read_all(inventories[:2])
    assert isinstance(norte, Subject) and isinstance(sur, subjects.Broken)
    assert sur.check.found.startswith("falló este programa (KeyError: 'x')") and sur.check.remedy


@pytest.mark.parametrize("error", [UnusableError("no se entiende"), KeyError("x")], ids=["refused", "fallen"])
def test_what_is_advised_of_a_broken_inventory_names_it_and_no_other(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One outside the home was told by its name, which is nobody's there, or another difusor's."""
    monkeypatch.setenv(HOME, str(tmp_path))
    monkeypatch.setattr(subjects, "read", Mock(side_effect=error))
    ours, other = tmp_path / "inventories/diario", tmp_path / "copia/diario"
    for folder, given in ((ours, "diario"), (other, str(other))):
        (found,) = subjects.read_all([folder])
        assert isinstance(found, subjects.Broken) and f"preflight -i {given} dice" in found.check.remedy
        assert "corrija" not in found.check.remedy or f"corrija {folder};" in found.check.remedy


def test_a_server_has_the_port_that_its_call_names(inventories: list[Path]) -> None:
    """With the usual one all difusores were red an hour before the opening: their firewalls seemed to admit nobody."""
    election = inventories[0] / "election.yml"
    election.write_text(election.read_text().replace(ELECTION["election_spec"], "ribera-2027"))
    (found,) = subjects.read_all(inventories[:1])
    assert isinstance(found, Subject), found
    assert found.host.rsync_port == 8730


def test_a_machine_without_the_images_is_told_so(inventories: list[Path], looks: Looks, tmp_path: Path) -> None:
    """One that took over had none, and nobody knew before a run was refused that night."""
    (inventories[0] / "prep.tar.gz").unlink()
    found = subjects.read_all(inventories[:1])
    (norte,) = rows(found, Options(tmp_path / "registro", looks, seconds=8), OPENS - timedelta(hours=20))
    (check,) = [each for each in norte.checks if each.key == "inventory"]
    assert (check.state, norte.state) == ("warn", "warn")
    assert f"faltan imágenes ({inventories[0]}/prep.tar.gz), y sin ellas apply y restore se niegan" in check.found
    assert "tráigalas" in check.remedy


def test_this_machine_is_no_second_place(inventories: list[Path]) -> None:
    """Each inventory that `new` writes names it as the trusted vantage point."""
    hosts = inventories[0] / "hosts.yml"
    local = "trusted_vantage:\n  hosts:\n    instituto: {ansible_connection: local}\n"
    hosts.write_text(f"{hosts.read_text()}\n{local}")
    (found,) = subjects.read_all(inventories[:1])
    assert isinstance(found, Subject), found
    assert not found.vantages


def test_the_screen_has_a_line_for_each_and_the_exit_status_says_whether_one_is_red(
    inventories: list[Path], looks: Looks, tmp_path: Path
) -> None:
    words = [
        "--dns", looks.servers[0], "--ca", str(looks.authority), "--at", "T-1", "--against", str(tmp_path),
        "-i", str(inventories[0]),
    ]  # fmt: skip
    one = CliRunner().invoke(command_of(countdown), [*words, "--json"], catch_exceptions=False)
    told = json.loads(one.stdout)
    (document,) = told["difusores"]
    assert (told["here"]["difusor"], told["here"]["state"]) == ("esta máquina", "good")
    assert (one.exit_code, document["state"], document["moment"]) == (0, "warn", "T-1"), document
    assert [each["key"] for each in document["checks"]] == [key for key in TITLES if key not in ("here", "inventory")]
    wide, more = {"COLUMNS": "160"}, [*words, "-i", str(inventories[3])]
    both = CliRunner().invoke(command_of(countdown), more, env=wide, catch_exceptions=False)
    assert both.exit_code == 1
    assert both.stdout.index("roto") < both.stdout.index("norte"), "what is red comes first"
    assert "✗ inventario" in both.stdout
    assert both.stdout.splitlines()[-1].startswith("Listos: 0; con aviso: 1; en rojo: 1 (roto); ")
    assert "abre 02/06/2024 20:00:00 PDT y cierra 03/06/2024 20:00:00 PDT." in " ".join(both.stdout.split())


def test_a_machine_that_cannot_sign_is_red_though_all_difusores_are_ready(
    inventories: list[Path], looks: Looks, records: Path
) -> None:
    (records / "estatal-2024-official/.lock").mkdir(parents=True)
    words = ["--dns", looks.servers[0], "--ca", str(looks.authority), "--at", "T-1", "-i", str(inventories[0])]
    done = CliRunner().invoke(command_of(countdown), words, env={"COLUMNS": "400"}, catch_exceptions=False)
    assert done.exit_code == 1
    row = re.sub(r"[│\s]", "", done.stdout)  # a narrow terminal folds the text within its cell
    assert f"firmayenvío:nosepuedeescribiren{records}/estatal-2024-official/.lock" in row
    assert done.stdout.index("esta máquina") < done.stdout.index("norte")
    assert "en rojo: 0; y también esta máquina; la hora" in " ".join(done.stdout.split())


def test_a_folder_of_baselines_that_does_not_exist_is_refused(inventories: list[Path], tmp_path: Path) -> None:
    """Mistyped, it was told as servers that nobody had frozen: a warning in place of what had changed."""
    words = ["-i", str(inventories[0]), "--against", str(tmp_path / "registor")]
    done = CliRunner().invoke(command_of(countdown), words)
    assert done.exit_code == 2 and "--against" in done.output


def test_a_name_server_that_is_none_is_refused(inventories: list[Path]) -> None:
    done = CliRunner().invoke(command_of(countdown), ["-i", str(inventories[0]), "--dns", "uno"])
    assert done.exit_code == 2 and "«uno» no es la dirección" in " ".join(done.output.split())


def test_all_difusores_of_an_election_are_looked_at_and_those_whose_election_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME, str(tmp_path))
    (tmp_path / "elections").mkdir()
    for name in ("noche", "otra"):
        (tmp_path / f"elections/{name}.yml").write_text("all:\n")
    for name, leads in (("norte", "noche"), ("sur", "otra"), ("perdido", "falta")):
        (tmp_path / "inventories" / name).mkdir(parents=True)
        (tmp_path / "inventories" / name / "election.yml").symlink_to(f"../../elections/{leads}.yml")
    assert [each.name for each in subjects.of_election("noche")] == ["norte", "perdido"]
    (tmp_path / "inventories/perdido/election.yml").unlink()
    (tmp_path / "inventories/perdido").rmdir()
    with pytest.raises(UnusableError, match=r"diga para qué elección con --election"):
        subjects.of_election(None)
    (tmp_path / "elections/nueva.yml").write_text("all:\n")
    with pytest.raises(UnusableError, match=r"ningún inventario es de nueva"):
        subjects.of_election("nueva")


def subject(name: str, **changes: Any) -> Subject:
    return Subject(name, name, Path(name), host(**changes), {}, cast(Host, name), {})


def test_difusores_are_named_or_taken_from_an_election_but_not_both(inventories: list[Path]) -> None:
    done = CliRunner().invoke(command_of(countdown), ["-i", str(inventories[0]), "--election", "noche"])
    assert done.exit_code == 2 and "no ambas" in done.output


def test_one_that_is_off_the_list_is_not_looked_at_and_is_not_red(tmp_path: Path) -> None:
    revocation = {"since": "2024-06-02T18:00:00Z", "by": "Pleno", "reason": "mostró otras cifras", "provision": "DG-04"}
    (row,) = rows([subject("norte", difusor_revocations=[revocation])], Options(tmp_path), OPENS)
    assert (row.checks, row.state) == ((), "good") and "mostró otras cifras" in row.revoked
    console = Console(width=80)
    with console.capture() as shown:
        console.print(countdown._table([row]))
    told = " ".join(shown.get().replace("│", " ").split())
    assert "desde 02/06/2024 11:00:00 PDT" in told


def test_what_nobody_foresaw_is_a_red_row_too(tmp_path: Path) -> None:
    """Such as a baseline whose election no program can be told of."""
    damaged = {"inventory": "norte", "election": "a\0b", "taken": "2024-06-01T00:00:00Z", "commit": "", "servers": {}}
    (tmp_path / "norte.json").write_text(json.dumps(damaged))
    (tmp_path / "norte.json.sig").write_text("")
    norte, lost = subject("norte"), bad("families", "no responde", "x")
    found = run.Found(seen(server(), norte.host.election), lost, {})
    row = run._row(norte, found, Options(tmp_path), OPENS)
    assert told(row) == {"server": "bad: no se pudo mirar (ValueError: embedded null byte)"}


def test_each_page_is_asked_for_by_two_other_servers_and_by_its_own_only_when_there_is_no_other() -> None:
    page = Outside(Names(FQDN, ()), (Certificate("192.0.2.7"),))
    lost = bad("server", "no responde", "x")

    def asked(*names: str, unreachable: str = "", vantage: str = "", of_one: bool = False) -> dict[str, list[str]]:
        there = [replace(subject(name), inventory=Path("uno")) if of_one else subject(name) for name in names]
        if vantage:
            there[0].vantages[vantage] = cast(Host, vantage)
        ready = seen(server(), there[0].host.election)
        looked = {name: lost if name == unreachable else ready for name in names}
        return {
            place: list(pages) for place, (_, pages) in run._places(there, looked, dict.fromkeys(names, page)).items()
        }

    assert asked("a") == {"el propio servidor a": ["a"]}
    assert asked("a", "b", of_one=True) == {"el propio servidor a": ["a"], "el propio servidor b": ["b"]}
    assert asked("a", unreachable="a") == {}
    assert asked("a", vantage="instituto") == {"instituto": ["a"]}
    four = {"b": ["a", "d"], "c": ["a", "b"], "d": ["b", "c"], "a": ["c", "d"]}
    assert {place: sorted(pages) for place, pages in asked("a", "b", "c", "d").items()} == four
    assert "b" not in asked("a", "b", "c", unreachable="b")


def test_the_moment_follows_from_the_time_that_is_left() -> None:
    left = {hours: moment_of(OPENS, OPENS - timedelta(hours=hours)) for hours in (24, 7, 6, 1, -2)}
    assert [*left.values()] == [Moment.DAY, Moment.DAY, Moment.HOUR, Moment.HOUR, Moment.HOUR]
    assert set(LONGEST_FIRST) == set(TITLES)
    assert LONGEST_FIRST.index("code") < LONGEST_FIRST.index("restart"), "`upgrade` refuses before that `apply`"


def freeze(folder: Path, **parts: dict[str, str]) -> tuple[Path, Election, record.Look]:
    """Return a baseline of a server that had these files and packages besides, its election, and the server."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signer = {**ELECTION["election_signers"][0], "key": key.with_suffix(".pub").read_text().strip()}
    election = Election.model_validate({**ELECTION, "election_signers": [signer]})
    frozen = with_parts(look(election), **parts)
    path = folder / "diario.json"
    record.write(
        Baseline(inventory="diario", election=election.id, taken=OPENS, commit="", servers={"web1": frozen}), path, key
    )
    return path, election, frozen


def with_parts(frozen: record.Look, **parts: dict[str, str]) -> record.Look:
    return frozen.model_copy(update={kind: {**getattr(frozen, kind), **named} for kind, named in parts.items()})


LIBRARY, CACHE = "libssl3:amd64", "/etc/ld.so.cache"
PASSING = {f"/etc/{name}": "a" for name in ("adjtime", "letsencrypt/live/prep/cert.pem", "ssl/private/prep-acme.pem")}


def test_what_a_server_changes_by_itself_after_the_freeze_is_not_red(tmp_path: Path) -> None:
    """Automatic updates, a renewed certificate and a restart made all servers red, and hid a file that was strange."""
    packages = {"nginx:amd64": "1.22", LIBRARY: "3.0.1", "base-files:amd64": "12.4"}
    path, election, frozen = freeze(tmp_path, files={CACHE: "a", "/etc/issue": "a", **PASSING}, packages=packages)
    kept = with_parts(frozen, files=dict.fromkeys(PASSING, "b"))
    gone = {name: said for name, said in frozen.files.items() if name not in PASSING}
    for other in (kept, frozen.model_copy(update={"files": gone})):
        assert drift.judge(path, election, "web1", other, "diario").found == "ninguno desde 02/06"
    updated = with_parts(
        kept, packages={"nginx:amd64": "1.22.1", LIBRARY: "3.0.2", "linux-image-6.2-amd64:amd64": "6.2"},
        files={CACHE: "b"}, server={"kernel": "6.2"},
    )  # fmt: skip
    found = drift.judge(path, election, "web1", updated, "diario")
    assert (found.state, found.found) == ("good", "3 paquetes actualizados y otro núcleo desde 02/06")
    more = with_parts(updated, packages={"netcat:amd64": "1"})
    found = drift.judge(path, election, "web1", more, "diario")
    assert (found.state, found.found) == ("warn", "desde el registro se instaló o quitó netcat:amd64") and found.remedy
    strange = with_parts(updated, files={"/etc/apt/x": "a", "/etc/nuevo": "a", "/etc/motd": "b"})
    found = drift.judge(path, election, "web1", strange, "diario")
    assert found.state == "bad" and found.found.startswith("desde el registro cambió /etc/apt/x, /etc/nuevo, /etc/motd")
    assert found.found.endswith("; además, 3 paquetes actualizados y otro núcleo")
    cache = with_parts(frozen, files={CACHE: "b"})
    assert drift.judge(path, election, "web1", cache, "diario").state == "bad", "no package has written it"
    for package, state in (("base-files:amd64", "good"), (LIBRARY, "bad")):
        found = with_parts(frozen, files={"/etc/issue": "b"}, packages={package: "12.4+deb12u9"})
        assert drift.judge(path, election, "web1", found, "diario").state == state
    authority = {"/etc/ssl/certs/ca-certificates.crt": "b", "/etc/ssl/certs/Nueva.pem": "b"}
    for package, state in (("ca-certificates:all", "warn"), (LIBRARY, "bad")):
        found = with_parts(frozen, files=authority, packages={package: "20240203~deb12u9"})
        assert drift.judge(path, election, "web1", found, "diario").state == state
    moved = with_parts(frozen, server={"machine_id": "b"})
    assert drift.judge(path, election, "web1", moved, "diario").state == "bad"


def test_what_changed_since_the_freeze_is_red_and_so_is_a_baseline_that_holds_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is registered anew stays in the folder of the others, which would else have nothing to be compared with."""
    path, election, frozen = freeze(tmp_path)
    aside = f"guarde con otro nombre {path} y diario.json.sig"
    anew = f"{aside}, y registre otra vez: ./difusor freeze -i diario --key LLAVE"
    changed = frozen.model_copy(
        update={"files": {**frozen.files, "/etc/motd": "0644 root:root bb", "/etc/nuevo": "-> x"}}
    )
    assert drift.judge(path, election, "web1", frozen, "diario").state == "good"
    found = drift.judge(path, election, "web1", changed, "diario")
    assert (found.state, found.found) == ("bad", "desde el registro cambió /etc/nuevo, /etc/motd")
    assert "./difusor report -i diario --against" in found.remedy
    assert found.remedy.endswith(f"si es debido, {anew} --output {tmp_path}")
    monkeypatch.setattr(drift, "build", lambda: tmp_path / "build")
    (home := tmp_path / "build/registro").mkdir(parents=True)
    for each in (path, path.with_name("diario.json.sig")):
        shutil.copy(each, home)
    there = drift.judge(home / path.name, election, "web1", changed, "diario").remedy
    assert there.endswith(" y registre otra vez: ./difusor freeze -i diario --key LLAVE"), "where `freeze` writes"
    found = drift.judge(path, election, "web2", frozen, "diario")
    assert "no registra a web2" in found.found and f"de su copia, o {anew}" in found.remedy
    strange = drift.judge(path, Election.model_validate(ELECTION), "web1", frozen, "diario")
    assert strange.state == "bad" and "no firma en esta elección" in strange.found and strange.remedy.startswith(anew)
    later = election.model_copy(update={"id": "otra-2030"})
    found = drift.judge(path, later, "web1", frozen, "diario")
    assert "y no de «otra-2030»" in found.found and "otra carpeta" not in found.found + found.remedy
    revoked = election.model_copy(update={"revoked_keys": [election.signers[0].key]})
    told = drift.judge(path, revoked, "web1", frozen, "diario")
    assert told.state == "bad" and "una llave revocada" in told.found and "otra carpeta" not in told.found
    path.write_text(path.read_text().replace("motd", "mot"))
    assert "cambió después de firmarse" in drift.judge(path, election, "web1", frozen, "diario").found
