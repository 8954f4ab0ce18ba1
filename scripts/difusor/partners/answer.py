"""What `difusor enroll` answers: to the clerk, to programs, and the words to send to whoever sent the form."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from difusor.partners.form.items import Remark, keys
from difusor.partners.host_key import fingerprint

Outcome = Literal["creado", "corregido", "sin cambios", "por corregir", "por confirmar", "revisado"]

OTHER_TITLES = {
    "jornada": "Elección, por el día de su jornada", "fechas": "Cuándo llegó", "oficio": "Oficio",
    "llave_ssh": "Llave de SSH del Instituto", "nombre_servidor": "Nombre propio del servidor",
    "apartado": "Enlace del que se aparta una parte (annex.yml)",
}  # fmt: skip
"""What is corrected besides the items of a form."""


class Said(BaseModel):
    """One finding, as programs read it."""

    model_config = ConfigDict(frozen=True)

    key: str
    place: str
    sentence: str
    weight: Literal["error", "revisar", "aviso"]
    accepted: str = ""


class Change(BaseModel):
    """One item that differs from what was enrolled."""

    model_config = ConfigDict(frozen=True)

    key: str
    title: str
    before: str
    after: str


class Answer(BaseModel):
    """The whole answer. `reply`: the lines of the text for whoever sent the form; `notes`: for the clerk alone."""

    model_config = ConfigDict(frozen=True)

    difusor: str
    outcome: Outcome
    findings: tuple[Said, ...]
    changes: tuple[Change, ...] = ()
    files: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def answer(
    difusor: str,
    findings: list[Remark],
    accepted: dict[str, str],
    changes: list[tuple[str, str, str]],
    signed: tuple[str, ...],
    outcome: Outcome,
    files: tuple[str, ...] = (),
    entrance: tuple[str, tuple[str, ...]] = ("", ()),
    notes: tuple[str, ...] = (),
) -> Answer:
    """Return the answer; what was found is told in the order of the form, and the reply ends with `signed`.

    `entrance`: the account that the outlet gave and the public keys that it has to let in; empty until it is enrolled.
    """
    order = {key: place for place, key in enumerate(keys())}
    findings = sorted(findings, key=lambda each: order.get(each.key, -1))
    told = tuple(
        Said(
            key=each.key, place=each.place, sentence=each.sentence, weight=each.weight,
            accepted=accepted.get(each.key, "") if each.weight == "revisar" else "",
        )
        for each in findings
    )  # fmt: skip
    altered = tuple(
        Change(key=key, title=keys()[key].title if key in keys() else OTHER_TITLES[key], before=before, after=after)
        for key, before, after in changes
    )
    open_ones = [each for each in findings if each.weight != "revisar" or each.key not in accepted]
    reply = (*_reply(outcome, open_ones), *_admission(*entrance), "", *signed)
    return Answer(
        difusor=difusor, outcome=outcome, findings=told, changes=altered, files=files, reply=reply, notes=notes
    )  # fmt: skip


def _admission(account: str, public_keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the server's administrator does before the institute can enter: mail keeps a key in one line."""
    if not public_keys:
        return ()
    prints = " y ".join(map(fingerprint, public_keys))
    several = len(public_keys) > 1
    what = "estos renglones, tal cual, uno por llave," if several else "este renglón, tal cual,"
    compare = f"Sus huellas son {prints}. Compárelas" if several else f"Su huella es {prints}. Compárela"
    return (
        "",
        f"Para preparar el servidor, agregue {what} a ~/.ssh/authorized_keys de «{account}»:",
        "",
        *public_keys,
        "",
        f"{compare} antes con lo que dice el aviso de direcciones confiables, que va firmado.",
    )


def _reply(outcome: Outcome, findings: list[Remark]) -> tuple[str, ...]:
    """Return what to write to the sender: everything at once, each with its place."""
    correct = [str(each) for each in findings if each.weight != "aviso"]
    noted = [str(each) for each in findings if each.weight == "aviso" and each.key != "nombre"]
    lines = ["Buen día:", ""]
    if outcome in ("por corregir", "por confirmar") and correct:
        lines += ["Recibimos su formato ANEXO 2. Para registrarlo falta corregir o aclarar lo siguiente:", ""]
        lines += [f"{number}. {sentence}" for number, sentence in enumerate(correct, 1)]
        lines += ["", "Corríjalo en el mismo archivo y envíelo de nuevo, con el logotipo adjunto."]
    else:
        lines += [
            "Recibimos su formato ANEXO 2 y está completo. Lo que sigue es la carta compromiso (ANEXO 3), firmada."
        ]
    if noted:
        lines += ["", "Además, tome nota:", "", *(f"- {sentence}" for sentence in noted)]
    return tuple(lines)
