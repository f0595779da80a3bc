"""What kubectl prints, held against a file: what differs with each run is replaced, and columns are laid out anew."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "data" / "kubectl"
WRITE: Final = "GOLDEN"
"""`GOLDEN=write` in the environment writes the files in place of comparing them; the diff is for a person to read."""
GAP: Final = "   "

_REPLACED: Final = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"(?<=Resource Version:)( +)\d+"), r"\1<version>"),
    (re.compile(r"\bep-[0-9a-z-]+"), "<endpoint id>"),
    (re.compile(r"(dedicated/[\w./-]+)-[0-9A-Za-z]{12}\b"), r"\1-<random>"),
    (re.compile(r"\b(Id|Attempt):( +)[0-9a-f]{8}\b"), r"\1:\2<attempt id>"),
)


def stable(text: str, replaced: Mapping[str, str]) -> str:
    """Without ids and times; `replaced`: more words that differ."""
    for word, by in replaced.items():
        text = text.replace(word, by)
    for pattern, by in _REPLACED:
        text = pattern.sub(by, text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def rows(text: str) -> list[dict[str, str]]:
    """The lines of a table of `kubectl get`, by the names of its columns; an empty cell counts."""
    head, *lines = text.splitlines()
    starts = [found.start() for found in re.finditer(r"\S+", head)]
    cuts = list(zip(starts, [*starts[1:], None], strict=True))
    return [{head[start:end].strip(): line[start:end].strip() for start, end in cuts} for line in lines]


def table(text: str, replaced: Mapping[str, str]) -> str:
    """A table of `kubectl get`, with the ages replaced."""
    shown = [{**row, "AGE": "<age>"} for row in rows(text)]
    return laid_out([list(shown[0]), *([stable(cell, replaced).strip() for cell in row.values()] for row in shown)])


def described(text: str, replaced: Mapping[str, str]) -> str:
    """`kubectl describe`, with the Events' ages and sources replaced."""
    body, _, events = stable(text, replaced).partition("\nEvents:")
    _, *lines = events.splitlines()
    parts = [re.split(r" {2,}", line.strip(), maxsplit=4) for line in lines]
    reported = [["Type", "Reason", "Message"], *([part[0], part[1], part[4]] for part in parts[2:])]
    return f"{body}\nEvents:\n" + "".join(f"  {line}\n" for line in laid_out(reported).splitlines())


def laid_out(cells: Sequence[Sequence[str]]) -> str:
    """Rows of cells, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def same(name: str, shown: str, folder: Path = FOLDER) -> None:
    """Assert that it is what the file has; Events of one second come in any order."""
    path = folder / f"{name}.txt"
    expected = path.read_text(encoding="utf-8") if path.exists() else ""
    as_expected = _in_any_order(shown) == _in_any_order(expected)
    if os.environ.get(WRITE) == "write":
        path.write_text(expected if as_expected else shown, encoding="utf-8")
    else:
        assert as_expected, f"{path.name}:\n{shown}"


def _in_any_order(text: str) -> tuple[str, list[str]]:
    body, _, events = text.partition("\nEvents:\n")
    return body, sorted(events.splitlines())
