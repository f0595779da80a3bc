"""How soon a restarted operator serves: from the start of its process to the POST for an object that is new."""

from __future__ import annotations

import time
from typing import Final

from bench import budgets
from bench.figures import Figure, judged
from bench.processes import wait_for
from bench.stage import NAMESPACE, Stage

NEWCOMER: Final = "newcomer"


def measure(stage: Stage) -> list[Figure]:
    """Restart with one new object among those in order; the operator must run, and keeps running."""
    stage.operator.stop()
    since = stage.position()
    stage.apply(1, prefix=NEWCOMER)
    begun = time.monotonic()
    stage.operator.start(wait=False)
    post, *_ = wait_for(
        lambda: stage.posts(since, mention=f" {NAMESPACE}/{NEWCOMER}-"),
        what="the POST for the new object",
        within=stage.timeout,
        every=0.2,
    )
    seconds = post["started_monotonic"] - begun
    return [
        Figure(
            what=f"A new object handled after a restart with {stage.sizes.held:,} objects",
            budget=f"within {budgets.RESTART_SECONDS:g} s of the process start",
            measured=f"{seconds:.1f} s",
            verdict=judged(seconds <= budgets.RESTART_SECONDS, held=stage.sizes.held, wanted=budgets.HELD_OBJECTS),
            values={"seconds": seconds, "held": stage.sizes.held},
        )
    ]
