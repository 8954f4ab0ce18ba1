"""The one look at a server: what it returns, and that it reads what is beside the project only when it is asked to."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from plugin_kit import load

from difusor.project import ROOT

BESIDE = {
    "account": "", "origins": [], "shape": False, "units": [], "residents": [], "ports": [], "operator": "", "user": "",
    "replaced": [],
}  # fmt: skip


@pytest.mark.parametrize("beside", [None, BESIDE], ids=["alone", "beside"])
def test_it_returns_what_it_documents_and_reads_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, beside: dict[str, Any] | None
) -> None:
    probe, returned, asked = load("modules/server_probe.py"), {}, set()
    options = yaml.safe_load(probe.DOCUMENTATION)["options"]

    class Module:
        def __init__(self, argument_spec: dict[str, Any], **_: Any) -> None:
            self.params = {"paths": ["/"], "key": "k", "guard": None, "beside": beside and dict(beside)}
            assert argument_spec.keys() == self.params.keys() == options.keys()
            assert argument_spec["beside"]["options"].keys() == BESIDE.keys() == options["beside"]["suboptions"].keys()

        def get_bin_path(self, name: str) -> str | None:
            asked.add(name)
            return shutil.which("true")

        def run_command(self, command: list[str]) -> tuple[int, str, str]:
            return 0, "", ""

        def exit_json(self, **values: Any) -> None:
            returned.update(values)

    root = ("root", "x", 0, 0, b"Mar\xeda".decode("utf-8", "surrogateescape"), "/root", "/bin/bash")
    monkeypatch.setattr(probe.server.pwd, "getpwall", lambda: [probe.server.pwd.struct_passwd(root)])
    monkeypatch.setattr(probe, "AnsibleModule", Module)
    engine = probe.Engine(str(tmp_path / "docker.sock"))  # not that of the machine that runs this test
    monkeypatch.setattr(probe, "Engine", lambda: engine)
    probe.main()
    assert json.dumps(returned, ensure_ascii=False).encode(), "Ansible refuses what is not UTF-8"
    assert returned.pop("changed") is False
    documented = yaml.safe_load(probe.RETURN)
    if beside is None:
        assert asked.isdisjoint({"iptables", "nft", "sshd", "journalctl", "tc"})
        del documented["neighbours"], documented["files"], documented["ground"]
    assert returned.keys() == documented.keys()
    for name, part in documented.items():
        if "contains" in part:
            assert returned[name].keys() == part["contains"].keys()


@pytest.mark.parametrize(
    "file",
    sorted(file for folder in ("modules", "module_utils") for file in (ROOT / "plugins" / folder).rglob("*.py")),
    ids=lambda file: str(file.relative_to(ROOT / "plugins")),
)
def test_what_is_sent_to_servers_is_for_python_3_9_and_needs_only_its_library_and_ansibles(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(), feature_version=(3, 9))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("ansible.module_utils."), name
