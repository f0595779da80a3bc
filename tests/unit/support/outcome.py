"""A decision in the terms of a table: everything but the wording of its message."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokenfactory_operator.decision.actions import Action, Decision, Nothing
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.reasons import Reason
from unit.support.scene import Scene


@dataclass(frozen=True)
class Decided:
    """What the composed chain answered."""

    check: str
    action: Action = field(default_factory=Nothing)
    reason: Reason | None = None
    """None: nothing is said."""
    synced: bool | None = False
    stalled: bool = False
    judged: bool = True
    record: str | None = None
    after: float | None = None
    after_list: bool = False
    in_order: bool = False
    hurry: bool = False
    adopts: str = ""


def summary(decision: Decision) -> Decided:
    """Without messages; `after` to the second, since stamps take microseconds."""
    said = decision.verdict
    return Decided(
        check=decision.check,
        action=decision.action,
        reason=said.reason if said else None,
        synced=said.synced if said else False,
        stalled=said.stalled if said else False,
        judged=said.judged if said else True,
        record=decision.record,
        after=None if decision.after is None else round(decision.after),
        after_list=decision.after_list,
        in_order=decision.in_order,
        hurry=decision.hurry,
        adopts=decision.adopts,
    )


def decided(scene: Scene) -> Decided:
    """What the plan decides on this scene."""
    return summary(decide(scene.situation()))
