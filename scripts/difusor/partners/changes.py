"""What a form, and what the clerk gives with it, would replace of an enrolment; nothing of it is replaced unseen."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from corte.format import files
from difusor.inventory import Election, Notice
from difusor.inventory.certificates import whole
from difusor.partners import enrolment, inventory, record
from difusor.partners.enrolment import Desk
from difusor.partners.form.model import Form
from difusor.partners.record import LOGO, Record
from difusor.terminal import local

Change = tuple[str, str, str]
"""The key of an item, or of `answer.OTHER_TITLES`; what was enrolled; what is given now."""
OF_SSH, OF_LINK = "la que ssh toma por sí mismo", "el de la liga"


def replaced(form: Form, desk: Desk, picture: bytes, before: Record, election: Election) -> list[Change]:
    """Return what differs from the enrolment: items, or else when the form came, and what is given besides the form."""
    zone = election.catalog.zone
    if not before.is_for(desk.day):
        return [("jornada", str(before.day), str(desk.day)), *_replaced(form, desk, picture, before, zone)]
    return _replaced(form, desk, picture, before, zone)


def _replaced(form: Form, desk: Desk, picture: bytes, before: Record, zone: ZoneInfo) -> list[Change]:
    told = record.differences(before.form, form) if form != before.form else [*_dates(desk, before, zone)]
    besides = (
        _notice(form, desk, before, zone),
        _certificate(desk, zone),
        _names(desk, before),
        _share(form, desk, before),
    )
    return [*told, *_logo(picture, before), *(each for part in besides for each in part)]


def _dates(desk: Desk, before: Record, zone: ZoneInfo) -> Iterator[Change]:
    for then, now in ((before.received, desk.received), (before.corrected, desk.corrected)):
        if then and now and then != now:
            yield "fechas", local(then, zone), local(now, zone)


def _logo(picture: bytes, before: Record) -> Iterator[Change]:
    """Yield another picture than the enrolled one, of which a file of the same name may be."""
    then, now = before.written.get(LOGO, ""), record.digest(picture)
    if picture and then and then != now:
        yield "logotipo", f"SHA-256 {then[:16]}…", f"SHA-256 {now[:16]}…"


def _notice(form: Form, desk: Desk, before: Record, zone: ZoneInfo) -> Iterator[Change]:
    then, now = before.notice, enrolment.notice(form, desk, before)
    if then and (now is None or (then.folio, then.received) != (now.folio, now.received)):
        yield "oficio", _told(then, zone), _told(now, zone) if now else ""


def _told(notice: Notice, zone: ZoneInfo) -> str:
    return f"folio {notice.folio}, recibido el {local(notice.received, zone)}"


def _names(desk: Desk, before: Record) -> Iterator[Change]:
    """Yield another key with which the institute enters, or another name of the server: both are in hosts.yml."""
    if desk.ssh_key != before.ssh_key:
        yield "llave_ssh", before.ssh_key or OF_SSH, desk.ssh_key or OF_SSH
    if desk.server_name != before.server_name:
        yield "nombre_servidor", before.server_name or OF_LINK, desk.server_name or OF_LINK


def _share(form: Form, desk: Desk, before: Record) -> Iterator[Change]:
    """Yield what is kept of the link and was not, where the form says the same: it was enrolled before there was this.

    It slows down what the server sends beyond that figure, and so is not written unseen.
    """
    there = (inventory.folder(desk.id) / enrolment.annex_file(desk)).exists()
    if not there and form.annex.mbps == before.form.annex.mbps and (mbps := enrolment.share(form, desk)):
        yield "apartado", "", f"{mbps} Mbps"


def _certificate(desk: Desk, zone: ZoneInfo) -> Iterator[Change]:
    """Yield a certificate that was delivered in the place of the inventory's."""
    there = inventory.folder(desk.id) / inventory.CERTIFICATE
    if not desk.certificate or not desk.certificate_key or not there.is_file():
        return
    then, now = files.small(there), files.small(desk.certificate)
    if then != now:
        yield "anexo_tecnico.certificado", _expires(then, zone), _expires(now, zone)


def _expires(pem: bytes, zone: ZoneInfo) -> str:
    known = f"SHA-256 {record.digest(pem)[:16]}…"
    try:
        return f"vence {local(whole(pem)[0].not_valid_after_utc, zone)}, {known}"
    except ValueError:
        return known  # no certificate, which is refused later
