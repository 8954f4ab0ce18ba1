"""What runs on servers asks the basic commands only for what GNU's and Ubuntu 26.04's (rust-coreutils) do alike.

Tried one by one with coreutils 9.7 and rust-coreutils 0.0.30 of Debian 13: the same output, exit status and files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from house_kit import tracked

from difusor.project import ROOT

ALIKE = {
    "cat": "", "chmod": "R reference", "chown": "R reference", "cp": "a p archive preserve",
    "cut": "d f delimiter fields", "date": "u d utc date iso-8601", "dd": "", "df": "output", "du": "s b k inodes",
    "env": "i u", "head": "c n", "id": "u n G user name", "install": "D d m o g owner mode group",
    "ln": "s f n symbolic force", "ls": "A d l 1 R", "mkdir": "m p", "mktemp": "d p", "mv": "n T", "nice": "n",
    "nproc": "", "od": "A n t x 1 N", "paste": "s d", "readlink": "f", "realpath": "relative-to",
    "rm": "f r one-file-system", "rmdir": "ignore-fail-on-non-empty", "sha256sum": "c check quiet status strict",
    "sort": "n r u z V t k unique", "split": "b", "stat": "c f format file-system", "sync": "f", "tail": "c n bytes",
    "tee": "a", "timeout": "foreground kill-after", "touch": "d h reference", "tr": "d", "truncate": "s size",
    "uname": "m r", "uniq": "c", "wc": "c l bytes chars lines",
}  # fmt: skip
"""The options of each command with which both were tried."""
DIFFERENT = {
    r"nsenter [^|;'\"]*test -[rwx] ": "for root it reads the permissions only: sh -c 'test -w …' asks the kernel",
    r"cp (?:-a|--archive) \S+/\. (?!/etc/ufw/|/run/chico)": "fails where there is no target: cp -a SOURCE TARGET",
    r"date [^|;\n]*=?@\d+\.\d": "refuses fractions of a second",
    r"chown (?:-R )?\w+: ": "leaves the group as it is: name it",
}
"""What they do differently, and what to write instead. The two targets named in it exist already."""
ON_SERVERS = re.compile(
    r"(?:roles|playbooks|plugins|molecule/tests|scripts/corte|scripts/difusor/(?:servers|baseline|acceptance|suite))/"
)
COMMAND = re.compile(rf"(?<![\w/.$'\"=-])(?:/usr/bin/|/bin/)?({'|'.join(ALIKE)})(?= )([^|;&()`'\"<>]*)")
WRAPPERS = ("env", "nice", "timeout")
"""Commands that are followed by another one with its own options."""
OPTION = re.compile(r"(?: |^)-(?:-([a-z][\w-]*)|(\d|[A-Za-z]+))")
ELSEWHERE = re.compile(r"(?:apt-get[^|;&]*| -o )$")
"""What stands before a word that is no command: apt-get install, ps -o stat."""


def options(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a text with each of its options: (cut, d), (cut, fields)."""
    for line in text.splitlines():
        for found in COMMAND.finditer(line):
            command, rest = found[1], found[2]
            if command in WRAPPERS:
                rest = re.match(r"(?: +-\S+)*", rest)[0]  # type: ignore[index]
            if not ELSEWHERE.search(line[: found.start()]):
                yield from (
                    (command, each) for long, short in OPTION.findall(rest) for each in ([long] if long else short)
                )


def faults(text: str) -> list[str]:
    """Return what a text asks of the basic commands that is not known to work with both."""
    untried = {f"{name}: {option}" for name, option in options(text) if option not in ALIKE[name].split()}
    return sorted(untried) + [
        f"{found[0]}: {why}" for form, why in DIFFERENT.items() for found in re.finditer(form, text)
    ]


@pytest.mark.parametrize(
    "line",
    ["cp --reflink=auto a b", "tail -n 0 -F a", "timeout -s KILL 1 a", "cp -a a/. b", "date -d @1.5", "sort -h",
     "nsenter --target 1 --mount test -w /etc", "chown -R a: b"],
)  # fmt: skip
def test_a_difference_is_found(line: str) -> None:
    assert faults(line)


@pytest.mark.parametrize(
    "line", ["cut -d: -f1 | head -n1", "apt-get -qq install --yes a", "ps -o stat -p 1", "du -sb a"]
)
def test_what_works_with_both_is_let_through(line: str) -> None:
    assert faults(line) == []


def test_what_runs_on_servers_works_with_both() -> None:
    found = {}
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if ON_SERVERS.match(name) and path.suffix in (".j2", ".py", ".yml", ".sh", ""):
            found[name] = faults(path.read_text(encoding="utf-8"))
    assert {name: said for name, said in found.items() if said} == {}
