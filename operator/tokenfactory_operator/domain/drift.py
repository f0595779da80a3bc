"""Where cloud and spec differ: pure comparison after normalising, never a guess from what was not told.

A field that the spec leaves out is the cloud's, and a field that the answer left out proves no difference. Nor does it
prove that there is none: `untold` names those.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tokenfactory_operator.api.v1alpha1 import NotAccepted, Spec
from tokenfactory_operator.domain.desired import description_for
from tokenfactory_operator.domain.errors import bounded, visible
from tokenfactory_operator.domain.identity import OwnerMark, text_without_marks
from tokenfactory_operator.domain.observed import EndpointPatch, ObservedEndpoint, spelled

_PUNCTUATION: Final = re.compile(r"[\W_]+")
_APART: Final = re.compile(r"(?<!\d)-|-(?!\d)")


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
    if value is None:
        return "nothing that can be read"
    if isinstance(value, tuple):
        low, high = ("?" if bound is None else bound for bound in value)
        return f"{low} to {high} replicas"
    return str(value).lower() if isinstance(value, bool) else visible(str(value))


def _folded(text: str) -> str:
    return " ".join(text.split())


def _letters(text: str) -> str:
    """Without case and punctuation, except that two numbers do not become one: `2.5-7b` is not `2-57b`."""
    return _APART.sub("", _PUNCTUATION.sub("-", text)).casefold()


def _same_kind(observed: str, desired: str) -> bool:
    """One entry of the catalog, such as a GPU type or a region, in two spellings."""
    return _letters(observed) == _letters(desired)


def _same_word(observed: str, desired: str) -> bool:
    return observed.strip().casefold() == desired.strip().casefold()


def _plain(field: str, observed: object, desired: object, *, same: bool = False) -> tuple[Difference, ...]:
    """Of a value that stands for itself; `same`: though it is written otherwise."""
    if observed is None or desired is None or same or observed == desired:
        return ()
    return (Difference(field, observed, desired),)


def _description(spec: Spec, seen: ObservedEndpoint, mark: OwnerMark | None) -> tuple[Difference, ...]:
    if seen.description is None:
        return ()
    desired = description_for(spec, seen, mark) if mark else spec.description
    marked = mark is None or mark in seen.marks
    text_differs = spec.description is not None and text_without_marks(seen.description) != _folded(spec.description)
    return (Difference("description", seen.description, desired),) if text_differs or not marked else ()


def _gpu(spec: Spec, seen: ObservedEndpoint) -> tuple[Difference, ...]:
    """Both, where one of them differs."""
    same_type = seen.gpu_type is None or _same_kind(seen.gpu_type, spec.gpu.type)
    if same_type and seen.gpu_count in (None, spec.gpu.count):
        return ()
    pairs = (("gpu_type", seen.gpu_type, spec.gpu.type), ("gpu_count", seen.gpu_count, spec.gpu.count))
    return tuple(Difference(*pair) for pair in pairs)


def drift(spec: Spec, seen: ObservedEndpoint, mark: OwnerMark | None) -> tuple[Difference, ...]:
    """What a PATCH must say; GPU type and count go together, scaling goes whole (design: Drift).

    Without a `mark` only the text of the description counts: what is merely observed carries no mark of ours.
    """
    replicas, wanted = (seen.min_replicas, seen.max_replicas), (spec.scaling.min_replicas, spec.scaling.max_replicas)
    enough = all(have is None or have == want for have, want in zip(replicas, wanted, strict=True))
    named = _folded(seen.name or "") == _folded(spec.display_name or "")
    return (
        *_plain("name", seen.name, spec.display_name, same=named),
        *_description(spec, seen, mark),
        *_plain("scaling", replicas, wanted, same=enough),
        *_plain("enabled", seen.enabled, spec.enabled),
        *_plain("custom_weights_id", seen.custom_weights_id, spec.custom_weights_id),
        *_gpu(spec, seen),
    )


def untold(spec: Spec, seen: ObservedEndpoint) -> tuple[Difference, ...]:
    """What the spec says and the answer does not tell, or in no form that can be read."""
    wanted: tuple[tuple[str, tuple[object, ...], object], ...] = (
        ("name", (seen.name,), spec.display_name),
        ("description", (seen.description,), spec.description or None),
        ("scaling", (seen.min_replicas, seen.max_replicas), (spec.scaling.min_replicas, spec.scaling.max_replicas)),
        ("enabled", (None if seen.enabled is None and not _evident(spec, seen) else True,), spec.enabled),
        ("custom_weights_id", (seen.custom_weights_id,), spec.custom_weights_id or None),
        ("gpu_type", (seen.gpu_type, seen.gpu_count), spec.gpu.type),
        ("gpu_count", (seen.gpu_type, seen.gpu_count), spec.gpu.count),
    )
    return tuple(Difference(name, None, value) for name, have, value in wanted if value is not None and None in have)


def _evident(spec: Spec, seen: ObservedEndpoint) -> bool:
    """Whether what the endpoint does shows that it is enabled, or stopped, as the spec says."""
    return seen.serves if spec.enabled else spelled(seen.status) == "stopped"


def patch_of(differences: tuple[Difference, ...]) -> EndpointPatch:
    """The PATCH that ends them."""
    return EndpointPatch(**{item.field: item.desired for item in differences})  # type: ignore[arg-type]  # each field's value comes from the spec field of its type


def _same_model(observed: str, desired: str) -> bool:
    """One model in two spellings: case and punctuation apart, and with or without who made it, or where it is kept."""
    have, want = ([_letters(part) for part in name.split("/")] for name in (observed, desired))
    shared = min(len(have), len(want))
    return have[-shared:] == want[-shared:] != [""]


def immutable_mismatches(spec: Spec, seen: ObservedEndpoint) -> tuple[str, ...]:
    """Fields that the API cannot change and that differ, as sentences."""
    return tuple(
        f"{name}: the endpoint has {visible(have)}, the spec says {want}"
        for name, have, want, same in _immutable(spec, seen)
        if have is not None and not same(have, want)
    )


def immutable_untold(spec: Spec, seen: ObservedEndpoint) -> tuple[str, ...]:
    """Names of the fields that the API cannot change, that the spec says and the answer does not tell."""
    return tuple(name for name, have, _, _ in _immutable(spec, seen) if have is None)


def _immutable(
    spec: Spec, seen: ObservedEndpoint
) -> tuple[tuple[str, str | None, str, Callable[[str, str], bool]], ...]:
    """Name, what the endpoint has, what the spec says, and how the two are compared; only of what the spec says."""
    fields = (
        ("model", seen.model_name, spec.model, _same_model),
        ("flavor", seen.flavor_name, spec.flavor, _same_kind),
        ("region", seen.region, spec.region, _same_kind),
        ("routingKey", seen.routing_key, spec.routing_key or None, _same_word),
    )
    return tuple((name, have, want, same) for name, have, want, same in fields if want is not None)
