"""What the log says of an action that has ended: in one word, and about which endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenfactory_operator.decision.actions import (
    Action,
    AddFinalizer,
    Create,
    DeleteDuplicate,
    DeleteEndpoints,
    Nothing,
    ProbeGone,
    ReadCatalog,
    Release,
    RemoveFinalizer,
    Rescope,
    Update,
)
from tokenfactory_operator.domain.decision_input import DecisionInput

DONE: Final[Mapping[type[Action], str]] = {
    Rescope: "recorded",
    Nothing: "left alone",
    AddFinalizer: "finalizer added",
    RemoveFinalizer: "finalizer removed",
    Create: "created",
    Update: "updated",
    DeleteEndpoints: "deleted",
    DeleteDuplicate: "deleted",
    Release: "released",
    ProbeGone: "looked up",
    ReadCatalog: "read the catalog",
}
"""Of an action that was carried out. A DELETE that was answered is deleted; that it is gone is seen later."""


def done(action: Action) -> str:
    """The outcome of an action that went well."""
    return "adopted" if isinstance(action, Update) and action.adopts else DONE[type(action)]


def concerned(s: DecisionInput, action: Action) -> str:
    """Ids of the endpoints that the action is about, as far as they are known once it has ended; may be empty."""
    if isinstance(action, DeleteEndpoints):
        return ", ".join(action.endpoint_ids)
    if isinstance(action, DeleteDuplicate | Update | Release | ProbeGone):
        return action.endpoint_id
    if isinstance(action, Create):
        return s.memory.attempts.latest.endpoint_id if s.memory.attempts.latest is not None else ""
    return s.recorded_id
