"""Reads the pages of a LIST, and takes over from the LIST before what stands there in the same words.

A LIST of ten thousand endpoints has five megabytes, of which nearly all are as they were. So the text of each page is
held, and an item is read only where its text is another one. Each is decoded by itself, so that a large page costs
little memory. A page is understood as `parse_page` understands the whole of it: what is unusual is left to that.
"""

from __future__ import annotations

import json
import uuid
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tokenfactory_operator.cloud.call import Answer
from tokenfactory_operator.cloud.paging import Cursor, Item, Page, items_of, page_of, parse_page, read_item

HELD: Final = 16 * 1024 * 1024
"""Characters of a LIST's pages that are held until the next LIST."""
PREFIX: Final = 64
"""Characters by which the former text of an item is found: the vendor's items begin with their id."""
_MARK: Final = uuid.uuid4().hex
"""Stands where the items were; no page has this text by itself."""
_SPACE: Final = frozenset(" \t\n\r")
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class _Read:
    """A page as it was read."""

    text: str
    spans: array[int]
    """Where each item begins and ends in the text, one after the other."""
    items: list[Item]
    page: Page

    def item_text(self, index: int) -> str:
        """The text of one item."""
        return self.text[self.spans[2 * index] : self.spans[2 * index + 1]]


class PageReader:
    """The pages of the LISTs of one credential. A thread may read the page of a LIST that was given up meanwhile."""

    def __init__(self) -> None:
        self._held: dict[Cursor | None, _Read] = {}

    def read(self, cursor: Cursor | None, answer: Answer) -> Page | None:
        """The page that was asked for by this cursor; `None` where it has no known shape."""
        before = self._held.get(cursor)
        text = answer.text()
        if before is not None and before.text == text:
            return before.page
        self._held.pop(cursor, None)
        if text is None or not answer.holdable():
            return None
        read = _read(text, before)
        if read is None:
            return parse_page(answer.json())
        if sum(len(page.text) for page in list(self._held.values())) + len(text) <= HELD:
            self._held[cursor] = read
        return read.page

    def ended(self, asked: Collection[Cursor | None]) -> None:
        """A LIST has asked for these pages: no others are held any longer."""
        for cursor in list(self._held):
            if cursor not in asked:
                self._held.pop(cursor, None)


def _read(text: str, before: _Read | None) -> _Read | None:
    """The page, item by item; `None` where it has another shape than the usual one."""
    begin = text.find("[")
    try:
        spans, items = _walk(text, begin + 1, _Before(before))
        rest = json.loads(f'{text[: begin + 1]}"{_MARK}"{text[spans[-1] :]}') if items else None
    except (ValueError, RecursionError):
        return None
    # Where the mark is, the items were. So no other list was taken for theirs.
    return _Read(text, spans, items, page_of(items, rest)) if items_of(rest) == [_MARK] else None


def _walk(text: str, position: int, before: _Before) -> tuple[array[int], list[Item]]:
    """The objects from `position` on, with a comma after each but the last.

    Raises:
        ValueError: one of them is no JSON.
    """
    spans, items = array("I"), list[Item]()
    while True:
        while text[position : position + 1] in _SPACE:
            position += 1
        if not text.startswith("{", position):
            return spans, items
        item, end = before.same(text, position)
        if item is None:
            value, end = _DECODER.raw_decode(text, position)
            item = read_item(value)
        spans.extend((position, end))
        items.append(item)
        if not text.startswith(",", end):
            return spans, items
        position = end + 1


class _Before:
    """The items of the page before. The text of an object that is found whole at some place is all of the object."""

    def __init__(self, read: _Read | None) -> None:
        self._read = read
        self._next = 0
        """Where the next item is, if it stands where it stood."""
        self._by_prefix: dict[str, int] | None = None

    def same(self, text: str, position: int) -> tuple[Item | None, int]:
        """The item that begins at `position`, if it stood in the page before, and where it ends."""
        read = self._read
        if read is None:
            return None, position
        if self._next < len(read.items) and text.startswith(was := read.item_text(self._next), position):
            self._next += 1
            return read.items[self._next - 1], position + len(was)
        index = self._find(read, text[position : position + PREFIX])
        if index is None:
            return None, position
        self._next = index + 1
        was = read.item_text(index)
        return (read.items[index], position + len(was)) if text.startswith(was, position) else (None, position)

    def _find(self, read: _Read, prefix: str) -> int | None:
        if self._by_prefix is None:
            starts = read.spans[::2]
            self._by_prefix = {read.text[start : start + PREFIX]: index for index, start in enumerate(starts)}
        return self._by_prefix.get(prefix)
