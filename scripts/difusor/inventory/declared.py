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

from difusor.inventory.parts import Decision, Waiver
from difusor.inventory.values import TimeZone

DEFAULT_ZONE = "America/Mexico_City"
Words = Annotated[str, BeforeValidator(str)]


class Declared(BaseModel):
    """The values of the inventory's variables of these names; empty where the inventory does not set them."""

    model_config = ConfigDict(frozen=True)

    difusor_name: Words = ""
    difusor_fqdn: Words = ""
    difusor_path: Words = ""
    difusor_public_address: Words = ""
    difusor_waivers: tuple[Waiver, ...] = ()
    lab: Words = ""
    election_id: Words = ""
    election_name: Words = ""
    election_environment: Words = ""
    election_opens: Words = ""
    election_closes: Words = ""
    election_retain_until: Words = ""
    election_retention_order: Decision | None = None
    election_timezone: TimeZone = DEFAULT_ZONE

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> Declared:
        """Take the values from rendered variables; one of the wrong form is left out (the suite refuses it earlier)."""
        try:
            return cls.model_validate(variables)
        except ValidationError as error:
            wrong = {each["loc"][0] for each in error.errors()}
            return cls.model_validate({name: value for name, value in variables.items() if name not in wrong})

    @property
    def zone(self) -> ZoneInfo:
        """The election's time zone."""
        return ZoneInfo(self.election_timezone)

    @property
    def site(self) -> str:
        """The public address of the page; empty when the inventory does not say it."""
        return f"https://{self.difusor_fqdn}{self.difusor_path}" if self.difusor_fqdn else ""

    @model_serializer(mode="wrap")
    def _what_was_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if name in self.model_fields_set}
