"""What an operator mistypes after `--` is refused before anything is done, or is done as it is told."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import yaml
from ansible.cli.playbook import PlaybookCLI
from ansible_kit import ansible
from click.testing import CliRunner
from home_kit import furnish, made
from publish_kit import command_of

from difusor.commands import apply, preflight, remove, restore, revoke, signers, trusted, upgrade
from difusor.inventory import variables
from difusor.partners import revocation, revoking
from difusor.partners.revocation import Order
from difusor.project import ROOT
from difusor.servers import ansible_options, playbook
from difusor.servers.ansible_options import Given, read

VERBS = (preflight, apply, trusted, signers, upgrade, remove)
WHOLE = (trusted, signers, upgrade, remove)


@pytest.fixture(scope="module")
def ansibles() -> Any:
    """Return the parser of ansible-playbook itself."""
    cli = PlaybookCLI(["ansible-playbook"])
    cli.init_parser()
    return cli.parser


def test_the_options_are_those_of_ansible(ansibles: Any) -> None:
    own = {
        (frozenset(each.option_strings), each.nargs != 0)
        for each in ansibles._actions
        if each.option_strings  # not the playbooks
    }
    known = {
        (frozenset(names.split()), takes)
        for table, takes in ((ansible_options.FLAGS, False), (ansible_options.VALUED, True))
        for names in table
    }
    assert known == own


LINES: dict[str, list[Given]] = {
    "": [],
    "--": [],
    "--limit diario": [Given("--limit", "diario")],
    "--limit=diario": [Given("--limit", "diario")],
    "--lim diario --lim=otro": [Given("--limit", "diario"), Given("--limit", "otro")],
    "-ldiario -l otro": [Given("--limit", "diario"), Given("--limit", "otro")],
    "-l=diario": [Given("--limit", "diario")],
    "-CDl web1 -vvv": [Given("--check"), Given("--diff"), Given("--limit", "web1"), *[Given("--verbose")] * 3],
    "-e x=y -f 5 -f5": [Given("--extra-vars", "x=y"), Given("--forks", "5"), Given("--forks", "5")],
    "-T -5": [Given("--timeout", "-5")],
    "--tag a,b --skip c": [Given("--tags", "a,b"), Given("--skip-tags", "c")],
    "--chec --start nginx": [Given("--check"), Given("--start-at-task", "nginx")],
    "--inventory-f x -M y": [Given("--inventory", "x"), Given("--module-path", "y")],
}


@pytest.mark.parametrize("line", LINES)
def test_words_are_read_as_ansible_reads_them(line: str, ansibles: Any) -> None:
    found = read(line.split())
    assert found == LINES[line]
    taken, left = ansibles.parse_known_args(["site.yml", *line.split()])
    assert (taken.args, [each for each in left if each != "--"]) == (["site.yml"], [])
    assert taken.check is any(each.name == "--check" for each in found)
    limits = [each.value for each in found if each.name == "--limit"]
    assert taken.subset == (limits[-1] if limits else None)


def test_a_value_with_spaces_is_a_value() -> None:
    words = ["--ssh-common-args", "-o ProxyJump=x", "--start-at-task", "Role nginx", "-e", "{a: 'b c'}"]
    assert [each.value for each in read(words)] == words[1::2]


BARE = ("otro", "site.yml", "--check otro", "-e x=y z=w", "--diff -- otro", "-- --check", "-", "-vv 5")


@pytest.mark.parametrize("line", BARE)
def test_a_bare_word_is_refused_that_ansible_takes_for_a_playbook(line: str, ansibles: Any, ran: list[str]) -> None:
    """`-- site.yml` set the whole server up after what was asked for; `-i diario otro` ended in Ansible's English."""
    taken, left = ansibles.parse_known_args(["site.yml", *line.split()])
    assert taken.args[1:] or left, "the test says what Ansible does"
    for verb in VERBS:
        status, said = invoke(verb, "-i", "demo", "--", *line.split())
        assert (status != 0, ran) == (True, [])
        assert "no es una opción ni el valor de una" in said and "Nada se hizo." in said, said


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--nada", "La opción --nada no es de ansible-playbook; si es de este verbo, va antes de --"),
        ("--erly", "La opción --erly no es de ansible-playbook"),
        ("-Cx", "La opción -x (-Cx) no es de ansible-playbook"),
        ("--list", "La opción --list puede ser --list-hosts o --list-tags o --list-tasks: escríbala entera"),
        ("--check=no", "La opción --check no lleva valor"),
        ("--limit", "A la opción --limit le falta su valor"),
        ("--limit --check", "A la opción --limit le falta su valor"),
        ("-l --", "A la opción -l le falta su valor"),
    ],
)
def test_what_ansible_would_refuse_in_english_is_refused_before(line: str, sentence: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        read(line.split())
    assert sentence in refused.value.message


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return furnish(tmp_path / "instituto", monkeypatch)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Take the place of Ansible; return the playbooks that were run."""
    books: list[str] = []
    monkeypatch.setattr(playbook, "become", lambda book, *_: books.append(book))
    return books


def invoke(verb: ModuleType, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command_of(verb), words)
    return done.exit_code, " ".join(done.output.replace("│", " ").split())


REFUSED = {
    "-i ejemplo": "el difusor va antes de --",
    "--inventory=ejemplo": "el difusor va antes de --",
    "--limit=": "el valor de --limit está vacío",
    "--tags=": "el valor de --tags está vacío",
    "--limit a --limit b": "--limit está dos veces y toma un solo valor",
    "--start-at-task x": "con --start-at-task se saltarían las comprobaciones",
    "--step": "con --step se saltarían las comprobaciones",
    "-c local": "con --connection local se trabajaría en esta máquina",
    "--skip-tags always": "--skip-tags always: se saltarían las comprobaciones",
    "-t never,nginx": "--tags never: se saltarían las comprobaciones",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_no_verb_takes_after_the_dashes(line: str, ran: list[str]) -> None:
    """`--skip-tags always` left out every refusal, and `--tags never` ran roles that only lend their variables."""
    for verb in VERBS:
        status, said = invoke(verb, "-i", "demo", "--", *line.split())
        assert (status != 0, ran) == (True, []), (verb, said)
        assert REFUSED[line] in said and "Nada se hizo." in said


def test_a_limit_on_both_sides_is_refused(ran: list[str]) -> None:
    """The one behind -- counted, and the other, though mistyped, did not."""
    for verb in VERBS:
        status, said = invoke(verb, "-i", "demo", "--limit", "a", "--", "-lb")
        assert (status != 0, ran) == (True, []), said
        assert "--limit está dos veces y toma un solo valor" in said


@pytest.mark.parametrize("verb", WHOLE)
def test_a_verb_that_is_done_wholly_or_not_at_all_is_not_done_in_parts(verb: ModuleType, ran: list[str]) -> None:
    """`signers -- --tags ufw` changed nothing and ended well; the stolen key stayed."""
    for line in ("--tags ufw", "-tRED-04", "--skip rsync", "--skip-tags authorise,corte", "--tags all,never"):
        status, said = invoke(verb, "-i", "demo", "--", *line.split())
        assert (status != 0, ran) == (True, []), (line, said)
        assert "Nada se hizo." in said
    looks = ("--tags nginx -C", "--tags nginx --list-tasks", "--tags nginx --syntax")
    for line in (*looks, "--tags all", "--skip-tags authorise", "-vv -e a=b", ""):
        status, said = invoke(verb, "-i", "demo", "--", *line.split())
        assert (status, len(ran)) == (0, 1), (line, said)
        ran.clear()
    assert invoke(verb, "-i", "demo", "--check", "--", "--tags", "nginx")[0] == 0, "the verb's own --check"


@pytest.mark.parametrize("verb", [preflight, apply])
def test_a_verb_that_may_be_done_in_parts_is(verb: ModuleType, ran: list[str]) -> None:
    for line in ("--tags accounts", "--skip-tags nginx", "--limit web1 -C", "--list-hosts"):
        assert invoke(verb, "-i", "demo", "--", *line.split())[0] == 0
    assert len(ran) == 4


@pytest.mark.parametrize("verb", [signers, trusted])
def test_whoever_keeps_what_a_list_no_longer_says_is_told(verb: ModuleType, ran: list[str]) -> None:
    missed = "con --limit, los servidores que deja fuera admiten todavía"
    for words in (("--limit", "web1"), ("--", "-lweb1")):
        status, said = invoke(verb, "-i", "demo", *words)
        assert (status, missed in said) == (0, True), said
    for words in (("--limit", "web1", "--check"), ("--", "--limit", "web1", "--list-hosts"), ()):
        status, said = invoke(verb, "-i", "demo", *words)
        assert (status, missed in said) == (0, False), said
    assert len(ran) == 5


LESS = {
    "--check va antes de --": ("--check", "-C", "-DC", "--chec"),
    "nada se haría en los servidores": (
        "--list-hosts", "--list-tasks", "--list-tags", "--syntax-check", "--synt", "--version", "-h", "--help",
    ),
    "este verbo es para todos los servidores del difusor": ("--limit uno.test", "--lim uno.test", "-luno.test", "-l x"),
    "se haría solo una parte": (
        "--tags nginx", "-tnginx", "--tag=nginx", "--skip-tags authorise", "--ski x", "--start-at-task x", "--step",
    ),
    "no es una opción ni el valor de una": ("otro", "site.yml", "-e a=b otro"),
    "no es de ansible-playbook": ("--final", "--nada"),
    "va antes de --, donde": ("-i otro",),
    "con --connection local se trabajaría en esta máquina": ("-clocal",),
}  # fmt: skip


def in_force(verb: ModuleType, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """Return a difusor's inventory, revoked if the verb is to restore it, and a list of the playbooks that will run."""
    diario, ran = made(), list[str]()
    monkeypatch.setattr(playbook, "run", lambda book, *_: ran.append(book) or 0)
    if verb is restore:
        revocation.revoke(diario, Order("Ana", "alteró la página", "DG-04"))
    return diario, ran


@pytest.mark.parametrize("line", [*chain(*LESS.values())])
@pytest.mark.parametrize("verb", [revoke, restore])
def test_a_revocation_is_done_wholly_and_everywhere_or_nothing_is_written(
    verb: ModuleType, line: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --check after -- the record said that the server had shown the notice, and it showed the results."""
    diario, ran = in_force(verb, monkeypatch)
    path = diario / "group_vars/diario/vault.yml"
    before = (variables.content(str(path)), revocation.read(diario))
    status, said = invoke(verb, "diario", "--reason", "se aclaró", "--", *line.split())
    assert (status != 0, ran) == (True, []), said
    assert (variables.content(str(path)), revocation.read(diario)) == before
    assert next(sentence for sentence, lines in LESS.items() if line in lines) in said and "Nada se hizo." in said


@pytest.mark.parametrize("verb", [revoke, restore])
def test_a_revocation_takes_options_that_leave_nothing_out(
    verb: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ran = in_force(verb, monkeypatch)
    status, said = invoke(verb, "diario", "--reason", "se aclaró", "--", "-vv", "--diff", "-e", "a=b", "-f", "5")
    assert (status, ran) == (0, [revoking.REVOKE if verb is revoke else revoking.RESTORE]), said


@pytest.mark.parametrize(
    ("options", "noted"),
    [
        ((), True),
        (("--tags", "all", "--skip-tags", "authorise,molecule-idempotence-notest"), True),
        (("--skip-tags", "nginx"), False),
        (("--tags", "untagged"), False),
        (("--tags", "nginx"), False),
    ],
)
def test_a_server_of_which_a_part_was_left_out_is_not_noted_as_a_mirror(
    options: tuple[str, ...], noted: bool, tmp_path: Path
) -> None:
    """`apply -- --skip-tags nginx` left a server without a page, and the board called it installed."""
    (server,) = yaml.safe_load((ROOT / "playbooks/server.yml").read_text())
    (task,) = [each for each in server["post_tasks"] if "note_step" in each]
    assert _told(task, tmp_path, *options) is noted


def test_a_server_whose_inventory_nobody_judged_is_not_noted_as_ready(tmp_path: Path) -> None:
    tasks = yaml.safe_load((ROOT / "roles/preflight/tasks/judge.yml").read_text())
    (task,) = [each for each in tasks if "note_step" in each]
    assert _told(task, tmp_path)
    assert not _told(task, tmp_path, "--skip-tags", "inventory")


def _told(task: dict[str, Any], folder: Path, *options: str) -> bool:
    """Run a task that says something where this one notes a step; return whether it did."""
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"debug": {"msg": "anotado"}, "when": task["when"]}]}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    done = ansible("playbook", "-i", "web1,", folder / "play.yml", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return "anotado" in done.stdout
