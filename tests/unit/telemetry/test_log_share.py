"""What one namespace may have of the log."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from tokenfactory_operator.telemetry.log_share import BURST, REFILL, Share
from tokenfactory_operator.telemetry.logging import configure_logging
from unit.support.clock import ManualClock


class Written:
    """The log of a process, with its clock in our hands."""

    def __init__(self) -> None:
        self.clock, self._stream = ManualClock(), io.StringIO()
        configure_logging(stream=self._stream)
        handler = logging.getLogger().handlers[-1]
        assert any(isinstance(item, Share) for item in handler.filters), "no share is kept"
        handler.filters[:] = [Share(self.clock.monotonic)]
        self.ours, self.theirs = structlog.stdlib.get_logger("ours"), logging.getLogger("theirs")

    def loop(self, count: int, namespace: str = "loud") -> None:
        """So many lines about a namespace."""
        for number in range(count):
            self.ours.info("acting", namespace=namespace, name=f"a-{number}")

    def lines(self, **fields: object) -> list[dict[str, Any]]:
        """Those that were written and have these fields."""
        found = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        return [line for line in found if fields.items() <= line.items()]


def test_a_loop_is_bounded_and_told() -> None:
    """So many at once, then at a pace; the next line says how many were left out."""
    log = Written()
    log.loop(BURST + 100)
    assert len(log.lines()) == BURST
    log.clock.seconds += REFILL
    log.loop(2)
    assert [line["left_out"] for line in log.lines()[BURST:]] == [100]
    log.clock.seconds += REFILL
    log.loop(1)
    assert [line["left_out"] for line in log.lines()[BURST + 1 :]] == [1]


def test_nobody_else_is_hidden() -> None:
    """Another namespace, the process itself, and errors, whoever they are about."""
    log = Written()
    log.loop(BURST + 1)
    log.loop(1, namespace="quiet")
    log.ours.warning("the cloud could not be listed")
    log.ours.error("a defect of the operator", namespace="loud")
    assert [line["message"] for line in log.lines()[BURST:]] == [
        "acting",
        "the cloud could not be listed",
        "a defect of the operator",
    ]


@pytest.mark.parametrize(
    "extra", [{"namespace": "loud"}, {"k8s_ref": {"namespace": "loud", "name": "a"}}], ids=["a field", "kopf's"]
)
def test_lines_of_the_standard_library_count_too(extra: dict[str, object]) -> None:
    """Those of libraries, and of modules that know no structlog."""
    log = Written()
    log.loop(BURST)
    log.theirs.warning("of a Secret", extra=extra)
    assert log.lines(message="of a Secret") == []
    log.clock.seconds += REFILL
    log.theirs.warning("of a Secret", extra=extra)
    assert [line["left_out"] for line in log.lines(message="of a Secret")] == [1]
