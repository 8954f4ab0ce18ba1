"""Says in Spanish why Ansible cannot compute a value; Ansible and Jinja say it in English."""

from __future__ import annotations

import re

CAUSES = (
    (r"'([^']+)' is undefined", "nadie define «{0}»; defínala, o corrija su nombre"),
    (r"has no (?:attribute|element) '?([^'.]+)'?", "no hay ningún «{0}» en el valor al que se refiere; corríjalo"),
    (r"No filter named '([^']+)'", "no existe el filtro «{0}»; corrija su nombre"),
    (r"No test named '([^']+)'", "no existe la comprobación «{0}»; corrija su nombre"),
    (r"lookup plugin '([^']+)' was not found", "no existe el lookup «{0}»; corrija su nombre"),
    (
        r"(?:access|locate|find)[^']*(?:file|'file')[^']*'([^']+)'",
        "no se puede leer {0}; corrija la ruta",
    ),
    (r"[Rr]ecursive loop|recursion depth", "se refiere a sí misma; escriba ahí su valor"),
    (r"[Dd]ecrypt|[Vv]ault", "no se descifra con las contraseñas de las bóvedas; cífrela de nuevo con la suya"),
    (
        r"[Ss]yntax error|unexpected|Expected",
        "la expresión está mal escrita; revise sus llaves y comillas",
    ),
    (r"division by zero", "divide entre cero; corrija la expresión"),
)
OTHER = "Ansible no puede con esa expresión; revísela, o escriba el valor sin ella"


def cause(error: Exception) -> str:
    """Return why a value could not be computed and what to do, as the end of a sentence without its full stop."""
    said = str(error)  # Ansible puts it together anew each time
    for pattern, sentence in CAUSES:
        if found := re.search(pattern, said):
            return sentence.format(*found.groups())
    return OTHER
