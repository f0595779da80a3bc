"""A message stands once among an object's conditions: where tools that wait look, and the others refer to it.

kstatus, and with it Helm and Flux, show the message of `Stalled` or `Reconciling`. Conditions of one reason say the
same. What is decided from is the reason, never the words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tokenfactory_operator.api.v1alpha1 import Condition
from tokenfactory_operator.domain.reasons import ConditionType, Reason

TELLERS: Final = (ConditionType.STALLED, ConditionType.RECONCILING, ConditionType.SYNCED)
"""Of these the first that there is."""


def _teller(conditions: tuple[Condition, ...]) -> Condition | None:
    by_type = {item.type: item for item in conditions}
    return next((by_type[kind] for kind in TELLERS if kind in by_type), None)


def _with_text(conditions: tuple[Condition, ...], text: Callable[[Condition], str | None]) -> tuple[Condition, ...]:
    """The teller as it is, and each other condition of its reason with `text` of it."""
    teller = _teller(conditions)
    return tuple(
        item.model_copy(update={"message": text(teller)})
        if teller is not None and item is not teller and item.reason == teller.reason
        else item
        for item in conditions
    )


def reported_once(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The conditions as they are stored: those with the reason of the one that tells it name that one instead."""
    return _with_text(conditions, lambda teller: f"See the condition {teller.type}.")


def reported_in_full(conditions: tuple[Condition, ...]) -> dict[str, Condition]:
    """The conditions as they are compared, by type: each with its own message."""
    return {item.type: item for item in _with_text(conditions, lambda teller: teller.message)}


def foremost(conditions: tuple[Condition, ...]) -> Condition | None:
    """The one whose message matters most: the teller, or `Ready` where nothing is in the way."""
    teller = _teller(conditions)
    if teller is None or teller.reason == Reason.RECONCILE_SUCCESS:
        return next((item for item in conditions if item.type == ConditionType.READY), None)
    return teller
