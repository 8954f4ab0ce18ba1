"""What a dictamen says is Spanish, not Python."""

import pytest

from difusor.suite.waiting import TooSlow
from difusor.suite.wording import enumerated, measured, plainly, why


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


def test_what_was_too_slow_is_not_measured_and_says_so() -> None:
    sentence = "no ocurrió que el servidor responda, en 120.0 s"
    info = pytest.CallInfo.from_call(lambda: _raise(TooSlow(sentence)), "call")
    assert why(info)[0] == f"no se pudo medir: {sentence}"
    assert not measured(TooSlow(sentence), None)


def _raise(error: Exception) -> None:
    raise error
