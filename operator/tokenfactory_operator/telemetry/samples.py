"""What the gauges show of inventories and objects, computed at the moment of a scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tokenfactory_operator.cache import ObjectCache
from tokenfactory_operator.domain.reasons import ConditionType
from tokenfactory_operator.inventory import Inventory
from tokenfactory_operator.telemetry.gauges import InventorySample


def worst_by_scope(inventories: Iterable[Inventory], now: float) -> list[InventorySample]:
    """One sample for each scope, though several tokens may reach it: the worst of them. `now` is monotonic."""
    worst: dict[str, InventorySample] = {}
    for inventory in inventories:
        age = now - inventory.last_view if inventory.listed_once else None
        sample, before = InventorySample(inventory.scope, len(inventory), age), worst.get(inventory.scope)
        if before is None or (before.age_seconds is not None and (age is None or age > before.age_seconds)):
            worst[inventory.scope] = sample
    return list(worst.values())


def objects_by_ready(cache: ObjectCache) -> Counter[str]:
    """How many objects have each status of `Ready`."""
    return Counter(_ready_status(cache.get(key) or {}) for key in cache)


def _ready_status(body: Any) -> str:  # noqa: ANN401  # a JSON object
    conditions = (body.get("status") or {}).get("conditions") or ()
    return next((item["status"] for item in conditions if item["type"] == ConditionType.READY), "Unknown")
