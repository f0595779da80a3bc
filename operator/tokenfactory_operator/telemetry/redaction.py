"""Takes secrets out of a text, at a cost that depends on the text and not on how many secrets there are.

A secret is remembered by its blocks of a few characters, as rsync remembers a file. Each position of a text costs one
look into a table, however many tenants' tokens stand in it. Nothing here keeps a secret as a whole in what it prints.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

REDACTED: Final = "[redacted]"
BLOCK: Final = 8
"""Characters; a form of a secret that is shorter than `PART` is one block."""
PART: Final = 12
"""Characters of a secret in a row that are hidden. Fewer are no use to anybody, and may be a part of a word."""

FEW: Final = 64
"""Blocks up to which each is looked for by itself: a line without any, as most are, then costs a fiftieth."""

_WORD: Final = re.compile(r"\S+")
"""No form of a token has white space in it (`credentials.check_token`)."""
_BEARER: Final = re.compile(r"\b(bearer)\s{1,8}[A-Za-z0-9._~+/=-]+", re.IGNORECASE)


class Redactor:
    """Replaces what was registered, and every bearer token, in a text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._blocks: Counter[str] = Counter()
        """Block → how many secrets have it."""
        self._lengths: Counter[int] = Counter()
        """Lengths of the blocks: `BLOCK`, and those of shorter forms."""
        self._short: Counter[str] = Counter()

    def register(self, value: str) -> None:
        """Hide `value` from now on, also as JSON, URL and base64 spell it. A blank value is ignored."""
        if value.strip() and value not in self._secrets:
            self._secrets.add(value)
            for block in _blocks(value):
                self._blocks[block] += 1
                self._lengths[len(block)] += 1
            self._short.update(_short(value))

    def forget(self, value: str) -> None:
        """Hide `value` no longer: nobody uses it any more. Unknown ones are ignored."""
        if value in self._secrets:
            self._secrets.discard(value)
            for block in _blocks(value):
                _less(self._blocks, block)
                _less(self._lengths, len(block))
            for form in _short(value):
                _less(self._short, form)

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        if len(self._blocks) > FEW or any(block in text for block in self._blocks):
            text = _WORD.sub(lambda word: self._without_blocks(word[0]), text)
        return _BEARER.sub(rf"\1 {REDACTED}", text)

    def _without_blocks(self, word: str) -> str:
        blocks = self._blocks
        spans = [
            (at, at + size)
            for size in self._lengths
            for at in range(len(word) - size + 1)
            if word[at : at + size] in blocks
        ]
        whole = {begin for begin, end in spans if word[begin:end] in self._short}
        kept, last = "", 0
        for begin, end in _joined(spans):
            if end - begin >= PART or not whole.isdisjoint(range(begin, end)):
                kept += word[last:begin] + REDACTED
                last = end
        return kept + word[last:]


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that touch or overlap as one, in order."""
    joined = list[tuple[int, int]]()
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _short(value: str) -> Iterator[str]:
    """The spellings of `value` of which only all together is hidden."""
    yield from (word for form in _forms(value) for word in form.split() if len(word) < PART)


def _forms(value: str) -> set[str]:
    encoded = base64.b64encode(value.encode(errors="replace")).decode()
    return {value, json.dumps(value)[1:-1], quote(value, safe="", errors="replace"), encoded}


def _blocks(value: str) -> Iterator[str]:
    """What each spelling of `value` is recognised by: all of it, without a gap."""
    for form in _forms(value):
        for word in form.split():
            size = BLOCK if len(word) >= PART else len(word)
            last = len(word) - size
            yield from {word[at : at + size] for at in (*range(0, last, size), last)}


def _less(counts: Counter, key: str | int) -> None:  # type: ignore[type-arg]  # of either
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
