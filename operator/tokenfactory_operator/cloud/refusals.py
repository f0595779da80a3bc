"""Which answers of the API refuse a request, and for what: by status and, where needed, what their words speak of.

This alone decides "refused" (docs/protocol.md, Create 5). It holds for answers in one of the API's own JSON error forms
only: what a gateway says proves nothing. Pure.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tokenfactory_operator.cloud.words import BY_WORDS, Subject, subject_of
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


class Kind(enum.Enum):
    """What the request was."""

    CREATE = "POST with a spec"
    CHANGE = "PATCH with a spec"
    OTHER = "anything else"


REFUSALS: Final = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
"""Statuses by which the API says that nothing was done, whatever its words."""

_JUDGED: Final = frozenset({400, 404, 405, 413, 415, 422})
_BY_STATUS: Final[Mapping[int, type[CloudError]]] = MappingProxyType(
    {401: Unauthorized, 402: Forbidden, 403: Forbidden, 409: CloudConflict, 429: RateLimited}
)


def judged(
    kind: Kind, status: int, said: str, own: str, *, by_id: bool, names_one: bool = False
) -> tuple[type[CloudError], bool]:
    """The error of an answer in the API's own form, and whether the request surely had no effect.

    `said` and `own`: its words, as `subject_of` takes them. `by_id`: the path names an endpoint. `names_one`: so does
    the answer, beside its words.
    """
    subject = subject_of(said, own, status=status)
    if names_one and subject is Subject.ROOM and status in BY_WORDS:  # what is lacking, it waits for
        subject = Subject.OTHER
    carries_spec = kind is not Kind.OTHER
    if carries_spec and (subject is Subject.ROOM or status == 402):  # noqa: PLR2004 - Payment Required
        return QuotaExceeded, True
    if kind is Kind.CREATE and subject is Subject.TAKEN:
        return InvalidSpec, True
    carries_spec = carries_spec and subject is not Subject.PATH
    return _by_status(status, carries_spec=carries_spec, by_id=by_id), status in REFUSALS or (status == 410 and by_id)  # noqa: PLR2004 - HTTP


def _by_status(status: int, *, carries_spec: bool, by_id: bool) -> type[CloudError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in {404, 410} and by_id:
        return EndpointNotFound
    # Only a request that carries a spec can be at fault for it; a LIST or a DELETE is to be tried again.
    return InvalidSpec if carries_spec and status in _JUDGED else CloudUnavailable


def foreign(status: int) -> type[CloudError]:
    """The error of an answer that is not in the API's form: its outcome is open."""
    return _BY_STATUS.get(status, CloudUnavailable)
