"""Where cloud and spec differ: pure comparison after normalising, never a guess from what was not told.

A field that the spec leaves out is the cloud's, and a field that the answer left out proves no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenfactory_operator.api.v1alpha1 import NotAccepted, Spec
from tokenfactory_operator.domain.desired import description_for
from tokenfactory_operator.domain.errors import bounded, visible
from tokenfactory_operator.domain.identity import OwnerMark, text_without_marks
from tokenfactory_operator.domain.observed import EndpointPatch, ObservedEndpoint


@dataclass(frozen=True)
class Difference:
    """One field of the PATCH that the cloud has otherwise."""

    field: str
    """Name in `EndpointPatch`."""
    observed: object
    desired: object

    @property
    def reported(self) -> NotAccepted:
        """What the status remembers of it, where it is given up."""
        return NotAccepted(field=self.field, observed=bounded(_shown(self.observed)))

    def __str__(self) -> str:
        return f"{self.field}: the cloud has {_shown(self.observed)}, the spec says {_shown(self.desired)}"


def _shown(value: object) -> str:
    """For people: a pair is the range of replicas."""
    if isinstance(value, tuple):
        low, high = ("?" if bound is None else bound for bound in value)
        return f"{low} to {high} replicas"
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else visible(str(value))


@dataclass(frozen=True)
class Drift:
    """All differences of one endpoint to its spec."""

    differences: tuple[Difference, ...]
    patch: EndpointPatch

    def __bool__(self) -> bool:
        return bool(self.differences)


def _folded(text: str) -> str:
    return " ".join(text.split())


def _same_word(observed: str, desired: str) -> bool:
    return observed.strip().casefold() == desired.strip().casefold()


def _name(spec: Spec, seen: ObservedEndpoint) -> Difference | None:
    if spec.display_name is None or seen.name is None or _folded(seen.name) == _folded(spec.display_name):
        return None
    return Difference("name", seen.name, spec.display_name)


def _description(spec: Spec, seen: ObservedEndpoint, mark: OwnerMark | None) -> Difference | None:
    if seen.description is None:
        return None
    desired = description_for(spec, seen, mark) if mark else spec.description
    marked = mark is None or mark in seen.marks
    text_differs = spec.description is not None and text_without_marks(seen.description) != _folded(spec.description)
    if marked and not text_differs:
        return None
    return Difference("description", seen.description, desired)


def _gpu(spec: Spec, seen: ObservedEndpoint) -> tuple[Difference, ...]:
    pairs = (("gpu_type", seen.gpu_type, spec.gpu.type), ("gpu_count", seen.gpu_count, spec.gpu.count))
    differs = (seen.gpu_type is not None and not _same_word(seen.gpu_type, spec.gpu.type)) or (
        seen.gpu_count is not None and seen.gpu_count != spec.gpu.count
    )
    return tuple(Difference(field, observed, desired) for field, observed, desired in pairs) if differs else ()


def _scaling(spec: Spec, seen: ObservedEndpoint) -> Difference | None:
    desired = (spec.scaling.min_replicas, spec.scaling.max_replicas)
    reported = (seen.min_replicas, seen.max_replicas)
    if all(have is None or have == want for have, want in zip(reported, desired, strict=True)):
        return None
    return Difference("scaling", reported, desired)


def _enabled(spec: Spec, seen: ObservedEndpoint) -> Difference | None:
    if spec.enabled is None or seen.enabled is None or spec.enabled == seen.enabled:
        return None
    return Difference("enabled", seen.enabled, spec.enabled)


def _custom_weights(spec: Spec, seen: ObservedEndpoint) -> Difference | None:
    if spec.custom_weights_id is None or seen.custom_weights_id is None:
        return None
    if seen.custom_weights_id == spec.custom_weights_id:
        return None
    return Difference("custom_weights_id", seen.custom_weights_id, spec.custom_weights_id)


def drift(spec: Spec, seen: ObservedEndpoint, mark: OwnerMark | None) -> Drift:
    """What a PATCH must say; GPU type and count go together, scaling goes whole (design: Drift).

    Without a `mark` only the text of the description counts: what is merely observed carries no mark of ours.
    """
    single = (
        _name(spec, seen),
        _description(spec, seen, mark),
        _scaling(spec, seen),
        _enabled(spec, seen),
        _custom_weights(spec, seen),
    )
    differences = (*(item for item in single if item is not None), *_gpu(spec, seen))
    return Drift(differences, EndpointPatch(**{item.field: item.desired for item in differences}))  # type: ignore[arg-type]  # each field's value comes from the spec field of its type


def _mismatch(name: str, have: str, want: str) -> str:
    return f"{name}: the endpoint has {visible(have)}, the spec says {want}"


def _same_model(observed: str, desired: str) -> bool:
    """One model in two spellings: case and punctuation apart, and with or without who made it."""
    have, want = (
        ["".join(filter(str.isalnum, part)).casefold() for part in name.rsplit("/", 1)] for name in (observed, desired)
    )
    return have == want or (len(have) != len(want) and have[-1] == want[-1] != "")


def immutable_mismatches(spec: Spec, seen: ObservedEndpoint) -> tuple[str, ...]:
    """Fields that the API cannot change and that differ, as sentences."""
    fields = (
        ("flavor", seen.flavor_name, spec.flavor),
        ("region", seen.region, spec.region),
        ("routingKey", seen.routing_key if spec.routing_key else None, spec.routing_key),
    )
    reported = seen.model_name
    model = () if reported is None or _same_model(reported, spec.model) else (_mismatch("model", reported, spec.model),)
    return model + tuple(
        _mismatch(name, have, want)
        for name, have, want in fields
        if have is not None and want is not None and not _same_word(have, want)
    )
