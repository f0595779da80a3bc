"""A second endpoint with our mark, of which somebody else's mark speaks too."""

from __future__ import annotations

from tokenfactory_operator.domain.actions import DeleteTwin, Nothing
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import FOREIGN, an_endpoint, mark
from unit.support.outcome import decided
from unit.support.scene import Scene

OWN = an_endpoint()


def test_a_twin_that_carries_another_owners_mark_too() -> None:
    """Identity: what may be a stranger's is a conflict for a person, not a duplicate to delete."""
    shared = an_endpoint("ep-2", description=f"{mark('a2')} {FOREIGN}")
    answer = decided(Scene().recorded().lists(OWN, shared))
    assert (answer.action, answer.reason, answer.stalled) == (Nothing(), Reason.OWNERSHIP_CONFLICT, True)
    alone = an_endpoint("ep-2", description=mark("a2"))
    assert decided(Scene().recorded().lists(OWN, alone)).action == DeleteTwin("ep-2", "ep-1")
