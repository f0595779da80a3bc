"""One connection pool to the API server: bounded requests, fresh credentials, errors of our own tree.

It knows nothing of resources and repeats nothing: whoever asked decides again (aiohttp by itself sends a GET once more
when its connection breaks, never a PATCH or POST). A rotated token is followed without a restart (`sessions`); server,
CA and client certificate are those of the start (`renewed`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypedDict, Unpack
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube import forms
from tokenfactory_operator.kube.errors import NoAnswer, SetupError, TooLarge, from_answer, reading
from tokenfactory_operator.kube.login import Connection, load_connection
from tokenfactory_operator.kube.paths import kind_of, target_of
from tokenfactory_operator.kube.sessions import Loader, Signer, loaded, session, trusted
from tokenfactory_operator.kube.under_way import WritesUnderWay
from tokenfactory_operator.ports import JsonObject

MANAGER: Final = "tokenfactory-operator"
"""The operator's name in `metadata.managedFields`, in events and as user agent."""
AS_MANAGER: Final = (("fieldManager", MANAGER),)
"""The query of a write."""
CONNECTIONS: Final = 100
"""At once, to the API server."""
REQUEST_TIMEOUT: Final = 15.0
"""Seconds for a whole request, from taking a connection to the last byte of the answer."""
MERGE_PATCH: Final = "application/merge-patch+json"
JSON: Final = "application/json"

_HTTP_OK: Final = range(200, 300)
# aiohttp's own limit (5 minutes) stays off: `asyncio.timeout` bounds the request, credentials included.
_NO_LIMIT: Final = aiohttp.ClientTimeout(total=None)
_READ_AHEAD: Final = 2**21
"""Bytes of an answer that are read before somebody takes them: pages of a listing are large."""

_UNTRUSTED: Final = (
    "the API server's certificate is not trusted. Was its CA renewed? Then the kubeconfig, or the pod's service "
    "account, has to get the new one"
)

_AWAITED: Final = frozenset({"metadata", "status", "configmap"})
"""Kinds of writes that something waits for; nothing waits for an Event."""

DRY_RUN: Final = ("dryRun", "All")
"""The parameter of a request that writes nothing."""

Answered = Callable[[str, str, KubeError | None], None]
"""Told of each answer: method, path, and the error that it stands for."""
Written = Callable[[str, int], None]
"""Told of each write: what (`metadata`, `status`, `event`, `configmap`) and the HTTP status, 0 where no answer came."""


def _nobody(_kind: str, _code: int) -> None:
    """Nobody counts."""


def _unobserved(_method: str, _path: str, _error: KubeError | None) -> None:
    """Nobody listens."""


class Options(TypedDict, total=False):
    """What a request may have besides its method and path."""

    query: Sequence[tuple[str, str]]
    body: JsonObject | None
    content_type: str
    accept: str


class KubeClient:
    """Requests to one API server, until `close`."""

    def __init__(
        self,
        connection: Connection,
        load: Loader,
        *,
        request_timeout: float = REQUEST_TIMEOUT,
        written: Written = _nobody,
        answered: Answered = _unobserved,
    ) -> None:
        """`load` gives the connection anew when its credentials have expired; `request_timeout` is in seconds."""
        self._written = written
        self._answered = answered
        self._connection = connection
        self._load = load
        self._timeout = request_timeout
        self._tls, self._signer = trusted(connection), Signer(connection, load)
        self._session: aiohttp.ClientSession | None = None
        self._trust, self._written_as = connection.trust, connection.written
        self._writes = 0
        self.under_way = WritesUnderWay()

    @property
    def writing(self) -> bool:
        """Whether a write is under way that is no Event."""
        return self._writes > 0

    @property
    def server(self) -> str:
        """Where the API server is."""
        return self._connection.server

    @property
    def root(self) -> str:
        """What its address has behind the host: a proxy for many clusters has a path for each. Empty for most."""
        return URL(self.server).path.rstrip("/")

    @property
    def namespace(self) -> str:
        """The operator's own namespace."""
        return self._connection.namespace

    async def renewed(self) -> bool:
        """Whether another server, CA or client certificate is written down by now than at the start.

        This client keeps those of its start, and so does the watch. Files that cannot be used are half written: they
        are read again the next time.
        """
        now = self._connection.written
        if now == self._written_as:
            return False
        try:
            fresh = await loaded(self._load)
        except SetupError:
            return False
        self._written_as = now
        return fresh.trust != self._trust

    async def close(self) -> None:
        """Close the pool; call it once, when nothing is under way."""
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def request(self, method: str, path: str, **options: Unpack[Options]) -> JsonObject:
        """Send one request and answer its JSON object.

        Raises:
            KubeNotFound, KubeConflict: the API server says so about an object.
            NoAnswer: a failure of the network.
            KubeError: any other failure, of the answer's form too.
        """
        return _parsed(f"{method} {path}", await self._answer(method, path, **options))

    async def object(self, method: str, path: str, **options: Unpack[Options]) -> JsonObject:
        """As `request`, where the answer is the object; raises `KubeError` where it is none, or another (`forms`)."""
        document = await self.request(method, path, **options)
        asked, sent = target_of(path), options.get("body") or {}
        with reading(f"{method} {path}"):
            name = asked.name or (sent.get("metadata") or {}).get("name", "")  # of one that is being made
            return forms.object_of(document, asked._replace(name=name), bare=options.get("accept", JSON) != JSON)

    async def page(
        self, path: str, *, query: Sequence[tuple[str, str]] = (), accept: str = JSON, most: int | None = None
    ) -> tuple[forms.Page, int]:
        """GET a page of a listing; answers it and its size in bytes.

        Raises as `object`, and `TooLarge` where the answer has more bytes than `most`; `None`: any number.
        """
        data = await self._answer("GET", path, query=query, accept=accept, most=most)
        with reading(f"GET {path}"):
            return forms.page_of(_parsed(f"GET {path}", data), target_of(path), bare=accept != JSON), len(data)

    async def text(self, path: str, *, most: int) -> str:
        """GET what is no JSON, such as what a pod serves, of `most` bytes at most. Raises as `request`."""
        data = await self._answer("GET", path, content_type=None, accept="text/plain", most=most)
        return data.decode(errors="replace")

    async def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: JsonObject | None = None,
        content_type: str | None = JSON,
        accept: str = JSON,
        most: int | None = None,
    ) -> bytes | bytearray:
        headers = {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        request, status = f"{method} {path}", 0
        dry = DRY_RUN in query
        kind = kind_of(path) if method != "GET" and not dry else ""
        self._writes += kind in _AWAITED
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._send(method, path, query, body, headers)
                status, data = answer.status, await _content(answer, request, most)
        except TimeoutError as error:
            lacking = "credentials were read" if self._signer.loading else "answer"
            raise NoAnswer(f"{request}: no {lacking} within {self._timeout:g} s") from error
        except aiohttp.ClientResponseError as error:
            # No cause: its repr shows the request's headers, the token among them.
            raise KubeError(f"{request}: {error.message}") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise KubeError(f"{request}: {_UNTRUSTED} ({error.certificate_error})") from error
        except ValueError as error:  # a wrong URL or certificate too: no fault of the network
            raise KubeError(f"{request}: {type(error).__name__}: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"{request}: {type(error).__name__}: {error}") from error
        except SetupError as error:
            raise KubeError(f"{request}: {error.message}") from error
        finally:
            self._writes -= kind in _AWAITED
            if kind:
                self._written(kind, status)
        if status not in _HTTP_OK:
            after = answer.headers.get("Retry-After")
            refusal = from_answer(request, status=status, body=data, retry_after=after, asked=target_of(path))
            self._tell(method, path, refusal, dry=dry)
            raise refusal
        self._tell(method, path, None, dry=dry)
        return data

    def _tell(self, method: str, path: str, error: KubeError | None, *, dry: bool) -> None:
        if not dry:  # which is no write, and says nothing of one
            self._answered(method, path, error)

    async def _send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: JsonObject | None,
        headers: Mapping[str, str],
    ) -> aiohttp.ClientResponse:
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        url = URL(f"{self.server}{path}{asked}", encoded=True)
        data = None if body is None else json.dumps(body, default=dict).encode()  # any mapping is an object
        # No redirect is followed: a PATCH would become a GET, and its answer be taken for what was written.
        return await self._pool().request(method, url, data=data, headers=headers, allow_redirects=False)

    def _pool(self) -> aiohttp.ClientSession:
        """The connections; made by the first request, since they belong to the loop that runs then."""
        if self._session is None:
            self._session = self.session(timeout=_NO_LIMIT, read_bufsize=_READ_AHEAD)
        return self._session

    def session(
        self,
        *middlewares: aiohttp.ClientMiddlewareType,
        limit: int = CONNECTIONS,
        **options: Any,  # noqa: ANN401  # as aiohttp's
    ) -> aiohttp.ClientSession:
        """Other connections to the same server, with the same credentials; whoever asks closes them.

        `options` are aiohttp's. `limit` is the number of connections, 0 for any.
        """
        named = {"headers": {"User-Agent": MANAGER}, **options}
        return session(self._tls, self._connection.proxy_url, *middlewares, self._signer, limit=limit, **named)


async def _content(answer: aiohttp.ClientResponse, request: str, most: int | None) -> bytes | bytearray:
    if most is None:
        return await answer.read()
    try:
        return await _bounded(answer.content, request, most)
    except BaseException:
        answer.close()  # what is left of it would keep the connection open
        raise


async def _bounded(content: aiohttp.StreamReader, request: str, most: int) -> bytearray:
    read = bytearray()
    async for part in content.iter_any():
        read += part
        if len(read) > most:
            raise TooLarge(f"{request}: the answer has more than {most} bytes")
    return read


def _parsed(request: str, data: bytes | bytearray) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise KubeError(f"{request}: the answer is not JSON") from error
    if not isinstance(document, dict):
        raise KubeError(f"{request}: the answer is not a JSON object")
    return document


async def connect(
    load: Loader = load_connection,
    *,
    request_timeout: float = REQUEST_TIMEOUT,
    written: Written = _nobody,
    answered: Answered = _unobserved,
) -> KubeClient:
    """A client for the API server that the environment names; no request is made yet.

    Raises:
        SetupError: no API server or no usable credentials were found.
    """
    connection = await load()
    try:
        return KubeClient(connection, load, request_timeout=request_timeout, written=written, answered=answered)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SetupError(
            f"The certificates for {connection.server} cannot be used ({type(error).__name__}): check the CA and the "
            "client certificate of the kubeconfig or service account."
        ) from error
