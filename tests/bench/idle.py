"""What a restarted operator costs while nothing happens: writes, cloud calls, processor time and memory.

The window begins and ends shortly after a LIST, so that it holds whole intervals: a LIST is most of the idle work. It
is measured after a restart, because for ten minutes after a change the cloud is listed more often.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from bench import budgets
from bench.figures import Figure, Verdict, judged
from bench.processes import Usage, usage, wait_for
from bench.stage import COLLECTION, POLL_INTERVAL, Stage

SETTLE: Final = 3.0
"""Seconds after a LIST in which its answer has surely been read."""
JITTER: Final = 0.1
"""Share by which the operator varies its intervals."""
CHANGES: Final = ("create", "update", "delete")


def measure(stage: Stage) -> list[Figure]:
    """Restart, and watch for some intervals; all objects must be in order."""
    stage.operator.stop()
    mark, since = stage.audit.mark(), stage.position()
    stage.operator.start()
    _until_listed(stage, since, 2)  # the first one is followed by a look at every object
    begun, before = stage.position(), usage(stage.operator.pid)
    _until_listed(stage, begun, stage.sizes.intervals)
    after = usage(stage.operator.pid)
    calls = stage.cloud.calls(since=begun)
    counted = Counter(call["operation"] for call in stage.cloud.calls(since=since))
    writes = len(stage.audit.since(mark))
    return [
        _steady(Counter(call["operation"] for call in calls), after.at - before.at, writes),
        _restart(stage, writes, {name: counted[name] for name in CHANGES}),
        _memory(stage, after),
        _processor(stage, before, after),
    ]


def _until_listed(stage: Stage, since: int, count: int) -> None:
    def check() -> bool:
        lists = stage.cloud.calls(since=since, method="GET", path=COLLECTION)
        return len(lists) >= count and time.monotonic() > lists[count - 1]["started_monotonic"] + SETTLE

    wait_for(check, what=f"{count} LISTs", within=60.0 + 2 * count * POLL_INTERVAL)


def _steady(counted: Counter[str], seconds: float, writes: int) -> Figure:
    others = counted.total() - counted["list"]
    per_interval = counted["list"] * POLL_INTERVAL / seconds
    met = per_interval <= 1 / (1 - JITTER) and not others and not writes
    return Figure(
        what="Steady state: cloud calls and Kubernetes writes per interval",
        budget=f"1 LIST per {POLL_INTERVAL:g} s (± {JITTER:.0%}), nothing else",
        measured=f"in {seconds:.0f} s: LIST {counted['list']}, other calls {others}, writes {writes}",
        verdict=Verdict.MET if met else Verdict.MISSED,
        values={"lists": counted["list"], "seconds": seconds, "other_calls": others, "writes": writes},
    )


def _restart(stage: Stage, writes: int, changes: dict[str, int]) -> Figure:
    sent = sum(changes.values())
    return Figure(
        what=f"Restart with {stage.sizes.held:,} objects in order",
        budget="0 Kubernetes writes, 0 POST, PATCH and DELETE",
        measured=f"{writes} writes, {sent} POST, PATCH and DELETE",
        verdict=judged(not writes and not sent, held=stage.sizes.held, wanted=budgets.HELD_OBJECTS),
        values={"writes": writes, **changes, "held": stage.sizes.held},
    )


def _memory(stage: Stage, after: Usage) -> Figure:
    return Figure(
        what=f"Memory with {stage.sizes.held:,} objects",
        budget=f"≤ {budgets.MEMORY_MIB:g} MiB resident at {budgets.HELD_OBJECTS:,}",
        measured=f"{after.resident_mib:.0f} MiB, at most {after.peak_mib:.0f} MiB since the start",
        verdict=judged(after.resident_mib <= budgets.MEMORY_MIB, held=stage.sizes.held, wanted=budgets.HELD_OBJECTS),
        values={"resident_mib": after.resident_mib, "peak_mib": after.peak_mib, "held": stage.sizes.held},
    )


def _processor(stage: Stage, before: Usage, after: Usage) -> Figure:
    percent = after.cpu_percent_since(before)
    return Figure(
        what=f"Idle processor time with {stage.sizes.held:,} objects",
        budget=f"≤ {budgets.IDLE_CPU_PERCENT:g} % of a core at {budgets.HELD_OBJECTS:,}",
        measured=f"{percent:.2f} % over {after.at - before.at:.0f} s",
        verdict=judged(percent <= budgets.IDLE_CPU_PERCENT, held=stage.sizes.held, wanted=budgets.HELD_OBJECTS),
        values={"percent_of_a_core": percent, "seconds": after.at - before.at, "held": stage.sizes.held},
    )
