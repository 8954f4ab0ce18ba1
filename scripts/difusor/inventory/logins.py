"""Judges the variables with which Ansible connects to a server; with a wrong one every task would fail, in English."""

from __future__ import annotations

import yaml

TEXTS = ("ansible_host", "ansible_user", "ansible_connection", "ansible_become_method", "ansible_become_user")
CHOICES = {
    "ansible_connection": ("ssh", "local", "paramiko", "paramiko_ssh", "smart"),
    "ansible_become_method": ("sudo", "su", "doas"),
}


def fault(name: str, value: yaml.Node) -> str:
    """Return what is wrong with the value of a variable, as the end of a sentence; empty when nothing.

    Of expressions only whether they end is judged; plugins of a collection (`community.docker.docker`) are not.
    """
    known = name in TEXTS or name == "ansible_port"
    if not isinstance(value, yaml.ScalarNode):
        return "debe ser un texto" if known else ""
    said = str(value.value)
    if "{{" in said:
        open_ended = known and said.count("{{") != said.count("}}")
        return f"«{said}» es una expresión que no termina; a cada {{{{ le sigue su }}}}" if open_ended else ""
    if name == "ansible_port":
        return port_fault(said)
    if name in CHOICES and "." not in said and said not in CHOICES[name]:
        return f"«{said}» no existe; escriba {CHOICES[name][0]}, o quítela"
    return ""


def port_fault(said: str) -> str:
    """Return what is wrong with a port as it is written, as the end of a sentence; empty when nothing."""
    if said.isascii() and said.isdigit() and len(said) <= 5 and 1 <= int(said) <= 65535:
        return ""
    return f"«{said}» no es un puerto; escriba un número de 1 a 65535, o quítela"
