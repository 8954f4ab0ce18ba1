"""What the operator's environment and personal folder say to other programs without being meant for this project."""

from __future__ import annotations

import os
import sysconfig
import tempfile
from pathlib import Path

KEPT_EMPTY = "ANSIBLE_SSH_ARGS"
"""The one variable that says something when it is empty: that ssh gets no options of ansible.cfg's."""
BARE = (
    "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes", "PermitLocalCommand=no", "RemoteCommand=none",
    "RequestTTY=no",
)  # fmt: skip
"""What sftp, too, asks of ssh whatever its configuration says: nothing but what it is told goes through the connection.

With a forwarded agent the root of any server could enter the others with the operator's keys, and sign with them; a
port that an open session forwards already, a command or a terminal of that configuration keeps a run from working.
"""
AGENT = "SSH_AUTH_SOCK"
"""The variable of OpenSSH's that names the socket of the agent with the operator's keys."""
QUESTION = b"\x00\x00\x00\x0a\x1b\x00\x00\x00\x05query"
"""What agents answer at once, if only that they do not know it (draft-ietf-sshm-ssh-agent, section 3.8)."""
AGENT_SECONDS = 3.0
NUMBERS = {"ANSIBLE_FORKS": 1, "ANSIBLE_TIMEOUT": 1, "ANSIBLE_VERBOSITY": 0}
"""The variables that have to be numbers, and from which one on: with anything else no Ansible begins."""
FORMATS = {"ANSIBLE_CALLBACK_RESULT_FORMAT": ("json", "yaml")}
COLLECTIONS = "ANSIBLE_COLLECTIONS_PATH"
"""Ansible's own environment variable: where collections are looked for first."""
OF_THE_SYSTEM = Path("/usr/share/ansible/collections")
AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL's own environment variables: whom programs trust in place of the authorities that the system does."""
BUNDLE = "ca-certificates.crt"
"""The file with all of a system's authorities, in the folder that has each of them in a file."""


def forget_empty() -> None:
    """Remove Ansible's variables that are empty, as `export NAME=` leaves them: they are meant to say nothing.

    Ansible takes them for a value: no, such as not to check the keys of servers, or the current folder for a file.
    """
    for name in [name for name, value in os.environ.items() if name.startswith("ANSIBLE_") and not value.strip()]:
        if name != KEPT_EMPTY:
            del os.environ[name]


def forget_malformed() -> list[str]:
    """Remove Ansible's variables with which it would not begin; return as a clause for each what it says and could."""
    found = {}
    for name, least in NUMBERS.items():
        value = os.environ.get(name, "").strip()
        if value and not (value.isdecimal() and int(value) >= least):
            found[name] = f"un número desde {least}"
    for name, choices in FORMATS.items():
        if os.environ.get(name, choices[0]) not in choices:
            found[name] = " o ".join(choices)
    return [f"{name}={os.environ.pop(name)}, y ahí va {wanted}" for name, wanted in found.items()]


def bare() -> None:
    """Have the operator's own options of ssh, which Ansible takes in place of ansible.cfg's, end with those of BARE.

    ssh takes the first of two, so what they say themselves counts.
    """
    given, ours = os.environ.get(KEPT_EMPTY, "").strip(), " ".join(f"-o {each}" for each in BARE)
    if given and not given.endswith(ours):
        os.environ[KEPT_EMPTY] = f"{given} {ours}"


def forget_silent_agent() -> str:
    """Remove the variable that names an agent of ssh which does not answer; return its socket, "" when it does.

    ssh would wait for it without end, as for one that was forwarded into this session from a machine that now sleeps.
    """
    import socket

    path = os.environ.get(AGENT, "")
    try:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(AGENT_SECONDS)
            agent.connect(path)
            agent.sendall(QUESTION)
            agent.recv(1)
    except (TimeoutError, BlockingIOError):  # the latter: it does not even take those who wait
        return os.environ.pop(AGENT, "")
    except OSError:  # there is none: ssh goes on with the keys in files
        pass
    return ""


def forget_authorities() -> list[str]:
    """Remove the variables that name other public authorities than this machine's; return their names.

    No browser reads them. With a company's own there, of which pip may need to hear, every mirror would be bad, or good
    behind whoever opens what is encrypted on its way. A machine that has no authorities keeps them.
    """
    for name in AUTHORITIES:
        if not os.environ.get(name, "").strip():
            os.environ.pop(name, None)
    if not any(name in os.environ for name in AUTHORITIES):
        return []
    import ssl

    paths = ssl.get_default_verify_paths()
    file, place = Path(paths.openssl_cafile), Path(paths.openssl_capath)
    own = {each.resolve() for each in (file, place, place / BUNDLE) if each.exists()}
    if not file.is_file() and not any(place.glob("*.0")):
        return []
    others = [name for name in AUTHORITIES if name in os.environ and Path(os.environ[name]).resolve() not in own]
    for name in others:
        del os.environ[name]
    return others


def folder() -> Path:
    """Return the folder in which Ansible keeps its things: temporary files, open connections, collections."""
    return Path(os.path.expanduser(os.environ.get("ANSIBLE_HOME") or "~/.ansible")).absolute()


def takes_files(place: Path) -> bool:
    """Tell whether Ansible can write to its folder, by writing there.

    Parts of it may be another account's, as after `sudo`, and a full disk or a share refuses only what is written.
    """
    try:
        for part in ("tmp", "cp"):
            (place / part).mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place / part) as file:
                file.write(b"difusor")
    except OSError:
        return False
    return True


def hiding_collections() -> str:
    """Return the folder of this environment's collections where the operator has others of their names; else "".

    Ansible would take the operator's, of whatever version `ansible-galaxy` once brought.
    """
    own = Path(sysconfig.get_path("purelib"))
    for place in (folder() / "collections", OF_THE_SYSTEM):
        for other in (place / "ansible_collections").glob("*/*"):
            if (own / "ansible_collections" / other.parent.name / other.name).is_dir():
                return str(own)
    return ""
