"""The rendered configuration of nginx: how it serves what a corte brings beside its data."""

from __future__ import annotations

import re

import pytest
import role_kit
from nginx_kit import BASES, CLOSED, FILES, OPEN, SITE, answered, judged, render, types

CONTAINER = role_kit.ROLES.parent / "containers/prep/rootfs/etc/nginx/nginx.conf"
CORTE = "etc/nginx/snippets/prep-corte.conf"


def test_a_corte_may_bring_whatever_the_image_has() -> None:
    """Its style and its scripts came as something to download, which browsers do not take for either."""
    known, corte = types(CONTAINER.read_text(encoding="utf-8")), types(render(CORTE))
    assert {"css", "js", "svg", "jpeg"} <= known.keys()
    assert known.items() - corte.items() == set()


def test_letters_with_accents_are_read_as_they_were_written() -> None:
    container, corte = (
        re.findall(r"^ *charset_types ([^;]+);", text, re.MULTILINE)
        for text in (CONTAINER.read_text(encoding="utf-8"), render(CORTE))
    )
    assert set(container[0].split()) - set(corte[0].split()) == set()


def test_no_file_of_an_open_application_is_inspected_for_its_type() -> None:
    """What the WAF inspects it takes at a slow pace, and several readers share an address."""
    for ending in types(CONTAINER.read_text(encoding="utf-8")):
        assert judged("/", {"request_uri": f"/otra.{ending}"}, OPEN)["plain"] == "1", ending


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", FILES)
def test_what_a_corte_brings_comes_first_under_a_name_of_the_image_too(base: str, path: str) -> None:
    """nginx kept what it had of that name for ten seconds, beside newer data, and longer while no image answered."""
    site, there = render(SITE, base=base, inputs=CLOSED), f"/srv/prep/publico/actual/{path}"
    _, body = answered(site, base + path)
    asked = f"rewrite ^ /_fast/{path}? last;"
    assert f"alias {there};\n        if (!-f {there}) {{\n            {asked}\n        }}" in body
    assert body.count("/_fast/") == 1
    if path.endswith("index.html"):
        folder = path.removesuffix("index.html")
        _, body = answered(site, base + folder)
        first, _, second = body.partition(f"rewrite ^ /_fast/{folder}? last;")
        assert f"if (-f {there}) {{\n            rewrite ^ {base}{path} last;\n        }}" in first
        assert second.strip() == ""
