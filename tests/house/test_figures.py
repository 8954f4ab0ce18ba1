"""A limit that a document tells is the program's: who goes by the manual would learn of another one on the night."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml

from corte.format import future
from corte.server import intake
from difusor import spec
from difusor.board import night
from difusor.countdown import checks, here, inside, outside, run
from difusor.inventory import calendar, passwords, uplink
from difusor.listing import folder, looks, state
from difusor.papers import bounds
from difusor.partners.filing import scan
from difusor.project import ROOT
from difusor.publish import keys, mistakes, push
from difusor.servers import names
from difusor.suite import link

DESK, MANUAL, DICTAMEN, OUTLET, HARDENING = (
    f"docs/es/{name}.md" for name in ("escritorio", "operacion", "dictamen", "difusor", "endurecimiento")
)
CORTE, EDGE, THREATS = (f"docs/en/{name}.md" for name in ("corte", "edge", "threats"))
CALLS = {call["RED-01"].expect["mbps"]: call for call in (spec.load(path.stem) for path in ROOT.glob("spec/*-*.yml"))}
"""The project's calls, by the Mbps that they ask for."""
WORDS = {2: "dos", 3: "tres", 4: "cuatro", 5: "cinco", 6: "seis"}


def in_words(number: float) -> str:
    return WORDS[int(number)]


def hours(time: timedelta) -> int:
    return time // timedelta(hours=1)


def minutes(time: timedelta) -> int:
    return time // timedelta(minutes=1)


def default(role: str, name: str) -> Any:
    return yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))[name]


FIGURES = [
    (DESK, f"cada lista vale {hours(folder.VALID)} horas"),
    (DESK, f"falla **{in_words(state.FAILURES)} veces seguidas**"),
    (DESK, f"dan {in_words(names.SERVERS)} servidores de la zona"),
    (DESK, f"más de {in_words(looks.MOST)} de una familia, {in_words(looks.MOST)} al azar"),
    (DESK, f"más de {names.LONGEST_TTL} segundos (TTL)"),
    (DESK, f"de hasta {scan.LARGEST >> 20} MB"),
    (DESK, f"se pospone hasta {calendar.NEAR.days} días"),
    (MANUAL, f"si en {default('rollback', 'rollback_seconds')} segundos no hubo una entrada nueva"),
    (MANUAL, f"menos de {here.FREE_BYTES // inside.MEGABYTE} MB ahí"),
    (MANUAL, f"más de {inside.CLOCK_SLACK:.0f} segundos del de esta máquina"),
    (MANUAL, f"que le queden menos de {outside.FEW_DAYS.days} días es un aviso"),
    (MANUAL, f"menos de {inside.FULL // inside.GIGABYTE} GB (aviso, {inside.NEARLY_FULL // inside.GIGABYTE})"),
    (
        MANUAL,
        f"menos de {inside.TEMPORARY_FULL // inside.MEGABYTE} MB "
        f"(aviso, {inside.TEMPORARY_NEARLY_FULL // inside.MEGABYTE})",
    ),
    (MANUAL, f"su TTL pasa de {names.LONGEST_TTL} segundos"),
    (MANUAL, f"los servidores de otros {in_words(run.ASKERS)} difusores"),
    (MANUAL, f"desde que faltan {in_words(hours(checks.HOUR_FROM))})"),
    (MANUAL, f"A los {push.LIMIT / 60:.0f} minutos desiste"),
    (MANUAL, f"lee en cada envío los {intake.SAMPLE_BYTES >> 20} MiB que siguen"),
    (
        MANUAL,
        f"más de {hours(mistakes.MOST_LATER)} horas después del cierre previsto "
        f"({mistakes.LONGEST_KEPT.days} días, `--retain`)",
    ),
    (MANUAL, f"Desde {default('packages', 'packages_held_hours')} horas antes de la apertura"),
    (MANUAL, f"pide 100 Mbps se aparta desde {uplink.least(CALLS[100])}; si pide 50, desde {uplink.least(CALLS[50])}"),
    (DICTAMEN, f"lo mismo en los {in_words(minutes(night.LASTS))} minutos anteriores"),
    (DICTAMEN, f"cada ronda dura {link.SECONDS:.0f} segundos a lo más, y de hasta {in_words(link.ROUNDS)} cuenta la"),
    (DICTAMEN, f"{in_words(link.STREAMS)} conexiones a la vez"),
    (DICTAMEN, f"{link.WARM_UP / 1e6} MB para tomar velocidad y {link.TRANSFER / 1e6:.0f} MB"),
    (DICTAMEN, f"más de {in_words(bounds.SECONDS / 60)} minutos de procesador o de {bounds.MEMORY >> 30} GB"),
    (DICTAMEN, f"se piden {CALLS[100]['RED-01'].expect['payload_mbps']}"),
    (OUTLET, f"un TTL de {names.LONGEST_TTL} segundos o menos"),
    (HARDENING, f"Contraseñas: {passwords.LENGTH} caracteres"),
    (HARDENING, f"SHA-512 con {passwords.ROUNDS:,} vueltas"),
    (CORTE, f"a corte more than {minutes(future.TOLERANCE)} minutes ahead"),
    (CORTE, f"the intake reads {intake.SAMPLE_BYTES >> 20} MiB"),
    (CORTE, f"{keys.HEAD >> 10} KiB of each; none above {keys.LARGEST >> 10} KiB"),
    (
        CORTE,
        f"{default('rsync', 'rsync_waiting_per_source')} are kept for one source and "
        f"{default('rsync', 'rsync_waiting')} for all",
    ),
    (
        EDGE,
        f"{default('ufw', 'ufw_source_burst'):,} at once from one address, then "
        f"{default('ufw', 'ufw_source_rate'):,} a second",
    ),
    (
        EDGE,
        f"{default('nginx', 'nginx_connection_burst')} requests at once and "
        f"{default('nginx', 'nginx_connection_rate')} a second by one connection",
    ),
    (
        EDGE,
        f"{default('nginx', 'nginx_fast_burst'):,} at once and {default('nginx', 'nginx_fast_rate'):,} a second "
        "from one address",
    ),
    (EDGE, f"{default('nginx', 'nginx_waf_burst')} at once, {default('nginx', 'nginx_waf_rate')} a second"),
    (EDGE, f"{default('nginx', 'nginx_waf_waiting')} more wait for their turn"),
    (EDGE, f"**Requests in progress**: {default('nginx', 'nginx_client_requests'):,}, "),
    (EDGE, f"and {default('nginx', 'nginx_client_downloads'):,} for the heavy folders"),
    (THREATS, f"more than {default('ufw', 'ufw_always_limited_rate')} connections per second"),
]
"""A document, and a sentence in it, with the figures as the program has them now."""


@pytest.mark.parametrize(("document", "sentence"), FIGURES, ids=[sentence[:50] for _, sentence in FIGURES])
def test_a_document_tells_the_programs_figure(document: str, sentence: str) -> None:
    assert sentence in " ".join((ROOT / document).read_text(encoding="utf-8").split())
