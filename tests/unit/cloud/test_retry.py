"""How long an answer asks to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.cloud.retry import MAX_WAIT, reset_hint, retry_after
from unit.cloud.support import EPOCH


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("0", 0.0, id="zero"),
        pytest.param("-5", 0.0, id="negative"),
        pytest.param("86400", MAX_WAIT, id="a day is bounded"),
        pytest.param("inf", MAX_WAIT, id="infinity is bounded"),
        pytest.param("nan", None, id="not a number"),
        pytest.param("Wed, 01 Jan 2025 12:00:30 GMT", 30.0, id="date"),
        pytest.param("Wed, 01 Jan 2025 12:00:30 -0000", 30.0, id="date without a zone"),
        pytest.param("Wed, 01 Jan 2025 11:00:00 GMT", 0.0, id="date in the past"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT, id="date far away"),
        pytest.param("Wednesday, 01-Jan-25 12:00:30 GMT", 30.0, id="date of RFC 850"),
        pytest.param("Wed Jan  1 12:00:30 2025", 30.0, id="date of asctime"),
        pytest.param("Wed, 01 Jan 2025 14:00:30 +0200", 30.0, id="date of another zone"),
        pytest.param("Wed, 31 Feb 2025 12:00:30 GMT", None, id="no such date"),
        pytest.param("60, 120", 120.0, id="the header twice"),
        pytest.param("60, nan", None, id="the header twice, once odd"),
        pytest.param("soon", None, id="words"),
        pytest.param("", None, id="empty"),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    """Seconds and HTTP dates are read, bounded to five minutes; anything else is not told."""
    assert retry_after({"retry-after": value}, now=EPOCH) == expected


def test_a_date_is_read_against_the_answers_own() -> None:
    """The server's clock may be hours apart from ours: the wait is what lies between its two dates."""
    headers = {"retry-after": "Wed, 01 Jan 2025 09:00:30 GMT", "date": "Wed, 01 Jan 2025 09:00:00 GMT"}
    assert retry_after(headers, now=EPOCH) == 30.0
    assert retry_after({**headers, "date": "nonsense"}, now=EPOCH) == 0.0


def test_no_header() -> None:
    """Without the header nothing is asked."""
    assert retry_after({}, now=EPOCH) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"x-ratelimit-reset": "20"}, 20.0, id="plain"),
        pytest.param({"X-RateLimit-Reset-Requests": "2", "x-ratelimit-reset-tokens": "5.5s"}, 5.5, id="longest"),
        pytest.param({"x-ratelimit-reset": "1735732800"}, None, id="point in time"),
        pytest.param({"x-ratelimit-reset": "6m0s"}, None, id="composite"),
        pytest.param({"x-ratelimit-remaining": "20"}, None, id="other header"),
        pytest.param({"x-ratelimit-reset": "4000"}, MAX_WAIT, id="bounded"),
    ],
)
def test_reset_hint(headers: dict[str, str], expected: float | None) -> None:
    """The vendor's rate limit headers help where they are plain seconds."""
    assert reset_hint(headers) == expected


@given(st.text())
def test_never_raises(value: str) -> None:
    """No header value can break the client or stop it for more than five minutes."""
    wait = retry_after({"retry-after": value}, now=EPOCH)
    assert wait is None or 0 <= wait <= MAX_WAIT
    hint = reset_hint({"x-ratelimit-reset": value})
    assert hint is None or 0 <= hint <= MAX_WAIT
