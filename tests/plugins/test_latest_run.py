"""The run that began last on a server decides; an older one writes nothing any more."""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from plugin_kit import load

from difusor.servers import latest_run

RUNS = importlib.import_module("ansible.module_utils.runs")


class Refused(Exception):
    """Raised instead of the module's exit."""


class Server:
    """Stands in for AnsibleModule: whatever it is asked to do counts as a write."""

    check_mode = False

    def __init__(self, **params: Any) -> None:
        self.params = params

    def fail_json(self, msg: str) -> None:
        """Raise the refusal."""
        raise Refused(msg)

    def exit_json(self, **_: Any) -> None:
        """End as the module does."""

    def run_command(self, command: list[str], **_: Any) -> tuple[int, str, str]:
        """Answer what a server does on which nothing is wrong."""
        assert command[0] != "ufw", "the firewall of a later run"
        return 0, "", ""

    def get_bin_path(self, _: str) -> None:
        """Tell that no program is installed."""


@pytest.fixture(autouse=True)
def latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The word of a later run, in a folder of the test's own."""
    path = tmp_path / "latest"
    path.write_text("b\n")
    monkeypatch.setattr(RUNS, "LATEST", str(path))
    return path


@pytest.mark.parametrize("run", ["b", ""])
def test_the_latest_run_goes_on_and_one_without_a_word_too(run: str) -> None:
    """What has no word is a preview or a module that somebody uses by hand."""
    RUNS.refuse_older(Server(), run)


def test_a_word_that_is_gone_stops_nobody(latest: Path) -> None:
    """A run that restarts the server goes on afterwards, and an older version of the project never wrote one."""
    latest.write_text("")
    RUNS.refuse_older(Server(), "a")
    latest.unlink()
    RUNS.refuse_older(Server(), "a")


def files(folder: Path, server: Server) -> None:
    payload = {"files": {}, "directories": {str(folder): {}}, "links": {}, "absent": []}
    server.params |= {"guard": None, "record": str(folder / "record")}
    load("modules/managed_files.py").ManagedFiles(server, payload).apply()


def firewall(_: Path, server: Server) -> None:
    server.params |= {
        "rules": [{"name": "web", "port": 443, "proto": "tcp", "from": "any"}], "groups": {}, "operator": None,
        "logging": "low", "enabled": True, "stamp": None, "files": [], "after_init": None, "guard": None, "found": None,
    }  # fmt: skip
    _main("ufw_policy", server)


def removal(folder: Path, server: Server) -> None:
    (folder / "paths").write_text(f"{folder}/added\n")
    server.params |= {"restore": True, "own": False, "paths": [], "also": [], "modes": [], "forget": []}
    server.params["record"] = str(folder)
    _main("give_back", server)


def question(_: Path, server: Server) -> None:
    _main("latest_run", server)


def _main(name: str, server: Server) -> None:
    module = load(f"modules/{name}.py")
    module.AnsibleModule = lambda **_: server
    module.main()


@pytest.mark.parametrize("change", [files, firewall, removal, question])
def test_an_older_run_writes_nothing(change: Callable[[Path, Server], None], tmp_path: Path) -> None:
    """A `trusted`, `signers` or `revoke` that has ended well was undone by an `apply` that had begun before."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "added").touch()
    with pytest.raises(Refused, match="espere a que aquella termine y repita esta"):
        change(folder, Server(run="a"))
    assert (folder / "added").exists()
    assert not (folder / "record").exists()


@pytest.mark.parametrize(
    ("run", "word", "refused"),
    [("a", "b\n", True), ("b", "b\n", False), ("", "b\n", False), ("a", "\n", False), ("a", None, False)],
    ids=["older", "latest", "without a word", "empty", "gone"],
)
def test_plugins_ask_by_the_modules_rule_and_start_none(
    run: str, word: str | None, refused: bool, latest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module takes 0.1 s of the server's processor; sudo's warnings share a terminal with what it runs."""
    if word is None:
        latest.unlink()
    else:
        latest.write_text(word)
    monkeypatch.setattr(latest_run, "LATEST", str(latest))

    def execute(command: str) -> dict[str, Any]:
        shell = ["sh", "-c", f"echo 'sudo: unable to resolve host'; {command}"]
        return {"stdout": subprocess.run(shell, stdout=subprocess.PIPE, text=True, check=False).stdout, "stderr": ""}

    action = SimpleNamespace(_task=SimpleNamespace(check_mode=False), _low_level_execute_command=execute)
    told = {"failed": True, "msg": RUNS.LATER} if refused else {}
    assert latest_run.refusal(action, {"preflight_run": run}) == told
    action._task.check_mode = True
    assert latest_run.refusal(action, {"preflight_run": run}) == {}, "a preview"


def test_a_server_that_does_not_answer_the_question_lets_no_run_go_on() -> None:
    """Nothing is known of a later run, which may have closed the page."""
    answer = {"rc": 1, "stdout": "", "stderr": "sudo: unable to allocate pty: No space left on device\n"}
    action = SimpleNamespace(_task=SimpleNamespace(check_mode=False), _low_level_execute_command=lambda _: answer)
    told = latest_run.refusal(action, {"preflight_run": "a"})
    assert told["failed"] and "unable to allocate pty" in told["msg"]


def test_a_preview_of_an_older_run_is_not_refused(tmp_path: Path) -> None:
    server = Server(run="a")
    server.check_mode = True
    firewall(tmp_path, server)


def test_a_removal_tells_its_own_word(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = load("action/give_back.py")
    action = plugin.ActionModule.__new__(plugin.ActionModule)
    action._task = SimpleNamespace(args={"restore": True}, check_mode=False)
    monkeypatch.setattr(plugin.ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(action, "_execute_module", lambda module_args, **_: module_args)
    # What its first step has found is no answer by then.
    done = action.run(task_vars={"preflight_run": "a", "__rollback_found": {"paths": [], "also": []}})
    assert done == {"restore": True, "run": "a", "ansible_facts": {"units_read": False}}
