"""Reading one stored object: conditions and status without None-checks in every test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tokenfactory_operator.api import v1alpha1 as api

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """One condition; all fields are empty where the object does not have it."""

    status: str = ""
    reason: str = ""
    message: str = ""
    generation: int = 0


@dataclass(frozen=True)
class View:
    """An object as it was read."""

    body: JsonObject

    @property
    def generation(self) -> int:
        """Of the spec."""
        number: int = self.body["metadata"]["generation"]
        return number

    @property
    def uid(self) -> str:
        """Of the object."""
        text: str = self.body["metadata"]["uid"]
        return text

    @property
    def version(self) -> str:
        """The resourceVersion: the same as long as nobody writes."""
        text: str = self.body["metadata"]["resourceVersion"]
        return text

    @property
    def terminating(self) -> bool:
        """Whether its deletion has begun."""
        return "deletionTimestamp" in self.body["metadata"]

    @property
    def held(self) -> bool:
        """Whether it has the operator's finalizer."""
        return api.FINALIZER in self.body["metadata"].get("finalizers", [])

    @property
    def status(self) -> JsonObject:
        """The status; empty before the first write."""
        status: JsonObject = self.body.get("status") or {}
        return status

    @property
    def observed_generation(self) -> int:
        """-1 before anything was judged."""
        number: int = self.status.get("observedGeneration", -1)
        return number

    @property
    def endpoint_id(self) -> str:
        """As the status names it; empty if it does not."""
        text: str = self.status.get("endpointId", "")
        return text

    def said(self, kind: str) -> Said:
        """The condition of this type; where it refers to another one, with that one's message."""
        by_type = {item["type"]: item for item in self.status.get("conditions", [])}
        item = by_type.get(kind)
        if item is None:
            return Said()
        reported = by_type.get(item["message"].removeprefix("See the condition ").removesuffix("."), item)
        return Said(item["status"], item["reason"], reported["message"], item.get("observedGeneration", 0))

    @property
    def ready(self) -> bool:
        """Ready at the present generation."""
        said = self.said("Ready")
        return (said.status, said.generation) == ("True", self.generation) and self.settled

    @property
    def settled(self) -> bool:
        """The present generation was judged."""
        return self.observed_generation == self.generation

    def summary(self) -> str:
        """For messages of failed assertions."""
        conditions = "; ".join(
            f"{item['type']}={item['status']} {item['reason']}: {item['message']}"
            for item in self.status.get("conditions", [])
        )
        name = self.body["metadata"]["name"]
        return f"{name} at generation {self.generation}, observed {self.observed_generation}: {conditions or 'nothing'}"
