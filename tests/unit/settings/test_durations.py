import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.settings import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("30s", 30.0, id="seconds"),
        pytest.param("5m", 300.0, id="minutes"),
        pytest.param("2h", 7200.0, id="hours"),
        pytest.param("1h30m", 5400.0, id="hours and minutes"),
        pytest.param("1m30s500ms", 90.5, id="three units"),
        pytest.param("500ms", 0.5, id="milliseconds"),
        pytest.param("90", 90.0, id="plain"),
        pytest.param("1.5", 1.5, id="plain fraction"),
        pytest.param("1.5h", 5400.0, id="fraction of a unit"),
        pytest.param("0s", 0.0, id="zero"),
    ],
)
def test_reads(text: str, seconds: float) -> None:
    """Every documented notation gives its seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("s", id="no number"),
        pytest.param("-5s", id="negative"),
        pytest.param("30m1h", id="wrong order"),
        pytest.param("1m1m", id="unit twice"),
        pytest.param("1m30", id="trailing number"),
        pytest.param("1d", id="unknown unit"),
        pytest.param("5 m", id="space inside"),
        pytest.param("inf", id="infinite"),
        pytest.param("1e3", id="exponent"),
        pytest.param("٣s", id="other digits"),
        pytest.param("5s\n", id="newline"),
    ],
)
def test_refuses(text: str) -> None:
    """What is not exactly a duration is an error, never a guess."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0.0, "0s", id="zero"),
        pytest.param(600.0, "10m", id="ten minutes"),
        pytest.param(5430.25, "1h30m30s250ms", id="all units"),
    ],
)
def test_shows(seconds: float, text: str) -> None:
    """A duration is shown in the fewest units."""
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**9))
def test_reads_what_it_shows(milliseconds: int) -> None:
    """Every duration of a whole number of milliseconds survives being shown and read."""
    assert parse_duration(format_duration(milliseconds / 1_000)) == milliseconds / 1_000


def test_does_not_show_a_negative_duration() -> None:
    """A negative duration is a defect of the caller."""
    with pytest.raises(ValueError, match="negative"):
        format_duration(-1.0)
