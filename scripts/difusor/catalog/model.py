"""What a catalogue says of a place, its types and its rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from corte.format import paths
from corte.format.refusal import Refusal

OTHER_FILES = ("corte", "noche", "resultados", "secciones")
"""Names in the folder datos/ of a corte that an office cannot have, because other files have them."""
OTHER_VIEWS = ("base-de-datos",)
"""Addresses of the page (`#/…`) that an office cannot have."""
OTHER_TABLES = ("CANDIDATURAS",)
"""Codes that an office cannot have, because the archive of a corte has other tables of these names."""
README = "LEEME.txt"
"""What else is in that archive."""
COLUMNS = frozenset({
    "CLAVE_CASILLA", "CLAVE_ACTA", "ID_ENTIDAD", "ENTIDAD", "ID_DISTRITO_LOCAL", "DISTRITO_LOCAL", "ID_MUNICIPIO",
    "MUNICIPIO", "SECCION", "ID_CASILLA", "TIPO_CASILLA", "EXT_CONTIGUA", "CASILLA", "UBICACION_CASILLA", "TIPO_ACTA",
    "TOTAL_BOLETAS_SOBRANTES", "TOTAL_PERSONAS_VOTARON", "TOTAL_REP_PARTIDO_CI_VOTARON", "TOTAL_VOTOS_SACADOS",
    "TOTAL_VOTOS_ASENTADO", "TOTAL_VOTOS_CALCULADO", "LISTA_NOMINAL", "OBSERVACIONES", "CONTABILIZADA", "COTEJADA",
    "MECANISMOS_TRASLADO", "CODIGO_INTEGRIDAD", "FECHA_HORA_ACOPIO", "FECHA_HORA_CAPTURA", "FECHA_HORA_VERIFICACION",
    "ORIGEN", "DIGITALIZACION", "TIPO_DOCUMENTO",
})  # fmt: skip
"""INE's columns of a table, but for those of votes."""

ABOLISHED = datetime(2023, 7, 1)
"""A day of the first summer after most of Mexico gave up summer time, in October of 2022."""
WITHOUT_SUMMER_TIME = frozenset(
    f"America/{each}" for each in ("Bahia_Banderas", "Chihuahua", "Mazatlan", "Merida", "Mexico_City", "Monterrey")
)
"""The zones that gave it up then."""


def _time_zone(value: str) -> str:
    try:
        is_usable = "/" in value and _whole_hours(ZoneInfo(value))
        is_past = value in WITHOUT_SUMMER_TIME and _is_in_summer_time(ZoneInfo(value))
    except (LookupError, OSError, ValueError):
        is_usable = is_past = False
    if is_past:  # what else is said of a difference with UTC would be an hour wrong
        raise ValueError(
            "las zonas horarias de esta máquina son de antes de octubre de 2022 y tienen en verano una hora de más: "
            "sudo apt-get install --only-upgrade tzdata"
        )
    if not is_usable:
        raise ValueError(
            f"«{value}» no es una zona horaria de horas enteras; escriba una como America/Tijuana, o "
            "instale las zonas en esta máquina: sudo apt-get install tzdata"
        )
    return value


def _is_in_summer_time(zone: ZoneInfo) -> bool:
    return bool(ABOLISHED.replace(tzinfo=zone).dst())


def _whole_hours(zone: ZoneInfo) -> bool:
    """Tell whether a zone differs from UTC by whole hours, as tables write it: (UTC-7)."""
    found = datetime(2027, 6, 6, tzinfo=zone).utcoffset()
    return found is not None and found % timedelta(hours=1) == timedelta(0)


def _blanks(*known: str) -> AfterValidator:
    """Return a check that a text has one of these blanks or more, such as {name}, and no other."""
    wanted = ", ".join(f"{{{name}}}" for name in known)

    def check(value: str) -> str:
        rest = value
        for name in known:
            rest = rest.replace(f"{{{name}}}", "")
        if rest == value or "{" in rest or "}" in rest:
            raise ValueError(f"«{value}» debe llevar entre llaves {wanted}, y nada más")
        return value

    return AfterValidator(check)


def _dated(value: str) -> str:
    """Refuse a name without the corte's time in front, by which servers know the same table in two cortes."""
    if "/" in value or not value.startswith("{stamp}_"):
        raise ValueError(f"«{value}» debe ser el nombre de un archivo, sin carpeta, que empiece con {{stamp}}_")
    return value


def _of_each_office(value: str) -> str:
    if "/" in value or "{office}" not in value:
        raise ValueError(f"«{value}» debe ser el nombre de un archivo, sin carpeta, que lleve {{office}}")
    return value


def _line(value: str) -> str:
    """Return a text without the spaces and line ends around it; refuse what would break the row of a table, or none."""
    if not (tidy := value.strip()):
        raise ValueError("está vacía; escriba su valor")
    if not tidy.replace("\u00a0", " ").isprintable():
        raise ValueError("debe caber en una línea, sin tabuladores ni signos invisibles")
    return tidy


def _file_name(value: str) -> str:
    """Refuse a name that no file of a corte may have, as the servers do (corte.format.paths)."""
    try:
        paths.check_all([BLANK.sub("X", value)])
    except Refusal:
        raise ValueError(
            f"«{value}» no puede ser el nombre de un archivo de un corte; use letras, cifras, «-», «_» y «.», y un "
            "tipo como .csv o .zip"
        ) from None
    return value


BLANK = re.compile(r"\{\w+\}")
Text = Annotated[str, Field(min_length=1), AfterValidator(_line)]
Number = Annotated[int, Field(ge=1, le=999)]
Column = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
Label = Annotated[str, _blanks("name", "id")]


class Part(BaseModel):
    """Base of all parts of a catalogue: unknown keys are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Territory(Part):
    """A municipality or a district: its official number and its name."""

    id: Number
    name: Text


class Municipality(Territory):
    """A municipality, its weight (thousands of inhabitants, about) and the districts that share it."""

    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    districts: Annotated[tuple[int, ...], Field(min_length=1)]


class Division(Part):
    """How the page speaks of the parts into which an office's results are divided; `label` names one of them."""

    one: Text
    many: Text
    choose: Text
    label: Label = "{name}"

    def title(self, territory: Territory) -> str:
        """Return how a territory is called, as in Distrito 3, Ribera."""
        return self.label.format(id=territory.id, name=territory.name)


class Divisions(Part):
    """The two divisions of a place."""

    municipality: Division
    district: Division


class Office(Part):
    """What is elected: `key` names its files in a corte, `code` those of its data base, `letter` ends an acta's key."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    code: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    letter: Annotated[str, Field(pattern=r"^[A-Z]$")]
    name: Text
    short: Text
    by: Literal["municipality", "district"]


class Entity(Part):
    """The place as a whole: INE's number and code, its name, how it is spoken of, and the words for all of it."""

    number: Annotated[int, Field(ge=1, le=99)]
    code: Annotated[str, Field(pattern=r"^[A-Z]+$")]
    name: Text
    title: Text
    whole: Text


class FileNames(Part):
    """Names of the downloads of a corte: the archive, each office's table, and the tables inside the archive."""

    archive: Annotated[str, _blanks("stamp", "entity"), AfterValidator(_dated), AfterValidator(_file_name)]
    table: Annotated[
        str,
        _blanks("stamp", "office", "entity"),
        AfterValidator(_dated),
        AfterValidator(_of_each_office),
        AfterValidator(_file_name),
    ]
    packed: Annotated[
        str, _blanks("office", "entity", "year"), AfterValidator(_of_each_office), AfterValidator(_file_name)
    ]


class Tables(Part):
    """How a place's institute writes its tables, where institutes differ; `source` says where that was read.

    `dates`: the form of instants. `actas`: what TIPO_ACTA says, by the kind of polling station (B, C, E, S). `names`:
    how it calls columns that INE calls otherwise. `more`: columns that only some have.
    """

    source: Text = "el formato de las bases de datos que publica el INE"
    dates: Literal["Y-m-d", "d/m/Y"] = "Y-m-d"
    actas: dict[Literal["B", "C", "E", "S"], Text] = {}
    names: dict[Literal["TOTAL_REP_PARTIDO_CI_VOTARON", "MECANISMOS_TRASLADO", "EXT_CONTIGUA"], Column] = {}
    more: tuple[Literal["TOTAL_VOTOS_ASENTADO", "COTEJADA"], ...] = ()

    @field_validator("names")
    @classmethod
    def _each_column_once(cls, value: dict[str, str]) -> dict[str, str]:
        taken = COLUMNS - value.keys()
        for own in value.values():
            if own in taken:  # of two columns of one name a table would have one
                raise ValueError(f"«{own}» ya es el nombre de otra columna; elija otro")
            taken |= {own}
        return value

    def acta(self, kind: str) -> str:
        """Return what TIPO_ACTA says of a polling station of this kind."""
        return next((said for each, said in self.actas.items() if each == kind), "MR")

    @cached_property
    def renamed(self) -> Mapping[str, str]:
        """The institute's own names of columns, by INE's."""
        return {str(name): own for name, own in self.names.items()}


class Catalog(Part):
    """A place. `stations`: how many polling stations it has, about; only invented data are made of it."""

    entity: Entity
    timezone: Annotated[str, AfterValidator(_time_zone)]
    clock: Text
    integrity_code: Literal["sha256", "md5"]
    stations: Annotated[int, Field(ge=1, le=100_000)]
    files: FileNames
    tables: Tables = Tables()
    divisions: Divisions
    offices: Annotated[tuple[Office, ...], Field(min_length=1)]
    districts: Annotated[tuple[Territory, ...], Field(min_length=1)]
    municipalities: Annotated[tuple[Municipality, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _nothing_is_there_twice(self) -> Catalog:
        _once("municipalities", "id", [each.id for each in self.municipalities])
        _once("districts", "id", [each.id for each in self.districts])
        for field in ("key", "code", "letter", "name", "short"):
            _once("offices", field, [getattr(each, field) for each in self.offices])
        return self

    @model_validator(mode="after")
    def _every_file_has_its_own_name(self) -> Catalog:
        files, entity = self.files, self.entity.code
        packed, tables = [README], [files.archive.format(stamp="", entity=entity)]
        for each in self.offices:
            if each.code in OTHER_TABLES:
                raise ValueError(f"offices: «{each.code}» ya es el nombre de otra tabla; elija otro en code")
            packed.append(files.packed.format(office=each.code, entity=entity, year=""))
            tables.append(files.table.format(office=each.code, entity=entity, stamp=""))
        for part, names in (("packed", packed), ("table", tables)):
            if len(set(map(str.casefold, names))) < len(names):
                raise ValueError(f"files.{part}: sería también el nombre de otro archivo del corte; elija otro")
        return self

    @model_validator(mode="after")
    def _every_territory_can_be_told_from_the_others(self) -> Catalog:
        for office in self.offices:
            titles = Counter(self.division(office).title(each) for each in self.territories(office))
            if twice := next((title for title, times in titles.items() if times > 1), None):
                part = "municipalities" if office.by == "municipality" else "districts"
                raise ValueError(
                    f"{part}: hay dos que en {office.short} se llaman «{twice}»; agregue algo que los distinga, en "
                    f"name o en divisions.{office.by}.label"
                )
        return self

    @model_validator(mode="after")
    def _everything_named_exists(self) -> Catalog:
        known = {each.id for each in self.districts}
        for each in self.municipalities:
            if strange := sorted(set(each.districts) - known):
                raise ValueError(f"municipalities: {each.name} dice el distrito {strange[0]}, que no está en districts")
        used = {district for each in self.municipalities for district in each.districts}
        if empty := sorted(known - used):
            raise ValueError(f"districts: el {empty[0]} no tiene ningún municipio; agréguelo en municipalities")
        for office in self.offices:
            if office.key in (*OTHER_FILES, *OTHER_VIEWS):
                raise ValueError(f"offices: «{office.key}» ya es el nombre de otra página; elija otro en key")
        if self.stations < len(self.municipalities):
            raise ValueError("stations: son menos casillas que municipios")
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        """The place's time zone."""
        return ZoneInfo(self.timezone)

    def offset(self, instant: datetime) -> timedelta:
        """Return the place's difference with UTC at an instant."""
        found = instant.astimezone(self.zone).utcoffset()
        assert found is not None  # a zone of the tz data base always has one
        return found

    def misplaced(self, said: Mapping[str, datetime | None], opens: datetime | None = None) -> dict[str, str]:
        """Return what `check_offset` says against instants, by their names; nothing of those that are not given."""
        found = {}
        for name, instant in said.items():
            try:
                if instant:
                    self.check_offset(instant, opens)
            except ValueError as error:
                found[name] = str(error)
        return found

    def check_offset(self, instant: datetime, opens: datetime | None = None) -> None:
        """Refuse (ValueError) a difference with UTC that is not the place's: results would be seen early, or late.

        UTC itself is taken, and the difference at the opening, also if the clocks change in the same night.
        """
        if instant.utcoffset() not in (timedelta(0), self.offset(instant), self.offset(opens or instant)):
            raise ValueError(
                f"«{instant.isoformat()}» no lleva la diferencia con UTC que tiene {self.timezone} ese día, "
                f"{instant.astimezone(self.zone):%:z}; corríjala, o escriba el instante en UTC, con Z. Si la de ese "
                "lugar cambió por ley, actualice tzdata en esta máquina"
            )

    def office(self, key: str) -> Office:
        """Return the office of this key, which the place must have."""
        return next(each for each in self.offices if each.key == key)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all offices."""
        return tuple(each.key for each in self.offices)

    def territories(self, office: Office) -> Sequence[Territory]:
        """Return the territories into which an office's results are divided."""
        return self.municipalities if office.by == "municipality" else self.districts

    def division(self, office: Office) -> Division:
        """Return the words for the territories of an office."""
        return self.divisions.municipality if office.by == "municipality" else self.divisions.district


def _once(part: str, field: str, values: Iterable[Hashable]) -> None:
    """Raise ValueError when a value is there twice."""
    seen: set[Hashable] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{part}: hay dos con {field}: {value}; deje uno solo, o corrija el que quiso escribir")
        seen.add(value)
