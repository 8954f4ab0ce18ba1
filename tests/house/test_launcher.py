"""The launcher `./difusor`, with stand-ins for pip, docker and difusor that only note their arguments."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LIMIT = 60.0
"""Seconds after which a launcher that was ended hangs."""
ROOT = Path(__file__).resolve().parents[2]
MADE_FROM = ("requirements.lock", "pyproject.toml")
Launch = Callable[..., list[str]]


def mark_environment(project: Path, folder: Path) -> None:
    """Write into `folder` the mark that the launcher leaves in an environment that it made for this project."""
    lock, description = (f"{hashlib.sha256((project / name).read_bytes()).hexdigest()}  {name}\n" for name in MADE_FROM)
    (project / ".venv/made-from").write_text(f"{lock}{folder}\n")
    (project / ".venv/project").write_text(description)


def link_python(project: Path, python: Path) -> None:
    """Let the environment's Python be the one at this path; for a real one nothing is installed there."""
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to(python)
    (project / ".venv/pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("difusor", *MADE_FROM):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    mark_environment(tmp_path, tmp_path)
    for name in ("difusor", "docker", "pip"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/asked\n')
        (programs / name).chmod(0o755)
    (programs / "python").symlink_to("/bin/true")
    (tmp_path / "build").mkdir()
    return tmp_path


def call(project: Path, commands: str) -> subprocess.CompletedProcess[str]:
    """Run commands with the launcher's functions, as root's where there is no systemd."""
    text = (project / "difusor").read_text().replace('\nmain "$@"\n', "\n").replace("${BASH_SOURCE[0]}", "./difusor")
    text = text.replace("((EUID == 0))", "true").replace("((EUID != 0))", "false").replace("/run/systemd", "/nada")
    environment = {**os.environ, "PATH": f"{project}/.venv/bin:{os.environ['PATH']}"}
    command = ["bash", "-c", f"{text}\n{commands}"]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)


def program(project: Path, name: str, script: str) -> None:
    (project / ".venv/bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (project / ".venv/bin" / name).chmod(0o755)


@pytest.fixture
def launch(project: Path) -> Launch:
    """Return a function that runs the launcher and returns the noted arguments of difusor, docker and pip."""

    def run(*arguments: str, folder: Path | None = None) -> list[str]:
        path = f"{project}/.venv/bin:{os.environ['PATH']}"
        subprocess.run([project / "difusor", *arguments], cwd=folder, env={**os.environ, "PATH": path}, check=True)
        return (project / "asked").read_text().splitlines()

    return run


@pytest.fixture(scope="module")
def with_pip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make an environment, which takes seconds; return, for `making_with`, what copies it where one is to be made."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return f"venv() {{ [[ $1 == -c ]] || cp -a '{folder}' .venv; }}"


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "infinity"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_installs_and_starts_nothing(launch: Launch, option: str) -> None:
    assert launch("demo", option) == [f"difusor demo {option}"]


def test_another_system_than_linux_is_told_before_anything_else(project: Path) -> None:
    """The bash of macOS complained of words that it does not know, and of programs that are not there."""
    program(project, "uname", "echo Darwin")
    launcher = project / "difusor"
    above, check, below = launcher.read_text().partition("readonly CALLER")
    launcher.write_text(f"{above}{check}=( <<< words that no bash can read\n{below}")
    path = f"{project}/.venv/bin:{os.environ['PATH']}"
    start = subprocess.run([launcher, "--help"], env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert start.returncode == 1
    assert (start.stdout, start.stderr) == ("", "difusor: aquí no hay Linux: use Linux, o WSL 2 en Windows\n")


def test_it_may_be_called_by_a_link_and_in_a_shell_with_paths_of_its_own(project: Path, tmp_path: Path) -> None:
    """`cd` would look for the project's folder in CDPATH, and Python for modules in PYTHONPATH first."""
    (project / ".venv/bin/difusor").write_text(f'#!/bin/sh\necho "$PYTHONPATH" >{project}/asked\n')
    (project / "enlace").symlink_to("difusor")
    (project / "otra" / project.name).mkdir(parents=True)
    environment = os.environ | {"CDPATH": str(project / "otra"), "PYTHONPATH": "/nada"}
    for words in ([project / "enlace", "status"], [f"{project.name}/difusor", "status"]):
        subprocess.run(words, cwd=project.parent, env=environment, check=True)
        assert (project / "asked").read_text() == "\n"
        (project / "asked").unlink()


def test_programs_of_administrators_are_found_by_an_ordinary_user(project: Path) -> None:
    """Debian leaves their folders out of his PATH."""
    (project / ".venv/bin/difusor").write_text(f'#!/bin/sh\necho "$PATH" >{project}/asked\n')
    subprocess.run([project / "difusor", "status"], env={**os.environ, "PATH": "/usr/bin:/bin"}, check=True)
    assert (project / "asked").read_text() == f"{project}/.venv/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n"


@pytest.mark.parametrize("verb", ["verify", "clean"])
def test_paths_mean_the_folder_of_the_caller(project: Path, launch: Launch, verb: str) -> None:
    (project / ".venv/bin/difusor").write_text(f"#!/bin/sh\npwd -P >>{project}/asked\n")
    (project / "folder").mkdir()
    assert launch(verb, folder=project / "folder")[-1] == str((project / "folder").resolve())


def test_a_start_without_its_environment_ends_with_a_sentence(project: Path) -> None:
    (project / "requirements.lock").write_text("sin-su-huella==1\n")
    start = subprocess.run([project / "difusor", "spec"], capture_output=True, text=True)
    assert start.returncode == 1
    assert start.stderr.splitlines()[-1].startswith("difusor: no se pudo instalar el entorno")
    assert "git checkout" in start.stderr.splitlines()[-1]


def test_an_environment_that_cannot_be_made_leaves_the_one_of_before(
    project: Path, launch: Launch, with_pip: str
) -> None:
    """Without PyPI a `git pull` that changed the lock took every verb away, and going back did not bring them again."""
    lock = (project / "requirements.lock").read_bytes()
    (project / "requirements.lock").write_text("sin-su-huella==1\n")
    start = subprocess.run([making_with(project, with_pip), "spec"], capture_output=True, text=True)
    assert (start.returncode, "no se pudo instalar el entorno" in start.stderr) == (1, True), start.stderr
    (project / "requirements.lock").write_bytes(lock)
    assert launch("verify") == ["difusor verify"]
    assert not (project / ".venv-before").exists()


def test_the_first_environment_that_cannot_be_made_is_of_no_version_of_before(project: Path, with_pip: str) -> None:
    (project / "requirements.lock").write_text("sin-su-huella==1\n")
    shutil.rmtree(project / ".venv")
    launcher = making_with(project, with_pip)
    for _ in range(2):  # the second finds what the first one left
        start = subprocess.run([launcher, "spec"], capture_output=True, text=True)
        assert start.returncode == 1
        assert start.stderr.splitlines()[-1].endswith(
            "¿hay acceso a PyPI, y espacio en el disco? Repita cuando los haya"
        )


def test_pip_is_told_how_packages_are_reached_and_nothing_else(project: Path) -> None:
    """PIP_TARGET put them elsewhere without a word, PIP_PYTHON into the system's Python, and PIP_USER ended it."""
    program(project, "pip", "env | sed -n 's/^PIP_//p' | LC_ALL=C sort >>asked; echo \"$@\" >>asked")
    reaching = ("CERT", "CONFIG_FILE", "DEFAULT_TIMEOUT", "EXTRA_INDEX_URL", "INDEX_URL", "NO_CACHE_DIR", "PROXY")
    others = ("CONSTRAINT", "DRY_RUN", "PREFIX", "PYTHON", "REPORT", "REQUIREMENT", "ROOT", "TARGET", "USER", "VERBOSE")
    said = " ".join(f"PIP_{each}=1" for each in (*reaching, *others))
    done = call(project, f"export {said}; pip_install --editable .; echo $PIP_TARGET")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    *kept, words = (project / "asked").read_text().splitlines()
    assert set(kept) >= {f"{each}=1" for each in reaching} and "--no-user" in words.split()
    assert not {each.partition("=")[0] for each in kept} & {*others}


def test_a_pip_that_installs_elsewhere_is_told(project: Path) -> None:
    """As with `target` in its pip.conf: the launcher then said of itself that it did not find difusor."""
    (project / ".venv/bin/difusor").unlink()
    done = call(project, "install_project")
    assert done.returncode == 1 and "quite target, prefix, root o dry-run" in done.stderr


@pytest.mark.parametrize(("name", "proxy", "told"), [
    ("ALL_PROXY", "socks5://127.0.0.1:9", True), ("https_proxy", "socks5://127.0.0.1:9", True),
    ("https_proxy", "http://127.0.0.1:9", False),
])  # fmt: skip
def test_a_proxy_that_pip_cannot_use_is_named(project: Path, with_pip: str, name: str, proxy: str, told: bool) -> None:
    (project / "requirements.lock").write_text("sin-su-huella==1\n")
    shutil.rmtree(project / ".venv")
    launcher = making_with(project, with_pip)
    start = subprocess.run([launcher, "spec"], env=os.environ | {name: proxy}, capture_output=True, text=True)
    assert (start.returncode, "dé uno HTTP en HTTPS_PROXY" in start.stderr) == (1, told), start.stderr


@pytest.mark.parametrize("left", ["nothing", "half of it", "a mark that is not on the disk"])
def test_a_making_that_a_power_cut_ended_gives_back_the_environment_of_before(
    project: Path, launch: Launch, left: str
) -> None:
    (project / ".venv").rename(project / ".venv-before")
    if left != "nothing":
        (project / ".venv/bin").mkdir(parents=True)
        (project / ".venv/bin/python").symlink_to("/bin/true")
    if left == "a mark that is not on the disk":
        (project / ".venv/made-from").touch()
    assert launch("verify") == ["difusor verify"]
    assert not (project / ".venv-before").exists()


def test_what_cannot_be_deleted_of_the_environment_of_before_stops_no_verb(project: Path, launch: Launch) -> None:
    """As where a verb that was run by root had left its files there."""
    (project / ".venv-before/bin").mkdir(parents=True)
    launcher = project / "difusor"
    launcher.write_text(launcher.read_text().replace("\nmain() {", "\nrm() { return 1; }\nmain() {", 1))
    assert launch("verify") == ["difusor verify"]


def test_a_power_cut_after_the_making_leaves_the_new_environment(project: Path, launch: Launch) -> None:
    (project / ".venv-before/bin").mkdir(parents=True)
    assert launch("verify") == ["difusor verify"]
    assert not (project / ".venv-before").exists()


def making_with(project: Path, stand_ins: str) -> Path:
    """Return a launcher beside the project's in which these functions, pip's among them, make the environment."""
    launcher = project / "another"
    venv = "find_python() { echo venv; }; venv() { [[ $1 == -c ]] || mkdir -p .venv/bin; }"
    text = (project / "difusor").read_text().removesuffix('main "$@"\n')
    launcher.write_text(f'{text}\n{venv}\n{stand_ins}\nmain "$@"\n')
    launcher.chmod(0o755)
    return launcher


def test_the_environment_of_before_goes_once_the_new_one_is_on_the_disk(project: Path) -> None:
    """Else a power cut leaves empty files under a mark that says they were installed, and no other environment."""
    stand_ins = """
    sync() { [[ -e .venv-before/made-from && -s .venv/made-from ]] && echo mark >>asked || echo files >>asked; }
    pip_install() { cp .venv-before/bin/* .venv/bin; }
    """
    launcher = making_with(project, stand_ins)
    (project / "requirements.lock").write_text("otra==1\n")
    subprocess.run([launcher, "verify"], check=True)
    assert (project / "asked").read_text() == "files\nmark\ndifusor verify\n"
    assert not (project / ".venv-before").exists()


def interrupted(project: Path, installing: str) -> subprocess.Popen[bytes]:
    """Start a verb whose environment is made anew, with these commands as pip, which say in `begun` that they began."""
    launcher = making_with(project, f"pip_install() {{ echo half >.venv/bin/difusor; {installing}; }}")
    os.mkfifo(project / "begun")
    lock = (project / "requirements.lock").read_bytes()
    (project / "requirements.lock").write_text("otra==1\n")
    start = subprocess.Popen([launcher, "verify"], stderr=subprocess.DEVNULL, start_new_session=True)
    (project / "process").write_text((project / "begun").read_text())
    (project / "requirements.lock").write_bytes(lock)
    return start


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_making_that_is_ended_gives_back_the_environment_of_before(
    project: Path, launch: Launch, ended_by: signal.Signals
) -> None:
    # The program that a signal has to end says that it runs: one that bash has only forked may lose the signal.
    with interrupted(project, "sh -c 'echo >begun; exec sleep infinity'") as start:
        os.killpg(start.pid, ended_by)
        start.wait(LIMIT)
    assert start.returncode != 0
    assert launch("verify") == ["difusor verify"]
    assert not (project / ".venv-before").exists()


def test_the_environment_of_before_comes_back_only_once_pip_has_ended(project: Path) -> None:
    """A signal to the launcher's process alone leaves pip writing there."""
    os.mkfifo(project / "ended")
    late = "sh -c 'echo $PPID >begun; read -r _ <ended; echo late >.venv/bin/difusor'"
    with interrupted(project, late) as start:
        os.kill(int((project / "process").read_text()), signal.SIGTERM)
        (project / "ended").write_text("\n")
    assert start.returncode != 0
    assert "difusor" in (project / ".venv/bin/difusor").read_text()


def test_a_folder_where_no_environment_can_be_is_told(project: Path) -> None:
    (project / "a:b").mkdir()
    for name in ("difusor", *MADE_FROM):
        shutil.copy(project / name, project / "a:b")
    start = subprocess.run([project / "a:b/difusor", "status"], capture_output=True, text=True)
    assert start.returncode == 1
    assert start.stderr.splitlines()[-1].startswith(f"difusor: no se pudo hacer {project}/a:b/.venv: ")


def test_a_project_described_anew_is_installed_anew(launch: Launch, project: Path) -> None:
    (project / "pyproject.toml").write_text("[project]\n")
    first, second = launch("verify"), launch("verify")[2:]
    assert "--no-index" in first[0] and first[0].endswith("--editable .")
    assert first[1:] == second == ["difusor verify"]


@pytest.mark.parametrize(
    "change",
    [
        lambda project: (project / ".venv/made-from").unlink(),
        lambda project: mark_environment(project, project / "elsewhere"),
        lambda project: link_python(project, project / "removed"),
        lambda project: link_python(project, Path(sys.executable).resolve()),
    ],
    ids=["of an earlier version", "of another folder", "of a Python that is gone", "of another version of Python"],
)
def test_an_environment_that_is_not_this_projects_is_made_again(
    project: Path, change: Callable[[Path], object]
) -> None:
    (project / "requirements.lock").write_text("sin-su-huella==1\n")
    mark_environment(project, project)
    change(project)
    command = [project / "difusor", "spec"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as start:
        assert start.stderr is not None  # PIPE above
        assert "Preparando el entorno" in start.stderr.readline()
        os.killpg(start.pid, signal.SIGKILL)


@pytest.mark.parametrize("mark", ["made-from", "project"])
def test_a_verb_waits_while_another_one_makes_the_environment(project: Path, mark: str) -> None:
    """Two that started after an update of the checkout destroyed each other's."""
    made = (project / ".venv" / mark).read_text()
    (project / ".venv" / mark).unlink()
    another = os.open(project, os.O_RDONLY)
    fcntl.flock(another, fcntl.LOCK_EX)
    with subprocess.Popen([project / "difusor", "verify"], stderr=subprocess.PIPE, text=True) as start:
        assert start.stderr is not None  # PIPE above
        said = start.stderr.readline()
        (project / ".venv" / mark).write_text(made)
        os.close(another)
        assert start.wait() == 0
    assert "Otro verbo prepara el entorno de Python; se espera a que termine" in said
    assert (project / "asked").read_text() == "difusor verify\n"


def test_a_verb_that_waits_for_the_environment_is_ended_by_ctrl_c(project: Path) -> None:
    (project / ".venv/made-from").unlink()
    another = os.open(project, os.O_RDONLY)
    fcntl.flock(another, fcntl.LOCK_EX)
    command = [project / "difusor", "verify"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as start:
        assert start.stderr is not None  # PIPE above
        assert "se espera" in start.stderr.readline()
        while start.poll() is None:
            os.killpg(start.pid, signal.SIGINT)
            time.sleep(0.05)  # pace: bash takes no notice of the one that comes just before flock begins
    assert start.returncode != 0
    os.close(another)
    assert (project / ".venv/bin/difusor").exists(), "nothing was made anew"


def test_the_environment_is_locked_while_it_is_made_and_for_nobody_else(project: Path) -> None:
    """Neither the verb nor what is begun meanwhile, such as the Docker engine, keeps other verbs waiting."""
    tell = f"{{{{ flock --nonblock {project} echo free || echo taken; }}}} >>{project}/{{}}"
    (project / ".venv/made-from").unlink()
    launcher = project / "difusor"
    text = launcher.read_text().removesuffix('main "$@"\n')
    # What is begun here lives longer than the launcher.
    stand_ins = f"""
    mkfifo ended begun
    find_python() {{ echo venv; }}
    venv() {{ [[ $1 == -c ]] || {{ mkdir -p .venv/bin; cp verb .venv/bin/difusor; read -r _ <begun; }}; }}
    pip_install() {{ {tell.format("making")}; }}
    ensure_lab_tools() {{ sh -c 'read _ <ended' & echo >begun; }}
    """
    (project / "verb").write_text(f"#!/bin/sh\n{tell.format('used')}\n")
    (project / "verb").chmod(0o755)
    launcher.write_text(f'{text}{stand_ins}main "$@"\n')
    subprocess.run([launcher, "demo"], check=True, timeout=300)
    (project / "ended").write_text("\n")
    assert (project / "making").read_text() == "taken\ntaken\n"
    assert (project / "used").read_text() == "free\n"


@pytest.mark.parametrize(
    ("making", "begun"),
    [
        ("making=1 asked=test", ["host bookworm", "peer bookworm", "prep", "waf"]),
        ("making=1 asked=images", ["prep", "waf"]),
        ("making= asked=test", []),
    ],
)
def test_images_are_begun_while_the_environment_is_made(project: Path, making: str, begun: list[str]) -> None:
    """Once there is an environment, the verb itself finds out what is to be built."""
    (project / "containers").mkdir()
    (project / "containers/build").write_text("#!/bin/sh\necho $* >>begun\n")
    (project / "containers/build").chmod(0o755)
    (project / "begun").touch()
    stand_ins = "need() { :; }; start_engine() { :; }; is_debian() { :; }; docker() { :; }"
    assert call(project, f"{stand_ins}\n{making}\nensure_lab_tools; wait").returncode == 0
    assert sorted((project / "begun").read_text().splitlines()) == begun


@pytest.mark.parametrize("answers", [True, False])
def test_no_docker_is_installed_beside_an_engine_that_answers(project: Path, answers: bool) -> None:
    """It may be of a snap or Docker's own, which docker.io would take the place of."""
    stand_ins = f"has() {{ false; }}; docker() {{ {str(answers).lower()}; }}; is_debian() {{ :; }}"
    told = call(project, f'{stand_ins}; need() {{ echo "$*"; exit; }}; ensure_lab_tools').stdout
    assert "mmdebstrap" in told
    assert ("docker" in told) is not answers


def test_packages_are_installed_without_removing_any_although_a_source_does_not_answer(project: Path) -> None:
    program(project, "apt-get", f'echo "$*" >>{project}/asked; [ $1 != update ] || exit 100')
    assert call(project, "need mmdebstrap git").returncode == 0
    update, install = (project / "asked").read_text().splitlines()
    assert update.startswith("update") and install.endswith(" mmdebstrap git")
    assert "--no-remove" in install and "DPkg::Lock::Timeout" in install


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Debian GNU/Linux 13 (trixie) [name=apparmor name=seccomp,profile=builtin name=cgroupns]", ""),
        ("Docker Desktop [name=seccomp,profile=unconfined name=cgroupns]", "es Docker Desktop"),
        ("Ubuntu 24.04.3 LTS [name=seccomp,profile=builtin name=rootless name=cgroupns]", "corre sin root"),
        ("Debian GNU/Linux 13 (trixie) [name=seccomp,profile=builtin name=userns]", "userns-remap"),
        ("", "quizá Podman"),
    ],
)
def test_an_engine_that_can_have_no_lab_is_refused(project: Path, kind: str, said: str) -> None:
    answer = f"echo '{kind}'" if kind else "! echo 'template: can not evaluate field OperatingSystem' >&2"
    done = call(project, f"docker() {{ {answer}; }}; refuse_other_engines")
    assert done.returncode == bool(said)
    assert said in done.stderr and bool(done.stderr) is bool(said)


def test_clean_asks_for_the_engine_only_where_there_is_a_lab(launch: Launch, project: Path) -> None:
    assert launch("clean") == ["difusor clean"]
    (project / "build/lab").mkdir()
    assert launch("clean")[1:] == ["docker info", "difusor clean"]


def test_the_desk_needs_no_engine(launch: Launch) -> None:
    assert launch("demo", "--desk") == ["difusor demo --desk"]


def test_the_home_may_stand_before_the_verb(launch: Launch, project: Path) -> None:
    (project / "build/lab").mkdir()
    assert launch("--home", "x", "clean") == ["docker info", "difusor --home x clean"]


def test_clean_ends_no_process_of_another_program(
    launch: Launch, project: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """After a restart, the process id that the engine had noted may be another program's, which must not be ended."""
    pidfile = project / "build/dockerd.pid"
    pidfile.write_text(f"{stranger.pid}\n")
    launch("clean")
    assert stranger.poll() is None
    assert not pidfile.exists()


def test_a_process_id_of_another_program_keeps_no_engine_from_starting(
    project: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """The engine's own file of before a restart: dockerd refuses to start while a process has that number."""
    (project / "build/dockerd.pid").write_text(f"{stranger.pid}\n")
    os.mkfifo(project / "ended")
    ended = os.open(project / "ended", os.O_RDWR)
    program(
        project, "dockerd", "[ ! -e build/dockerd.pid ] || { echo still running; exit 1; }; touch up; read -r _ <ended"
    )
    done = call(project, "docker() { [[ -e up ]]; }; start_engine")
    os.write(ended, b"\n")
    os.close(ended)
    assert done.returncode == 0, done.stderr
    assert stranger.poll() is None


def test_an_old_python_is_told_how_to_get_a_newer_one(project: Path, tmp_path: Path) -> None:
    """As on Ubuntu 22.04, whose Python is 3.10."""
    shutil.rmtree(project / ".venv")
    (tmp_path / "old").mkdir()
    for name in ("python3", "python3.14", "python3.13", "python3.12"):
        (tmp_path / "old" / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "old" / name).chmod(0o755)
    launcher = project / "difusor"
    launcher.write_text(launcher.read_text().replace("/usr/bin/python3", str(tmp_path / "old/python3")))
    environment = {**os.environ, "PATH": f"{tmp_path}/old:/usr/bin:/bin", "HOME": str(tmp_path)}
    start = subprocess.run([launcher, "verify"], env=environment, capture_output=True, text=True)
    assert start.returncode == 1
    assert "uv python install 3.12" in start.stderr and "deadsnakes" in start.stderr


def test_a_python_of_a_ppas_without_its_package_of_environments_is_told_which(project: Path, tmp_path: Path) -> None:
    """The system's python3-venv was installed, which is of another Python, and then the folder was blamed."""
    shutil.rmtree(project / ".venv")
    (tmp_path / "ppa").mkdir()
    (tmp_path / "ppa/python3.14").write_text(
        f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
    )
    (tmp_path / "ppa/python3.14").chmod(0o755)
    launcher = project / "difusor"
    launcher.write_text(launcher.read_text().replace("in /usr/bin/python3 ", "in "))
    environment = {**os.environ, "PATH": f"{tmp_path}/ppa:/usr/bin:/bin", "HOME": str(tmp_path)}
    start = subprocess.run([launcher, "verify"], env=environment, capture_output=True, text=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert start.returncode == 1
    assert start.stderr.endswith(f"instálelo y repita:\n  sudo apt-get install python{version}-venv\n")
    assert f"a {tmp_path}/ppa/python3.14 le falta" in start.stderr


@pytest.mark.parametrize(
    ("name", "version", "verb", "refused"),
    [
        ("ubuntu", "22.04", "images", True),
        ("ubuntu", "22.04", "letter", True),
        ("ubuntu", "22.04", "clean", False),
        ("ubuntu", "24.04", "letter --help", False),
        ("ubuntu", "24.04", "letter", False),
        ("debian", "11", "seal", True),
        ("debian", "12", "seal", False),
        ("debian", "", "seal", False),  # testing
        ("void", "rolling", "seal", False),
    ],
)
def test_a_machine_that_is_too_old_for_images_and_papers_is_told(
    project: Path, tmp_path: Path, name: str, version: str, verb: str, refused: bool
) -> None:
    release = tmp_path / "os-release"
    release.write_text(f'ID={name}\nPRETTY_NAME="El sistema {version}"\nVERSION_ID="{version}"\n')
    launcher = project / "difusor"
    # The end of the launcher is its start, here without what it would install.
    text = launcher.read_text().replace("/etc/os-release", str(release)).removesuffix('main "$@"\n')
    stand_ins = "ensure_environment() { echo made; }; need() { :; }\n"
    launcher.write_text(f'{text}{stand_ins}main "$@"\n')
    start = subprocess.run([launcher, *verb.split()], capture_output=True, text=True)
    if refused:
        assert start.returncode == 1
        assert start.stdout == ""
        assert f"El sistema {version} no tiene con qué hacer imágenes ni papeles; corra «{verb}» en" in start.stderr
    else:
        assert start.stdout.startswith("made")
        assert start.stderr == ""
