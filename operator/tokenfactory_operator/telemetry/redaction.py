"""Takes secrets out of a text, at a cost that depends on the text and not on how many secrets there are.

A secret is remembered by its blocks of a few characters, as rsync remembers a file. Each position of a text costs one
look into a table, however many tenants' tokens stand in it. Nothing here keeps a secret as a whole in what it prints.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

REDACTED: Final = "[redacted]"
BLOCK: Final = 8
"""Characters; a form of a secret that is shorter is one block."""

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

    def register(self, value: str) -> None:
        """Hide `value` from now on, also as JSON, URL and base64 spell it. A blank value is ignored."""
        if value.strip() and value not in self._secrets:
            self._secrets.add(value)
            for block in _blocks(value):
                self._blocks[block] += 1
                self._lengths[len(block)] += 1

    def forget(self, value: str) -> None:
        """Hide `value` no longer: nobody uses it any more. Unknown ones are ignored."""
        if value in self._secrets:
            self._secrets.discard(value)
            for block in _blocks(value):
                _less(self._blocks, block)
                _less(self._lengths, len(block))

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        if self._blocks:
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
        kept, end = "", 0
        for begin, until in sorted(spans):
            if begin > end or not kept:
                kept += word[end:begin] + REDACTED
            end = max(end, until)
        return kept + word[end:]


def _blocks(value: str) -> Iterator[str]:
    """What each spelling of `value` is recognised by: all of it, without a gap."""
    encoded = base64.b64encode(value.encode(errors="replace")).decode()
    for form in {value, json.dumps(value)[1:-1], quote(value, safe="", errors="replace"), encoded}:
        for word in form.split():
            last = max(0, len(word) - BLOCK)
            yield from {word[at : at + BLOCK] for at in (*range(0, last, BLOCK), last)}


def _less(counts: Counter, key: str | int) -> None:  # type: ignore[type-arg]  # of either
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
