"""What a running operator holds after it has created everything, and what it costs to see that nothing has changed.

It is measured in the minutes after a change, when the cloud is listed every few seconds. It happens twice, with fewer
and with more objects, so that the cost of each further object is known.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from bench import budgets
from bench.figures import Figure, Verdict, judged
from bench.processes import usage, wait_for
from bench.stage import COLLECTION, NAMESPACE, Stage

LISTS: Final = 5
"""LISTs over which the processor time is measured."""
MEMORY: Final = "memory"
"""Marks the figure of the memory among the values."""


def measure(stage: Stage) -> list[Figure]:
    """Measure it now; the operator must run, and all objects must be in order."""
    _listed(stage, 2)  # the first one may have been under way
    before, since = usage(stage.operator.pid), stage.position()
    _listed(stage, LISTS)
    after = usage(stage.operator.pid)
    lists = len(stage.cloud.calls(since=since, method="GET", path=COLLECTION))
    held = len(stage.kube.objects(NAMESPACE))
    return [
        Figure(
            what=f"Memory after creating {held:,} objects",
            budget=f"≤ {budgets.MEMORY_MIB:g} MiB resident at {budgets.HELD_OBJECTS:,}",
            measured=f"{after.resident_mib:.0f} MiB, at most {after.peak_mib:.0f} MiB",
            verdict=judged(after.resident_mib <= budgets.MEMORY_MIB, held=held, wanted=budgets.HELD_OBJECTS),
            values={MEMORY: after.resident_mib, "peak_mib": after.peak_mib, "held": held},
        ),
        _cost(after.cpu_seconds - before.cpu_seconds, lists, held),
    ]


def _listed(stage: Stage, count: int) -> None:
    since = stage.position()
    wait_for(
        lambda: len(stage.cloud.calls(since=since, method="GET", path=COLLECTION)) >= count,
        what=f"{count} LISTs",
        within=stage.timeout,
    )


def _cost(cpu_seconds: float, lists: int, held: int) -> Figure:
    each = cpu_seconds / lists
    return Figure(
        what=f"Processor time of a LIST of {held:,} endpoints without change",
        budget=f"≤ {budgets.LIST_SECONDS * 1000:.0f} ms",
        measured=f"{each * 1000:.0f} ms ({lists} LISTs, with all else that the process did)",
        verdict=judged(each <= budgets.LIST_SECONDS, held=held, wanted=budgets.HELD_OBJECTS),
        values={"cpu_seconds": each, "lists": lists, "held": held},
    )


def growth(figures: list[Figure]) -> list[Figure]:
    """What each further object costs, from the figures of two sizes; nothing where there is one size only."""
    sizes = [
        (int(figure.values["held"]), float(figure.values[MEMORY])) for figure in figures if MEMORY in figure.values
    ]
    return [_growth(small, large, more - less) for (small, less), (large, more) in pairwise(sizes) if large > small]


def _growth(small: int, large: int, mib: float) -> Figure:
    each = mib * 1024 / (large - small)
    return Figure(
        what=f"Memory of each object between {small:,} and {large:,}",
        budget="",
        measured=f"{each:.1f} KiB resident",
        verdict=Verdict.REPORTED,
        values={"kib": each, "from": small, "to": large},
    )
