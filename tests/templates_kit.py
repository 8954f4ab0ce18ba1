"""Templates that Ansible compiles once, though it renders them for many inventories: what it compiles it does not keep.

An inventory has some hundred expressions, nearly all of them the project's own, and to compile them takes longer than
to render them.
"""

from collections.abc import Callable
from types import CodeType
from typing import Any

from ansible._internal._templating._jinja_bits import (
    _TEMPLATE_OVERRIDE_FIELD_NAMES,
    AnsibleEnvironment,
    _TemplateCompileContext,
)

Kept = Callable[[str, Callable[[], CodeType]], CodeType]
"""Returns the code of a template, given all that it depends on and the function that compiles it."""

_compile = AnsibleEnvironment.compile
_codes: dict[str, CodeType] = {}


def in_memory(said: str, make: Callable[[], CodeType]) -> CodeType:
    """Return the code as this process has compiled it before; else compile it."""
    if said not in _codes:
        _codes[said] = make()
    return _codes[said]


def keep(kept: Kept = in_memory) -> None:
    """Have Ansible take the code of templates from `kept` in this process and its forks.

    What is compiled depends on the text and on the settings that a template may begin with, since Ansible has Jinja
    leave constants as they are. Of a template's tree, or one with a name, nothing is kept.
    """

    def compiled(environment: AnsibleEnvironment, source: Any, *rest: Any, **options: Any) -> Any:
        if not isinstance(source, str) or rest or options:
            return _compile(environment, source, *rest, **options)
        context = _TemplateCompileContext.current(optional=True)
        settings = [getattr(environment, name) for name in _TEMPLATE_OVERRIDE_FIELD_NAMES]
        said = repr([str(source), settings, context and context.escape_backslashes])
        return kept(said, lambda: _compile(environment, source))

    AnsibleEnvironment.compile = compiled
