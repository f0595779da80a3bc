"""What a command prints: tables and marks on a terminal, plain aligned text or JSON elsewhere.

On a terminal a table fits the width and long cells are wrapped. Elsewhere nothing is wrapped, cut or coloured, so that
`grep` and `awk` work. `NO_COLOR` is honoured by rich. What is no result (notes, progress) goes to standard error.
Control characters in what others wrote, such as the name of an endpoint, are shown and never sent to the terminal.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tokenfactory_operator.domain.errors import visible

SHOWN_AFTER: Final = 1.0
"""Seconds after which a person is told what is waited for."""
GAP: Final = 3
"""Blanks between two columns, as kubectl has them."""
_MARKS: Final = {"ok": ("✔", "ok", "green"), "warning": ("!", "!", "yellow"), "problem": ("✗", "x", "red")}
_UNKNOWN: Final = ("-", "-", "dim")
_CHANGES: Final = {"+": "green", "~": "yellow", "-": "red", "!": "red", "?": "yellow"}


class Output:
    """Standard output and standard error of one command."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, markup=False, emoji=False)
        self.err = Console(highlight=False, markup=False, emoji=False, stderr=True)

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads the results as they come."""
        return self.out.is_terminal

    @property
    def unicode(self) -> bool:
        """Whether signs beyond ASCII can be written."""
        return "utf" in self.out.encoding.lower()

    def line(self, text: str = "", *, style: str = "") -> None:
        """One line of the result, however long."""
        self.out.print(Text(_lines(text), style=style), soft_wrap=True)

    def heading(self, text: str) -> None:
        """What the lines below are about."""
        self.line(text, style="bold")

    def mark(self, status: str, text: str) -> None:
        """One line that begins with a check mark or its opposite."""
        symbol, plain, style = _MARKS.get(status, _UNKNOWN)
        shown = symbol if self.unicode else plain
        self.out.print(Text.assemble((shown, style), " ", _lines(text)), soft_wrap=True)

    def change(self, sign: str, text: str) -> None:
        """One line of what would change, coloured by its sign."""
        self.out.print(Text.assemble((sign, _CHANGES.get(sign, "")), " ", _lines(text)), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 0) -> None:
        """Aligned columns under their names; without names where all are empty."""
        rows = [[visible(cell) for cell in row] for row in rows]
        if self.is_terminal:
            self.out.print(_for_people(columns, rows, indent))
            return
        for text in _aligned([columns, *rows] if any(columns) else rows):
            self.line(" " * indent + text)

    def json(self, value: Any) -> None:  # noqa: ANN401  # any JSON
        """The result for programs."""
        self.out.file.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write(self, text: str) -> None:
        """The result as it is, such as a manifest."""
        self.out.file.write(text)

    def note(self, text: str) -> None:
        """Something to know that is no result."""
        self.err.print(Text(_lines(text), style="dim"), soft_wrap=True)

    def failure(self, message: str, hint: str = "") -> None:
        """Why the command ends."""
        self.err.print(Text.assemble(("Error: ", "bold red"), _lines(message)), soft_wrap=True)
        if hint:
            self.err.print(Text.assemble(("Hint: ", "bold"), _lines(hint)), soft_wrap=True)

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Tell on a terminal what is waited for, where that takes more than a moment."""
        if not self.err.is_terminal:
            yield
            return
        status = self.err.status(Text(f"{text} …"))
        timer = threading.Timer(SHOWN_AFTER, status.start)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            status.stop()


def _lines(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))


def _for_people(columns: Sequence[str], rows: Sequence[Sequence[str]], indent: int) -> Table:
    named = any(columns)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_header=named)
    for at, name in enumerate(columns):
        # Ids and names are copied by people, so they stay whole as long as that can be; the last column is prose.
        table.add_column(name, overflow="fold", no_wrap=False, ratio=1 if at == len(columns) - 1 else None)
    for row in rows:
        table.add_row(*row)
    table.columns[0].header = " " * indent + str(table.columns[0].header)
    return table


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width + GAP) for cell, width in zip(row, widths, strict=True)]
        yield "".join(cells).rstrip()


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 endpoint`, `2 endpoints`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
