"""How fast objects become POSTs as a user sees it from outside: all are there before the operator's process starts.

Meanwhile somebody else lists the cloud once a second, for the script as for the operator. Each has one turn. The time
is that from the first POST to the last, in the simulator's record, so the start of a process is not in it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

import httpx

from bench import budgets
from bench.figures import Figure, judged, rate
from bench.stage import COLLECTION, LONG, OUTSIDE_TOKEN, Json, Stage
from bench.throughput import yardstick

PLACE: Final = "outside"
"""Namespace that the operator watches which is measured here."""
EVERY: Final = 1.0
"""Seconds between two LISTs of whoever looks on."""


def measure(stage: Stage) -> list[Figure]:
    """Create `objects` by script, then as many by an operator of its own; nothing else may run.

    Raises:
        NotMeasuredError: the script failed, or POSTs did not come.
    """
    count = stage.sizes.objects
    stage.cloud.configure(provisioning_time=LONG)
    with _looking_on(stage):
        script = yardstick(stage, f"{PLACE}-yardstick", count)
        own = _operator(stage, count)
    return [_figure(_rate(own), _rate(script), count)]


def _operator(stage: Stage, count: int) -> list[Json]:
    stage.kube.create_namespace(PLACE)
    stage.apply(count, namespace=PLACE)
    operator = stage.another(PLACE, PLACE, token=OUTSIDE_TOKEN)
    since = stage.position()
    operator.start(wait=False)
    posts = stage.until_posted(count, since, operator)
    operator.stop()
    return posts


@contextlib.contextmanager
def _looking_on(stage: Stage) -> Iterator[None]:
    """Somebody who lists the endpoints once a second."""
    over = threading.Event()

    def look() -> None:
        headers = {"Authorization": f"Bearer {OUTSIDE_TOKEN}"}
        with httpx.Client(base_url=stage.cloud_url, headers=headers, trust_env=False, timeout=30.0) as client:
            while not over.wait(EVERY):
                client.get(COLLECTION)

    thread = threading.Thread(target=look, name="looking on")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _rate(posts: list[Json]) -> float:
    return rate([call["started_monotonic"] for call in posts])


def _figure(own: float, script: float, count: int) -> Figure:
    share = own / script
    return Figure(
        what="All POSTed, from outside: all objects there before the start, one turn, LISTs by somebody else",
        budget=f"≥ {budgets.THROUGHPUT_SHARE:.0%} of its rate",
        measured=f"{share:.0%}: {own:.0f}/s, script {script:.0f}/s",
        verdict=judged(share >= budgets.THROUGHPUT_SHARE, held=count, wanted=budgets.THROUGHPUT_OBJECTS),
        values={"share": share, "operator_per_second": own, "script_per_second": script},
    )
