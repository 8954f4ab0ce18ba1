"""A difusor's server on which everything is as it should be, as the lab's server describes itself."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from inventory_kit import ELECTION, HASH, KEY, PREP, SERVER, WAF
from publish_kit import SECRET

from corte.format import instants, record
from difusor.baseline.look import fingerprint, signers
from difusor.baseline.record import Look
from difusor.countdown.inside import CODE
from difusor.countdown.look import BESIDE, FIREWALL, UNITS
from difusor.countdown.seen import Own, Seen, Server
from difusor.countdown.services import NGINX, nginx_digest
from difusor.inventory import Host
from difusor.project import ROOT

DIGESTS = {kind: hashlib.sha256(packed).hexdigest() for kind, packed in (("prep", PREP), ("waf", WAF))}
PARTNER: dict[str, Any] = {
    "difusor_name": "Diario del Valle", "difusor_fqdn": "prep.diario.mx", "difusor_path": "/",
    "difusor_public_address": "192.0.2.7", "difusor_admin_user": "instituto", "difusor_admin_password_hash": HASH,
    "difusor_admin_keys": [KEY], "difusor_ssh_password_login": False, "difusor_rsync_secret": SECRET,
    "difusor_tls_mode": "acme", "difusor_trusted_addresses": ["2001:db8::4"],
    **{f"difusor_{kind}_image": {"archive": f"/{kind}.tar.gz", "sha256": sha256} for kind, sha256 in DIGESTS.items()},
}  # fmt: skip
HOURS = {"election_opens": "2024-06-03T03:00:00Z", "election_closes": "2024-06-04T03:00:00Z"}
"""Those of the call, from 20:00 to 20:00, by the clocks of the election's place."""
EXPECTED = {
    "election": "estatal-2024", "environment": "official", "opens": HOURS["election_opens"],
    "closes": HOURS["election_closes"], "retain_until": "2024-06-10T05:59:00Z", "keep": 3,
    "interval_minutes": 10,
}  # fmt: skip
"""What the server expects of a corte."""
DROP_IN = "/etc/ssh/sshd_config.d/00-prep-difusor.conf"
DISK = {
    "size": 100_000_000_000,
    "free": 78_000_000_000,
    "files": 16_777_216,
    "free_files": 16_000_000,
    "read_only": False,
}


def host(**changes: Any) -> Host:
    """Return the server of the difusor, with other values where `changes` has variables of its inventory."""
    return Host.of(SERVER, {**ELECTION, **HOURS, **PARTNER, **changes})


def server() -> dict[str, Any]:
    """Return what `look.py` prints of a server that is ready, asked now."""
    now = instants.now()
    return {
        "now": now.timestamp(),
        "disks": {"/": dict(DISK)},
        "unwritable": {},
        "readable": True,
        "units": dict.fromkeys((*UNITS, *BESIDE), "active"),
        "at_boot": dict.fromkeys((*UNITS, *BESIDE, FIREWALL), "enabled"),
        "elsewhere": [],
        "refused": {},
        "containers": [
            {
                "role": kind, "image": f"prep-difusor/{kind}:{sha256[:12]}", "state": "running", "health": "healthy",
                "reached": True,
            } for kind, sha256 in DIGESTS.items()
        ],
        "denies": True,
        "admitted": [
            ["80", ""], ["443", ""],
            *([port, source] for port in ("22", "873") for source in ("10.9.0.4/32", "2001:db8::4/128")),
        ],
        "allowed": ["10.9.0.4", "2001:db8::4"],
        "revoked": "# Managed by prep-difusor: change the inventory or the role, not this file.\n",
        "config": json.loads(record.content(EXPECTED)),
        "status": {
            "clock": {
                "synchronised": True, "offset_seconds": 6.827e-06, "max_error_seconds": 4.2e-05,
                "checked": instants.write(now - timedelta(seconds=40)),
            }
        },
        "rehearsal": False,
        "held": [1717297200, 1717470000],
        "restart_since": None,
        "restart_for": [],
        "kernel": "6.1.0-18-amd64",
        "next_kernel": "",
    }  # fmt: skip


def own() -> dict[str, Any]:
    """Return what `own.py` prints of a server on which everything is as it was left."""
    paths = ["/etc/chrony/chrony.conf", "/etc/nginx/sites-enabled/prep", DROP_IN]
    keys = {fingerprint(KEY.split()[1]): "/home/instituto/.ssh/authorized_keys"}
    return {"paths": paths, "altered": [], "closed": [], "keys": keys}


def look(election: Any) -> Look:
    """Return the baseline's look at a server with the signers of the election."""
    return Look(
        server={"kernel": "6.1"},
        files={"/etc/motd": "0644 root:root aa", NGINX: f"0644 root:root {nginx_digest()}", **_code()},
        packages={"nginx:amd64": "1.22"}, images={"prep-1": "sha256:1"}, signers=signers(election.allowed_signers),
    )  # fmt: skip


def _code() -> dict[str, str]:
    here = ROOT / "scripts/corte"
    return {
        f"{CODE}/{path.relative_to(here)}": f"0644 root:root {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in here.rglob("*.py")
    }


def seen(said: dict[str, Any], election: Any, own_said: dict[str, Any] | None = None, **changes: Any) -> Seen:
    """Return a server as it was seen, when it said this; `changes` are those of the baseline's look."""
    asked = instants.now()
    server = Server.model_validate_json(json.dumps(said))
    there = Own.model_validate_json(json.dumps(own_said or own()))
    return Seen(server, look(election).model_copy(update=changes), there, asked, instants.now())
