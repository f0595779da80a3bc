"""Objects with our finalizer that the operator's selector leaves out: they are told, and never worked on here.

Another operator's selector may well match them, so two would work on one object if this one went on with it. One that
leaves the selector is told when the watch takes it away; one that is being deleted while nobody looks after it, when
`orphans` finds its endpoint without an object, so within ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.ports import JsonObject, Recorder

EVENT: Final = "NotSelected"
"""Reason of the Event on the object."""


def tell(recorder: Recorder, body: JsonObject) -> None:
    """The object has our finalizer, and is none of those that the selector matches."""
    deleted = bool(body["metadata"].get("deletionTimestamp"))
    held = "It is being deleted, and the operator's finalizer holds it. Nothing is done" if deleted else "It is not"
    rest = "" if deleted else " looked after"
    text = (
        f"The labels of this object do not match the operator's selector (TOKENFACTORY_OBJECT_SELECTOR). {held}{rest} "
        "until they match again, or the operator whose selector they match is running. Its endpoint stays as it is, "
        "and is billed."
    )
    recorder.event(body, reason=EVENT, message=text, warning=True)


def unattended(body: JsonObject) -> bool:
    """It is being deleted with our finalizer, and no operator has said a word about that since."""
    metadata = body["metadata"]
    since = metadata.get("deletionTimestamp")
    if not since or api.FINALIZER not in metadata.get("finalizers", ()):
        return False
    conditions = (body.get("status") or {}).get("conditions") or ()
    return not any(item.get("reason") == Reason.DELETING or _later(item, since) for item in conditions)


def _later(condition: Mapping[str, Any], since: str) -> bool:
    try:
        return datetime.fromisoformat(str(condition.get("lastTransitionTime"))) > datetime.fromisoformat(since)
    except (TypeError, ValueError):  # the API server takes more for a time than that can read
        return False
