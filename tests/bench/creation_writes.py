"""What one endpoint costs the API server: the writes from the finalizer to Ready, in the audit log."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from bench import budgets
from bench.audit import Write
from bench.figures import Figure, further_states, judged
from bench.stage import NAMESPACE, Stage

ENDPOINTS: Final = 3
"""One could be lucky."""


def measure(stage: Stage) -> list[Figure]:
    """Create a few endpoints that take two seconds to start, and count; the operator must run, and keeps running."""
    stage.cloud.configure(provisioning_time=2.0)
    mark = stage.audit.mark()
    stage.apply(ENDPOINTS, prefix="single")
    stage.until_in_order()
    by_object: dict[str, list[Write]] = defaultdict(list)
    for write in stage.audit.since(mark):
        if write.namespace == NAMESPACE:
            by_object[write.name].append(write)
    counted = [(len(writes), further_states([write.shown for write in writes])) for writes in by_object.values()]
    worst, further = max(counted, key=lambda pair: pair[0] - pair[1])
    met = len(counted) == ENDPOINTS and worst - further <= budgets.CREATION_WRITES
    return [
        Figure(
            what="Kubernetes writes to create one endpoint, finalizer to Ready",
            budget=f"{budgets.CREATION_WRITES} + 1 for each further state",
            measured=f"{worst}, with {further} further states",
            verdict=judged(met),
            values={"writes": worst, "further_states": further, "endpoints": len(counted)},
        )
    ]
