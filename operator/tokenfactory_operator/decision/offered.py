"""Checks of a spec against the catalog, before a POST, and before a PATCH of GPUs or replicas.

The catalog never has the last word: one that is missing, old or silent rules out nothing, and the create call judges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tokenfactory_operator.api.v1alpha1 import IGNORE_CATALOG, Spec
from tokenfactory_operator.decision.actions import Decision, Hindered, ReadCatalog
from tokenfactory_operator.domain.catalog import AGAIN, FRESH, Wanted
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.drift import Difference
from tokenfactory_operator.domain.errors import MAX_TEXT, bounded, visible
from tokenfactory_operator.domain.reasons import Reason

RECHECK: Final = 300.0
"""Seconds after which a spec that the catalog rules out is held against it again."""
ASKED: Final = frozenset({"gpu_type", "gpu_count", "scaling"})
"""Fields of a PATCH for which the catalog is asked."""
ANYWAY: Final = f" To send it anyway, set the annotation {IGNORE_CATALOG}=true."


def for_creation(s: DecisionInput) -> Decision | None:
    """The catalog rules the spec out, or has to be read first."""
    return _held_against(s, s.catalog.mismatch)


def for_change(s: DecisionInput, differences: tuple[Difference, ...], record: str) -> Decision | None:
    """The same for a PATCH: what runs goes on as it is."""
    asks = any(item.field in ASKED for item in differences)
    return _held_against(s, s.catalog.change_mismatch, record) if asks else None


def wanted(spec: Spec) -> Wanted:
    """What the catalog is asked for."""
    return Wanted(
        model=spec.model,
        flavor=spec.flavor,
        region=spec.region,
        gpu_type=spec.gpu.type,
        gpu_count=spec.gpu.count,
        max_replicas=spec.scaling.max_replicas,
    )


def _held_against(s: DecisionInput, mismatch: Callable[[Wanted], str], record: str | None = None) -> Decision | None:
    """Say it by a catalog that has just been read: by an older one nothing is refused."""
    if s.resource.spec is None or s.resource.ignores_catalog:
        return None
    text = mismatch(wanted(s.resource.spec))
    wrong = text and s.now - s.catalog.read < FRESH
    if s.catalog.due(s.now) or (wrong and s.now - s.catalog.tried >= AGAIN):
        return Decision(ReadCatalog(), check="offered")
    if not wrong:
        return None
    verdict = Hindered(Reason.CATALOG_MISMATCH, visible(bounded(text, MAX_TEXT - len(ANYWAY))) + ANYWAY)
    return Decision(verdict=verdict, record=record, after=RECHECK, check="offered")
