"""Which LIST ends a deletion: one that was begun after the last answer, and none that was already there."""

from __future__ import annotations

import pytest

from tokenfactory_operator.decision.actions import Nothing, RemoveFinalizer
from unit.support.outcome import decided
from unit.support.scene import Scene


@pytest.mark.rule("D9")
def test_lists_from_before_the_answer_do_not_end_it() -> None:
    """Delete 2: unlisted all along, the endpoint is gone only by a LIST begun after the answer to its DELETE."""
    scene = Scene().recorded().terminating().settles().deleted("ep-1")
    assert decided(scene).action == Nothing()
    assert isinstance(decided(scene.lists()).action, RemoveFinalizer)
