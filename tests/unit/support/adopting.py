"""Objects that adopt ep-1, and what the plan decides on them."""

from __future__ import annotations

from typing import Any, Final

from tokenfactory_operator.decision.actions import Update
from tokenfactory_operator.domain.drift import Difference
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import OTHER_UID, an_endpoint, mark
from unit.support.outcome import Decided
from unit.support.scene import Scene

MINE: Final = mark("adopted")
EARLIER: Final = mark("e1", uid=OTHER_UID)
"""The mark of a predecessor: same cluster and name, another uid."""
ELSEWHERE: Final = mark("e1", uid=OTHER_UID, cluster="c2")
"""A mark of the same name in another cluster."""
UNMARKED: Final = an_endpoint(description="a note")

BEGUN: Final = Decided("adoption", reason=Reason.UPDATING, synced=None, record="ep-1", after=0, adopts="ep-1")
IN_ORDER: Final = Decided("in_order", reason=Reason.RECONCILE_SUCCESS, synced=True, record="ep-1", in_order=True)


def refused(reason: Reason) -> Decided:
    """The adoption is stopped, until a person does something."""
    return Decided("adoption", reason=reason, stalled=True, after_list=True)


def recorded(s: Scene) -> Scene:
    """The id is written down, as the first step of an adoption leaves it."""
    return s.held().status(endpointId="ep-1")


def adopted(s: Scene, **fields: Any) -> Scene:  # noqa: ANN401  # fields of the wire
    """An adoption that is through."""
    return s.held().attempt_written("adopted", "Created", endpointId="ep-1").spec(**fields)


def marking(observed: str, desired: str, *, adopts: bool = True, **more: tuple[Any, Any]) -> Update:
    """The PATCH that takes ep-1 over, or puts its mark back: its description, and what else differs."""
    changes = {"name": more.pop("name", None), "description": (observed, desired), **more}
    differences = tuple(Difference(field, *pair) for field, pair in changes.items() if pair)
    return Update("ep-1", differences, drift=not adopts, adopts=adopts)


def updating(action: Update) -> Decided:
    """That this PATCH is sent."""
    return Decided("drifted", action, Reason.UPDATING, synced=None, record="ep-1", after_list=True)
