"""How fast objects become POSTs as a user sees it from outside: all are there before the operator's process starts.

Meanwhile somebody else lists the cloud once a second, and finds what is made, for the script as for the operator. The
operator has one turn. The script makes half of its endpoints before that and half after it, so that it has neither the
newer control plane nor the older one for itself. The time is that from the first POST to the last, in the simulator's
record, so the start of a process is not in it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

import httpx

from bench import budgets
from bench.figures import Figure, judged, shares
from bench.stage import COLLECTION, LONG, OUTSIDE_TOKEN, Json, Stage
from bench.throughput import Turns, yardstick

PLACE: Final = "outside"
"""Namespace that the operator watches which is measured here."""
EVERY: Final = 1.0
"""Seconds between two LISTs of whoever looks on."""


def measure(stage: Stage) -> list[Figure]:
    """Create `objects` by script, and as many by an operator of its own in between; nothing else may run.

    Raises:
        NotMeasuredError: the script failed, or POSTs did not come.
    """
    count, own, script = stage.sizes.objects, Turns(), Turns()
    stage.cloud.configure(provisioning_time=LONG)
    with _looking_on(stage):
        (_, before), *after = shares(count, 2)
        script.add(yardstick(stage, f"{PLACE}-before", before, token=OUTSIDE_TOKEN))
        own.add(_operator(stage, count))
        for _, rest in after:
            script.add(yardstick(stage, f"{PLACE}-after", rest, token=OUTSIDE_TOKEN))
    return [_figure(own, script)]


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


def _figure(own: Turns, script: Turns) -> Figure:
    share = own.rate / script.rate
    turns = ", then ".join(f"{each:.0f}" for each in script.rates)
    return Figure(
        what="All POSTed, from outside: all objects there before the start, one turn, LISTs by somebody else",
        budget=f"≥ {budgets.THROUGHPUT_SHARE:.0%} of its rate",
        measured=f"{share:.0%}: {own.rate:.0f}/s, script {script.rate:.0f}/s ({turns})",
        verdict=judged(share >= budgets.THROUGHPUT_SHARE, held=own.count, wanted=budgets.THROUGHPUT_OBJECTS),
        values={
            "share": share,
            "operator_per_second": own.rate,
            "script_per_second": script.rate,
            "script_per_second_before": script.rates[0],
            "script_per_second_after": script.rates[-1],
        },
    )
