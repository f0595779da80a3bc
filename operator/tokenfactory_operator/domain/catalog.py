"""The templates that can be deployed, as far as the cloud tells: a help for people, not a gate.

The vendor calls the template answer the source of truth but does not document how it tells the valid combinations; so
what is not told is never held against a spec. The create call is the judge.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Combination:
    """GPU types, GPU counts per replica and regions that go together; an empty tuple means "not told"."""

    gpu_types: tuple[str, ...] = ()
    gpu_counts: tuple[int, ...] = ()
    regions: tuple[str, ...] = ()

    def allows(self, *, gpu_type: str, gpu_count: int, region: str) -> bool:
        """Whether nothing that is told speaks against it."""
        return (
            (not self.gpu_types or gpu_type in self.gpu_types)
            and (not self.gpu_counts or gpu_count in self.gpu_counts)
            and (not self.regions or region in self.regions)
        )


@dataclass(frozen=True)
class Flavor:
    """One way to run a template."""

    name: str
    combinations: tuple[Combination, ...] = ()

    def allows(self, *, gpu_type: str, gpu_count: int, region: str) -> bool:
        """Whether one of the combinations fits, or none is told."""
        return not self.combinations or any(
            combination.allows(gpu_type=gpu_type, gpu_count=gpu_count, region=region)
            for combination in self.combinations
        )


@dataclass(frozen=True)
class Template:
    """A model that can be deployed."""

    name: str
    flavors: tuple[Flavor, ...] = ()

    def flavor(self, name: str) -> Flavor | None:
        """The flavor of that name, if it is told."""
        return next((flavor for flavor in self.flavors if flavor.name == name), None)
