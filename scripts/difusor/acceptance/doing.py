"""The steps that do something with the server through the verbs of `difusor`, as an operator would."""

from __future__ import annotations

import shutil
from pathlib import Path

from difusor.acceptance import state
from difusor.acceptance.case import VERB_LOG, Case
from difusor.acceptance.journal import Outcome, Verdict
from difusor.acceptance.measured import changes
from difusor.project import build, write
from difusor.publish import target
from difusor.publish.seen import Seen
from difusor.synthetic.setting import Setting
from difusor.terminal import StepFailed

Words = list[str | Path]
REASON = "difusor accept: aceptación en un servidor que aún no sirve a nadie"
CORTE = "corte"
BEFORE, AFTER = "antes.json", "después.json"
APT_LOG = "/run/prep-aceptacion-apt.log"
APT = (
    "nohup env -u DEBIAN_FRONTEND apt-get -o DPkg::Lock::Timeout=900 --yes --with-new-pkgs upgrade "
    f"</dev/null >>{APT_LOG} 2>&1 || {{ tail -n 5 {APT_LOG}; nohup dpkg --force-confdef --force-confold --configure "
    f"--pending </dev/null >>{APT_LOG} 2>&1; exit 1; }}"
)
"""What the server's owner types some day; nobody is there to answer what a package asks. It writes to a file of the
server's, so that it goes on when the line breaks: cut short, it would leave packages half installed. So would a
question about a file of configuration; what waits for its answer then keeps the file that is there."""


def preflight(case: Case, folder: Path) -> Outcome:
    """Diagnose the server, which changes nothing."""
    case.verb("difusor preflight", folder / VERB_LOG, "preflight", "-i", case.inventory)
    return Outcome(Verdict.PASSED, "el inventario y el servidor admiten la instalación")


def rehearse(case: Case, folder: Path) -> Outcome:
    """Preview the installation on the bare server."""
    log = folder / VERB_LOG
    case.verb("difusor apply --check --diff", log, "apply", "-i", case.inventory, "--check", "--diff")
    return Outcome(Verdict.PASSED, f"anuncia {changes(log)} cambios y no tocó nada", {"changed": changes(log)})


def apply(case: Case, folder: Path) -> Outcome:
    """Install."""
    log = folder / VERB_LOG
    case.verb("difusor apply", log, "apply", "-i", case.inventory)
    return Outcome(Verdict.PASSED, f"hizo {changes(log)} cambios", {"changed": changes(log)})


def repeat(case: Case, folder: Path) -> Outcome:
    """Install again; failed unless nothing changes."""
    log = folder / VERB_LOG
    case.verb("difusor apply, otra vez", log, "apply", "-i", case.inventory)
    count = changes(log)
    return Outcome(Verdict.PASSED if count == 0 else Verdict.FAILED, f"changed={count}", {"changed": count})


def corte(case: Case, folder: Path) -> Outcome:
    """Write the corte that is due with invented data, sign it, push it, and wait until the server shows it."""
    tree = folder / CORTE
    if not tree.exists():
        unfinished = folder / f".{CORTE}"
        shutil.rmtree(unfinished, ignore_errors=True)
        case.verb("difusor synthetic", folder / "synthetic.log", "synthetic", unfinished, "-i", case.inventory)
        unfinished.rename(tree)
    _publish(case, tree, folder / VERB_LOG)
    return Outcome(Verdict.PASSED, "el servidor lo verificó y lo muestra, o lo retiene hasta la apertura")


def _publish(case: Case, tree: Path, log: Path) -> None:
    jump = Setting.of(case.election).total  # of an election of its own, whose first corte may be any
    authority: Words = ["--ca", case.authority] if case.authority else []
    words: Words = ["publish", tree, "-i", case.inventory, "--key", case.key, "--jump", str(jump), *authority]
    case.verb("difusor publish", log, *words)


def restart(case: Case, folder: Path) -> Outcome:
    """Restart the installed server, and wait until it serves."""
    return _restart(case, folder, "-e", "installed=true")


def restart_bare(case: Case, folder: Path) -> Outcome:
    """Restart the server that was given back."""
    return _restart(case, folder)


def _restart(case: Case, folder: Path, *words: str) -> Outcome:
    before = state.take(case)["system"]
    if before["container"]:
        return Outcome(
            Verdict.UNVERIFIED,
            f"no se puede en un contenedor ({before['container']}), que no arranca un núcleo propio",
        )
    case.play("Reinicio", folder / VERB_LOG, "restart.yml", *words)
    after = state.take(case)["system"]
    if after["boot"] == before["boot"]:
        return Outcome(Verdict.FAILED, "el servidor responde, pero no volvió a arrancar")
    return Outcome(Verdict.PASSED, f"arrancó y responde, con el núcleo {after['kernel']}")


def updates(case: Case, folder: Path) -> Outcome:
    """Ask what the unattended upgrade would do."""
    words: Words = ["upgrade", "-i", case.inventory, "--check", "--reason", REASON]
    case.verb("difusor upgrade --check", folder / VERB_LOG, *words)
    return Outcome(Verdict.PASSED, "unattended-upgrade --dry-run termina bien")


def upgrade(case: Case, folder: Path, published: Path) -> Outcome:
    """Upgrade the server as the institute does, then as its owner does, with nobody to answer; it must still serve."""
    if not (folder / BEFORE).exists():  # of a first attempt that was interrupted
        state.save(state.take(case), folder, BEFORE)
    case.verb("difusor upgrade", folder / VERB_LOG, "upgrade", "-i", case.inventory, "--reason", REASON)
    try:
        case.ask(APT)
    finally:
        state.save(state.take(case), folder, AFTER)
        write(folder / "apt.log", case.ask(f"cat {APT_LOG} 2>/dev/null; true"))
    case.ask(f"rm -f {APT_LOG}")
    changed = state.differences(state.saved(folder, BEFORE), state.saved(folder, AFTER), ["packages"])
    _publish(case, published / CORTE, folder / "publish.log")
    count = len(changed)
    return Outcome(
        Verdict.PASSED, f"{count} paquetes cambiaron, y el servidor aún muestra su corte", {"packages": count}
    )


def remove(case: Case, folder: Path) -> Outcome:
    """Give the server back, with its data; what this machine keeps of its cortes goes to the step's folder."""
    words: Words = ["remove", "-i", case.inventory, "--early", "--data"]
    case.verb("difusor remove --early --data", folder / VERB_LOG, *words)
    for server in target.read(case.inventory):
        Seen().hand_over(server, folder)
    told = build() / f"remove/{case.server}.txt"
    if not told.exists():
        raise StepFailed(f"la devolución terminó sin escribir {told}")
    shutil.copyfile(told, folder / told.name)
    return Outcome(Verdict.PASSED, "se retiró lo instalado, con los cortes y las bitácoras")
