"""One HTTP exchange with the cloud: sent once, bounded in time and size, answered as plain data or as `CloudError`.

It follows no redirect (the token would go along), repeats nothing, and keeps no cookies. The environment's
`HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` are honoured, as cluster administrators expect of any workload (`proxies`,
`tls`); `.netrc` is not, since each request is signed here. No exception of httpx leaves: it holds the signed request.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import httpx
from pydantic import SecretStr

from tokenfactory_operator.cloud.auth import NO_TOKEN, BearerAuth, TokenError
from tokenfactory_operator.cloud.call import ANSWER_LIMIT, Answer, Call
from tokenfactory_operator.cloud.failures import Advice, OnDefect, unreachable
from tokenfactory_operator.cloud.requests import Connection
from tokenfactory_operator.domain.errors import CloudError
from tokenfactory_operator.network import proxies, tls

NETWORK: Final = (httpx.HTTPError, httpx.StreamError, OSError)
"""What goes wrong between here and the cloud, time-outs among it; anything else is a fault of ours."""
MOST_PIECES: Final = 1000
SMALLEST_PIECE: Final = 64
"""Bytes that the pieces of a long answer have on average: each piece costs time, and one may be a single byte."""
DEFAULT_URL: Final = "https://api.tokenfactory.nebius.com"


@dataclass(frozen=True)
class CloudSettings:
    """How the cloud is reached: the operator's settings, never a resource's. Raises `ValueError` on nonsense."""

    base_url: str = DEFAULT_URL
    request_timeout: float = 60.0
    """Seconds for the whole request, from its first byte to the last of its answer."""
    connect_timeout: float = 10.0
    """Seconds for the connection and its TLS handshake, within `request_timeout`."""
    max_connections: int = 10
    """Connections of one credential; one of them is LIST's."""
    rate_limit: float | None = None
    """Calls a second of one credential; `None` for no limit of our own."""
    ca_bundle: Path | None = None
    """PEM file of authorities trusted besides the public ones."""
    trust_env: bool = True
    """Whether the proxy variables of the environment count."""

    def proxy(self, context: ssl.SSLContext) -> httpx.Proxy | None:
        """The proxy to the cloud. An https one is trusted as the cloud is, by `context`. Raises `ProxyError`."""
        address = proxies.of_environment().of(self.base_url) if self.trust_env else None
        if address is None:
            return None
        try:
            url = httpx.URL(address)
            return httpx.Proxy(url, ssl_context=context if url.scheme == "https" else None)
        except httpx.InvalidURL:  # no cause: it may show a password
            raise proxies.ProxyError(
                "HTTPS_PROXY or HTTP_PROXY names a host that is none. Write it as http://host:port, or unset it, or "
                "name the cloud in NO_PROXY."
            ) from None

    @property
    def list_timeout(self) -> float:
        """Seconds for all pages of a LIST together."""
        return 2 * self.request_timeout

    def __post_init__(self) -> None:
        """Check what would otherwise fail at the first request, or send the token elsewhere."""
        try:
            url = httpx.URL(self.base_url)
        except httpx.InvalidURL:
            raise ValueError("base_url must be an http or https address") from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("base_url must be an http or https address")
        if url.userinfo or url.query or url.fragment:
            raise ValueError("base_url must have no user, query or fragment")
        for name in ("request_timeout", "connect_timeout", "rate_limit"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be greater than 0, not {value}")
        if self.max_connections < 2:  # noqa: PLR2004 - one for changes and one for LIST
            raise ValueError(f"max_connections must be at least 2, not {self.max_connections}")


def tls_context(ca_bundle: Path | None = None) -> ssl.SSLContext:
    """Verification by the public authorities and those of `ca_bundle`. Costly: share it between credentials.

    Raises:
        ValueError: the bundle, or that of the environment, cannot be read or holds no certificate.
    """
    wrong = tls.problem()
    if wrong:
        raise ValueError(wrong)
    context = tls.as_kubectl(httpx.create_ssl_context())
    if ca_bundle is not None:
        try:
            context.load_verify_locations(cafile=ca_bundle)
        except OSError as error:  # ssl.SSLError is one too
            raise ValueError(f"the CA bundle {ca_bundle} cannot be used: {error}") from error
    return context


class Progress:
    """How far one request came, as httpcore traces it: whether anything of it can have reached the cloud."""

    def __init__(self) -> None:
        self._connecting = False
        self._sending = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """The extension `trace`; a proxy's CONNECT is not yet the request."""
        if event.endswith((".connect_tcp.started", ".start_tls.started")):
            self._connecting = True
        elif event.endswith(".send_request_headers.started"):
            connect = getattr(info.get("request"), "method", b"") == b"CONNECT"
            self._connecting, self._sending = self._connecting or connect, self._sending or not connect

    @property
    def unsent(self) -> bool:
        """Seen to be still connecting; False also where nothing was seen."""
        return self._connecting and not self._sending


async def exchange(
    connection: Connection,
    call: Call,
    *,
    auth: BearerAuth,
    request_timeout: float,
    advice: Advice,
    on_head: Callable[[int, Mapping[str, str]], None],
    on_defect: OnDefect,
) -> Answer:
    """Send `call` once. `on_head` gets status and headers as soon as they are there, even if the body never comes.

    Raises:
        CloudError: no whole answer came; nothing is known then, unless the error says that nothing was sent.
    """
    failure: CloudError
    progress, token = Progress(), NO_TOKEN
    try:
        token = auth.token()
        request = connection.requests.of(call, token, progress.trace)
    except TokenError as error:
        failure = unreachable(call, error, secret=token, advice=advice)
    except Exception as error:  # noqa: BLE001 - as below
        failure = on_defect(error, call.purpose, refused=True)
    else:
        try:
            async with asyncio.timeout(request_timeout):
                response = await connection.send(request)
                try:
                    on_head(response.status_code, response.headers)
                    return await _read(
                        response, token, limit=call.answer_limit if response.is_success else ANSWER_LIMIT
                    )
                finally:
                    await response.aclose()
        except NETWORK as error:
            failure = unreachable(call, error, secret=token, advice=advice, unsent=progress.unsent)
        except Exception as error:  # noqa: BLE001 - the port promises CloudError and nothing else
            if connection.is_closed:  # `Connections.aclose`, which is no fault of anybody
                failure = unreachable(call, error, secret=token, advice=advice, unsent=progress.unsent)
            else:
                failure = on_defect(error, call.purpose, refused=progress.unsent)
    # Raised out here so that it carries neither cause nor context: those hold the signed request.
    raise failure


async def _read(response: httpx.Response, token: SecretStr, *, limit: int) -> Answer:
    compressed = response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}
    content, pieces = bytearray(), 0
    # As they come: nothing is to be decoded, and nobody reads them twice.
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        if compressed and chunk:
            raise httpx.DecodingError("the answer is compressed, which was not asked for")
        content += chunk
        pieces += 1
        if len(content) > limit:
            break
        if pieces > MOST_PIECES + len(content) // SMALLEST_PIECE:
            raise httpx.DecodingError("the answer comes in too many small pieces")
    oversized = len(content) > limit
    return Answer(
        status=response.status_code,
        headers=response.headers,
        content=b"" if oversized else content,
        secret=token,
        oversized=oversized,
    )
