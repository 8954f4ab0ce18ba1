"""The inventory values that a results file keeps: as written, also when the inventory has mistakes."""

from __future__ import annotations

from difusor.inventory import Declared

WAIVER = {
    "clause": "HW-01",
    "reason": "Es una máquina virtual.",
    "by": "Pleno",
    "agreement": "CEE/1/2024",
    "date": "2024-05-20",
    "expires": "2024-06-10",
}
SAID = {"difusor_name": "Diario", "election_opens": "mañana", "difusor_waivers": [WAIVER]}


def test_only_declared_values_are_written() -> None:
    declared = Declared.of({**SAID, "difusor_rsync_secret": "hunter2hunter2hunter2"})
    assert declared.model_dump(mode="json") == SAID
    assert Declared.model_validate_json(declared.model_dump_json()) == declared


def test_what_is_malformed_keeps_nothing_else_from_being_read() -> None:
    declared = Declared.of({**SAID, "difusor_waivers": [{**WAIVER, "expires": "pronto"}], "election_place": "nada"})
    assert (declared.difusor_name, declared.difusor_waivers) == ("Diario", ())
    assert declared.zone.key == "Etc/UTC"


def test_a_variable_without_a_value_says_nothing() -> None:
    assert Declared.of({"difusor_path": None, "election_retain_until": None}).election_retain_until == ""


def test_the_time_zone_of_the_place_is_noted_for_whoever_has_no_catalogue() -> None:
    declared = Declared.of({"election_place": "ribera"})
    assert declared.model_dump(mode="json") == {"election_place": "ribera", "election_timezone": "America/Tijuana"}
    assert Declared.model_validate_json(declared.model_dump_json()).zone.key == "America/Tijuana"
