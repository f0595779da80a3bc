"""What goes together in the cloud's catalog, narrowed step by step: the choices that are left for the next field.

Nothing is judged here that `domain.catalog` judges; a catalog that tells nothing of a field leaves every value open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from tokenfactory_operator.domain.catalog import Catalog, Combination

FIELDS: Final = ("model", "flavor", "gpu", "count", "region")
"""In the order in which they are chosen."""


@dataclass(frozen=True)
class Choice:
    """What has been chosen so far; empty, and 0, are not chosen yet."""

    model: str = ""
    flavor: str = ""
    gpu: str = ""
    count: int = 0
    region: str = ""

    def having(self, field: str, value: str) -> Choice:
        """With one more field. Raises `ValueError` for a count that is no number."""
        named: dict[str, Any] = {field: int(value) if field == "count" else value}
        return replace(self, **named)

    def missing(self) -> Iterator[str]:
        """What is not chosen yet."""
        return (field for field in FIELDS if not getattr(self, field))


def choices(catalog: Catalog, chosen: Choice, field: str) -> tuple[str, ...]:
    """The values that `field` can still have; empty where the catalog does not tell."""
    if field == "model":
        return tuple(template.name for template in catalog.templates)
    template = catalog.template(chosen.model)
    if template is None:
        return ()
    if field == "flavor":
        return tuple(flavor.name for flavor in template.flavors)
    flavor = template.flavor(chosen.flavor)
    fitting = [each for each in (flavor.combinations if flavor else ()) if _fits(each, chosen, field)]
    values = (value for each in fitting for value in _values(each, field))
    return tuple(dict.fromkeys(values))


def _values(each: Combination, field: str) -> Iterable[str]:
    reported = {"gpu": each.gpu_types, "count": tuple(map(str, each.gpu_counts)), "region": each.regions}
    return reported[field]


def _fits(each: Combination, chosen: Choice, field: str) -> bool:
    """Whether it has what was chosen of the other fields, or does not tell."""
    picked = {"gpu": chosen.gpu, "count": str(chosen.count or ""), "region": chosen.region}
    return all(
        not value or name == field or not tuple(_values(each, name)) or value in _values(each, name)
        for name, value in picked.items()
    )
