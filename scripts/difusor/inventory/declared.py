"""The part of an inventory that a measurement's results keep: no secrets; the inventory may be incomplete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from difusor import catalog
from difusor.inventory.parts import Decision, Front, Institute, Waiver

Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]
"""A value as text; empty, as without it, where the inventory names the variable without a value."""


class Declared(BaseModel):
    """The values of the inventory's variables of these names; empty where the inventory does not set them."""

    model_config = ConfigDict(frozen=True)

    difusor_name: Words = ""
    difusor_fqdn: Words = ""
    difusor_path: Words = ""
    difusor_front: Front | None = None
    difusor_public_address: Words = ""
    difusor_waivers: tuple[Waiver, ...] = ()
    lab: Words = ""
    election_id: Words = ""
    election_name: Words = ""
    election_environment: Words = ""
    election_spec: Words = ""
    election_opens: Words = ""
    election_closes: Words = ""
    election_retain_until: Words = ""
    election_retention_order: Decision | None = None
    election_place: Words = ""
    election_institute: Institute | None = None
    election_contact: Words = ""
    election_interval_minutes: int | None = None
    election_timezone: Words = "Etc/UTC"

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> Declared:
        """Take the values from rendered variables; one of the wrong form is left out (the suite refuses it earlier).

        The time zone is noted too, so that whoever reads the results later needs no catalogue.
        """
        values = {**variables, **_zone(variables)}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = {each["loc"][0] for each in error.errors()}
            return cls.model_validate({name: value for name, value in values.items() if name not in wrong})

    @property
    def zone(self) -> ZoneInfo:
        """The election's time zone."""
        return ZoneInfo(self.election_timezone)

    @property
    def site(self) -> str:
        """The public address of the page; empty when the inventory does not say it."""
        name = self.difusor_front.name if self.difusor_front else self.difusor_fqdn
        return f"https://{name}{self.difusor_path}" if name else ""

    @model_serializer(mode="wrap")
    def _what_was_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if name in self.model_fields_set}


def _zone(variables: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {"election_timezone": catalog.load(str(variables["election_place"])).timezone}
    except (KeyError, catalog.CatalogError):
        return {}
