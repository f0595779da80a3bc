"""Failures that are faults of the operator itself: counted, and logged with their traceback once for each place.

A fault in the handling of one answer must not end what serves everybody, and must not fill the log either. Nothing is
decided here.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, Final

from tokenfactory_operator.domain.errors import OperatorDefect
from tokenfactory_operator.ports import Telemetry

COUNTED_AS: Final = "defect"
"""The event in `tokenfactory_notable_events_total`."""
_PLACES: Final = 1000
"""Places that are remembered; the code has fewer that can fail."""

_LOG = logging.getLogger(__name__)


class Defects:
    """What has failed by a fault of ours so far."""

    def __init__(self, telemetry: Telemetry, log: Any = _LOG) -> None:  # noqa: ANN401 - logging's or structlog's
        self._telemetry = telemetry
        self._log = log
        self._known: set[tuple[str, str, int]] = set()

    def note(self, error: BaseException, doing: str, *, refused: bool = False) -> OperatorDefect:
        """Count it, log it, and answer it as a failed call; `doing` is for people: "listing the endpoints".

        `refused`: nothing was sent. The answer holds neither the exception nor its text, which may be foreign.
        """
        self._telemetry.counted(COUNTED_AS)
        place = _place(error)
        kind = f"{type(error).__name__} at {place[1].rpartition('/')[2]}:{place[2]}"
        if place in self._known or len(self._known) >= _PLACES:
            self._log.warning(f"a defect of the operator, logged before: {doing}: {kind}")
        else:
            self._known.add(place)
            self._log.exception(f"a defect of the operator: {doing}: {kind}", exc_info=error)
        return OperatorDefect(f"{doing} failed by a defect of the operator ({kind}): see its log.", refused=refused)


def _place(error: BaseException) -> tuple[str, str, int]:
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return type(error).__name__, last.filename if last else "", (last.lineno or 0) if last else 0
