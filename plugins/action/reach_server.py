"""Refuse a server that cannot be reached, has no Python or gives no root, each in one sentence."""

from __future__ import annotations

import base64
import re
import secrets
import shlex
from collections.abc import Iterable
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from corte.format import instants
from difusor.servers import expected
from difusor.servers.connection import Login, cause
from difusor.servers.expected import OFFICIAL, Expected
from difusor.servers.latest_run import LATEST

CLASSIC = "/usr/bin/sudo.ws"
"""The original sudo, where sudo-rs took its name (Ubuntu 26.04)."""

BEGAN = "-- began --"
RECORDED = "-- recorded --"
REVOKED = "-- revoked_since --"
ELECTION = "-- election --"
GATE = "-- gate --"
REJECTED = "-- revoked --"
KEYS = "-- authorized_keys --"
"""Separate the parts of the server's answer."""
FOUND = "/var/lib/prep-difusor/found"
"""The copy of how a server was found, which `managed_files` makes before its first change; only root sees it."""
RECORD = "/etc/prep-corte/revoked_since"
"""Where the role corte leaves since when a server is off the list; only root reads it."""
CONFIGS = "/etc/prep-corte/server.json /etc/prep-corte/server.copy.json"
OF = f'grep -hs \'"election": "\' {CONFIGS}'
"""Prints the lines that name the server's election, in its own record and the copy of that."""
CODED = f"for each in {CONFIGS}; do base64 -w0 $each 2>/dev/null; echo; done"
"""Prints both files, each as a line of Base64: a damaged one may have any bytes."""
STATUS = "base64 -w0 /srv/prep/estado/estado.json 2>/dev/null"
"""Prints what the server says of itself to everybody, in Base64."""
REJECTS = "/etc/prep-corte/revoked"
LISTED = (
    f"{{ cat {REJECTS} {CONFIGS}; grep -qs known_revoked {CONFIGS} || cat {REJECTS}; }} 2>/dev/null | tr -d '\",' | "
    "awk '$1 !~ /^#/ && $2 ~ /^AAAA/ && ++seen[$2] == 2 { print $1, $2 }'"
)
"""Prints the public keys from which the server takes nothing, each as its type and its Base64.

The server has them in three files, one of which the disk may have damaged: what stands in two counts. An earlier
version has one file.
"""
SPEC = {
    "run": {"type": "str", "default": ""},  # the word that an earlier play of this run has left on the server
    "begins": {"type": "bool", "default": False},  # this run may change the server
    "revocations": {"type": "list", "elements": "str", "default": []},  # those that the inventory knows
    "any_revocation": {"type": "bool", "default": False},  # no revocation stops this run
    "election": {"type": "str", "default": ""},  # the inventory's; without one no key stops this run, nor an election
    "official": {"type": "bool", "default": False},  # that election is official
    "leaves_official": {"type": "bool", "default": False},  # no official election stops this run
    "revoked_keys": {"type": "list", "elements": "str", "default": []},  # those that the inventory knows
    "any_revoked_key": {"type": "bool", "default": False},  # no revoked key stops this run
}


class ActionModule(ActionBase):
    """Run Python's version on the server through the task's connection and become; see SPEC for the arguments.

    A run that begins leaves a word of its own on the server: from then on an older one touches nothing there. A preview
    does not begin, nor a run that is stopped by the revocation of the server, by a key that is revoked there alone, or
    by the official election that it would take from the server.

    Returns `run`: that word, empty when there is none; `recorded`: whether an earlier run has kept how it found the
    server; `login_keys`: the lines of the account's authorized_keys; `revoked_since`: the instant at which the server
    was taken off the list, as the institute recorded it in the file `record`, empty when it is on it; `sudo_is_rust`:
    whether the server's sudo is sudo-rs; `become_exe`: the sudo that later tasks have to use, empty when any will do;
    `unknown_keys`: the keys, by fingerprint, that the server has as revoked for the inventory's election, and the
    inventory has not. Of another election that the server leaves they are told in a warning. `expected`: which
    election, environment, opening (`opens`) and end (`until`) the server has, empty when its record says none;
    `leaves`: whether that election is official, not the inventory's, and opens within a day, or has opened and is not
    over. One that opens later is told in a warning.
    sudo-rs prints a prompt that Ansible does not recognise, so with a password Ansible would wait for ever.
    """

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with a sentence, never as unreachable, so that the run ends with it."""
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(SPEC)
        variables = task_vars or {}
        login = self._login(variables)
        try:
            become_exe, problem = self._other_sudo(login)
            if not problem:
                programs, problem = self._answer(
                    login,
                    f"{shlex.quote(_python(variables))} --version && {{ sudo --version 2>&1; "
                    f"echo {ELECTION}; {CODED}; echo {GATE}; {STATUS}; true; }}",
                    _python(variables),
                )
            if not problem:
                programs, _, rest = programs.partition(ELECTION)
                coded, _, status = rest.partition(GATE)
                left = _left(_lines(coded), _text(status), args)
                begins = args["begins"] and not (args["run"] or self._task.check_mode or left["leaves"])
                word = secrets.token_hex(6) if begins else ""
                # What keeps a run from beginning is read in the same command: another run may write it at any moment.
                began, problem = self._answer(
                    login,
                    f"{{ {_begin(word, args) if word else ''} test ! -d {FOUND} || echo {RECORDED}; "
                    f"echo {REVOKED}; cat {RECORD} 2>/dev/null; echo {REJECTED}; {LISTED}; echo {KEYS}; "
                    f"cat ~{shlex.quote(login.user)}/.ssh/authorized_keys 2>/dev/null; true; }}",
                )
        except AnsibleError as error:
            become_exe, problem = "", cause(str(error), login)
        if problem:
            return {"failed": True, "msg": f"No se puede usar {login.name} y nada se tocó en él: {problem}."}
        began, _, rest = began.partition(REVOKED)
        record, _, rest = rest.partition(REJECTED)
        rejected, _, keys = rest.partition(KEYS)
        unknown = _unknown(args["election"], _lines(coded), _lines(rejected), args["revoked_keys"])
        return {
            "changed": False,
            "run": word if BEGAN in began else args["run"],
            "recorded": RECORDED in began,
            "become_exe": become_exe,
            "sudo_is_rust": "sudo-rs" in programs,
            "revoked_since": " ".join(_lines(record)),
            "record": RECORD,
            "login_keys": _lines(keys),
            **left,
            **unknown,
            "warnings": [*left["warnings"], *unknown["warnings"]],
        }

    def _answer(self, login: Login, command: str, program: str = "") -> tuple[str, str]:
        """Return what a command printed, and the cause if it failed; `program`: the one that may not be there."""
        answer = self._low_level_execute_command(command)
        said = f"{answer['stderr']}\n{answer['stdout']}\n{program if answer['rc'] == 127 else ''}"
        return answer["stdout"], "" if answer["rc"] == 0 else cause(said, login)

    def _login(self, variables: dict[str, Any]) -> Login:
        return Login(
            name=variables["inventory_hostname"],
            address=str(self._play_context.remote_addr or variables["inventory_hostname"]),
            user=str(self._get_remote_user() or ""),
            port=int(self._play_context.port or 22),
        )

    def _other_sudo(self, login: Login) -> tuple[str, str]:
        """Return (the sudo to use instead of sudo-rs, "") when a password is given, or ("", why there is none)."""
        become = self._connection.become
        if become is None or become.name != "sudo" or not become.get_option("become_pass"):
            return "", ""
        asked = f"{become.get_option('become_exe') or 'sudo'} --version 2>&1; test -x {CLASSIC} && echo {CLASSIC}"
        answer = self._low_level_execute_command(asked, sudoable=False)
        if "sudo-rs" not in answer["stdout"]:
            return "", ""
        if CLASSIC not in answer["stdout"]:
            return "", (
                f"su sudo es sudo-rs, con el que Ansible no sabe dar una contraseña; instale el clásico "
                f"(apt install sudo), o dé a «{login.user}» sudo sin contraseña"
            )
        become.set_option("become_exe", CLASSIC)
        return CLASSIC, ""


def _begin(word: str, args: dict[str, Any]) -> str:
    known = None if args["any_revocation"] else args["revocations"]
    forgets = "false" if args["any_revoked_key"] else forgetting(args["election"], args["revoked_keys"])
    return beginning(word, known, forgets)


def beginning(word: str, known: list[str] | None, forgets: str = "false") -> str:
    """Return the command that leaves a run's word on the server and says so, unless a revocation stops the run.

    `known` are the server's revocations that the inventory knows; None when any will do. `forgets` is a command that
    succeeds when a revoked key stops the run.
    """
    admitted = "*" if known is None else "|".join(map(shlex.quote, ["", *known]))
    left = f"(umask 077; echo {word} >{LATEST}.{word}) && mv {LATEST}.{word} {LATEST} && echo {BEGAN}"
    return f"case $(sed '/^#/d' {RECORD} 2>/dev/null) in {admitted}) {forgets} || {{ {left}; }};; esac;"


def forgetting(election: str, keys: Iterable[str]) -> str:
    """Return the command that succeeds when the server, of this election, has other revoked keys than these too."""
    if not election:
        return "false"
    own = shlex.quote(f'"election": "{election}"')
    is_of_another = f"{{ {OF} | grep -q . && ! {{ {OF} | grep -qF {own}; }}; }}"
    known = " ".join(f"-e {shlex.quote(each)}" for each in ["", *map(_bare, keys)])
    return f"! {is_of_another} && {LISTED} | grep -qvxF {known}"


def _unknown(election: str, coded: list[str], listed: list[str], known: Iterable[str]) -> dict[str, Any]:
    """Return the result's `unknown_keys`, and its warnings; `coded` and `listed` are what the server says."""
    if not election or not (keys := sorted({*listed} - {*map(_bare, known)})):
        return {"unknown_keys": {}, "warnings": []}
    from difusor.partners.host_key import fingerprint  # only here: hardly a run needs it

    found = {}
    for each in keys:
        try:
            found[fingerprint(each)] = each
        except ValueError:  # damaged; the operator has to see it all the same
            found[each] = each
    its = [name for each in coded for name in re.findall('"election": "([^"]*)"', _text(each))]
    if not its or election in its:  # the disk may have damaged one of the two files
        return {"unknown_keys": found, "warnings": []}
    told = (
        f"El servidor es de la elección {its[0]}, que tiene por revocadas llaves que {election} no menciona: "
        f"{', '.join(found)}. Si alguna es robada, agréguela también a election_revoked_keys de {election}."
    )
    return {"unknown_keys": {}, "warnings": [told]}


def _left(coded: list[str], status: str, args: dict[str, Any]) -> dict[str, Any]:
    """Return the result's `expected` and `leaves`, and its warnings.

    `coded` is the server's record of its election, and `status` its estado.json.
    """
    its = Expected.of(expected.read(coded))
    if its is None:
        return {"expected": {}, "leaves": False, "warnings": []}
    its = its.prolonged(status)
    opens, until = instants.write(its.opens), instants.write(its.until)
    own, now = OFFICIAL if args["official"] else "simulacro", instants.now()
    is_left = bool(args["election"]) and not args["leaves_official"] and its.is_left_for(args["election"], own, now)
    told = (
        f"El servidor es de la elección oficial {its.election}, que todavía no abre, y este inventario de "
        f"{args['election']} ({own}): si lo pasa a esta con apply, páselo de vuelta antes de la apertura."
    )
    return {
        "expected": {"election": its.election, "environment": its.environment, "opens": opens, "until": until},
        "leaves": is_left and its.is_near(now),
        "warnings": [told] if is_left and not its.is_near(now) else [],
    }


def _bare(key: str) -> str:
    """Return a public key without its comment."""
    return " ".join(key.split()[:2])


def _text(coded: str) -> str:
    """Return what a line of Base64 stands for, as far as it is text; empty for another line."""
    try:
        return base64.b64decode(coded).decode(errors="replace")
    except ValueError:
        return ""


def _lines(text: str) -> list[str]:
    """Return the lines that are neither empty nor comments."""
    return [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]


def _python(variables: dict[str, Any]) -> str:
    return str(variables.get("ansible_python_interpreter") or "/usr/bin/python3")
