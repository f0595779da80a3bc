"""The templates that can be deployed, as far as the cloud tells, and what of a spec they rule out.

The vendor calls the template answer the source of truth for valid combinations, but does not document how it tells
them. So what is not told is never held against a spec: then the create call is the judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from tokenfactory_operator.domain.timing import NEVER

FRESH: Final = 3600.0
"""Seconds for which a catalog is good."""
AGAIN: Final = 60.0
"""Seconds after which it is read again, where it rules a spec out or could not be read."""
SHOWN: Final = 4
"""How many combinations, or names, a message tells."""


@dataclass(frozen=True)
class Wanted:
    """What a spec asks for, in its own terms."""

    model: str
    flavor: str
    region: str
    gpu_type: str
    gpu_count: int
    max_replicas: int


@dataclass(frozen=True)
class Combination:
    """GPU types, GPU counts per replica and regions that go together; an empty tuple or None means "not told"."""

    gpu_types: tuple[str, ...] = ()
    gpu_counts: tuple[int, ...] = ()
    regions: tuple[str, ...] = ()
    max_replicas: int | None = None

    def objections(self, wanted: Wanted) -> tuple[str, ...]:
        """What the spec says and this combination does not have, that first which is changed most easily."""
        most = self.max_replicas
        rows = (
            (f"scaling.maxReplicas {wanted.max_replicas}", most is None or wanted.max_replicas <= most),
            (f"gpu.count {wanted.gpu_count}", not self.gpu_counts or wanted.gpu_count in self.gpu_counts),
            (f"region {wanted.region}", not self.regions or wanted.region in self.regions),
            (f"gpu.type {wanted.gpu_type}", not self.gpu_types or wanted.gpu_type in self.gpu_types),
        )
        return tuple(said for said, fits in rows if not fits)

    def __str__(self) -> str:
        parts = (
            ("gpu.type", " or ".join(self.gpu_types)),
            ("gpu.count", ", ".join(map(str, self.gpu_counts))),
            ("region", ", ".join(self.regions)),
            ("scaling.maxReplicas", f"up to {self.max_replicas}" if self.max_replicas is not None else ""),
        )
        return "; ".join(f"{name} {value}" for name, value in parts if value)


@dataclass(frozen=True)
class Flavor:
    """One way to run a template."""

    name: str
    combinations: tuple[Combination, ...] = ()

    def allows(self, wanted: Wanted) -> bool:
        """Whether one of the combinations fits, or none is told."""
        return not self.combinations or not all(combination.objections(wanted) for combination in self.combinations)


@dataclass(frozen=True)
class Template:
    """A model that can be deployed."""

    name: str
    flavors: tuple[Flavor, ...] = ()

    def flavor(self, name: str) -> Flavor | None:
        """The flavor of that name, if it is told."""
        return next((flavor for flavor in self.flavors if flavor.name == name), None)


@dataclass(frozen=True)
class Catalog:
    """What one credential's catalog told last; times are stamps, in seconds."""

    templates: tuple[Template, ...] = ()
    """Empty: nothing is known."""
    read: float = NEVER
    """When it was read last."""
    tried: float = NEVER
    """When it was to be read last, with whatever outcome."""

    def due(self, now: float) -> bool:
        """Whether it is time to read it."""
        return now - self.read >= FRESH and now - self.tried >= AGAIN

    def template(self, model: str) -> Template | None:
        """The template of that name, if it is told."""
        return next((template for template in self.templates if template.name == model), None)

    def mismatch(self, wanted: Wanted) -> str:
        """Why nothing can be created for a spec, with what could be; empty where nothing speaks against it."""
        if not self.templates:
            return ""
        template = self.template(wanted.model)
        if template is None:
            return f'spec.model "{wanted.model}" is not in the catalog. {_instead(wanted.model, self.templates)}'
        if not template.flavors:
            return ""
        flavor = template.flavor(wanted.flavor)
        if flavor is None:
            text = f'spec.flavor "{wanted.flavor}" is not in the catalog for {wanted.model}.'
            return f"{text} {_instead(wanted.flavor, template.flavors)}"
        return "" if flavor.allows(wanted) else _no_combination(flavor, wanted)

    def change_mismatch(self, wanted: Wanted) -> str:
        """The same for a change of GPUs or replicas of what runs: a model that is no longer offered blocks nothing."""
        template = self.template(wanted.model)
        flavor = template.flavor(wanted.flavor) if template is not None else None
        if flavor is None or flavor.allows(wanted):
            return ""
        # Its region is not changed: what the catalog no longer says of it blocks nothing either.
        regions = {region for each in flavor.combinations for region in each.regions}
        return _no_combination(flavor, wanted) if not regions or wanted.region in regions else ""


UNREAD: Final = Catalog()


def _instead(given: str, offered: Sequence[Template | Flavor]) -> str:
    """What may have been meant, and what there is."""
    names = [each.name for each in offered]
    by_case = {name.lower(): name for name in names}
    close = [by_case[name] for name in get_close_matches(given.lower(), by_case, n=1, cutoff=0.6)]
    meant = f'Did you mean "{close[0]}"? ' if close else ""
    rest = [name for name in names if name not in close]
    return f"{meant}{'Others' if close else 'There'} are: {_some(rest)}." if rest else meant.strip()


def _no_combination(flavor: Flavor, wanted: Wanted) -> str:
    def changes(each: Combination) -> tuple[int, int]:
        """How many the spec needs for it, and how large the one of the GPU count is."""
        counts = (abs(count - wanted.gpu_count) for count in each.gpu_counts)
        return len(each.objections(wanted)), min(counts, default=0)

    nearest = sorted(flavor.combinations, key=changes)
    wrong = " and ".join(nearest[0].objections(wanted))
    text = f"The catalog does not offer {wrong} for {wanted.model}, flavor {wanted.flavor}."
    offered = dict.fromkeys(filter(None, map(str, nearest)))
    return f"{text} It offers: {_some(offered, between=' | ')}."


def _some(names: Iterable[str], *, between: str = ", ") -> str:
    every = list(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return between.join(every[:SHOWN]) + more
