"""`difusor clean` says that nothing is left only when nothing is left."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import typer

from difusor.commands import clean
from difusor.lab import demo, night, removal
from difusor.terminal import StepFailed

BOOT = Path("/proc/sys/kernel/random/boot_id")


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(removal, "BUILD", tmp_path)
    monkeypatch.setattr(removal, "SYSCTL", tmp_path / "lab/sysctl.conf")
    (tmp_path / "lab").mkdir()
    return tmp_path / "lab"


def without_docker(*arguments: str) -> str:
    raise StepFailed("Cannot connect to the Docker daemon")


def test_a_lab_in_a_silent_engine_is_still_there(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(removal, "_docker", without_docker)
    with pytest.raises(typer.Exit) as left:
        clean.run()
    assert left.value.exit_code == 1
    assert "Docker no responde y el laboratorio sigue en él" in capsys.readouterr().err
    assert lab.exists()


def test_where_there_was_no_lab_nothing_is_left(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(removal, "_docker", without_docker)
    lab.rmdir()
    desk = lab.with_name("escritorio")
    desk.mkdir()
    clean.run()
    assert not desk.exists()
    assert "No queda nada" in capsys.readouterr().err


def test_what_docker_refuses_to_remove_is_said(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def docker(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        refused = command[1:3] == ["volume", "rm"]
        return subprocess.CompletedProcess(command, int(refused), "x\n", "volume is in use" if refused else "")

    monkeypatch.setattr(removal.subprocess, "run", docker)
    with pytest.raises(typer.Exit):
        clean.run()
    assert "docker volume falló y dice: «volume is in use»" in capsys.readouterr().err
    assert lab.exists()


def test_the_labs_rules_of_the_packet_filter_go_and_others_stay(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no ip6tables and no sysctl, nothing is said of it."""
    deleted: list[str] = []
    ours = "PREROUTING -s 10.87.33.0/24 -m comment --comment prep-difusor-trixie -j NOTRACK"
    rules = f"-P PREROUTING ACCEPT\n-A PREROUTING -s 10.0.0.0/8 -j NOTRACK\n-A {ours}\n"

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if command[0] in ("ip6tables", "sysctl"):
            raise FileNotFoundError
        if "--delete" in command:
            deleted.append(" ".join(command[command.index("--delete") + 1 :]))
        return subprocess.CompletedProcess(command, 0, rules if "--list-rules" in command else "")

    monkeypatch.setattr(removal, "_docker", lambda *_: "")
    monkeypatch.setattr(removal.subprocess, "run", run)
    monkeypatch.setattr(removal, "_engine_answers", lambda: True)
    (lab / "sysctl.conf").write_text(f"# {BOOT.read_text()}kernel.sysrq = 0\n")
    list(removal.remove())
    assert deleted == [ours]


@pytest.mark.parametrize(("boot", "restored"), [(BOOT.read_text().strip(), True), ("de-antes", False)])
def test_parameters_of_another_boot_are_not_brought_back(
    lab: Path, monkeypatch: pytest.MonkeyPatch, boot: str, restored: bool
) -> None:
    """The owner may have changed them since, and the lab's went with that boot."""
    asked: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command[0])
        return subprocess.CompletedProcess(command, 0, "")

    monkeypatch.setattr(removal, "_docker", lambda *words: "x" if words == ("info",) else "")
    monkeypatch.setattr(removal.subprocess, "run", run)
    (lab / "sysctl.conf").write_text(f"# {boot}\nkernel.sysrq = 176\n")
    list(removal.remove())
    assert ("sysctl" in asked) is restored
    assert not lab.exists()


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine with labs of this checkout, another, one that is gone and an earlier version; what is removed."""
    other = tmp_path / "otra carpeta"
    (other / "build/lab/trixie").mkdir(parents=True)
    folders = {"demo": str(removal.ROOT), "trixie": str(other), "jammy": str(tmp_path / "borrada"), "noble": ""}
    removed: list[str] = []

    def docker(*words: str) -> str:
        if words[-2:-1] == ("--format",):
            columns = {"{{.ID}}": "id-{lab}", "{{.Name}}": "{lab}-srv", removal.LAB: "{lab}"}
            form = [columns.get(column, "{folder}") for column in words[-1].split("\t")]
            return "".join("\t".join(form).format(lab=lab, folder=folder) + "\n" for lab, folder in folders.items())
        if "rm" in words[:2]:
            removed.extend(word for word in words if "-" in word[1:-1] and not word.startswith("--"))
        return "x" if words == ("info",) else ""

    monkeypatch.setattr(removal, "_docker", docker)
    monkeypatch.setattr(removal, "_remove_rules", lambda program, left: removed.append(f"{program}-{'-'.join(left)}"))
    return removed


def test_the_lab_of_another_checkout_stays_and_is_told(
    shared: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean.run()
    assert {"id-demo", "id-jammy", "id-noble", "demo-srv", "iptables-trixie"} <= set(shared)
    assert "id-trixie" not in shared and "trixie-srv" not in shared
    said = " ".join(capsys.readouterr().err.split())
    assert "queda «trixie», que es de" in said and "con --all" in said
    assert "No queda nada más del laboratorio" in said


def test_all_labs_go_if_asked(shared: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    clean.run(everybodys=True)
    assert {"id-demo", "id-trixie", "trixie-srv", "iptables-"} <= set(shared)
    assert "No queda nada del laboratorio" in capsys.readouterr().err


def test_the_demo_takes_no_lab_of_another_checkout(shared: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "LAB", "trixie")
    with pytest.raises(StepFailed, match=r"es el de .*otra carpeta: siga ahí, o retírelo ahí"):
        demo._lab()


@pytest.mark.parametrize(("keys", "first"), [(True, "create.yml"), (False, "destroy.yml")])
def test_a_lab_whose_keys_are_gone_is_made_anew(
    lab: Path, monkeypatch: pytest.MonkeyPatch, keys: bool, first: str
) -> None:
    """As after `rm -rf build`: its server has the old ones, and other passwords."""
    played: list[str] = []
    monkeypatch.setattr(removal, "_docker", lambda *words: "" if "--format" in words else "x")
    monkeypatch.setattr(night, "BUILD", lab.parent)
    monkeypatch.setattr(demo, "_playbook", lambda _, playbook: played.append(Path(playbook).name))
    if keys:
        (lab / "demo").mkdir()
    demo._lab()
    assert played[0] == first
    assert played[-2:] == ["create.yml", "prepare.yml"]
