"""Says in one Spanish sentence why a server cannot be used through SSH and sudo, and what to do about it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Login:
    """How a server is entered: its name in the inventory, its address and port, and the account (empty: unknown)."""

    name: str
    address: str
    user: str = ""
    port: int = 22

    @property
    def target(self) -> str:
        """What follows `ssh` on a command line."""
        whole = f"{self.user}@{self.address}" if self.user else self.address
        return whole if self.port == 22 else f"-p {self.port} {whole}"

    @property
    def known_as(self) -> str:
        """The server's name in known_hosts."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"


ANEW = ("ControlMaster=no", "ControlPath=none", "LogLevel=DEBUG")
"""What makes ssh open a connection of its own, and tell of its steps, by which `is_refused` knows a refusal."""
LAST = ("-S", "none", "-v")
"""Arguments that have to come last besides: for ssh, a `-S` or `-q` counts more than any `-o`, wherever it stands."""
NO_PASSWORD_GIVEN = (
    "[Mm]issing sudo password|a password is required|interactive authentication is required|terminal is required"
)
"""What sudo, sudo-rs and Ansible say when nobody gives the password that sudo asks for."""
WRONG_PASSWORD = "[Ii]ncorrect sudo password|[Ss]orry, try again|Authentication failed, try again"
"""What they say when the password is not the account's."""
TOO_MANY_KEYS = "Too many authentication failures"
"""What ssh says when a server has ended the connection after as many keys as it lets a client try (MaxAuthTries)."""
AUTHENTICATED = "Authenticated to "
STEPS = ("debug1: ", "debug2: ", "debug3: ", AUTHENTICATED, "Transferred: ", "Bytes per second: ")
"""How ssh, asked by `-o LogLevel=DEBUG`, begins the lines that tell of its steps; of more, with a `-v` besides."""
ACCEPTED = "debug1: Server accepts key"
"""The step after which a server closes the connection, before AUTHENTICATED, if it refuses the account, as PAM does."""
CUT = 100
"""After how many characters ssh cuts the first known_hosts file's name, where a key has changed."""
# What ssh, sudo and Ansible say, the first that fits; the sentence may use the fields of `Login`. `{said}` is the text
# that the first group of the pattern found, `{old}` and `{learn}` are what `_files` returns.
ACCESS = (
    (r"(la respuesta no terminaba)", "{said}"),
    # What is wrong on this machine, before any server is asked. The system bounds the path of a socket to 107 bytes.
    (
        r"ControlPath too long|too long for Unix domain socket",
        "la ruta de la carpeta de Ansible, donde ssh deja abiertas las conexiones, es demasiado larga para ssh; dé una "
        "corta y solo suya: mkdir -m 700 /var/tmp/$USER && export ANSIBLE_HOME=/var/tmp/$USER",
    ),
    (
        r"Bad owner or permissions on (\S+)",
        "otros usuarios de esta máquina pueden escribir en {said}, o es de otro, y ssh no la usa: si es de usted, "
        "chmod go-w {said}",
    ),
    (
        r"(\S+): terminating, \d+ bad configuration option",
        "ssh no entiende algún renglón de su configuración en esta máquina, {said}: ssh -G {address} dice cuál; "
        "corríjalo",
    ),
    (
        r"Cannot execute command-line and remote command",
        "la configuración de ssh de esta máquina dice para {address} qué se ejecuta al entrar (RemoteCommand); agregue "
        "-o RemoteCommand=none a ansible_ssh_common_args, en hosts.yml",
    ),
    # Before what ssh says, because sudo-rs says nearly the same.
    (
        WRONG_PASSWORD,
        "la contraseña de sudo de «{user}» no es la que dio; repita con --ask-become-pass",
    ),
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key .{0,80}has changed|Host key for .{0,200}has changed",
        "la llave con que se identifica {address} ya no es la que esta máquina conocía. Pregunte a su administrador "
        "si lo reinstaló y cuál es su huella; si coincide, ssh-keygen {old}-R '{known_as}' y entre una vez con ssh "
        "{learn}{target}. Si no, puede ser otro quien responde",
    ),
    (
        r"Host key verification failed|host key is known for",
        "esta máquina aún no conoce la llave de {address}: entre una vez con ssh {target} y acéptela si su huella es "
        "la que da el administrador del servidor",
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        "otros usuarios de esta máquina pueden leer la llave con que se entra, y ssh no la usa: chmod 600 LLAVE",
    ),
    (
        r"Load key \"?([^\"\n]+?)\"?: (?:error in libcrypto|invalid format)",
        "la llave {said} está dañada (fines de renglón de Windows, o le falta el último renglón); cópiela otra vez",
    ),
    (
        r"(?:[Ii]dentity file|no such identity:) (\S+?):? (?:not accessible|No such file)",
        "no existe la llave {said}; corrija ansible_ssh_private_key_file en hosts.yml",
    ),
    # What a server says of an account whose key was right, before it closes the connection.
    (
        r"[Pp]assword change required|required to change your password|password (?:has|is) expired",
        "la contraseña de «{user}» venció, y el servidor la quiere cambiada antes de nada: entre una vez con "
        "ssh {target} y cámbiela",
    ),
    (
        r"account has expired",
        "la cuenta «{user}» venció; el administrador del servidor la prorroga con: chage -E -1 {user}",
    ),
    (
        r"users are not permitted to log in|pam_nologin",
        "{address} aún arranca, o se apaga, y mientras no deja entrar: espere un minuto. Si sigue igual, su "
        "administrador ve en la consola qué está esperando (systemctl list-jobs) y quita /etc/nologin, si existe",
    ),
    (
        r"account is currently not available",
        "la cuenta «{user}» no sirve para entrar, porque no tiene intérprete de órdenes; el administrador del servidor "
        "se lo da con: usermod -s /bin/bash {user}",
    ),
    # No key is missing: the right one was never reached, and ssh-copy-id would end the same way.
    (
        TOO_MANY_KEYS,
        "{address} cortó antes de llegar a la llave de «{user}», porque esta máquina le ofrece más llaves de las que "
        "admite probar (las lista ssh-add -l); nombre la suya en hosts.yml, con ansible_ssh_private_key_file, y "
        "agregue -o IdentitiesOnly=yes a ansible_ssh_common_args",
    ),
    (
        r"Permission denied|Authentication failed|Invalid/incorrect password",
        "{address} no deja entrar a «{user}»: corrija ansible_user en hosts.yml, o agregue en el servidor su llave "
        "pública (ssh-copy-id {target}); si ya está, que nadie más pueda escribir en su carpeta (chmod go-w ~ ~/.ssh)",
    ),
    (
        r"waiting for privilege escalation prompt",
        "sudo no mostró la pregunta que Ansible espera; dé a «{user}» sudo sin contraseña, o declare en hosts.yml cuál "
        "es el sudo clásico (ansible_become_exe)",
    ),
    (
        r"sshpass",
        "para entrar con contraseña hace falta sshpass en esta máquina (apt install sshpass); o use una llave, que el "
        "proyecto prefiere",
    ),
    (
        r"Could not resolve hostname|Name or service not known|Temporary failure in name resolution",
        "nadie conoce el nombre {address}; corrija ansible_host en hosts.yml, o escriba ahí la dirección IP",
    ),
    (
        r"Connection refused",
        "{address} rechaza el puerto {port}: allá no corre SSH, o usa otro puerto (ansible_port en hosts.yml)",
    ),
    (
        r"timed out|Timeout|No route to host|Network is unreachable|Host is down",
        "{address} no responde en el puerto {port}: revise la dirección (ansible_host en hosts.yml), que el servidor "
        "esté encendido y que su cortafuegos admita la dirección de usted",
    ),
    (
        r"(?:Connection|kex_exchange_identification: .{0,60})\W*(?:closed|reset) by",
        "{address} cortó la conexión al comenzar: puede haber bloqueado su dirección (fail2ban), no dejar entrar a "
        "nadie (/etc/nologin), o no ser SSH",
    ),
    (
        r"no matching (?:host key type|key exchange method|cipher)|no mutual signature",
        "el SSH de esta máquina y el de {address} no tienen un método en común: actualice el cliente, o use otra llave "
        "(ssh-keygen -t ed25519)",
    ),
    (
        NO_PASSWORD_GIVEN,
        "sudo pide contraseña a «{user}»: agregue --ask-become-pass, o dé a la cuenta sudo sin contraseña",
    ),
    (
        r"not in the sudoers file|not allowed to (?:execute|run)|may not run sudo|I'm afraid I can't do that",
        "«{user}» no tiene privilegios de sudo en el servidor; su administrador los da con: usermod -aG sudo {user}",
    ),
    (
        r"you must have a tty",
        "sudo exige una terminal a «{user}»; quite requiretty de /etc/sudoers",
    ),
    (
        r"sudo: (?:command )?not found|sudo: No such file",
        "el servidor no tiene sudo: apt install sudo, y dé privilegios a «{user}»",
    ),
    (
        r"(\S*python[\d.]*): (?:command )?not found|(?:not found|No such file or directory).{0,40}python",
        "el servidor no tiene Python, con el que trabaja Ansible: apt install python3 en el servidor, y repita",
    ),
)


def options(wanted: Iterable[str]) -> list[str]:
    """Return ssh's arguments for options such as ControlPath=none."""
    return [word for each in wanted for word in ("-o", each)]


def is_refused(said: str) -> bool:
    """Tell whether ssh, asked by `-o LogLevel=DEBUG`, says that the server refused a login that failed.

    That is final: a refused login, repeated, has sshd itself or a fail2ban of the owner's shut out the operator's
    address. Only a missing answer, or a connection lost after the login, is worth another attempt.
    """
    account = ACCEPTED in said and AUTHENTICATED not in said
    return account or "Permission denied" in said or TOO_MANY_KEYS in said


def spoken(said: str) -> str:
    """Return what ssh said without its steps: the last line; of a refused account all that the server said of it."""
    before, accepted, after = said.partition(ACCEPTED)
    lines = [line.strip() for line in (after.splitlines()[1:] if accepted else before.splitlines())]
    told = [line for line in lines if line and not line.startswith(STEPS)]
    return " ".join(told if accepted else told[-1:])


def _files(complaint: str) -> tuple[str, str]:
    """Return what to add to `ssh-keygen` and to `ssh` to exchange a host key where the inventory keeps it.

    ssh names the file with the old key, and the first of those in which it looks, which is the inventory's if that has
    one. Both are "" where it names none.
    """
    old = re.search(r"Offending .{0,40}key in (.+):\d+", complaint)
    first = re.search(r"Add correct host key in (.+) to get rid of this message", complaint)
    if not old or not first:
        return "", ""
    is_cut = len(first[1]) >= CUT and old[1].startswith(first[1])
    path = old[1] if is_cut else first[1]
    # In an option, a space would end the name.
    option = f'UserKnownHostsFile="{path}"' if " " in path else f"UserKnownHostsFile={path}"
    return f"-f {shlex.quote(old[1])} ", f"-o {shlex.quote(option)} -o StrictHostKeyChecking=ask "


def cause(complaint: str, login: Login) -> str:
    """Return what to tell the operator, without its full stop, when ssh, sudo or Ansible has said `complaint`."""
    old, learn = _files(complaint)
    for pattern, text in ACCESS:
        if match := re.search(pattern, complaint, re.DOTALL):
            said = next(filter(None, match.groups()), "")
            fields = {"address": login.address, "user": login.user or "su usuario", "port": login.port, "said": said}
            fields |= {"target": login.target, "known_as": login.known_as, "old": old, "learn": learn}
            return text.format(**fields)
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    said = f"se oyó «{lines[-1].rstrip('.')}»" if lines else "sin respuesta"
    return f"{said}; pruebe con ssh {login.target} sudo true"
