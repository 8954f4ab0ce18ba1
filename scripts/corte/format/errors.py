"""Says in Spanish why the system did not do what a program asked of it; Python and libc say it in English."""

from __future__ import annotations

import errno
import re
import socket

SENTENCES = {
    errno.EACCES: "falta permiso",
    errno.EADDRINUSE: "otro programa usa ese puerto",
    errno.EAGAIN: "faltan procesos o memoria por ahora",
    errno.EBUSY: "otro programa lo usa",
    errno.ECONNABORTED: "la conexión se cortó",
    errno.ECONNREFUSED: "rechaza la conexión",
    errno.ECONNRESET: "la conexión se cortó",
    errno.EDQUOT: "se agotó la cuota de disco",
    errno.EEXIST: "ya existe",
    errno.EFBIG: "el archivo es demasiado grande",
    errno.EHOSTUNREACH: "no hay camino a esa dirección",
    errno.EIO: "el disco falló",
    errno.EISDIR: "es una carpeta",
    errno.ELOOP: "un enlace simbólico lleva a sí mismo, o no se admite",
    errno.EMFILE: "hay demasiados archivos abiertos",
    errno.EMLINK: "el archivo tiene demasiados enlaces",
    errno.ENAMETOOLONG: "el nombre es demasiado largo",
    errno.ENETDOWN: "la red está caída",
    errno.ENETUNREACH: "no hay camino a esa red",
    errno.ENFILE: "hay demasiados archivos abiertos en la máquina",
    errno.ENOENT: "no existe",
    errno.ENOEXEC: "no es un programa que esta máquina pueda ejecutar",
    errno.ENOMEM: "falta memoria",
    errno.ENOSPC: "se llenó el disco",
    errno.ENOTDIR: "no es una carpeta",
    errno.ENOTEMPTY: "la carpeta no está vacía",
    errno.EPERM: "falta permiso",
    errno.EPIPE: "la conexión se cortó",
    errno.EROFS: "el disco solo admite lectura",
    errno.ETIMEDOUT: "no responde a tiempo",
    errno.ETXTBSY: "el programa se está ejecutando",
    errno.EXDEV: "está en otro disco",
}


def why(error: OSError) -> str:
    """Return the cause as the end of a sentence, without its full stop; a rare one by its name, such as ENOLCK."""
    if isinstance(error, socket.gaierror):
        return "nadie conoce ese nombre"
    if isinstance(error, socket.timeout):  # TimeoutError from Python 3.10 on
        return SENTENCES[errno.ETIMEDOUT]
    number = error.errno
    if number is None and (copied := re.search(r"\[Errno (\d+)\]", str(error))):  # shutil's, of several files at once
        number = int(copied[1])
    if number is None:
        return str(error) or "no se sabe por qué"  # an OSError of this project, in Spanish
    if number == 0:  # its own text, in Spanish, of the file that it names
        return str(error.args[1])
    return SENTENCES.get(number, f"el sistema no lo permite ({errno.errorcode.get(number, number)})")
