"""The one transition table of an attempt: each state with each event, and what a status tells."""

from __future__ import annotations

import itertools
from typing import Final

import pytest

from tokenfactory_operator.api.v1alpha1 import CreateAttempt
from tokenfactory_operator.domain.attempt import (
    Attempt,
    Event,
    IllegalTransition,
    State,
    found,
    is_pending,
)

LEGAL: Final = {
    (State.OPEN, Event.SENT): State.IN_DOUBT,
    (State.REFUSED, Event.SENT): State.IN_DOUBT,
    (State.IN_DOUBT, Event.UNANSWERED): State.IN_DOUBT,
    (State.IN_DOUBT, Event.REFUSED): State.REFUSED,
    (State.IN_DOUBT, Event.CREATED): State.SUCCEEDED,
    (State.IN_DOUBT, Event.SEEN): State.SUCCEEDED,
    (State.IN_DOUBT, Event.ABSENT): State.RULED_OUT,
}
"""Said once more, by the protocol: Create 3 to 6."""


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_state_with_every_event(state: State, event: Event) -> None:
    """What may happen leads to the one next state; what may not is an error of the program, never a guess."""
    attempt = Attempt("a1", state)
    if (state, event) in LEGAL:
        assert attempt.after(event).state is LEGAL[state, event]
    else:
        with pytest.raises(IllegalTransition):
            attempt.after(event)


def test_only_an_attempt_in_doubt_can_still_make_an_endpoint() -> None:
    """Nothing else leads to `SUCCEEDED`, and from where an attempt ended no way leads back, but for a refusal."""
    leading = {state for (state, event), after in LEGAL.items() if after is State.SUCCEEDED}
    ended = {State.SUCCEEDED, State.RULED_OUT}
    assert leading == {State.IN_DOUBT}
    assert not [state for state, _ in LEGAL if state in ended]


def test_what_an_event_tells_is_kept() -> None:
    """The end of the call, the endpoint and the count of attempts before it."""
    sent = Attempt("a1", after_unknown=2, scope="p").after(Event.SENT)
    made = sent.after(Event.CREATED, ended=7.0, endpoint_id="ep-1")
    assert made == Attempt("a1", State.SUCCEEDED, after_unknown=2, scope="p", ended=7.0, endpoint_id="ep-1")
    assert sent.after(Event.UNANSWERED, ended=7.0).after(Event.SEEN, endpoint_id="ep-1").ended == 7.0


@pytest.mark.parametrize(
    ("word", "has_endpoint", "state"),
    [
        pytest.param("Pending", False, State.IN_DOUBT, id="open"),
        pytest.param("Pending", True, State.IN_DOUBT, id="open-beside-an-endpoint"),
        pytest.param("Refused", False, State.REFUSED, id="refused"),
        pytest.param("Refused", True, State.REFUSED, id="refused-beside-an-endpoint"),
        pytest.param("Created", True, State.SUCCEEDED, id="created"),
        pytest.param("Created", False, State.IN_DOUBT, id="created-and-the-id-removed"),
        pytest.param("Sent", True, State.SUCCEEDED, id="of-a-newer-version-with-an-endpoint"),
        pytest.param("Sent", False, State.IN_DOUBT, id="of-a-newer-version"),
        pytest.param("", False, State.IN_DOUBT, id="nothing-said"),
    ],
)
def test_what_a_status_tells(word: str, has_endpoint: bool, state: State) -> None:  # noqa: FBT001  # a column
    """An attempt of another process: what is not clearly over is in doubt."""
    attempt = found(CreateAttempt(id="a9", state=word, after_unknown=1), has_endpoint=has_endpoint, ended=5.0)
    assert (attempt.id, attempt.state, attempt.streak, attempt.ended) == ("a9", state, 2, 5.0)


@pytest.mark.parametrize(
    ("status", "pending"),
    [
        pytest.param(None, False, id="no-status"),
        pytest.param({}, False, id="empty"),
        pytest.param({"createAttempt": None}, False, id="none"),
        pytest.param({"createAttempt": {"state": "Pending"}}, True, id="pending"),
        pytest.param({"createAttempt": {"state": "Created"}}, False, id="created"),
    ],
)
def test_a_stored_status_is_asked_as_json(status: dict[str, object] | None, pending: bool) -> None:  # noqa: FBT001  # a column
    """Queue, cache and accounts ask before an object is parsed."""
    assert is_pending(status) is pending


@pytest.mark.rule("C24")
@pytest.mark.parametrize("written", [-1, -1000, -(2**63)])
def test_a_number_below_zero_shortens_nothing(written: int) -> None:
    """The settle time doubles with the count, so one that somebody else has written must not halve it."""
    attempt = found(CreateAttempt(id="a9", state="Pending", after_unknown=written), has_endpoint=False, ended=5.0)
    assert attempt.streak == 1
