"""What kubectl shows of the demo's objects; nothing is judged here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.install import CRD, NAMESPACE
from demo.target import Target


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition of an object."""

    status: str
    reason: str
    message: str
    generation: int | None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One object as it is now."""

    name: str
    uid: str
    version: str
    generation: int
    deleting: bool
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    conditions: Mapping[str, Condition]

    @property
    def ready(self) -> bool:
        """`Ready=True`, said of the present generation."""
        condition = self.conditions.get("Ready")
        observed = self.status.get("observedGeneration")
        return condition is not None and condition.status == "True" and observed == self.generation

    @property
    def complaint(self) -> str:
        """Why the cloud is not as the spec says, where the operator says so; in the demo nothing is to go wrong."""
        condition = self.conditions.get("Synced")
        if condition is None or condition.status != "False":
            return ""
        return f"{self.name}: Synced=False, {condition.reason}: {condition.message}"


def read(target: Target) -> tuple[Shown, ...]:
    """All objects, by name."""
    items = json.loads(target.kubectl("get", CRD, "-n", NAMESPACE, "-o", "json").stdout)["items"]
    return tuple(_shown(item) for item in sorted(items, key=lambda item: item["metadata"]["name"]))


def _shown(item: Mapping[str, Any]) -> Shown:
    metadata, status = item["metadata"], item.get("status") or {}
    return Shown(
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        generation=metadata["generation"],
        deleting="deletionTimestamp" in metadata,
        spec=item["spec"],
        status=status,
        conditions={entry["type"]: _condition(entry) for entry in status.get("conditions", ())},
    )


def _condition(entry: Mapping[str, Any]) -> Condition:
    return Condition(
        status=entry["status"],
        reason=entry["reason"],
        message=entry["message"],
        generation=entry.get("observedGeneration"),
    )
