"""The surroundings in which an operator starts a verb: locale, streams, signals, variables of Ansible and of git."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import command_kit
import home_kit
import pytest
from account_kit import NEEDS_ROOT, NOBODY

from difusor import project
from difusor.project import ROOT

SCRIPTS = {"PYTHONPATH": str(ROOT / "scripts")}
MAIN = "from difusor import cli\ncli.main()"
INTERRUPTED = 128 + signal.SIGINT
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def program(code: str, started: str = '"$@"', **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code inside `process.prepared()` in a process of its own; `started` is how a shell starts it."""
    lines = code.replace("\n", "\n ").encode("ascii", "backslashreplace").decode()
    whole = f"from difusor import process\nwith process.prepared():\n {lines}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        ["sh", "-c", started, "sh", sys.executable, "-c", whole],
        env=kept | SCRIPTS | environment, capture_output=True, text=True, errors="replace", timeout=300,
        preexec_fn=_heed,
    )  # fmt: skip


def _heed() -> None:
    """Have the program begin as from a terminal: what a shell starts in the background ignores Ctrl-C."""
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = home_kit.furnish(tmp_path / "instituto", monkeypatch)
    home_kit.made()
    return home


LOCALES = {
    "C": {"LC_ALL": "C"},
    "not installed here, as ssh brings it from another machine": {"LANG": "xx_MX.UTF-8"},
    "without UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_locale_will_do_for_ansible(locale: str) -> None:
    code = "import ansible.cli, os, sys\nprint(sys.getfilesystemencoding(), os.fsencode('ñ'), process.added, '✓')"
    done = program(code, **LOCALES[locale])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "utf-8 b'\\xc3\\xb1' {'LC_ALL': 'C.UTF-8'} ✓\n"


def test_a_verb_that_reads_an_inventory_works_in_the_c_locale(home: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = command_kit.difusor(
        "--home", home, "synthetic", home / "corte", "-i", "diario", "--number", "1",
        env=environment | {"LC_ALL": "C", "HOME": "/dev/null"},
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert (home / "build/ansible").is_dir()  # as Ansible cannot have its folder in that home


def test_without_any_folder_for_ansible_a_verb_says_which(home: Path) -> None:
    (home / "build/ansible").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = command_kit.difusor(
        "--home", home, "synthetic", home / "corte", "-i", "diario", "--number", "1",
        env=environment | {"HOME": "/dev/null"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"✗ no se puede usar {home}/build/ansible") and "Traceback" not in done.stderr


def test_a_terminal_without_our_signs_gets_question_marks() -> None:
    done = program("print('✓ é')", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (0, "? ?\n", "")


def test_a_terminal_that_says_it_has_no_columns_shows_everything() -> None:
    done = program("from difusor.terminal import results\nresults.print('hola')", COLUMNS="0")
    assert (done.returncode, done.stdout) == (0, "hola\n")


@pytest.mark.parametrize("width", ["ancha", "0", "5", ""])
def test_a_width_that_is_none_keeps_no_complaint_from_being_read(width: str) -> None:
    """It was a fault of the program's own, or a frame with one letter in each line."""
    done = program(f"import sys\nsys.argv = ['difusor', 'status', '--nada']\n{MAIN}", TERMINAL_WIDTH=width)
    assert done.returncode == os.EX_USAGE and "No existe la opción --nada." in done.stderr, done.stderr
    assert program("import os\nprint(os.environ['TERMINAL_WIDTH'])", TERMINAL_WIDTH="120").stdout == "120\n"


@pytest.mark.parametrize(("given", "mode"), [("000", 0o664), ("002", 0o664), ("077", 0o600)])
def test_no_other_account_may_change_what_a_verb_writes(given: str, mode: int, tmp_path: Path) -> None:
    assert program(f"open({str(tmp_path / 'hosts.yml')!r}, 'w')", f'umask {given}; "$@"').returncode == 0
    assert (tmp_path / "hosts.yml").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("given", ["177", "777"])
def test_whoever_runs_a_verb_can_use_what_it_makes(given: str, tmp_path: Path) -> None:
    """A umask of 177 is meant for files, and takes from a folder what it takes to enter it."""
    made = tmp_path / "corte"
    assert program(f"import os\nos.mkdir({str(made)!r})", f'umask {given}; "$@"').returncode == 0
    assert made.stat().st_mode & 0o777 == 0o700


def test_closed_streams_are_not_the_files_that_a_verb_opens(tmp_path: Path) -> None:
    code = (
        f"import subprocess, sys\nwith open({str(tmp_path / 'acta')!r}, 'w') as file:\n"
        " subprocess.run('echo eco; echo error >&2', shell=True)\n print('salida')\n file.write(sys.stdin.read())"
    )
    for closing in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        assert program(code, f'"$@" {closing}').returncode == 0, closing
        assert (tmp_path / "acta").read_text() == ""


def test_the_program_that_a_verb_becomes_has_all_standard_streams(tmp_path: Path) -> None:
    opened = f"ls -l /proc/$$/fd >{tmp_path / 'abiertos'}"
    for closing in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        program(f"import os\nos.execvp('sh', ['sh', '-c', {opened!r}])", f'"$@" {closing}')
        found = {line.split()[-3] for line in (tmp_path / "abiertos").read_text().splitlines() if "->" in line}
        assert {"0", "1", "2"} <= found, closing


@pytest.mark.parametrize("closing", ["2>/dev/full", "2>&1 >/dev/null | true"])
def test_nobody_reading_the_progress_stops_no_verb(closing: str, tmp_path: Path) -> None:
    code = (
        "from difusor.terminal import complain, console\n"
        f"for _ in range(2000): console.print('·' * 99); complain('falla')\nopen({str(tmp_path / 'hecho')!r}, 'w')"
    )
    program(code, f'"$@" {closing}')
    assert (tmp_path / "hecho").exists()


def test_a_full_disk_under_the_result_is_named() -> None:
    done = program(f"import sys\nsys.argv[1:] = ['--version']\n{MAIN}", '"$@" >/dev/full')
    assert (done.returncode, done.stderr) == (1, "✗ no se puede usar la salida estándar: se llenó el disco\n")


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_a_stop_is_a_sentence_and_leaves_nothing_unfinished(number: signal.Signals, tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from difusor.partners.files import new_folder\n"
        f"with new_folder(Path({str(tmp_path / 'diario')!r})) as folder:\n"
        f" (folder / 'hosts.yml').touch(); os.kill(os.getpid(), {int(number)})"
    )
    done = program(code)
    assert done.returncode == 128 + number
    assert done.stderr.startswith("\n✗ Interrumpido") and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    done = program("import os\nos.kill(os.getpid(), 1)\nprint('sigue')", 'nohup "$@" </dev/null 2>&1')
    assert (done.returncode, "sigue" in done.stdout) == (0, True), done.stdout


def test_ctrl_c_in_a_verb_is_told(tmp_path: Path) -> None:
    """Typer ends it without a word; a list that is written is not the watch, whose end is no failure."""
    verb = (
        "from difusor.listing import making\ndef make(wanted): raise KeyboardInterrupt\nmaking.make = make\nimport sys"
    )
    done = program(f"{verb}\nsys.argv[1:] = ['list', {str(tmp_path / 'lista')!r}]\n{MAIN}")
    assert (done.returncode, done.stderr) == (INTERRUPTED, "\n✗ Interrumpido.\n")


OWN = {
    "ANSIBLE_CONFIG": "/otro.cfg", "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_STRATEGY": "free",
    "ANSIBLE_INVENTORY_ENABLED": "ini", "ANSIBLE_SKIP_TAGS": "ufw", "ANSIBLE_VARS_PLUGINS": "/nada",
}  # fmt: skip


def test_the_operators_variables_of_ansible_undo_nothing(home: Path) -> None:
    done = command_kit.difusor(
        "--home", home, "synthetic", home / "corte", "-i", "diario", "--number", "1", env=os.environ | OWN
    )
    assert done.returncode == 0, done.stderr
    told = done.stderr.partition("\n")[0]
    assert told.startswith(
        "! no se toma en cuenta lo que su entorno dice en ANSIBLE_CONFIG, ANSIBLE_HOST_KEY_CHECKING, "
    )
    assert all(name in told for name in OWN) and "VAULT" not in told


UNVERIFIED = "! su entorno dice en ANSIBLE_SSH_ARGS por cuál llave se conoce a los servidores"


@pytest.mark.parametrize(
    ("given", "is_told"),
    [
        ("-o StrictHostKeyChecking=no", True),
        ("-o 'stricthostkeychecking off'", True),
        ("-o UserKnownHostsFile=/dev/null", True),
        ("-o StrictHostKeyChecking=yes -o ControlPersist=60s", False),
    ],
)
def test_an_option_that_lets_any_server_answer_is_told(given: str, is_told: bool, home: Path) -> None:
    done = command_kit.difusor("--home", home, "status", env=os.environ | {"ANSIBLE_SSH_ARGS": given})
    assert (done.returncode, done.stderr.startswith(UNVERIFIED)) == (0, is_told), done.stderr


def test_what_is_the_operators_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    for name in sorted(project.OPERATORS):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("ANSIBLE_CONFIG", "")  # settle sets it
    assert project.settle() == []
    assert os.environ["ANSIBLE_FORKS"] == "1" and os.environ["ANSIBLE_CONFIG"] == str(ROOT / "ansible.cfg")


def commit_in(folder: Path) -> None:
    """Make a folder a git repository with one commit."""
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x.mx"]
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message", "x"]):
        subprocess.run([*git, *words], check=True)


def test_the_commit_is_the_projects_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of a repository that a hook names, nor of one in which the project was unpacked."""
    commit_in(tmp_path)
    own = project.commit()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert project.commit() == own
    (tmp_path / "proyecto").mkdir()
    monkeypatch.setattr(project, "ROOT", tmp_path / "proyecto")
    assert project.commit() == ""


@NEEDS_ROOT
def test_the_commit_of_a_clone_that_another_account_made_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_in(tmp_path)
    for each in (tmp_path, tmp_path / ".git"):
        os.chown(each, NOBODY, NOBODY)
    monkeypatch.setenv("HOME", str(tmp_path / "ninguno"))  # whoever runs this may have told git of it
    monkeypatch.setattr(project, "ROOT", tmp_path)
    assert len(project.commit()) == 40


def test_a_file_that_git_does_not_know_is_a_change_where_it_takes_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_in(tmp_path)
    monkeypatch.setattr(project, "ROOT", tmp_path)
    (tmp_path / "notas.txt").touch()
    own = project.commit()
    assert own and not own.endswith("cambios locales")
    (tmp_path / "roles/ssh/templates").mkdir(parents=True)
    (tmp_path / "roles/ssh/templates/b.conf").touch()
    assert project.commit() == f"{own} con cambios locales"


STRAYS = (
    *(".DS_Store", "._a.conf.j2", ".a.conf.j2.swp", "Thumbs.db", "desktop.ini", "a.conf.j2~", "a.conf.j2.orig"),
    *("a.conf.rej", "a.conf.j2:Zone.Identifier", "a (1).conf.j2", "a - copia.conf.j2", "#a.conf.j2#", "~$a.conf.j2"),
)  # fmt: skip


def test_what_systems_and_editors_leave_is_none_of_the_projects() -> None:
    assert all(map(project.is_stray, STRAYS)) and not project.is_stray("99-prep.conf.j2")
    places = ("roles", "plugins", "playbooks", "containers", "scripts/corte")
    listed = subprocess.check_output(["git", "ls-files", "-z", *places], cwd=ROOT, text=True).split("\0")
    assert [each for each in listed if any(map(project.is_stray, Path(each).parts))] == []


@pytest.mark.parametrize("name", ["a,b", "100%", "$HOME", "co'mi", 'lla"s', "{{ x }}", "{% x %}", "a\nb", "lat\udcf1n"])
def test_a_folder_that_ansible_or_ssh_would_misread_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    done = command_kit.difusor("--home", tmp_path / name, "status", env=os.environ | {"COLUMNS": "400"})
    assert (done.returncode, "la ruta lleva" in done.stderr) == (os.EX_USAGE, True), done.stderr
    assert project.path_fault(Path("/srv/Año 2027 (prep)/día_1")) == ""


def test_a_dash_of_a_word_processor_is_no_hyphen() -> None:
    done = command_kit.difusor("letter", "–i", "diario")
    assert "«–i» comienza con una raya (–) y no con un guion (-)" in done.stderr


def test_a_folder_that_is_gone_under_the_terminal_is_told(tmp_path: Path) -> None:
    """As after the project was fetched anew in the place of the old one."""
    there = f"import os, sys\nos.chdir({str(tmp_path)!r})\nos.rmdir({str(tmp_path)!r})\nsys.argv[1:] = ['list']"
    done = program(f"{there}\n{MAIN}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("✗ la carpeta en que está la terminal no se puede usar (no existe); vaya a otra")


def test_a_verb_is_suggested_in_spanish() -> None:
    done = command_kit.difusor("enrol")
    assert "¿Quiso decir 'enroll'?" in done.stderr and "Did you mean" not in done.stderr
