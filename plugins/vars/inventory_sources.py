"""Refuse unusable inventories as soon as Ansible has read which hosts they have: before any play, whatever the --limit.

Adds no variables. Ansible calls a vars plugin of the stage `inventory` for the group `all` even when it found no
inventory at all, which no task can be made to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.errors import AnsibleParserError
from ansible.inventory.group import Group
from ansible.plugins.vars import BaseVarsPlugin

from difusor.inventory import folders, sources, together, vaults

DOCUMENTATION = r"""
name: inventory_sources
short_description: Refuse inventories that cannot be used
description: Looks at the files of the inventories given with C(-i), their groups and the C(--limit); adds no variables.
author: [prep-difusor]
options:
  stage:
    description: When Ansible calls the plugin.
    type: str
    choices: [inventory]
    default: inventory
"""
NOBODY = "falta -i; nombre el difusor: -i inventories/<difusor>"


class VarsModule(BaseVarsPlugin):
    """Judges all sources of a run at once, when Ansible asks for the variables of the group `all`."""

    def get_vars(self, loader: Any, path: str, entities: Any, cache: bool = True) -> dict[str, Any]:
        """Return {}; AnsibleParserError with a line for each problem."""
        for entity in entities if isinstance(entities, list) else [entities]:
            if isinstance(entity, Group) and entity.name == "all":
                self._judge(path, entity)
        return {}

    def _judge(self, path: str, everything: Group) -> None:
        given = [str(each) for each in context.CLIARGS.get("inventory") or [path]]
        if any("," in source for source in given):  # a list of hosts, which is not the inventory of a difusor
            return
        groups = {
            group.name: [host.name for host in group.get_hosts()]
            for group in (everything, *everything.get_descendants())
        }
        if given == list(constants.DEFAULT_HOST_LIST) and not groups.get(sources.GROUP):
            if context.CLIARGS.get("syntax"):  # only the playbooks are judged
                return
            _refuse([NOBODY])
        found = [Path(source) for source in given]
        _refuse([sentence for source in found for sentence in folders.faults(source)])
        _refuse([vaults.sentence(vault) for source in found for vault in vaults.shut(source)])
        _refuse(sources.file_faults(found, vaults.text_of))
        _refuse(together.faults(found))
        if unread := everything.vars.get(sources.UNREAD):
            _refuse([f"{unread} no se puede leer como inventario; compárelo con inventories/ejemplo/hosts.yml"])
        _refuse(sources.group_faults(found, groups))
        _refuse(sources.limit_faults(context.CLIARGS.get("subset") or "", groups))


def _refuse(sentences: list[str]) -> None:
    if sentences:
        raise AnsibleParserError(sources.refusal(sentences))
