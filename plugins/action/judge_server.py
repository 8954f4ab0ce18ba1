"""Judge on the controller what was read of a server: what stops the run, and which clauses of the call it meets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from difusor import spec
from difusor.inventory import images, uplink
from difusor.inventory.jumps import WAY, through
from difusor.servers import diagnosis, engine, lasting, notices, parameters, preflight, ways, webserver
from difusor.servers.ground import Ground
from difusor.servers.logins import Login
from difusor.servers.neighbours import SPELLING, Door, Neighbours

SPEC = {
    "facts": {"type": "dict", "required": True},
    "probe": {"type": "dict", "required": True},
    "account": {"type": "str", "required": True},
    "releases": {"type": "dict", "required": True},
    "supported_until": {"type": "dict", "required": True},
    "free_gb": {"type": "dict", "required": True},
    "finished_free_gb": {"type": "float", "required": True},
    "port_owners": {"type": "dict", "required": True},
    "conflicts": {"type": "dict", "required": True},
    "residents": {"type": "dict", "required": True},
    "kept_rules": {"type": "list", "elements": "str", "required": True},
    "sensorless": {"type": "dict", "required": True},
    "login_keys": {"type": "list", "elements": "str", "required": True},
    "trusted": {"type": "list", "elements": "str", "required": True},
    "others": {"type": "list", "elements": "str", "required": True},
    "subnet": {"type": "str", "required": True},
    "keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
    "images": {"type": "list", "elements": "str", "required": True},
    "strict_paths": {"type": "bool", "required": True},
    "password_login": {"type": "bool", "required": True, "no_log": False},
    "break_glass": {"type": "bool", "required": True},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "public_address": {"type": "str", "required": True},
    "registered": {"type": "bool", "required": True},
    "attested": {"type": "list", "elements": "str", "required": True},
    "call": {"type": "str", "required": True},
    "sysctl": {"type": "dict", "required": True},
    "uplink": {"type": "int", "required": True},
    "origin_lock": {"type": "bool", "required": True},
    "until": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    """Hand the facts, and what the module server_probe has found, to the judges of `difusor.servers`."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge; everything that is returned is a list.

        `problems` (text), `closed` and `open` (ports), `outside` (addresses), `refused`, `closing` and `unattended`
        (text), `share` (text on the share of the line), `parameters` (text on the kernel's), `remote` (folders),
        `router` (text), `bridge` (network), `notices` ([text, names]), `diagnoses` ({id, title, quote, fix, met,
        found}).
        """
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(SPEC)
        facts, probe = args["facts"], args["probe"]
        files = probe["files"]
        server = preflight.Machine(
            facts=facts,
            packages=frozenset([*facts["packages"], *(f"snap/{name}" for name in probe["snaps"])]),
            free=probe["free"],
            kinds=probe["kinds"],
            listeners=tuple(
                (each["address"], each["port"], each["process"], each["unit"]) for each in probe["listeners"]
            ),
            sites=tuple(facts["sites"]),
            rules=tuple(files["rules"]),
            denials=tuple(files["denials"]),
            limits=tuple(files["limits"]),
            mhz=probe["mhz"],
            openssh=facts["packages"].get("openssh-server", ""),
            login_keys=tuple(args["login_keys"]),
            neighbours=_neighbours(probe["neighbours"], files, args["account"]),
            real=probe["real"],
            ipv6=probe["ipv6"],
            free_files=probe["free_files"],
            ground=_ground(probe["ground"]),
            keys=tuple(files["keys"]),
            has_password=files["has_password"],
            uid=files["uid"],
        )
        port_owners = {int(port): package for port, package in args["port_owners"].items()}
        problems = preflight.problems(
            server,
            releases=args["releases"],
            free_gb=args["free_gb"],
            finished_free_gb=args["finished_free_gb"],
            port_owners=port_owners,
            conflicts=args["conflicts"],
            kept_rules=args["kept_rules"],
            sensorless=args["sensorless"],
            trusted=args["trusted"],
            others=args["others"],
            subnet=args["subnet"],
            hosts=args["hosts"],
            keys=args["keys"],
            by_password=args["password_login"],
            break_glass=args["break_glass"],
            strict_paths=args["strict_paths"]
            and not parameters.is_loose(server.neighbours.detour[:1], facts["owners_parameters"], args["sysctl"]),
            images=[(archive, images.architecture(Path(archive))) for archive in args["images"]],
            behind=_behind(task_vars or {}),
        )
        call = _call(args["call"])
        asked = {name: args[name] for name in ("public_address", "registered", "attested")}
        diagnoses = diagnosis.diagnose(server, call, **asked) if call else []
        closed, opened = preflight.exposed(server, port_owners)
        return {
            "changed": False,
            "problems": problems,
            "remote": preflight.remote(server),
            "router": ways.of_a_router(server.operator, facts),
            "bridge": [str(each) for each in (engine.of_the_bridge(facts),) if each],
            "closed": closed,
            "open": opened,
            "outside": preflight.left_outside(server, args["trusted"]),
            **preflight.ends(server, by_password=args["password_login"]),
            "share": [told for told in (uplink.missing(args["uplink"], call),) if told],
            "parameters": parameters.changed(
                [parameters.Parameter(**each) for each in files["parameters"]],
                args["sysctl"],
                advertised=facts["ipv6_advertised"],
            ),
            "notices": [list(row) for row in (*_beside(args, server, port_owners, call), *_lasting(args, server))],
            "diagnoses": [
                {
                    **each.clause.model_dump(include={"id", "title", "quote", "fix"}),
                    "met": each.met,
                    "found": each.found,
                }
                for each in diagnoses
            ],
        }


def _beside(
    args: Mapping[str, Any], server: preflight.Machine, ports: Iterable[int], call: spec.Spec | None
) -> list[notices.Row]:
    floor = call.tls_floor if call else ""
    return notices.rows(
        server.neighbours,
        frozenset(ports),
        residents=args["residents"],
        is_locked=args["origin_lock"],
        tls_floor=floor,
    )


def _lasting(args: Mapping[str, Any], server: preflight.Machine) -> list[notices.Row]:
    distribution, version = server.release
    return lasting.rows(
        args["until"],
        release=f"{distribution} {version}",
        supported=args["supported_until"].get(distribution, {}).get(version, ""),
        without_updates=args["probe"]["days_without_updates"],
        accounts=args["probe"]["shut"],
        user=server.facts.get("user_id", ""),
        institutes=args["account"],
    )


def _call(name: str) -> spec.Spec | None:
    try:
        return spec.load(name) if name else None
    except spec.SpecError as error:
        raise AnsibleError(str(error)) from None


def _behind(task_vars: Mapping[str, Any]) -> list[str]:
    """Return the other servers of the inventory that ssh reaches through this one."""
    servers: dict[str, dict[str, Any]] = {}
    for name in {task_vars["inventory_hostname"]: None, **dict.fromkeys(task_vars["groups"].get("difusores", []))}:
        servers[name] = {}
        with suppress(AnsibleError):  # of a value of another server's, which its own check tells
            servers[name] = {option: task_vars["hostvars"][name].get(option) for option in WAY}
    return through(task_vars["inventory_hostname"], servers)


def _neighbours(found: Mapping[str, Any], files: Mapping[str, Any], account: str) -> Neighbours:
    return Neighbours(
        account=account,
        groups=frozenset(found["groups"]),
        doors=tuple(
            Door(
                door["address"],
                {name: door[name] for name in SPELLING},
                door["matched"],
                door["broken"],
                door["general"],
            )
            for door in found["doors"]
        ),
        files=files["lists"],
        datagrams=tuple((each["address"], each["port"], each["process"]) for each in found["datagrams"]),
        **{
            name: tuple(found[name])
            for name in (
                *("published", "accepting", "shutting", "limiting", "limiting_each", "tables", "shaped", "routed"),
                *("masked", "running", "jails", "closed_pools"),
            )
        },
        **found["ssh"],
        entered=tuple(Login(**each) for each in found["entered"]),
        excepted=tuple((each["path"], each["match"], each["setting"]) for each in files["excepted"]),
        detour=tuple(found["detour"]),
        tunnel=tuple((each["name"], each["kind"], each["port"], each["protocol"]) for each in found["tunnel"]),
        keyed=tuple(files["keyed"]),
        raw=tuple((each["protocol"], each["process"]) for each in found["raw"]),
        swarm=found["swarm"],
        diverting=tuple((each["rule"], tuple(each["ports"])) for each in found["diverting"]),
        settings=_settings(files["settings"]),
        samples=tuple(files["samples"]),
        others_ports=_settings(files["others_ports"]),
        main=_settings(files["main"]),
        refused=tuple((each["program"], each["place"], each["reason"]) for each in files["refused"]),
        mirror_of=tuple(files["mirror_of"]),
        modules=tuple(files["modules"]),
        ssh_included=files["ssh_included"],
        halting=tuple(files["halting"]),
        wrapped=files["wrapped"],
        choosing=tuple(files["choosing"]),
        upgraded=tuple(files["updates"]["origins"]),
        updates_off=tuple(files["updates"]["off"]),
        standalone=tuple(files["standalone"]),
        flushing=files["flushing"],
        emptying=tuple((each["path"], each["command"], each["starter"]) for each in files["emptying"]),
    )


def _ground(found: Mapping[str, Any]) -> Ground:
    return Ground(**{**found, **{name: tuple(found[name]) for name in ("fixed", "forbidden")}})


def _settings(found: Iterable[Mapping[str, Any]]) -> tuple[webserver.Setting, ...]:
    return tuple(webserver.Setting(each["path"], each["line"], tuple(each["words"]), each["within"]) for each in found)
