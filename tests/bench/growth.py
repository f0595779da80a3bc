"""How cost grows with the objects: memory, processor time, calls and writes at 1, 100, 1,000 and 10,000 of them.

The operator creates them in these steps. After each it is measured while the cloud is listed often, then restarted and
measured while nothing happens.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Final

from bench import held, idle
from bench.figures import Figure, Verdict
from bench.processes import usage
from bench.stage import LONG, Stage

SIZES: Final = (1, 100, 1_000, 10_000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one number of objects costs."""

    objects: int
    created_mib: float
    """Resident after they were created."""
    restarted_mib: float
    """Resident after a restart."""
    create_cpu_ms: float
    """Processor time for each object created in this step, until all are Ready."""
    calls: float
    """Calls to the cloud for each of them, LISTs among them."""
    writes: float
    """Kubernetes writes for each of them, Events apart."""
    list_ms: float
    """Processor time of a LIST without change."""
    idle_percent: float
    """Of a core."""
    lists: float
    """Calls to the cloud in an interval without change."""


def measure(stage: Stage) -> list[Figure]:
    """One line for each number of objects up to `held`, then one for each step between; nothing may run yet."""
    stage.operator.start()
    made, found = 0, list[Row]()
    for size in (size for size in SIZES if size <= stage.sizes.held):
        found.append(_measured(stage, made, size))
        made = size
    return [*map(_figure, found), *(_further(less, more) for less, more in pairwise(found))]


def rows(figures: list[Figure]) -> list[Row]:
    """What the figures of `measure` were made of."""
    return [Row(**figure.values) for figure in figures if "created_mib" in figure.values]  # type: ignore[arg-type]


def _measured(stage: Stage, made: int, size: int) -> Row:
    missing, mark, since = size - made, stage.audit.mark(), stage.position()
    before = usage(stage.operator.pid).cpu_seconds
    stage.cloud.configure(provisioning_time=LONG)
    stage.apply(missing, first=made)
    stage.until_posted(missing, since)
    stage.cloud.advance(LONG)
    stage.until_in_order()
    spent = usage(stage.operator.pid).cpu_seconds - before
    calls, writes = stage.position() - since, len(stage.audit.since(mark))
    memory, of_list = (figure.values for figure in held.measure(stage))
    still = replace(stage, sizes=replace(stage.sizes, held=size, intervals=1))
    steady, _, resident, processor = (figure.values for figure in idle.measure(still))
    return Row(
        objects=size,
        created_mib=float(memory[held.MEMORY]),
        restarted_mib=float(resident["resident_mib"]),
        create_cpu_ms=spent / missing * 1000,
        calls=calls / missing,
        writes=writes / missing,
        list_ms=float(of_list["cpu_seconds"]) * 1000,
        idle_percent=float(processor["percent_of_a_core"]),
        lists=float(steady["lists"]) + float(steady["other_calls"]),
    )


def _figure(row: Row) -> Figure:
    return Figure(
        what=f"{row.objects:,} object{'s' if row.objects > 1 else ''}",
        budget="",
        measured=f"{row.created_mib:.0f} MiB, restarted {row.restarted_mib:.0f} MiB; each created: "
        f"{row.create_cpu_ms:.1f} ms, {row.calls:.2f} calls, {row.writes:.2f} writes; "
        f"a LIST {row.list_ms:.0f} ms; idle {row.idle_percent:.2f} %, {row.lists:.0f} LIST",
        verdict=Verdict.REPORTED,
        values=asdict(row),
    )


def _further(less: Row, more: Row) -> Figure:
    """What each object between two sizes adds."""
    count = more.objects - less.objects
    kib = (more.restarted_mib - less.restarted_mib) * 1024 / count
    microseconds = (more.list_ms - less.list_ms) * 1000 / count
    return Figure(
        what=f"Each object between {less.objects:,} and {more.objects:,}",
        budget="",
        measured=f"{kib:.1f} KiB, {microseconds:.1f} µs a LIST; once {more.calls:.2f} calls, {more.writes:.2f} writes",
        verdict=Verdict.REPORTED,
        values={"kib": kib, "list_microseconds": microseconds, "from": less.objects, "to": more.objects},
    )
