"""Programs of the owner's that run as nginx's own account, and so could stop it or alter the page, are told before."""

from __future__ import annotations

from pathlib import Path

import pytest
import role_kit
from plugin_kit import load

from difusor.project import ROOT

sharing = load("module_utils/probe/sharing.py")

POOL = """; user = nobody
[diario]
user = {user}
group = www-data
listen = /run/php/php-fpm.sock
listen.owner = www-data
"""


def process(folder: Path, number: int, uid: int, comm: str, command: str = "", sees: str = "server") -> None:
    own = folder / str(number)
    (own / "ns").mkdir(parents=True)
    (own / "status").write_text(f"Name:\t{comm}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    (own / "comm").write_text(f"{comm}\n")
    (own / "cmdline").write_text(command or f"/usr/sbin/{comm}\0-k\0start\0")
    if sees:
        (own / "ns/pid").symlink_to(f"pid:[{sees}]")


def test_who_runs_as_nginx_does_is_named_once_and_containers_are_not(tmp_path: Path) -> None:
    process(tmp_path, 1, 0, "systemd")
    process(tmp_path, 20, 33, "nginx", "nginx: worker process")
    for number in (30, 31):
        process(tmp_path, number, 33, "php-fpm8.2", "php-fpm: pool www\0\0\0")
    process(tmp_path, 32, 1001, "php-fpm8.2", "php-fpm: pool apart\0")
    process(tmp_path, 33, 0, "php-fpm8.2", "php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)\0")
    process(tmp_path, 40, 33, "apache2")
    process(tmp_path, 50, 33, "python3", sees="container")
    process(tmp_path, 60, 33, "cgi", sees="")  # nobody may say
    assert sharing.programs(33, str(tmp_path)) == ["apache2", "cgi", "php-fpm: pool www"]


def test_a_pool_that_begins_at_the_first_visit_is_named_too(tmp_path: Path) -> None:
    pools = tmp_path / "etc/php/{}/fpm/pool.d"
    users = {"8.2/a": "www-data", "8.2/b": '"www-data" ; PHP', "8.2/c": "diario", "7.4/d": "www-data"}
    for place, user in users.items():
        version, name = place.split("/")
        folder = Path(str(pools).format(version))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.conf").write_text(POOL.format(user=user).replace("diario", name, 1))
    (tmp_path / "php-fpm8.2").touch()  # what was of 7.4 is left of a package that was removed
    found = sharing.pools("www-data", str(pools).format("*") + "/*.conf", str(tmp_path / "php-fpm"))
    assert found == ["php-fpm: pool a", "php-fpm: pool b"]


def test_pools_whose_sockets_nginx_may_not_open_are_known(tmp_path: Path) -> None:
    texts = {
        "www": "listen = /run/a\nlisten.owner = www-data\nlisten.group = www-data",
        "diario": 'listen = "/run/b" ; socket\nlisten.owner = nginx\nlisten.group = nginx\n;listen.mode = 0666',
        "tcp": "listen = 127.0.0.1:9000",
        "all": "listen = /run/c\nlisten.owner = nginx\nlisten.mode = 0666",
        "group": "listen = /run/d\nlisten.owner = diario\nlisten.group = prensa",
        "list": "listen = /run/e\nlisten.acl_users = nginx, www-data",
        "none": "listen = /run/f",
    }
    folder = tmp_path / "etc/php/8.2/fpm/pool.d"
    folder.mkdir(parents=True)
    (folder / "a.conf").write_text("\n".join(f"[{name}]\n{text}" for name, text in texts.items()))
    (tmp_path / "php-fpm8.2").touch()
    paths, program = f"{tmp_path}/etc/php/*/fpm/pool.d/*.conf", f"{tmp_path}/php-fpm"
    found = sharing.closed_pools("www-data", ["www-data", "prensa"], paths, program)
    assert found == ["diario (nginx:nginx 0660)", "none (root:root 0660)"]
    assert sharing.groups_of("nadie-con-este-nombre") == {"nadie-con-este-nombre"}


def test_a_server_without_the_account_has_nobody_who_shares_it() -> None:
    assert sharing.look("nadie-con-este-nombre") == []


def test_the_account_is_that_of_nginxs_workers() -> None:
    installed = role_kit.render("nginx", "etc/nginx/nginx.conf", {})
    assert f"user {sharing.ACCOUNT};" in installed


@pytest.mark.parametrize("names", [[], ["apache2", "php-fpm: pool www"]])
def test_the_preflight_names_them_with_what_to_do(names: list[str]) -> None:
    notices = [["AVISO: de estos sitios", ["uno", "otro"]]]
    told = role_kit.diagnosis(beside={"sharing": names}, judged={"notices": notices})
    assert ("dé a cada uno una cuenta propia" in told) is bool(names)
    assert ", ".join(names) in told
    assert "AVISO: de estos sitios: uno, otro" in told, "what the judge has to tell is shown too"
    manual = (ROOT / "docs/es/difusor.md").read_text(encoding="utf-8")
    section = manual.partition("## En el servidor, hasta la noche")[2].partition("\n## ")[0]
    assert "`APACHE_RUN_USER`" in section
