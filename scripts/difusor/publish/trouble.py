"""Says in Spanish why a mirror could not be asked over HTTP; httpx, OpenSSL and the system say it in English.

What this machine lacks for its own part, such as room for a file, is told apart from what is wrong with the mirror.
"""

from __future__ import annotations

import errno
import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from corte.format.errors import SENTENCES, why
from corte.format.refusal import Refusal
from difusor.project import lacked
from difusor.publish import trust
from difusor.publish.stopping import STOPPED, TOLD
from difusor.servers.certificate import OWN

UNREACHED = {errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT}
PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""The variables by which a browser or pip of this machine may be told to go through a proxy."""


@contextmanager
def here() -> Iterator[None]:
    """Raise an error of this machine's own system as a Refusal of the code `system`; no mirror is asked within."""
    try:
        yield
    except OSError as error:
        raise Refusal("system", f"{lacked(error)}.") from error


def unchecked(why_not: Refusal | str) -> str:
    """Return that this machine could not check something, from a Refusal of the code `system`, as a sentence's end."""
    cause = str(why_not).rstrip(".")
    return f"esta máquina no pudo comprobarlo: {cause[:1].lower()}{cause[1:]}; corríjalo aquí y repita"


def own(error: BaseException) -> str:
    """Return what this machine lacked if that is why nothing could be asked, as a sentence's end; else ""."""
    for known in _causes(error):
        match known:
            case OSError() if known.errno in OWN:
                return why(known)
            case MemoryError():
                return SENTENCES[errno.ENOMEM]
            case RuntimeError() if "can't start new thread" in str(known):
                return SENTENCES[errno.EAGAIN]
    return ""


def missed(error: Exception) -> tuple[str, str]:
    """Return the result of a mirror that could not be asked, and why, as the end of a sentence.

    It is unreachable, unless this run is being stopped or this machine lacks something: then it is unchecked.
    """
    if STOPPED.is_set():
        return "unchecked", TOLD
    lacking = own(error)
    return ("unchecked", unchecked(lacking)) if lacking else ("unreachable", trouble(error))


def trouble(error: Exception) -> str:
    """Return the cause as the end of a sentence, without its full stop.

    `error` is one of httpx, of the system, or a ValueError. What this project raised itself is in Spanish already.
    """
    if refused := trust.reason(error):
        return refused
    for known in _causes(error):
        match known:
            case ssl.SSLError():
                return f"la conexión cifrada falló ({known.reason or 'sin causa'})"
            case OSError() if known.errno in UNREACHED:
                return directly(why(known))
            case OSError() if known.errno is not None:
                return why(known)
    match error:
        case httpx.RemoteProtocolError():  # httpx says some of them itself, as of an address in Location
            return "su respuesta no es HTTP"
        case httpx.HTTPError() if str(error) and error.__cause__ is None:  # raised by this project
            return str(error)
        case httpx.TimeoutException():
            return directly("no responde a tiempo")
        case httpx.DecodingError() | httpx.LocalProtocolError():
            return "su respuesta no es HTTP"
        case httpx.HTTPError():
            return "la conexión se cortó"
        case json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            return "su respuesta no es JSON"
        case UnicodeError():
            return "el nombre de su página no es un nombre de dominio"
        case _:
            return str(error) or type(error).__name__


def directly(said: str) -> str:
    """Return why a mirror was not reached; where the environment names a proxy, also that it was not asked.

    A proxy may keep the corte of before, or answer for a mirror that is not there: none is ever used to look at one. A
    network that lets nobody out without it has to let this machine out.
    """
    named = next((name for name in PROXIES if os.environ.get(name, "").strip()), "")
    return f"{said} (se le preguntó sin el proxy de {named}, que podría responder por él)" if named else said


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, what caused it, and so on; of a group of attempts the first."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        else:
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
