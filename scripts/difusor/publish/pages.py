"""Compares what the page reads of a corte, datos/corte.json and the pages of the offices, with the corte's own files.

docs/es/datos.md describes them. A corte for another application has none, or another form, of which nothing is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from corte.format import content, instants
from corte.format.files import text as text_of
from corte.format.manifest import Entry, Manifest
from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.publish import figures

IDENTITY = "datos/corte.json"
"""The file of a corte that says which one it is; the page reads it first. What it says is called the head."""
_REMEDY = "pida la carpeta otra vez a quien la hace, o corríjalo"
_NO_JSON = "no es JSON que un navegador pueda leer: la página no lo puede mostrar"
NO_INSTANT = "que no es un instante con su diferencia con UTC"
MAX_WARNINGS = 10
NIGHT = "datos/noche.json"
SECTIONS = "datos/secciones.json"
READ = (NIGHT, "datos/resultados.html", SECTIONS)
"""What the page reads of a corte besides, or leads to."""
_MAX_ENTRIES = 100
"""How many offices, and how many downloads, are looked at."""
_KEY = re.compile(r"[A-Za-z0-9_-]+")
"""What browsers leave as it is in an address; the page looks for the office that an address names."""
_UNREADABLE: dict[str, Any] = {}
"""Stands for the content of a file that no browser can read."""
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "corte": str, "hora": str, "descargas": list, "minutos_utc": (int, float, str), "eleccion.nombre": str,
    "eleccion.entidad": str, "eleccion.instituto": str, "eleccion.jornada": str, "eleccion.colores": dict,
}  # fmt: skip
"""What the page shows no corte without, and of which type it is: `outer.inner`."""


def is_ours(head: Mapping[str, Any]) -> bool:
    """Tell whether a datos/corte.json is one that the page reads: another application's names no offices."""
    return bool(_entries(head, "elecciones"))


def warnings(folder: Path, head: Mapping[str, Any], files: Mapping[str, Entry], captured: dict[str, int]) -> list[str]:
    """Return a Spanish sentence for everything in which the page's files contradict the corte, a few at most.

    `head` is what datos/corte.json says; `files` are those of the corte; `captured` is the count of each table
    (`content.Content`).
    """
    if not is_ours(head):
        return []
    parts = (
        _unread(folder, files), _of_the_head(head, files), _of_the_night(folder, files),
        _of_offices(folder, head, files, captured), _of_downloads(head, files),
    )  # fmt: skip
    found = (sentence for part in parts for sentence in part)
    return [sentence[: content.MAX_WARNING] for sentence in islice(found, MAX_WARNINGS)]


def wrong_hours(head: Mapping[str, Any], election: Election) -> list[str]:
    """Return a Spanish sentence for each thing by which the page would tell every visitor another hour than it is.

    `head` as in `warnings`. The page tells hours by `minutos_utc`, whatever its value is worth as a number, and a
    browser takes an instant without its difference with UTC for one of the visitor's own zone.
    """
    if not is_ours(head):
        return []
    told, minutes = [], election.utc_offset // timedelta(minutes=1)
    if (said := head.get("minutos_utc", minutes)) is None or figures.number(said) != minutes:
        told.append(
            f"{IDENTITY} dice en «minutos_utc» {json.dumps(said, ensure_ascii=False)}, y la de {election.timezone} en "
            f"la apertura es {minutes}: la página diría mal todas las horas; pida que lo corrija a quien hace la "
            "carpeta. Si la del lugar cambió por ley, actualice tzdata en esta máquina"
        )
    for name in ("corte", "siguiente"):
        for unsaid in _without_offset(head.get(name)):
            told.append(
                f"{IDENTITY} dice en «{name}» {unsaid}, {NO_INSTANT}, y cada teléfono leería otra hora; "
                f"{_meant(unsaid, election)}"
            )
    return told


def wrong_labels(head: Mapping[str, Any], environment: str) -> list[str]:
    """Return a Spanish sentence for each label, of a rehearsal or of invented data, that citizens would see or miss.

    `head` as in `warnings`. The page shows a label where JavaScript takes the value for true, as it does "false". What
    it takes for false is right in an official corte; in a rehearsal, where it stops nobody's night, only booleans are.
    A boolean that contradicts the environment is not told of here: nothing of it is signed, orders included.
    """
    if not is_ours(head):
        return []
    told = []
    for name, rehearsal in (("simulacro", "true"), ("datos_sinteticos", "true o false")):
        said = head.get(name)
        if isinstance(said, bool) or (name == "datos_sinteticos" and name not in head):
            continue
        it = f"dice en «{name}» {json.dumps(said, ensure_ascii=False)}" if name in head else f"no dice «{name}»"
        if environment != "official":
            told.append(f"{IDENTITY} {it}, y en un simulacro debe decir {rehearsal}, sin comillas")
        elif said or isinstance(said, (list, dict)):  # JavaScript takes an empty one for true, too
            told.append(f"{IDENTITY} {it}, y la página diría que los resultados lo son: debe decir false, sin comillas")
    return told


def _without_offset(*said: object) -> list[str]:
    """Return the texts that are no instant with its difference with UTC; an empty one says nothing."""
    return [each for each in said if isinstance(each, str) and each and _instant(each) is None]


def _meant(said: str, election: Election) -> str:
    """Return what to write in place of an instant without its difference with UTC."""
    with suppress(ValueError, OverflowError):
        there = datetime.fromisoformat(said).replace(tzinfo=timezone(election.utc_offset))
        return f"si es la hora del lugar, debe decir {instants.write(there)}"
    return "debe decirlo como 2024-06-03T02:10:00Z"


def of_another(head: Mapping[str, Any], document: Manifest, name: str = "") -> list[str]:
    """Return a Spanish sentence for each thing in which a folder seems to be of another election than it is signed for.

    `head` as in `warnings`; `name` is the election's, "" when it is not known. What the head does not say is no other.
    """
    window, interval = document.window, timedelta(minutes=document.interval_minutes)
    opens, last, own = (_field(head, each) for each in ("abre", "cierra", "eleccion.nombre"))
    told = []
    if name and isinstance(own, str) and own.split() != name.split():
        told.append(f"{IDENTITY} es de «{own}», y se firma para «{name}»")
    if (at := _instant(opens)) and at != window.opens:
        told.append(f"{IDENTITY} abre {instants.write(at)}, y se firma con apertura {instants.write(window.opens)}")
    # By docs/es/datos.md it is the last corte, which no whole number of intervals may lead to the close.
    if (at := _instant(last)) and not window.closes - interval < at <= window.closes:
        told.append(f"{IDENTITY} cierra {instants.write(at)}, y se firma con cierre {instants.write(window.closes)}")
    return [f"{each[: content.MAX_WARNING]}: revise que la carpeta sea de esta elección." for each in told]


def of_the_next(head: Mapping[str, Any], document: Manifest) -> list[str]:
    """Return a Spanish sentence for each thing by which the page would tell wrongly whether the next corte is late.

    `head` as in `warnings`. Without a next one the page calls a corte the final one. The interval, of which it waits
    two, may differ a little from the manifest's, as where cortes are spread evenly over the window; half of it, or
    twice as much, is in other units or of another election.
    """
    if not is_ours(head):
        return []
    told, interval = [], timedelta(minutes=document.interval_minutes)
    if not head.get("siguiente") and (after := document.corte + interval) <= document.window.closes:
        told.append(
            f"{IDENTITY} no dice «siguiente», y la página lo llamaría «Corte final»: hasta el cierre aún falta el de "
            f"las {instants.write(after)}."
        )
    said, seconds = head.get("intervalo_segundos"), interval.total_seconds()
    if not seconds / 2 < (figures.number(said) or 0) < seconds * 2:
        it = json.dumps(said, ensure_ascii=False)
        told.append(
            f"{IDENTITY} dice en «intervalo_segundos» {it}, y su elección tiene {seconds:.0f}: la página no avisaría "
            "bien de un corte atrasado."
        )
    return [each[: content.MAX_WARNING] for each in told]


def _instant(said: object) -> datetime | None:
    with suppress(ValueError, OverflowError):
        return instants.parse_offset(said) if isinstance(said, str) else None
    return None


def _entries(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the entries of a list that have a file; [] when there is no such list."""
    given = document.get(name)
    known = given[:_MAX_ENTRIES] if isinstance(given, list) else []
    return [each for each in known if isinstance(each, dict) and isinstance(each.get("archivo"), str)]


def _unread(folder: Path, files: Mapping[str, Entry]) -> Iterator[str]:
    """Say which files no browser can read, of those that nothing else tells of."""
    for path in (IDENTITY, NIGHT, SECTIONS):
        if path in files and _page(folder, path, files) is _UNREADABLE:
            yield f"{path} {_NO_JSON}."


def _of_the_head(head: Mapping[str, Any], files: Mapping[str, Entry]) -> Iterator[str]:
    if missing := [f"«{name}»" for name, kind in _FIELDS.items() if not isinstance(_field(head, name), kind)]:
        yield f"{IDENTITY} no dice bien {', '.join(missing)}: la página no lo puede mostrar."
    if absent := [name for name in READ if name not in files]:
        yield f"El corte no trae {', '.join(absent)}, que la página lee o enlaza."
    for name in ("abre", "cierra"):
        for unsaid in _without_offset(head.get(name)):
            yield f"{IDENTITY} dice en «{name}» {unsaid}, {NO_INSTANT}: no se compara."


def _of_the_night(folder: Path, files: Mapping[str, Entry]) -> Iterator[str]:
    """Say which instant of the table of all cortes each visitor would read by his own zone; the first is enough."""
    page = _page(folder, NIGHT, files) if NIGHT in files else None
    said = (page or {}).get("cortes")
    for unsaid in _without_offset(*(said if isinstance(said, list) else []))[:1]:
        yield f"{NIGHT} dice en «cortes» {unsaid}, {NO_INSTANT}."


def _field(document: Any, name: str) -> object:
    for part in name.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _of_offices(
    folder: Path, head: Mapping[str, Any], files: Mapping[str, Entry], captured: Mapping[str, int]
) -> Iterator[str]:
    for office in _entries(head, "elecciones"):
        path = office["archivo"]
        if path not in files:
            yield f"{IDENTITY} nombra «{path}», que no está en el corte."
            continue
        page = _page(folder, path, files)
        own = list(_of_instants(path, page, IDENTITY, head.get("corte")))
        yield from own or islice(_of_actas(folder, path, page, files), 1)
        yield from _of_key(office, path, page)
        yield from (f"{path} {told}." for told in (figures.wrong(page) if page else ()))
        counted = list(_of_table(office, path, page, head, captured))
        yield from counted
        if page and not own and not counted and (name := figures.differing(office, page)):
            yield (
                f"{path} dice en «totales.{name}» {_field(page, f'totales.{name}')}, y {IDENTITY} de ese cargo "
                f"{_field(office, f'totales.{name}')}: la página los toma por cortes distintos y tarda en mostrarlo."
            )


def _of_table(
    office: Mapping[str, Any], path: str, page: Mapping[str, Any] | None, head: Mapping[str, Any],
    captured: Mapping[str, int],
) -> Iterator[str]:  # fmt: skip
    """Say where head or page give another count of captured actas than the table of their office."""
    table = _table(office, head)
    told = captured.get(content.unstamped(table))
    for where, said in ((IDENTITY, _captured(office)), (path, _captured(page))):
        if said is not None and told is not None and said != told:
            yield f"{where} dice {said} actas capturadas de «{office['nombre']}», y {table} dice {told}."


def _of_key(office: Mapping[str, Any], path: str, page: Mapping[str, Any] | None) -> Iterator[str]:
    """Say why the page's links to an office, or to a place of it, would lead to another office."""
    key = office.get("clave")
    it, lead = json.dumps(key, ensure_ascii=False), "los enlaces de la página llevarían a otro cargo"
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        yield f"{IDENTITY} dice en «clave» {it}: {lead}; use solo letras sin acento, cifras, «-» y «_»."
    elif page and page.get("clave") != key:
        yield f"{path} dice en «clave» {json.dumps(page.get('clave'), ensure_ascii=False)}, y {IDENTITY} {it}: {lead}."


def _of_actas(folder: Path, path: str, page: Mapping[str, Any] | None, files: Mapping[str, Entry]) -> Iterator[str]:
    """Say of every place of an office what keeps the page from showing its actas."""
    places = (page or {}).get("territorios")
    for place in places[: figures.MAX_PLACES] if isinstance(places, list) else []:
        file = _field(place, "detalle.archivo")
        if not isinstance(file, str):
            yield f"{path} no dice en «detalle» qué archivo tiene las actas de «{_field(place, 'nombre')}»."
        elif file not in files:
            yield f"{path} nombra «{file}», que no está en el corte."
        else:
            yield from _of_instants(file, _page(folder, file, files), path, _field(place, "detalle.corte"))


def _of_instants(path: str, page: Mapping[str, Any] | None, by: str, announced: object) -> Iterator[str]:
    """Say what keeps the page from showing a file, whose instant it compares with the announced one as a text."""
    said = page.get("corte") if page is not None else announced
    if page is _UNREADABLE:
        yield f"{path} {_NO_JSON}."
    elif not isinstance(said, str):
        yield f"{path} no dice en «corte» de cuál es: la página no lo puede mostrar."
    elif not isinstance(announced, str):
        yield f"{by} no dice de qué corte es {path}: la página no lo puede mostrar."
    elif _differ(said, announced):
        yield f"{path} es del corte {said}, y {by} del corte {announced}."
    elif said != announced:
        yield f"{path} escribe su corte «{said}», y {by} «{announced}»: la página los compara como textos."


def _of_downloads(head: Mapping[str, Any], files: Mapping[str, Entry]) -> Iterator[str]:
    for each in _entries(head, "descargas"):
        path = each["archivo"]
        if path not in files:
            yield f"{IDENTITY} ofrece «{path}», que no está en el corte."
            continue
        size, digest = each.get("bytes", files[path].size), each.get("sha256", files[path].sha256)
        if size != files[path].size or str(digest).lower() != files[path].sha256:
            yield f"{IDENTITY} dice de {path} un tamaño o un SHA-256 que no son los del archivo."


def document(path: Path, is_strict: bool = False) -> dict[str, Any]:
    """Return the object in a JSON file, {} when it has something else; OSError or UnusableError when it has no JSON.

    A mark of byte order is no fault: browsers and servers pass over it, too. `is_strict`: NaN and Infinity are faults,
    which Python reads and writes and no browser reads.
    """

    def constant(name: str) -> float:
        if is_strict:
            raise UnusableError(f"{path} dice {name}, que no es JSON y ningún navegador lee; {_REMEDY}")
        return float(name)

    try:
        found = json.loads(text_of(path, "utf-8-sig"), parse_constant=constant)
    except json.JSONDecodeError as error:
        why = f"no es JSON: se interrumpe en el renglón {error.lineno}, columna {error.colno}"
    except UnicodeDecodeError:
        why = "no está en UTF-8"
    except (ValueError, RecursionError):  # a number or a nesting beyond every bound
        why = "no es JSON que se pueda leer"
    else:
        return found if isinstance(found, dict) else {}
    raise UnusableError(f"{path} {why}; {_REMEDY}")


def _page(folder: Path, path: str, files: Mapping[str, Entry]) -> Mapping[str, Any] | None:
    """Return what a file of the page says: _UNREADABLE when it is no JSON, None when it is too large to look at."""
    if files[path].size > content.MAX_JSON_BYTES:
        return None
    try:
        return document(folder / path, is_strict=True)
    except (OSError, UnusableError):
        return _UNREADABLE


def _differ(one: str, other: str) -> bool:
    """Tell whether two texts say different instants."""
    try:
        return instants.parse_offset(one) != instants.parse_offset(other)
    except ValueError:
        return one != other


def _table(office: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    """Return the path of the one table whose content is called as the office; "" when that is not sure."""
    name = office.get("nombre")
    found = [each["archivo"] for each in _entries(head, "descargas") if each.get("contenido") == name]
    tables = [path for path in found if path.lower().endswith(".csv")]
    return tables[0] if isinstance(name, str) and len(tables) == 1 else ""


def _captured(document: Mapping[str, Any] | None) -> int | None:
    said = _field(document, "totales.actas_capturadas")
    return said if isinstance(said, int) else None
