"""The benchmarks' report, for people and for programs."""

import io
import json
from pathlib import Path

from rich.console import Console

from bench import machine, report
from bench.figures import Figure, Verdict
from bench.stage import Sizes

FIGURE = Figure(
    what="Edits [of all]", budget="≤ 250 ms", measured="300 ms", verdict=Verdict.MISSED, values={"p99_seconds": 0.3}
)


def test_the_table_shows_each_figure_literally_with_its_verdict() -> None:
    """Brackets are text, not markup that vanishes."""
    output = io.StringIO()
    Console(width=120, file=output).print(report.table([FIGURE]))
    shown = output.getvalue()
    assert [part in shown for part in ("Edits [of all]", "≤ 250 ms", "300 ms", "✗")] == [True] * 4


def test_the_document_tells_numbers_sizes_machine_and_why_it_is_incomplete(tmp_path: Path) -> None:
    """What a program reads later must not need the table."""
    target = tmp_path / "made" / "bench.json"
    sizes = Sizes(objects=10).complete()
    report.write(target, report.document([FIGURE], machine.facts(), sizes, failure="no more disk"))
    read = json.loads(target.read_text(encoding="utf-8"))
    assert read["figures"][0]["verdict"] == "missed"
    assert read["figures"][0]["values"] == {"p99_seconds": 0.3}
    assert read["sizes"]["held"] == 10
    assert read["failure"] == "no more disk"
    assert read["machine"]["cores"] >= 1


def test_at_least_as_many_objects_are_held_as_are_created() -> None:
    """A smaller number would be no number of any stage of the run."""
    assert Sizes(objects=1_000, held=10).complete().held == 1_000
    assert Sizes(objects=1_000, held=5_000).complete().held == 5_000
