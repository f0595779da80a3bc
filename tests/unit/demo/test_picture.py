"""The README's picture: a part of what the demo prints, and a file that fetches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from demo.picture import COMPARED, FROM, picture, shown
from docsite.terminal import lines_of

FILE: Final = Path(__file__).parents[3] / "docs" / "images" / "demo.svg"
PRINTED: Final = [
    "Starting a Kubernetes control plane",
    f"{FROM}-k deploy/samples",
    "  gpt-oss-120b  1/1..4 Running  Ready=True Available  ep-1",
    *(f"  ✓ comparison {number}" for number in range(COMPARED + 3)),
    "3 objects became Ready",
    "A hint.",
]


def test_it_begins_with_the_first_command_and_says_what_it_leaves_out() -> None:
    """Three dots stand for the comparisons that are not shown; it ends with the summary."""
    lines = shown(PRINTED)
    assert lines == [*PRINTED[1 : 3 + COMPARED], "  …", PRINTED[-2]]


def test_what_is_drawn_is_read_again() -> None:
    """Line by line, colours apart."""
    lines = shown(PRINTED)
    assert lines_of(picture(lines)) == lines


def test_the_file_is_such_a_picture() -> None:
    """It shows three commands and a success, and has a browser fetch nothing."""
    drawn = FILE.read_text(encoding="utf-8")
    lines = lines_of(drawn)
    assert [line.split()[1] for line in lines if line.startswith("kubectl ")] == ["apply", "patch", "delete"]
    assert re.search(r"all \d+ comparisons hold", lines[-1])
    assert "url(http" not in drawn
    assert "@font-face" not in drawn
