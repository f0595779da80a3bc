"""The pictures of commands show what the commands print, stand on a page, and have a browser fetch nothing."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from docsite.pictures import COMMANDS, FOLDER, render
from docsite.terminal import WIDTH, lines_of
from unit.docs.pages import PAGES, ROOT

IMAGES: Final = ROOT / "docs" / "images"
SVG: Final = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_drawn_from_the_true_output(name: str) -> None:
    """What was typed, then every word of the output in its order; `make docs` draws it anew."""
    picture = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert picture == render(name)
    typed, *lines = lines_of(picture)
    assert typed == f"$ {COMMANDS[name]}"
    assert " ".join(lines).split() == (FOLDER / f"{name}.txt").read_text(encoding="utf-8").split()
    assert max(map(len, lines)) <= WIDTH
    assert "url(http" not in picture
    assert "@font-face" not in picture


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_shows_it(name: str) -> None:
    """With words for who cannot see it."""
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in PAGES]
    (line,) = [line for text in pages for line in text.splitlines() if f"images/{name}.svg)" in line]
    assert line.startswith("![The output of kubectl tokenfactory ")


def test_no_picture_is_left_over() -> None:
    """Each is drawn by a script: the demo, the benchmark (`--growth`), or what draws the commands."""
    assert {path.stem for path in IMAGES.iterdir()} == {"demo", "growth", *COMMANDS}


def test_the_picture_of_growth_has_the_figures_of_its_page() -> None:
    """Each number of objects that the table has, with its memory."""
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    drawn = ET.parse(IMAGES / "growth.svg")  # noqa: S314 - made by our benchmark
    texts = [item.text or "" for item in next(drawn.getroot().iter(f"{SVG}g")).iter(f"{SVG}text")]
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) MiB \| \d+ MiB \|", page, re.MULTILINE)
    assert rows
    points = [text for text in texts if text.replace(",", "").isdigit()]
    assert [(points[at + 1], points[at]) for at in range(len(points) - 2 * len(rows), len(points), 2)] == rows
