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


def _faults(was: Conditions, now: Conditions) -> tuple[Change, ...]:
    """Something is newly in the way, or a person is newly asked."""
    reported = []
    synced, stalled = now.get(ConditionType.SYNCED), now.get(ConditionType.STALLED)
    earlier = was.get(ConditionType.SYNCED)
    if synced is not None and synced.status == "False" and (earlier is None or synced.reason != earlier.reason):
        reported.append(_reported(synced))
    if stalled is None or ConditionType.STALLED in was:
        return tuple(reported)
    known = [_reported(earlier)] if earlier is not None and earlier.status == "False" else []
    if _reported(stalled) not in (*known, *reported):
        reported.append(_reported(stalled))
    return tuple(reported)


def _reported(condition: Condition) -> Change:
    asked_for = condition.reason == Reason.RECONCILE_PAUSED
    return Change(condition.reason, condition.message, warning=not asked_for)


def _is(conditions: Conditions, kind: ConditionType, status: str) -> bool:
    return kind in conditions and conditions[kind].status == status


def _readiness_lost(
    was: Conditions, now: Conditions, reported: tuple[Change, ...], *, asked: bool
) -> tuple[Change, ...]:
    ready = now.get(ConditionType.READY)
    if not _is(was, ConditionType.READY, "True") or ready is None or ready.status == "True":
        return ()
    if _reported(ready) in reported:
        return ()
    return (Change(ready.reason, f"Ready is {ready.status}: {ready.message}", warning=not asked),)


def _better(was: Conditions, now: Conditions) -> tuple[Change, ...]:
    """The spec is applied again, or the object has become Ready: one Event where both come at once."""
    ready = now.get(ConditionType.READY) if not _is(was, ConditionType.READY, "True") else None
    became = ready is not None and ready.status == "True"
    text = f"Ready is True: {ready.message}" if ready is not None and became else ""
    if _is(was, ConditionType.SYNCED, "False") and _is(now, ConditionType.SYNCED, "True"):
        return (Change(RECOVERED, f"{was[ConditionType.SYNCED].reason} is over. {text}".rstrip()),)
    return (Change(ready.reason, text),) if ready is not None and became else ()
