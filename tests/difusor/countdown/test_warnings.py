"""What a night can begin without: units that are missed only later, and a restart that a power cut would bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from countdown_kit import host, seen, server

from difusor.countdown import inside, restart
from difusor.countdown.checks import Check, Moment

Said = dict[str, Any]
REBOOTED = 1717200000
"""When packages of the test asked for a restart: 2024-06-01 00:00 UTC."""


def services(change: Callable[[Said], object], tls_mode: str = "acme") -> Check:
    """Return the check of the services of a server whose description a change has altered."""
    said, one = server(), host()
    change(said)
    other = replace(one, partner=one.partner.model_copy(update={"tls_mode": tls_mode}))
    return inside.judge(other, seen(said, one.election), "diario")[0]


def unit(name: str, state: str = "active", boot: str = "enabled") -> Callable[[Said], object]:
    def change(said: Said) -> None:
        said["units"][name], said["at_boot"][name] = state, boot

    return change


def boots(service: str, socket: str) -> Callable[[Said], object]:
    return lambda said: said["at_boot"].update({"ssh.service": service, "ssh.socket": socket})


@pytest.mark.parametrize(
    ("change", "found", "remedy"),
    [
        (
            unit("fail2ban.service", "failed"),
            "no corre fail2ban.service (failed): nada detiene", "sudo systemctl enable --now fail2ban.service",
        ),
        (unit("fail2ban.service", boot="masked"), "fail2ban.service no arrancaría", "unmask fail2ban.service && sudo"),
        (unit("fail2ban.service", "not-found", ""), "ya no está instalado fail2ban", "./difusor apply -i diario"),
        (unit("certbot.timer", "inactive", "disabled"), "nadie renueva el certificado", "enable --now certbot.timer"),
        (unit("prep-certificate.service", "failed", "static"), "pocos días, o nginx no sirve", "status prep-certif"),
        (boots("disabled", "disabled"), "SSH no arrancaría con el servidor: ssh.service", "enable --now ssh.service"),
        (boots("masked", ""), "SSH no arrancaría con el servidor: ssh.service (masked)", "unmask ssh.service && sudo"),
    ],
)  # fmt: skip
def test_what_is_missed_only_later_is_a_warning(change: Callable[[Said], object], found: str, remedy: str) -> None:
    check = services(change)
    assert check.state == "warn"
    assert found in check.found and remedy in check.remedy


@pytest.mark.parametrize(
    ("change", "tls_mode"),
    [
        (unit("certbot.timer", "not-found", ""), "files"),
        (unit("certbot.timer", "inactive", "disabled"), "files"),
        (unit("prep-certificate.service", "inactive", "static"), "acme"),
        (boots("disabled", "enabled"), "acme"),
        (boots("enabled", "disabled"), "acme"),
        (boots("enabled", ""), "acme"),
        (boots("static", "disabled"), "acme"),
        (boots("", ""), "acme"),
    ],
)
def test_what_a_server_has_otherwise_is_not_called_wrong(change: Callable[[Said], object], tls_mode: str) -> None:
    """certbot's timer only where the page's certificate is certbot's; SSH by its service or by its socket."""
    assert services(change, tls_mode).state == "good"


def test_units_beside_those_that_are_needed_are_no_reason_for_red() -> None:
    def change(said: Said) -> None:
        unit("ssh.socket", "inactive", "disabled")(said)
        unit("fail2ban.service", "not-found", "")(said)
        unit("nginx.service", "failed")(said)

    check = services(change)
    assert (check.state, check.found) == ("bad", "no corre nginx.service (failed)")


def restarted(moment: Moment, **values: Any) -> Check:
    partner = host()
    return restart.judge(partner.election, seen(server() | values, partner.election).server, moment, "diario")


def test_a_restart_that_waits_is_made_today_or_not_before_the_close() -> None:
    """A kernel that never ran on the server would have its first start after a power cut of the night."""
    waits = {"restart_since": REBOOTED, "restart_for": ["linux-image-6.1.0-21-amd64"], "next_kernel": "6.1.0-21-amd64"}
    day, hour = (restarted(moment, **waits) for moment in (Moment.DAY, Moment.HOUR))
    assert (day.key, day.state, hour.state) == ("restart", "warn", "warn")
    assert day.found == hour.found
    assert "espera un reinicio desde 31/05/2024 17:00:00 PDT (linux-image-6.1.0-21-amd64)" in day.found
    assert "corre el núcleo 6.1.0-18-amd64, y al arrancar lo haría con 6.1.0-21-amd64" in day.found
    assert day.remedy.startswith("hoy aún se puede") and day.remedy.endswith(": ./difusor upgrade -i diario")
    assert hour.remedy.startswith("para esta noche ya es tarde: no lo reinicie")


def test_a_kernel_for_which_no_package_asked_is_started_by_hand() -> None:
    """`upgrade` restarts only what packages have asked to be restarted."""
    check = restarted(Moment.DAY, next_kernel="6.1.0-21-amd64")
    assert (check.state, "sudo reboot" in check.remedy, "upgrade" in check.remedy) == ("warn", True, False)


def test_nothing_waits_on_a_server_that_was_restarted() -> None:
    assert {restarted(moment).state for moment in Moment} == {"good"}
