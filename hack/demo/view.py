"""What the person sees: on a terminal one table below all that is said, elsewhere a line for each change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from demo.objects import Shown
from demo.table import line, table

_PLAIN_WIDTH: Final = 140


class View:
    """Writes to one console. `close` takes the table away; the next `show` makes another one."""

    def __init__(self) -> None:
        plain = Console()
        self.console = plain if plain.is_terminal else Console(width=_PLAIN_WIDTH, highlight=False)
        self._live: Live | None = None
        self._reported: dict[str, str] = {}

    def step(self, text: str) -> None:
        """Announce what comes now."""
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def say(self, text: str) -> None:
        """A line of its own, as it is."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, objects: Sequence[Shown]) -> None:
        """The objects as they are now."""
        if not self.console.is_terminal:
            self._tell(objects)
            return
        if self._live is None:
            # One for the whole run: what is said meanwhile scrolls above it.
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(table(objects, self.console), refresh=True)

    def close(self) -> None:
        """The last word is a sentence, not a table that nobody updates any more."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _tell(self, objects: Sequence[Shown]) -> None:
        for shown in objects:
            text = line(shown)
            if self._reported.get(shown.name) != text:
                self._reported[shown.name] = text
                self.say(text)
        for name in self._reported.keys() - {shown.name for shown in objects}:
            del self._reported[name]
            self.say(f"  {name:16} gone")
