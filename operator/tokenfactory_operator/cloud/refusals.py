"""Which answers of the API refuse a request, and for what: by status and, where needed, words.

The one table that decides "refused" (docs/protocol.md, Create 5). It holds for answers in one of the API's own JSON
error forms only: what a gateway says proves nothing. Pure.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
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
    PHRASE = "nothing: it is the status in words, as a framework answers for a path that it does not serve"


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
_FOR_LIMITS: Final = frozenset({402, 403, 409})
"""With words of a limit that is reached; in a 400 or 422 they speak of a field."""

_PATHS: Final = frozenset({404, 405})
"""May speak of the path, and not of the spec."""
BY_WORDS: Final = frozenset({409, 503})
"""Here the words decide whether anything was done, so they have to be clear."""

_WORDS: Final = (
    (
        Subject.PACE,
        re.compile(r"rate limit|too many requests|requests per|per (?:second|minute|hour)", re.IGNORECASE),
    ),
    (
        Subject.ROOM,
        re.compile(
            r"\bquotas?\b(?! project)|\bcapacity\b|resources? exhausted|out of (?:gpus?|stock|credits?|funds)|sold out"
            r"|\b(?:no|not enough) (?:more |free |available |spare )?(?:gpus?|resources?|credits?|funds)\b"
            r"|(?<!load )\bbalance\b|\bbilling\b|\bpayments?\b|\binvoices?\b|\b(?:credits?|budget)"
            r" (?:\w+ )?ex(?:hausted|ceeded)\b|too many (?:\w+ ){0,2}(?:endpoints?|gpus?|replicas?)\b"
            r"|insufficient(?! (?:permission|privilege|scope|access|right|role|auth))",
            re.IGNORECASE,
        ),
    ),
    (
        Subject.LIMIT,
        re.compile(
            r"limit (?:was |is |has been )?(?:exceeded|reached|hit)"
            r"|\b(?:exceed(?:s|ed|ing)?|over|reached|hit)\b .{0,40}limit|limit of \d+"
            r"|maximum (?:number|of \d)|(?:exceeded|reached) .{0,20}max(?:imum)?\b",
            re.IGNORECASE,
        ),
    ),
    (
        Subject.TAKEN,
        re.compile(
            r"already (?:exists?|taken|in use|used)|\btaken\b|\bin use\b|duplicate|(?:not|be) unique",
            re.IGNORECASE,
        ),
    ),
)
_LACKING: Final = re.compile(
    r"\b(?:no(?: more| free| available| spare)?|not enough|insufficient|lack of|out of|exceed(?:s|ed|ing)?|exhausted"
    r"|depleted|reached|hit|over)"
    r"(?: [\w/.]+){0,3} (?:quotas?|capacity|gpus?|resources|credits?|funds|balance|budget|stock|limit of \d+)\b"
    r"|\b(?:too many|maximum number of|maximum of \d+)(?: [\w/.]+){0,2} (?:endpoints?|gpus?|replicas?)\b"
    r"|\b(?:quotas?|capacity|gpus?|resources?|credits?|funds|budget|(?:endpoints?|gpu|replica|project|account|spending|usage)"
    r" (?:limit|maximum))(?: [\w/.]+){0,3} (?:exceeded|exhausted|depleted|reached|used up|sold out|insufficient)\b"
    r"|\b(?:payments?|invoices?|balance|billing account)(?: [\w/.]+){0,3}"
    r" (?:required|overdue|unpaid|suspended|insufficient|negative|too low)\b|\bsold out\b"
    r"|\b(?:capacity|gpus?|resources)(?: (?!service\b)[\w/.]+){0,5} (?:not (?:currently )?available|unavailable)\b"
    r"|\b(?:at (?:full |maximum )?capacity|limit of \d+(?: [\w/.]+){0,5} (?:exceeded|reached)|max(?:imum)? endpoints"
    r"|unpaid (?:invoices?|bills?))\b|^\W*limit (?:exceeded|reached)\b|\b(?:cluster|region|pool)(?: is)? full\b",
    re.IGNORECASE,
)
"""Says what is lacking; that a text only speaks of it ("the quota service is down") is not enough."""
_DOUBT: Final = re.compile(
    r"time(?:d|s)? ?out|time limit|deadline|in time\b|too long|upstream|back ?end|balanc(?:er|ing)|gateway|proxy"
    r"|connection|\bserver|\bservice\b(?! (?:is |temporarily )*unavailable)|overload|\bretr(?:ies|y limit)\b"
    r"|rate limit|too many requests|requests per|internal|unexpected|unreachable"
    r"|\b(?:not|cannot|unable to|failed to) (?:be )?(?:reach|contact|connect|respond|answer|check|verif|determin)"
    r"|\bno (?:response|answer|reply)|idempoten|in progress|\bbeing \w+ed\b"
    r"|\bduplicate (?:request|operation|call)|\b(?:request|operation|creation|call)\b .{0,40}already",
    re.IGNORECASE,
)
"""Speaks of the way, of time or of another request: something may have been done by it."""
_EFFECT: Final = re.compile(
    r"(?<!not )(?<!n't )(?<!be )(?<!not been )(?<!n't been )(?<!you have )(?<!endpoints )(?<!no endpoint was )"
    r"(?<!no endpoint has been )(?<!nothing was )(?<!nothing has been )"
    r"\b(?:created|accepted|(?:en)?queued|scheduled|started|launched|postponed|deferred)\b"
    r"|\b(?:in|into|on) (?:the|a) (?:\w+ )?(?:queue|wait(?:ing)? ?list)\b|\b(?:stays?|is|are|remains?|now) pending\b"
    r"|\b(?:request|operation|endpoint|deployment)(?: \w+){0,4} pending\b|\bpending until\b|\bpartial|\bpartly\b"
    r"|\bafter (?:its |the )?(?:creat|provision|deploy|start)|\bwill (?:retry|start|continue|be (?:created|deployed"
    r"|enabled|fulfilled|provisioned|processed|scheduled|started|retried|removed|deleted|rolled back))\b",
    re.IGNORECASE,
)
"""Speaks of what the request has made, or will make."""
_SEPARATORS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|[_-]+")
"""Between the words of a code, however it is spelled."""


def subject_of(words: str, *, status: int) -> Subject:
    """What a text and its code speak of; only a 429 is asked whether it means the rate of requests.

    A text that is not clear is about anything else where the words decide what was done (409, 503).
    """
    plain = _SEPARATORS.sub(" ", words)
    if status in _PATHS and plain.strip().casefold() == HTTPStatus(status).phrase.casefold():
        return Subject.PHRASE
    decisive = status in BY_WORDS
    if decisive and (_DOUBT.search(plain) or _EFFECT.search(plain)):
        return Subject.OTHER
    if decisive and _LACKING.search(plain):
        return Subject.ROOM
    asked = (item for item in _WORDS if item[0] in _asked(status))
    return next((subject for subject, pattern in asked if pattern.search(plain)), Subject.OTHER)


def _asked(status: int) -> Collection[Subject]:
    """What the words of an answer with that status may speak of."""
    match status:
        case 503:
            return ()
        case 409:
            return (Subject.LIMIT, Subject.TAKEN)
        case 429:
            return tuple(Subject)
        case _:
            return (Subject.ROOM, Subject.LIMIT)


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
    carries_spec = carries_spec and subject is not Subject.PHRASE
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
