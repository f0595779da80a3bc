"""Sessions with the API server, ours and kopf's: each request signed afresh, and bounded before its answer begins.

aiohttp reads informational answers (1xx) one after the other as long as they come. A server that sends nothing else
would take the whole processor until the call's time is over, and kopf's watches have no such time. Nothing is repeated
or judged here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.login import Connection
from tokenfactory_operator.network.tls import as_kubectl

MOST_INFORMATIONAL: Final = 100
"""Informational answers that may come before an answer; an API server sends none."""
LOAD_TIMEOUT: Final = 30.0
"""Seconds for reading credentials: a kubeconfig may name a program that makes them."""

_HTTP_UNAUTHORIZED: Final = 401
_SWITCHING: Final = 101
"""An answer, although its number is that of an informational one."""

Loader = Callable[[], Awaitable[Connection]]


async def loaded(load: Loader) -> Connection:
    """The connection, anew. Raises `SetupError`, also where reading it takes too long."""
    try:
        async with asyncio.timeout(LOAD_TIMEOUT):
            return await load()
    except TimeoutError:
        raise SetupError(
            f"The credentials for Kubernetes could not be read within {LOAD_TIMEOUT:g} s: does the program that the "
            "kubeconfig names for them wait for something?"
        ) from None


class Signer:
    """Who the operator is: credentials are read anew when they have expired, and after a 401.

    So a rotated token is followed, and no path that answers 401 disturbs another one. They are read once for all
    requests that wait for them, and to the end, also where a request has less time than that takes.
    """

    def __init__(self, connection: Connection, load: Loader) -> None:
        """`load` gives the connection anew."""
        self._connection = connection
        self._load = load
        self._refused = False
        self._loading: asyncio.Task[None] | None = None

    @property
    def loading(self) -> bool:
        """Whether the credentials are being read."""
        return self._loading is not None

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Sign `request`, as a middleware of aiohttp. Raises `SetupError` for the credentials."""
        if self._outdated():
            self._loading = self._loading or asyncio.create_task(self._renew(), name="credentials")
            await asyncio.shield(self._loading)
        value = self._connection.authorization
        if value:
            request.headers["Authorization"] = value
        answer = await handler(request)
        if answer.status == _HTTP_UNAUTHORIZED and value == self._connection.authorization:
            self._refused = True
        return answer

    async def _renew(self) -> None:
        try:
            fresh = await loaded(self._load)
            if fresh.server != self._connection.server:  # another context is current: its token is not for this server
                raise SetupError(
                    f"The credentials are for {fresh.server} by now, and this process works with "
                    f"{self._connection.server}: start it again."
                )
            self._connection, self._refused = fresh, False
        finally:
            self._loading = None

    def _outdated(self) -> bool:
        expiration = self._connection.expiration
        return expiration is not None and (self._refused or datetime.now(UTC) >= expiration)


class _Protocol(ResponseHandler):
    """A connection on which an answer begins soon, or fails."""

    _informational = 0

    async def read(self) -> Any:  # noqa: ANN401 - as aiohttp's
        message = await super().read()
        code = message[0].code
        self._informational = self._informational + 1 if code // 100 == 1 and code != _SWITCHING else 0
        if self._informational > MOST_INFORMATIONAL:
            raise aiohttp.ClientPayloadError("too much comes before the head of the answer")
        return message


class _Connector(aiohttp.TCPConnector):
    def __init__(self, *, tls: ssl.SSLContext, limit: int) -> None:
        super().__init__(ssl=tls, limit=limit)
        made: Callable[[], ResponseHandler] = partial(_Protocol, loop=self._loop)
        self._factory = cast("partial[ResponseHandler]", made)  # aiohttp has no argument for it


def trusted(connection: Connection) -> ssl.SSLContext:
    """Whom a session trusts, and as whom it is known. Raises `OSError` or `ValueError` for files that are of no use."""
    context = as_kubectl(ssl.create_default_context(cafile=connection.ca_path))
    if connection.certificate_path:
        context.load_cert_chain(connection.certificate_path, keyfile=connection.private_key_path)
    return context


def session(
    tls: ssl.SSLContext,
    proxy: str | None,
    *middlewares: aiohttp.ClientMiddlewareType,
    limit: int,
    **options: Any,  # noqa: ANN401  # as aiohttp's
) -> aiohttp.ClientSession:
    """A session of the running loop; `limit` is its number of connections, 0 for any."""
    return aiohttp.ClientSession(
        connector=_Connector(tls=tls, limit=limit),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # the connection has the proxy, by kubectl's rules
        proxy=proxy,
        middlewares=middlewares,
        **options,
    )
