"""Pages that repeat measured figures have those of the last run, which `docs/benchmarks.md` shows."""

from __future__ import annotations

import re
from typing import Final

import pytest

from unit.docs.pages import ROOT


def section(page: str, heading: str) -> str:
    """What stands below one heading of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


MEASURED: Final = section("docs/benchmarks.md", "Measured")
NUMBERS: Final = ("no", "one", "two", "three", "four", "five")


def repeated() -> list[str]:
    """The figures of the comparison, and the memory that the chart's page names."""
    rows = re.findall(r"^\|.*\| (.+) \|$", section("docs/comparison.md", "What it costs"), re.MULTILINE)[2:]
    chart = (ROOT / "helm/tokenfactory-operator/README.md").read_text(encoding="utf-8")
    memory = re.findall(r"10,000 objects need (\d+ MiB)", chart)
    figures = (re.findall(r"\d[\d,]*(?:/s| ms| MiB| %| POSTs| LISTs)?", row) for row in rows)
    return [*memory, *(figure for found in figures for figure in found)]


@pytest.mark.parametrize("figure", repeated())
def test_a_figure_is_of_the_last_run(figure: str) -> None:
    """As it stands there, with its unit."""
    assert re.search(rf"(?<![\d,.]){re.escape(figure)}(?![\d])", MEASURED), figure


def test_the_budgets_that_are_not_met_are_counted() -> None:
    """The comparison hides none."""
    said = section("docs/comparison.md", "What it costs")
    assert f"{NUMBERS[MEASURED.count('| ✗ |')].capitalize()} of the budgets are not met." in said
