"""Asks for the form's items one by one on the terminal, for whoever takes one down by telephone."""

from __future__ import annotations

from functools import partial

from difusor.partners.form.items import SECRET, Item, fault, items
from difusor.partners.form.values import NOT_APPLICABLE
from difusor.terminal.asking import Question, answers


def ask() -> dict[str, str]:
    """Return what was answered, by the items' keys; each answer is asked again until it can be used.

    click.UsageError when there is no terminal. The password of FTP is never asked for.
    """
    return answers([_question(each) for each in items() if each.key != SECRET], {})


def _question(item: Item) -> Question:
    choices = f" ({' / '.join(item.choices)})" if item.choices else ""
    default = NOT_APPLICABLE if item.key.startswith("ftp.") else None if item.required else ""
    return Question(
        item.key, item.number, f"{item.number}. {item.title}{choices}", default, str, partial(fault, item.key)
    )
