"""Remove a path, an account, or a container, image or network of Docker's, unless it is gone already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from difusor.servers.seen import is_there

SPEC = {
    "path": {"type": "str"},  # a file or link, or a folder with all that is in it
    "account": {"type": "str"},
    "home": {"type": "bool", "default": False},  # whether the account's home goes too
    "container": {"type": "str"},
    "image": {"type": "str"},  # by its id, so that it goes with all its names, also that of a registry
    "network": {"type": "str"},
}
THINGS = ("path", "account", "container", "image", "network")


class ActionModule(ActionBase):
    """Call Ansible's module for the thing; in a preview only where `server_probe` does not tell whether it is there.

    With --diff the module is called too: it shows what is in a folder.
    """

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result; where it was not called, only whether the thing would be removed."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _, args = self.validate_argument_spec(SPEC, required_one_of=[THINGS], mutually_exclusive=[THINGS])
        thing = next(each for each in THINGS if args[each] is not None)
        if self._task.check_mode and not self._task.diff:
            there = is_seen(thing, args[thing], task_vars.get("ansible_facts", {}))
            if there is not None:
                return {"changed": there}
        module, options = modules(args)[thing]
        result: dict[str, Any] = self._execute_module(module_name=module, module_args=options, task_vars=task_vars)
        return result


def modules(args: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return (module, its options) by the thing that it removes."""
    return {
        "path": ("ansible.builtin.file", {"path": args["path"], "state": "absent"}),
        "account": (
            "ansible.builtin.user",
            {"name": args["account"], "state": "absent", "force": True, "remove": args["home"]},
        ),
        "container": (
            "community.docker.docker_container",
            {"name": args["container"], "state": "absent", "stop_timeout": 20},
        ),
        "image": ("community.docker.docker_image_remove", {"name": args["image"], "force": True}),
        "network": ("community.docker.docker_network", {"name": args["network"], "state": "absent"}),
    }


def is_seen(thing: str, name: str, facts: Mapping[str, Any]) -> bool | None:
    """Tell whether `server_probe` found a thing of this name on the server; None when it has not looked for it."""
    current_state = facts.get("current_state")
    if not current_state:
        return None
    if thing == "path":
        return is_there(name, current_state["folders"])
    listed = {
        "account": facts["accounts"],
        "container": current_state["containers"],
        "image": current_state["images"].values(),
        "network": current_state["networks"],
    }
    # Of Docker's things only some are looked at: the project's containers and images, and networks that are bridges.
    return True if name in listed[thing] else (False if thing == "account" else None)
