"""Writes the form as YAML, empty or filled, with the words of the call as comments."""

from __future__ import annotations

import json
from collections.abc import Mapping

from difusor.partners.form.items import items

HEAD = """\
# FORMATO DE REGISTRO DE DIFUSORES PREP (ANEXO 2){of}, con el anexo técnico del Instituto.
# Escriba cada dato después de los dos puntos, entre comillas si lleva «:» o «#». No envíe contraseñas ni llaves.
"""


def write(election: str, values: Mapping[str, str] | None = None) -> str:
    """Return the form; `values` are those of its items by their keys, and none when it is to be empty."""
    lines, part = [HEAD.format(of=f", {election}" if election else "")], ""
    for each in items():
        of, dot, name = each.key.rpartition(".")
        if of != part:
            lines.append(f"\n{of}:\n" if dot else "\n")
            part = of
        choices = f" Uno de estos: {'; '.join(each.choices)}." if each.choices else ""
        value = (values or {}).get(each.key, "")
        indent = "  " if dot else ""
        lines.append(f"{indent}# {each.number}. {each.title}. {each.help}{choices}\n")
        lines.append(f"{indent}{name or each.key}:{f' {json.dumps(value, ensure_ascii=False)}' if value else ''}\n")
    return "".join(lines)
