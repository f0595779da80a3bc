"""The pages become a site: no link leads nowhere, and a reader's browser fetches nothing from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
LOADED: Final = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"""Elements whose address a browser fetches without being asked, and the attribute that holds it."""
NOT_FETCHED: Final = frozenset({"canonical", "next", "prev", "alternate"})
"""Relations of a `link` element that only say something."""


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build as `make docs-site` does, but for the places."""
    command = [sys.executable, "-m", "mkdocs", "build", f"--config-file={config}", f"--site-dir={site}"]
    surroundings = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    return folder


class _Loads(HTMLParser):
    """Collects what a page has the browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADED and values.get("rel") not in NOT_FETCHED:
            self.found.append(values.get(LOADED[tag]) or "")


def loads(site: Path) -> Iterator[str]:
    """Of all pages: the addresses that a browser fetches."""
    for page in site.rglob("*.html"):
        parser = _Loads()
        parser.feed(page.read_text(encoding="utf-8"))
        yield from parser.found
    for sheet in site.rglob("*.css"):
        yield from re.findall(r"(?:url\(|@import )([^);]+)", sheet.read_text(encoding="utf-8"))


def test_every_page_is_there(site: Path) -> None:
    """Each file of docs/, and the README as the first page."""
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    built = {page.relative_to(site) for page in site.rglob("*.html")}
    assert {page.with_name("index.html") if page.name == "README.html" else page for page in pages} <= built
    assert "Three promises" in (site / "index.html").read_text(encoding="utf-8")


def test_a_reader_fetches_nothing_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts and pictures are files of the site."""
    addresses = list(loads(site))
    assert len(addresses) > 100
    assert [address for address in addresses if re.match(r"['\"]?(?:[a-z]+:)?//", address)] == []
    assert not list(site.rglob("*.woff*"))
    assert 'class="mermaid"' not in "".join(page.read_text(encoding="utf-8") for page in site.rglob("*.html"))


BROKEN: Final = {
    "[x](nowhere.md)": "nowhere.md",
    "[x](gitops.md#no-such-heading)": "#no-such-heading",
    "[x](../no-such-file.md)": "no-such-file.md",
    "[x](../README.md#not-in-the-readme)": "#not-in-the-readme",
}
"""Links that lead nowhere, and what the build names."""


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    """Each is named, and so is a page that no menu has."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / "install.md").open("a", encoding="utf-8") as page:
        page.write("\n" + "\n".join(BROKEN) + "\n")
    (tmp_path / "docs" / "lonely.md").write_text("# Lonely\n", encoding="utf-8")
    config = f"INHERIT: {ROOT}/mkdocs.yml\nhooks: [{ROOT}/hack/docsite/hooks.py]\ndocs_dir: docs\n"
    (tmp_path / "mkdocs.yml").write_text(config, encoding="utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    assert [name for name in (*BROKEN.values(), "lonely.md") if name not in done.stderr] == []
