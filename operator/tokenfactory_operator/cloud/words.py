r"""What the words of an error answer speak of: one table, read from top to bottom. The first row that fits decides.

A row holds for some statuses only, because the same words mean something else with another status. The words are those
of the API's own JSON error forms, with their codes. Pure.

Each phrase is a regular expression on a line of its own. Case does not matter. `(?: [\w/.]+){0,3}` stands for up to
three words in between.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection
from typing import Final


class Subject(enum.Enum):
    """What the words of an error answer speak of."""

    OTHER = "anything else, or they are not clear"
    ROOM = "capacity, quota or money that is lacking, or a limit that is reached"
    TAKEN = "something that another one has"
    PATH = "a path that is not served: they are the status in words, as a framework answers"


BY_WORDS: Final = frozenset({409, 503})
"""Here the words decide whether anything was done, so they have to be clear."""

_DENIED: Final = (
    *("not ", "n't ", "not been ", "n't been ", "be ", "you have ", "endpoints "),
    *("no endpoint was ", "no endpoint has been ", "nothing was ", "nothing has been "),
)
"""Before a word of what was made, these say that it was not, or speak of other endpoints."""
_WAS_NOT: Final = "".join(f"(?<!{words})" for words in _DENIED)


class _Row:
    """A subject, with the phrases that tell it in answers with these statuses."""

    def __init__(self, statuses: Collection[int], subject: Subject, *phrases: str) -> None:
        self.statuses = statuses
        self.subject = subject
        self._phrases = re.compile("|".join(phrases), re.IGNORECASE)

    def holds(self, status: int, words: str) -> bool:
        return status in self.statuses and self._phrases.search(words) is not None


_TABLE: Final = (
    _Row({404}, Subject.PATH, r"^\W*not found(?:\W|not found|error|http|404)*$"),
    _Row({405}, Subject.PATH, r"^\W*method not allowed(?:\W|method|not allowed|invalid|error|http|405)*$"),
    _Row(  # Of the way, of time or of another request: something may have been done by it.
        BY_WORDS,
        Subject.OTHER,
        r"time(?:d|s)? ?out|time limit|deadline|in time\b|too long",
        r"upstream|back ?end|balanc(?:er|ing)|gateway|proxy|connection|\bserver",
        r"overload|internal|unexpected|unreachable",
        r"\bservice\b(?! (?:is |temporarily )*unavailable)",
        r"rate limit|too many requests|requests per|\bretr(?:ies|y limit)\b",
        r"\b(?:not|cannot|unable to|failed to) (?:be )?(?:reach|contact|connect|respond|answer|check|verif|determin)",
        r"\bno (?:response|answer|reply)",
        r"idempoten|in progress|\bbeing \w+ed\b",
        r"\bduplicate (?:request|operation|call)|\b(?:request|operation|creation|call)\b .{0,40}already",
    ),
    _Row(  # Of what the request has made, or will make.
        BY_WORDS,
        Subject.OTHER,
        _WAS_NOT
        + r"\b(?:created|accepted|registered|submitted|(?:en)?queued|scheduled|started|launched|postponed|deferred)\b",
        r"\b(?:in|into|on) (?:the|a) (?:\w+ )?(?:queue|wait(?:ing)? ?list)\b",
        r"\b(?:stays?|is|are|remains?|now) (?:pending|waiting|provisioning|starting)\b|\bpending until\b",
        r"\bstays? in\b|\b\d+ of \d+ replicas? (?:is |are )?(?:running|ready|started)\b",
        r"\b(?:request|operation|endpoint|deployment)(?: \w+){0,4} pending\b",
        r"\bpartial|\bpartly\b",
        r"\bafter (?:its |the )?(?:creat|provision|deploy|start)",
        r"\bwill (?:retry|start|continue)\b",
        r"\bwill be (?:created|deployed|enabled|fulfilled|provisioned|processed|scheduled|started|retried)\b",
        r"\bwill be (?:removed|deleted|rolled back)\b",
    ),
    _Row(  # They say what is lacking; that they only speak of it ("the quota service is down") is not enough here.
        BY_WORDS,
        Subject.ROOM,
        r"\b(?:no(?: more| free| available| spare)?|not enough|insufficient|lack of|out of|exceed(?:s|ed|ing)?"
        r"|exhausted|depleted|reached|hit|over)(?: [\w/.]+){0,3}"
        r" (?:quotas?|capacity|gpus?|resources|credits?|funds|balance|budget|stock|limit of \d+)\b",
        r"\b(?:too many|maximum number of|maximum of \d+)(?: [\w/.]+){0,2} (?:endpoints?|gpus?|replicas?)\b",
        r"\b(?:quotas?|capacity|gpus?|resources?|credits?|funds|budget"
        r"|(?:endpoints?|gpu|replica|project|account|spending|usage) (?:limit|maximum))(?: [\w/.]+){0,3}"
        r" (?:exceeded|exhausted|depleted|reached|used up|sold out|insufficient)\b",
        r"\b(?:payments?|invoices?|balance|billing account)(?: [\w/.]+){0,3}"
        r" (?:required|overdue|unpaid|suspended|insufficient|negative|too low)\b",
        r"\b(?:capacity|gpus?|resources)(?: (?!service\b)[\w/.]+){0,5} (?:not (?:currently )?available|unavailable)\b",
        r"\blimit of \d+(?: [\w/.]+){0,5} (?:exceeded|reached)\b|^\W*limit (?:exceeded|reached)\b",
        r"\bsold out\b|\bat (?:full |maximum )?capacity\b|\b(?:cluster|region|pool)(?: is)? full\b",
        r"\bmax(?:imum)? endpoints\b|\bunpaid (?:invoices?|bills?)\b",
    ),
    _Row(  # Of the rate of requests, which may have a quota too.
        {429},
        Subject.OTHER,
        r"rate limit|too many requests|requests per|per (?:second|minute|hour)",
    ),
    _Row(  # Of capacity, quota or money; nothing was done, so it is enough that they speak of it.
        {400, 402, 403, 422, 429},
        Subject.ROOM,
        r"\bquotas?\b(?! project)|\bcapacity\b|resources? exhausted|sold out",
        r"\b(?:no|not enough) (?:more |free |available |spare )?(?:gpus?|resources?|credits?|funds)\b",
        r"out of (?:gpus?|stock|credits?|funds)",
        r"(?<!load )\bbalance\b|\bbilling\b|\bpayments?\b|\binvoices?\b",
        r"\b(?:credits?|budget) (?:\w+ )?ex(?:hausted|ceeded)\b",
        r"too many (?:\w+ ){0,2}(?:endpoints?|gpus?|replicas?)\b|\bmaximum (?:number )?of (?:\w+ )?endpoints\b",
        r"insufficient(?! (?:permission|privilege|scope|access|right|role|auth))",
    ),
    _Row(  # Of a limit that is reached; with a 400 or 422 it is a field's.
        {403, 409},
        Subject.ROOM,
        r"limit (?:was |is |has been )?(?:exceeded|reached|hit)|limit of \d+",
        r"\b(?:exceed(?:s|ed|ing)?|over|reached|hit)\b .{0,40}limit",
        r"maximum (?:number|of \d)|(?:exceeded|reached) .{0,20}max(?:imum)?\b",
    ),
    _Row(
        {409},
        Subject.TAKEN,
        r"already (?:exists?|taken|in use|used)|\btaken\b|\bin use\b|duplicate|(?:not|be) unique",
    ),
)
_SEPARATORS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|[_-]+")
"""Between the words of a code, however it is spelled."""


def subject_of(said: str, own: str, *, status: int) -> Subject:
    """What a text and its code speak of, in an answer with that status.

    `own` are the words of its message that repeat nothing of the request: only they can refuse it. Where the words
    decide whether anything was done, what leaves that open is looked for in all that was `said`. A word may mean it
    though the request has it too, unless it stands in a name of several parts. It is empty where more was said than is
    looked at, so that nothing is sure.
    """
    if status in BY_WORDS and not said:
        return Subject.OTHER
    said, own = (_SEPARATORS.sub(" ", text) for text in (said, own))
    other = said if status in BY_WORDS else own
    held = (row for row in _TABLE if row.holds(status, other if row.subject is Subject.OTHER else own))
    return next((row.subject for row in held), Subject.OTHER)
