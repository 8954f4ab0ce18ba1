"""Spanish translations of the texts of click and Typer: usage errors, headings of the help, questions.

Both translate with `gettext`, which would use the machine's language; this program's operators read Spanish on any
machine.
"""

from __future__ import annotations

import gettext

SENTENCES = {
    # Help
    "Usage:": "Uso:",
    "Arguments": "Argumentos",
    "Options": "Opciones",
    "Commands": "Verbos",
    "Error": "Error",
    "Show this message and exit.": "Muestra esta ayuda.",
    "Try '{command} {option}' for help.": "La ayuda: «{command} {option}».",
    "Try [blue]'{command_path} {help_option}'[/] for help.": "La ayuda: [blue]«{command_path} {help_option}»[/].",
    "[default: {}]": "[si no se indica: {}]",
    "[env var: {}]": "[variable de entorno: {}]",
    "[required]": "[obligatorio]",
    "default: {default}": "si no se indica: {default}",
    "env var: {var}": "variable de entorno: {var}",
    "required": "obligatorio",
    "(dynamic)": "(se calcula)",
    "deprecated": "en desuso",
    "(deprecated) ": "(en desuso) ",
    # Usage errors
    "Missing command.": "Falta el verbo.",
    "Missing argument": "Falta el argumento",
    "Missing option": "Falta la opción",
    "Missing parameter": "Falta el parámetro",
    "Missing {param_type}": "Falta {param_type}",
    "Missing parameter: {param_name}": "Falta el parámetro {param_name}",
    "No such command {name!r}.": "No existe el verbo «{name}».",
    "No such option {name!r}.": "No existe la opción {name}.",
    "Invalid value: {message}": "Valor no admitido: {message}",
    "Invalid value for {param_hint}: {message}": "Valor no admitido para {param_hint}: {message}",
    "Option {name!r} does not take a value.": "La opción {name} no lleva valor.",
    "Argument {name!r} takes {nargs} values.": "El argumento {name} lleva {nargs} valores.",
    "Invalid start character for option ({option})": "Una opción no comienza así: {option}",
    "Choose from:\n\t{choices}": "Elija entre:\n\t{choices}",
    "Value must be an iterable.": "Se espera una lista de valores.",
    "{value!r} is not a valid {number_type}.": "«{value}» no es un número de los que se admiten.",
    "{value!r} is not a valid UUID.": "«{value}» no es un UUID.",
    "{value!r} is not a valid boolean. Recognized values: {states}": "«{value}» no es sí ni no. Se admiten: {states}",
    "{value} is not in the range {range}.": "{value} no está en el intervalo {range}.",
    "file": "archivo",
    "directory": "carpeta",
    "path": "ruta",
    "{name} {filename!r} does not exist.": "no existe {filename!r}.",
    "{name} {filename!r} is a file.": "{filename!r} es un archivo, y se espera una carpeta.",
    "{name} {filename!r} is a directory.": "{filename!r} es una carpeta, y se espera un archivo.",
    "{name} {filename!r} is not readable.": "no se puede leer {filename!r}.",
    "{name} {filename!r} is not writable.": "no se puede escribir en {filename!r}.",
    "{name} {filename!r} is not executable.": "no se puede ejecutar {filename!r}.",
    "Could not open file {filename!r}: {message}": "No se puede abrir {filename!r}: {message}",
    "Unknown standard stream '{name}'": "No existe la entrada o salida «{name}»",
    "unknown error": "error desconocido",
    "Error: {message}": "Error: {message}",
    "Aborted!": "Interrumpido.",
    "Aborted.": "Interrumpido.",
    # Questions
    "Do you want to continue?": "¿Continuar?",
    "Repeat for confirmation": "Otra vez, para confirmar",
    "Error: The two entered values do not match.": "Error: los dos valores no coinciden.",
    "Error: invalid input": "Error: respuesta no válida",
    "Press any key to continue...": "Pulse una tecla para continuar…",
    # Completion
    "Couldn't detect Bash version, shell completion is not supported.": "No se sabe qué versión de Bash es esta.",
    "Shell completion is not supported for Bash versions older than 4.4.": "Solo se autocompleta desde Bash 4.4.",
}
COUNTED = {
    "Got unexpected extra argument ({args})": (
        "Sobra un argumento ({args})",
        "Sobran argumentos ({args})",
    ),
    "Option {name!r} requires an argument.": (
        "A la opción {name} le falta su valor.",
        "A la opción {name} le faltan sus {nargs} valores.",
    ),
    "Takes {nargs} values but 1 was given.": (
        "Lleva {nargs} valores y se dio 1.",
        "Lleva {nargs} valores y se dieron {len}.",
    ),
    "Did you mean {possibility}?": (
        "¿Quiso decir {possibility}?",
        "(¿Quiso decir alguno de estos: {possibilities}?)",
    ),
    "{value!r} is not {choice}.": (
        "«{value}» no es {choice}.",
        "«{value}» no es ninguno de {choices}.",
    ),
    "{value!r} does not match the format {format}.": (
        "«{value}» no tiene la forma {format}.",
        "«{value}» no tiene ninguna de las formas {formats}.",
    ),
    "{len_type} values are required, but {len_value} was given.": (
        "Se esperan {len_type} valores y se dio {len_value}.",
        "Se esperan {len_type} valores y se dieron {len_value}.",
    ),
}
"""Sentences with a singular and a plural form, by the English singular."""


def install() -> None:
    """Make `gettext` return these Spanish sentences to all code in this process that names no catalogue of its own."""
    gettext.dgettext = _sentence
    gettext.dngettext = _counted


def _sentence(domain: str, message: str) -> str:
    return SENTENCES.get(message, message)


def _counted(domain: str, msgid1: str, msgid2: str, n: int) -> str:
    one, more = COUNTED.get(msgid1, (msgid1, msgid2))
    return one if n == 1 else more
