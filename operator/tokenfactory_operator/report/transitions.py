"""What changed for people between two statuses: the Events of an object, one for each change of state.

Both statuses are compared as they are stored, so a restart repeats nothing. What an action did (created, adopted,
deleted) is told where it was done (`execute`), not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from tokenfactory_operator.api.v1alpha1 import Condition, Status
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.report.telling import reported_in_full

RECOVERED: Final = "Recovered"
"""Event of an object whose spec is applied again after something was in the way."""

Conditions = Mapping[str, Condition]


class Change(NamedTuple):
    """One Event."""

    reason: Reason | str
    message: str
    warning: bool = False


def changes(before: Status, after: Status, *, asked: bool) -> tuple[Change, ...]:
    """The Events of a status write; `asked`: the spec was edited or the object is being deleted."""
    was, now = _by_type(before), _by_type(after)
    faults = _faults(was, now)
    return (*faults, *_readiness_lost(was, now, faults, asked=asked), *_better(was, now))


def _by_type(status: Status) -> Conditions:
    return {item.type: item for item in reported_in_full(status.conditions)}


def _status(conditions: Conditions, kind: ConditionType) -> str:
    return conditions[kind].status if kind in conditions else ""


def _reason(conditions: Conditions, kind: ConditionType) -> str:
    return (conditions[kind].reason or "") if kind in conditions else ""


def _faults(was: Conditions, now: Conditions) -> tuple[Change, ...]:
    """Something is newly in the way, or a person is newly asked."""
    reported = []
    synced, stalled = now.get(ConditionType.SYNCED), now.get(ConditionType.STALLED)
    if synced is not None and synced.status == "False" and synced.reason != _reason(was, ConditionType.SYNCED):
        reported.append(_reported(synced))
    if stalled is None or ConditionType.STALLED in was:
        return tuple(reported)
    earlier = was.get(ConditionType.SYNCED)
    known = [_reported(earlier)] if earlier is not None and earlier.status == "False" else []
    if _reported(stalled) not in (*known, *reported):
        reported.append(_reported(stalled))
    return tuple(reported)


def _reported(condition: Condition) -> Change:
    asked_for = condition.reason == Reason.RECONCILE_PAUSED
    return Change(condition.reason or "", condition.message or "", warning=not asked_for)


def _readiness_lost(
    was: Conditions, now: Conditions, reported: tuple[Change, ...], *, asked: bool
) -> tuple[Change, ...]:
    ready = now.get(ConditionType.READY)
    if _status(was, ConditionType.READY) != "True" or ready is None or ready.status == "True":
        return ()
    if _reported(ready) in reported:
        return ()
    text = f"Ready is {ready.status}: {ready.message}"
    return (Change(ready.reason or "", text, warning=not asked),)


def _better(was: Conditions, now: Conditions) -> tuple[Change, ...]:
    """The spec is applied again, or the object has become Ready: one Event where both come at once."""
    ready = now.get(ConditionType.READY)
    became = ready is not None and ready.status == "True" and _status(was, ConditionType.READY) != "True"
    text = f"Ready is True: {ready.message}" if ready is not None and became else ""
    recovered = (_status(was, ConditionType.SYNCED), _status(now, ConditionType.SYNCED)) == ("False", "True")
    if recovered:
        return (Change(RECOVERED, f"{_reason(was, ConditionType.SYNCED)} is over. {text}".rstrip()),)
    return (Change(ready.reason or "", text),) if ready is not None and became else ()
