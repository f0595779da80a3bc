"""Reading what a process uses, and waiting."""

import os
import time

import pytest

from bench.processes import NotMeasuredError, Usage, usage, wait_for


def test_this_process_uses_memory_and_processor_time() -> None:
    """The kernel's numbers are read as what they are: MiB, and seconds that agree with the process's own clock."""
    own = time.process_time()
    seen = usage(os.getpid())
    assert own <= seen.cpu_seconds <= time.process_time()
    assert 1 < seen.resident_mib <= seen.peak_mib


def test_processor_time_is_a_share_of_one_core() -> None:
    """Half a second within ten is five percent."""
    before, after = (Usage(at, cpu, 0, 0) for at, cpu in ((100.0, 7.0), (110.0, 7.5)))
    assert after.cpu_percent_since(before) == 5.0


def test_a_process_that_is_gone_is_not_measured() -> None:
    """Rather than reported as idle."""
    with pytest.raises(NotMeasuredError, match="cannot be measured"):
        usage(2**22 + 1)


def test_waiting_asks_until_the_answer_is_true() -> None:
    """And gives that answer."""
    answers = iter([0, 0, 7])
    assert wait_for(lambda: next(answers), what="seven", within=60, every=0.001) == 7


def test_waiting_gives_up_and_says_what_did_not_come() -> None:
    """The text is all that a person gets."""
    with pytest.raises(NotMeasuredError, match="snow"):
        wait_for(lambda: False, what="snow", within=0, every=0.001)
