"""Removes everything of the lab from this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from difusor.lab import desk, packed
from difusor.project import BUILD, ROOT
from difusor.terminal import StepFailed

LABEL = "label=prep-difusor"
LAB = '{{.Label "prep-difusor"}}'
"""How docker's lists write the name of the lab that a thing belongs to."""
SYSCTL = BUILD / "lab/sysctl.conf"


def others() -> dict[str, str]:
    """Return the labs that other checkouts on this machine have, with the checkout's folder."""
    if not _engine_answers():
        return {}
    listed = _docker("ps", "--all", "--filter", LABEL, "--format", f'{LAB}\t{{{{.Label "prep-difusor.folder"}}}}')
    found = [line.split("\t") for line in listed.splitlines() if "\t" in line]
    return {lab: folder for lab, folder in found if folder not in ("", str(ROOT)) and _is_there(folder, lab)}


def has_hosts(lab: str) -> bool:
    """Tell whether containers of a lab exist, whoever made them."""
    return _engine_answers() and bool(_docker("ps", "--all", "--quiet", "--filter", f"{LABEL}={lab}"))


def remove(images: bool = False, left: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """Remove every lab but those in `left`, and with `images` its images; yield what was removed, as «3 contenedores».

    The images stay as long as a lab does. Raises StepFailed when something cannot be removed.
    """
    if _engine_answers():
        yield from _remove_lab(images and not left, left)
    elif (BUILD / "lab").exists():
        raise StepFailed("Docker no responde y el laboratorio sigue en él: inicie Docker y repita")
    if not left:
        _restore_parameters()
    for program in ("iptables", "ip6tables"):
        _remove_rules(program, left)
    for folder in ("lab", packed.FOLDER.name, desk.FOLDER.name):
        _remove_folder(BUILD / folder)


def _engine_answers() -> bool:
    try:
        return bool(_docker("info"))
    except (FileNotFoundError, StepFailed):
        return False


def _is_there(folder: str, lab: str) -> bool:
    """Tell whether a checkout still has a lab's keys; one in a folder that is closed to this user may have them."""
    try:
        os.stat(Path(folder, "build/lab", lab))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _remove_lab(images: bool, left: Mapping[str, str]) -> Iterator[str]:
    for name in _listed(["ps", "--filter", f"{LABEL}.host=difusor"], "{{.ID}}", left):
        # Otherwise Ansible's kept connections would wait on this machine for an answer that never comes.
        with suppress(StepFailed):
            _docker("exec", name, "systemctl", "kill", "ssh.service")
    kinds = {
        "contenedores": (["ps", "--all"], "{{.ID}}", ["rm", "--force", "--volumes"]),
        "volúmenes": (["volume", "ls"], "{{.Name}}", ["volume", "rm"]),
        "redes": (["network", "ls"], "{{.ID}}", ["network", "rm"]),
    }
    for what, (listing, name, removal) in kinds.items():
        yield from _remove(what, _listed([*listing, "--filter", LABEL], name, left), removal)
    if images:
        named = _docker("image", "ls", "--quiet", "--filter", LABEL).split()
        yield from _remove("imágenes", named, ["image", "rm", "--force"])
        _remove_folder(BUILD / "images")
        _remove_folder(BUILD / "vm")


def _listed(listing: list[str], name: str, left: Mapping[str, str]) -> list[str]:
    """Return the names that docker lists, without those of the labs that are left."""
    lines = _docker(*listing, "--format", f"{name}\t{LAB}").splitlines()
    return [line.split("\t")[0] for line in lines if line.split("\t")[-1] not in left]


def _remove(what: str, names: list[str], removal: list[str]) -> Iterator[str]:
    found = sorted(set(names))
    if found:
        _docker(*removal, *found)
        yield f"{len(found)} {what}"


def _restore_parameters() -> None:
    """Restore, as far as this user may, the kernel's parameters that the labs' servers change for the whole machine.

    Those that were saved before the machine was last started are left: they may be others now, and the lab's are gone.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if SYSCTL.exists() and SYSCTL.read_text().startswith(f"# {boot}\n"):
        with suppress(FileNotFoundError):
            subprocess.run(["sysctl", "--quiet", "--ignore", "--load", SYSCTL], check=False, stderr=subprocess.DEVNULL)


def _remove_rules(program: str, left: Mapping[str, str]) -> None:
    """Remove the labs' rules of this machine's packet filter (tasks/untracked.yml), as far as this user may."""
    raw = [program, "--wait", "10", "--table", "raw"]
    with suppress(FileNotFoundError):
        found = subprocess.run([*raw, "--list-rules", "PREROUTING"], check=False, capture_output=True, text=True)
        for rule in map(shlex.split, found.stdout.splitlines()):
            if any(word.startswith("prep-difusor-") and word[len("prep-difusor-") :] not in left for word in rule):
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
