"""Removes everything of the lab from this machine."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from difusor.lab import desk, packed
from difusor.project import BUILD, ROOT
from difusor.terminal import StepFailed

LABEL = "label=prep-difusor"
SYSCTL = BUILD / "lab/sysctl.conf"


def remove(images: bool = False) -> Iterator[str]:
    """Remove every lab, and with `images` its images; yield what was removed, as «3 contenedores».

    Raises StepFailed when something cannot be removed.
    """
    if _engine_answers():
        yield from _remove_lab(images)
    elif (BUILD / "lab").exists():
        raise StepFailed("Docker no responde y el laboratorio sigue en él: inicie Docker y repita")
    _restore_parameters()
    for program in ("iptables", "ip6tables"):
        _remove_rules(program)
    for folder in ("lab", packed.FOLDER.name, desk.FOLDER.name):
        _remove_folder(BUILD / folder)


def _engine_answers() -> bool:
    try:
        return bool(_docker("info"))
    except (FileNotFoundError, StepFailed):
        return False


def _remove_lab(images: bool) -> Iterator[str]:
    for name in _docker("ps", "--quiet", "--filter", f"{LABEL}.host=difusor").split():
        # Otherwise Ansible's kept connections would wait on this machine for an answer that never comes.
        with suppress(StepFailed):
            _docker("exec", name, "systemctl", "kill", "ssh.service")
    yield from _remove("contenedores", ["ps", "--all", "--quiet", "--filter", LABEL], ["rm", "--force", "--volumes"])
    yield from _remove("volúmenes", ["volume", "ls", "--quiet", "--filter", LABEL], ["volume", "rm"])
    yield from _remove("redes", ["network", "ls", "--quiet", "--filter", LABEL], ["network", "rm"])
    if images:
        yield from _remove("imágenes", ["image", "ls", "--quiet", "--filter", LABEL], ["image", "rm", "--force"])
        _remove_folder(BUILD / "images")
        _remove_folder(BUILD / "vm")


def _remove(what: str, listing: list[str], removal: list[str]) -> Iterator[str]:
    names = sorted(set(_docker(*listing).split()))
    if names:
        _docker(*removal, *names)
        yield f"{len(names)} {what}"


def _restore_parameters() -> None:
    """Restore, as far as this user may, the kernel's parameters that the labs' servers change for the whole machine.

    Those that were saved before the machine was last started are left: they may be others now, and the lab's are gone.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if SYSCTL.exists() and SYSCTL.read_text().startswith(f"# {boot}\n"):
        with suppress(FileNotFoundError):
            subprocess.run(["sysctl", "--quiet", "--ignore", "--load", SYSCTL], check=False, stderr=subprocess.DEVNULL)


def _remove_rules(program: str) -> None:
    """Remove the labs' rules of this machine's packet filter (tasks/untracked.yml), as far as this user may."""
    raw = [program, "--wait", "10", "--table", "raw"]
    with suppress(FileNotFoundError):
        found = subprocess.run([*raw, "--list-rules", "PREROUTING"], check=False, capture_output=True, text=True)
        for rule in map(shlex.split, found.stdout.splitlines()):
            if any(word.startswith("prep-difusor-") for word in rule):
                subprocess.run([*raw, "--delete", *rule[1:]], check=False, stderr=subprocess.DEVNULL)


def _remove_folder(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _docker(*arguments: str) -> str:
    """Return what docker printed; StepFailed that quotes docker when it failed."""
    result = subprocess.run(["docker", *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
    if result.returncode:
        raise StepFailed(f"docker {arguments[0]} falló y dice: «{result.stderr.strip()}»")
    return result.stdout
