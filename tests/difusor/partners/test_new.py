"""`difusor new`: what is typed becomes data of an election or an inventory, whole or not at all, never over another."""

from __future__ import annotations

import os
import pty
import shlex
import stat
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from home_kit import ELECTION, HOST_KEY, PARTNER, difusor, everything, furnish, made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inventory_kit import KEY, Certificates
from passlib.hash import sha512_crypt

from difusor.inventory import Call, load_election
from difusor.inventory.variables import content, read
from difusor.partners import asked, election
from difusor.partners.facts import ElectionFacts, FactError, PartnerFacts, of
from difusor.partners.host_key import HostKey, matching
from difusor.project import UnusableError


def test_an_election_says_what_was_typed(home: Path) -> None:
    found = load_election(home / "elections/ensayo.yml")
    assert (found.name, found.environment) == (ELECTION["name"], "simulacro")
    assert found.window.opens == ELECTION["opens"]
    assert found.window.closes == ELECTION["closes"]
    assert found.retain_until is None, "nothing is retained unless ordered"
    assert tuple(found.trusted_addresses) == ELECTION["trusted_addresses"]
    assert [(each.principal, each.key) for each in found.signers] == [("firma@impebar.mx", KEY)]


def test_an_inventory_can_set_up_a_server_at_once(home: Path) -> None:
    """It is read as Ansible reads it, with the vault's password from the home; preflight would refuse nothing in it."""
    folder = made()
    (values,) = (each for each in read(folder).hosts.values() if "difusor_fqdn" in each)
    assert (values["difusor_name"], values["difusor_path"]) == (PARTNER["name"], "/prep2027mor/")
    assert (values["ansible_host"], values["ansible_port"], values["ansible_user"]) == ("189.240.1.7", 2222, "ubuntu")
    assert values["election_id"] == "ensayo"
    assert f'"{folder}/known_hosts"' in values["ansible_ssh_common_args"]
    assert (folder / "known_hosts").read_text() == f"{HOST_KEY}\n"
    assert (folder / "election.yml").resolve() == home / "elections/ensayo.yml"
    assert {path.name for path in (home / "inventories").iterdir()} == {"diario"}, "nothing unfinished is left"


@pytest.mark.parametrize("key", ["", "~/.ssh/prep"])
def test_a_key_that_was_named_is_the_only_one_that_a_server_is_offered(home: Path, key: str) -> None:
    """After four others, of which an agent may have more, a server that is in order ends the connection."""
    folder = made({**PARTNER, "ssh_key": key})
    (values,) = (each for each in read(folder).hosts.values() if "difusor_fqdn" in each)
    assert values.get("ansible_ssh_private_key_file", "") == key
    options = shlex.split(values["ansible_ssh_common_args"])
    assert options[:2] == ["-o", f'UserKnownHostsFile="{folder}/known_hosts" ~/.ssh/known_hosts']
    assert options[2:4] == ["-o", "StrictHostKeyChecking=yes"]
    assert options[4:] == (["-o", "IdentitiesOnly=yes"] if key else [])


def test_a_server_is_known_by_its_key_whatever_the_operators_own_ssh_says(home: Path, tmp_path: Path) -> None:
    (values,) = (each for each in read(made()).hosts.values() if "difusor_fqdn" in each)
    (tmp_path / "config").write_text("Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n")
    command = ["ssh", "-G", "-F", str(tmp_path / "config"), *shlex.split(values["ansible_ssh_common_args"])]
    said = subprocess.check_output([*command, values["ansible_host"]], text=True).splitlines()
    assert "stricthostkeychecking true" in said and "userknownhostsfile /dev/null" not in said


def test_secrets_are_drawn_and_stand_nowhere_in_clear(home: Path) -> None:
    folder = made()
    (values,) = (each for each in read(folder).hosts.values() if "difusor_fqdn" in each)
    password, secret = values["vault_difusor_admin_password"], values["difusor_rsync_secret"]
    assert sha512_crypt.verify(password, values["difusor_admin_password_hash"])
    second = {**PARTNER, "id": "otro"}
    (others,) = (each for each in read(made(second)).hosts.values() if "difusor_fqdn" in each)
    assert others["vault_difusor_admin_password"] != password and others["difusor_rsync_secret"] != secret
    clear = b"".join(everything(home).values())
    assert password.encode() not in clear and secret.encode() not in clear
    key = home / "vault-password"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_certificate_is_copied_in_and_its_key_encrypted(home: Path, tmp_path: Path) -> None:
    certificates = Certificates()
    page, key = certificates.page()
    (tmp_path / "page.pem").write_bytes(page + certificates.intermediate + certificates.root)
    (tmp_path / "page.key").write_bytes(key)
    folder = made(PARTNER | {"certificate": tmp_path / "page.pem", "certificate_key": tmp_path / "page.key"})
    (tmp_path / "page.pem").unlink()
    assert (folder / "tls/key.pem").read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;diario")
    assert content(str(folder / "tls/key.pem")) == key


def test_names_that_exist_are_refused_and_nothing_is_overwritten(home: Path) -> None:
    made()
    before = everything(home)
    with pytest.raises(UnusableError, match="ya existe el difusor «diario»"):
        made(PARTNER | {"name": "Otro"})
    with pytest.raises(UnusableError, match="ya existe la elección «ensayo»"):
        election.create(of(ElectionFacts, ELECTION | {"name": "Otra"}))
    (home / "inventories/suelto").symlink_to("nada")
    with pytest.raises(UnusableError, match="ya existe el difusor «suelto»"):
        made(PARTNER | {"id": "suelto"})
    assert everything(home) == before


def test_nothing_is_left_of_an_inventory_that_cannot_be_made(home: Path, tmp_path: Path) -> None:
    before = everything(home)
    (tmp_path / "page.pem").write_text("no es un certificado")
    with pytest.raises(UnusableError, match=rf"{tmp_path}/page\.pem no es un certificado en PEM"):
        made(PARTNER | {"certificate": tmp_path / "page.pem", "certificate_key": tmp_path / "page.pem"})
    with pytest.raises(UnusableError, match="no existe la elección «otra»"):
        made(PARTNER | {"election": "otra"})
    for spoil in (lambda path: path.write_text("0123456789ab"), Path.unlink):
        spoil(home / "build/images/waf.tar.gz.sha256")
        with pytest.raises(UnusableError, match=r"aún no hay imágenes .*: ./difusor images"):
            made()
    left = everything(home)
    assert left.keys() - before.keys() == {"vault-password"}
    assert list((home / "inventories").iterdir()) == []


HOSTILE = [
    "{{ lookup('pipe', 'touch evaluado') }}",
    "{% set x = 1 %}",
    "{# nada",
    "#jinja2:variable_start_string:'[['\n[[ lookup('pipe', 'touch evaluado') ]]",
    "dos\nrenglones: sí",
    "\u202eal revés",
    "EJEMPLO, Diario",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_be_more_than_text_is_refused_by_its_field(text: str) -> None:
    for kind, values, field in ((ElectionFacts, ELECTION, "name"), (PartnerFacts, PARTNER, "name")):
        with pytest.raises(FactError) as refused:
            of(kind, values | {field: text})
        assert list(refused.value.faults) == [field]
    with pytest.raises(FactError) as refused:
        of(PartnerFacts, PARTNER | {"admin_keys": (f"{KEY} {text or '{{ x }}'}",)})
    assert list(refused.value.faults) == ["admin_keys"]


WORDS = [
    "no",
    "null",
    "1e3",
    "0x1F",
    "2027-06-06",
    "!vault x",
    "*a",
    "'",
    '"',
    "\\",
    "~",
    "a: b",
    "- a",
    "x #y",
    "${id}",
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(WORDS) | st.text(min_size=1, max_size=60))
def test_every_text_that_is_accepted_is_read_back_as_it_was_typed(home: Path, text: str) -> None:
    """By Ansible, which would evaluate a template, and by YAML, which knows many a word that is no text."""
    try:
        facts = of(ElectionFacts, ELECTION | {"name": text})
    except FactError:
        return
    rendered = election.text(facts)
    folder = home / "inventories/texto"
    folder.mkdir(exist_ok=True)
    (folder / "hosts.yml").write_text("difusores: {hosts: {web1: }}\n")
    (folder / "election.yml").write_text(rendered, encoding="utf-8")
    assert yaml.safe_load(rendered)["all"]["vars"]["election_name"] == text.strip()
    assert read(folder, only=frozenset({"election_name"})).hosts["web1"]["election_name"] == text.strip()


def test_two_institutes_on_one_machine_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tmp_path / "uno", tmp_path / "otro"
    furnish(one, monkeypatch)
    first = made()
    furnish(other, monkeypatch)
    second = made(PARTNER | {"name": "Otro"})
    assert (first.parent.parent, second.parent.parent) == (one, other)
    assert (one / "vault-password").read_text() != (other / "vault-password").read_text()
    with pytest.raises(UnusableError):  # the other's password
        read(first)
    assert not any(path.is_symlink() and not path.resolve().is_relative_to(one) for path in one.rglob("*"))


def test_a_server_with_another_fingerprint_is_refused(tmp_path: Path) -> None:
    keys = []
    for kind in ("ed25519", "ecdsa"):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", tmp_path / kind], check=True)
        keys.append(HostKey(f"10.1.2.3 {' '.join((tmp_path / f'{kind}.pub').read_text().split()[:2])}"))
        shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / kind], capture_output=True, text=True, check=True)
        assert shown.stdout.split()[1] == keys[-1].fingerprint
    assert matching(keys, keys[1].fingerprint, "10.1.2.3") == keys[1]
    with pytest.raises(UnusableError, match=r"quien responde en 10\.1\.2\.3 no tiene la huella SHA256:otra"):
        matching(keys, "SHA256:otra", "10.1.2.3")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ubuntu@189.240.1.7", ("ubuntu", "189.240.1.7", 22)),
        ("ubuntu@web.diario.mx:2222", ("ubuntu", "web.diario.mx", 2222)),
        ("ubuntu@[2806:10::7]:22", ("ubuntu", "2806:10::7", 22)),
    ],
)
def test_a_server_is_typed_as_for_ssh(text: str, meant: tuple[str, str, int]) -> None:
    assert tuple(asked.login(text).values()) == meant


@pytest.mark.parametrize("text", ["189.240.1.7", "root@189.240.1.7", "u@-oProxyCommand=x", "u@h:99999", "u@h; id"])
def test_what_is_no_login_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        asked.login(text)


def test_what_is_missing_is_told_at_once_where_nobody_can_be_asked(home: Path) -> None:
    done = difusor("new", "difusor", "diario", home=home)
    assert done.returncode == os.EX_USAGE
    assert all(option in done.stderr for option in ("--title", "--fqdn", "--server"))
    assert "--ssh-key" not in done.stderr, "that has a value when nobody says another"
    assert list((home / "inventories").iterdir()) == []


def test_what_is_wrong_is_told_by_its_option(home: Path) -> None:
    done = difusor(
        "new", "election", "otra", "--title", "{{ x }}", "--trusted", "10.0.0.1/8", "--signer", "a b",
        "--key", "/no/existe.pub", home=home,
    )  # fmt: skip
    assert done.returncode == 1
    assert "--key: no se puede leer /no/existe.pub" in done.stderr
    (home / "llave.pub").write_text(f"{KEY}\n")
    done = difusor(
        "new", "election", "otra", "--title", "{{ x }}", "--trusted", "10.0.0.1/8", "--signer", "a b",
        "--key", str(home / "llave.pub"), home=home,
    )  # fmt: skip
    assert all(f"{option}: " in done.stderr for option in ("--title", "--trusted", "--signer"))
    assert not (home / "elections/otra.yml").exists()


def test_hours_of_another_place_are_refused_and_nothing_is_left(home: Path) -> None:
    """They were written in UTC before anybody looked at the difference, and the page opened an hour early."""
    (home / "llave.pub").write_text(f"{KEY}\n")
    options = [
        "--environment", "official", "--title", "Otra", "--trusted", "189.240.1.1", "--signer", "a@b.mx",
        "--key", str(home / "llave.pub"),
    ]  # fmt: skip
    right, wrong = "2027-06-06T20:00:00-07:00", "2027-06-06T20:00:00-06:00"
    for option, typed in {
        "--opens": ["--opens", wrong],
        "--closes": ["--opens", right, "--closes", wrong.replace("-06T", "-07T")],
        "--notice-until": ["--opens", right, "--notice-until", "2027-05-22T20:00:00-06:00"],
    }.items():
        done = difusor("new", "election", "otra", *options, *typed, home=home)
        assert (done.returncode, done.stderr.count("no lleva la diferencia")) == (1, 1), done.stderr
        assert f"{option}: «" in done.stderr and "America/Tijuana ese día, -07:00; corríjala" in done.stderr
        assert not (home / "elections/otra.yml").exists()
    done = difusor("new", "election", "otra", *options, "--opens", right, home=home)
    assert done.returncode == 0, done.stderr
    assert "Abre 06/06/2027 20:00:00 PDT y cierra 07/06/2027 20:00:00 PDT." in done.stdout
    assert load_election(home / "elections/otra.yml").opens == datetime.fromisoformat(right)


def test_an_opening_by_other_clocks_is_asked_again(home: Path) -> None:
    """Later it would be refused with all the other answers."""
    with pytest.raises(ValueError, match="America/Tijuana ese día, -07:00"):
        asked._opening("ensayo", "2027-06-06T20:00:00-06:00")
    assert asked._opening("ensayo", "2027-06-07T03:00:00Z") == datetime(2027, 6, 7, 3, tzinfo=UTC)


def test_a_public_key_that_windows_wrote_is_read_or_told_as_that(tmp_path: Path) -> None:
    """Both were told to copy the whole line of the file, which is what had been done."""
    file = tmp_path / "llave.pub"
    file.write_text(f"\ufeff{KEY}\r\n", encoding="utf-8")
    assert asked.public_key(str(file)) == KEY
    file.write_text(f"{KEY}\r\n", encoding="utf-16")
    with pytest.raises(ValueError, match=r"llave.pub está en UTF-16, .*; guárdelo en UTF-8"):
        asked.public_key(str(file))


def test_a_key_that_nobody_has_is_told_with_how_to_make_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    options = ["--title", "Diario", "--fqdn", "prep.diario.mx", "--server", "ubuntu@127.0.0.1"]
    done = difusor("new", "difusor", "diario", *options, home=home)
    assert done.returncode == os.EX_USAGE
    assert f"--ssh-key: no se puede leer {home}/.ssh/id_ed25519.pub" in done.stderr
    assert "ssh-keygen -t ed25519" in done.stderr


def test_a_server_that_does_not_answer_leaves_nothing(home: Path) -> None:
    (home / "llave.pub").write_text(f"{KEY}\n")
    options = ["--title", "Diario", "--fqdn", "prep.diario.mx", "--ssh-key", str(home / "llave")]
    for server, said in {
        "127.0.0.1:1": "127.0.0.1 no muestra su llave de SSH en el puerto 1 y nada se creó; revise --server",
        "nadie.invalid": "--server: nadie conoce el nombre nadie.invalid",
    }.items():
        done = difusor("new", "difusor", "diario", *options, "--server", f"ubuntu@{server}", home=home)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert list((home / "inventories").iterdir()) == []


def test_a_wrong_answer_is_asked_again(home: Path) -> None:
    """On a real terminal, where the verb asks for what the command line leaves out."""
    (home / "llave.pub").write_text(f"{KEY}\n")
    other = (home / "elections/ensayo.yml").read_text().replace('election_id: "ensayo"', 'election_id: "otra"')
    (home / "elections/otra.yml").write_text(other)
    ours, its = pty.openpty()
    answers = [
        "nadie",
        "ensayo",
        "",
        "Simulacro dos",
        "todas",
        "189.240.1.1 189.240.1.2",
        "firma@instituto.mx",
        str(home / "llave.pub"),
    ]
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    done = difusor("new", "election", "dos", home=home, stdin=its)
    assert done.returncode == 0, done.stderr
    assert "«todas» no es una dirección ni una red" in done.stderr
    assert "elija entre: ensayo, otra" in done.stderr, "before the other questions, whose answers would be lost"
    found = load_election(home / "elections/dos.yml")
    assert (found.name, found.trusted_addresses) == ("Simulacro dos", ["189.240.1.1", "189.240.1.2"])
    assert found.environment == "simulacro"
    assert found.window.opens <= datetime.now(UTC) < found.window.closes, "a rehearsal can begin at once"


def test_a_new_election_is_held_where_another_is_and_by_the_same_institute(home: Path) -> None:
    found = load_election(home / "elections/ensayo.yml")
    assert (found.place, found.offices, found.institute.acronym) == ("ribera", ["alcaldias", "congreso"], "IER")
    assert election.models() == ["ensayo"], "the institute's own come before the project's"
    (ours := home / "elections/ensayo.yml").write_text(
        ours.read_text()
        + '    election_call: {seat: Puerto Añil, elected: Alcaldías, list_from: "2027-05-27T06:00:00Z"}\n'
    )
    until = datetime(2027, 5, 22, 2, tzinfo=UTC)
    election.create(of(ElectionFacts, ELECTION | {"id": "otro", "like": "ensayo", "notice_until": until}))
    other = load_election(home / "elections/otro.yml")
    assert (other.notice_until, found.notice_until) == (until, None)
    assert (other.institute, other.contact) == (found.institute, found.contact) and found.contact
    assert other.call == Call(seat="Puerto Añil"), "neither its dates nor what was elected"


def test_a_rehearsal_is_of_the_day_of_its_election_and_another_election_has_its_own(home: Path) -> None:
    def day(name: str, **values: Any) -> date | None:
        election.create(of(ElectionFacts, ELECTION | {"id": name} | values))
        return load_election(home / f"elections/{name}.yml").day

    assert day("oficial", like="ensayo", environment="official") is None, "the opening tells it"
    before = {"opens": datetime(2027, 5, 17, tzinfo=UTC), "closes": datetime(2027, 5, 18, tzinfo=UTC)}
    assert day("previo", like="oficial", **before) == date(2027, 6, 6)
    assert day("otro-previo", like="previo", **before) == date(2027, 6, 6)
    after = {"opens": datetime(2027, 9, 5, tzinfo=UTC), "closes": datetime(2027, 9, 6, tzinfo=UTC)}
    assert day("posterior", like="oficial", **after) is None, "that election is over"


def test_a_rehearsal_of_who_is_enrolled_says_how_they_are_linked_to_it(home: Path) -> None:
    def said(name: str, *words: str) -> str:
        typed = ["--title", "Otra", "--trusted", "189.240.1.1", "--signer", "a@instituto.mx", "--key", f"{home}/a.pub"]
        return difusor("new", "election", name, "--like", "ensayo", *typed, *words, home=home).stdout

    (home / "a.pub").write_text(KEY)
    link = f"ln -sfn ../../elections/segundo.yml {home}/inventories/DIFUSOR/election.yml; ./difusor apply -i DIFUSOR"
    assert "ln -sfn" not in said("primero", "--environment", "simulacro"), "nobody is"
    made()
    assert link in said("segundo", "--environment", "simulacro")
    official = said("tercero", "--environment", "official", "--opens", "2027-06-07T02:00:00Z")
    assert "Sigue:" in official and "ln -sfn" not in official


def test_the_election_says_for_all_its_difusores_from_where_anybody_looks(home: Path) -> None:
    """As the documents have it: hosts.yml is written anew when a form is corrected."""
    outside = "untrusted_vantage:\n  hosts:\n    externo: {ansible_host: 198.51.100.7, ansible_user: observador}\n"
    (ours := home / "elections/ensayo.yml").write_text(ours.read_text() + outside)
    found = read(made())
    assert load_election(ours).id == "ensayo"
    assert (found.groups["untrusted_vantage"], found.groups["trusted_vantage"]) == (["externo"], ["instituto"])


@pytest.mark.parametrize("like", ["nada", "demo"])
def test_an_election_that_says_nothing_of_a_place_is_no_model(home: Path, like: str) -> None:
    with pytest.raises(
        UnusableError, match=rf"{like}.yml no se pueden tomar convocatoria, lugar e Instituto; elija entre: ens"
    ):
        election.create(of(ElectionFacts, ELECTION | {"id": "otro", "like": like}))
    assert not (home / "elections/otro.yml").exists()
