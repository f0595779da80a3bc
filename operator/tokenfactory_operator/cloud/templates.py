"""The templates answer, read leniently: its inner field names are not documented, so every plausible form is tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tokenfactory_operator.cloud.wire import JsonMap, count, mapping, text
from tokenfactory_operator.domain.catalog import Combination, Flavor, Template

_DETAILS: Final = ("gpu_type", "gpu_types", "gpu_count", "gpu_counts", "region", "regions")


def parse_templates(answer: object) -> tuple[Template, ...] | None:
    """`{"data": […]}`, the older `{"templates": […]}` or a bare list; `None` for any other shape."""
    if isinstance(answer, Mapping):
        answer = next((answer[name] for name in ("data", "templates") if name in answer), None)
    if not isinstance(answer, list):
        return None
    return tuple(template for item in answer if (template := _template(mapping(item))) is not None)


def _template(fields: JsonMap) -> Template | None:
    name = text(fields.get("name")) or text(fields.get("template_name"))
    return Template(name, tuple(_flavors(fields.get("flavors")))) if name else None


def _flavors(value: object) -> Iterator[Flavor]:
    """A map of name to details, or the older list of objects with `flavor_name`."""
    if isinstance(value, Mapping):
        for name, details in value.items():
            yield Flavor(str(name), tuple(_combinations(details)))
    elif isinstance(value, list):
        for item in value:
            name = item if isinstance(item, str) else mapping(item).get("flavor_name") or mapping(item).get("name")
            if isinstance(name, str):
                yield Flavor(name, tuple(_combinations(item)))


def _combinations(details: object) -> Iterator[Combination]:
    """One for each combination object, wherever the details keep them; none where nothing is told."""
    if isinstance(details, list):
        for item in details:
            yield from _combinations(item)
    elif isinstance(details, Mapping):
        if any(name in details for name in _DETAILS):
            yield Combination(
                gpu_types=_texts(details, "gpu_type"),
                gpu_counts=tuple(n for value in _values(details, "gpu_count") if (n := count(value)) is not None),
                regions=_texts(details, "region"),
            )
            return
        for value in details.values():
            if isinstance(value, list):
                yield from _combinations([item for item in value if isinstance(item, Mapping)])


def _texts(details: JsonMap, name: str) -> tuple[str, ...]:
    return tuple(told for value in _values(details, name) if (told := text(value)))


def _values(details: JsonMap, name: str) -> list[object]:
    """The values under `name` or its plural: a single one, a list, or the keys of a map."""
    value = details.get(f"{name}s", details.get(name))
    return list(value) if isinstance(value, list | Mapping) else [value]
