"""What the operator's shell and folder say to Ansible and OpenSSL changes no run unless it is meant to."""

from __future__ import annotations

import configparser
import os
import socket
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path

import command_kit
import home_kit
import pytest
from ansible.config.manager import ConfigManager

from difusor import process, project
from difusor.process import surroundings
from difusor.project import ROOT
from difusor.suite.waiting import until
from difusor.terminal import run_step

KINDS = (
    *("BECOME", "DEFAULT_ACTION", "DEFAULT_CALLBACK", "DEFAULT_CONNECTION", "DEFAULT_FILTER", "DEFAULT_INVENTORY"),
    *("DEFAULT_CACHE", "DEFAULT_LOOKUP", "DEFAULT_STRATEGY", "DEFAULT_TEST", "DEFAULT_VARS"),
)
BARE = " ".join(f"-o {each}" for each in surroundings.BARE)
LIST = ("preflight", "-i", "diario", "--", "--list-tasks")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = home_kit.furnish(tmp_path / "instituto", monkeypatch)
    home_kit.made()
    return home


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without variables of Ansible's, in which `project.settle` may set some."""
    for name in {*os.environ, surroundings.COLLECTIONS, project.VAULTS, project.HOME, "ANSIBLE_HOME"}:
        if name.startswith(("ANSIBLE_", "DIFUSOR_")):
            monkeypatch.setenv(name, "")  # so that what a test's code sets is undone after it
            monkeypatch.delenv(name)
    monkeypatch.setenv("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(process, "added", {})
    return monkeypatch


def difusor(*words: str, home: Path, **said: str) -> subprocess.CompletedProcess[str]:
    """Run a verb for a home, from a shell that says this and nothing else to Ansible."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return command_kit.difusor("--home", home, *words, env=kept | {"COLUMNS": "300"} | said)


def test_an_empty_variable_says_nothing(settled: pytest.MonkeyPatch) -> None:
    """Ansible takes it for a no, and would not check the keys of servers, or for the current folder."""
    for name in ("HOST_KEY_CHECKING", "FORCE_HANDLERS", "INVENTORY_ENABLED", "HOME", "LOG_PATH", "CALLBACKS_ENABLED"):
        settled.setenv(f"ANSIBLE_{name}", "")
    settled.setenv("ANSIBLE_SSH_ARGS", "")  # an empty one says that ssh gets no options of ansible.cfg's
    assert project.settle() == []
    assert {name for name in os.environ if name.startswith("ANSIBLE_")} - {project.VAULTS} == {
        "ANSIBLE_CONFIG",
        "ANSIBLE_SSH_ARGS",
    }


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("ANSIBLE_FORKS", "muchos", "un número desde 1"),
        ("ANSIBLE_FORKS", "0", "un número desde 1"),
        ("ANSIBLE_TIMEOUT", "30s", "un número desde 1"),
        ("ANSIBLE_VERBOSITY", "vvv", "un número desde 0"),
        ("ANSIBLE_CALLBACK_RESULT_FORMAT", "tabla", "json o yaml"),
    ],
)
def test_a_value_with_which_ansible_would_not_begin_does_not_count(
    name: str, value: str, wanted: str, home: Path
) -> None:
    done = difusor(*LIST, home=home, **{name: value})
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"! su entorno dice {name}={value}, y ahí va {wanted}: no se toma en cuenta")


def test_a_value_that_ansible_understands_counts(settled: pytest.MonkeyPatch) -> None:
    said = {"ANSIBLE_FORKS": "20", "ANSIBLE_VERBOSITY": "0", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    for name, value in said.items():
        settled.setenv(name, value)
    assert surroundings.forget_malformed() == []
    assert {name: os.environ[name] for name in said} == said


def test_an_agent_that_does_not_answer_is_told_and_not_waited_for(
    home: Path, tmp_path: Path, settled: pytest.MonkeyPatch
) -> None:
    """As one that was forwarded from a laptop that now sleeps: ssh waited for it without end, in `report` an hour."""
    path = str(tmp_path / "agente")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen(1)
        done = difusor("status", home=home, SSH_AUTH_SOCK=path)
        assert done.returncode == 0 and f"! el agente de SSH ({path}) no responde" in done.stderr
        settled.setattr(surroundings, "AGENT_SECONDS", 0.05)
        for _ in range(4):  # at last nobody more may wait
            settled.setenv(surroundings.AGENT, path)
            assert (surroundings.forget_silent_agent(), surroundings.AGENT in os.environ) == (path, False)


def test_an_agent_that_answers_stays(tmp_path: Path, settled: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "agente")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        until(lambda: Path(path).exists(), what="the agent listens")
        for each in (path, str(tmp_path), "/no/hay", ""):
            settled.setenv(surroundings.AGENT, each)
            assert (surroundings.forget_silent_agent(), os.environ[surroundings.AGENT]) == ("", each)
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.parametrize("name", surroundings.AUTHORITIES)
def test_pages_are_judged_by_the_systems_own_authorities(
    name: str, home: Path, tmp_path: Path, settled: pytest.MonkeyPatch
) -> None:
    """With a company's own there, as pip may need them, no mirror had a certificate that any browser accepts."""
    bundle = tmp_path / "empresa.pem"
    bundle.touch()
    done = difusor("status", home=home, **{name: str(bundle)})
    assert done.returncode == 0
    assert done.stderr.startswith(f"! no se toma en cuenta lo que su entorno dice en {name}: las páginas se juzgan con")
    settled.setenv(name, "")
    assert surroundings.forget_authorities() == [] and name not in os.environ, "OpenSSL takes it for a file"


def test_the_systems_own_authorities_may_be_named(tmp_path: Path, settled: pytest.MonkeyPatch) -> None:
    (place := tmp_path / "certs").mkdir()
    (place / surroundings.BUNDLE).touch()
    own = ssl.DefaultVerifyPaths(None, None, "", str(place / "cert.pem"), "", str(place))
    settled.setattr(ssl, "get_default_verify_paths", lambda: own)
    for name, value in zip(surroundings.AUTHORITIES, ("/otra.pem", "/otras:/mas"), strict=True):
        settled.setenv(name, value)
    assert surroundings.forget_authorities() == [], "a machine without authorities has only what is named"
    (place / "0a1b2c3d.0").touch()
    (tmp_path / "enlace.pem").symlink_to(place / surroundings.BUNDLE)
    for file, others in (("/otra.pem", [*surroundings.AUTHORITIES]), (str(tmp_path / "enlace.pem"), ["SSL_CERT_DIR"])):
        settled.setenv("SSL_CERT_FILE", file)
        settled.setenv("SSL_CERT_DIR", "/otras:/mas")
        assert surroundings.forget_authorities() == others
    settled.setenv("SSL_CERT_DIR", str(place))
    assert surroundings.forget_authorities() == [] and os.environ["SSL_CERT_DIR"] == str(place)


@pytest.mark.parametrize("name", process.OF_OTHER_PROGRAMS)
def test_what_openssl_is_told_for_another_program_keeps_no_page_from_being_looked_at(name: str, tmp_path: Path) -> None:
    """With legacy ciphers alone, or a file of keys that cannot be written, each look ended in a fault of this one."""
    said = tmp_path / "openssl.cnf"
    said.write_text("openssl_conf = a\n[a]\nproviders = b\n[b]\nlegacy = c\n[c]\nactivate = 1\n")
    value = {"SSLKEYLOGFILE": str(tmp_path / "no/hay")}.get(name, str(said))
    code = (
        "from difusor import process\nwith process.prepared():\n from difusor.servers import certificate\n "
        "import os\n print(bool(certificate.context()), os.environ.get('" + name + "'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT / "scripts"), name: value},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("True None\n", "")


@pytest.mark.parametrize("part", ["tmp", "cp"])
def test_a_part_of_ansibles_folder_that_takes_no_files(part: str, home: Path, tmp_path: Path) -> None:
    """As where `sudo` has made it, on a full disk, or over a quota."""
    (tmp_path / ".ansible").mkdir()
    (tmp_path / ".ansible" / part).touch()
    done = difusor(*LIST, home=home, HOME=str(tmp_path))
    assert (done.returncode, f"ANSIBLE_HOME={home}/build/ansible " in done.stderr) == (0, True), done.stderr


def test_without_any_folder_for_ansible_no_playbook_begins(home: Path) -> None:
    (home / "build/ansible").touch()
    done = difusor(*LIST, home=home, HOME="/dev/null")
    assert done.returncode == 1
    assert done.stderr.startswith(f"✗ {home}/build/ansible, donde Ansible deja lo que es de paso, no admite archivos")


@pytest.mark.parametrize(("collection", "is_hidden"), [("ansible/posix", True), ("instituto/propia", False)])
def test_the_operators_collections_do_not_hide_those_of_the_environment(
    collection: str, is_hidden: bool, home: Path, tmp_path: Path
) -> None:
    (tmp_path / ".ansible/collections/ansible_collections" / collection).mkdir(parents=True)
    done = difusor(*LIST, home=home, HOME=str(tmp_path))
    own = f"ANSIBLE_COLLECTIONS_PATH={sysconfig.get_path('purelib')} ansible-playbook "
    assert (done.returncode, own in done.stderr) == (0, is_hidden), done.stderr


def test_a_verb_that_another_one_runs_takes_its_collections_for_its_own(
    settled: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".ansible/collections/ansible_collections/community/docker").mkdir(parents=True)
    assert project.settle() == []
    assert project.settle() == []
    assert os.environ["ANSIBLE_COLLECTIONS_PATH"] == sysconfig.get_path("purelib")


@pytest.mark.parametrize("kind", KINDS)
def test_no_plugin_is_looked_for_in_the_operators_folder(kind: str) -> None:
    found = ConfigManager(str(ROOT / "ansible.cfg")).get_config_value(f"{kind}_PLUGIN_PATH")
    assert [Path(each).parent for each in found] == [ROOT / "plugins"]


@pytest.mark.parametrize(("plugin", "is_told"), [("yaml", True), ("ninguno", True), ("minimal", False)])
def test_a_way_to_show_a_run_that_ansible_no_longer_has(plugin: str, is_told: bool, home: Path) -> None:
    done = difusor(*LIST, home=home, ANSIBLE_STDOUT_CALLBACK=plugin)
    told = f"! su entorno dice ANSIBLE_STDOUT_CALLBACK={plugin}, y el Ansible del proyecto no tiene esa forma"
    assert (done.returncode, done.stderr.startswith(told)) == (0, is_told), done.stderr


def test_a_steps_log_is_as_programs_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another way to show it, `accept` found no recap in it, and said that a second run changes the server."""
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "json")
    monkeypatch.setenv("ANSIBLE_FORCE_COLOR", "1")
    log = tmp_path / "paso.log"
    run_step("Paso", "sh", "-c", "echo $ANSIBLE_STDOUT_CALLBACK $ANSIBLE_FORCE_COLOR", log=log)
    assert log.read_text() == "ansible.builtin.default 0\n"


def test_nothing_of_the_operators_sessions_goes_through_a_runs_connection(
    tmp_path: Path, settled: pytest.MonkeyPatch
) -> None:
    """With ForwardAgent in ~/.ssh/config root of every newspaper's server could enter the others, and sign cortes."""
    (config := tmp_path / "config").write_text(
        "Host *\nForwardAgent yes\nForwardX11 yes\nLocalForward 8080 localhost:80\nExitOnForwardFailure yes\n"
        "PermitLocalCommand yes\nLocalCommand echo hola\nRemoteCommand tmux new -A\nRequestTTY force\n"
    )
    settings = configparser.ConfigParser()
    settings.read(ROOT / "ansible.cfg")
    given = settings["ssh_connection"]["ssh_args"]
    assert "\n" not in given and given.endswith(BARE), "testinfra hands it to a shell"
    settled.setenv("ANSIBLE_SSH_ARGS", "-o ProxyJump=salto.example -o RequestTTY=force")
    for _ in range(2):  # a verb that another one runs
        project.settle()
    own = os.environ["ANSIBLE_SSH_ARGS"]
    assert own == f"-o ProxyJump=salto.example -o RequestTTY=force {BARE}"
    for words, terminal in ((given, "false"), (own, "force")):
        command = ["ssh", "-F", str(config), *words.split(), "-G", "189.240.1.7", "true"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        assert {"forwardagent no", "forwardx11 no", "permitlocalcommand no", f"requesttty {terminal}"} <= {*said}
        assert not [line for line in said if line.startswith(("localforward", "remotecommand"))]
