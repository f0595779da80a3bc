"""What the gauges show of inventories and objects, computed at the moment of a scrape."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tokenfactory_operator.domain.reasons import ConditionType
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.telemetry.gauges import OPERATOR, READY_STATUSES, InventorySample, credential_label


def worst_by_credential(inventories: Iterable[Inventory], now: float, *, leads: bool = False) -> list[InventorySample]:
    """One sample for each value of the label `credential`: the greatest age in it. `now` is monotonic.

    Endpoints are counted once for each scope, though several tokens may reach it. A leader always has a sample of the
    operator's own credential: while that cannot be used there is no inventory, and no list.
    """
    ages: dict[str, float] = {}
    sizes: dict[str, dict[str, int]] = {}
    for inventory in inventories:
        label = credential_label(inventory.namespace)
        age = now - inventory.last_view if inventory.listed_once else math.inf
        ages[label] = max(age, ages.get(label, 0.0))
        scopes = sizes.setdefault(label, {})
        scopes[inventory.scope] = max(len(inventory), scopes.get(inventory.scope, 0))
    if leads:
        ages.setdefault(OPERATOR, math.inf)
    return [InventorySample(label, sum(sizes.get(label, {}).values()), age) for label, age in ages.items()]


def objects_by_ready(cache: ObjectCache) -> Counter[str]:
    """How many objects have each status of `Ready`."""
    return Counter(_ready_status(cache.get(key) or {}) for key in cache)


def _ready_status(body: Any) -> str:  # noqa: ANN401  # a JSON object
    conditions = (body.get("status") or {}).get("conditions") or ()
    status = next((item.get("status") for item in conditions if item["type"] == ConditionType.READY), None)
    return status if status in READY_STATUSES else "Unknown"
