"""The input of a decision, as it comes about: an object, LISTs into an inventory, what this process did and saw."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Self

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.attempt import Attempt, Event, State
from tokenfactory_operator.domain.call_memory import Failure
from tokenfactory_operator.domain.catalog import Catalog
from tokenfactory_operator.domain.decision_input import DecisionInput, Evidence, Known, Outage, Policy
from tokenfactory_operator.domain.errors import OperatorError
from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.domain.observed import EndpointList, ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.loop.gathering import gather, note
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.evidence import evidence_for
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.projects import Projects
from tokenfactory_operator.state.sequence import SequenceClock
from unit.support.builders import CLUSTER, IDENTITY, SAME_SETTLE, SCOPE, UID, an_object
from unit.support.clock import ManualClock


def an_inventory(clock: ManualClock, timing: Timing | None = None) -> Inventory:
    """An empty inventory of the scope that objects are recorded in."""
    return Inventory(scope=SCOPE, cluster_id=CLUSTER, sequence=SequenceClock(clock), timing=timing or Timing())


@dataclass
class Scene:
    """Every method changes it and answers it, so that a table's row reads as a story."""

    clock: ManualClock = field(default_factory=ManualClock)
    timing: Timing = SAME_SETTLE
    body: Any = field(default_factory=an_object)
    memory: Memory = field(default_factory=lambda: Memory(UID))
    policy: Policy = field(default_factory=Policy)
    catalog: Catalog = field(default_factory=lambda: Catalog(read=math.inf))
    """Just read, and silent."""
    claimed_by: str = ""

    def __post_init__(self) -> None:
        self.inventory = an_inventory(self.clock, self.timing)
        self.projects = Projects(ObjectCache())

    # The object

    def spec(self, **changes: Any) -> Self:  # noqa: ANN401  # fields of the wire
        """Another spec, by Kubernetes names."""
        self.body["spec"].update(changes)
        return self

    def held(self) -> Self:
        """With our finalizer, first seen now."""
        self.body["metadata"]["finalizers"] = [api.FINALIZER]
        self.memory.attempts.finalizer_seen(self.inventory.stamp())
        return self

    def terminating(self) -> Self:
        """Deleted by a user, and still held."""
        self.body["metadata"]["deletionTimestamp"] = "2025-01-01T12:00:00Z"
        return self

    def annotated(self, annotation: str, value: str = "true") -> Self:
        """With an annotation, first seen now."""
        self.body["metadata"].setdefault("annotations", {})[annotation] = value
        self.memory.request.news(value, self.inventory.stamp())
        return self

    def status(self, **fields: Any) -> Self:  # noqa: ANN401  # fields of the wire
        """A written status of this object in this scope, unless told otherwise."""
        self.body["status"] = {"observedGeneration": 1, "uid": UID, "scope": SCOPE, **fields}
        return self

    def attempt_written(self, attempt_id: str = "a1", state: str = "Pending", **fields: Any) -> Self:  # noqa: ANN401  # as above
        """A status that tells of an attempt."""
        return self.status(createAttempt={"id": attempt_id, "state": state}, **fields)

    def recorded(self, endpoint_id: str = "ep-1", **fields: Any) -> Self:  # noqa: ANN401  # as above
        """Held for long, and its endpoint written down as made by attempt a1."""
        self.memory.attempts.finalizer_seen(self.clock.seconds - 3600.0)
        self.held()
        return self.attempt_written("a1", "Created", endpointId=endpoint_id, **fields)

    def stalled_before(self, reason: Reason, message: str = "said before") -> Self:
        """The written status says that a human must act."""
        self.body["status"]["conditions"] = [
            {"type": kind, "status": status, "reason": reason, "message": message}
            for kind, status in (("Synced", "False"), ("Stalled", "True"))
        ]
        return self

    def may(self, *, adopt: bool = False, adopt_recreated: bool = False) -> Self:
        """The settings allow it this."""
        self.policy = Policy(may_adopt=adopt, adopt_recreated=adopt_recreated)
        return self

    def claimed(self, by: str = "ml/other") -> Self:
        """Another object has, or is adopting, the endpoint that this one wants."""
        self.claimed_by = by
        return self

    # The cloud

    def saw_mark(self, endpoint_id: str = "ep-1") -> Self:
        """This process has seen the object's mark on it before."""
        self.memory.endpoints.seen(endpoint_id, marked=True)
        return self

    def wait(self, seconds: float) -> Self:
        """Time goes by."""
        self.clock.seconds += seconds
        return self

    def lists(self, *endpoints: ObservedEndpoint, complete: bool = True) -> Self:
        """A LIST that takes a second."""
        begun = self.inventory.stamp()
        self.clock.seconds += 1.0
        self.inventory.listed(begun, EndpointList(endpoints, view=complete))
        return self

    def noted(self, *endpoints: ObservedEndpoint) -> Self:
        """A LIST, and a pass that sees what it shows."""
        self.lists(*endpoints).situation()
        return self

    def settles(self, *endpoints: ObservedEndpoint, seconds: float = 61.0) -> Self:
        """Two LISTs that show the same, so far apart."""
        return self.lists(*endpoints).wait(seconds).lists(*endpoints)

    def outage(self, *, blind: bool = False) -> Self:
        """The poller has announced that the cloud is not seen."""
        self.inventory.outage = Outage(Reason.CLOUD_UNAVAILABLE, "not listed", blind=blind)
        return self

    def hides(self) -> Self:
        """Another endpoint answers by id though no LIST shows it: the inventory is not trusted."""
        self.inventory.found_by_id(ObservedEndpoint("ep-hidden"))
        return self

    # This process

    def attempted(self, state: State, *, attempt_id: str = "a1", endpoint_id: str = "", after_unknown: int = 0) -> Self:
        """This process opened an attempt, whose call has just ended."""
        ended = self.inventory.stamp()
        if endpoint_id:  # the cloud has answered with it
            self.memory.attempts.opened(Attempt(attempt_id, State.IN_DOUBT, after_unknown=after_unknown))
            self.memory.attempts.happened(Event.CREATED, ended=ended, endpoint_id=endpoint_id)
            self.memory.endpoints.seen(endpoint_id, ended)
        else:
            self.memory.attempts.opened(Attempt(attempt_id, state, ended=ended, after_unknown=after_unknown))
        return self

    def failed(self, action: str, error: OperatorError, *, wait: float = 10.0) -> Self:
        """A call of this process has just failed."""
        now = self.inventory.stamp()
        self.memory.calls.failed(Failure(error, 1, now + wait, "", action, now))
        return self

    def deleted(self, *endpoint_ids: str) -> Self:
        """DELETE has just been answered for these."""
        for endpoint_id in endpoint_ids:
            ended = self.inventory.delete_answered(endpoint_id)
            self.memory.endpoints.delete_answered(endpoint_id, ended)
            self.memory.calls.answered(ended)
        return self

    def finds(self, endpoint: ObservedEndpoint) -> Self:
        """GET by id has just answered so."""
        self.memory.endpoints.probe_begun(endpoint.id, self.inventory.stamp())
        self.inventory.found_by_id(endpoint)
        return self

    def looked(self, endpoint_id: str = "ep-1") -> Self:
        """GET by id has just answered 404."""
        self.memory.endpoints.probe_begun(endpoint_id, self.inventory.stamp())
        self.memory.endpoints.look_answered(endpoint_id)
        self.inventory.lost_sight(endpoint_id)
        return self

    def gone(self, endpoint_id: str = "ep-1") -> Self:
        """PATCH by id has just answered 404."""
        self.inventory.proven_gone(endpoint_id)
        self.memory.endpoints.proven_gone(endpoint_id, self.inventory.stamp())
        return self

    def word(self, doubt: Reason = Reason.INVENTORY_UNTRUSTED) -> Self:
        """A person has answered a doubt."""
        self.memory.doubt_confirmed(doubt)
        return self

    # What comes of it

    @property
    def resource(self) -> Resource:
        """The object as it is parsed."""
        return parse(self.body)

    def situation(self) -> DecisionInput:
        """Noted and gathered as a pass does it."""
        known = Known(self.resource, IDENTITY, self.memory, self.timing, self.inventory.stamp())
        note(known, self.inventory, self.projects)
        return gather(
            known,
            self.inventory,
            self.projects,
            policy=self.policy,
            catalog=self.catalog,
            claimed_by=lambda _: self.claimed_by,
        )


def evidence(scene: Scene, recorded: str = "ep-1", attempt: str = "a1") -> Evidence:
    """What the inventory knows of the scene's object, whose status names this endpoint and this attempt."""
    return evidence_for(scene.inventory, scene.resource, recorded=recorded, attempt=attempt)
