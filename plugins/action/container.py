"""Run a container of the project, unless it already runs as wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.text.formatters import human_to_bytes
from ansible.plugins.action import ActionBase

from difusor.servers.latest_run import refusal

SPEC = {
    "name": {"type": "str", "required": True},
    "image": {"type": "str", "required": True},  # its name on the server
    "network": {"type": "str", "required": True},  # "none", or one that exists
    "published_ports": {"type": "list", "elements": "str", "default": []},  # ADDRESS:PORT:PORT of the container
    "volumes": {"type": "list", "elements": "str", "default": []},  # PATH:PATH in the container:ro or rw
    "read_only": {"type": "bool", "default": True},
    "tmpfs": {"type": "list", "elements": "str", "default": []},  # PATH:OPTIONS
    "cap_drop": {"type": "list", "elements": "str", "default": ["ALL"]},
    "security_opts": {"type": "list", "elements": "str", "default": ["no-new-privileges:true"]},
    "memory": {"type": "str", "required": True},  # such as 256m; it gets no swap in addition
    "pids_limit": {"type": "int", "required": True},
    "cpu_shares": {"type": "int", "required": True},
    "dns_servers": {"type": "list", "elements": "str", "default": []},  # instead of the server's own
    "log_driver": {"type": "str", "default": "local"},
    "log_options": {"type": "dict", "default": {"max-file": "3", "max-size": "10m"}},
    "restart_policy": {"type": "str", "default": "always"},
    "role": {"type": "str", "required": True},  # label that marks the container as the project's
}
FOLDERS = ("Binds", "Mounts", "Tmpfs", "VolumesFrom")
"""Settings by which a container sees folders that are not in its image."""


class ActionModule(ActionBase):
    """Call `community.docker.docker_container`, unless `server_probe` found it as wanted (`current_state`).

    Where changes of another run wait for its end, what was found may be what that run removes last: Docker is asked.
    """

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _, args = self.validate_argument_spec(SPEC)
        current_state = task_vars.get("ansible_facts", {}).get("current_state")
        if current_state and not current_state.get("unapplied") and is_current(args, current_state):
            return {"changed": False}
        if older := refusal(self, task_vars):
            return older
        options = module_options(args, current_state)
        module = "community.docker.docker_container"
        result = self._execute_module(module_name=module, module_args=options, task_vars=task_vars)
        if result.get("failed"):
            # prep-containers.service may have brought the container back just after the module looked at it, and Docker
            # refuses, for instance, to resume one that is not paused. The module looks at it anew.
            result = self._execute_module(module_name=module, module_args=options, task_vars=task_vars)
        return result


def module_options(args: Mapping[str, Any], current_state: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options of `docker_container` with which it makes the container run as wanted."""
    return {
        **{name: value for name, value in args.items() if name not in ("network", "role")},
        "memory_swap": args["memory"],
        "network_mode": args["network"],
        "labels": {"prep-difusor.role": args["role"]},
        "pull": "never",
        # One that stopped may not start again, since its network may be another by now; the module would leave it on a
        # network that somebody gave it besides; and to a bridge that it was taken off Docker does not attach it again;
        # and it leaves folders that somebody gave it besides. It holds no data.
        "recreate": is_stopped(args["name"], current_state)
        or is_elsewhere(args, current_state)
        or is_unreached(args["name"], current_state)
        or sees_others(args, current_state),
        "paused": False,
        "state": "started",
    }


def is_stopped(name: str, current_state: Mapping[str, Any] | None) -> bool:
    """Tell whether `server_probe` found this container stopped."""
    seen = (current_state or {}).get("containers", {}).get(name)
    return seen is not None and seen["state"] not in ("running", "paused")


def is_elsewhere(args: Mapping[str, Any], current_state: Mapping[str, Any] | None) -> bool:
    """Tell whether `server_probe` found this container off its network, or on another one besides."""
    seen = (current_state or {}).get("containers", {}).get(args["name"])
    return seen is not None and seen["networks"] != [args["network"]]


def is_unreached(name: str, current_state: Mapping[str, Any] | None) -> bool:
    """Tell whether `server_probe` found this container running, and got no answer where it is published."""
    seen = (current_state or {}).get("containers", {}).get(name)
    return seen is not None and seen["state"] == "running" and not seen["reached"]


def sees_others(args: Mapping[str, Any], current_state: Mapping[str, Any] | None) -> bool:
    """Tell whether `server_probe` found that this container sees other folders than it should."""
    seen = (current_state or {}).get("containers", {}).get(args["name"])
    if seen is None:
        return False
    found, wanted = _plain(seen["settings"]), _plain(settings(args))
    return any(found[each] != wanted[each] for each in FOLDERS)


def is_current(args: Mapping[str, Any], current_state: Mapping[str, Any]) -> bool:
    """Tell whether the container runs, from the image that has this name now, with these settings."""
    seen = current_state["containers"].get(args["name"])
    return (
        seen is not None
        and seen["state"] == "running"
        and not is_elsewhere(args, current_state)
        and not is_unreached(args["name"], current_state)
        and seen["image"] == current_state["images"].get(args["image"])
        and _plain(seen["settings"]) == _plain(settings(args))
    )


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out empty settings, which Docker reports as null or as an empty list or mapping."""
    return {name: value or None for name, value in found.items()}


def settings(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `docker inspect` says of a container that was made with these options."""
    memory = human_to_bytes(args["memory"])
    ports = (port.rsplit(":", 2) for port in args["published_ports"])
    return {
        "Binds": args["volumes"],
        "CapDrop": args["cap_drop"],
        "CpuShares": args["cpu_shares"],
        "Dns": args["dns_servers"],
        "LogConfig": {"Type": args["log_driver"], "Config": args["log_options"]},
        "Memory": memory,
        "MemorySwap": memory,
        "Mounts": [],
        "NetworkMode": args["network"],
        "PidsLimit": args["pids_limit"],
        "PortBindings": {f"{inside}/tcp": [{"HostIp": address, "HostPort": port}] for address, port, inside in ports},
        "ReadonlyRootfs": args["read_only"],
        "RestartPolicy": args["restart_policy"],
        "SecurityOpt": args["security_opts"],
        "Tmpfs": dict(mount.split(":", 1) for mount in args["tmpfs"]),
        "VolumesFrom": [],
    }
