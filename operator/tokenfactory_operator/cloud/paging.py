"""The pages of a LIST. No paging is documented, so any cursor that an answer carries is followed.

A page that has no known shape is `None`, never an empty one: "nothing there" is a statement that must have been made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from tokenfactory_operator.cloud.wire import count, hides_owner, is_deleted, parse_endpoint, reported_description
from tokenfactory_operator.domain.observed import EndpointList, ObservedEndpoint

CURSOR_LIMIT: Final = 2048
"""Characters of a page token: with the rest of the address it has to pass any server's limit (8 KiB)."""
MORE: Final = "it says that there is more, but not how to get it"
"""What is wrong with a page behind which there are others that cannot be asked for."""
_LARGEST_CURSOR: Final = 2**63
_MORE: Final = (
    *("hasmore", "hasnext", "hasnextpage", "next", "nextcursor", "nextlink", "nextpage", "nextpagetoken"),
    *("nextpageurl", "nexttoken", "nexturl"),
)
"""Fields that some API has for a next page; what is left to them is not followed."""
_PLACES: Final = ("links", "meta", "metadata", "page", "pageinfo", "pagination", "paging")
"""Objects that such fields stand in."""


_TOTAL: Final = ("total", "totalcount", "totalelements", "totalendpoints", "totalitems", "totalresults", "totalsize")
"""Fields that some API has for how many items there are on all pages."""


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
    """Why this page, or what is missing after it, proves nothing of what the LIST does not show."""
    nameless: tuple[str, ...] = ()
    """Descriptions of items that have no id: all that can be known of them is whose they are."""
    unreadable: int = 0
    """Items that may be anything."""
    items: int = 0
    """All of them, whatever they are."""
    total: int = 0
    """How many it says that there are on all pages; 0 where it says nothing of that."""


class OddItem(NamedTuple):
    """An item that is not just an endpoint."""

    endpoint: ObservedEndpoint | None = None
    """It, where its description is there and cannot be read; `None` where the item has no id."""
    description: str | None = None
    """Of an item without an id, where it tells one."""
    deleted: bool = False
    """It is listed for the record: there is no endpoint."""

    @property
    def unreadable(self) -> bool:
        """Whether it may be anybody's."""
        return not self.deleted and self.description is None


Item: TypeAlias = ObservedEndpoint | OddItem


def read_item(item: object) -> Item:
    """One item of a page."""
    if is_deleted(item):
        return OddItem(deleted=True)
    endpoint = parse_endpoint(item)
    if endpoint is None:
        return OddItem(description=reported_description(item))
    return OddItem(endpoint) if hides_owner(item) else endpoint


def parse_page(answer: object) -> Page | None:
    """A page in one of the known shapes: `{"data": […]}`, `{"endpoints": […]}` or a bare list; else `None`."""
    items = items_of(answer)
    return None if items is None else page_of([read_item(item) for item in items], answer)


def page_of(items: Sequence[Item], answer: object) -> Page:
    """The page with these items; what it says beside them is in `answer`."""
    odd = [item for item in items if isinstance(item, OddItem)]
    shown = (item.endpoint if isinstance(item, OddItem) else item for item in items) if odd else items
    endpoints = tuple(endpoint for endpoint in shown if isinstance(endpoint, ObservedEndpoint))
    cursor, problem = _next(answer, endpoints) if isinstance(answer, Mapping) else (None, "")
    nameless = tuple(item.description for item in odd if item.description is not None)
    return Page(
        endpoints,
        cursor,
        problem,
        nameless,
        unreadable=sum(item.unreadable for item in odd),
        items=len(items),
        total=_total(answer),
    )


class Listing:
    """The pages of one LIST, within a budget of pages, items and bytes for all of them."""

    def __init__(self, *, max_pages: int, max_items: int, max_bytes: int) -> None:
        self.goes_on = True
        self.cursor: Cursor | None = None
        """Of the page to ask for."""
        self.pages = 0
        self._room = (max_pages, max_items, max_bytes)
        self._asked: set[Cursor | None] = {None}
        self._found: dict[str, ObservedEndpoint] = {}
        self._nameless: list[str] = []
        self._contradicted: list[str] = []
        self._unreadable = self._bytes = self._items = self._total = 0
        self._problems: list[str] = []

    def add(self, page: Page, size: int) -> None:
        """Take in a page of so many bytes."""
        self.pages += 1
        self._bytes += size
        for endpoint in page.endpoints:
            self._take(endpoint)
        self._nameless += page.nameless
        self._unreadable += page.unreadable
        self._items += page.items
        self._total = max(self._total, page.total)
        items = len(self._found) + len(self._contradicted) + self._odd
        self.cursor = page.next
        spent = any(have >= most for have, most in zip((self.pages, items, self._bytes), self._room, strict=True))
        if page.problem:
            self.end(page.problem)
        elif page.next is None:
            self.goes_on = False
        elif spent or page.next in self._asked:
            self.end("its pages do not come to an end")
        self._asked.add(page.next)

    def _take(self, endpoint: ObservedEndpoint) -> None:
        """One id may come twice. What the earlier item says of its owner then counts too."""
        before = self._found.get(endpoint.id)
        self._found[endpoint.id] = endpoint
        if before is not None and before.description and before.description != endpoint.description:
            self._contradicted.append(before.description)

    @property
    def _odd(self) -> int:
        """Items that are no endpoint as far as can be read."""
        return len(self._nameless) + self._unreadable

    @property
    def asked(self) -> Collection[Cursor | None]:
        """The cursors of the pages so far."""
        return self._asked

    def end(self, problem: str) -> None:
        """No further page is asked for, though there are more."""
        self.goes_on = False
        self._problems.append(problem)

    def result(self) -> EndpointList:
        """What the pages say together."""
        bad = [f"{self._odd} of its items cannot be read"] if self._odd else []
        if self._contradicted:
            bad.append(f"{len(self._contradicted)} of its items has the id of another and a different description")
        return EndpointList(
            tuple(self._found.values()),
            view=not self._problems,
            unreadable=self._unreadable > 0,
            nameless=(*self._nameless, *self._contradicted),
            problem="; ".join([*self._problems, *bad]),
            left_out=max(0, self._total - self._items),
        )


def items_of(answer: object) -> list[object] | None:
    """The items of a page in one of the known shapes, else `None`."""
    if isinstance(answer, Mapping):
        if answer.get("error"):  # a success that carries an error is not one
            return None
        answer = next((answer[name] for name in ("data", "endpoints") if name in answer), None)
    return answer if isinstance(answer, list) else None


def _next(answer: Mapping[str, object], endpoints: tuple[ObservedEndpoint, ...]) -> tuple[Cursor | None, str]:
    """The cursor to follow, or why there is none although there is more."""
    answer = _folded(answer)
    if token := _cursor(answer.get("nextpagetoken")):
        return Cursor("page_token", token), ""
    if _odd_cursor(answer):
        return None, f"its page token is longer than {CURSOR_LIMIT} characters, or nothing that can be sent back"
    more = answer.get("hasmore")
    if more is False:  # an "after" may then be an echo of the question
        return None, ""
    after = _cursor(answer.get("after"))
    if after is None and more:
        after = _cursor(answer.get("lastid")) or (endpoints[-1].id if endpoints else None)
    if after is not None:
        return Cursor("after", after), ""
    return None, MORE if _says_more(answer) else ""


def _says_more(answer: Mapping[str, object]) -> bool:
    """Whether there is a next page, by whatever name and in whatever place."""
    return any(place.get(name) for place in _places(answer) for name in _MORE)


def _total(answer: object) -> int:
    """How many items it says that there are, by whatever name and in whatever place."""
    places = _places(_folded(answer))
    return max((count(place.get(name)) or 0 for place in places for name in _TOTAL), default=0)


def _places(answer: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [answer, *(_folded(answer.get(name)) for name in _PLACES)]


def _folded(fields: object) -> Mapping[str, object]:
    """Fields by their names, however the words of these are joined; none of what is no object."""
    every = fields.items() if isinstance(fields, Mapping) else ()
    return {str(name).replace("_", "").replace("-", "").lower(): value for name, value in every}


def _cursor(value: object) -> str | None:
    """What can be sent back as a query parameter; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_CURSOR:
        return str(value)
    sendable = isinstance(value, str) and 0 < len(value) <= CURSOR_LIMIT and value.isprintable()
    return value if isinstance(value, str) and sendable else None


def _odd_cursor(answer: Mapping[str, object]) -> bool:
    return any(answer.get(name) and _cursor(answer[name]) is None for name in ("nextpagetoken", "after"))
