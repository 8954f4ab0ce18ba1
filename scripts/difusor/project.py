"""The project and the institute's home: their folders, version and commit, what Ansible needs, safely written files."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from corte.format import files
from corte.format.errors import why
from difusor import process
from difusor.process import surroundings

if TYPE_CHECKING:
    from pydantic import ValidationError

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
"""What the lab, the tests and the building of images write; what an institute makes is in build()."""
HOME = "DIFUSOR_HOME"
"""The environment variable that names the institute's home."""
VAULT_PASSWORD = "vault-password"
"""The name of the file that opens every vault of a home, and the only secret in it that is not encrypted."""
VAULTS = "ANSIBLE_VAULT_IDENTITY_LIST"
"""Ansible's own environment variable: whose passwords open the vaults."""

OPERATORS = frozenset(
    f"ANSIBLE_{name}"
    for name in (
        *("VAULT_IDENTITY_LIST", "VAULT_PASSWORD_FILE", "BECOME_PASSWORD_FILE", "CONNECTION_PASSWORD_FILE"),
        *("PRIVATE_KEY_FILE", "SSH_ARGS", "SSH_COMMON_ARGS", "SSH_CONTROL_PATH", "SSH_CONTROL_PATH_DIR", "TIMEOUT"),
        *("FORKS", "HOME", "LOCAL_TEMP", "LOG_PATH", "VERBOSITY", "NOCOLOR", "FORCE_COLOR", "STDOUT_CALLBACK"),
        *("CALLBACKS_ENABLED", "CALLBACK_RESULT_FORMAT"),
    )
)
"""Ansible's environment variables that are the operator's: passwords, keys, connections, and what is shown.

Others would undo what ansible.cfg decides, or change what a playbook does: check no host keys, skip tags, run the tasks
of each server in an order of its own.
"""
_UNVERIFYING = re.compile(r"StrictHostKeyChecking[\s='\"]+(?:no|off|accept-new)\b|KnownHostsFile", re.IGNORECASE)
ODD = re.compile(r"""[,$%'"\\]|\{[{%#]""")
"""What Ansible or ssh take for something else in the path of a folder, however it is quoted."""


def home() -> Path:
    """Return the folder of the institute's own things; without DIFUSOR_HOME it is the project's."""
    given = os.environ.get(HOME)
    # cli.py tells who runs a verb of an account that does not exist; here it is a folder that is not there.
    return Path(os.path.expanduser(given)).absolute() if given else ROOT


def whose() -> str:
    """Return where elections and inventories were looked for, as the end of «los que hay»."""
    return f"en {home()}" if home() != ROOT else f"en el proyecto ({HOME} no nombra otra carpeta)"


def build() -> Path:
    """Return the folder in the home for what the verbs write: dictámenes, records, evidence, images, logs."""
    return home() / "build"


def inventories() -> list[Path]:
    """Return the folders of the home's inventories, sorted; whether each is usable, nobody has looked."""
    return sorted((home() / "inventories").glob("[!.]*/"))


def home_or_project(path: str) -> Path:
    """Return the path of a file of the institute's home, or, where only the project has one there, of the project's.

    The home's also where it cannot be read: a disk that is not mounted does not make another call's file its own.
    """
    ours, theirs = home() / path, ROOT / path
    return theirs if theirs.exists() and not _is_ours(ours) else ours


def _is_ours(path: Path) -> bool:
    """Tell whether the home has something at a path; what is behind a link that leads nowhere, nobody knows."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return any(each.is_symlink() and not each.exists() for each in path.parents if each.is_relative_to(home()))
    except OSError:
        return True
    return True


def yaml_names(folder: str) -> set[str]:
    """Return the names, without .yml, of the files that the home or the project has in this folder."""
    return {path.stem for base in (home(), ROOT) for path in (base / folder).glob("[!.]*.yml")}


def from_home(path: Path) -> Path:
    """Return a path as papers name it: from the home, or else from the project, when it is in one of them."""
    whole = path.absolute()
    return next((whole.relative_to(base) for base in (home(), ROOT) if whole.is_relative_to(base)), path)


def from_project(path: Path) -> Path:
    """Return an absolute path as verbs print it: from the project, in whose folder they run, when it is inside."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def given(inventory: Path) -> str:
    """Return what follows -i on a command line: the name of an inventory of the home, or else its path."""
    return inventory.name if inventory.absolute().parent == home() / "inventories" else shlex.quote(str(inventory))


def vault_password() -> Path:
    """Return the one source of the passwords of all vaults in the home; it may not exist.

    It is a file with the password, or a program that prints it. A client script of Ansible's, which is told for whom
    (`--vault-id difusores`) and asks a keyring or a password manager, has `-client` behind its name and comes first.
    """
    client = home() / f"{VAULT_PASSWORD}-client"
    return client if os.path.lexists(client) else home() / VAULT_PASSWORD


def ansible_settings() -> dict[str, str]:
    """Return the environment variables with which Ansible works from any folder and for this home.

    An identity list that the operator has set stays; where there is neither a home nor a vault password, ansible.cfg
    in the current folder says it all.
    """
    found = {}
    if home() != ROOT:
        found = {HOME: str(home()), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    demo = [f"demo@{ROOT / 'inventories/demo/vault-password.txt'}"] if home() == ROOT else []
    own_list = ",".join([f"difusores@{vault_password()}", *demo])
    if os.path.lexists(vault_password()) and os.environ.get(VAULTS, "") in ("", own_list):
        found[VAULTS] = own_list
    return found | process.added


def _may_write(folder: Path) -> bool:
    """Tell whether a folder can be written to, or made."""
    # Not Path.exists(), which fails below a folder that this account may not enter, such as another's home.
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    return os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)


def refuse_unwritable(folder: Path) -> None:
    """Raise UnusableError unless a folder can be written to, or made; for before a long work or many answers."""
    if not _may_write(folder):
        raise UnusableError(
            f"no se puede escribir en {folder}: no es una carpeta, o esta cuenta no tiene permiso; dé otra"
        )


def refuse_unrunnable(program: Path) -> None:
    """Raise UnusableError unless a program of the project's can be run: unpacking a ZIP on Windows takes that away."""
    if not os.access(program, os.X_OK):
        raise UnusableError(
            f"{program} es un programa que no se puede ejecutar; permítalo: chmod +x {shlex.quote(str(program))}"
        )


def settle() -> list[str]:
    """Make this process's environment the one in which Ansible works for this home.

    Returns Ansible's variables that the operator has set and that no longer count.
    """
    config = str(ROOT / "ansible.cfg")
    surroundings.forget_empty()
    surroundings.bare()
    hidden = surroundings.hiding_collections()
    named = {name: value for name, value in os.environ.items() if name.startswith("ANSIBLE_")}
    # Of a verb that another one runs, such as those of `accept`, these are what that one has set.
    dropped = sorted(name for name, value in named.items() if name not in OPERATORS and value not in (config, hidden))
    for name in dropped:
        del os.environ[name]
    if not surroundings.takes_files(surroundings.folder()):
        process.added["ANSIBLE_HOME"] = str(build() / "ansible")
    if hidden:
        process.added[surroundings.COLLECTIONS] = hidden
    os.environ.update({"ANSIBLE_CONFIG": config} | ansible_settings())
    return dropped


def unverifying() -> list[str]:
    """Return the operator's variables by which ssh would know a server by something else than its inventory's keys.

    Ansible puts the first one before the inventory's options, and of two values ssh takes the first; the other one
    counts where an inventory has no such options.
    """
    names = ("ANSIBLE_SSH_ARGS", "ANSIBLE_SSH_COMMON_ARGS")
    return [name for name in names if _UNVERIFYING.search(os.environ.get(name, ""))]


def path_fault(path: Path) -> str:
    """Return why neither Ansible nor ssh could use a folder at this path; empty when they can."""
    if odd := ODD.search(str(path)):
        return f"la ruta lleva «{odd[0]}», que Ansible y ssh leen como otra cosa; dele otro nombre"
    return "" if str(path).isprintable() else "la ruta lleva caracteres que no se ven; dele otro nombre"


def assignments(settings: dict[str, str]) -> str:
    """Return environment variables as they are written before a command of a shell, with a space after each."""
    return "".join(f"{name}={shlex.quote(value)} " for name, value in settings.items())


def version() -> str:
    """Return the project's version from pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


DAMAGE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What code raises that takes a damaged record, or one of another form, for a whole one."""


class UnusableError(Exception):
    """A file or value that the operator gave cannot be used; the message is a Spanish sentence."""


class LaterVersionError(UnusableError):
    """A record of this project's is whole, and has what only a later version of the project knows."""


def refuse_later(path: Path, error: ValidationError) -> None:
    """Raise LaterVersionError when all that is wrong with a record is that it says more than this version knows."""
    if all(each["type"] == "extra_forbidden" for each in error.errors(include_url=False, include_input=False)):
        raise LaterVersionError(
            f"{path} dice lo que esta versión no conoce: lo escribió una versión posterior del proyecto; póngala aquí "
            "(git pull) y repita, sin mover ese archivo"
        ) from None


def expanduser(path: str) -> str:
    """Return a path with its ~ expanded; UnusableError when it names an account that this machine does not have.

    A file whose name begins with ~, as editors make them, is meant when there is no account of that name.
    """
    whole = os.path.expanduser(path)
    if not whole.startswith("~") or os.path.lexists(whole):
        return whole
    account = whole[1:].partition("/")[0]
    told = f"no hay ninguna cuenta «{account}» en esta máquina" if account else "no se sabe cuál es su carpeta personal"
    raise UnusableError(f"{path}: {told}; escriba la ruta entera")


def refusal(error: Exception) -> str:
    """Return what an UnusableError or its like says, or, of an OSError, what cannot be used and why."""
    if not isinstance(error, OSError):
        return str(error)
    path = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
    return f"no se puede usar {path}: {denied(error)}" if path else why(error)


def denied(error: OSError) -> str:
    """Return why the system did not do something, as the end of a sentence.

    Of what another account has made in build(), as `sudo ./difusor` does, also whose it is and how this one gets it.
    """
    path = error.filename
    is_refused = error.errno in (errno.EACCES, errno.EPERM) and isinstance(path, str)
    return ": ".join(filter(None, (why(error), foreign(Path(path)) if is_refused else "")))


def foreign(path: Path) -> str:
    """Return whose a path in build() is, and how this account gets it, as a clause; "" when it is no other's.

    Of a path that is not there it is the folder in which it would be made.
    """
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    owner = os.lstat(there).st_uid
    if owner == os.geteuid() or not there.is_relative_to(build()):
        return ""
    part = build().joinpath(*there.relative_to(build()).parts[:1])
    taken = shlex.quote(str(part if part.is_dir() else build()))
    return f"{there} es de {process.account(owner)}; sudo chown -R $(id -un) {taken}"


EMPTY = "{} está vacío, como lo deja un disco lleno; recupérelo de su copia"
ZEROS = "{} está dañado: tiene bytes en cero, como los deja un apagón; recupérelo de su copia"
"""What to say of a file of text that has nothing in it, or what no text has."""


def fallen(error: Exception) -> str:
    """Return as a sentence's end that this program fell over something that nobody foresaw, and what to do."""
    return f"falló este programa ({type(error).__name__}: {error}); avise a quien lo mantiene"


def lacked(error: OSError) -> str:
    """Return as a sentence's end what kept this machine from writing a temporary file, or from using one."""
    return "no hay dónde escribir archivos temporales" if error.errno == errno.ENOENT else why(error)


_PADDED = re.compile(r"(?![-+]?0+[0-7]?\Z)[-+]?0[0-9_]+")


def padded(value: str) -> str:
    """Return what to do with an unquoted number that has zeros before it, as a Spanish clause; else "".

    YAML takes 017 for 15, an octal number, and 08, which is none, for a text. It stands here because each run of
    Ansible asks it (inventory.sources) and must not wait until the package that reads YAML has imported pydantic.
    """
    if not _PADDED.fullmatch(value):
        return ""
    return f"{value}: quite los ceros de la izquierda, o póngalo entre comillas si es texto"


_CUT = re.compile(r"#\w")


def cut(text: str, end: int, is_secret: bool = False) -> str:
    """Return as a Spanish clause that YAML passes over what follows an unquoted text that ends at `end`; else "".

    To YAML «Diario #1» is «Diario»: a # behind a space begins a comment. Those that people write have a space after it.
    """
    behind = text[end:].partition("\n")[0].strip()
    if not _CUT.match(behind):
        return ""
    shown = "" if is_secret else f": «{behind[:60]}»"
    return (
        f"tras un espacio y «#» no se lee nada{shown}; ponga el dato entero entre comillas o, si es un comentario, un "
        "espacio tras el «#»"
    )


@contextmanager
def locking(folder: Path) -> Iterator[None]:
    """Have a lock in a folder taken within; UnusableError on a file system that has none, as some shares.

    BlockingIOError, that somebody else has the lock, is passed on, and so is what keeps the folder from being opened.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, BlockingIOError) or error.filename is not None:
            raise
        raise UnusableError(
            f"el disco de {folder} no sirve para que solo un proceso trabaje ahí: {why(error)}; "
            + (f"ponga la carpeta del Instituto ({HOME}) en" if folder.is_relative_to(home()) else "elija otra en")
            + " un disco de esta máquina"
        ) from None


@contextmanager
def locked(folder: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a folder as `files.locked` does; UnusableError as `locking`, OSError when there is no folder."""
    with ExitStack() as held:
        with locking(folder):
            held.enter_context(files.locked(folder, wait))
        yield


def commit() -> str:
    """Return the project's commit, marked when files differ from the commit; empty outside a git checkout.

    A file that git does not know counts where it can take part in what is done to a server.
    """
    described = _git("rev-parse", "HEAD")
    differs = described and (
        _git("status", "--porcelain", "-uno") or _git("status", "--porcelain", "-unormal", "--", *_TAKING_PART)
    )
    return described + (" con cambios locales" if differs else "")


def is_stray(name: str) -> bool:
    """Tell whether a file or a folder is called as what systems, editors and copies leave, and none of the project's.

    A copy of a file of SSH's, for one, would count on a server as much as the file.
    """
    return _STRAY.fullmatch(name) is not None


def write(path: Path, content: str) -> None:
    """Write a text file, making its folder; readers see the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, content.encode())


_TAKING_PART = ("containers", "playbooks", "plugins", "roles", "scripts")
_STRAY = re.compile(r"[.#~].*|.*[ :].*|.*~|.*\.(orig|rej|sw[a-p])|thumbs\.db|desktop\.ini", re.IGNORECASE | re.DOTALL)
"""How what systems, editors, downloads and copies leave is called, and no file of the project."""


def _git(*arguments: str) -> str:
    # Neither the repository that a hook or the operator's shell names, nor one in which the project was unpacked.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CEILING_DIRECTORIES": str(ROOT.parent)}
    # Git says nothing of what another account owns, such as a clone that root made: here its code runs already.
    environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(ROOT)}
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], env=environment, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
