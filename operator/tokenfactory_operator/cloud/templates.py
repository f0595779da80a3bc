"""The templates answer, read leniently: the vendor's pages do not show its inner form, so every form seen is read.

Seen are: `available_configurations.gpu_configurations` as a map of GPU type to details, or as a list of objects with
`gpu_type`; flavors as a map or as a list; older forms with `gpu_types`, `gpu_counts`, `regions` in lists or singly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tokenfactory_operator.cloud.wire import JsonMap, count, mapping, text
from tokenfactory_operator.domain.catalog import Combination, Flavor, Template

MOST: Final = 1000
"""Templates, and combinations of a flavor, that are read: the rest is not told."""
_TYPES: Final = ("gpu_type", "gpu_types")
_COUNTS: Final = ("allowed_gpu_counts", "gpu_count", "gpu_counts")
_REGIONS: Final = ("allowed_regions", "region", "regions")
_REPLICAS: Final = "max_replicas_allowed"
_DETAILS: Final = (*_TYPES, *_COUNTS, *_REGIONS, _REPLICAS)
_BY_TYPE: Final = "gpu_configurations"


def parse_templates(answer: object) -> tuple[Template, ...] | None:
    """`{"data": […]}`, the older `{"templates": […]}` or a bare list; `None` for any other shape.

    A success that carries an error is none: what it lists may be a part.
    """
    if isinstance(answer, Mapping):
        if answer.get("error"):
            return None
        answer = next((answer[name] for name in ("data", "templates") if name in answer), None)
    if not isinstance(answer, list):
        return None
    return tuple(template for item in answer[:MOST] if (template := _template(mapping(item))) is not None)


def _template(fields: JsonMap) -> Template | None:
    name = text(fields.get("name")) or text(fields.get("template_name"))
    return Template(name, tuple(_flavors(fields.get("flavors")))) if name else None


def _flavors(value: object) -> Iterator[Flavor]:
    """A map of name to details, or a list of names, or of objects with `name` or `flavor_name`."""
    if isinstance(value, Mapping):
        for key, details in value.items():
            if name := text(key):
                yield Flavor(name, _combinations(details))
    elif isinstance(value, list):
        for item in value:
            name = item if isinstance(item, str) else mapping(item).get("flavor_name") or mapping(item).get("name")
            if name := text(name):
                yield Flavor(name, _combinations(item))


def _combinations(details: object) -> tuple[Combination, ...]:
    found = list(dict.fromkeys(_found(details)))
    return tuple(found[:MOST])


def _found(details: object) -> Iterator[Combination]:
    """One for each combination object, wherever the details keep them; none where nothing is told."""
    if isinstance(details, list):
        for item in details:
            yield from _found(item)
    elif isinstance(details, Mapping):
        if _BY_TYPE in details:
            yield from _by_type(details[_BY_TYPE])
        elif any(name in details for name in _DETAILS):
            yield _combination(details)
        else:
            for value in details.values():
                if isinstance(value, list):
                    yield from _found([item for item in value if isinstance(item, Mapping)])
                elif isinstance(value, Mapping):
                    yield from _found({_BY_TYPE: value[_BY_TYPE]} if _BY_TYPE in value else [])


def _by_type(configurations: object) -> Iterator[Combination]:
    """A map of GPU type to its details, or a list of details that name their GPU type."""
    if isinstance(configurations, Mapping):
        for kind, details in configurations.items():
            yield _combination({**mapping(details), "gpu_type": kind})
    elif isinstance(configurations, list):
        for item in configurations:
            details = mapping(item)
            yield _combination({**details, "gpu_type": details.get("gpu_type") or details.get("name")})


def _combination(details: JsonMap) -> Combination:
    return Combination(
        gpu_types=tuple(reported for value in _values(details, _TYPES) if (reported := text(value))),
        gpu_counts=tuple(n for value in _values(details, _COUNTS) if (n := count(value)) is not None),
        regions=tuple(reported for value in _values(details, _REGIONS) if (reported := text(value))),
        max_replicas=count(details.get(_REPLICAS)),
    )


def _values(details: JsonMap, names: tuple[str, ...]) -> list[object]:
    """The values under the first of the names that is there: a single one, a list, or the keys of a map."""
    value = next((details[name] for name in names if name in details), None)
    return list(value) if isinstance(value, list | Mapping) else [value]
