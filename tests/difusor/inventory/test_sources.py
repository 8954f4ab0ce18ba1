"""The files of an inventory: whatever keeps one from being read is one Spanish sentence that names it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from difusor.inventory import rendering, sources
from difusor.partners.revocation import HEAD

Change = Callable[[Path], object]
HOSTS_OF = "difusores: {children: {diario: {hosts: {web1: {ansible_port: 22}}}}}\n"
HOSTS, MAIN, RECORD = "hosts.yml", "group_vars/diario/main.yml", "group_vars/diario/revocations.yml"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "diario"
    (folder / "group_vars/diario").mkdir(parents=True)
    (folder / HOSTS).write_text(HOSTS_OF)
    (folder / MAIN).write_text("difusor_name: Diario\n")
    return folder


def hosts(text: str) -> Change:
    return lambda folder: (folder / HOSTS).write_text(text)


def diario(text: str) -> Change:
    return hosts(f"difusores: {{children: {{diario: {text}}}}}\n")


def main(text: str) -> Change:
    return lambda folder: (folder / MAIN).write_text(text)


def another(name: str, make: Callable[[Path], object]) -> Change:
    def change(folder: Path) -> None:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return change


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


FOLDER = "es una carpeta y tiene nombre de archivo; póngale otro nombre"
NO_FILE = "no es un archivo; bórrelo"
NAME = "el nombre de una variable o de un grupo es un texto; póngalo entre comillas"
VALUE = "no se entiende el valor de x"
NO_SIGHT = "lleva un signo que no se ve (U+00A0, espacio duro); bórrelo y, si ahí va un espacio, escríbalo de nuevo"
TYPED = "que pone un procesador de textos; escriba"
CASES: dict[str, tuple[Change, str]] = {
    "groups in a list": (hosts("- web1\n"), "hosts.yml: debe ser un solo documento"),
    "a group in a list": (hosts("difusores: [web1]\n"), "bajo el grupo difusores va hosts:, children: o vars:"),
    "children in a list": (hosts("difusores: {children: [diario]}\n"), "bajo children van renglones «nombre:»"),
    "a server as text": (diario("{hosts: web1}"), "bajo hosts van renglones «nombre:»"),
    "variables in a list": (diario("{vars: [a]}"), "bajo vars van renglones"),
    "a server's variables as text": (diario("{hosts: {web1: 10.1.1.1}}"), "bajo web1 van renglones como «ansible_host"),
    "another word": (diario("{host: {web1: {}}}"), "en el grupo diario no va «host», sino hosts, children o vars"),
    "a group in itself": (diario("{children: {difusores: {}}}"), "el grupo difusores está dentro de sí mismo; quítelo"),
    "a number as a group": (hosts("difusores: {children: {2027: {}}}\n"), "el nombre de un grupo es un texto"),
    "a number as a server": (diario("{hosts: {1: {}}}"), "el nombre de un servidor es un texto"),
    "a server with the name of a group": (diario("{hosts: {diario: {}}}"), "el servidor diario se llama como un grupo"),
    "half a range": (diario("{hosts: {'web[1:': {}}}"), "«web[1:» no es el nombre de un servidor"),
    "a range of letter and number": (diario("{hosts: {'web[a:3]': {}}}"), "«web[a:3]» no es el nombre de un servidor"),
    "a port in words": (diario("{hosts: {web1: {ansible_port: uno}}}"), "ansible_port: «uno» no es un puerto"),
    "a port too high": (diario("{vars: {ansible_port: 65536}}"), "ansible_port: «65536» no es un puerto"),
    "an address in a list": (diario("{hosts: {web1: {ansible_host: [10.1.1.1]}}}"), "ansible_host: debe ser un texto"),
    "an expression without its end": (
        diario("{hosts: {web1: {ansible_host: '{{ x }'}}}"), "ansible_host: «{{ x }» es una expresión que no termina",
    ),
    "an expression without quotes": (main("x: {{ y }}\n"), "como {{ otra_variable }}, póngala entre comillas"),
    "an octal number": (main("difusor_uplink_mbps: 0100\n"), "main.yml, renglón 1: 0100: quite los ceros"),
    "no octal number": (main("difusor_notice:\n  x: [08]\n"), "main.yml, renglón 2: 08: quite los ceros"),
    "an octal port": (diario("{hosts: {web1: {ansible_port: 022}}}"), "hosts.yml, renglón 1: 022: quite los ceros"),
    "a text that a # cuts": (
        main("difusor_name: 'Diario #1'\ndifusor_registration: {link: Diario #1 de X\n}\n"),
        "main.yml, renglón 2: tras un espacio y «#» no se lee nada: «#1 de X»; ponga el dato entero entre comillas",
    ),
    "a text of which a # leaves nothing": (main("difusor_color:\n  x: #7a2682\n"), "renglón 2: tras un espacio y «#»"),
    "nothing at all": (main(" \n"), "main.yml está vacío, como lo deja un disco lleno; recupérelo de su copia"),
    "what a power cut left": (
        another(MAIN, lambda path: path.write_bytes(b"x: 1\n" + bytes(99))),
        "main.yml está dañado: tiene bytes en cero, como los deja un apagón; recupérelo de su copia",
    ),
    "no such connection": (main("ansible_connection: shh\n"), "ansible_connection: «shh» no existe; escriba ssh"),
    "a number as a variable": (main("1: x\n"), f"renglón 1: {NAME}"),
    "nothing as a variable": (main("~: x\n"), f"renglón 1: {NAME}"),
    "a list as a variable": (main("? [a]\n: x\n"), f"renglón 1: {NAME}"),
    "a list as a key": (main("x: {? [a] : 1}\n"), f"{VALUE}: una lista o un conjunto no puede ser el nombre"),
    "a tag": (main("x: !foo bar\n"), f"columna 4: {VALUE}: un texto que comienza con «!» va entre comillas"),
    "a tag of Python": (main("x: !!python/object:os.system [a]\n"), f"{VALUE}: un texto que comienza con «!»"),
    "a vault that is a list": (main("x: !vault [a]\n"), f"{VALUE}: lo que sigue a esa etiqueta debe ser un texto"),
    "a merge of text": (main("x: {<<: hola}\n"), f"{VALUE}: lo que sigue a «<<:» debe ser un conjunto"),
    "no base64": (main('x: !!binary "á"\n'), f"{VALUE}: lo que sigue a «!!binary» no está en base64"),
    "no number": (main("x: !!int hola\n"), f"{VALUE}; una fecha o un número que no existen"),
    "a 31st of June": (main("x: 2027-06-31\n"), f"{VALUE}; una fecha o un número que no existen"),
    "an escape": (main('x: "\\q"\n'), "tras «\\» sigue un signo que no se admite"),
    "a NUL": (main("x: a\0b\n"), "está dañado: tiene bytes en cero"),
    "a control character": (main("x: a\1b\n"), "no es YAML válido: hay un carácter de control; bórrelo"),
    "five thousand brackets": (main("x: " + "[" * 5000 + "]" * 5000), "renglón 1, columna"),
    "no byte of the revocations": (another(RECORD, Path.touch), "revocations.yml está vacío o incompleto, y dice si"),
    "the head of the revocations": (
        another(RECORD, lambda path: path.write_text(HEAD)), "fuera de la lista; recupérelo de su copia",
    ),
    "revocations without theirs": (another(RECORD, lambda path: path.write_text("x: 1\n")), "vacío o incompleto"),
    "a revocation elsewhere": (main("difusor_revocations: [{state: revoked}]\n"), "páselo tal cual"),
    "a copy of a conflict": (
        another("group_vars/diario/main (ana's conflicted copy 2027-06-01).yml", Path.touch), "nombre de copia, y",
    ),
    "one of Syncthing's": (
        another("hosts.sync-conflict-20270601-120000-ABCDEFG.yml", Path.touch), "la carpeta del Instituto",
    ),
    "one of Nextcloud's": (
        another("group_vars/diario/revocations (conflicted copy 2027-06-01 120000).yml", Path.touch), "nombre de copia",
    ),
    "one in Spanish": (another("election (Copia en conflicto de Ana).yml", Path.touch), "tiene nombre de copia"),
    "a second copy": (another("group_vars/diario/main copy 2.yml", Path.touch), "nombre de copia"),
    "another copy": (another("group_vars/diario/main (otra copia).yml", Path.touch), "si no es copia, dele otro"),
    "one of a file manager": (another("group_vars/diario/vault (1).yml", Path.touch), "pase al original lo que"),
    "a name after a space that is none": (
        main("\u00a0difusor_name: x\n"), f"1: «<U+00A0>difusor_name» no es el nombre de una variable: {NO_SIGHT}",
    ),
    "a name after a sign without width": (main("\u200bdifusor_name: x\n"), "«<U+200B>difusor_name» no es el nombre"),
    "a name with a hyphen": (main("difusor-name: x\n"), "una variable: lleva solo letras sin acento, cifras y _"),
    "a dash before a name": (main("\u2013 b: 1\n"), "«\u2013 b» no es el nombre de una variable: lleva «\u2013"),
    "a group's variable": (diario("{vars: {'ansible_port\u00a0': 22}}"), "«ansible_port<U+00A0>» no es el nombre"),
    "a server's variable": (diario("{hosts: {web1: {'puerto ssh': 22}}}"), "«puerto ssh» no es el nombre de una var"),
    "an indentation that is none": (main("x:\n\u00a0\u00a0a: 1\n  b: 2\n"), f"renglón 2, columna 1: {NO_SIGHT}"),
    "a half of one": (main("x:\n  a: 1\n \u00a0b: 2\n  c: 3\n"), f"renglón 3, columna 2: {NO_SIGHT}"),
    "no space after a colon": (main("z: 1\na:\u00a01\n"), f"renglón 2, columna 3: {NO_SIGHT}"),
    "no space after a hyphen": (main("z:\n- a\n-\u00a0b\nc: 1\n"), f"renglón 3, columna 2: {NO_SIGHT}"),
    "a mark amidst": (main("a: 1\n\ufeffb: 2\n"), "renglón 2, columna 1: lleva un signo que no se ve (U+FEFF, BOM)"),
    "curved quotes": (main("a: \u201cx: y\u201d\n"), f"renglón 1, columna 4: lleva «\u201c» (U+201C), {TYPED} \" en"),
    "a curved end": (main('a: "x\u201d\nb: 1\n'), f"renglón 1, columna 6: lleva «\u201d» (U+201D), {TYPED} \" en su"),
    "a dash": (main("z:\n - a\n \u2013 b: 1\n"), f"renglón 3, columna 2: lleva «\u2013» (U+2013), {TYPED} - en su"),
    "another mistake": (
        main("a: El \u201cSol\u201d\nb: c: d # \u2013\n"), "renglón 2, columna 5: no es YAML válido: hay un «:»",
    ),
    "a vault with a mark": (
        another(MAIN, lambda path: path.write_bytes(b"\xef\xbb\xbf$ANSIBLE_VAULT;1.1;AES256\n3333\n")),
        "main.yml es una bóveda y empieza con una marca que no se ve (BOM); guárdela en UTF-8 sin ella",
    ),
    "the text of a link": (
        another("election.yml", lambda path: path.write_text("../../elections/norte-2027.yml")),
        "hágalo en un disco que los tenga: ln -sfn ../../elections/norte-2027.yml",
    ),
    "hosts.yml is a folder": (another(HOSTS, Path.mkdir), f"hosts.yml {FOLDER}"),
    "another .yml is a folder": (another("notas.yml", Path.mkdir), f"notas.yml {FOLDER}"),
    "main.yml is a folder": (another(MAIN, Path.mkdir), f"main.yml {FOLDER}"),
    "hosts.yml is a FIFO": (another(HOSTS, os.mkfifo), f"hosts.yml {NO_FILE}"),
    "main.yml is a FIFO": (another(MAIN, os.mkfifo), f"main.yml {NO_FILE}"),
    "main.yml is a socket": (another(MAIN, bound), f"main.yml {NO_FILE}"),
    "hosts.yml leads to itself": (
        another(HOSTS, lambda path: path.symlink_to(HOSTS)), "hosts.yml, que lleva de vuelta al mismo enlace; corrija",
    ),
    "a folder leads to itself": (
        another("group_vars/diario/mas", lambda path: path.symlink_to("../diario")), "a una carpeta que lo contiene",
    ),
    "a link to nothing": (another(MAIN, lambda path: path.symlink_to("nada")), "main.yml es un enlace a nada, que no"),
    "group_vars is a file": (another("group_vars", Path.touch), "group_vars no es una carpeta"),
    "host_vars is a file": (another("host_vars", Path.touch), "host_vars no es una carpeta"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_mistake_is_one_sentence(case: str, inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inventory)  # the path of a socket has a hundred characters at most
    change, sentence = CASES[case]
    change(inventory)
    found = sources.file_faults([inventory])
    assert len(found) == 1 and sentence in found[0], found
    assert str(inventory) in found[0]


def test_a_sound_inventory_has_none(inventory: Path) -> None:
    os.mkfifo(inventory / "notas.txt")
    (inventory / "group_vars/diario/main (1).txt").touch()
    (inventory / "group_vars/diario/otros.yml").write_text("difusor_revocations: []\n")
    (inventory / MAIN).write_text(
        "x: !vault |\n  $ANSIBLE\ny: !unsafe '{{'\nz: &a [1]\nw: *a\nv: {<<: {b: 1}}\nu: 2027-06-30\n"
        'mode: 0640\ndifusor_x: {a: "0100", b: 07, c: 0198765432, d: !!str 08x}\n'
        'difusor_y: a # b\ndifusor_z: "a" #b\ndifusor_v: 1 #b\ndifusor_w: a#b  #--\notra: a #b\n'
    )
    (inventory / HOSTS).write_text(
        "difusores: {children: {diario: {hosts: {'web[01:12:2].mx': {ansible_connection: a.b.c}}, vars: {}}}}\n"
        "otros: {hosts: {localhost: {ansible_host: '{{ x }}', ansible_port: '2222'}}, children: }\n"
    )
    (inventory / "otro.ini").write_text("[difusores]\nweb1\n")
    assert sources.file_faults([inventory, inventory / HOSTS, inventory / "otro.ini"]) == []


def test_what_a_number_sign_cuts_off_a_secret_is_not_shown(inventory: Path) -> None:
    (inventory / "group_vars/diario/vault.yml").write_bytes(b"$ANSIBLE_VAULT;1.1;AES256\n3333\n")
    (said,) = sources.file_faults([inventory], lambda path: "---\nvault_x: 012\nansible_become_password: abc #def\n")
    assert "vault.yml, renglón 3: tras un espacio y «#» no se lee nada; ponga el dato entero entre comillas" in said


def as_anybody(program: str, *paths: Path) -> list[str]:
    """Return what a program prints of these paths in a process of its own, because root may read everything."""
    without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    imports = "import sys; from pathlib import Path; from difusor.inventory import folders, sources\n"
    command = [*without, sys.executable, "-c", f"{imports}for each in map(Path, sys.argv[1:]): {program}", *paths]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_what_may_not_be_read_is_named(inventory: Path) -> None:
    closed = [inventory.with_name(f"sin-{number}") for number in range(5)]
    for folder, name in zip(closed, (HOSTS, MAIN, "group_vars/diario", "group_vars", "."), strict=True):
        shutil.copytree(inventory, folder)
        (folder / name).chmod(0)
    said = as_anybody("print(*sources.file_faults([each]), sep='\\n')", *closed)
    for folder in closed:
        folder.chmod(0o700)
    named = (closed[0] / HOSTS, closed[1] / MAIN, closed[2] / "group_vars/diario", closed[3] / "group_vars", closed[4])
    assert said == [f"{path}: no se puede leer (falta permiso); corrija sus permisos" for path in named]


def test_what_is_behind_a_closed_folder_is_not_called_missing(inventory: Path) -> None:
    inventory.chmod(0o444)
    inside = as_anybody("print(folders.fault(each))", inventory / HOSTS)
    inventory.parent.chmod(0)
    there = as_anybody("print(*folders.faults(each))", inventory)
    inventory.parent.chmod(0o700)
    inventory.chmod(0o700)
    assert inside == [f"{inventory / HOSTS}: no se puede leer (falta permiso); corrija sus permisos"]
    assert there == [f"{inventory}: no se puede leer (falta permiso); corrija los permisos de la carpeta en que está"]


def test_causes_of_ansible_are_told_in_spanish() -> None:
    """What Ansible says of an expression never reaches the operator, whatever it says."""
    said = {
        "'nadie' is undefined": "nadie define «nadie»; defínala, o corrija su nombre",
        "object of type 'str' has no attribute 'x'.": "no hay ningún «x» en el valor al que se refiere; corríjalo",
        "Syntax error in template: No filter named 'f'.": "no existe el filtro «f»; corrija su nombre",
        "The lookup plugin 'l' was not found.": "no existe el lookup «l»; corrija su nombre",
        "The lookup plugin 'file' failed: Unable to access the file '/x': Not found": "no se puede leer /x; corr",
        "Recursive loop detected in template: maximum recursion depth exceeded.": "se refiere a sí misma",
        "Syntax error in template: unexpected end of template": "la expresión está mal escrita",
        "Decryption failed (no vault secrets were found that could decrypt).": "no se descifra con las contraseñas",
        "Anything that a later Ansible says": rendering.OTHER,
    }
    assert {text: rendering.cause(ValueError(text))[: len(sentence)] for text, sentence in said.items()} == said


GROUPS = {
    "all": ["web1", "web2", "externo"], "ungrouped": ["localhost"], "difusores": ["web1", "web2"],
    "diario": ["web1", "web2"], "untrusted_vantage": ["externo"],
}  # fmt: skip


@pytest.mark.parametrize(
    "limit", ["externo", "untrusted_vantage", "ext*", "localhost", "externo,!web1", "externo:&all"]
)
def test_a_limit_that_admits_no_server_is_told(limit: str) -> None:
    """Ansible ran nowhere, and `signers --limit externo` ended well."""
    name = re.split("[,:]", limit)[0]
    told = f"--limit: «{name}» no es del grupo difusores, y no se haría nada; sus servidores son: web1, web2"
    assert sources.limit_faults(limit, GROUPS) == [told]


@pytest.mark.parametrize(
    "limit",
    ["", "web1", "diario", "all", "web*", "localhost,web1", "!externo", "all:!externo", "~web.", "diario:&web1"],
)
def test_a_limit_that_admits_a_server_is_not(limit: str) -> None:
    assert sources.limit_faults(limit, GROUPS) == []


def test_a_server_with_the_name_of_a_group_of_another_file_is_told(inventory: Path) -> None:
    """`--limit diario` was for the whole group; Ansible warned in English."""
    found = sources.group_faults([inventory], {**GROUPS, "externo": ["web2"]})
    assert found == [
        "«externo» es un servidor y también un grupo: --limit externo sería para todo el grupo; dele otro nombre a "
        "uno de los dos"
    ]
    assert sources.group_faults([inventory], GROUPS) == []
