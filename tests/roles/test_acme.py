"""What is left of certbot's renewal when the page no longer has its certificate, and when the authority is asked."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from inventory_kit import Certificates
from look_kit import page
from variables_kit import write_certificate

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


def test_no_key_that_a_command_made_stays_after_a_removal() -> None:
    """No record has them: the page's own key stayed in /etc/ssl/private, and an acceptance failed in its last step."""
    tasks = yaml.safe_load((role_kit.ROLES / "nginx/tasks/remove.yml").read_text(encoding="utf-8"))
    loops = [task["loop"].strip("{ }") for task in tasks if "made" in str(task.get("loop"))]
    (gone,) = (role_kit.value("nginx", loop, {}) for loop in loops)
    known = {"nginx_server_names": ["x.mx"], "ansible_facts": {"distribution_release": "bullseye"}}
    for mode in ("files", "acme"):
        given = {"nginx_tls_mode": mode, **known}
        assert set(role_kit.value("nginx", "_nginx_own_certificates", given)) <= set(gone)


def certified(task: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """Return what the task that reads the authority's certificate finds of it."""
    script = role_kit.text("nginx", task["ansible.builtin.shell"], inputs)
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    return {"rc": done.returncode, "stdout": done.stdout}


@pytest.mark.parametrize(
    ("days", "issuer", "asked", "must"),
    [
        (30, "https://acme.test/dir", False, False),
        (30, "https://acme.test/ensayo", True, True),
        (30, "", False, False),  # what somebody else got is kept while it lasts
        (15, "https://acme.test/dir", True, False),
        (-1, "https://acme.test/dir", True, True),
        (-1, "", True, True),
    ],
)
@pytest.mark.parametrize("is_aside", [True, False])
def test_the_authority_is_asked_for_what_has_ended_or_is_another_authoritys(
    days: int, issuer: str, asked: bool, must: bool, is_aside: bool, tmp_path: Path
) -> None:
    """A rehearsal's certificate that nobody renewed left the page with the self-signed one, in a green run.

    One that ends soon too, as where the perimeter has closed port 80: if the authority refuses, the run goes on.
    """
    renewal, aside = tmp_path / "prep.conf", tmp_path / "prep.conf.prep-difusor"
    if issuer:
        (aside if is_aside else renewal).write_text(f"[renewalparams]\nserver = {issuer}\nkey_type = ecdsa\n")
    certificate, _ = write_certificate(tmp_path, "cert", days)
    os.utime(certificate, (time.time() - 3 * 86400,) * 2)
    given = {
        "_nginx_lineage": str(tmp_path), "_nginx_certificate": certificate, "_nginx_renewal": str(renewal),
        "nginx_acme_directory": "https://acme.test/dir", "_nginx_domains": ["prep.diario.mx"],
    }  # fmt: skip
    (read, *_, request), (ask, tell) = (
        yaml.safe_load((role_kit.ROLES / "nginx/tasks" / file).read_text(encoding="utf-8"))
        for file in ("acme.yml", "request.yml")
    )
    assert request["ansible.builtin.import_tasks"] == "request.yml"
    given["__nginx_certified"] = certified(read, given)
    assert "DNS:prep.diario.mx" in given["__nginx_certified"]["stdout"]
    assert role_kit.value("nginx", ask["when"], given) is asked
    for code, fails, told in ((0, False, False), (1, must, True), (None, False, False)):  # None: in a preview
        given["__nginx_requested"] = {"rc": code}
        assert role_kit.value("nginx", ask["failed_when"], given) is fails
        assert role_kit.value("nginx", tell["when"], given) is told
    os.utime(certificate)
    given["__nginx_certified"] = certified(read, given)
    assert role_kit.value("nginx", ask["when"], given) is must, "one that lasts three weeks at most is asked for daily"
    assert "'--force-renewal'" in ask["ansible.builtin.command"]["argv"], "certbot keeps what is not due"


def test_a_certificate_that_nginx_has_not_loaded_raises_an_alarm(tmp_path: Path) -> None:
    """certbot counts a renewal as done when a mistake in another site kept nginx from loading it."""
    certificates, name, pem = Certificates(), "prep.diario.mx", tmp_path / "prep-acme.pem"
    older, newer = (certificates.page(name, days) for days in (12, 90))
    given = {"nginx_tls_mode": "acme", "nginx_server_names": [name], "_nginx_certificate": str(pem)}
    text = role_kit.render("nginx", "usr/local/sbin/prep-certificate-served", given)
    unit = role_kit.render("nginx", "etc/systemd/system/prep-certificate.service", given)
    assert "\nExecStart=/usr/local/sbin/prep-certificate-served\n" in unit and "PrivateNetwork" not in unit
    with page({name: older}, lambda _: (200, b""), tmp_path) as port:
        found = {}
        for what, (leaf, key), at in (("same", older, port), ("newer", newer, port), ("silent", newer, 9)):
            pem.write_bytes(key + leaf)
            script = text.replace("127.0.0.1:443", f"127.0.0.1:{at}")
            found[what] = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert {what: done.returncode for what, done in found.items()} == {"same": 0, "newer": 1, "silent": 0}
    assert "sudo systemctl reload nginx" in found["newer"].stdout


def test_a_run_loads_the_certificate_that_nginx_has_not_loaded() -> None:
    """certbot's and nginx's files are equal then, and no file of the role has changed."""
    tasks = yaml.safe_load((role_kit.ROLES / "nginx/tasks/acme.yml").read_text(encoding="utf-8"))
    (look, load) = (each for each in tasks if each["name"].startswith(("Ask nginx", "Load the certificate")))
    assert look["ansible.builtin.command"] == "/usr/local/sbin/prep-certificate-served"
    reloads = {code: role_kit.value("nginx", load["when"], {"__nginx_served": {"rc": code}}) for code in (0, 1, 2)}
    assert reloads == {0: False, 1: True, 2: False}
