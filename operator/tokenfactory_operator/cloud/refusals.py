"""Which answers of the API refuse a request, and for what: by status and, where needed, words.

The one table that decides "refused" (docs/protocol.md, Create 5). It holds for answers in one of the API's own JSON
error forms only: what a gateway says proves nothing. Pure.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Forbidden,
    InvalidSpec,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
)


class Subject(enum.Enum):
    """What the words of a refusal speak of."""

    OTHER = "anything else"
    ROOM = "capacity, quota or money"
    LIMIT = "a limit that is reached"
    PACE = "the rate of requests"
    TAKEN = "something that another one has"


class Kind(enum.Enum):
    """What the request was."""

    CREATE = "POST with a spec"
    CHANGE = "PATCH with a spec"
    OTHER = "anything else"


REFUSALS: Final = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
"""Statuses by which the API says that nothing was done, whatever its words."""

_JUDGED: Final = frozenset({400, 404, 405, 413, 415, 422})
_BY_STATUS: Final[Mapping[int, type[CloudError]]] = MappingProxyType(
    {401: Unauthorized, 403: Forbidden, 409: CloudConflict, 429: RateLimited}
)
_FOR_ROOM: Final = frozenset({400, 402, 403, 409, 422, 429, 503})
"""With words of capacity, quota or money: no room, whatever else the status may mean."""
_FOR_LIMITS: Final = frozenset({402, 403, 409, 503})
"""With words of a limit that is reached; in a 400 or 422 they speak of a field."""

_WORDS: Final = (
    (
        Subject.PACE,
        re.compile(r"rate[ _-]?limit|too many requests|requests per|per (?:second|minute|hour)", re.IGNORECASE),
    ),
    (
        Subject.ROOM,
        re.compile(
            r"quota(?![ _-]*project)|capacity|resource[ _]?exhausted|out of (?:gpus?|stock)|sold out"
            r"|(?:no|not enough) (?:free |available )?(?:gpus?|resources?|credits?|funds)\b|balance|billing|payment"
            r"|insufficient(?![ _-]*(?:permission|privilege|scope|access|right|role|auth))",
            re.IGNORECASE,
        ),
    ),
    (
        Subject.LIMIT,
        re.compile(
            r"limit[ _](?:was |is |has been )?(?:exceeded|reached)|(?:exceed(?:s|ed|ing)?|over|reached) .{0,40}limit"
            r"|limit of \d+|maximum number",
            re.IGNORECASE,
        ),
    ),
    (
        Subject.TAKEN,
        re.compile(
            r"already[ _-]+(?:exists?|taken|in[ _-]use|used)|\btaken\b|\bin[ _-]use\b|duplicate|(?:not|be)[ _]unique",
            re.IGNORECASE,
        ),
    ),
)


def subject_of(words: str, *, status: int) -> Subject:
    """What a text and its code speak of; only a 429 is asked whether it means the rate of requests."""
    for subject, pattern in _WORDS:
        if (subject is not Subject.PACE or status == 429) and pattern.search(words):  # noqa: PLR2004 - HTTP
            return subject
    return Subject.OTHER


def judged(kind: Kind, status: int, subject: Subject, *, by_id: bool) -> tuple[type[CloudError], bool]:
    """The error of an answer in the API's own form, and whether the request surely had no effect.

    `by_id`: the path names an endpoint.
    """
    carries_spec = kind is not Kind.OTHER
    lacks_room = (subject is Subject.ROOM and status in _FOR_ROOM) or (
        subject is Subject.LIMIT and status in _FOR_LIMITS
    )
    if carries_spec and (lacks_room or status == 402):  # noqa: PLR2004 - Payment Required
        return QuotaExceeded, True
    if kind is Kind.CREATE and status == 409 and subject is Subject.TAKEN:  # noqa: PLR2004 - HTTP
        return InvalidSpec, True
    return _by_status(status, carries_spec=carries_spec, by_id=by_id), status in REFUSALS or (status == 410 and by_id)  # noqa: PLR2004 - HTTP


def _by_status(status: int, *, carries_spec: bool, by_id: bool) -> type[CloudError]:
    if status == 402:  # noqa: PLR2004 - HTTP
        return Forbidden
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in {404, 410} and by_id:
        return EndpointNotFound
    # Only a request that carries a spec can be at fault for it; a LIST or a DELETE is to be tried again.
    return InvalidSpec if carries_spec and status in _JUDGED else CloudUnavailable


def foreign(status: int) -> type[CloudError]:
    """The error of an answer that is not in the API's form: its outcome is open."""
    return Forbidden if status == 402 else _BY_STATUS.get(status, CloudUnavailable)  # noqa: PLR2004 - HTTP
