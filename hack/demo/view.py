"""What the person sees: a live table on a terminal, elsewhere a line for each change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Column, Table

from demo.objects import Shown

_COLUMNS: Final = ("Name", "Model", "GPU", "Region", "Ready", "State", "Condition", "Endpoint")
_FIRST_TO_GO: Final = ("Region", "GPU", "Model", "Endpoint", "State")
"""Where the terminal is too narrow for all: nothing that is shown is cut."""
_PLAIN_WIDTH: Final = 140
_BOUNDLESS: Final = 10_000


class View:
    """Writes to one console."""

    def __init__(self) -> None:
        plain = Console()
        self.console = plain if plain.is_terminal else Console(width=_PLAIN_WIDTH, highlight=False)
        self._live: Live | None = None
        self._told: dict[str, tuple[str, ...]] = {}

    def step(self, text: str) -> None:
        """Announce what comes now."""
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def say(self, text: str) -> None:
        """A line of its own, as it is."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """A place for the table, until the block ends."""
        if not self.console.is_terminal:
            yield
            return
        try:
            # It goes when the step is done: a line says how it ended, and the tables would pile up.
            with Live(console=self.console, auto_refresh=False, transient=True) as self._live:
                yield
        finally:
            self._live = None

    def show(self, objects: Sequence[Shown]) -> None:
        """The objects as they are now."""
        if self._live is not None:
            self._live.update(table(objects, self.console), refresh=True)
            return
        for shown in objects:
            row = _row(shown)
            if self._told.get(shown.name) != row:
                self._told[shown.name] = row
                self.say(f"  {row[0]:16} {row[4]:>5} {row[5]:10} {row[6]:28} {row[7]}".rstrip())
        for name in self._told.keys() - {shown.name for shown in objects}:
            del self._told[name]
            self.say(f"  {name:16} gone")


def table(objects: Sequence[Shown], console: Console) -> Table:
    """All objects, with the columns for which the console is wide enough."""
    left = list(_COLUMNS)
    made = _table(objects, left)
    boundless = console.options.update(max_width=_BOUNDLESS)
    for column in _FIRST_TO_GO:
        if console.measure(made, options=boundless).maximum <= console.width:
            break
        left.remove(column)
        made = _table(objects, left)
    return made


def _table(objects: Sequence[Shown], columns: Sequence[str]) -> Table:
    made = Table(*(Column(name, no_wrap=True) for name in columns))
    for shown in objects:
        cells = dict(zip(_COLUMNS, _row(shown), strict=True))
        style = "dim" if shown.deleting else "green" if shown.ready else "yellow"
        made.add_row(*(escape(cells[name]) for name in columns), style=style)
    return made


def _row(shown: Shown) -> tuple[str, ...]:
    status, ready = shown.status, shown.conditions.get("Ready")
    gpu, scaling = shown.spec["gpu"], shown.spec["scaling"]
    return (
        shown.name,
        shown.spec["model"],
        f"{gpu['count']} x {gpu['type']}",
        shown.spec["region"],
        f"{status.get('readyReplicas', 0)}/{scaling['minReplicas']}..{scaling['maxReplicas']}",
        status.get("state", "-"),
        f"Ready={ready.status} {ready.reason}" if ready else "-",
        status.get("endpointId", "-"),
    )
