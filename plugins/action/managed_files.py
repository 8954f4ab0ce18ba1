"""Controller half of `managed_files`: renders a role's templates and hands the whole tree to the module in one call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from difusor.project import is_stray
from difusor.servers.seen import is_there

MANAGED = "Managed by prep-difusor: change the inventory or the role, not this file."
ATTRIBUTES = {"owner": "root", "group": "root"}
READ_BY_SYSTEMD = ("/systemd/", "/init.d/", "/ssh/")
"""Parts of the paths of what systemd reads anew when it is told to: its own files and old services.

Where ssh.socket listens for SSH, as on Ubuntu since 22.10, its ports stand in sshd's configuration.
"""
OPTIONS = frozenset({"src", "copies", "files", "directories", "links", "absent", "validate", "guard", "record"})


class ActionModule(ActionBase):
    """Render `roles/<role>/templates/**` and let the module of the same name install it."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result: `changed`, `changed_files`, `armed`, and `diff` when it was asked for.

        After a change the fact `files_changed` is true for the rest of the run; and after one of a file that systemd
        reads, `units_read` is false until `unit` has it read them again.
        """
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = dict(self._task.args)
        if unknown := sorted(set(args) - OPTIONS):
            raise AnsibleActionFail(
                f"managed_files: no existe la opción {', '.join(unknown)}; hay {', '.join(sorted(OPTIONS))}"
            )
        payload = self._payload(args, task_vars)
        if self._is_current(payload, task_vars):
            return {"changed": False, "changed_files": [], "armed": False, "diff": []}
        result = self._execute_module(
            module_name="managed_files",
            module_args={
                "payload": json.dumps(payload),
                "run": task_vars.get("preflight_run", ""),
                **{name: args[name] for name in ("validate", "guard", "record") if name in args},
            },
            task_vars=task_vars,
        )
        if not result.get("changed"):
            return result
        facts = {"files_changed": True}
        if any(part in path for path in result["changed_files"] for part in READ_BY_SYSTEMD):
            facts["units_read"] = False
        return {**result, "ansible_facts": facts}

    def _is_current(self, payload: Mapping[str, Any], task_vars: Mapping[str, Any]) -> bool:
        """Tell whether `server_probe` has read the server and found everything as wanted."""
        current_state = task_vars.get("ansible_facts", {}).get("current_state")
        if not current_state or task_vars.get("packages_arrived", False):
            return False  # new packages may have changed files
        if self._task.args.get("guard") and current_state["pending"]:
            return False  # the module must report that a confirmation is awaited
        untold = [*current_state["unapplied"], *current_state["misrecorded"]]
        if any(path in paths for path in untold for paths in payload.values()):
            return False  # the module must report what an interrupted run changed, and record what stands
        return is_current(payload, current_state, task_vars["preflight_key"])

    def _payload(self, args: Mapping[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what is wanted, attributes and contents (base64) included: files, directories, links and absent."""
        attributes = args.get("files") or {}
        directories = {**dict.fromkeys(_folders(args.get("copies") or {})), **(args.get("directories") or {})}
        files = {
            dest: {
                **ATTRIBUTES,
                "mode": "0644",
                "content": base64.b64encode(content).decode(),
                **attributes.get(dest, {}),
            }
            for dest, content in chain(
                self._render(args.get("src") or "", task_vars), self._copy(args.get("copies") or {})
            )
        }
        named = {
            *attributes,
            *(args.get("copies") or {}),
            *directories,
            *(args.get("links") or {}),
            *(args.get("absent") or []),
        }
        if relative := sorted(path for path in named if not path.startswith("/")):
            # Ansible does not render the keys of a mapping: a variable there would become a folder of that name.
            raise AnsibleActionFail(f"managed_files: no es una ruta absoluta: {', '.join(relative)}")
        if stray := sorted(set(attributes) - set(files)):
            raise AnsibleActionFail(
                f"managed_files: atributos de archivos que ninguna plantilla produce: {', '.join(stray)}"
            )
        return {
            "files": files,
            "directories": {path: {**ATTRIBUTES, "mode": "0755", **(spec or {})} for path, spec in directories.items()},
            "links": args.get("links") or {},
            "absent": args.get("absent") or [],
        }

    def _render(self, top: str, task_vars: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
        """Yield (path on the server, content) for every file below the role's templates."""
        if self._task._role is None:
            raise AnsibleActionFail("managed_files: solo un rol tiene plantillas")
        templates = Path(self._task._role._role_path) / "templates"
        if not (templates / top).is_dir() and (top or not templates.exists()):
            if top:
                raise AnsibleActionFail(f"managed_files: {templates / top} no es una carpeta")
            return
        templar = self._templar.copy_with_new_env(
            searchpath=[str(templates)], available_variables={"ansible_managed": MANAGED, **task_vars}
        )
        for source in _files(templates / top):
            dest = "/" + str(source.relative_to(templates))
            if dest.endswith(".j2"):
                yield dest.removesuffix(".j2"), self._render_one(templar, source)
            else:
                yield dest, source.read_bytes()

    def _copy(self, copies: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
        """Yield (path on the server, content) for every file of the folders that lie elsewhere in the project."""
        for dest, folder in copies.items():
            if not Path(folder).is_dir():
                raise AnsibleActionFail(f"managed_files: {folder} no es una carpeta")
            for source in _files(Path(folder)):
                yield f"{dest}/{source.relative_to(folder)}", source.read_bytes()

    def _render_one(self, templar: Any, source: Path) -> bytes:
        text = trust_as_template(source.read_text(encoding="utf-8"))
        try:
            rendered = templar.template(text, escape_backslashes=False, overrides={"trim_blocks": True})
        except Exception as error:
            raise AnsibleActionFail(
                f"no se pudo componer {source.name}; la causa según Ansible: {error}", obj=text
            ) from error
        if rendered is None:  # an empty template
            return b""
        # Bytes that are no UTF-8, which the lookup file_bytes escapes, arrive as they are in the operator's file.
        return str(rendered).encode(errors="surrogateescape")


def _files(top: Path) -> Iterator[Path]:
    """Yield every file below a folder, except Python's compiled files and what is none of the project's."""
    for folder, inner, names in os.walk(top):
        inner[:] = [name for name in inner if not is_stray(name)]
        yield from (Path(folder) / name for name in sorted(names) if not (name.endswith(".pyc") or is_stray(name)))


def _folders(copies: Mapping[str, str]) -> Iterator[str]:
    """Yield the paths on the server of all folders of these copies, which nobody else has anything in."""
    for dest, folder in copies.items():
        for source in _files(Path(folder)):
            yield from (os.path.normpath(f"{dest}/{above}") for above in source.relative_to(folder).parents)


def is_current(payload: Mapping[str, Any], current_state: Mapping[str, Any], key: str) -> bool:
    """Tell whether `server_probe`, given this `key`, found every path of a payload as wanted."""
    return all(_seen(path, current_state) == wanted for path, wanted in _wanted(payload, key.encode()).items())


def _wanted(payload: Mapping[str, Any], key: bytes) -> dict[str, str]:
    """Return {path: line} for a whole payload, in the form of `server_probe` (see `describe` there)."""
    wanted = {path: _line("directory", spec) for path, spec in payload["directories"].items()}
    for path, spec in payload["files"].items():
        content = base64.b64decode(spec["content"])
        digest = hmac.new(key, content, hashlib.sha256).hexdigest()
        wanted[path] = f"{_line('file', spec)} {digest}" if content.strip() else "absent"
    wanted |= {path: f"link {target}" for path, target in payload["links"].items()}
    return wanted | dict.fromkeys(payload["absent"], "absent")


def _line(kind: str, spec: Mapping[str, Any]) -> str:
    return f"{kind} {spec['owner']} {spec['group']} {spec['mode']}"


def _seen(path: str, current_state: Mapping[str, Any]) -> str:
    """Return the line that `server_probe` gave for a path; "" when it did not read the path."""
    return "absent" if is_there(path, current_state["folders"]) is False else current_state["paths"].get(path, "")
