"""One request to the cloud and its answer as plain data, between the client, the transport and the error mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from pydantic import SecretStr

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes of an answer that are read; a LIST may be larger."""
LIST_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of one page of a LIST: twenty thousand endpoints."""
_MAX_VALUES: Final = 1_000_000
_MAX_GROUPS: Final = 200_000
"""Commas, and pairs of brackets, of an answer: a byte of JSON can cost a hundred of memory."""
MAX_DEPTH: Final = 50
"""Brackets within brackets; the API has six. Not left to the interpreter's own limit, which is for its own stack."""
_MAX_QUOTES: Final = 5_000_000
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")


@dataclass(frozen=True)
class Call:
    """What is to be sent, and what for."""

    method: str
    path: str
    purpose: str
    """For people, at the head of an error: "creating the endpoint"."""
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    """Sent as JSON; also tells that the answer judges a spec."""
    endpoint_id: str | None = None
    """The endpoint that the path names: only then does a 404 speak of an endpoint."""
    answer_limit: int = ANSWER_LIMIT

    @property
    def operation(self) -> str:
        """The name of the operation in metrics: `list`, `create`, `get`, `update`, `delete`, `templates`."""
        if self.method == "GET" and self.endpoint_id is None:
            return "templates" if self.path.endswith("/templates") else "list"
        return {"POST": "create", "GET": "get", "PATCH": "update", "DELETE": "delete"}[self.method]


@dataclass(frozen=True)
class Answer:
    """What came back, whatever it was."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | bytearray = field(repr=False)
    """Empty where the body was larger than may be read."""
    secret: SecretStr
    """The token that was sent, to take it out of texts."""
    oversized: bool = False

    @property
    def success(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:  # noqa: ANN401 - foreign JSON is what it is
        """The decoded body; `None` where it is not JSON of a size that can be held, which no caller takes for one."""
        try:
            return json.loads(self.content) if self.holdable() else None
        except (ValueError, RecursionError):
            return None

    def text(self) -> str | None:
        """The body's text, as JSON is decoded; `None` where it is none."""
        try:
            return self.content.decode(json.detect_encoding(self.content), "surrogatepass")
        except ValueError:
            return None

    def holdable(self) -> bool:
        """Whether what it decodes to is of a size that can be held, and not nested too deeply."""
        groups = max(
            self.content.count(b"{") + self.content.count(b"["), self.content.count(b"}") + self.content.count(b"]")
        )
        if groups > _MAX_GROUPS or self.content.count(b",") > _MAX_VALUES:
            return False
        return groups <= MAX_DEPTH or not _deep(self.content)


def _deep(content: bytes | bytearray) -> bool:
    """Whether brackets, outside of strings, are nested deeper than may be.

    In linear time whatever the text is: no regular expression, and each step takes all innermost brackets away.
    """
    left = content.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_ONE_KIND, _OTHERS)
    if left.count(b'"') > _MAX_QUOTES:
        return True
    left = b"".join(left.split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        left = left.replace(b"[]", b"")
    return bool(left)
