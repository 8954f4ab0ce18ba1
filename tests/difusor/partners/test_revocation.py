"""The institute's half of a revocation: a record that holds whatever happens, and secrets that nobody knows."""

from __future__ import annotations

import errno
import json
import os
import pwd
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from home_kit import made
from papers_kit import text_of
from typer.testing import CliRunner

from difusor import spec
from difusor.cli import _app
from difusor.inventory import load, variables
from difusor.partners import notification, revocation, revoking
from difusor.partners.facts import FactError
from difusor.partners.revocation import Order
from difusor.project import UnusableError
from difusor.publish import target
from difusor.servers import playbook, sudo
from difusor.servers.playbook import Options
from difusor.terminal import local

CLAUSE = spec.load("ribera-2027")["DG-12"]
ORDER = Order("Secretaría Ejecutiva", "alteró la página: «tres actas» # y más", "DG-04")


@pytest.fixture
def diario(home: Path) -> Path:
    """Return the inventory of a difusor whose server nobody can reach."""
    return made()


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Take the place of Ansible: every server does its half; return the playbooks that were run, with their values."""
    ran: list[tuple[str, dict[str, Any]]] = []

    def run(book: str, _: object, options: Options, values: dict[str, Any]) -> int:
        ran.append((book, values))
        return 0

    monkeypatch.setattr(playbook, "run", run)
    return ran


def vault(folder: Path) -> dict[str, str]:
    path = folder / f"group_vars/{folder.name}/vault.yml"
    return dict(yaml.safe_load(variables.content(str(path))))


def test_the_record_says_all_and_is_read_by_everybody(diario: Path, tmp_path: Path) -> None:
    paper = tmp_path / "acta.pdf"
    paper.write_bytes(b"x")
    made_now, is_new = revocation.revoke(diario, replace(ORDER, evidence=(paper,)))
    assert is_new
    assert revocation.read(diario) == [made_now]
    (server,) = load(diario)
    assert server.partner.revocation == made_now
    assert (made_now.by, made_now.reason, made_now.provision) == (ORDER.by, ORDER.reason, ORDER.provision)
    assert made_now.evidence[0].sha256.startswith("2d711642b726b044")
    (mirror,) = target.read(diario)
    assert mirror.revoked.startswith("fuera de la lista desde ") and ORDER.reason in mirror.revoked
    assert not mirror.is_coming_back
    since = local(made_now.since, server.election.catalog.zone)
    with pytest.raises(UnusableError, match=f"está fuera de la lista desde {since}: "):
        revocation.refuse_revoked(diario, "no se mide")


def test_the_servers_of_a_difusor_that_is_coming_back_say_so(diario: Path) -> None:
    revocation.revoke(diario, ORDER)
    revocation.order_restoration(diario, "Ana", "se aclaró")
    (mirror,) = target.read(diario)
    assert mirror.revoked and mirror.is_coming_back


def test_secrets_are_drawn_anew_once_and_the_vault_keeps_the_rest(diario: Path) -> None:
    before = vault(diario)
    revocation.revoke(diario, ORDER)
    revocation.rotate(diario)
    after = vault(diario)
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    revocation.rotate(diario)
    assert vault(diario) == after
    text = variables.content(str(diario / "group_vars/diario/vault.yml")).decode()
    assert text.startswith("---\n# Los secretos de este difusor")
    assert load(diario)[0].partner.rsync_secret == after["vault_difusor_rsync_secret"]


def test_a_vault_that_keeps_its_secrets_otherwise_is_left_alone_and_said(diario: Path) -> None:
    path = diario / "group_vars/diario/vault.yml"
    for text in ("otra: cosa\n", "vault_difusor_rsync_secret: &a x\nvault_difusor_admin_password_hash: *a\nb: [\n"):
        sealed = variables.seal(text.encode(), "diario")
        path.write_bytes(sealed)
        revocation.revoke(diario, ORDER)
        with pytest.raises(UnusableError, match="ansible-vault edit"):
            revocation.rotate(diario)
        assert path.read_bytes() == sealed
    assert revocation.read(diario)[-1].rotated is None


MISTYPED = (b"a: [\n", b"- una\n- lista\n", "vault_difusor_rsync_secret: ñ\n".encode("latin-1"), b"[" * 5000)


@pytest.mark.parametrize("text", MISTYPED, ids=["no YAML", "a list", "Latin-1", "nested without end"])
def test_a_mistyped_vault_leaves_something_pending_and_no_traceback(
    text: bytes, diario: Path, servers: list[tuple[str, dict[str, Any]]]
) -> None:
    """The record was written, and then the verb ended in a traceback before it had told any server."""
    path = diario / "group_vars/diario/vault.yml"
    path.write_bytes(variables.seal(text, "diario"))
    for verb in ("revoke", "restore"):
        done = CliRunner().invoke(_app(), [verb, "diario", "--reason", "alteró la página"])
        said = " ".join(done.output.split())
        assert done.exit_code == 3, done.output
        assert f"{path} no es YAML de renglones" in said and "ansible-vault edit --encrypt-vault-id diario" in said
    assert revocation.in_force(diario)


def test_revoked_twice_the_first_record_stands(diario: Path) -> None:
    first, _ = revocation.revoke(diario, ORDER)
    again, is_new = revocation.revoke(diario, replace(ORDER, reason="otra razón"))
    assert (again, is_new) == (first, False)
    assert len(revocation.read(diario)) == 1


def test_a_restoration_that_did_not_end_keeps_it_off_the_list_and_a_new_revocation_ends_it(diario: Path) -> None:
    revocation.revoke(diario, ORDER)
    assert revocation.order_restoration(diario, "Ana", "se aclaró")
    assert revocation.order_restoration(diario, "Luis", "otra vez") == revocation.in_force(diario)
    assert load(diario)[0].partner.revocation, "off the list until its servers are back"
    second, is_new = revocation.revoke(diario, replace(ORDER, reason="reincidió"))
    assert is_new and second.rotated is None
    assert [each.state for each in revocation.read(diario)] == ["restored", "revoked"]


def test_restored_it_is_on_the_list_and_the_record_stays(diario: Path) -> None:
    revocation.revoke(diario, ORDER)
    revocation.order_restoration(diario, "Ana", "se aclaró")
    revocation.end(diario)
    revocation.end(diario)
    assert load(diario)[0].partner.revocation is None
    (kept,) = revocation.read(diario)
    assert kept.restored and kept.restored.reason == "se aclaró"
    assert revocation.order_restoration(diario, "Ana", "se aclaró") is None


def test_a_provisional_one_becomes_final_and_its_first_reason_stays(
    diario: Path, servers: list[tuple[str, dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notification, "pdf", str.encode)
    paper = tmp_path / "acuerdo.pdf"
    paper.write_bytes(b"x")
    first = revoking.revoke(diario, ORDER, Options())
    order = Order("Consejo General", "acuerdo 9", "DG-05", (paper,), final=True)
    second = revoking.revoke(diario, order, Options())
    assert second.record and first.record and not second.is_new and not second.unrecorded
    assert (second.record.reason, second.record.since, second.record.final) == (ORDER.reason, first.record.since, True)
    ended = second.record.made_final
    assert ended and (ended.by, ended.reason, ended.provision) == (order.by, order.reason, order.provision)
    assert revocation.in_force(diario) == second.record
    assert first.paper and second.paper and first.paper != second.paper, "the first one may be signed"
    told = " ".join(second.paper.read_text().split())
    assert all(each in told for each in ("acuerdo 9", "tres actas", "Consejo General", "acuerdo.pdf"))
    assert "Consejo General" not in first.paper.read_text()
    again = revoking.revoke(diario, order, Options())
    assert again.record == second.record and not again.unrecorded
    with pytest.raises(UnusableError, match=r"de manera definitiva el .* por Consejo General"):
        revocation.order_restoration(diario, "Ana", "se aclaró")
    done = CliRunner().invoke(_app(), ["revoke", "diario", "--reason", "otra", "--by", "Luis", "--final"])
    said = " ".join(done.output.split())
    assert "por orden de Consejo General: acuerdo 9" in said
    assert "lo que ahora dice --reason, --by no quedó en el expediente" in said
    assert revocation.in_force(diario) == second.record


def test_a_final_one_is_not_restored(diario: Path) -> None:
    revocation.revoke(diario, replace(ORDER, final=True))
    with pytest.raises(UnusableError, match="de manera definitiva"):
        revocation.order_restoration(diario, "Ana", "se aclaró")
    assert revocation.in_force(diario)


REFUSED = (
    replace(ORDER, reason="{{ lookup('pipe', 'id') }}"),
    replace(ORDER, by="Ana\nRuiz"),
    replace(ORDER, reason="  "),
    replace(ORDER, provision="DG-99"),
)


def test_what_cannot_be_recorded_is_refused_before_anything_changes(diario: Path) -> None:
    for order in REFUSED:
        with pytest.raises(FactError):
            revocation.revoke(diario, order)
    assert not revocation.file(diario).exists()


def test_a_damaged_record_sends_nothing(diario: Path) -> None:
    """An empty one, as a full disk leaves it, made the difusor one like all others to `publish` and Ansible."""
    damaged = ("difusor_revocations: [{state: raro}]\n", "difusor_revocations: [\n", "[]\n", "[" * 5000)
    for text in ("", revocation.HEAD, *damaged):
        revocation.file(diario).write_text(text)
        with pytest.raises(UnusableError, match="no se entiende"):
            revocation.in_force(diario)
        with pytest.raises(UnusableError, match="no se entiende"):
            revocation.revoke(diario, ORDER)
        with pytest.raises(UnusableError):
            target.read(diario)


def test_the_institutes_half_is_done_although_no_server_answers(diario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playbook, "run", lambda *_: 2)
    before = vault(diario)
    found = revoking.revoke(diario, ORDER, Options())
    assert found.pending == ("prep.diario.mx aún no ha hecho su parte; la causa está arriba",)
    assert vault(diario) != before
    assert [(each.state, each.servers) for each in revocation.read(diario)] == [("revoked", {})]


def test_a_server_that_came_back_is_asked_again_and_one_that_did_its_half_is_not(
    diario: Path, servers: list[tuple[str, dict[str, Any]]]
) -> None:
    assert revoking.revoke(diario, ORDER, Options()).servers == ("prep.diario.mx",)
    again = revoking.revoke(diario, ORDER, Options())
    assert again.servers == ("prep.diario.mx",) and not again.is_new
    assert servers == [(revoking.REVOKE, {})]
    assert revoking.restore(diario, "Ana", "se aclaró", Options()).record
    assert revoking.restore(diario, "Ana", "se aclaró", Options()).record is None
    assert servers[1:] == [(revoking.RESTORE, {})]


def test_what_a_server_did_is_noted_at_once_and_keeps_no_other_from_doing_its_half(
    diario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator ends the wait for the second server; later the disk is full when the first one is done again."""
    names = ["uno.test", "dos.test"]
    monkeypatch.setattr(revoking, "_servers", lambda _: names)

    def run(book: str, _: object, options: Options, values: dict[str, Any]) -> int:
        asked.append(options.limit)
        if options.limit == impatient:
            raise KeyboardInterrupt
        return 0

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(playbook, "run", run)
    asked: list[str | None] = []
    impatient = "dos.test"
    with pytest.raises(KeyboardInterrupt):
        revoking.revoke(diario, ORDER, Options())
    (record,) = revocation.read(diario)
    assert list(record.servers) == ["uno.test"]
    impatient = ""
    names.append("tres.test")
    monkeypatch.setattr(revocation, "acknowledge", full)
    found = revoking.revoke(diario, ORDER, Options())
    assert asked == ["uno.test", "dos.test", "dos.test", "tres.test"]
    assert found.pending[0] == "dos.test hizo su parte y no se pudo anotar: se llenó el disco"


@pytest.mark.parametrize("verb", ["revoke", "restore"])
def test_the_password_of_sudo_is_asked_for_once_and_before_anything_is_done(
    verb: str, diario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both lacked -K, which the complaint about sudo advises."""
    done: list[str | None] = []
    monkeypatch.setattr(sudo, "ask", lambda wanted: done.append("asked") if wanted else None)
    monkeypatch.setattr(revoking, "_servers", lambda _: ["uno.test", "dos.test"])
    monkeypatch.setattr(playbook, "run", lambda book, _, options, values: done.append(options.limit) or 0)
    if verb == "restore":
        revocation.revoke(diario, ORDER)
    found = CliRunner().invoke(_app(), [verb, "diario", "--reason", "alteró la página", "-K"])
    assert (found.exit_code, done) == (0, ["asked", "uno.test", "dos.test"]), found.output

    def refuse(wanted: bool) -> None:
        raise UnusableError("no hay terminal")

    monkeypatch.setattr(sudo, "ask", refuse)
    before = revocation.file(diario).read_bytes()
    assert CliRunner().invoke(_app(), [verb, "diario", "--reason", "otra", "-K"]).exit_code == 1
    assert revocation.file(diario).read_bytes() == before


def test_a_preview_writes_nothing(diario: Path, servers: list[tuple[str, dict[str, Any]]]) -> None:
    before = vault(diario)
    revoking.revoke(diario, ORDER, Options(check=True))
    assert revoking.restore(diario, "Ana", "se aclaró", Options(check=True)).record is None
    assert (vault(diario), revocation.read(diario)) == (before, [])
    assert servers == [(revoking.REVOKE, {revoking.REVOKED: True})]


@pytest.mark.parametrize("more", [[], ["--check"]])
def test_a_machine_that_knows_of_no_revocation_says_so_and_what_to_bring(
    more: list[str], diario: Path, servers: list[tuple[str, dict[str, Any]]]
) -> None:
    """From a copy of the home made before it was a success, while the difusor's page told its visitors 410."""
    done = CliRunner().invoke(_app(), ["restore", "diario", "--reason", "se aclaró", *more])
    said = " ".join(done.output.split())
    assert done.exit_code == 1 and servers == []
    assert "✗ diario: en esta máquina no consta que esté revocado, y nada se hizo" in said
    assert "si su sitio muestra el aviso, traiga de la máquina en que se retiró" in said
    assert str(revocation.file(diario)) in said and "vault.yml" in said


@pytest.mark.parametrize("status", [0, 2])
def test_a_revocation_that_comes_while_the_server_is_restored_is_told(
    status: int, diario: Path, servers: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands, also when the server had done its half by then; `restore` said that the difusor was back."""
    revoking.revoke(diario, ORDER, Options())

    def run(*_: object) -> int:
        revocation.revoke(diario, replace(ORDER, by="Luis", reason="reincidió"))
        return status

    monkeypatch.setattr(playbook, "run", run)
    done = CliRunner().invoke(_app(), ["restore", "diario", "--reason", "se aclaró"])
    said = " ".join(done.output.split())
    assert done.exit_code == 3 and "de vuelta" not in said and "repita" not in said, done.output
    assert "Luis lo retiró otra vez (reincidió) y sigue fuera de la lista" in said
    assert [each.state for each in revocation.read(diario)] == ["restored", "revoked"]


def test_nobody_is_restored_with_the_old_secret(diario: Path, servers: list[tuple[str, dict[str, Any]]]) -> None:
    path = diario / "group_vars/diario/vault.yml"
    kept = path.read_bytes()
    path.write_bytes(variables.seal(b"otra: cosa\n", "diario"))
    assert "ansible-vault edit" in revoking.revoke(diario, ORDER, Options()).pending[0]
    assert "ansible-vault edit" in revoking.restore(diario, "Ana", "se aclaró", Options()).pending[0]
    assert [book for book, _ in servers] == [revoking.REVOKE]
    path.write_bytes(kept)
    before = vault(diario)
    assert revoking.restore(diario, "Ana", "se aclaró", Options()).pending == ()
    assert vault(diario)["vault_difusor_rsync_secret"] != before["vault_difusor_rsync_secret"]


def test_the_notification_speaks_of_the_old_secrets_when_they_are_worth_nothing(
    diario: Path, servers: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was full when they were to be drawn anew, and the next run does it."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def said() -> str:
        found = revoking.revoke(diario, ORDER, Options())
        assert found.paper and found.record and bool(found.record.rotated) is not bool(found.pending)
        assert found.pending in ((), ("sus secretos no se cambiaron en la bóveda: se llenó el disco",))
        return " ".join(found.paper.read_text().split())

    monkeypatch.setattr(notification, "pdf", str.encode)
    with monkeypatch.context() as patch:
        patch.setattr(revocation, "reseal", full)
        assert "Su servidor no recibe más cortes. En cuanto responde" in said()
    assert "Su servidor no recibe más cortes, y los secretos con que los recibía ya no valen. En" in said()


def test_a_call_without_the_clause_and_a_provision_that_it_lacks_are_passed_over(
    diario: Path, servers: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After all was done the paper ended in a traceback."""
    call = spec.load("ribera-2027")
    without = call.model_copy(update={"clauses": tuple(each for each in call.clauses if each.id != "DG-12")})
    monkeypatch.setattr(notification, "pdf", str.encode)
    monkeypatch.setattr(notification.spec, "load", lambda _: without)
    monkeypatch.setattr(revocation, "_provisions", lambda *_: ("DG-99",))
    found = revoking.revoke(diario, replace(ORDER, provision="DG-99"), Options())
    assert found.paper and not found.pending
    told = " ".join(found.paper.read_text().split())
    assert "bloqueó la comunicación con su servidor.</p>" in told and "None" not in told


def test_a_paper_over_which_this_program_falls_is_told_with_what_is_done(
    diario: Path, servers: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notification, "write", Mock(side_effect=KeyError("algo")))
    found = revoking.revoke(diario, ORDER, Options())
    assert found.servers == ("prep.diario.mx",) and found.paper is None
    assert found.pending == (
        "la notificación no se pudo hacer: falló este programa (KeyError: 'algo'); avise a quien lo mantiene",
    )


def test_the_verbs_say_what_is_done_and_what_is_not(
    diario: Path, servers: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "otra persona")

    def said(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(_app(), list(words))
        return done.exit_code, done.output

    status, told = said("revoke", "diario", "--reason", "alteró la página", "--json")
    document = json.loads(told[told.index("{") : told.rindex("}") + 1])
    assert (status, document["record"]["reason"], document["pending"]) == (0, "alteró la página", [])
    assert "DNS" in told
    words = text_of(Path(document["paper"]))
    assert "alteró la página" in words and CLAUSE.quote in words
    status, told = said("report", "-i", "diario")
    assert status == 2 and "fuera de la lista" in told
    status, told = said("publish", str(diario), "-i", "diario")
    assert status == 1 and "fuera de la lista" in told and "sin respuesta" not in told
    assert said("restore", "diario", "--reason", "se aclaró")[0] == 0
    status, told = said("restore", "diario", "--reason", "se aclaró")
    assert status == 1 and "no consta que esté revocado, y nada se hizo" in told
    (kept,) = revocation.read(diario)
    assert kept.restored and {kept.by, kept.restored.by} == {pwd.getpwuid(os.getuid()).pw_name}
