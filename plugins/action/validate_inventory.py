"""Check an inventory on the controller and refuse an unusable one before the server is contacted."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from corte.format import files
from difusor import inventory
from difusor.inventory import doubles, vaults
from difusor.project import ROOT


class ActionModule(ActionBase):
    """Check the variables of one host with `difusor.inventory`.

    With `files: false` it reads none of the files that they name, nor looks for copies in the inventory: a run that
    installs little must not wait for them.
    """

    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset({"files"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with a list of all problems, one sentence per line."""
        super().run(tmp, task_vars)
        names = list(task_vars or {})
        own = [name for name in names if not name.startswith(("ansible_", "vault_", "_"))]
        values = {name: self._render(name) for name in names if name in inventory.JUDGED}
        read = self._read if boolean(self._task.args.get("files", True)) else None
        problems = inventory.unknown(own, ROOT) + inventory.problems(values, read)
        if read:
            problems += _doubles(str((task_vars or {}).get("inventory_dir") or ""))
        if not problems:
            host = inventory.Host.of(str(task_vars and task_vars["inventory_hostname"]), values)
            told = [*_advice(host, read), *_shared(task_vars or {}), *(_proofs(task_vars or {}) if read else ())]
            return {"changed": False, "warnings": [f"{each}." for each in told]}
        lines = "\n".join(f"- {problem}" for problem in problems)
        return {"failed": True, "msg": f"El inventario no está listo y nada se tocó en el servidor. Corrija:\n{lines}"}

    def _render(self, name: str) -> Any:
        try:
            return _plain(self._templar.template(self._templar.available_variables[name]))
        except AnsibleError as error:
            return error

    def _read(self, path: str) -> bytes:
        """The file's bytes, decrypted when it is a vault."""
        if not Path(path).is_file():
            raise FileNotFoundError(errno.ENOENT, "", path)
        try:
            return files.read(Path(self._loader.get_real_file(path)))
        except AnsibleError:
            raise OSError("no se descifra con las contraseñas de las bóvedas") from None


def _doubles(folder: str) -> list[str]:
    """Return a sentence for each copy of a file beside it, in the inventories of this folder that the run was given."""
    given = [Path(each) for each in context.CLIARGS.get("inventory") or ()]
    own = [each for each in given if (each if each.is_dir() else each.parent).resolve() == Path(folder).resolve()]
    return [sentence for each in own for sentence in doubles.faults(each, vaults.text_of)]


def _advice(host: inventory.Host, read: Callable[[str], bytes] | None) -> Iterator[str]:
    """Yield what the operator has to know although nothing is wrong, each without its full stop."""
    yield from (f"Elección: {each}" for each in inventory.advice(host.election))
    certificate = host.partner.tls_certificate
    if read and host.partner.tls_mode == "files" and (short := inventory.shortfall(read(certificate), host.election)):
        yield (
            f"difusor_tls_certificate: {certificate} {short}; pida ya a su difusor otro que dure más, con sus "
            "intermedios y su llave"
        )
    if revoked := host.partner.revocation:
        from difusor.terminal import by_clocks  # only here: with it come libraries that no other run needs

        told = by_clocks(revoked.told, host.election.catalog.zone)
        yield f"{host.name} está {told}. Esta ejecución lo deja así; vuelve con ./difusor restore"


def _shared(task_vars: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence, without its full stop, if other servers of this difusor have this one's public address.

    They may, behind a balancer or a floating address; but then nobody who asks by it knows which one answers.
    """
    name = task_vars["inventory_hostname"]
    if sharing := _alike(task_vars, inventory.is_shared):
        yield (
            f"{' y '.join([name, *sharing])} tienen la misma difusor_public_address, y el dictamen no podría saber "
            "cuál contesta: escriba en hosts.yml la de cada servidor, y en difusor_cdn_ranges la de lo que reparte "
            "las visitas"
        )


def _proofs(task_vars: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence if the authority that is to certify this server might ask another one of its difusor's."""
    if asked := _alike(task_vars, inventory.is_asked_too):
        yield (
            f"difusor_tls_mode: {' y '.join([task_vars['inventory_hostname'], *asked])} tienen un mismo nombre y, con "
            "acme, la autoridad preguntaría a cualquiera de ellos, y solo uno tiene la respuesta: use files, con un "
            "certificado para todos, salvo que el nombre lleve siempre a uno solo, como con una dirección flotante"
        )


def _alike(task_vars: Mapping[str, Any], judge: Callable[[Mapping[str, Any], Mapping[str, Any]], bool]) -> list[str]:
    """Return the names of this difusor's other servers that `judge` finds so, by the variables of this one and them."""
    hosts, name = task_vars["hostvars"], task_vars["inventory_hostname"]
    groups = [each for each in task_vars["group_names"] if each != "difusores"]  # that one has other difusores' too
    others = sorted({each for group in groups for each in task_vars["groups"][group]} - {name})
    with suppress(AnsibleError):  # of a value of another server's, which its own check tells
        return [each for each in others if judge(hosts[name], hosts[each])]
    return []


def _plain(value: Any) -> Any:
    """The value without Ansible's lazy containers and tagged strings."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
