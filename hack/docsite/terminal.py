"""Lines of a terminal as a picture in SVG, and back: what a command has printed, without a font or a server."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.text import Text

WIDTH: Final = 120
FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", flags=re.DOTALL)
"""They would be fetched from another server."""
Styles = Sequence[tuple[str, str]]
"""Regular expressions, and the style of what they match."""


def drawn(lines: Sequence[str], *, title: str, name: str, styles: Styles) -> str:
    """The lines as a terminal of `WIDTH` columns; a longer one is wrapped. The same lines make the same picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in lines:
        text = Text(line)
        for pattern, style in styles:
            text.highlight_regex(pattern, style)
        console.print(text)
    return FONTS.sub("", console.export_svg(title=title, unique_id=name))


def lines_of(picture: str) -> list[str]:
    """The lines that a picture shows, as text; empty ones are left out."""
    root = ET.fromstring(picture)  # noqa: S314 - a file of this repository
    rows: dict[str, str] = {}
    for node in root.iter("{http://www.w3.org/2000/svg}text"):
        if node.get("y") and node.get("clip-path"):
            rows[node.attrib["y"]] = rows.get(node.attrib["y"], "") + "".join(node.itertext())
    return [row.replace("\N{NO-BREAK SPACE}", " ").rstrip() for row in rows.values()]
