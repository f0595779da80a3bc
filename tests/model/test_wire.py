"""The comparison of what the client has made of an answer with what the cloud has said."""

from __future__ import annotations

import pytest

from model.wire import NOT_SENT, difference
from tokenfactory_operator.domain.errors import CloudUnavailable, Forbidden, QuotaExceeded, RateLimited
from tokenfactory_operator.domain.observed import EndpointList, ObservedEndpoint

ONE = ObservedEndpoint("ep-1", description="text")
LISTED = EndpointList((ONE,))
OPEN = CloudUnavailable("HTTP 502", status=502)
REFUSED = QuotaExceeded("no room", refused=True, status=429)


@pytest.mark.parametrize(
    ("said", "got"),
    [
        (ONE, ONE),
        (None, None),
        (True, True),
        (LISTED, EndpointList((ONE,), problem="in other words")),
        (OPEN, Forbidden("a gateway's page")),
        (REFUSED, QuotaExceeded("in other words", refused=True)),
        (NOT_SENT, RateLimited("blocked", refused=True)),
    ],
)
def test_what_may_be(said: object, got: object) -> None:
    """The same; of errors the words and, where the outcome is open, the kind may be others."""
    assert difference(said, got) == ""


@pytest.mark.parametrize(
    ("said", "got"),
    [
        (ONE, ObservedEndpoint("ep-1")),
        (ONE, OPEN),
        (True, False),
        (LISTED, EndpointList(())),
        (LISTED, EndpointList((ONE,), view=False)),
        (LISTED, EndpointList((ONE,), left_out=1)),
        (LISTED, EndpointList((ONE,), unreadable=True)),
        (LISTED, EndpointList((ONE,), nameless=("text",))),
        (LISTED, OPEN),
        (OPEN, ONE),
        (OPEN, REFUSED),
        (REFUSED, OPEN),
        (REFUSED, QuotaExceeded("no room")),
        (REFUSED, RateLimited("no room", refused=True)),
        (NOT_SENT, ONE),
        (NOT_SENT, OPEN),
    ],
)
def test_what_may_not_be(said: object, got: object) -> None:
    """Another result, another list, an open outcome taken for a refusal, or the other way round."""
    assert difference(said, got)
