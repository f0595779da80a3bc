"""The arithmetic of the benchmarks' report."""

import pytest

from bench.figures import Verdict, further_states, judged, percentile, rate, seconds_outside, shares


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        pytest.param(0, 1.0, id="least"),
        pytest.param(50, 2.0, id="median is a value that was measured"),
        pytest.param(75, 3.0, id="exactly on a rank"),
        pytest.param(76, 4.0, id="just above a rank"),
        pytest.param(100, 4.0, id="greatest"),
    ],
)
def test_percentile_is_the_smallest_value_that_so_many_do_not_exceed(percent: float, expected: float) -> None:
    """Whatever the order in which they were measured."""
    assert percentile([3.0, 1.0, 4.0, 2.0], percent) == expected


def test_the_99th_percentile_of_fifty_values_is_the_greatest() -> None:
    """A single slow edit of fifty must not be averaged away."""
    assert percentile([*range(49), 1000], 99) == 1000


@pytest.mark.parametrize(
    ("values", "percent"),
    [
        pytest.param([], 50, id="no values"),
        pytest.param([1.0], -1, id="below 0"),
        pytest.param([1.0], 101, id="above 100"),
    ],
)
def test_a_percentile_that_does_not_exist_is_refused(values: list[float], percent: float) -> None:
    """Rather than answered with a number that means nothing."""
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_rate_counts_the_steps_between_moments_in_any_order() -> None:
    """Five moments over two seconds are four steps: two a second."""
    assert rate([12.0, 10.0, 10.5, 11.0, 11.5]) == 2.0


@pytest.mark.parametrize("moments", [pytest.param([], id="none"), pytest.param([1.0, 1.0], id="at once")])
def test_moments_without_a_span_have_no_rate(moments: list[float]) -> None:
    """A rate of something that took no time would be infinite."""
    with pytest.raises(ValueError, match="span no time"):
        rate(moments)


@pytest.mark.parametrize(
    ("busy", "expected"),
    [
        pytest.param([], 4.0, id="never busy"),
        pytest.param([(11.0, 12.0)], 3.0, id="within"),
        pytest.param([(9.0, 11.0), (13.0, 20.0)], 2.0, id="over both ends"),
        pytest.param([(1.0, 10.0), (14.0, 15.0)], 4.0, id="before and after"),
        pytest.param([(9.0, 15.0)], 0.0, id="all of it"),
    ],
)
def test_time_in_which_the_cloud_was_busy_is_left_out(busy: list[tuple[float, float]], expected: float) -> None:
    """Only as far as it lies between the two moments, here 10 and 14."""
    assert seconds_outside(10.0, 14.0, busy) == expected


@pytest.mark.parametrize(
    ("count", "parts", "expected"),
    [
        pytest.param(10, 2, [(0, 5), (5, 5)], id="even"),
        pytest.param(11, 3, [(0, 3), (3, 4), (7, 4)], id="uneven"),
        pytest.param(5, 4, [(0, 2), (2, 3)], id="fewer parts, since each needs two"),
        pytest.param(1, 4, [(0, 1)], id="one thing is one part"),
    ],
)
def test_shares_cover_everything_once(count: int, parts: int, expected: list[tuple[int, int]]) -> None:
    """Parts lie next to each other and add up."""
    assert shares(count, parts) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param([], 0, id="nothing shown"),
        pytest.param(["", "", "Starting NotReady"], 0, id="one state, after writes without any"),
        pytest.param(["", "", "Starting NotReady", "Running Ready"], 0, id="first and last are in the budget"),
        pytest.param(["Starting NotReady", "Starting PartiallyReady", "Running Ready"], 1, id="one between"),
        pytest.param(["Starting NotReady", "Starting NotReady", "Running Ready"], 0, id="a state written twice"),
    ],
)
def test_only_states_between_the_first_and_the_last_allow_a_further_write(shown: list[str], expected: int) -> None:
    """A state that is written again is no further state: that would excuse a needless write."""
    assert further_states(shown) == expected


@pytest.mark.parametrize(
    ("met", "held", "wanted", "expected", "sign"),
    [
        pytest.param(True, 10_000, 10_000, Verdict.MET, "✓", id="met at the budget's size"),
        pytest.param(True, 1_000, 10_000, Verdict.SMALLER, "(✓)", id="met at a smaller size proves nothing"),
        pytest.param(False, 1_000, 10_000, Verdict.MISSED, "✗", id="missed at a smaller size already"),
        pytest.param(True, 0, 0, Verdict.MET, "✓", id="a budget for any size"),
    ],
)
def test_a_verdict_says_at_which_size(*, met: bool, held: int, wanted: int, expected: Verdict, sign: str) -> None:
    """A small run must not claim a budget for ten thousand objects."""
    verdict = judged(met, held=held, wanted=wanted)
    assert (verdict, verdict.sign) == (expected, sign)
