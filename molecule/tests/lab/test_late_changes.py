"""Late changes of the inventory: one run of site.yml makes several at once, another takes them back.

A run costs more than what these tests look at, so they share the two runs and what was seen before, between and after.
Between the two, `playbooks/signers.yml` revokes a key, and then nginx's files are changed by hand.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from corte_fixtures import base_of, download, send
from passlib.hash import sha512_crypt
from testinfra.host import Host

from corte.format import instants
from difusor import inventory
from difusor.lab.images import save
from difusor.publish.mirror import Mirror
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
Play = Callable[..., subprocess.CompletedProcess[str]]
Site = Callable[..., str]

RENAMED = "instituto2"
INTERVAL = 5
"""Minutes that the interval between cortes is longer for a while."""
OPERATOR = "operadora@demo.test"
SESSION = "prep-difusor-session"
"""A unit that runs as the account of the institute, as what somebody has left open."""

BY_HAND = {
    "chmod 600 /etc/nginx/nginx.conf": ("stat --format=%a /etc/nginx/nginx.conf", "644"),
    "rm /etc/nginx/sites-enabled/prep": ("readlink /etc/nginx/sites-enabled/prep", "../sites-available/prep"),
}
"""What is changed by hand: by command, one that shows the state, and what it prints once the site has repaired it.

As DRIFT of test_site, for what nginx reads; it reads it only when a run has repaired it.
"""

# Asks, until it is told to stop, for the page, for data and, through the WAF, for a constant answer and for what the
# application computes (the reference application computes nothing and says 404); prints how many answers came and every
# other status.
CITIZEN = """
import collections, http.client, os, ssl, sys, time
counts, asked, believing = collections.Counter(), 0, ssl._create_unverified_context()
wanted = {"/": 200, "/datos/corte.json": 200, "/.well-known/prep/waf/": 200, "/consulta/casillas": 404}
while not os.path.exists("/tmp/stop"):
    name = list(wanted)[asked % len(wanted)]
    asked += 1
    try:
        connection = http.client.HTTPSConnection(sys.argv[1], timeout=10, context=believing)
        connection.request("GET", name)
        counts[name, connection.getresponse().status] += 1
        connection.close()
    except OSError as error:
        counts[name, repr(error)] += 1
    time.sleep(0.05)  # pace: twenty visits a second
print(sum(counts.values()), {key: number for key, number in counts.items() if key[1] != wanted[key[0]]})
"""


@dataclass(frozen=True)
class Seen:
    """The state of the server at one moment."""

    reached: dict[int, bool]
    """By port, whether the institute's machine can connect to SSH and rsync."""
    hashes: dict[str, str]
    """By account, the password's hash of those of the institute that exist."""
    session: bool
    """Whether what runs as the account of the institute still runs."""
    containers: str
    """The containers of the PREP, stopped ones too, one a line."""


@dataclass(frozen=True)
class LateChanges:
    """What the two runs printed, and what was seen of the server and by a citizen."""

    values: dict[str, Any]
    """The values of the first run; the second had the inventory's own."""
    printed: str
    before: Seen
    changed: Seen
    back: Seen
    repaired: dict[str, str]
    """What the commands of BY_HAND that show the state printed after the second run."""
    logs: str
    """The journal and the log files after both runs."""
    intervals: list[int]
    """The minutes between two cortes that the gate goes by: before, between the two runs, and after."""
    visits: int
    lost: str
    """The visits that got another answer than CITIZEN expects, "{}" if there were none."""
    signers: Signers
    """What became of cortes that one or another key signed."""


@dataclass(frozen=True)
class Signers:
    """The institute's keys: its own, and an operator's, to whom an authority gave a certificate for one night."""

    own: Path
    authority: Path
    operator: Path
    certificate: Path
    mirror: Mirror
    target: Target
    published: SignedCorte
    sent: dict[str, str] = field(default_factory=dict)
    """What became of each corte: shown, or the refusal's code."""
    shown: list[str] = field(default_factory=list)
    """Who had signed what was shown, at each look."""

    def of_the_authority(self) -> list[dict[str, Any]]:
        """Return the inventory's list of signers in which the authority stands alone."""
        window = self.target.election.window
        dates = {"valid_after": instants.write(window.opens), "valid_before": instants.write(window.retain_until)}
        return [{"principal": OPERATOR, "key": _public(self.authority), "authority": True, **dates}]

    def send(self, what: str, key: Path, secret: str = "") -> None:
        """Sign the published corte anew with a key, push it with the secret in force, and note its result as `what`."""
        target = replace(self.target, secret=secret or self.target.secret)
        self.sent[what] = send(self.published, target, self.mirror, key)

    @property
    def first(self) -> str:
        """The principal of the inventory's own signer."""
        return self.target.election.allowed_signers.split()[0]

    def look(self, wanted: str) -> None:
        """Note who signed the corte that is shown, when it is the wanted one: a gate that starts takes a moment."""
        with suppress(AssertionError):  # the test tells what is shown instead
            until(self._shown, lambda signer: signer == wanted, what=f"se muestre el corte de {wanted}")
        self.shown.append(self._shown())

    def _shown(self) -> str:
        return str(((self.mirror.status() or {}).get("shown") or {}).get("signer"))


@pytest.fixture(scope="module")
def signers(variables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signers]:
    """Make the keys and the certificate, and copy the corte that is shown."""
    folder = tmp_path_factory.mktemp("llaves")
    authority, operator = folder / "autoridad", folder / "operadora"
    for key in (authority, operator):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key.name, "-f", key], check=True)
    certify = ["ssh-keygen", "-q", "-s", authority, "-I", "turno 1", "-n", OPERATOR, "-V", "-1m:+12h"]
    subprocess.run([*certify, f"{operator}.pub"], check=True)
    target = Target.of(inventory.Host.of(variables["inventory_hostname"], variables))
    with Mirror(target, forgiving=True) as mirror:
        status = mirror.status()
        assert status is not None, mirror.problem
        published = download(mirror, base_of(mirror, variables), status, tmp_path_factory.mktemp("corte"))
        own = Path(variables["lab_dir"]) / "firma"
        yield Signers(own, authority, operator, folder / "operadora-cert.pub", mirror, target, published)


@pytest.fixture(scope="module")
def late(
    host: Host, trusted: Host, untrusted: Host, variables: dict[str, Any], run_site: Site, play: Play,
    signers: Signers, tmp_path_factory: pytest.TempPathFactory,
) -> LateChanges:  # fmt: skip
    """Change secrets, image, account, trusted addresses and signers in one run, and take all back in another."""
    canary = "canario-" + hashlib.sha256(os.urandom(8)).hexdigest()[:16]
    address = trusted.check_output("hostname -I").split()
    interval, intervals = variables["election_interval_minutes"], []
    values = {
        "difusor_rsync_secret": canary,
        "difusor_admin_password_hash": sha512_crypt.hash(canary),
        "difusor_admin_user": RENAMED,
        "difusor_prep_image": _other_image(
            variables["difusor_prep_image"]["archive"], tmp_path_factory.mktemp("image") / "prep.tar.gz"
        ),
        "election_trusted_addresses": [each for each in variables["election_trusted_addresses"] if each not in address],
        "election_signers": signers.of_the_authority(),
        "election_interval_minutes": interval + INTERVAL,
    }
    host.check_output("systemd-run --quiet --uid=%s --unit=%s sleep infinity", variables["difusor_admin_user"], SESSION)
    before = _look(host, trusted, variables)
    intervals.append(_interval(signers.mirror, interval))
    with ThreadPoolExecutor() as pool:
        visiting = pool.submit(
            untrusted.check_output, "rm -f /tmp/stop; python3 -c %s %s", CITIZEN, variables["difusor_fqdn"]
        )
        try:
            printed = run_site(values, "--diff", "-vvv")
            changed = _look(host, trusted, variables)
            intervals.append(_interval(signers.mirror, interval + INTERVAL))
            signers.send("el que salió", signers.own, canary)
            signers.send("certificado de una noche", signers.certificate, canary)
            signers.look(OPERATOR)
            revoking = {**values, "election_revoked_keys": [_public(signers.operator)]}
            done = play("playbooks/signers.yml", revoking, "--skip-tags", "authorise")
            assert done.returncode == 0, done.stdout + done.stderr
            signers.look(signers.first)
            signers.send("certificado revocado", signers.certificate, canary)
            for change in BY_HAND:
                host.check_output(change)
        finally:
            host.run("systemctl reset-failed %s", SESSION)
            try:
                # The election itself does not have the key as revoked, and without an answer for it the run would end.
                restored = run_site({"preflight_any_revoked_keys": True}, "--diff", "-vvv")
            finally:
                untrusted.check_output("touch /tmp/stop")  # or the pool would wait for the visitor for an hour
        printed += restored
        visits, _, lost = visiting.result().partition(" ")
    back = _look(host, trusted, variables)
    intervals.append(_interval(signers.mirror, interval))
    repaired = {show: host.run(show).stdout.strip() for show, _ in BY_HAND.values()}
    signers.send("otra vez el primero", signers.own)
    signers.send("certificado de una autoridad que salió", signers.certificate)
    host.check_output("journalctl --sync")
    logs = host.check_output("journalctl --quiet --no-pager --output=cat; find /var/log -name '*.log' -exec cat {} +")
    return LateChanges(values, printed, before, changed, back, repaired, logs, intervals, int(visits), lost, signers)


@pytest.mark.clause("RED-04", "DG-12")
def test_removed_address_is_refused(late: LateChanges, expect: Expect, record_evidence: Record) -> None:
    """Una dirección que se quita de las confiables deja de entrar por SSH y rsync tras la siguiente ejecución."""
    remaining = ", ".join(late.values["election_trusted_addresses"])
    record_evidence(f"desde una dirección que ya no está en la lista ({remaining}): {late.changed.reached}")
    assert set(late.before.reached) == set(expect("RED-04")["ports"])
    assert set(late.before.reached.values()) == {True}
    assert late.changed.reached == dict.fromkeys(late.before.reached, False)
    assert late.back.reached == late.before.reached


@pytest.mark.clause("SW-05", "DG-12")
def test_renamed_user_of_the_institute_leaves(
    late: LateChanges, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Al cambiar de nombre el usuario del Instituto, el anterior deja de existir, con lo que tenía abierto."""
    former = variables["difusor_admin_user"]
    record_evidence(f"{former}, {RENAMED}, y de vuelta")
    assert late.before.session and set(late.before.hashes) == {former}
    assert set(late.changed.hashes) == {RENAMED}
    assert not late.changed.session, "lo que tenía abierto sigue"
    assert set(late.back.hashes) == {former}


@pytest.mark.clause("SW-03", "DG-07")
def test_secrets_are_shown_nowhere(late: LateChanges, variables: dict[str, Any], record_evidence: Record) -> None:
    """Un secreto que se instala no aparece en lo que Ansible imprime ni en las bitácoras del servidor."""
    names = ("difusor_rsync_secret", "difusor_admin_password_hash")
    secrets = [values[name] for values in (late.values, variables) for name in names]
    record_evidence(f"{len(secrets)} secretos buscados en la salida con -vvv --diff, en el journal y en /var/log")
    assert "/etc/rsyncd.secrets" in late.printed
    assert late.changed.hashes[RENAMED] == late.values["difusor_admin_password_hash"]
    for secret in secrets:
        assert secret not in late.printed
        assert secret not in late.logs


@pytest.mark.clause("SW-02", "DG-02")
def test_upgrade_and_back_lose_no_request(late: LateChanges, record_evidence: Record) -> None:
    """Cambiar la imagen del PREP y volver a la anterior no pierde ninguna de las visitas que llegan mientras tanto."""
    record_evidence(f"{late.visits} visitas durante la actualización y la vuelta; perdidas: {late.lost}")
    upgraded = late.values["difusor_prep_image"]["sha256"][:12]
    assert upgraded in late.changed.containers
    assert upgraded not in late.back.containers
    assert late.visits > 100
    assert late.lost == "{}"


@pytest.mark.clause("SW-02")
def test_changes_by_hand_of_what_nginx_reads_are_undone(late: LateChanges, record_evidence: Record) -> None:
    """Lo que alguien altera a mano de los archivos de nginx vuelve a su estado con la siguiente ejecución."""
    record_evidence(f"{len(BY_HAND)} cambios a mano: {'; '.join(BY_HAND)}")
    assert late.repaired == dict(BY_HAND.values())


@pytest.mark.clause("DG-10", "DG-12")
def test_who_may_sign_changes_in_one_run(late: LateChanges, record_evidence: Record) -> None:
    """Una ejecución cambia a un firmante por una autoridad; otra revoca lo que firmó el certificado de una noche."""
    sent, shown = late.signers.sent, late.signers.shown
    record_evidence(f"{sent}; a la vista, lo que firmó {shown}")
    assert shown == [OPERATOR, late.signers.first]
    assert list(sent.values()) == ["signature", "shown", "signature", "shown", "signature"]


@pytest.mark.clause("DG-11")
def test_the_gate_goes_by_the_elections_present_words(
    late: LateChanges, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Lo que la elección dice de los cortes, como cada cuándo llegan, vale para la compuerta tras la ejecución."""
    record_evidence(f"minutos entre cortes: {late.intervals}")
    own, changed = variables["election_interval_minutes"], late.values["election_interval_minutes"]
    assert late.intervals == [own, changed, own]


def _public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text().strip()


def _look(host: Host, trusted: Host, variables: dict[str, Any]) -> Seen:
    connect = "timeout 3 bash -c 'exec 3<>/dev/tcp/%s/%s'"
    accounts = host.run("getent shadow %s %s", variables["difusor_admin_user"], RENAMED).stdout.splitlines()
    ports = (variables.get("ansible_port", 22), variables["rsync_port"])
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda port: trusted.run(connect, variables["ansible_host"], str(port)), ports)
    return Seen(
        reached={port: answer.succeeded for port, answer in zip(ports, answers, strict=True)},
        hashes=dict(account.split(":")[:2] for account in accounts),
        session=host.run("systemctl is-active --quiet %s", SESSION).succeeded,
        containers=host.check_output("docker ps --all --filter label=prep-difusor.role=prep"),
    )


def _interval(mirror: Mirror, wanted: int) -> int:
    """Return the interval that the gate tells, when it is the wanted one: a gate that starts takes a moment."""

    def told() -> int:
        return int((mirror.status() or {}).get("interval_minutes", 0))

    with suppress(AssertionError):  # the test tells what it goes by instead
        until(told, lambda found: found == wanted, what=f"la compuerta se rija por {wanted} minutos")
    return told()


def _other_image(archive: str, copy: Path) -> dict[str, str]:
    """Save an image that differs from the one in `archive` only by a label; return it as the inventory names it.

    In the engine nothing of it stays. What was loaded does: another release's suite may be using it at this moment.
    """
    loaded = _docker("load", "--quiet", "--input", archive).rpartition(": ")[2]
    container = _docker("create", loaded)
    try:
        identity = _docker("commit", "--change", "LABEL upgrade=tested", container)
    finally:
        _docker("rm", container)
    try:
        save(identity, copy)
    finally:
        _docker("rmi", "--no-prune", identity)  # else also those that it was made from, where they have no name
    return {"archive": str(copy), "sha256": hashlib.sha256(copy.read_bytes()).hexdigest()}


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()
