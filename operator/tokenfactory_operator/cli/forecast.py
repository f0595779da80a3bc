"""What applying one manifest would do, in words: of what the API server would store, and of what a rehearsal sends."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tokenfactory_operator.api.v1alpha1 import ManagementPolicy
from tokenfactory_operator.cli.applying import Applied, changes, own_annotations
from tokenfactory_operator.cli.errors import its_words
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.rehearsal.ports import Sent
from tokenfactory_operator.cli.rehearsal.stage import Rehearsed
from tokenfactory_operator.domain.drift import immutable_mismatches
from tokenfactory_operator.domain.errors import KubeError, KubeNotFound
from tokenfactory_operator.domain.identity import text_without_marks
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.kube.errors import ApiServerError, Cause, may_pass
from tokenfactory_operator.ports import Key

IMMUTABLE: Final = ("model", "flavor", "region", "routingKey", "endpointId")
"""Fields of the spec that are refused, once an endpoint may have been made, where they change."""
FORBIDDEN: Final = "FieldValueForbidden"
"""The reason of the CRD's rules against a change, in an answer's causes; what has no valid value has another one."""
ADOPTED: Final = "AdoptedEndpoint"
"""The Event of an adoption."""
MARK: Final = "owner mark"


class Verb(enum.StrEnum):
    """What would happen."""

    CREATE = "create"
    """An endpoint is made."""
    ADOPT = "adopt"
    """An endpoint that exists is taken over."""
    CHANGE = "change"
    """The endpoint is changed."""
    OBSERVE = "observe"
    """The object only looks on."""
    NOTHING = "nothing"
    """The cloud has what the manifest says."""
    PAUSED = "paused"
    """Nothing is sent while the object is paused."""
    WAIT = "wait"
    """Nothing is sent before something else has happened."""
    REPLACE = "replace"
    """It cannot be applied: the object, or its endpoint, has to be made anew."""
    BLOCKED = "blocked"
    """The operator would ask a person."""
    REFUSED = "refused"
    """The API server would not store it."""
    IGNORED = "ignored"
    """The operator does not reconcile the object, so that nothing becomes of it."""
    UNKNOWN = "unknown"
    """It cannot be told, for want of rights or of an answer."""


FAILING: Final = frozenset({Verb.REPLACE, Verb.BLOCKED, Verb.REFUSED, Verb.UNKNOWN})
"""What a person has to put right before it is applied."""


@dataclass(frozen=True)
class FieldChange:
    """One field that would be another one."""

    field: str
    """By its name in the spec, or `owner mark`."""
    before: Any
    """None: it is not there, or not known."""
    after: Any


@dataclass(frozen=True)
class Gpus:
    """GPUs of one endpoint: reserved, and at most."""

    reserved: int = 0
    most: int = 0

    @classmethod
    def of(cls, endpoint: ObservedEndpoint | None) -> Gpus:
        """What it reserves and may use; nothing while it is stopped."""
        if endpoint is None or endpoint.enabled is False:
            return cls()
        each = endpoint.gpu_count or 0
        return cls(each * (endpoint.min_replicas or 0), each * (endpoint.max_replicas or 0))

    def __add__(self, other: Gpus) -> Gpus:
        return Gpus(self.reserved + other.reserved, self.most + other.most)


@dataclass(frozen=True)
class Forecast:
    """One manifest."""

    key: Key
    verb: Verb
    stored: str
    """What becomes of the object: `created`, `changed` or `unchanged`."""
    endpoint_id: str = ""
    changes: tuple[FieldChange, ...] = ()
    reason: str = ""
    """Of the condition that would say it."""
    message: str = ""
    before: Gpus = Gpus()
    after: Gpus = Gpus()
    calls: tuple[str, ...] = ()
    """What the cloud would be sent, as `POST`, `PATCH` or `DELETE`."""
    duplicates: tuple[str, ...] = ()
    """Endpoints that would be deleted, since another one of this object is kept."""

    @property
    def changes_something(self) -> bool:
        """Whether the cluster or the cloud would be another one."""
        return self.stored != "unchanged" or bool(self.calls)


def refused(applied: Applied, error: KubeError, endpoint: ObservedEndpoint | None) -> Forecast:
    """The API server would not store it, or cannot be asked; the endpoint stays."""
    before, wanted = (applied.before or {}).get("spec") or {}, applied.manifest.get("spec") or {}
    frozen = _unchangeable(error)
    return Forecast(
        applied.key,
        Verb.REPLACE if frozen else Verb.REFUSED if _judged(error) else Verb.UNKNOWN,
        "unchanged",
        endpoint_id=((applied.before or {}).get("status") or {}).get("endpointId") or "",
        changes=tuple(FieldChange(name, before.get(name), wanted.get(name)) for name in frozen),
        message=its_words(error),
        before=Gpus.of(endpoint),
        after=Gpus.of(endpoint),
    )


def _unchangeable(error: KubeError) -> tuple[str, ...]:
    """The fields for which another object is needed; none where something else is refused, which comes first."""
    causes = error.causes if isinstance(error, ApiServerError) else frozenset[Cause]()
    found = {name: Cause(FORBIDDEN, f"spec.{name}") for name in IMMUTABLE}
    names = tuple(name for name, cause in found.items() if cause in causes)
    return names if len(names) == len(causes) else ()


def _judged(error: KubeError) -> bool:
    """Whether the API server has looked at what was sent, and will answer the same again."""
    return isinstance(error, (ApiServerError, KubeNotFound)) and not may_pass(error)


def ignored(applied: Applied, cause: str, endpoint: ObservedEndpoint | None) -> Forecast:
    """The object is stored, and the operator does not see it."""
    return Forecast(
        applied.key,
        Verb.IGNORED,
        _stored(applied),
        endpoint_id=((applied.before or {}).get("status") or {}).get("endpointId") or "",
        message=cause,
        before=Gpus.of(endpoint),
        after=Gpus.of(endpoint),
    )


def foretold(applied: Applied, rehearsed: Rehearsed) -> Forecast:
    """What the operator would do with what the API server stores."""
    shown, said = Shown(rehearsed.resource), Shown(rehearsed.resource).why
    verb = _verb(rehearsed, shown)
    reason, message = (said.reason, said.message) if said is not None else ("", "")
    deleted = tuple(each.before.id for each in rehearsed.sent if each.method == "DELETE" and each.before is not None)
    return Forecast(
        applied.key,
        verb,
        _stored(applied),
        endpoint_id="" if verb is Verb.CREATE else rehearsed.resource.status.endpoint_id or "",
        changes=(*_of_the_cloud(rehearsed.sent), *_of_the_object(applied, rehearsed.sent)),
        reason="" if verb in (Verb.CREATE, Verb.CHANGE, Verb.ADOPT, Verb.NOTHING) else reason,
        message="" if verb in (Verb.CREATE, Verb.CHANGE, Verb.ADOPT, Verb.NOTHING) else message,
        before=Gpus.of(rehearsed.found),
        after=Gpus.of(rehearsed.left),
        calls=tuple(each.method for each in rehearsed.sent),
        duplicates=() if rehearsed.resource.terminating else deleted,
    )


def _stored(applied: Applied) -> str:
    if applied.before is None:
        return "created"
    return "changed" if _written(applied.before) != _written(applied.after or {}) else "unchanged"


def _written(body: Mapping[str, Any]) -> tuple[object, ...]:
    """What people write of an object."""
    metadata = body["metadata"]
    lists = (metadata.get("finalizers") or [], metadata.get("ownerReferences") or [])
    return body.get("spec"), metadata.get("labels") or {}, own_annotations(body), *lists


def _verb(rehearsed: Rehearsed, shown: Shown) -> Verb:
    methods = {each.method for each in rehearsed.sent}
    if rehearsed.resource.terminating:
        return Verb.WAIT
    if "POST" in methods:
        return Verb.CREATE
    if ADOPTED in rehearsed.events:
        return Verb.ADOPT
    if methods:
        return Verb.CHANGE
    return _without_a_call(rehearsed, shown)


def _without_a_call(rehearsed: Rehearsed, shown: Shown) -> Verb:
    spec, found = rehearsed.resource.spec, rehearsed.found
    reason = shown.why.reason if shown.why is not None else ""
    if reason == Reason.INVALID_SPEC and spec is not None and found is not None and immutable_mismatches(spec, found):
        return Verb.REPLACE
    if reason == Reason.OBSERVING:
        return Verb.OBSERVE
    if reason == Reason.RECONCILE_PAUSED:
        return Verb.PAUSED
    if shown.stalled is not None and reason != Reason.STOPPED_IN_CONSOLE:
        return Verb.BLOCKED
    synced = shown.condition("Synced")
    if synced is not None and synced.status == "True":
        observes = shown.policy is ManagementPolicy.OBSERVE
        return Verb.OBSERVE if observes else Verb.NOTHING
    return Verb.WAIT


_NAMES: Final[Mapping[str, str]] = {
    "name": "displayName",
    "gpu_type": "gpu.type",
    "gpu_count": "gpu.count",
    "min_replicas": "scaling.minReplicas",
    "max_replicas": "scaling.maxReplicas",
    "enabled": "enabled",
    "custom_weights_id": "customWeightsId",
}
"""Fields of an endpoint that a PATCH changes, by their names in the spec."""


def _of_the_cloud(sent: Iterable[Sent]) -> Iterator[FieldChange]:
    for each in sent:
        if each.method != "PATCH" or each.before is None or each.after is None:
            continue
        for name, field in _NAMES.items():
            before, after = getattr(each.before, name), getattr(each.after, name)
            if before != after:
                yield FieldChange(field, before, after)
        texts = text_without_marks(each.before.description), text_without_marks(each.after.description)
        if texts[0] != texts[1]:
            yield FieldChange("description", *texts)
        if each.before.marks != each.after.marks:
            yield FieldChange(MARK, None, ", ".join(mark.subject for mark in each.after.marks) or "removed")


def _of_the_object(applied: Applied, sent: Iterable[Sent]) -> Iterator[FieldChange]:
    """What changes in the spec of an object that exists, and is no change of the cloud."""
    if applied.before is None or applied.after is None:
        return
    reported = {change.field for change in _of_the_cloud(sent)}
    for field, before, after in changes(applied.before.get("spec"), applied.after.get("spec")):
        if field not in reported:
            yield FieldChange(field, before, after)
