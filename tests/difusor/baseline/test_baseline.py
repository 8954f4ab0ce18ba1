"""The baseline of a server: what it records, who signed it, and what changed since."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from publish_kit import ELECTION, write_election

from corte.format import files, signature
from difusor.baseline import look, record, take
from difusor.baseline.drift import since
from difusor.baseline.record import Baseline, BaselineError, Change, Look
from difusor.countdown import drift
from difusor.inventory import Election
from difusor.project import ROOT
from difusor.servers import working
from difusor.servers.identity import MeasuredServer

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAICQn370pnXsnrYRik6ZwTgdm98+rHn4tKSdNw0EAOTOm"
FINGERPRINT = "SHA256:S9BbvkWruOZKWovqrcd5AlRYKZawE9pSPnXAqrLIQh0"
BEFORE = Look(
    server={"kernel": "5.15"},
    files={"/etc/motd": "0644 root:root aa", "/etc/old": "0644 root:root bb"},
    packages={"nginx:amd64": "1.18"},
    images={"prep-1": "sha256:1"},
    containers={"prep-1": "/srv/prep/publico:/srv/prep:ro hmac aa"},
    signers={FINGERPRINT: "firma@instituto.mx"},
)

MOUNT = {"Type": "bind", "Source": "/srv/prep/publico", "Destination": "/srv/prep", "RW": False}
CONTAINER: dict[str, Any] = {
    "Name": "/prep-1", "Image": "sha256:1", "Path": "/usr/sbin/nginx", "Args": ["-e", "stderr"],
    "Config": {"Env": None, "User": "10001:10001", "WorkingDir": ""},
    "HostConfig": {"Tmpfs": {"/tmp": "rw,size=16m"}}, "Mounts": [MOUNT],
}  # fmt: skip
"""What matters here of what `docker inspect` says of the PREP's container."""


def test_a_look_tells_content_mode_owner_and_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").write_text("uno")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "closed").write_text("dos")
    (tmp_path / "closed").chmod(0o640)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("open")
    (tmp_path / "passwd-").write_text("a backup")
    monkeypatch.setattr(look, "BACKUPS", {str(tmp_path / "passwd-")})
    (tmp_path / "like-a-backup-").symlink_to("open")  # cron would run a file of this name
    owner = f"{tmp_path.owner()}:{tmp_path.group()}"
    mode = f"{stat.S_IMODE(os.lstat(tmp_path / 'folder').st_mode):04o}"
    found = {Path(path).name: said for path, said in look.files((str(tmp_path),), b"secret").items()}
    assert found == {
        "open": f"0644 {owner} {hashlib.sha256(b'uno').hexdigest()}",
        "closed": found["closed"],
        "folder": f"{mode} {owner}",
        "link": "-> open",
        "like-a-backup-": "-> open",
    }
    assert found["closed"].startswith(f"0640 {owner} hmac ")
    assert look.files((str(tmp_path),), b"another")[str(tmp_path / "closed")] != found["closed"]


def test_a_look_leaves_out_what_goes_away_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file that a program writes beside the old one and renames."""
    for name in ("passwd", "passwd.new"):
        (tmp_path / name).write_text("root")
    walk = list(os.walk(tmp_path))
    monkeypatch.setattr(look.os, "walk", lambda top: walk)
    (tmp_path / "passwd.new").unlink()
    assert [*look.files((str(tmp_path),), b"secret")] == [str(tmp_path / "passwd")]


def test_a_look_reads_what_the_programs_say() -> None:
    assert look.packages("ii \tufw:all\t0.36\nrc \tapache2:amd64\t2.4\nhi \tcurl:amd64\t8\n") == {
        "ufw:all": "0.36",
        "curl:amd64": "8",
    }
    assert look.images([CONTAINER]) == {"prep-1": "sha256:1"}
    line = f'firma@instituto.mx namespaces="prep-corte@x",valid-after="20240101000000" ssh-ed25519 {KEY} a comment\n'
    assert look.signers(f"# Managed\n{line}") == {
        FINGERPRINT: 'firma@instituto.mx namespaces="prep-corte@x",valid-after="20240101000000"'
    }


def told(**changes: Any) -> str:
    return look.settings([{**CONTAINER, **changes}], b"secret")["prep-1"]


def test_another_folder_command_or_environment_of_a_container_is_seen() -> None:
    """A folder mounted over the page's own changed what citizens saw, and the image was still the pinned one."""
    usual = told()
    assert usual.startswith("/srv/prep/publico:/srv/prep:ro tmpfs:/tmp:rw,size=16m hmac ")
    own = {"Type": "bind", "Source": "/srv/mio", "Destination": "/usr/share/prep/site", "RW": False}
    assert "/srv/mio:/usr/share/prep/site:ro" in told(Mounts=[own, MOUNT])
    env = {**CONTAINER["Config"], "Env": ["CLAVE=uno"]}
    different = {usual, told(Mounts=[{**MOUNT, "RW": True}]), told(Args=["-c", "/x"]), told(Config=env)}
    assert len(different) == 4
    assert "uno" not in told(Config=env)
    assert look.settings([{**CONTAINER, "Config": env}], b"x") != look.settings([{**CONTAINER, "Config": env}], b"y")


def test_a_container_made_anew_in_the_same_way_is_no_change() -> None:
    """Docker names volumes without a name anew, and tells mounts in any order."""
    first, second = ({"Type": "volume", "Name": digit * 64, "Destination": "/d", "RW": True} for digit in "ab")
    assert told(Mounts=[first, MOUNT]) == told(Mounts=[MOUNT, second])


def test_what_an_older_record_does_not_have_is_no_change(baseline: Baseline, key: Path, tmp_path: Path) -> None:
    older = Look(**BEFORE.model_dump(exclude={"containers"}))
    assert record.changes(older, BEFORE) == []
    changed = BEFORE.model_copy(update={"containers": {}})
    assert [each.kind for each in record.changes(BEFORE, changed)] == ["containers"]
    record.write(baseline, tmp_path / "diario.json", key)
    again = record.read(tmp_path / "diario.json")
    assert [each["kind"] for each in record.drift(again, "web1", changed)["changes"]] == ["containers"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"firma@x.mx ssh-ed25519 {KEY}", {FINGERPRINT: "firma@x.mx"}),
        (f"a@b cert-authority sk-ssh-ed25519@openssh.com {KEY} # x", {FINGERPRINT: "a@b cert-authority"}),
        (f'a@b namespaces="x y" ssh-ed25519  {KEY}', {FINGERPRINT: 'a@b namespaces="x y"'}),
        (f"a@b ssh-ed25519 {KEY[:-1]}", {f"a@b ssh-ed25519 {KEY[:-1]}": ""}),
        ("a@b", {"a@b": ""}),
    ],
)
def test_a_signer_that_somebody_else_wrote_is_seen(line: str, found: dict[str, str]) -> None:
    """In any form that ssh-keygen takes, or none: the server must not become unreadable by it."""
    assert look.signers(f"\n{line}\n# nada\n") == found


def test_changes_are_told_by_kind_and_name() -> None:
    after = BEFORE.model_copy(
        update={"files": {"/etc/motd": "0600 root:root aa", "/etc/new": "-> motd"}, "packages": {"nginx:amd64": "1.22"}}
    )
    assert record.changes(BEFORE, BEFORE) == []
    assert record.changes(BEFORE, after) == [
        Change("files", "/etc/motd", "0644 root:root aa", "0600 root:root aa"),
        Change("files", "/etc/new", "", "-> motd"),
        Change("files", "/etc/old", "0644 root:root bb", ""),
        Change("packages", "nginx:amd64", "1.18", "1.22"),
    ]


@pytest.mark.parametrize(
    ("name", "passes", "passes_where_it_was"),
    [
        ("/etc/adjtime", True, True),
        ("/etc/adjtime.d", False, False),
        ("/etc/letsencrypt/live/prep/cert.pem", True, True),
        ("/etc/letsencrypt/renewal/prep.conf", True, True),
        ("/etc/letsencrypt/renewal-hooks/deploy/ajeno", False, False),
        ("/etc/systemd/system/snap-core-1.mount", True, True),
        ("/etc/systemd/system/snap-ajeno.service", False, False),
        ("/etc/systemd/system/snap.lxd.daemon.service", False, True),
        ("/etc/udev/rules.d/70-snap.lxd.rules", False, True),
        ("/etc/systemd/system/x/snap-core.mount", False, False),
    ],
)
def test_what_changes_by_itself_is_no_difference_and_what_runs_is_one_where_it_is_new(
    name: str, passes: bool, passes_where_it_was: bool
) -> None:
    """The server's AIDE leaves out all of these, so that nothing else would see a hook that root runs."""
    aide = (ROOT / "roles/audit/templates/etc/aide/aide.conf.j2").read_text(encoding="utf-8")
    left_out = [line[1:] for line in aide.splitlines() if line.startswith("!")]
    assert any(re.match(each, name) for each in left_out) or not passes_where_it_was
    there, other = ({**BEFORE.files, name: f"0644 root:root {digest}"} for digest in ("cc", "dd"))
    before, after = (BEFORE.model_copy(update={"files": files}) for files in (there, other))
    assert [each.name for each in record.changes(BEFORE, after)] == [name] * (not passes)
    assert [each.name for each in record.changes(before, after)] == [name] * (not passes_where_it_was)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture
def baseline() -> Baseline:
    taken = datetime(2024, 6, 1, 18, tzinfo=UTC)
    return Baseline(inventory="diario", election="estatal-2024", taken=taken, commit="", servers={"web1": BEFORE})


def test_a_baseline_is_read_as_it_was_signed(baseline: Baseline, key: Path, tmp_path: Path) -> None:
    path = tmp_path / "registro/diario.json"
    assert record.write(baseline, path, key) == tmp_path / "registro/diario.json.sig"
    signed = record.read(path)
    listed = subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True).stdout
    assert signed.baseline == baseline
    assert signed.fingerprint == listed.split()[1]
    drift = record.drift(signed, "web1", BEFORE)
    assert (drift["register"], drift["taken"], drift["changes"]) == ("diario.json", "2024-06-01T18:00:00+00:00", [])


def test_a_baseline_of_another_election_is_not_compared(baseline: Baseline, key: Path, tmp_path: Path) -> None:
    """It is well signed, and of the rehearsal; nobody is asked anything then."""
    record.write(baseline, tmp_path / "diario.json", key)
    with pytest.raises(BaselineError, match="es de la elección «estatal-2024» y no de «demo»"):
        since(tmp_path / "diario.json", write_election(tmp_path, key))


def test_a_baseline_is_never_overwritten(baseline: Baseline, key: Path, tmp_path: Path) -> None:
    path = tmp_path / "diario.json"
    record.write(baseline, path, key)
    before = path.read_bytes(), path.with_name("diario.json.sig").read_bytes()
    with pytest.raises(BaselineError, match=r"diario.json ya existe y no se sobrescribe; guárdelo con otro nombre"):
        record.write(baseline.model_copy(update={"commit": "otro"}), path, key)
    assert (path.read_bytes(), path.with_name("diario.json.sig").read_bytes()) == before


def test_of_two_that_are_made_at_once_the_first_stays(
    baseline: Baseline, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one waited for the passphrase of its key, and then wrote over the first, which is evidence."""
    path, sign, others = tmp_path / "diario.json", signature.sign, []

    def slow(*given: Any) -> bytes:
        monkeypatch.setattr(signature, "sign", sign)
        others.append(record.write(baseline.model_copy(update={"commit": "otro"}), path, key))
        return sign(*given)

    monkeypatch.setattr(signature, "sign", slow)
    with pytest.raises(BaselineError, match="ya existe y no se sobrescribe"):
        record.write(baseline, path, key)
    assert others and record.read(path).baseline.commit == "otro"


@pytest.mark.parametrize("failing", [".json", ".sig"])
def test_nothing_is_left_of_a_baseline_for_which_there_is_no_room(
    baseline: Baseline, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """The file was there without its signature, and the next try said that it exists."""
    path, write = tmp_path / "registro/diario.json", record.write_whole

    def full(path: Path, text: str) -> None:
        if path.suffix == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, text)

    monkeypatch.setattr(record, "write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        record.write(baseline, path, key)
    assert not [each.name for each in path.parent.iterdir() if each.name.startswith("diario")]
    monkeypatch.setattr(record, "write_whole", write)
    record.write(baseline, path, key)
    assert record.read(path).baseline == baseline


def election_of(key: Path, **changes: Any) -> Election:
    values = yaml.safe_load(ELECTION.format(key=key.with_suffix(".pub").read_text().strip()))["all"]["vars"]
    values["election_signers"][0] |= {name: value for name, value in changes.items() if name.startswith("valid")}
    return Election.model_validate(
        values | {name: value for name, value in changes.items() if name.startswith("election")}
    )


def test_a_listed_key_signs(key: Path) -> None:
    record.check_key(key, election_of(key))


def test_any_other_key_is_refused(key: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    with pytest.raises(
        BaselineError, match=r"other no es de ningún firmante de demo \(election_signers: firma@demo.test\)"
    ):
        record.check_key(other, election_of(key))
    with pytest.raises(BaselineError, match=r"hoy no está vigente la llave .*key"):
        record.check_key(key, election_of(key, valid_before="2021-01-01T00:00:00Z"))
    with pytest.raises(BaselineError, match="key es una llave revocada"):
        record.check_key(key, election_of(key, election_revoked_keys=[key.with_suffix(".pub").read_text().strip()]))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_text(path.read_text().replace("1.18", "1.22")), "cambió después de firmarse"),
        (lambda path: path.write_text("{}"), "no es un registro de esta versión"),
        (lambda path: path.with_name("diario.json.sig").unlink(), "no se puede leer .*diario.json.sig"),
    ],
)
def test_a_baseline_that_is_not_as_it_was_signed_is_refused(
    baseline: Baseline, key: Path, tmp_path: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    path = tmp_path / "diario.json"
    record.write(baseline, path, key)
    spoil(path)
    with pytest.raises(BaselineError, match=sentence):
        record.read(path)


@pytest.mark.parametrize(
    ("patched", "fault", "sentence"),
    [
        ((subprocess, "run"), OSError(errno.ENOENT, "ssh-keygen"), "no pudo comprobar .*: No se pudo usar ssh-keygen"),
        ((subprocess, "run"), subprocess.TimeoutExpired("ssh-keygen", 9), "no pudo comprobar .* no respondió a tiempo"),
        ((tempfile, "NamedTemporaryFile"), OSError(errno.ENOENT, "none"), "no hay dónde escribir archivos temporales"),
        ((files, "small"), OSError(errno.EIO, "I/O"), r"no se puede leer .*diario\.json: el disco falló"),
    ],
    ids=["no ssh-keygen", "late", "no temporary folder", "a bad disk"],
)
def test_what_this_machine_cannot_verify_is_not_said_to_have_changed(
    baseline: Baseline, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    patched: tuple[Any, str], fault: Exception, sentence: str,
) -> None:  # fmt: skip
    """It was told as altered after its signature, with the advice to make a new one."""
    path = tmp_path / "diario.json"
    record.write(baseline, path, key)
    monkeypatch.setattr(*patched, Mock(side_effect=fault))
    with pytest.raises(BaselineError, match=sentence) as caught:
        record.read(path)
    assert "firmarse" not in str(caught.value) and "None" not in str(caught.value)
    judged = drift.judge(path, election_of(key), "web1", BEFORE, "diario")
    assert (judged.state, judged.found) == ("bad", str(caught.value))
    assert ("registre otra vez" in judged.remedy) == (patched[0] is files)


def test_a_baseline_of_another_server_is_refused(baseline: Baseline, key: Path, tmp_path: Path) -> None:
    record.write(baseline, tmp_path / "diario.json", key)
    with pytest.raises(BaselineError, match="no registra a web2, sino a web1"):
        record.drift(record.read(tmp_path / "diario.json"), "web2", BEFORE)


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"files": 7}', "[" * 100_000])
def test_an_answer_of_another_form_is_an_error(said: str) -> None:
    host = SimpleNamespace(run=lambda *_: SimpleNamespace(failed=False, stderr="", stdout=said))
    with pytest.raises(BaselineError, match="web1: su respuesta no se entiende"):
        take.look("web1", host, {})


def test_control_characters_of_file_names_are_replaced_in_the_dictamen(
    baseline: Baseline, key: Path, tmp_path: Path
) -> None:
    record.write(baseline, tmp_path / "diario.json", key)
    now = BEFORE.model_copy(update={"files": {**BEFORE.files, "/etc/\x1b[2J\u202e": "-> \x9b"}})
    (change,) = record.drift(record.read(tmp_path / "diario.json"), "web1", now)["changes"]
    assert (change["name"], change["after"]) == ("/etc/\ufffd[2J\ufffd", "-> \ufffd")


def test_a_server_that_cannot_be_looked_at_says_why() -> None:
    host = SimpleNamespace(run=lambda *_: SimpleNamespace(failed=True, stderr="Traceback\nKeyError: 'x'\n", stdout=""))
    with pytest.raises(BaselineError, match="web1: no se pudo leer cómo está; Python dijo allá: «KeyError: 'x'»"):
        take.look("web1", host, {})


def test_a_server_of_no_election_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    difusores = [("web1", None, MeasuredServer(identity={}))]
    monkeypatch.setattr(take.identity, "difusores", lambda inventory: difusores)
    monkeypatch.setattr(take, "look", lambda *_: BEFORE)
    monkeypatch.setattr(working, "seen", lambda host: None)
    with pytest.raises(BaselineError, match="web1: su inventario no dice election_id"):
        take.take(Path("inventories/diario"))


QUIET = working.Work("a", frozenset())
UNDER_WAY, BEGUN = (
    "otra ejecución .* trabaja en web1, o no llegó a su fin",
    "mientras tanto otra ejecución trabajó en web1",
)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (working.Work("a", frozenset({working.PENDING})), QUIET, UNDER_WAY),
        (working.Work("a", frozenset({working.UNFINISHED})), QUIET, UNDER_WAY),
        (QUIET, working.Work("b", frozenset()), BEGUN),
        (QUIET, working.Work("a", frozenset({working.UNFINISHED})), BEGUN),
    ],
)
def test_a_server_that_a_run_is_changing_is_not_kept(
    before: working.Work, after: working.Work, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record is not written over: half a change would have been the state that was agreed on."""
    looks = iter([before, after])
    monkeypatch.setattr(take.identity, "difusores", lambda inventory: [("web1", None, MeasuredServer(identity={}))])
    monkeypatch.setattr(take, "look", lambda *_: BEFORE)
    monkeypatch.setattr(working, "seen", lambda host: next(looks))
    with pytest.raises(BaselineError, match=said):
        take.take(Path("inventories/diario"))
