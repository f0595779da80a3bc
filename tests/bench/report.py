"""The figures for people (a table) and for programs (a JSON file)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from bench.figures import Figure, Verdict
from bench.machine import Machine
from bench.stage import Sizes

_STYLES = {Verdict.REPORTED: "", Verdict.MET: "green", Verdict.SMALLER: "yellow", Verdict.MISSED: "bold red"}


def table(figures: Sequence[Figure]) -> Table:
    """One line a figure. What stands in it is taken as text, never as markup."""
    made = Table("What", "Budget", "Measured", "")
    for figure in figures:
        sign = Text(figure.verdict.sign, style=_STYLES[figure.verdict])
        made.add_row(Text(figure.what), Text(figure.budget), Text(figure.measured), sign)
    return made


def document(figures: Sequence[Figure], machine: Machine, sizes: Sizes, *, failure: str = "") -> dict[str, Any]:
    """Everything, as JSON can hold it; `failure` says why figures are missing."""
    listed = [{**asdict(figure), "verdict": figure.verdict.value} for figure in figures]
    return {"machine": asdict(machine), "sizes": asdict(sizes), "figures": listed, "failure": failure or None}


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the file, and its folder where that is missing. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
