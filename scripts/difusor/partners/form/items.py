"""The items of the form in their order, taken from its model; where each of them is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from difusor.partners.form.model import Form
from difusor.partners.form.values import NONE, bare, plain_words
from difusor.spec.faults import sentence

SECRET = "ftp.contrasena"
"""The key of the item whose value is never repeated, nor kept."""
Weight = Literal["error", "revisar", "aviso"]
"""error: the sender corrects it; revisar: the clerk decides, and may accept it; aviso: kept and marked."""


@dataclass(frozen=True)
class Item:
    """One line of the form."""

    key: str
    number: str
    title: str
    help: str
    choices: tuple[str, ...]
    required: bool

    @property
    def of_the_annex(self) -> bool:
        """Whether it is on the institute's sheet, and not among the call's 19."""
        return self.number.startswith("T")


@dataclass(frozen=True)
class Remark:
    """What is wrong with the form, or remarkable: its item's key, where that is, and a sentence without full stop."""

    key: str
    place: str
    sentence: str
    weight: Weight = "error"

    def __str__(self) -> str:
        """Return the whole sentence."""
        return f"{self.place}: {self.sentence}{'' if self.sentence.endswith('?') else '.'}"


@dataclass(frozen=True)
class Received:
    """What a form says, by the keys of its items, where each value was found, and what was wrong with the file itself.

    `password` tells that one was received; it is not here.
    """

    values: Mapping[str, str]
    places: Mapping[str, str]
    findings: list[Remark] = field(default_factory=list)
    password: bool = False

    def finding(self, key: str, text: str, weight: Weight = "error") -> Remark:
        """Return a finding about an item, with the place where it was found."""
        return Remark(key, self.places.get(key, key), text, weight)


@cache
def items() -> tuple[Item, ...]:
    """Return all items: the call's 19, then the annex's."""
    return tuple(_items(Form, ""))


def keys() -> dict[str, Item]:
    """Return the items by their keys."""
    return {each.key: each for each in items()}


def _items(part: type[BaseModel], prefix: str) -> Iterator[Item]:
    for one in part.model_fields.values():
        key, inner = f"{prefix}{one.alias}", one.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _items(inner, f"{key}.")
            continue
        extra: Any = one.json_schema_extra
        choices = get_args(inner) if get_origin(inner) is Literal and key != SECRET else ()
        yield Item(key, str(extra["item"]), one.title or "", one.description or "", choices, one.is_required())


def read(received: Received) -> tuple[Form | None, dict[str, str], list[Remark]]:
    """Return the form, or None when something is wrong with it; its good values by their keys; all that is wrong.

    Blank and wrong values are "" among the good ones, so that the rest can be reviewed all the same.
    """
    faulty = {each.key for each in received.findings if each.weight == "error"}
    given = {key: _chosen(key, value) for key, value in filled(received).items() if key not in faulty}
    try:
        form = Form.model_validate(_nested(given))
    except ValidationError as error:
        findings = list(_findings(error, received, faulty))
        good = given.keys() - {each.key for each in findings}
        return (
            None,
            {key: _alone(key, given[key]) if key in good else "" for key in keys()},
            [
                *received.findings,
                *findings,
            ],
        )
    return (None if faulty else form), texts(form), list(received.findings)


def filled(received: Received) -> dict[str, str]:
    """Return what was written, bare, by the items' keys; an optional item that does not apply was left blank."""
    found = {key: bare(value) for key, value in received.values.items()}
    return {key: value for key, value in found.items() if value and not _left_blank(key, value)}


def _left_blank(key: str, value: str) -> bool:
    return key != SECRET and key in keys() and not keys()[key].required and bool(NONE.fullmatch(value))


def fault(key: str, value: str) -> str:
    """Return what is wrong with the value of one item alone, without full stop; empty when nothing is."""
    item, value = keys()[key], bare(value)
    if not value or _left_blank(key, value):
        return "falta" if item.required else ""
    try:
        _alone(key, _chosen(key, value))
    except ValidationError as error:
        return _sentence(error.errors(include_url=False)[0], item)
    return ""


def _chosen(key: str, value: str) -> str:
    """Return the choice that somebody typed without its accents, or in capitals; any other value as it is."""
    return next((each for each in keys()[key].choices if plain_words(each) == plain_words(value)), value)


def texts(form: Form) -> dict[str, str]:
    """Return the values of a form by the keys of its items, as people write them."""
    whole = form.model_dump(by_alias=True)
    found = {}
    for key in keys():
        part, dot, name = key.partition(".")
        found[key] = _text(whole[part][name] if dot else whole[part])
    return found


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _alone(key: str, value: str) -> str:
    """Return one value as the model tidies it."""
    return _text(_adapter(key).validate_python(value))


@cache
def _adapter(key: str) -> TypeAdapter[Any]:
    """Return what reads an item's values; to make one takes far longer than to read a value with it."""
    part: type[BaseModel] = Form
    *parents, name = key.split(".")
    for parent in parents:
        part = next(one.annotation for one in part.model_fields.values() if one.alias == parent)  # type: ignore[assignment]
    field = next(one for one in part.model_fields.values() if one.alias == name)
    return TypeAdapter(Annotated[field.annotation, *field.metadata, None])  # type: ignore[arg-type]


def _nested(values: Mapping[str, str]) -> dict[str, Any]:
    """Return values by keys such as legal.correo as the model takes them; every part is there, even an empty one."""
    whole: dict[str, Any] = {each.key.partition(".")[0]: {} for each in items() if "." in each.key}
    for key, value in values.items():
        part, dot, name = key.partition(".")
        if dot:
            whole[part][name] = value
        else:
            whole[part] = value
    return whole


def _findings(error: ValidationError, received: Received, faulty: set[str]) -> Iterator[Remark]:
    known = keys()
    for detail in error.errors(include_url=False):
        key = ".".join(str(part) for part in detail["loc"] if f"{part}" != "no aplica")
        if key not in faulty:
            yield received.finding(key, _sentence(detail, known.get(key)))


def _sentence(detail: ErrorDetails, item: Item | None) -> str:
    if detail["type"] == "missing":
        return f"falta: {item.help[:1].lower()}{item.help[1:].rstrip('.')}" if item else "falta"
    if detail["type"] == "literal_error" and item and item.choices:
        return f"elija {' o '.join(f'«{each}»' for each in item.choices)}; dice «{str(detail['input'])[:60]}»"
    return sentence(detail)
