"""The fixtures that the tests of the desk share: the home of an institute, and an outlet that has enrolled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from form_kit import as_yaml
from home_kit import everything, furnish
from inventory_kit import KEY

from difusor.inventory import Notice
from difusor.partners import desk, record
from difusor.partners.answer import Answer
from difusor.project import ansible_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an institute's home with an election and images, and in it the operator's public key."""
    folder = furnish(tmp_path / "instituto", monkeypatch)
    (folder / "llave.pub").write_text(f"{KEY}\n")
    return folder


@pytest.fixture(scope="session")
def as_enrolled() -> dict[str, bytes]:
    """Return the files of a home in which an outlet has enrolled; empty until the first test has done it."""
    return {}


@pytest.fixture
def enroll(home: Path) -> Callable[..., Answer]:
    """Return the function that enrols with a form, and the options that differ from the usual ones."""

    def enrolled(form: Path, **options: Any) -> Answer:
        usual: dict[str, Any] = {
            "election": None, "name": None, "update": False, "check": False, "accept": [], "received": None,
            "folio": "", "notified": None, "logo": None, "ssh_key": str(home / "llave"), "certificate": None,
            "certificate_key": None, "server_name": None,
        }  # fmt: skip
        return desk.enroll(form, **{**usual, **options})

    return enrolled


@pytest.fixture
def enrolled(
    home: Path,
    tmp_path: Path,
    as_enrolled: dict[str, bytes],
    enroll: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Return the inventory of an outlet whose form was correct, and whose oficio nobody has registered yet.

    The first test that asks for it enrols; the others get copies, because each enrolment draws and seals secrets.
    """
    if not as_enrolled:
        answer = enroll(as_yaml(tmp_path / "correo"))
        as_enrolled |= everything(home)
        return home / "inventories" / answer.difusor
    for name, content in as_enrolled.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    for name, value in ansible_settings().items():  # as an enrolment leaves them
        monkeypatch.setenv(name, value)
    (record_of,) = (home / "inventories").glob(f"*/{record.FILE}")
    election = record_of.with_name("election.yml")
    election.unlink()  # a copy of the file; it is a link
    election.symlink_to("../../elections/ensayo.yml")
    _enter_with(record_of.parent, str(home / "llave"))
    return record_of.parent


def _enter_with(inventory: Path, key: str) -> None:
    """Make an inventory that was enrolled in another home one that was enrolled with the key of this one."""
    kept, hosts = record.read(inventory), inventory / "hosts.yml"
    assert kept is not None
    hosts.write_text(hosts.read_text().replace(kept.ssh_key, key))
    written = {**kept.written, "hosts.yml": record.digest(hosts.read_bytes())}
    (inventory / record.FILE).write_bytes(kept.model_copy(update={"ssh_key": key, "written": written}).to_bytes())


@pytest.fixture
def with_notice() -> Callable[..., None]:
    """Return the function that registers the oficio of an outlet, as `enroll --folio` does."""

    def register(inventory: Path, received: str = "2027-05-02T12:00:00Z") -> None:
        kept = record.read(inventory)
        assert kept is not None
        notice = Notice(kind="medio de comunicación", folio="MED/7", received=received)  # type: ignore[arg-type]
        (inventory / record.FILE).write_bytes(kept.model_copy(update={"notice": notice}).to_bytes())

    return register
