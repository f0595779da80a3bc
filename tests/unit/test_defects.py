"""A fault of our own: counted, logged with its traceback once, told on the object, tried again; it ends nothing."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import Handling
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.loop.dispatch import Dispatch, work
from tokenfactory_operator.ports import Key
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue
from unit.support.builders import KEY
from unit.support.fakes import Witness
from unit.support.stage import Stage


class Log:
    """What was logged, with or without a traceback."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, bool]] = []

    def warning(self, event: str, **_fields: Any) -> None:  # noqa: ANN401  # structlog's
        """Without."""
        self.lines.append((event, False))

    def exception(self, event: str, *, exc_info: BaseException, **_fields: Any) -> None:  # noqa: ANN401  # structlog's
        """With."""
        self.lines.append((event, exc_info.__traceback__ is not None))


def _fail(text: str) -> None:
    raise KeyError(text)


def _fail_elsewhere(text: str) -> None:
    raise KeyError(text)


def test_one_traceback_for_each_place() -> None:
    """However often a place fails, the log has its traceback once, and the metric has each."""
    log, witness = Log(), Witness()
    defects = Defects(witness, log)
    failures = []
    for fail in (_fail, _fail, _fail_elsewhere, _fail):
        try:
            fail("foreign text")
        except KeyError as error:
            failures.append(defects.note(error, "Listing"))
    assert [traced for _, traced in log.lines] == [True, False, True, False]
    assert witness.counts == ["defect"] * 4
    assert {(each.reason, each.handling, each.refused) for each in failures} == {
        (Reason.OPERATOR_DEFECT, Handling.TRANSIENT, False)
    }
    assert not [each.message for each in failures if "foreign text" in each.message]


@pytest.mark.looptime
async def test_a_pass_that_fails_is_told_and_tried_again() -> None:
    """The object says that the operator has a fault; the worker lives, and the next pass is as if nothing had been."""
    stage = Stage()
    queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace, rng=random.Random(0))
    dispatch = Dispatch(stage.cache, lambda _: queue)
    await stage.poll()
    good, stage.policy = stage.policy, None  # type: ignore[assignment]  # what no caller gives
    queue.add(KEY, Urgency.EDIT)
    worker = asyncio.create_task(work(queue, dispatch, stage.reconciler, Log()))
    await asyncio.sleep(0.1)
    assert "defect" in stage.witness.counts
    assert "OperatorDefect" in stage.witness.events
    stage.policy = good
    await asyncio.sleep(5)
    queue.shut_down()
    await worker
    assert stage.script.journal.count("POST") == 1
