"""The bearer token: put on each request, kept out of everything that people read.

The token is asked for at each request, so that a rotated file is followed without a restart. Nothing here may store its
plain text, and no text that came from outside (an answer, a library's exception or log line) may leave the package
without having passed `redacted`.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

from tokenfactory_operator.domain.errors import OperatorError

TokenProvider = Callable[[], SecretStr]
"""Answers the token as it is now. May raise an `OperatorError`, `OSError` or `ValueError` where there is none."""

REDACTED: Final = "[redacted]"
NO_TOKEN: Final = SecretStr("")
"""Of a request that was not signed."""
_SHORTEST_SECRET: Final = 8
"""Characters; anything shorter is no secret, and taking it out would garble sentences."""
_PART: Final = 12
"""Characters of a secret that are taken out wherever they stand: servers cut what they quote."""
LONGEST_TEXT: Final = 8192
"""Characters; what is longer is cut, since the search costs time for each of them."""
_BEARER = re.compile(r"(?i)\b(bearer[\s:='\"]{1,16})(?=[^\s'\"<>,;]*\d|[^\s'\"<>,;]{20})[^\s'\"<>,;]{4,}")
"""Told from prose ("Bearer authentication required") by a digit or its length."""
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_TRANSPORT_LOGGERS: Final = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)
"""A logger's filter does not see its children's records, so each is named (httpx 0.28, httpcore 1.0)."""


class TokenError(Exception):
    """There is no token that could be sent; nothing has left this process."""


class BearerAuth:
    """The token of `Authorization: Bearer <token>`, read from the provider for each request."""

    def __init__(self, token: TokenProvider) -> None:
        """Keep the provider, never a token."""
        self._token = token

    def __repr__(self) -> str:
        return f"{type(self).__name__}({REDACTED})"

    def token(self) -> SecretStr:
        """The token as it is sent now; raises `TokenError` before anything is sent."""
        try:
            token = self._token().get_secret_value().strip()
        except (OperatorError, OSError, ValueError) as error:
            raise TokenError(f"it could not be read ({error})") from error
        if not token:
            raise TokenError("it is empty")
        if not _VISIBLE_ASCII.fullmatch(token):
            # The transport would refuse it too, with the token in the text of its exception.
            raise TokenError("it has characters that no HTTP header can carry (a line break, a space, not ASCII)")
        return SecretStr(token)


def redacted(text: str, secret: SecretStr | None = None) -> str:
    """`text` without the secret or a part of it, however quoted, and without any token-like word after "Bearer"."""
    text = text[:LONGEST_TEXT]
    token = secret.get_secret_value() if secret else ""
    if len(token) >= _SHORTEST_SECRET:
        forms = _forms(token)
        for form in forms:
            text = text.replace(form, REDACTED)
        text = _without_parts(text, forms)
    return _BEARER.sub(lambda found: f"{found[1]}{REDACTED}", text)


def _forms(token: str) -> list[str]:
    """The token as it may be quoted in a text, longest first."""
    quoted = {json.dumps(token)[1:-1], repr(token)[1:-1], html.escape(token), quote(token), quote(token, safe="")}
    # What surrounds a token moves it by a byte or two against base64's groups of three, and changes the outer groups.
    encoded = {base64.b64encode(bytes(moved) + token.encode()).decode()[4:-4] for moved in range(3)}
    return sorted(quoted | {token} | {form for form in encoded if len(form) >= _PART}, key=len, reverse=True)


def _without_parts(text: str, forms: list[str]) -> str:
    parts = {form[at : at + _PART] for form in forms for at in range(len(form) - _PART + 1)}
    kept: list[str] = []
    at = 0
    while at < len(text):
        end = at
        while text[end : end + _PART] in parts:
            end += 1
        kept.append(text[at] if end == at else REDACTED)
        at = at + 1 if end == at else end + _PART - 1
    return "".join(kept)


class _NoHeaders(logging.Filter):
    """Cuts headers out of what the transport logs at DEBUG: those sent, and those of an answer that echoes them."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "headers" in text.partition(" ")[0]:
            text = text.partition(" ")[0]
        record.msg, record.args = redacted(text), None
        return True


_NO_HEADERS: Final = _NoHeaders()


def guard_transport_logs() -> None:
    """Make the transport's loggers safe at every level; calling it again changes nothing."""
    for name in _TRANSPORT_LOGGERS:
        logging.getLogger(name).addFilter(_NO_HEADERS)
