"""Every kind of verdict, for tests that go through all of them."""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision.actions import (
    Applied,
    Asking,
    Hindered,
    UnderWay,
    Unjudged,
    UnjudgedYet,
    Verdict,
    Waiting,
)

KINDS: Final[tuple[type[Verdict], ...]] = (Applied, UnderWay, Hindered, Asking, Waiting, Unjudged, UnjudgedYet)
