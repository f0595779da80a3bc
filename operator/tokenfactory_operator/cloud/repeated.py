"""What an answer says, without what it repeats of the request.

A server that names the endpoint in its refusal repeats words that a person has chosen: an object may be called
`no-capacity`. Such words say nothing about why a call failed, and must not make an unknown outcome a refusal. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

_CHOSEN: Final = ("name", "description", "custom_weights_id", "routing_key")
"""Fields of a body with words that a person chooses freely; the others name what the catalog offers."""
_WORD: Final = re.compile(r"[^\W_]+")
_NAMED: Final = re.compile(r"[^\s/]+(?:/[^\s/]+)+")
"""A name of several parts, such as a namespace and a name: no sentence has it by chance."""


def without_request(words: str, body: Mapping[str, Any] | None, *, apart: bool) -> str:
    """`words` without each text of the request's body; `apart`: without the single words of those texts either.

    Servers shorten and rewrite what they repeat. So `apart` is for a decision that must not be made by mistake.
    """
    texts = {name: value for name, value in (body or {}).items() if isinstance(value, str) and value.strip()}
    left = _without(words, texts.values())
    chosen = {word for name in _CHOSEN for word in _WORD.findall(texts.get(name, ""))}
    return _without(left, chosen) if apart else left


def without_names(words: str, body: Mapping[str, Any] | None) -> str:
    """`words` without the names of several parts that the request's body has: one may be called `ml/api-gateway`."""
    given = (str((body or {}).get(name) or "") for name in _CHOSEN)
    return _without(words, [text for text in given if _NAMED.fullmatch(text)])


def _without(text: str, parts: Iterable[str]) -> str:
    """The text without these, the longest first; one within a longer word is not meant."""
    any_of = "|".join(map(re.escape, sorted(parts, key=len, reverse=True)))
    return re.sub(rf"(?<![^\W_])(?:{any_of})(?![^\W_])", " ", text, flags=re.IGNORECASE) if any_of else text
