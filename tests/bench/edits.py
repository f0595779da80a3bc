"""How long an edit waits while many objects are held: from the request that changes the spec to the PATCH's arrival.

The API server's time, for taking the edit and for telling of it, is in it. The cloud's own is left out: arrival ends
the measurement, and while the simulator, which does one thing at a time, answers a LIST, nothing can arrive; without
that correction the figure is given too. Edits come alone and at random moments, so that some meet a LIST being read.
"""

from __future__ import annotations

import random
import time
from typing import Final

from bench import budgets
from bench.figures import Figure, judged, percentile, seconds_outside
from bench.processes import wait_for
from bench.stage import COLLECTION, NAMESPACE, Json, Stage

PAUSE: Final = (0.1, 0.6)
"""Seconds between two edits, drawn evenly."""


def measure(stage: Stage) -> list[Figure]:
    """Edit objects one after the other; all must be in order, and are so again.

    Raises:
        NotMeasuredError: a PATCH did not come.
    """
    stage.cloud.configure(provisioning_time=2.0)
    since, rng = stage.position(), random.Random(7)
    edited: dict[str, float] = {}
    for body in rng.sample(stage.kube.objects(NAMESPACE), min(stage.sizes.edits, stage.sizes.held)):
        time.sleep(rng.uniform(*PAUSE))
        edited[body["status"]["endpointId"]] = time.monotonic()
        change = {"spec": {"scaling": {"maxReplicas": body["spec"]["scaling"]["maxReplicas"] + 1}}}
        stage.kube.patch(NAMESPACE, body["metadata"]["name"], change)
    arrived = wait_for(
        lambda: _complete(stage, since, edited), what=f"PATCHes of {len(edited)} endpoints", within=stage.timeout
    )
    lists = stage.cloud.calls(since=since, method="GET", path=COLLECTION)
    busy = [(call["started_monotonic"], call["ended_monotonic"]) for call in lists if call["ended_monotonic"]]
    stage.until_in_order()
    spans = [(at, arrived[endpoint_id]) for endpoint_id, at in edited.items()]
    return [_figure(stage, [seconds_outside(*span, busy) for span in spans], [end - begin for begin, end in spans])]


def _complete(stage: Stage, since: int, edited: dict[str, float]) -> dict[str, float] | None:
    """When the first PATCH of each endpoint arrived, once all have."""
    calls: list[Json] = stage.cloud.calls(since=since, method="PATCH", path=f"{COLLECTION}/.*")
    # Both processes read the same monotonic clock of the machine.
    first = {call["endpoint_id"]: call["started_monotonic"] for call in reversed(calls)}
    return first if edited.keys() <= first.keys() else None


def _figure(stage: Stage, seconds: list[float], whole: list[float]) -> Figure:
    half, most, raw = percentile(seconds, 50), percentile(seconds, 99), percentile(whole, 99)
    return Figure(
        what=f"An edit while {stage.sizes.held:,} objects are held → PATCH at the cloud",
        budget=f"p99 ≤ {budgets.EDIT_SECONDS * 1000:.0f} ms beyond the cloud's own",
        measured=f"p50 {half * 1000:.0f} ms, p99 {most * 1000:.0f} ms ({raw * 1000:.0f} ms with the cloud's)",
        verdict=judged(most <= budgets.EDIT_SECONDS, held=stage.sizes.held, wanted=budgets.HELD_OBJECTS),
        values={
            "p50_seconds": half,
            "p99_seconds": most,
            "p99_seconds_with_the_clouds_own": raw,
            "edits": len(seconds),
            "held": stage.sizes.held,
        },
    )
