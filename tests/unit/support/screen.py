"""What stands on a terminal after a program has written to it: as much of one as `rich` uses to redraw a table."""

from __future__ import annotations

import re
from typing import Final

_PART: Final = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b\[\?[\d;]+[hl]|\x1b\[[\d;]*m|\r|\n|[^\x1b\r\n]+")


def screen(written: str) -> list[str]:
    """The lines, the scrolled-off ones too, without colours; lines are as long as they were written."""
    lines, row, column = [""], 0, 0
    for found in _PART.finditer(written):
        part = found.group()
        if part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif found.group(2) == "A":
            row = max(0, row - int(found.group(1) or 1))
        elif found.group(2) == "K":
            lines[row] = ""
        elif not part.startswith("\x1b"):
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return [line.rstrip() for line in lines]


def heads(lines: list[str]) -> list[str]:
    """The heads of tables of objects that stand there."""
    return [line for line in lines if line.split()[:3] == ["Name", "Ready", "Reason"]]
