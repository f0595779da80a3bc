"""The objects as a table that fits the terminal: its columns are named as kubectl names them, and nothing is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from demo.objects import Shown

_COLUMNS: Final = ("Name", "Ready", "Reason", "Replicas", "Endpoint", "State", "Model", "GPU", "Region")
_FIRST_TO_GO: Final = ("Region", "GPU", "Model", "State", "Endpoint")
"""Where the terminal is too narrow for all."""
_BOUNDLESS: Final = 10_000


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


def line(shown: Shown) -> str:
    """One object as it is now, where there is no terminal."""
    cells = _cells(shown)
    said = f"Ready={cells['Ready']} {cells['Reason']}" if shown.conditions.get("Ready") else "-"
    text = f"  {shown.name:16} {cells['Replicas']:>5} {cells['State']:10} {said:28} {cells['Endpoint']}"
    return text.rstrip()


def _table(objects: Sequence[Shown], columns: Sequence[str]) -> Table:
    heads = (Column(name, no_wrap=True) for name in columns)
    made = Table(*heads, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for shown in objects:
        cells = _cells(shown)
        style = "dim" if shown.deleting else "green" if shown.ready else "yellow"
        made.add_row(*(escape(cells[name]) for name in columns), style=style)
    return made


def _cells(shown: Shown) -> dict[str, str]:
    status, ready, gpu = shown.status, shown.conditions.get("Ready"), shown.spec["gpu"]
    values = (
        shown.name,
        ready.status if ready else "-",
        ready.reason if ready else "-",
        status.get("replicaSummary", "-"),
        status.get("endpointId", "-"),
        status.get("state", "-"),
        shown.spec["model"],
        f"{gpu['count']} x {gpu['type']}",
        shown.spec["region"],
    )
    return dict(zip(_COLUMNS, values, strict=True))
