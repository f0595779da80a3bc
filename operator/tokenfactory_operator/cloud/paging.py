"""The pages of a LIST. No paging is documented, so any cursor that an answer carries is followed.

A page that has no known shape is `None`, never an empty one: "nothing there" is a statement that must have been made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from tokenfactory_operator.cloud.wire import parse_endpoint
from tokenfactory_operator.domain.observed import ObservedEndpoint

CURSOR_LIMIT: Final = 2048
"""Characters of a page token: with the rest of the address it has to pass any server's limit (8 KiB)."""
_LARGEST_CURSOR: Final = 2**63


class Cursor(NamedTuple):
    """The query parameter that asks for the next page."""

    parameter: str
    value: str


@dataclass(frozen=True)
class Page:
    """One answer to a LIST."""

    endpoints: tuple[ObservedEndpoint, ...]
    next: Cursor | None = None
    problem: str = ""
    """Why this page proves no absence."""


def parse_page(answer: object) -> Page | None:
    """A page in one of the known shapes: `{"data": […]}`, `{"endpoints": […]}` or a bare list; else `None`."""
    items = _items(answer)
    if items is None:
        return None
    parsed = [parse_endpoint(item) for item in items]
    endpoints = tuple(endpoint for endpoint in parsed if endpoint is not None)
    cursor, problem = _next(answer, endpoints) if isinstance(answer, Mapping) else (None, "")
    if len(endpoints) < len(parsed):
        problem = "an item of the list has no id"
    return Page(endpoints, cursor, problem)


def _items(answer: object) -> list[object] | None:
    if isinstance(answer, Mapping):
        if answer.get("error"):  # a success that carries an error is not one
            return None
        answer = next((answer[name] for name in ("data", "endpoints") if name in answer), None)
    return answer if isinstance(answer, list) else None


def _next(answer: Mapping[str, object], endpoints: tuple[ObservedEndpoint, ...]) -> tuple[Cursor | None, str]:
    """The cursor to follow, or why there is none although there is more."""
    if token := _cursor(answer.get("next_page_token")):
        return Cursor("page_token", token), ""
    if _odd_cursor(answer):
        return None, f"its page token is longer than {CURSOR_LIMIT} characters, or nothing that can be sent back"
    more = answer.get("has_more")
    if more is False:  # an "after" may then be an echo of the question
        return None, ""
    after = _cursor(answer.get("after"))
    if after is None and more:
        after = _cursor(answer.get("last_id")) or (endpoints[-1].id if endpoints else None)
    if after is not None:
        return Cursor("after", after), ""
    return None, "it says that there is more, but not how to get it" if more else ""


def _cursor(value: object) -> str | None:
    """What can be sent back as a query parameter; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_CURSOR:
        return str(value)
    sendable = isinstance(value, str) and 0 < len(value) <= CURSOR_LIMIT and value.isprintable()
    return value if isinstance(value, str) and sendable else None


def _odd_cursor(answer: Mapping[str, object]) -> bool:
    return any(answer.get(name) and _cursor(answer[name]) is None for name in ("next_page_token", "after"))
