"""What ssh, sudo and Ansible say in English becomes one Spanish sentence with what to do."""

from __future__ import annotations

import pytest

from difusor.servers.connection import Login, cause

LOGIN = Login("web1", "189.240.1.7", "operador", 2222)
BANNER = "Solo personal autorizado.\n"
# Complaints of OpenSSH 10.0, sudo 1.9.16, sudo-rs 0.2.5 and ansible-core 2.21, as a server of the lab caused them.
COMPLAINTS = {
    "ControlPath too long ('/home/x/.ansible/cp/difusor-abfdf068e5' >= 108 bytes)": "&& export ANSIBLE_HOME=/var/tmp/",
    'unix_listener: path "/x/difusor-1.aRkBkoCz9pPO2R4X" too long for Unix domain socket': "larga para ssh; dé",
    "Bad owner or permissions on /home/x/.ssh/config": "ssh no la usa: si es de usted, chmod go-w /home/x/.ssh/config",
    "/home/x/.ssh/config: line 2: Bad configuration option: foo\n/home/x/.ssh/config: terminating, 1 bad configuration "
    "options": "su configuración en esta máquina, /home/x/.ssh/config: ssh -G 189.240.1.7 dice cuál",
    "Cannot execute command-line and remote command.": "agregue -o RemoteCommand=none a ansible_ssh_common_args",
    "operador@189.240.1.7: Permission denied (publickey).": "no deja entrar a «operador»: corrija ansible_user",
    "Received disconnect from 189.240.1.7 port 2222:2: Too many authentication failures": (
        "esta máquina le ofrece más llaves de las que admite probar (las lista ssh-add -l); nombre la suya en hosts.yml"
    ),
    "Password change required but no TTY available.": "entre una vez con ssh -p 2222 operador@189.240.1.7 y cámbiela",
    "Your account has expired; please contact your system administrator.\nConnection closed by 189.240.1.7": (
        "la cuenta «operador» venció; el administrador del servidor la prorroga con: chage -E -1 operador"
    ),
    '"System is booting up. Unprivileged users are not permitted to log in yet.\nConnection closed by 189.240.1.7': (
        "189.240.1.7 aún arranca, o se apaga, y mientras no deja entrar: espere un minuto"
    ),
    "sudo: Account or password is expired, reset your password and try again": "entre una vez con ssh -p 2222",
    "This account is currently not available.": "usermod -s /bin/bash operador",
    "@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@\nHost key verification failed.": (
        "si coincide, ssh-keygen -R '[189.240.1.7]:2222' y entre una vez con ssh -p 2222 operador@189.240.1.7"
    ),
    "No ED25519 host key is known for 189.240.1.7 and you have requested it.\nHost key verification failed.": (
        "esta máquina aún no conoce la llave de 189.240.1.7: entre una vez con ssh -p 2222 operador@189.240.1.7"
    ),
    "No ED25519 host key is known for [189.240.1.7]:2222 and you have requested strict checking.": (
        "entre una vez con ssh -p 2222 operador@189.240.1.7 y acéptela si su huella es la que da el administrador"
    ),
    "ssh: connect to host 189.240.1.7 port 2222: Connection refused": "rechaza el puerto 2222: allá no corre SSH",
    "ssh: connect to host 189.240.1.7 port 2222: No route to host": "no responde en el puerto 2222: revise la",
    "ssh: connect to host 189.240.1.7 port 2222: Connection timed out": "no responde en el puerto 2222",
    "ssh: Could not resolve hostname prep.diario: Name or service not known": "corrija ansible_host en hosts.yml",
    "kex_exchange_identification: read: Connection reset by peer": "puede haber bloqueado su dirección (fail2ban)",
    "Connection closed by 189.240.1.7 port 2222": "cortó la conexión al comenzar",
    "no such identity: /x/llave: No such file or directory\noperador@189.240.1.7: Permission denied (publickey).": (
        "no existe la llave /x/llave; corrija ansible_ssh_private_key_file"
    ),
    "@  WARNING: UNPROTECTED PRIVATE KEY FILE!  @\nLoad key: bad permissions\nPermission denied": "chmod 600",
    'Load key "/x/llave": error in libcrypto\noperador@189.240.1.7: Permission denied (publickey).': (
        "la llave /x/llave está dañada (fines de renglón de Windows"
    ),
    "Unable to negotiate with 189.240.1.7: no matching host key type found.": "no tienen un método en común",
    "/bin/sh: 1: /usr/bin/python3: not found": "apt install python3 en el servidor",
    "Task failed: Missing sudo password": "sudo pide contraseña a «operador»: agregue --ask-become-pass",
    "sudo: a password is required": "sudo pide contraseña a «operador»",
    "sudo-rs: interactive authentication is required": "sudo pide contraseña a «operador»",
    "Incorrect sudo password": "la contraseña de sudo de «operador» no es la que dio",
    "sudo: Authentication failed, try again.\nsudo-rs: Maximum 3 incorrect authentication attempts": (
        "la contraseña de sudo de «operador» no es la que dio"
    ),
    "operador is not in the sudoers file.": "«operador» no tiene privilegios de sudo en el servidor",
    "sudo-rs: I'm sorry operador. I'm afraid I can't do that": "«operador» no tiene privilegios de sudo en el servidor",
    "/bin/sh: 1: sudo: not found": "el servidor no tiene sudo: apt install sudo",
    "Timeout (22s) waiting for privilege escalation prompt:": "sudo no mostró la pregunta que Ansible espera",
    "to use the 'ssh' connection type with passwords, you must install the sshpass program": "hace falta sshpass",
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_what_is_said_of_a_server(complaint: str) -> None:
    said = cause(BANNER + complaint, LOGIN)
    assert COMPLAINTS[complaint] in said
    assert "\n" not in said and not said.endswith(".")


@pytest.mark.parametrize("complaint", ["", "algo que nadie previó.\n"])
def test_an_unknown_complaint_is_quoted(complaint: str) -> None:
    said = cause(complaint, Login("web1", "189.240.1.7"))
    assert said in (
        "sin respuesta; pruebe con ssh 189.240.1.7 sudo true",
        "se oyó «algo que nadie previó»; pruebe con ssh 189.240.1.7 sudo true",
    )


CHANGED = """@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r
Please contact your system administrator.\r
Add correct host key in {first} to get rid of this message.\r
Offending ED25519 key in {old}:1\r
Host key for [189.240.1.7]:2222 has changed and you have requested strict checking.\r
Host key verification failed."""
"""What OpenSSH says, with LF or CR LF; it cuts the first path at 100 characters."""
OWN, LONG = "/home/ana/.ssh/known_hosts", f"/home/ana/{'carpeta/' * 12}inventories/diario/known_hosts"


@pytest.mark.parametrize(
    ("first", "old", "told", "option"),
    [
        ("/inv/known_hosts", "/inv/known_hosts", "/inv/known_hosts", "UserKnownHostsFile=/inv/known_hosts"),
        ("/inv/known_hosts", OWN, OWN, "UserKnownHostsFile=/inv/known_hosts"),
        (LONG[:100], LONG, LONG, f"UserKnownHostsFile={LONG}"),
        ("/mi inv/hosts", "/mi inv/hosts", "'/mi inv/hosts'", "'UserKnownHostsFile=\"/mi inv/hosts\"'"),
    ],
    ids=["the inventory's", "old one in the account's", "long path", "with a space"],
)
def test_a_new_host_key_is_learnt_where_the_inventory_keeps_it(first: str, old: str, told: str, option: str) -> None:
    """Learnt in the account's own file, it was missing where somebody takes over with a copy of the home."""
    said = cause(CHANGED.format(first=first, old=old), LOGIN)
    learn = f"entre una vez con ssh -o {option} -o StrictHostKeyChecking=ask -p 2222 operador@189.240.1.7."
    assert f"si coincide, ssh-keygen -f {told} -R '[189.240.1.7]:2222' y {learn}" in said
