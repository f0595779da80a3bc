"""Waiting for a condition with a deadline: the only way in which these tests wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

DEADLINE: Final = 180.0
"""Seconds; far beyond what a step takes, since a machine that also runs other things must not fail a test."""
_PAUSE: Final = 0.05
"""Seconds between the first looks: most waits are over in one second."""
_LONGEST_PAUSE: Final = 0.12
"""Seconds between the looks of a long wait: each of them costs the API server and the test as much as the first."""
_LONGER: Final = 1.05


def eventually(
    check: Callable[[], T | None],
    *,
    within: float = DEADLINE,
    what: str = "",
    longest_pause: float = _LONGEST_PAUSE,
) -> T:
    """Ask `check` until it answers something true, and answer that.

    Args:
        check: a failed assertion in it counts as "not yet"; every other exception ends the wait.
        within: seconds.
        what: what is waited for, where the check's own failure does not say.
        longest_pause: seconds between two looks, for a moment that is soon over.

    Raises:
        AssertionError: it did not come true in time; the last failure is the cause.
    """
    deadline = time.monotonic() + within
    pause = _PAUSE
    while True:
        failure: AssertionError | None = None
        answer: T | None = None
        try:
            answer = check()
        except AssertionError as error:
            failure = error
        if answer:
            return answer
        if time.monotonic() >= deadline:
            said = str(failure) if failure else f"the last answer was {answer!r}"
            raise AssertionError(f"not within {within:g} s: {what or 'the condition'}; {said}") from failure
        time.sleep(pause)
        pause = min(pause * _LONGER, longest_pause)
