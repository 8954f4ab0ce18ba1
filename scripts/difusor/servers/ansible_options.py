"""Judges Ansible's own options after `--`: those with which a verb would do less than it says, or something else.

They are read as ansible-playbook's argparse reads them: abbreviated (--lim), joined (-lx, --limit=x, -CD), and a word
that is neither an option nor the value of one is another playbook. Ansible is not imported: it would read its settings.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import click

FLAGS = (
    "--help -h", "--version", "--verbose -v", "--ask-pass -k", "--force-handlers", "--become -b",
    "--ask-become-pass -K", "--check -C", "--diff -D", "--list-hosts", "--flush-cache",
    "--ask-vault-pass --ask-vault-password -J", "--syntax-check", "--list-tasks", "--list-tags", "--step",
)  # fmt: skip
"""Ansible's options without a value; each begins with the name by which it is told."""
VALUED = (
    "--private-key --key-file", "--user -u", "--connection -c", "--timeout -T", "--ssh-common-args",
    "--sftp-extra-args", "--scp-extra-args", "--ssh-extra-args", "--connection-password-file --conn-pass-file",
    "--become-method", "--become-user", "--become-password-file --become-pass-file", "--tags -t", "--skip-tags",
    "--inventory --inventory-file -i", "--limit -l", "--extra-vars -e", "--vault-id",
    "--vault-password-file --vault-pass-file", "--forks -f", "--module-path -M", "--start-at-task",
)  # fmt: skip
"""Those that take one."""
NAMES = {written: names.split()[0] for names in (*FLAGS, *VALUED) for written in names.split()}
TAKING = frozenset(names.split()[0] for names in VALUED)
LOOKS = ("--check", "--help", "--list-hosts", "--list-tags", "--list-tasks", "--syntax-check", "--version")
"""With one of these Ansible only looks, and ends well."""
TAGS, SKIPPED = "--tags", "--skip-tags"
HARMLESS = {TAGS: {"all"}, SKIPPED: {"authorise"}}
"""The tags that leave out nothing of what a verb is for: all, and AIDE's list of files made anew."""
UNTHINKABLE = {TAGS: {"never"}, SKIPPED: {"always", "all"}}
"""The tags that run what only lends its variables, and that leave out what refuses a mistake."""
NUMBER = re.compile(r"-\d+|-\d*\.\d+")


@dataclass(frozen=True)
class Given:
    """An option of Ansible's, by its whole name, and its value; empty for one that takes none."""

    name: str
    value: str = ""

    @property
    def tags(self) -> set[str]:
        """The tags in its value."""
        return {each.strip() for each in self.value.split(",")}


def read(words: Sequence[str]) -> list[Given]:
    """Return the options in these words; UsageError on a word that is none, that Ansible lacks, or without value."""
    left, found = deque(words), list[Given]()
    while left:
        word = left.popleft()
        if word == "--":
            if left:
                _refuse_bare(left[0])
        elif not _begins_option(word):
            _refuse_bare(word)
        else:
            found += _long(word, left) if word.startswith("--") else _short(word, left)
    return found


def _refuse_bare(word: str) -> NoReturn:
    """Refuse a word that is neither an option nor the value of one: Ansible takes it for another playbook."""
    raise click.UsageError(
        f"«{word}» no es una opción ni el valor de una, y Ansible lo correría como otro playbook; quítelo. Si es un "
        "difusor, cada uno lleva su -i (revoke y restore toman uno solo); un valor con espacios va entre comillas. "
        "Nada se hizo."
    )


def refuse(words: Sequence[str], limit: str | None, check: bool, whole: str = "") -> bool:
    """Refuse, with UsageError, the words after `--` with which a verb that becomes Ansible would do something else.

    `limit` and `check` were given before `--`. `whole`: why the verb is not done in parts; empty for one that may be.
    Returns whether it changes something on some of the servers only.
    """
    given = read(words)
    limits = [each.value for each in given if each.name == "--limit"]
    is_look = check or any(each.name in LOOKS for each in given)
    for each in given:
        _refuse_always(each)
        if whole and not is_look and each.name in HARMLESS and each.tags - HARMLESS[each.name]:
            raise click.UsageError(
                f"con {each.name} se haría solo una parte, y {whole}; quite esa opción, o agregue --check para ver la "
                "parte sin que nada cambie. Nada se hizo."
            )
    if len(limits) + bool(limit) > 1:
        raise click.UsageError("--limit está dos veces y toma un solo valor, como 'web1,web2'. Nada se hizo.")
    return bool(limit or limits) and not is_look


def refuse_less_than_all(words: Sequence[str]) -> None:
    """Refuse, with UsageError, whatever after `--` keeps a revocation, or its end, from being done wholly everywhere.

    Its records say what the servers did, by how Ansible ended.
    """
    for each in read(words):
        if each.name == "--check":
            raise click.UsageError(
                "--check va antes de --, y entonces muestra qué se haría sin que nada cambie; después de -- quedaría "
                "anotado como hecho lo que nadie hizo. Nada se hizo."
            )
        if each.name in LOOKS:
            raise click.UsageError(
                f"con {each.name} nada se haría en los servidores, y quedaría anotado como hecho; quite esa opción. "
                "Para ver antes qué se haría: --check, antes de --. Nada se hizo."
            )
        if each.name == "--limit":
            raise click.UsageError(
                "este verbo es para todos los servidores del difusor, y los que deje fuera --limit quedarían anotados "
                "como hechos; quite esa opción: el que no responde no detiene a los demás, y repetirlo hace lo que "
                "falte. Nada se hizo."
            )
        if each.name in (TAGS, SKIPPED, "--start-at-task", "--step"):
            raise click.UsageError(
                f"con {each.name} se haría solo una parte, y quedaría anotada como si fuera todo; quite esa opción. "
                "Para ver antes qué se haría: --check, antes de --. Nada se hizo."
            )
        _refuse_always(each)


def _refuse_always(each: Given) -> None:
    """Refuse what no verb takes after `--`."""
    if each.name == "--inventory":
        raise click.UsageError(
            f"el difusor va antes de --, donde «{each.value}» es su nombre o una ruta desde esta carpeta: -i "
            f"{each.value}. Nada se hizo."
        )
    if each.name in ("--limit", *HARMLESS) and not each.value.strip():
        raise click.UsageError(f"el valor de {each.name} está vacío; escríbalo o quite esa opción. Nada se hizo.")
    if each.name in ("--start-at-task", "--step"):
        raise click.UsageError(
            f"con {each.name} se saltarían las comprobaciones que se niegan antes de tocar un servidor, y el tablero "
            "anotaría como hecho lo que se saltó; quite esa opción: repetir el verbo no cambia lo que ya está. Nada se "
            "hizo."
        )
    if each.name == "--connection":
        raise click.UsageError(
            f"con --connection {each.value} se trabajaría en esta máquina, o no se llegaría a ninguna; quite esa "
            "opción: cómo se entra a un servidor lo dice su hosts.yml. Nada se hizo."
        )
    if bad := each.tags & UNTHINKABLE.get(each.name, set()):
        raise click.UsageError(
            f"{each.name} {', '.join(sorted(bad))}: se saltarían las comprobaciones, o se haría lo que este verbo no "
            "hace; nombre un rol o una cláusula. Nada se hizo."
        )


def _begins_option(word: str) -> bool:
    """Tell whether argparse takes a word for an option, be it one that does not exist."""
    if word in ("", "-") or word[0] != "-" or NUMBER.fullmatch(word):
        return False
    return " " not in word or bool(_named(word) if word.startswith("--") else word[:2] in NAMES)


def _named(word: str) -> set[str]:
    """Return the options that a long one may be, which may be abbreviated and joined with its value."""
    written = word.partition("=")[0]
    if written in NAMES:
        return {NAMES[written]}
    return {name for each, name in NAMES.items() if each.startswith(written)}


def _long(word: str, left: deque[str]) -> list[Given]:
    written, joined, value = word.partition("=")
    named = sorted(_named(word))
    if len(named) != 1:
        _refuse_unknown(written, named)
    if named[0] in TAKING:
        return [Given(named[0], value if joined else _next(written, left))]
    if joined:
        raise click.UsageError(f"La opción {named[0]} no lleva valor. Nada se hizo.")
    return [Given(named[0])]


def _short(word: str, left: deque[str]) -> Iterator[Given]:
    """Yield the options in a word such as -CD, -lx or -vvl; the last one may take what follows as its value."""
    letters = word[1:]
    while letters:
        written, letters = f"-{letters[0]}", letters[1:]
        if written not in NAMES:
            _refuse_unknown(written if word.startswith(written) else f"{written} ({word})", [])
        if NAMES[written] in TAKING:
            yield Given(NAMES[written], letters.removeprefix("=") if letters else _next(written, left))
            return
        yield Given(NAMES[written])


def _next(written: str, left: deque[str]) -> str:
    if not left or left[0] == "--" or _begins_option(left[0]):
        raise click.UsageError(f"A la opción {written} le falta su valor. Nada se hizo.")
    return left.popleft()


def _refuse_unknown(written: str, named: Sequence[str]) -> NoReturn:
    said = f"puede ser {' o '.join(named)}: escríbala entera" if named else "no es de ansible-playbook"
    raise click.UsageError(f"La opción {written} {said}; si es de este verbo, va antes de --. Nada se hizo.")
