"""The clauses that the project can measure, and the values that a call sets for each of them.

A clause's id says what it is about, in every call; where a call says it, and with which number, is its `section`. A
value that the roles cannot make otherwise, SSH's port for example, has one type that admits only what they make: a call
that asks for another one is refused when it is read, and not by a server on the night.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from difusor.spec.faults import sentence

Text = Annotated[str, Field(min_length=1)]
Version = Annotated[str, Field(pattern=r"^\d+(\.\d+)*$")]
Count = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LOGO_TYPES = Literal["image/png", "image/jpeg", "image/svg+xml"]
Tls = Literal["TLSv1.2", "TLSv1.3"]
SSH_PORT = 22
WEB_PORTS = (80, 443)
CLOSED_STATUS = 503
"""What the page answers outside the window, with the notice."""
RSYNC_PORT = 873
"""Where the daemon listens unless the call says another port (DG-07)."""
PREP_PORT = 580
"""Where the server's own nginx asks the application's container, on loopback (role prep)."""
LAST_PORT = 32_767
"""Above it the kernel gives ports to programs that ask others."""


def _free(port: int) -> int:
    if port in (SSH_PORT, *WEB_PORTS, PREP_PORT) or not 0 < port <= LAST_PORT:
        raise ValueError(
            f"debe estar entre 1 y {LAST_PORT}, sin contar {SSH_PORT}, 80, 443 y {PREP_PORT}, que son de otros; "
            f"dice «{port}»"
        )
    return port


Pushed = Annotated[int, AfterValidator(_free)]


def non_empty(kind: Any) -> Any:
    """Return the type of a list with at least one element of this type."""
    return Annotated[list[kind], Field(min_length=1)]


VALUES: dict[str, dict[str, Any]] = {
    "PAR-01": {"kinds": non_empty(Literal["medio de comunicación", "institución académica"])},
    "SW-01": {"distribution": Text, "versions": non_empty(Version), "recommended": Version},
    "SW-02": {"minimum_version": Version},
    "SW-03": {"port": Literal[SSH_PORT], "methods": non_empty(Literal["publickey", "password"])},
    "SW-04": {"port": Literal[123], "max_offset_seconds": Amount},
    "SW-05": {"uid": Literal[0]},
    "SW-06": {},
    "HW-01": {"virtualization": Literal["none"]},
    "HW-02": {"cores": Count, "ghz": Amount},
    "HW-03": {"ram_gb": Amount},
    "HW-04": {"disk_gb": Amount, "rotational": Literal[False]},
    "HW-05": {},
    "RED-01": {"mbps": Count, "payload_mbps": Count},
    "RED-02": {"addresses": Count},
    "RED-03": {"ports": non_empty(Literal[WEB_PORTS])},
    "RED-04": {"ports": non_empty(Count)},
    "RED-05": {"servers": Count},
    "RED-06": {"refused_status": non_empty(Literal[429, 503])},
    "RED-07": {"blocked_status": non_empty(Literal[403])},
    "RED-08": {"tls_floor": Tls},
    "DG-01": {"late_seconds": Annotated[int, Field(ge=0)]},
    "DG-02": {"status": Literal[200]},
    "DG-03": {"altered_files": Literal[0]},
    "DG-04": {"altered_bytes": Literal[0]},
    "DG-05": {"closed_status": Literal[CLOSED_STATUS]},
    "DG-06": {},
    "DG-07": {"port": Pushed},
    "DG-08": {"items": Literal[19], "logo_types": non_empty(LOGO_TYPES)},
    "DG-09": {},
    "DG-10": {"signed": Literal[True]},
    "DG-11": {"grace_minutes": Count},
    "DG-12": {"refused": Literal[True]},
    "DG-13": {"decided_by": Text},
    "DG-14": {"telephone": Text, "extension": str},  # "": the telephone has none
}
"""The names and types of each clause's values, by its id."""


def _model(values: Mapping[str, Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {name: (kind, ...) for name, kind in values.items()}
    return create_model("Expected", __config__=ConfigDict(extra="forbid", strict=True), **fields)


MODELS = {clause: _model(values) for clause, values in VALUES.items()}


def faults(clause: str, given: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing that is wrong with the values a call sets for a clause of VALUES."""
    try:
        MODELS[clause].model_validate(dict(given))
    except ValidationError as error:
        return [f"expect: {'.'.join(map(str, detail['loc']))} {sentence(detail)}" for detail in error.errors()]
    return []
