"""What is left of certbot's renewal when the page no longer has its certificate, and when it has it again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml

OURS = "[renewalparams]\nauthenticator = webroot\nrenew_hook = /usr/local/sbin/prep-certificate\n"


def commands(file: str, inputs: dict[str, Any]) -> list[list[str]]:
    """Return the commands of a file of tasks that read or move the renewal."""
    tasks = yaml.safe_load((role_kit.ROLES / "nginx/tasks" / file).read_text(encoding="utf-8"))
    given = (task.get("ansible.builtin.command") for task in tasks)
    lists = (each["argv"] for each in given if isinstance(each, dict) and isinstance(each["argv"], list))
    words = [[role_kit.text("nginx", word, inputs) for word in each] for each in lists]
    return [each for each in words if each[0] in ("grep", "mv")]


@pytest.mark.parametrize("text", [OURS, "[renewalparams]\nauthenticator = nginx\n", None])
def test_a_removal_leaves_certbot_nothing_of_the_projects_to_renew(text: str | None, tmp_path: Path) -> None:
    """An owner's certbot failed twice a day for ever: the folder and the program that the renewal names were gone."""
    renewal = tmp_path / "prep.conf"
    if text is not None:
        renewal.write_text(text)
    inputs = {"_nginx_renewal": str(renewal)}
    look, aside = commands("no_acme.yml", inputs)
    found = subprocess.run(look, check=False).returncode
    assert (found == 0) is (text == OURS)
    if found == 0:
        subprocess.run(aside, check=True)
        assert list(tmp_path.glob("*.conf")) == []
    (back,) = commands("acme.yml", inputs)
    if found == 0:
        subprocess.run(back, check=True)
    assert (renewal.read_text() if renewal.exists() else None) == text


def test_it_is_put_aside_by_the_removal_and_where_the_certificate_is_a_file() -> None:
    main, remove = (
        yaml.safe_load((role_kit.ROLES / "nginx/tasks" / file).read_text(encoding="utf-8"))
        for file in ("main.yml", "remove.yml")
    )
    (task,) = (each for each in main if each["ansible.builtin.import_tasks"] == "no_acme.yml")
    modes = {mode: role_kit.value("nginx", task["when"], {"nginx_tls_mode": mode}) for mode in ("files", "acme")}
    assert modes == {"files": True, "acme": False}
    assert "no_acme.yml" in [each.get("ansible.builtin.import_tasks") for each in remove]
