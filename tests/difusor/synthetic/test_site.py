"""The reference site is self-contained: small, relative, and clean under `default-src 'self'`."""

import re
from pathlib import Path

import pytest

SITE = Path(__file__).resolve().parents[3] / "containers/prep/rootfs/usr/share/prep/site"
FILES = sorted(path for path in SITE.iterdir() if path.is_file())
PAGES = [path for path in FILES if path.suffix == ".html"]


def test_the_whole_shell_is_under_60_kilobytes():
    assert sum(path.stat().st_size for path in FILES) < 60_000


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(page):
    text = page.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    for address in re.findall(r'(?:href|src)="([^"]*)"', text.replace('<!--# echo var="site_root" -->', "")):
        assert not re.match(r"/|\w+:", address), f"{address} is not relative"
        of_the_corte = address.startswith(("#", "datos/", "corte.json"))
        assert not address or of_the_corte or (SITE / address).is_file(), f"no {address}"


@pytest.mark.parametrize("script", [path for path in FILES if path.suffix == ".js"], ids=lambda path: path.name)
def test_a_script_writes_no_markup_and_reads_only_relative_addresses(script):
    text = script.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|https?://", text)
    for name in re.findall(r"from '\./([^']+)'", text):
        assert (SITE / name).is_file()


def test_every_module_is_announced_before_it_is_needed():
    index = (SITE / "index.html").read_text()
    modules = {path.name for path in FILES if path.suffix == ".js"} - {"autentico.js"}  # it belongs to autentico.html
    assert set(re.findall(r'(?:modulepreload" href|type="module" src)="([^"]+)"', index)) == modules
