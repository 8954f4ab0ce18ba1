"""The rendered configuration of nginx: how it serves what a corte brings beside its data."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from nginx_kit import BASES, CLOSED, FILES, OPEN, SITE, answered, judged, render, types

CONTAINER = role_kit.ROLES.parent / "containers/prep/rootfs/etc/nginx/nginx.conf"
CORTE = "etc/nginx/snippets/prep-corte.conf"


def test_a_corte_may_bring_whatever_the_image_has() -> None:
    """Its style and its scripts came as something to download, which browsers do not take for either."""
    known, corte = types(CONTAINER.read_text(encoding="utf-8")), types(render(CORTE))
    assert {"css", "js", "svg", "jpeg"} <= known.keys()
    assert known.items() - corte.items() == set()


def test_letters_with_accents_are_read_as_they_were_written() -> None:
    container, corte = (
        re.findall(r"^ *charset_types ([^;]+);", text, re.MULTILINE)
        for text in (CONTAINER.read_text(encoding="utf-8"), render(CORTE))
    )
    assert set(container[0].split()) - set(corte[0].split()) == set()


def test_no_file_of_an_open_application_is_inspected_for_its_type() -> None:
    """What the WAF inspects it takes at a slow pace, and several readers share an address."""
    for ending in types(CONTAINER.read_text(encoding="utf-8")):
        assert judged("/", {"request_uri": f"/otra.{ending}"}, OPEN)["plain"] == "1", ending


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", FILES)
def test_what_a_corte_brings_comes_first_under_a_name_of_the_image_too(base: str, path: str) -> None:
    """nginx kept what it had of that name for ten seconds, beside newer data, and longer while no image answered."""
    site, there = render(SITE, base=base, inputs=CLOSED), f"/srv/prep/publico/actual/{path}"
    _, body = answered(site, base + path)
    asked = f"rewrite ^ /_fast/{path}? last;"
    assert f"alias {there};\n        if (!-f {there}) {{\n            {asked}\n        }}" in body
    assert body.count("/_fast/") == 1
    if path.endswith("index.html"):
        folder = path.removesuffix("index.html")
        _, body = answered(site, base + folder)
        first, _, second = body.partition(f"rewrite ^ /_fast/{folder}? last;")
        assert f"if (-f {there}) {{\n            rewrite ^ {base}{path} last;\n        }}" in first
        assert second.strip() == ""


(PURGE,) = yaml.safe_load((role_kit.ROLES / "nginx/tasks/purge.yml").read_text("utf-8"))
MISSING = "find: '/var/cache/nginx/prep': No such file or directory"


@pytest.mark.parametrize("process", ["0", "77"], ids=["stopped", "running"])
@pytest.mark.parametrize("name", ["run/prep-cache", "var/cache/nginx/prep"])
def test_a_purge_takes_the_answers_of_every_versions_cache(tmp_path: Path, process: str, name: str) -> None:
    """That of 0.1.0 was on the disk: it stayed with what it had of a rehearsal, and the evidence named nothing left."""
    kept = tmp_path / name / "a/5c/answer"
    kept.parent.mkdir(parents=True)
    kept.write_text("results")
    programs = {"systemctl": f"echo {process}", "nsenter": 'echo "$3" >>asked; shift 3; exec "$@"'}
    for program, does in programs.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / program).chmod(0o755)
    script = role_kit.text("nginx", PURGE["ansible.builtin.shell"], {}).replace(" /", f" {tmp_path}/")
    path = f"{tmp_path}:/usr/bin:/bin"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, cwd=tmp_path, env={"PATH": path, "LC_ALL": "C"}
    )
    assert not kept.exists() and done.stdout.strip() == str(kept)
    assert (tmp_path / "asked").read_text().strip() == process.replace("0", "1"), "the namespace in which it is"
    assert not purge_failed({"rc": done.returncode, "stderr_lines": done.stderr.splitlines()})


@pytest.mark.parametrize(
    ("rc", "said", "failed"),
    [
        (0, [], False), (1, [MISSING], False), (1, [MISSING, "find: cannot delete '/run/prep-cache/a': Busy"], True),
        (126, [], True),
    ],
    ids=["all", "no folder", "left", "unknown"],
)  # fmt: skip
def test_a_purge_that_leaves_answers_has_failed(rc: int, said: list[str], failed: bool) -> None:
    assert purge_failed({"rc": rc, "stderr_lines": said}) is failed


def purge_failed(found: dict[str, Any]) -> bool:
    """Tell whether the task of the purge fails with this result."""
    said = role_kit.text("nginx", f"{{{{ {PURGE['failed_when']} }}}}", {"__nginx_cache": found})
    return said == "True"
