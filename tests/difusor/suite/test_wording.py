"""What a dictamen says is Spanish, not Python."""

import pytest

from difusor.suite.wording import enumerated, plainly


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("abiertos [80, 443]", "abiertos 80, 443"),
        ("{'icc': False, 'log-opts': {'max-file': '3'}}", "icc: no, log-opts: max-file: 3"),
        ("10.0.0.1: responden []", "10.0.0.1: responden ninguno"),
        ("no responden [('10.0.0.1', 22)]", "no responden 10.0.0.1, 22"),
        ("compuerta {'state': 'open', 'hold': None}, responde 200", "compuerta state: open, hold: nada, responde 200"),
        ("{'a': \"it's [b]\"} y {roto", "a: it's [b] y {roto"),
        ("activo=True, permiso: False, pausa=None", "activo=sí, permiso: no, pausa=nada"),
        # what is no Python, or belongs to a name, is quoted as it is
        ('options [size=12] {"json": true}', 'options [size=12] {"json": true}'),
        ("debian 12 (bookworm), (777) 362 4200", "debian 12 (bookworm), (777) 362 4200"),
        ("test_x[1] f(2, 3), lo llama True", "test_x[1] f(2, 3), lo llama True"),
        ("[" * 500, "[" * 500),
    ],
)  # fmt: skip
def test_python_becomes_an_enumeration(text: str, plain: str) -> None:
    assert plainly(text) == plain


@pytest.mark.parametrize(
    ("value", "plain"), [(True, "sí"), (None, "nada"), ({"a": (1, 2)}, "a: 1, 2"), ((), "ninguno"), (8.5, "8.5")]
)
def test_a_value_is_enumerated(value: object, plain: str) -> None:
    assert enumerated(value) == plain
