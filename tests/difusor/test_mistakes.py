"""Each mistake that people make is refused in one Spanish sentence: the thing, the place and what to do.

The verbs and plain ansible-playbook run as an operator runs them. No server is contacted: its address answers nobody.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_kit import ansible
from command_kit import IMPORTED
from interpreter_kit import interpreter
from inventory_kit import PREP, SERVER, WAF, Certificates, dump, packed_image, write_inventory

ROOT = Path(__file__).resolve().parents[2]
Change = Callable[[Path], object]
OPENS = ROOT / "inventories/demo/vault-password.txt"
"""The file with inventory_kit.PASSWORD."""
PROGRAM = """
from difusor.process import surroundings
surroundings.forget_authorities = list
from difusor.__main__ import main
main()
"""
"""The verb of the words that follow, on a machine whose public authorities are those that a test names."""


def environment(password: Path = OPENS) -> dict[str, str]:
    """Return what an operator has set who has named the file with the vault's password; nothing is coloured."""
    return {
        "ANSIBLE_VAULT_IDENTITY_LIST": f"diario@{password}", "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1",
        "ANSIBLE_SSH_ARGS": "-o UserKnownHostsFile=/dev/null", "COLUMNS": "80",
    }  # fmt: skip


def verb(name: str, *arguments: str, folder: Path, password: Path = OPENS) -> tuple[int, str]:
    """Run a verb in `folder`; return its exit status and what it printed."""
    env = {**os.environ, **environment(password)}
    done = interpreter(*IMPORTED).run("-c", PROGRAM, name, *arguments, cwd=folder, env=env)
    return done.returncode, done.stdout + done.stderr


def plain(*arguments: str, folder: Path, playbook: str = "playbooks/preflight.yml") -> tuple[int, str]:
    """Run the plain line of a verb, such as `difusor preflight`, which only works with the project's ansible.cfg."""
    done = ansible("playbook", *arguments, ROOT / playbook, cwd=folder, env=environment())
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def inventory(tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "publicas.pem").write_bytes(certificates.root)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "publicas.pem"))
    return write_inventory(tmp_path / "diario", certificates)


def append(name: str, text: str) -> Change:
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def replace(name: str, old: str, new: str) -> Change:
    return lambda folder: (folder / name).write_text((folder / name).read_text().replace(old, new))


def dangling(folder: Path) -> None:
    (folder / "election.yml").unlink()
    (folder / "election.yml").symlink_to("../../elections/estatal-2027.yml")


MAIN, VAULT = "group_vars/diario/main.yml", "group_vars/diario/vault.yml"
FILES: dict[str, tuple[Change, str]] = {
    "a key broken over two lines, the second without indent": (
        append(MAIN, "difusor_break_glass_key: ssh-ed25519\nAAAAC3Nza\nx: 1\n"),
        rf"{MAIN}, renglón \d+, columna 1: no es YAML válido: falta un «:», o un texto quedó partido en dos renglones",
    ),
    "a tab": (append(MAIN, "x:\n\t- 1\n"), rf"{MAIN}, renglón \d+, columna 1: no es YAML válido: hay un tabulador"),
    "a tab in the hosts": (append("hosts.yml", "\tx: 1\n"), r"hosts.yml, renglón \d+, columna 1: no es YAML válido"),
    "quotes left open": (append(MAIN, 'x: "sin cerrar\n'), rf"{MAIN}, renglón \d+, .*: unas comillas no se cierran"),
    "a variable set twice": (
        append(MAIN, "difusor_name: Otro\n"),
        rf"{MAIN}, renglón \d+: difusor_name ya está en el renglón 1; deje uno solo",
    ),
    "a file in another encoding": (
        lambda folder: (folder / MAIN).write_bytes("difusor_name: Difusión\n".encode("latin-1")),
        rf"{MAIN}, renglón 1: no está en UTF-8",
    ),
    "a vault in clear text": (
        lambda folder: dump(folder / VAULT, {"vault_difusor_rsync_secret": "no debe leerse"}),
        rf"{VAULT} no está cifrado y contiene secretos; cífrelo: ansible-vault encrypt .*diario@prompt \S*{VAULT}",
    ),
    "a secret in clear text elsewhere": (
        append(MAIN, "vault_difusor_rsync_secret: no debe leerse\n"),
        rf"{MAIN} contiene un secreto sin cifrar; páselo a \S*{VAULT}",
    ),
    "servers in a list": (
        lambda folder: dump(folder / "hosts.yml", {"difusores": {"children": {"diario": {"hosts": [SERVER]}}}}),
        r"hosts.yml, renglón 4: bajo hosts van renglones «nombre:», sin guion",
    ),
    "a 13th month": (
        append(MAIN, "difusor_notice: {date: 2027-13-01}\n"),
        rf"{MAIN}, renglón \d+: no se entiende el valor de difusor_notice; una fecha o un número que no existen",
    ),
    "a port in words": (
        replace("hosts.yml", "ansible_port: 1", "ansible_port: veintidós"),
        r"hosts.yml, renglón \d+: ansible_port: «veintidós» no es un puerto; escriba un número de 1 a 65535",
    ),
    "empty hosts": (lambda folder: (folder / "hosts.yml").write_text("---\n"), r"hosts.yml está vacío"),
    "a dangling election": (
        dangling,
        r"election.yml enlaza la elección \S*estatal-2027.yml, que no existe; enlace la suya: ln -sfn",
    ),
    "no host in difusores": (
        replace("hosts.yml", "difusores:", "espejos:"),
        r"diario no tiene servidores en el grupo difusores; agréguelos en su hosts.yml",
    ),
    "a group that was not renamed": (
        replace("hosts.yml", "diario:", "ejemplo:"),
        r"group_vars/diario: ningún grupo de hosts.yml se llama diario.*\(en hosts.yml hay: ejemplo\)",
    ),
    "a folder that was not renamed": (
        lambda folder: (folder / "group_vars/diario").rename(folder / "group_vars/ejemplo"),
        r"group_vars/ejemplo: ningún grupo de hosts.yml se llama ejemplo.*\(en hosts.yml hay: diario\)",
    ),
    "no election": (
        lambda folder: (folder / "election.yml").unlink(),
        r"election_\*: este inventario no dice de qué elec",
    ),
}


OTHER = packed_image(ExposedPorts={"80/tcp": {}})


def image(name: str, content: bytes) -> dict[str, str]:
    return {"archive": f"{{{{ inventory_dir }}}}/{name}", "sha256": hashlib.sha256(content).hexdigest()}


def refused(status: int, said: str, sentence: str) -> None:
    assert status != 0, said
    assert re.search(sentence, said), said
    assert "nada se tocó" in said.lower(), said
    assert "no debe leerse" not in said
    assert "Traceback" not in said
    assert "changed=1" not in said


@pytest.mark.parametrize("mistake", FILES)
def test_files_of_an_inventory(mistake: str, inventory: Path) -> None:
    change, sentence = FILES[mistake]
    change(inventory)
    status, said = verb("preflight", "-i", "diario", folder=inventory.parent)
    refused(status, said, sentence)
    assert said.count("\n- ") == 1, said  # one sentence, not one for each variable that is missing for it


ALONE = (
    "a dangling election", "no host in difusores", "a group that was not renamed", "a folder that was not renamed",
    "no election",
)  # fmt: skip
"""The mistakes that are not found beside others: before the files are read, or only when all of them can be."""


@pytest.mark.parametrize("mistake", ALONE)
def test_files_of_an_inventory_by_plain_ansible(mistake: str, inventory: Path) -> None:
    change, sentence = FILES[mistake]
    change(inventory)
    status, said = plain("-i", "diario", folder=inventory.parent)
    refused(status, said, sentence)
    assert "WARNING" not in said  # Ansible's own English


def test_files_of_inventories_by_plain_ansible(tmp_path: Path, certificates: Certificates) -> None:
    """Each of the other mistakes is made in an inventory of its own, and one run tells them all."""
    made = {f"d{number}": FILES[mistake] for number, mistake in enumerate(FILES) if mistake not in ALONE}
    for name, (change, _) in made.items():
        change(write_inventory(tmp_path / name, certificates))
    status, said = plain(*(word for name in made for word in ("-i", name)), folder=tmp_path)
    told = said.split("\n- ")[1:]
    assert len(told) == len(made), said
    for name, (_, sentence) in made.items():
        assert any(f"/{name}/" in each and re.search(sentence, each) for each in told), (sentence, said)
    refused(status, said, "El inventario no se puede usar")
    assert "WARNING" not in said


ARGUMENTS = {
    "-i forgotten": ((), "falta -i; nombre el difusor", "Falta la opción '--inventory' / '-i'"),
    "-i mistyped": (("-i", "dairio"), r"no existe el inventario \S*dairio", "no existe el difusor «dairio», ni"),
    "-i empty": (("-i", ""), "no es un inventario|grupo difusores", "está vacío: ¿qué difusor?"),
    "--limit mistyped": (
        ("-i", "diario", "--limit", "wbe1"),
        "--limit: «wbe1» no es ningún servidor ni grupo del inventario; sus servidores son: web1",
        "--limit: «wbe1» no es ningún servidor ni grupo del inventario; sus servidores son: web1",
    ),
    "--limit that excludes nobody": (
        ("-i", "diario", "--limit", "all:!wbe1"), "--limit: «wbe1» no es ningún", "--limit: «wbe1» no es ningún",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", ARGUMENTS)
def test_arguments(mistake: str, inventory: Path) -> None:
    arguments, by_ansible, by_verb = ARGUMENTS[mistake]
    status, said = verb("apply", *arguments, folder=inventory.parent)
    assert status != 0 and re.search(by_verb, re.sub(r"\s*│\s*│?\s*", " ", said)), said
    assert "changed=" not in said
    refused(*plain(*arguments, folder=inventory.parent), by_ansible)


ONLY_BY_THE_VERB = {
    "a comma after the inventory": (("-i", "diario,"), ("-i", "diario,"), r"no existe el difusor «diario,»"),
    "--limit twice": (
        ("-i", "diario", "--limit", "wbe1", "--limit", "web1"), ("-i", "diario", "--limit", "wbe1", "--limit", "web1"),
        "--limit está dos veces y toma un solo valor",
    ),
    "an option's name": (
        ("-i", "diario", "--extra-vars", "remove_erly=true"), ("-i", "diario", "--erly"), "No existe la opción --erly",
    ),
}  # fmt: skip
"""Those that docs/es/operacion.md tells who writes lines of `ansible-playbook`: its words, and those of the verb."""


@pytest.mark.parametrize("mistake", ONLY_BY_THE_VERB)
def test_what_plain_ansible_lets_through(mistake: str, inventory: Path) -> None:
    by_ansible, by_verb, sentence = ONLY_BY_THE_VERB[mistake]
    status, said = plain(*by_ansible, "--list-hosts", folder=inventory.parent)
    assert (status, "play #1 (difusores)" in said) == (0, True), said
    status, said = verb("remove", *by_verb, folder=inventory.parent)
    assert (status, bool(re.search(sentence, re.sub(r"\s*│\s*│?\s*", " ", said)))) == (os.EX_USAGE, True), said


@pytest.mark.parametrize("name", ["preflight", "report", "bans"])
def test_a_wrong_vault_password_has_one_remedy(name: str, inventory: Path) -> None:
    (inventory.parent / "wrong").write_text("otra")
    status, said = verb(name, "-i", "diario", folder=inventory.parent, password=inventory.parent / "wrong")
    assert status != 0
    remedy = (
        f"{VAULT}: no se descifra con la contraseña dada; dé la suya: export ANSIBLE_VAULT_IDENTITY_LIST=diario@prompt"
    )
    assert remedy in said
    assert "Traceback" not in said


def test_a_file_may_be_the_inventory_and_a_path_have_accents(tmp_path: Path, certificates: Certificates) -> None:
    folder = write_inventory(tmp_path / "Difusión Año 2027", certificates)
    (folder / "otro.ini").write_text("[difusores:children]\ndiario\n[diario]\nweb1\n")
    for source in (folder, folder / "hosts.yml", folder / "otro.ini"):
        status, said = plain("-i", str(source), "--list-hosts", folder=folder.parent)
        assert (status, "hosts (1):" in said) == (0, True), said


def test_other_files_beside_the_inventory_are_not_read_as_one(inventory: Path) -> None:
    """Certificates, images, logos and documents, which Ansible would try to read as inventories."""
    for name in ("logo.svg", "carta.pdf", "sitio.tar.gz", "llave.key", "notas.txt", "sin-extension", "reglas.rules"):
        (inventory / name).write_bytes(b"\x89[difusores]\nfantasma\n")
    (inventory / "tls").mkdir()
    (inventory / "tls/hosts").write_text("[difusores]\nfantasma\n")
    status, said = plain("-i", "diario", "--list-hosts", folder=inventory.parent)
    assert status == 0
    assert "hosts (1):" in said
    assert "WARNING" not in said


VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "an example left in place": ({"difusor_fqdn": "prep.ejemplo.mx"}, "difusor_fqdn: conserva el valor de ejemplo"),
    "an optional example left in place": (
        {"difusor_ntp_servers": ["ntp.ejemplo.mx"]}, "«ntp.ejemplo.mx»; escriba el suyo, o quite la variable",
    ),
    "a wrong digest": (
        {"difusor_prep_image": {"archive": "{{ inventory_dir }}/prep.tar.gz", "sha256": "0" * 64}},
        "prep.tar.gz tiene el SHA-256 .* y no 000000000000…; vuelva a obtener el archivo o corrija sha256",
    ),
    "a digest cut short": (
        {"difusor_prep_image": {"archive": "{{ inventory_dir }}/prep.tar.gz", "sha256": "0" * 63}},
        r"difusor_prep_image.sha256: debe ser un SHA-256 en hexadecimal \(64 caracteres; sha256sum ARCHIVO lo da\)",
    ),
    "a key broken over two lines": (
        {"difusor_admin_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuUU1 bYrqPfoY"]},
        r"difusor_admin_keys\[0\]: no es una llave pública de OpenSSH; copie la línea entera del archivo .pub",
    ),
    "a key cut at its end": (
        {"election_revoked_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuUU1bYrqPfoYcyqNdVKGiBmO7n"]},
        r"election_revoked_keys\[0\]: no es una llave pública de OpenSSH; copie la línea entera del archivo .pub",
    ),
    "a certificate of another name": (
        {"difusor_tls_certificate": "{{ inventory_dir }}/other.pem"}, "no es para prep.diario.mx sino para www",
    ),
    "an expired certificate": (
        {"difusor_tls_certificate": "{{ inventory_dir }}/expired.pem"}, r"expired.pem venció el \d{4}-\d\d-\d\d; renue",
    ),
    "no intermediate certificate": (
        {f"difusor_tls_{end}": f"{{{{ inventory_dir }}}}/alone.{end[:3]}" for end in ("certificate", "key")},
        "no aceptarían .*alone.cer: le falta el certificado intermedio «Intermedio de prueba».*Ponga en el",
    ),
    "a private authority": (
        {f"difusor_tls_{end}": f"{{{{ inventory_dir }}}}/private.{end[:3]}" for end in ("certificate", "key")},
        "no aceptarían .*private.cer: lo firma «Autoridad de prueba», que no es una autoridad pública",
    ),
    "the key of another certificate": (
        {"difusor_tls_key": "{{ inventory_dir }}/alone.key"}, "alone.key no es la llave del certificado .*page.pem",
    ),
    "a date without its zone": (
        {"election_opens": "2024-06-02T20:00:00"},
        "election_opens: «2024-06-02T20:00:00» no es un instante absoluto; .*2024-06-02T20:00:00-06:00",
    ),
    "a close before the opening": (
        {"election_closes": "2024-06-02T02:00:00Z"},
        r"election_closes: 2024-06-02T02:00:00\+00:00 debe ser posterior a election_opens \(2024-06-03T02:00",
    ),
    "an address given twice": (
        {"difusor_trusted_addresses": ["10.9.0.5", "10.9.0.5/32"]},
        "difusor_trusted_addresses: «10.9.0.5/32» está dos veces; deje una sola",
    ),
    "IPv4 with /33": ({"difusor_trusted_addresses": ["10.9.0.5/33"]}, "«10.9.0.5/33» no es una dirección ni una red"),
    "nobody trusted": ({"election_trusted_addresses": []}, "la lista de direcciones confiables está vacía y nadie"),
    "an unknown variable": ({"difusor_pth": "/"}, "difusor_pth: no existe; ¿quiso decir difusor_path?"),
    "the WAF's image as the PREP's": (
        {"difusor_prep_image": image("waf.tar.gz", WAF)}, "waf.tar.gz es la imagen del WAF y no la del PREP",
    ),
    "the PREP's image as the WAF's": (
        {"difusor_waf_image": image("prep.tar.gz", PREP)}, "prep.tar.gz no es la imagen del WAF; escriba la que hace",
    ),
    "another image as the PREP's": (
        {"difusor_prep_image": image("other.tar.gz", OTHER)}, r"other.tar.gz no es la imagen del PREP: no declara",
    ),
    "an archive that is no image": (
        {"difusor_prep_image": image("torn.tar.gz", PREP[:-40])}, "torn.tar.gz no es una imagen de contenedor",
    ),
}  # fmt: skip


def test_values(inventory: Path, certificates: Certificates) -> None:
    """Each mistake is made on a server of its own, so that one run judges them all."""
    (inventory / "other.pem").write_bytes(certificates.page("www.diario.mx")[0])
    (inventory / "expired.pem").write_bytes(certificates.page(days=-1)[0])
    stranger = Certificates()
    (page, key), (alone, its_key) = stranger.page(), certificates.page()
    private = {"private.cer": page + stranger.intermediate + stranger.root, "private.key": key}
    for name, part in {**private, "alone.cer": alone, "alone.key": its_key}.items():
        (inventory / name).write_bytes(part)
    (inventory / "other.tar.gz").write_bytes(OTHER)
    (inventory / "torn.tar.gz").write_bytes(PREP[:-40])
    servers = {mistake.replace(" ", "-").replace("'", ""): variables for mistake, (variables, _) in VALUES.items()}
    dump(inventory / "hosts.yml", {"difusores": {"children": {"diario": {"hosts": {**servers, SERVER: {}}}}}})
    status, said = plain("-i", "diario", folder=inventory.parent, playbook="site.yml")
    assert status != 0
    assert not re.search("changed=[1-9]", said)
    found = dict(re.findall(r"(?ms)^fatal: \[([^]]+)\]: (.*?)(?=^fatal|^PLAY|^ok)", said))
    assert found.keys() == servers.keys()  # the server without a mistake has none
    for server, (_, sentence) in zip(servers, VALUES.values(), strict=True):
        assert re.search(sentence, found[server].replace('\\"', '"')), found[server]
        assert "nada se tocó en el servidor" in found[server]


def test_inventories_of_two_elections_are_refused_in_one_run(inventory: Path, certificates: Certificates) -> None:
    """By the verb, before Ansible begins, and by the plain line."""
    other = write_inventory(inventory.parent / "otro", certificates)
    hosts, election = other / "hosts.yml", other / "election.yml"
    hosts.write_text(hosts.read_text().replace(SERVER, "web2").replace("diario", "otro"))
    election.write_text(election.read_text().replace("estatal-2024", "simulacro-1"))
    (other / "group_vars/diario").rename(other / "group_vars/otro")
    vault = ["--vault-id", f"diario@{OPENS}"]
    for status, said in (
        verb("apply", "-i", "diario", "-i", "otro", folder=inventory.parent),
        plain("-i", "diario", "-i", "otro", *vault, folder=inventory.parent),
    ):
        assert status != 0
        assert "no dicen la misma elección («estatal-2024» y «simulacro-1»)" in " ".join(said.split())
        assert "nada se tocó en ningún servidor" in " ".join(said.split())
        assert "PLAY" not in said
