"""The reference site is self-contained: small, relative, and clean under `default-src 'self'`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SITE = ROOT / "containers/prep/rootfs/usr/share/prep/site"
FILES = sorted(path for path in SITE.iterdir() if path.is_file())
PAGES = [path for path in FILES if path.suffix == ".html"]


COMMENT = re.compile(r"^\s*//.*\n|\s*/\*.*?\*/|\s//\s.*$", re.MULTILINE)
"""A comment of a script or a style; the image is built without them."""


def test_the_whole_shell_is_under_60_700_bytes():
    """A visit costs little: what the page says in rare cases is short too."""
    assert sum(len(COMMENT.sub("", path.read_text()).encode()) for path in FILES) < 60_700


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(page):
    text = page.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    for address in re.findall(r'(?:href|src)="([^"]*)"', text):
        assert not re.match(r"/|\w+:", address), f"{address} is not relative"
        of_the_corte = address.startswith(("#", "datos/", "corte.json"))
        assert not address or of_the_corte or (SITE / address).is_file(), f"no {address}"


@pytest.mark.parametrize("script", [path for path in FILES if path.suffix == ".js"], ids=lambda path: path.name)
def test_a_script_writes_no_markup_and_reads_only_relative_addresses(script):
    text = script.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|https?://", text)
    for name in re.findall(r"from '\./([^']+)'", text):
        assert (SITE / name).is_file()


def imported(script: str) -> set[str]:
    """Return the module and every module that it imports, directly or not."""
    names = re.findall(r"from '\./([^']+)'", (SITE / script).read_text())
    return {script}.union(*map(imported, names))


def test_what_the_scripts_fill_in_is_on_their_page():
    """A name that the page lacks would stop the whole script."""
    for page in PAGES:
        known = set(re.findall(r'\bid="([^"]+)"', page.read_text()))
        for entry in re.findall(r'<script type="module" src="([^"]+)"', page.read_text()):
            asked = set(re.findall(r"byId\('([^']+)'\)", (SITE / entry).read_text()))
            assert asked <= known, f"{page.name} lacks {asked - known}"


def test_every_module_belongs_to_a_page():
    entries = {name for page in PAGES for name in re.findall(r'<script [^>]*src="([^"]+)"', page.read_text())}
    assert set.union(*map(imported, entries)) == {path.name for path in FILES if path.suffix == ".js"}


def test_what_is_renamed_in_the_image_is_named_in_pages_only():
    """The image gives scripts, style and icon names of their content, and puts these into the pages' quotes."""
    scripts = ["app.js", "autentico.js", "ayuda.js", "reload.js"]
    renamed = [path.name for path in FILES if path.suffix in (".css", ".svg")] + scripts
    for path in FILES:
        named = [name for name in renamed if name in path.read_text()]
        assert path.suffix == ".html" or not named, f"{path.name} names {named}"
    assert all(f'"{name}"' in "".join(page.read_text() for page in PAGES) for name in renamed)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_without_javascript_every_page_leads_to_the_one_that_comes_with_the_corte(page):
    """That page is signed, so it can say what this image cannot know: the results, their time, and SIMULACRO."""
    assert re.search(
        r'<noscript><meta http-equiv="refresh" content="0; url=datos/resultados\.html[#a-z]*"></noscript>',
        page.read_text(),
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_loads_a_page_again_runs_before_the_script_that_may_not_arrive(page):
    """Browsers run both in this order, and hear of a lost script only when it is its turn."""
    scripts = re.findall(r"<script .*", page.read_text())
    assert scripts[0] == '<script src="reload.js" defer></script>' and len(scripts) == 2


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "scripts/difusor/synthetic/templates/resultados.html.j2"], ids=lambda path: path.name
)
def test_a_page_says_to_search_engines_what_it_is(page):
    """Without it they show whatever words they find first."""
    assert re.search(r'<meta name="description" content="[^"]{40,160}">', page.read_text())


def test_where_no_script_runs_a_page_calls_itself_neither_official_nor_a_rehearsal():
    """One image serves both: previews of a link, which run no script, showed a rehearsal as the results."""
    page = (SITE / "index.html").read_text()
    title, said = (re.search(each, page)[1] for each in ("<title>(.+)</title>", 'name="description" content="(.+)"'))
    assert "resultados electorales" not in title
    assert "si son los de una elección o los de un simulacro" in said


def test_where_no_script_runs_although_browsers_may_run_some_the_results_are_one_link_away():
    """An old phone's browser, or a script that does not arrive at the crowded hour, shows nothing of a noscript."""
    page = re.sub(r"<noscript>.*?</noscript>", "", (SITE / "index.html").read_text(), flags=re.DOTALL)
    assert 'href="datos/resultados.html"' in page.partition("<main")[2].partition("</main>")[0]
    assert "'datos/resultados.html'" in (SITE / "app.js").read_text(), "also where the script cannot show them"


# Newer than the oldest browsers for which the image's build translates the syntax (containers/prep/customize).
# It translates no names.
NEWER = (
    "replaceChildren", "replaceAll", "RelativeTimeFormat", "ListFormat", "DisplayNames", "allSettled",
    "structuredClone", "hasOwn", "fromEntries", "matchAll", "findLast", "toSorted", "toReversed", "toSpliced",
    "randomUUID", "queueMicrotask", "AbortSignal.timeout", "Promise.any", ".at(", "isWellFormed", "Object.groupBy",
    "addEventListener('visibilitychange'", "globalThis", ".arrayBuffer(", ".text(", ".stream(",
)  # fmt: skip
OLDER = ("document.addEventListener", "response.arrayBuffer(", "new Response(file).arrayBuffer(")
"""What has such a name and is older: a document has had it longer than a window, an answer longer than a file."""


@pytest.mark.parametrize("script", [path for path in FILES if path.suffix == ".js"], ids=lambda path: path.name)
def test_a_script_asks_for_nothing_that_old_phones_lack(script):
    """One such name, and an iPhone of 2013 shows «Cargando los resultados…» all night."""
    text = re.sub("|".join(["//.*", *map(re.escape, OLDER)]), "", script.read_text())
    assert [name for name in NEWER if name in text] == []


def test_the_notices_of_the_edge_and_the_page_have_one_icon():
    notices = ROOT / "roles/nginx/templates/usr/share/prep/avisos"
    assert (notices / "icono.svg").read_bytes() == (SITE / "icon.svg").read_bytes()
    assert all("_aviso/icono.svg" in page.read_text() for page in notices.glob("*.html.j2"))


def test_a_waiting_page_promises_to_reload_itself_only_where_its_script_runs():
    """Where the script did not arrive, or is too new for the browser, its reader waited all night."""
    notice = (ROOT / "roles/nginx/templates/usr/share/prep/avisos/espera.html.j2").read_text()
    assert "no hace falta recargarla" not in notice
    assert "recárguela" in notice


def test_the_notices_are_laid_out_by_old_browsers_too():
    """Chrome before 87 and Safari before 14.1 know no `inset`: a rehearsal's band was as narrow as its word."""
    style = (ROOT / "roles/nginx/templates/usr/share/prep/avisos/aviso.css.j2").read_text()
    assert "inset" not in style


def test_the_notices_of_the_edge_and_the_page_have_one_wording():
    notices = ROOT / "roles/nginx/templates/usr/share/prep/avisos"
    notice = " ".join(f"{(notices / 'espera.js').read_text()} {(notices / 'revocado.html.j2').read_text()}".split())
    script = (SITE / "app.js").read_text()
    for sentence in (
        "Los resultados aún no se publican",
        "El primer corte llega en unos minutos.",
        "Espere el siguiente corte",
        "El Instituto retiró el corte que se mostraba.",
        "Esta página se actualiza sola: no hace falta recargarla.",
        "La difusión de resultados terminó",
        "Consulte los resultados en el sitio del Instituto.",
        "Este sitio ya no es difusor oficial",
        "El Instituto lo retiró de la lista de difusores oficiales y aquí ya no se publican resultados. "
        "Consúltelos en el sitio del Instituto o en los demás difusores de la lista oficial.",
    ):
        assert sentence in notice and sentence in script
