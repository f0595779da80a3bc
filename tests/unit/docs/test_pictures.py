"""The pictures of commands show what the commands print, stand on a page, and have a browser fetch nothing."""

from __future__ import annotations

from typing import Final

import pytest

from docsite.pictures import COMMANDS, FOLDER, render
from docsite.terminal import WIDTH, lines_of
from unit.docs.pages import PAGES, ROOT

IMAGES: Final = ROOT / "docs" / "images"


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
    """Each is drawn by a script."""
    assert {path.stem for path in IMAGES.iterdir()} == {"demo", *COMMANDS}
