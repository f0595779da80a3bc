"""What an error answer says, whichever form it has: the vendor's JSON forms, a gateway's page, or nothing.

The forms are those of the vendor's API reference: FastAPI's `detail` as a text or a list, and an OpenAI-like `error`
object. Only these show that the API itself answered; a message is taken from others too, but proves nothing. Pure; it
must never raise, and never pass markup or control characters on.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from tokenfactory_operator.cloud.call import Answer
from tokenfactory_operator.cloud.wire import mapping, parse_endpoint
from tokenfactory_operator.domain.errors import bounded

TEXT_LIMIT: Final = 4096
"""Characters of the cloud's text that are looked at: it is cut before anything else is done with it."""
_CUT: Final = 128
"""Characters that are dropped before such a cut: half a token may stand there, which nothing would recognise."""
_WORD_LIMIT: Final = 64
_SHOWN: Final = 220
"""Characters of the cloud's text; leaves room in an error for what was tried and what to do."""
_PAGE_HEAD: Final = 4096
"""Characters of a page in which its title or first words are looked for."""
_FIRST_WORDS: Final = 12
_MAX_FAULTS: Final = 5
_MOST_VALUES: Final = 2_000
_MOST_SAID: Final = 2 * TEXT_LIMIT
"""Values of a body, and characters of its texts, up to which it is looked at whole."""
_LARGEST_CODE: Final = 2**63
_OWN: Final = frozenset({"deployment", "flavor_name", "model_name", "routing_key", "scaling"})
"""Fields of an endpoint, by which it is known where it has no place of its own."""
_CODES: Final = ("type", "code", "error_code", "status", "reason")
"""Where a form of the API may tell the kind of its error; only the first two are documented."""

_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]*)", re.IGNORECASE)
_INVISIBLE = re.compile(r"<(script|style)\b.*?(</\1>|$)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_REQUEST_ID = re.compile(
    r"(?i)[(\[]?\b(?:request|trace|correlation)[ _-]?id\b[\"']? ?[:=]? ?[\"']?[\w-]{6,}[\"')\]]{0,4}"
)
Redact = Callable[[str], str]


@dataclass(frozen=True)
class ErrorBody:
    """An error answer, read."""

    text: str = ""
    """One bounded line for people, without secrets and request ids; empty where there is nothing to show."""
    from_api: bool = False
    """The body has one of the API's own JSON error forms."""
    words: str = ""
    """Text and codes as they came, to be searched for what they speak of; only of the API's own forms."""
    said: str = ""
    """These words, and each other text of the body: another form's message, say, or a hint. Empty where that is more
    than is looked at."""
    names_endpoint: bool = False
    """An endpoint has a place of its own in it; only of the API's own forms."""


def read_error_body(answer: Answer, redact: Redact) -> ErrorBody:
    """Read the body of an answer that is no success."""
    body = answer.json()
    found = _from_api(body)
    if found is not None:
        text, kind = found
        words = f"{text[:TEXT_LIMIT]} {kind}"
        values = _values(body) or []
        said = _joined((f"{text} {kind}", *(value for value in values if isinstance(value, str)))) if values else ""
        named = _names_endpoint(values, body, mapping(body).get("error"))
        return ErrorBody(_line(text, redact), from_api=True, words=words, said=said, names_endpoint=named)
    if body is not None:
        return ErrorBody(text=_line(_loose_message(body), redact))
    page = answer.content[:_PAGE_HEAD].decode(errors="replace")
    return ErrorBody(text=_line(_page_text(_cut(redact(page), len(page) < _PAGE_HEAD)), redact))


def states_error(body: object) -> bool:
    """Whether it has one of the API's error forms, with whatever status it came."""
    return _from_api(body) is not None


def _names_endpoint(values: Collection[object], *places: object) -> bool:
    """Whether an endpoint is among the values of a body, or an id that may be one's in one of these places of it."""
    beside = any(mapping(place).get("endpoint_id") or parse_endpoint(place) is not None for place in places)
    return beside or any(isinstance(value, Mapping) and _is_endpoint(value) for value in values)


def _is_endpoint(value: Mapping[str, object]) -> bool:
    """Whether it says that it is about one; anything may have an id."""
    told = bool(value.get("endpoint_id")) or isinstance(value.get("endpoint"), Mapping) or not _OWN.isdisjoint(value)
    return told and parse_endpoint(value) is not None


def _values(body: object) -> list[object] | None:
    """All values in it, at any depth; `None` where there are more than are looked at."""
    left, found = [body], list[object]()
    while left:
        value = left.pop()
        found.append(value)
        if isinstance(value, Mapping | list):
            left += value.values() if isinstance(value, Mapping) else value
        if len(found) > _MOST_VALUES:
            return None
    return found


def _joined(texts: Iterable[str]) -> str:
    """They as one text; empty where that is longer than is looked at."""
    said = " ; ".join(texts)
    return said if len(said) <= _MOST_SAID else ""


def _from_api(body: object) -> tuple[str, str] | None:
    """Message and kind of one of the API's forms, else `None`."""
    if not isinstance(body, Mapping):
        return None
    detail, error = body.get("detail"), body.get("error")
    if isinstance(detail, str) and detail.strip():
        return detail, _codes(body)
    if isinstance(detail, list) and (faults := list(islice(_faults(detail), _MAX_FAULTS))):
        kinds = [_word(item.get("type")) for item in detail[:_MAX_FAULTS] if isinstance(item, Mapping)]
        return "; ".join(faults), " ".join(kinds)
    if isinstance(error, Mapping) and isinstance(message := error.get("message"), str) and message.strip():
        return message, _codes(error)
    return None


def _codes(said: Mapping[str, object]) -> str:
    """What stands beside a message, for machines."""
    return " ".join(filter(None, (_word(said.get(name)) for name in _CODES)))


def _faults(detail: list[Any]) -> Iterator[str]:
    """`scaling.min_replicas: message` for each entry of a validation error."""
    for item in detail:
        if isinstance(item, Mapping) and isinstance(message := item.get("msg"), str):
            loc = item.get("loc")
            steps = [_word(step) for step in loc[:_MAX_FAULTS]] if isinstance(loc, list) else []
            field = ".".join(steps[1:] if steps[:1] == ["body"] else steps)
            yield f"{field}: {message[:TEXT_LIMIT]}" if field else message[:TEXT_LIMIT]


def _word(value: object) -> str:
    """A short text or number as it stands; empty for anything else."""
    return str(value)[:_WORD_LIMIT] if isinstance(value, str | int) and not _endless(value) else ""


def _endless(value: str | int) -> bool:
    return isinstance(value, int) and abs(value) >= _LARGEST_CODE


def _loose_message(body: object) -> str:
    """A sentence out of JSON that is not the API's."""
    if isinstance(body, Mapping):
        for key in ("message", "error", "detail", "title", "error_description"):
            value = body.get(key)
            if isinstance(value, Mapping):
                value = value.get("message")
            if isinstance(value, str):
                return value
    return ""


def _page_text(page: str) -> str:
    """The title of a page, or the first words of a text."""
    head = page[:_PAGE_HEAD]
    title = _TITLE.search(head)
    if title and title[1].strip():
        return title[1]
    words = _TAG.sub(" ", _INVISIBLE.sub(" ", head)).split()
    return " ".join(words[:_FIRST_WORDS])


def _line(text: str, redact: Redact) -> str:
    """One clean line: entities resolved, no markup, nothing unprintable, no request id, no secret, bounded."""
    plain = re.sub(r"[<>]", " ", html.unescape(_cut(redact(text[:TEXT_LIMIT]), len(text) <= TEXT_LIMIT)))
    printable = "".join(char if char.isprintable() else " " for char in plain)
    folded = " ".join(redact(printable).split())  # before the search, whose cost must not follow runs of blanks
    return bounded(_REQUEST_ID.sub("", folded), _SHOWN)


def _cut(text: str, whole: bool) -> str:  # noqa: FBT001 - of two calls in this module
    return text if whole else text[:-_CUT]
