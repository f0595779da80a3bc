"""Which change of a status is an Event: each once, and nothing for a state that lasts."""

from __future__ import annotations

from itertools import product

import pytest

from tokenfactory_operator.api.v1alpha1 import Condition, Status
from tokenfactory_operator.report.telling import reported_once
from tokenfactory_operator.report.transitions import changes

OUTAGE = "The cloud could not be listed."
SERVES = "The endpoint serves."


def conditions(**states: str) -> Status:
    """Conditions by type: status and reason, and a message after a colon."""
    reported = []
    for kind, state in states.items():
        head, _, message = state.partition(": ")
        status, reason = head.split()
        reported.append(Condition(type=kind, status=status, reason=reason, message=message or f"{reason}."))
    return Status(conditions=tuple(reported))


NEW = Status()
CREATING = conditions(Ready="False Creating", Synced="Unknown Creating", Reconciling="True Creating")
STARTING = conditions(Ready="False Starting", Synced="True ReconcileSuccess", Reconciling="True Starting")
AVAILABLE = conditions(Ready=f"True Available: {SERVES}", Synced="True ReconcileSuccess")
EDITED = conditions(Ready="False Updating", Synced="Unknown Updating")
NO_LIST = conditions(Ready=f"True Available: {SERVES}", Synced=f"False CloudUnavailable: {OUTAGE}")
BLIND = conditions(Ready=f"Unknown CloudUnavailable: {OUTAGE}", Synced=f"False CloudUnavailable: {OUTAGE}")
NO_TOKEN = conditions(Ready="Unknown Unauthorized", Synced="False Unauthorized", Stalled="True Unauthorized")
IN_CONSOLE = conditions(Ready="False StoppedInConsole", Synced="True ReconcileSuccess", Stalled="True StoppedInConsole")
WAITING = conditions(Ready="False CreateOutcomeUnknown", Synced="False CreateOutcomeUnknown: Waiting.")
ASKED = conditions(
    Ready="False CreateOutcomeUnknown",
    Synced="False CreateOutcomeUnknown: Look.",
    Stalled="True CreateOutcomeUnknown: Look.",
)
MISSING = conditions(Ready="False CredentialsMissing", Synced="False CredentialsMissing")
MISSING_LONG = conditions(
    Ready="False CredentialsMissing", Synced="False CredentialsMissing", Stalled="True CredentialsMissing"
)
NO_ROOM = conditions(Ready="False QuotaExceeded", Synced="False QuotaExceeded")
PAUSED = conditions(Ready=f"True Available: {SERVES}", Synced="False ReconcilePaused")
STATES = (NEW, CREATING, STARTING, AVAILABLE, EDITED, NO_LIST, BLIND, NO_TOKEN, IN_CONSOLE, WAITING, ASKED, PAUSED)

REPORTED = [
    pytest.param(NEW, CREATING, [], id="the action tells that it was created"),
    pytest.param(CREATING, STARTING, [], id="on the way"),
    pytest.param(STARTING, AVAILABLE, [("Available", f"Ready is True: {SERVES}", False)], id="ready"),
    pytest.param(NEW, AVAILABLE, [("Available", f"Ready is True: {SERVES}", False)], id="ready at first sight"),
    pytest.param(AVAILABLE, EDITED, [("Updating", "Ready is False: Updating.", True)], id="drift"),
    pytest.param(AVAILABLE, STARTING, [("Starting", "Ready is False: Starting.", True)], id="it serves no more"),
    pytest.param(AVAILABLE, NO_LIST, [("CloudUnavailable", OUTAGE, True)], id="outage"),
    pytest.param(
        NO_LIST, BLIND, [("CloudUnavailable", f"Ready is Unknown: {OUTAGE}", True)], id="the outage lasts: not known"
    ),
    pytest.param(AVAILABLE, BLIND, [("CloudUnavailable", OUTAGE, True)], id="outage and not known: one Event"),
    pytest.param(BLIND, NO_TOKEN, [("Unauthorized", "Unauthorized.", True)], id="another reason"),
    pytest.param(NO_LIST, AVAILABLE, [("Recovered", "CloudUnavailable is over.", False)], id="recovered"),
    pytest.param(
        BLIND,
        AVAILABLE,
        [("Recovered", f"CloudUnavailable is over. Ready is True: {SERVES}", False)],
        id="recovered and ready: one Event",
    ),
    pytest.param(NO_TOKEN, STARTING, [("Recovered", "Unauthorized is over.", False)], id="recovered, not ready"),
    pytest.param(
        AVAILABLE, IN_CONSOLE, [("StoppedInConsole", "StoppedInConsole.", True)], id="a person is asked: one Event"
    ),
    pytest.param(STARTING, IN_CONSOLE, [("StoppedInConsole", "StoppedInConsole.", True)], id="a person is asked"),
    pytest.param(WAITING, ASKED, [("CreateOutcomeUnknown", "Look.", True)], id="asked after waiting"),
    pytest.param(MISSING, MISSING_LONG, [], id="asked in the same words"),
    pytest.param(NO_ROOM, CREATING, [], id="a try is no recovery"),
    pytest.param(AVAILABLE, PAUSED, [("ReconcilePaused", "ReconcilePaused.", False)], id="paused, as asked"),
    pytest.param(PAUSED, AVAILABLE, [("Recovered", "ReconcilePaused is over.", False)], id="resumed"),
]


@pytest.mark.parametrize(("before", "after", "reported"), REPORTED)
def test_what_is_told(before: Status, after: Status, reported: list[tuple[str, str, bool]]) -> None:
    """Reason, message, and whether it is a warning."""
    assert [(str(it.reason), it.message, it.warning) for it in changes(before, after, asked=False)] == reported


def test_what_another_condition_tells_is_told_whole() -> None:
    """A status says each message once; an Event stands alone."""
    before = AVAILABLE.model_copy(update={"conditions": reported_once(AVAILABLE.conditions)})
    after = ASKED.model_copy(update={"conditions": reported_once(ASKED.conditions)})
    assert {item.message for item in after.conditions if item.type != "Stalled"} == {"See the condition Stalled."}
    assert [it.message for it in changes(before, after, asked=False)] == ["Look."]


def test_what_was_asked_for_is_no_warning() -> None:
    """An edit, or a deletion, makes the object not Ready as it was meant to."""
    assert [it.warning for it in changes(AVAILABLE, EDITED, asked=True)] == [False]


@pytest.mark.parametrize("state", STATES)
def test_a_state_that_lasts_tells_nothing(state: Status) -> None:
    """Whatever it is: a write of another field, or a restart, repeats no Event."""
    assert changes(state, state, asked=False) == ()


def test_no_change_is_told_twice() -> None:
    """From each state to each other: at most one Event with the same words."""
    for before, after in product(STATES, STATES):
        reported = [(it.reason, it.message) for it in changes(before, after, asked=False)]
        assert len(reported) == len(set(reported)) <= 2, (before, after)
