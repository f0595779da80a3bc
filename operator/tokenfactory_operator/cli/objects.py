"""A `DedicatedEndpoint` as people are shown it: what its status says, and nothing that is concluded anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from tokenfactory_operator.api.v1alpha1 import Condition, CreateAttempt, ManagementPolicy
from tokenfactory_operator.domain.reasons import ConditionType
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.report.telling import reported_in_full

ORDER: Final = tuple(
    map(
        str,
        (
            ConditionType.STALLED,
            ConditionType.RECONCILING,
            ConditionType.SYNCED,
            ConditionType.READY,
            ConditionType.SERVING,
        ),
    )
)
"""The order in which conditions are read (docs/troubleshooting.md, Read a status)."""


@dataclass(frozen=True)
class Shown:
    """One object."""

    resource: Resource

    @classmethod
    def of(cls, body: JsonObject) -> Self:
        """As the API server sends it."""
        return cls(parse(body))

    @property
    def key(self) -> Key:
        """Its place."""
        return Key(self.resource.namespace, self.resource.name)

    @property
    def uid(self) -> str:
        """Its uid."""
        return self.resource.uid

    @property
    def generation(self) -> int:
        """The version of its spec."""
        return self.resource.generation

    @property
    def judged(self) -> bool:
        """Whether the status speaks of the present spec."""
        return self.resource.status.observed_generation == self.generation

    @property
    def deleted_at(self) -> str:
        """Since when it is being deleted; empty if it is not."""
        return str(self.resource.body["metadata"].get("deletionTimestamp") or "")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """In the order in which to read them, each with its own message."""
        return tuple(sorted(reported_in_full(self.resource.status.conditions).values(), key=_rank))

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type."""
        return next((item for item in self.conditions if item.type == kind), None)

    @property
    def stalled(self) -> Condition | None:
        """The condition that asks a person to act, if one does."""
        found = self.condition(ConditionType.STALLED)
        return found if found is not None and found.status == "True" else None

    @property
    def ready(self) -> bool:
        """Ready at its present generation."""
        found = self.condition(ConditionType.READY)
        return found is not None and found.status == "True" and self.judged and not self.deleted_at

    @property
    def state(self) -> str:
        """In two words at most: how it stands."""
        if self.deleted_at:
            return "being deleted"
        if self.stalled:
            return "stalled"
        if self.resource.paused:
            return "paused"
        return "Ready" if self.ready else "in progress"

    @property
    def why(self) -> Condition | None:
        """The condition that says most: what asks a person, else what is in the way, else what is awaited."""
        synced = self.condition(ConditionType.SYNCED)
        in_the_way = synced if synced is not None and synced.status != "True" else None
        return self.stalled or in_the_way or self.condition(ConditionType.READY)

    @property
    def attempt(self) -> CreateAttempt | None:
        """The latest attempt to create."""
        return self.resource.status.create_attempt

    @property
    def endpoint_id(self) -> str:
        """The endpoint that the status names."""
        return self.resource.status.endpoint_id or ""

    @property
    def named_id(self) -> str:
        """The endpoint that the spec names."""
        return self.resource.named_id

    @property
    def policy(self) -> ManagementPolicy:
        """Whether the operator may change the cloud for it."""
        return self.resource.management_policy


def _rank(condition: Condition) -> int:
    return ORDER.index(condition.type) if condition.type in ORDER else len(ORDER)
