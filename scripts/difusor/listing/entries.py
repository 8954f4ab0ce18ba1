"""Who is on the official list: the difusores with every required paper on file; and of each other one, why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import starmap
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from corte.format.errors import why
from difusor.inventory import variables
from difusor.partners import record, revocation
from difusor.partners.filing import filing, papers
from difusor.partners.form.values import Name, WebPlace, plain_words
from difusor.partners.record import LOGO
from difusor.project import UnusableError, fallen
from difusor.spec.faults import sentence

READ = frozenset({"difusor_name", "difusor_fqdn", "difusor_path", "difusor_front", "difusor_registration"})
"""The variables that say name and link of a difusor that never sent a form."""
_NAME: TypeAdapter[str] = TypeAdapter(Annotated[Name, None])
_LINK: TypeAdapter[str] = TypeAdapter(Annotated[WebPlace, None])


@dataclass(frozen=True)
class Listed:
    """One difusor on the list. `link` is the registered one, without scheme; `logo` the file, None for who has none.

    `call`: whom the operator calls when something is wrong with its page, with telephone.
    """

    id: str
    name: str
    link: str
    logo: Path | None = None
    call: str = ""

    @property
    def url(self) -> str:
        """What the list links to: the registered link, letter by letter."""
        return f"https://{self.link}"

    @property
    def host(self) -> str:
        """The host name of the link."""
        return self.link.partition("/")[0]

    @property
    def path(self) -> str:
        """The folder of the page on its host, as the server knows it."""
        folder = self.link.partition("/")[2]
        return f"/{folder}/" if folder else "/"


@dataclass(frozen=True)
class Left:
    """One difusor that is not on the list, and why.

    `damage`: because a record of it could not be read; `revoked`: because the institute took it off.
    """

    id: str
    reason: str
    damage: bool = False
    revoked: bool = False


@dataclass(frozen=True)
class Entries:
    """Everybody who has an inventory of the election, or one that may be of it: who is on the list, by name, or not."""

    listed: tuple[Listed, ...]
    left: tuple[Left, ...]


def entries(folders: Sequence[Path], day: date | None, apart: Mapping[Path, str] | None = None) -> Entries:
    """Return who is on the list of the election whose inventories these folders are; never fails.

    `day`: its polling day, for which papers have to be. `apart`: the inventories that do not link it and may be of it
    as well, and of each what is wrong with it.
    """
    found = [_entry(folder, day) for folder in folders]
    listed, doubled = _once([each for each in found if isinstance(each, Listed)])
    left = [*(each for each in found if isinstance(each, Left)), *starmap(_apart, (apart or {}).items())]
    by_name = sorted(listed, key=lambda each: (plain_words(each.name), each.id))
    return Entries(tuple(by_name), tuple(sorted([*left, *doubled], key=lambda each: each.id)))


def _entry(folder: Path, day: date | None) -> Listed | Left:
    try:
        if off := revocation.in_force(folder):
            return Left(folder.name, off.told, revoked=True)
        lacking, filed = filing.lacking(folder, day, thorough=False), papers.read(folder).in_election(day)
        unexcused = [told for paper, told in lacking.items() if not filed.excuse(paper)]
        # An excused logo may be there all the same, and another file than the one that was enrolled.
        has_logo = "logotipo" not in lacking
        return Left(folder.name, "; ".join(unexcused)) if unexcused else _of_records(folder, has_logo)
    except UnusableError as error:
        return Left(folder.name, str(error), damage=True)
    except ValidationError as error:
        return Left(folder.name, sentence(error.errors(include_url=False)[0]), damage=True)
    except OSError as error:
        return Left(folder.name, f"no se puede leer {error.filename or folder}: {why(error)}", damage=True)
    except Exception as error:  # a fault of this program's: told of this difusor, and the list has the others
        return Left(folder.name, fallen(error), damage=True)


def _apart(folder: Path, why: str) -> Left:
    with suppress(Exception):  # it is told of all the same, as one that cannot be used
        if off := revocation.in_force(folder):
            return Left(folder.name, off.told, revoked=True)
    return Left(folder.name, why, damage=True)


def registered(folder: Path) -> Listed | None:
    """Return what an inventory says of its difusor, be it on the list or not; None when it cannot be read."""
    with suppress(Exception):  # whatever is wrong with it is told by the reason why it is not on the list
        return _of_records(folder, has_logo=False)
    return None


def _of_records(folder: Path, has_logo: bool) -> Listed:
    kept = record.read(folder)
    if kept is None:
        return _of_inventory(folder)
    technical = kept.form.technical
    call = f"{technical.name}, {technical.phone}, celular {technical.mobile}"
    return Listed(folder.name, kept.form.name, kept.form.link, folder / LOGO if has_logo else None, call)


def _of_inventory(folder: Path) -> Listed:
    """Return the difusor of an inventory that `new` made, whose name and link are as strictly judged as a form's."""
    values = next((each for each in variables.read(folder, only=READ).hosts.values() if "difusor_fqdn" in each), {})
    registration: Any = values.get("difusor_registration") or {}
    host = (values.get("difusor_front") or {}).get("name") or values.get("difusor_fqdn", "")
    place = registration.get("link") or f"{host}{values.get('difusor_path', '/')}"
    technical = registration.get("technical_contact") or {}
    call = ", ".join(str(technical[each]) for each in ("name", "phone", "mobile") if technical.get(each))
    name = _NAME.validate_python(values.get("difusor_name", ""))
    return Listed(folder.name, name, _LINK.validate_python(place), call=call)


def _once(listed: Iterable[Listed]) -> tuple[list[Listed], list[Left]]:
    """Keep those whose name and link nobody else has: of two alike nobody here can tell which one is meant."""
    found = list(listed)
    names, links = Counter(_folded(each) for each in found), Counter(each.link for each in found)
    doubled = [each for each in found if names[_folded(each)] > 1 or links[each.link] > 1]
    told = "otro difusor lleva el mismo nombre o el mismo enlace; corrija uno de los dos"
    return [each for each in found if each not in doubled], [Left(each.id, told, damage=True) for each in doubled]


def _folded(each: Listed) -> str:
    return "".join(plain_words(each.name))
