"""What is left of certbot's renewal when the page no longer has its certificate, and when the authority is asked."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from inventory_kit import Certificates
from look_kit import page
from variables_kit import write_certificate

NOTHING_ELSE = {"_nginx_log": "/dev/null", "_nginx_renewal": "/nowhere"}
"""Of what look.yml looks at besides the certificates: the log is there, and no renewal."""
OURS = "[renewalparams]\nauthenticator = webroot\nrenew_hook = /usr/local/sbin/prep-certificate\n"


def commands(file: str, inputs: dict[str, Any]) -> list[list[str]]:
    """Return the commands of a file of tasks that read or move the renewal."""
    tasks = yaml.safe_load((role_kit.ROLES / "nginx/tasks" / file).read_text(encoding="utf-8"))
    given = (task.get("ansible.builtin.command") for task in tasks)
    lists = (each["argv"] for each in given if isinstance(each, dict) and isinstance(each["argv"], list))
    words = [[role_kit.text("nginx", word, inputs) for word in each] for each in lists]
    return [each for each in words if each[0] == "mv"]


def look() -> dict[str, Any]:
    """Return the task that looks at what commands have made on the server."""
    (task,) = yaml.safe_load((role_kit.ROLES / "nginx/tasks/look.yml").read_text(encoding="utf-8"))
    return dict(task)


@pytest.mark.parametrize("text", [OURS, "[renewalparams]\nauthenticator = nginx\n", None])
def test_a_removal_leaves_certbot_nothing_of_the_projects_to_renew(text: str | None, tmp_path: Path) -> None:
    """An owner's certbot failed twice a day for ever: the folder and the program that the renewal names were gone."""
    renewal = tmp_path / "prep.conf"
    if text is not None:
        renewal.write_text(text)
    inputs = {"_nginx_renewal": str(renewal), "_nginx_own_certificates": [], "_nginx_log": "/dev/null"}
    (aside,) = commands("no_acme.yml", inputs)
    found = certified(look(), inputs)
    assert found == {"rc": 0, "stdout": "renewed\n" if text == OURS else ""}
    if found["stdout"]:
        subprocess.run(aside, check=True)
        assert list(tmp_path.glob("*.conf")) == []
    (back,) = commands("acme.yml", inputs)
    if found["stdout"]:
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
    files = [each.get("ansible.builtin.import_tasks") for each in remove]
    assert files.index("look.yml") < files.index("no_acme.yml")


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


def other_letter(path: Path, line: int, column: int) -> None:
    """Change a letter of a PEM file to another one of Base64, as a bad disk may."""
    lines = path.read_text().splitlines()
    told = list(lines[line])
    told[column] = "A" if told[column] != "A" else "B"
    lines[line] = "".join(told)
    path.write_text("\n".join(lines) + "\n")


IN_THE_KEY, IN_THE_LAST_SIGNATURE = (2, 5), (-3, 40)
"""Lines and columns of a private key, alone or before its certificate, and of the last certificate's signature."""


@pytest.mark.parametrize(
    ("damaged", "at", "given", "asked"),
    [
        (None, IN_THE_KEY, False, False),
        ("nginx", IN_THE_KEY, True, False),
        ("nginx", IN_THE_LAST_SIGNATURE, True, False),
        ("privkey.pem", IN_THE_KEY, False, False),
        ("fullchain.pem", IN_THE_LAST_SIGNATURE, False, False),
        ("privkey.pem", None, False, True),
    ],
    ids=["nothing", "key", "intermediate", "certbot's key", "certbot's intermediate", "certbot's key and nginx's file"],
)
def test_nginx_gets_the_authoritys_certificate_again_where_the_disk_has_damaged_its_own(
    damaged: str | None, at: tuple[int, int] | None, given: bool, asked: bool, tmp_path: Path
) -> None:
    """Only the first certificates were compared: nginx would not start at the next boot, after a green run.

    What certbot itself has damaged is no better, and stays away from nginx.
    """
    certificates = Certificates()
    leaf, key = certificates.page()
    chain = certificates.intermediate
    files = {"cert.pem": leaf, "chain.pem": chain, "fullchain.pem": leaf + chain, "privkey.pem": key}
    for name, content in {**files, "nginx": key + leaf + chain}.items():
        (tmp_path / name).write_bytes(content)
    if damaged:
        other_letter(tmp_path / damaged, *(at or IN_THE_KEY))
    if at is None:
        (tmp_path / "nginx").write_bytes(b"".join(reversed(certificates.page())))
    read, _, give, *_ = yaml.safe_load((role_kit.ROLES / "nginx/tasks/acme.yml").read_text(encoding="utf-8"))
    ask, _ = yaml.safe_load((role_kit.ROLES / "nginx/tasks/request.yml").read_text(encoding="utf-8"))
    known: dict[str, Any] = {
        "_nginx_lineage": str(tmp_path), "_nginx_certificate": str(tmp_path / "nginx"),
        "_nginx_renewal": str(tmp_path / "prep.conf"), "_nginx_domains": ["prep.diario.mx"],
    }  # fmt: skip
    known["__nginx_certified"] = certified(read, known)
    assert [role_kit.value("nginx", task["when"], known) for task in (give, ask)] == [given, asked]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "key": lambda path: other_letter(path, *IN_THE_KEY),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3]),
    "certificate alone": lambda path: path.write_text("".join(path.read_text().partition("-----BEGIN CERT")[1:])),
    "another's key": lambda path: path.write_bytes(
        Certificates().page()[1] + path.read_bytes().partition(b"END PRIVATE KEY-----\n")[2]
    ),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("has_chain", [False, True])
def test_a_damaged_certificate_that_a_command_has_made_is_made_anew(
    damage: Callable[[Path], object], has_chain: bool, tmp_path: Path
) -> None:
    """It was there, so no run made it anew, and nginx refused every new configuration, and to start."""
    tasks = yaml.safe_load((role_kit.ROLES / "nginx/tasks/self_signed.yml").read_text(encoding="utf-8"))
    remove, make = tasks
    file, missing = tmp_path / "prep-acme.pem", tmp_path / "prep-nameless.pem"
    known: dict[str, Any] = {**NOTHING_ELSE, "_nginx_own_certificates": [str(file), str(missing)], "item": str(file)}
    if has_chain:
        certificates = Certificates()
        file.write_bytes(b"".join(reversed(certificates.page())) + certificates.intermediate)
    else:
        command = [role_kit.text("nginx", word, known) for word in make["ansible.builtin.command"]["argv"]]
        subprocess.run(command, capture_output=True, check=True)
    assert certified(look(), known) == {"rc": 0, "stdout": ""}
    damage(file)
    assert certified(look(), known) == {"rc": 0, "stdout": f"{file}\n"}
    assert look()["check_mode"] is look()["changed_when"] is False
    known["__nginx_seen"] = {"stdout_lines": [str(file), "no log"]}
    loops = [role_kit.value("nginx", each["loop"].strip("{ }"), known) for each in (remove, make)]
    assert loops == [[str(file)], [str(file), str(missing)]]


def test_a_chain_that_nginx_could_not_read_is_damage(tmp_path: Path) -> None:
    certificates, file = Certificates(), tmp_path / "prep-acme.pem"
    leaf, key = certificates.page()
    file.write_bytes(key + leaf + certificates.intermediate.replace(b"\nMI", b"\n*I", 1))
    known = {**NOTHING_ELSE, "_nginx_own_certificates": [str(file)]}
    assert certified(look(), known) == {"rc": 0, "stdout": f"{file}\n"}


def test_the_outlets_own_certificate_is_none_of_those() -> None:
    for release in ("bullseye", "bookworm"):
        facts = {"distribution_release": release}
        given = {**NOTHING_ELSE, "nginx_tls_mode": "files", "nginx_server_names": ["x.mx"], "ansible_facts": facts}
        assert "prep-files.pem" not in role_kit.text("nginx", look()["ansible.builtin.shell"], given)
        assert certified(look(), given) == {"rc": 0, "stdout": ""}


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
