"""The manifest, `corte.json`: which corte this is, when it may be seen, and the size and SHA-256 of each of its files.

It has one canonical form. The reader accepts exactly the bytes that the writer produces, so that two programs can never
read the same manifest differently.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from corte.format import instants, limits, paths
from corte.format.refusal import OtherVersion, Refusal, quote
from corte.format.standing import MAX_SEQUENCE, Standing, Withdrawn

NAME = "corte.json"
SIGNATURE_NAME = "corte.json.sig"
FORMAT = 2
"""Format 1 had no `standing` and is refused: it cannot tell a mirror that was unreachable which orders it missed."""
MAX_BYTES = 64 * 1024 * 1024
MAX_FILES = 200_000
MAX_SIZE = 2**40
ENVIRONMENTS = ("official", "simulacro")
ORDERS = ("clock-override", "hold", "light", "no-clock-override", "rectification", "resume", "withdrawal")
"""Orders that the institute may give with a corte; they stand (`standing`) until another one ends them.

`clock-override`: open although the server's clock is not synchronised, until `no-clock-override`; `hold`: keep showing
the present corte, until `resume`; `light`: do not send the heavy folders, until a manifest does not order it;
`rectification`: accept counts that are lower than before; `withdrawal`: never show a corte that `standing` names.
"""

ELECTION_ID = r"[a-z0-9][a-z0-9-]{0,63}"
"""The form of an election's id; one of another form is in no manifest."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LIST = '\n "files": {'
"""What comes before the list of files."""
_FILE = re.compile(
    r"""\n  "([^"\\\x00-\x1f]+)": {\n   "sha256": "([0-9a-f]{64})",\n   "size": (0|[1-9][0-9]{,11})\n  }(?:,|\Z)"""
)
"""A file in canonical form, with the comma after each but the last; no path that JSON writes with a backslash."""
_AROUND = len("""\n  "": {\n   "sha256": "",\n   "size": \n  },""") + 64
"""The length of such a file with its comma, but for path and size."""
_KEYS = frozenset(
    (
        "format", "election", "environment", "sequence", "corte", "generated", "window", "interval_minutes", "files",
        "standing",
    )
)  # fmt: skip
_OPTIONAL_KEYS = frozenset(("orders",))
_WINDOW_KEYS = frozenset(("opens", "closes", "retain_until"))


class Entry(NamedTuple):
    """One file: its size in bytes and its SHA-256 in hexadecimal. A tuple, because a corte has up to 200,000."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Window:
    """When the corte may be seen: from `opens`; marked as closed from `closes`; until `retain_until`. UTC instants."""

    opens: datetime
    closes: datetime
    retain_until: datetime

    def to_json(self) -> dict[str, str]:
        """Return the three instants in canonical form."""
        return {name: instants.write(getattr(self, name)) for name in ("opens", "closes", "retain_until")}

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> Window:
        """Read what `to_json` wrote; ValueError when an instant is malformed or out of order."""
        window = cls(*(instants.parse(value[name]) for name in ("opens", "closes", "retain_until")))
        if not window.opens < window.closes <= window.retain_until:
            raise ValueError("opens, closes y retain_until no van en ese orden")
        return window


@dataclass(frozen=True)
class Manifest:
    """What the manifest says of a corte.

    `sequence` grows from corte to corte; `corte` is the instant of the count, `generated` that of the signing. `orders`
    is sorted, and empty on most cortes; `standing` is what stands with them, None when they are all that stands.
    """

    election: str
    environment: str
    sequence: int
    corte: datetime
    generated: datetime
    window: Window
    interval_minutes: int
    files: Mapping[str, Entry]
    orders: tuple[str, ...] = ()
    standing: Standing | None = None

    @property
    def stands(self) -> Standing:
        """Which of the institute's orders stand, those of this corte included."""
        return self._own_orders if self.standing is None else self.standing

    @property
    def _own_orders(self) -> Standing:
        return Standing().after(self.orders, self.generated, self.sequence, self.first_held())

    def first_held(self, is_published: bool = False) -> int:
        """Return the sequence from which an order to hold, given with this corte, holds cortes back.

        It is this corte's, or the next if difusores have this one already; 0 before the opening, when nothing is shown.
        """
        return 0 if self.generated < self.window.opens else self.sequence + is_published

    def withdrawn(self, manifest_sha256: str, at: datetime) -> Withdrawn:
        """Return the entry with which an order, given `at`, withdraws this corte; its SHA-256 is that of its bytes."""
        return Withdrawn(at, self.sequence, self.corte, self.content_sha256, manifest_sha256)

    @property
    def withdraws_itself(self) -> bool:
        """Whether this is only an order: to withdraw the very corte that it lists."""
        return self.stands.withdraws(self.sequence, self.corte, self.content_sha256)

    def to_bytes(self) -> bytes:
        """Return the canonical form: UTF-8 JSON, keys sorted, one value a line."""
        return "".join(self.pieces()).encode()

    def pieces(self) -> Iterator[str]:
        """Yield the text of the canonical form piece by piece, each file by itself."""
        document = {
            "format": FORMAT,
            "election": self.election,
            "environment": self.environment,
            "sequence": self.sequence,
            "corte": instants.write(self.corte),
            "generated": instants.write(self.generated),
            "window": self.window.to_json(),
            "interval_minutes": self.interval_minutes,
            "files": {},
            "standing": self.stands.to_json(),
        }
        if self.orders:
            document["orders"] = list(self.orders)
        text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
        head, empty, tail = text.partition('"files": {}')
        yield head + empty[:-1]
        # json.dumps itself takes six times as long for ten thousand files.
        quote = json.JSONEncoder(ensure_ascii=False).encode
        comma = ""
        for path in sorted(self.files):
            size, sha256 = self.files[path]
            yield f'{comma}\n  {quote(path)}: {{\n   "sha256": "{sha256}",\n   "size": {size}\n  }}'
            comma = ","
        yield "\n }" + tail

    @property
    def content_sha256(self) -> str:
        """The SHA-256 of the list of files; it does not depend on when or with which orders they were signed."""
        entries = sorted(self.files.items())
        return digest("".join([f"{path}\0{size}\0{sha256}\n" for path, (size, sha256) in entries]).encode())

    @cached_property
    def folders(self) -> set[str]:
        """All folders above its files."""
        return paths.folders(self.files)

    @property
    def total_bytes(self) -> int:
        """The sizes of all files together."""
        return sum(entry.size for entry in self.files.values())


def digest(raw: bytes) -> str:
    """Return the SHA-256 of a manifest's bytes, by which a corte is identified everywhere."""
    return hashlib.sha256(raw).hexdigest()


@lru_cache(maxsize=1)  # of one corte's manifest, which is read more than once
def read(raw: bytes) -> Manifest:
    """Read a manifest strictly; for any other bytes, Refusal says what is wrong with them.

    What is read is written again and has to give the same bytes. So keys that are twice in an object, or of an entry
    that has others too, need no check of their own, which would be made for each of 200,000 files.
    """
    if len(raw) > MAX_BYTES:
        raise _refusal(f"mide más de {MAX_BYTES} bytes")
    try:
        whole = raw.decode("utf-8")
        entries, text = _without_files(whole)
        try:
            document = _document(text)
        except ValueError:
            document = _document(whole)  # it fails too, and knows the line
    except (ValueError, RecursionError) as error:
        raise _refusal(f"no es JSON estricto ({_fault(error)})") from None
    if entries and isinstance(document, dict):
        document["files"] = entries
    manifest = _from_document(document)
    if not _consists(text, (replace(manifest, files={}) if entries else manifest).pieces()):
        raise _refusal("no está en su forma canónica")
    return manifest


def _document(text: str) -> Any:
    return json.loads(
        text, object_hook=_object, parse_int=_short_int, parse_float=_no_number, parse_constant=_no_number
    )


def _without_files(text: str) -> tuple[dict[str, Entry], str]:
    """Return the files that a manifest lists in canonical form, and its text without them.

    ({}, the text) if the list has another form; then JSON's own reader, which takes three times as long, tells why.
    """
    start = text.find(_LIST) + len(_LIST)
    end = text.find("\n }", start)
    found = _FILE.findall(text, start, end)
    length = sum([len(path) + len(size) for path, _, size in found]) + len(found) * _AROUND - 1
    entries = {path: Entry(int(size), sha256) for path, sha256, size in found}
    # So many characters are matches and nothing else; and as many commas as those before the last file.
    if length != end - start or text[end - 1] != "}" or len(entries) != len(found) or list(entries) != sorted(entries):
        return {}, text
    return entries, text[:start] + text[end:]


def _consists(text: str, pieces: Iterable[str]) -> bool:
    """Tell whether a text is these pieces one after the other, without a second copy of it in memory."""
    place = 0
    for piece in pieces:
        if not text.startswith(piece, place):
            return False
        place += len(piece)
    return place == len(text)


def _from_document(document: Any) -> Manifest:
    # The format comes first, because each has its own keys.
    written = document.get("format") if isinstance(document, dict) else None
    if type(written) is int and written != FORMAT:
        raise _of_other_version(written)
    _keys(document, _KEYS, "", _OPTIONAL_KEYS)
    if type(written) is not int:
        raise _refusal("no dice su formato con un número")
    _keys(document["window"], _WINDOW_KEYS, "window")
    try:
        window = Window.from_json(document["window"])
        corte, generated = instants.parse(document["corte"]), instants.parse(document["generated"])
    except ValueError:
        raise _refusal("tiene un instante mal escrito o fuera de orden") from None
    found = Manifest(
        election=_text(document, "election", ELECTION_ID),
        environment=_environment(document["environment"]),
        sequence=_integer(document, "sequence", 0, MAX_SEQUENCE),
        corte=corte,
        generated=generated,
        window=window,
        interval_minutes=_integer(document, "interval_minutes", 1, 60),
        files=_files(document["files"]),
        orders=_orders(document.get("orders", [])),
    )
    return _standing(found, document["standing"])


def _of_other_version(written: int) -> OtherVersion:
    """Return the refusal of another format, which says who has to be updated: who is behind takes others back."""
    if written < FORMAT:
        remedy = (
            "lo firmó una versión anterior del proyecto; póngalo al día en la máquina que firmó (git pull), sin "
            "ejecutar antes apply desde ella, y firme otra vez (./difusor sign)"
        )
    else:
        remedy = (
            "lo firmó una versión posterior del proyecto; un servidor se pone al día con ./difusor apply desde la "
            "máquina que firmó, y una máquina del Instituto con git pull"
        )
    code = "outdated" if written < FORMAT else "manifest"
    return OtherVersion(code, f"El manifiesto es del formato {written} y este programa lee el {FORMAT}: {remedy}.")


def _standing(found: Manifest, value: Any) -> Manifest:
    """Return the manifest with its statement of what stands."""
    try:
        standing = Standing.from_json(value)
    except ValueError:
        raise _refusal("no dice en su forma qué órdenes están en pie") from None
    if standing.contradicts(found.orders, found.sequence, found.generated):
        raise _refusal("no lleva en pie lo que él mismo ordena, o algo ordenado más tarde que su firma")
    return found if standing == found.stands else replace(found, standing=standing)


def _files(value: Any) -> dict[str, Entry]:
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_FILES:
        raise _refusal(f"no enumera entre 1 y {MAX_FILES} archivos")
    if NAME in value or SIGNATURE_NAME in value:
        raise _refusal("se enumera a sí mismo")
    if {*map(type, value.values())} != {Entry}:
        raise _refusal("no lleva exactamente sus claves en «files»")
    paths.check_all([*value, NAME, SIGNATURE_NAME])
    check_sizes(value)
    return value


def check_sizes(entries: Mapping[str, Entry]) -> None:
    """Refuse a file that the daemon of a server could not receive, and files that are too much together."""
    for path, entry in entries.items():
        if entry.size > limits.MAX_FILE_BYTES:
            raise Refusal("size", f"{quote(path)} mide {entry.size} bytes y el máximo es {limits.MAX_FILE_BYTES}.")
    total = sum(entry.size for entry in entries.values())
    if total > limits.MAX_CORTE_BYTES:
        raise Refusal("size", f"Mide {total} bytes y el máximo es {limits.MAX_CORTE_BYTES}.")


def _orders(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or any(word not in ORDERS for word in value) or value != sorted(set(value)):
        raise _refusal("lleva órdenes que no existen o sin ordenar")
    if "hold" in value and "resume" in value:
        raise _refusal("ordena a la vez pausa y reanudación")
    if "clock-override" in value and "no-clock-override" in value:
        raise _refusal("ordena a la vez abrir y no abrir con el reloj en duda")
    return tuple(value)


def _keys(value: Any, wanted: frozenset[str], where: str, optional: frozenset[str] = frozenset()) -> None:
    if not isinstance(value, dict) or not wanted <= set(value) <= wanted | optional:
        raise _refusal("no lleva exactamente sus claves" + (f" en «{where}»" if where else ""))


def _integer(document: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _refusal(f"no lleva en «{key}» un entero de {low} a {high}")
    return value


def _text(document: Mapping[str, Any], key: str, form: str) -> str:
    value = document[key]
    if not isinstance(value, str) or not re.fullmatch(form, value):
        raise _refusal(f"lleva un valor mal escrito en «{key}»")
    return value


def _environment(value: Any) -> str:
    if value not in ENVIRONMENTS:
        raise _refusal("no dice si es official o simulacro")
    return str(value)


def _object(value: dict[str, Any]) -> Any:
    """Return an object of the document as it is, but that of a file as an Entry at once: of these it has 200,000."""
    if len(value) != 2 or "sha256" not in value:
        return value
    size, sha256 = value.get("size"), value["sha256"]
    if type(size) is not int or not 0 <= size <= MAX_SIZE:
        raise _refusal(f"no lleva en «size» un entero de 0 a {MAX_SIZE}")
    if type(sha256) is not str or not _SHA256.fullmatch(sha256):
        raise _refusal("lleva un valor mal escrito en «sha256»")
    return Entry(size, sha256)


def _short_int(text: str) -> int:
    if len(text) > 20:  # Python 3.9 would spend minutes on a number of a million digits
        raise ValueError("un número es demasiado largo")
    return int(text)


def _no_number(text: str) -> int:
    raise ValueError("solo se admiten números enteros")


def _fault(error: Exception) -> str:
    """Say in Spanish why bytes are not the JSON of a manifest."""
    if isinstance(error, json.JSONDecodeError):
        return f"línea {error.lineno}, columna {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"el byte {error.start} no es UTF-8"
    return "tiene demasiados niveles" if isinstance(error, RecursionError) else str(error)


def _refusal(what: str, code: str = "manifest") -> Refusal:
    return Refusal(code, f"El manifiesto {what}.")
