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
    was, now = reported_in_full(before.conditions), reported_in_full(after.conditions)
    faults = _faults(was, now)
    return (*faults, *_readiness_lost(was, now, faults, asked=asked), *_better(was, now))


def _faults(was: Conditions, now: Conditions) -> tuple[Change, ...]:
    """Something is newly in the way, or a person is newly asked."""
    reported = []
    wrong, earlier = _having(now, ConditionType.SYNCED, "False"), was.get(ConditionType.SYNCED)
    if wrong is not None and (earlier is None or wrong.reason != earlier.reason):
        reported.append(_reported(wrong))
    known = [_reported(earlier)] if earlier is not None and earlier.status == "False" else []
    stalled = now.get(ConditionType.STALLED) if ConditionType.STALLED not in was else None
    if stalled is not None and _reported(stalled) not in (*known, *reported):
        reported.append(_reported(stalled))
    return tuple(reported)


def _reported(condition: Condition) -> Change:
    asked_for = condition.reason == Reason.RECONCILE_PAUSED
    return Change(condition.reason, condition.message, warning=not asked_for)


def _having(conditions: Conditions, kind: ConditionType, status: str) -> Condition | None:
    return conditions[kind] if kind in conditions and conditions[kind].status == status else None


def _readiness_lost(
    was: Conditions, now: Conditions, reported: tuple[Change, ...], *, asked: bool
) -> tuple[Change, ...]:
    ready = now.get(ConditionType.READY) if _having(was, ConditionType.READY, "True") is not None else None
    if ready is None or ready.status == "True" or _reported(ready) in reported:
        return ()
    return (Change(ready.reason, f"Ready is {ready.status}: {ready.message}", warning=not asked),)


def _better(was: Conditions, now: Conditions) -> tuple[Change, ...]:
    """The spec is applied again, or the object has become Ready: one Event where both come at once."""
    ready = _having(now, ConditionType.READY, "True") if _having(was, ConditionType.READY, "True") is None else None
    text = f"Ready is True: {ready.message}" if ready is not None else ""
    over = _having(was, ConditionType.SYNCED, "False")
    if over is not None and _having(now, ConditionType.SYNCED, "True") is not None:
        return (Change(RECOVERED, f"{over.reason} is over. {text}".rstrip()),)
    return (Change(ready.reason, text),) if ready is not None else ()
