"""A raw HTTP server between operator and simulator that answers with the credential that it was sent.

It passes calls on until it is told to answer some of them in a form of its own: what proxies, gateways and the cloud
itself might do with an `Authorization` header, from an error message to something that is no HTTP at all.
"""

from __future__ import annotations

import base64
import gzip
import html
import itertools
import json
import socketserver
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import httpx

_PADDINGS: Final = itertools.cycle(range(0, 600, 37))
"""Characters before the credential: texts are cut somewhere, and a cut must not leave a part of it."""


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def token(self) -> str:
        """What was sent as bearer."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


Form = Callable[[str], bytes]
"""From a token to a whole answer."""


def _answer(status: int, body: str | bytes, *, kind: str = "application/json", **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def _detail(status: int, text: str, **headers: str) -> bytes:
    return _answer(status, json.dumps({"detail": "x" * next(_PADDINGS) + text}), **headers)


def _basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_UPSTREAM: Final = httpx.Client(
    trust_env=False,
    timeout=30.0,
    verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    limits=httpx.Limits(max_keepalive_connections=0),
)
"""To clouds, which have no TLS: a client of its own for each request reads the authorities, which takes 20 ms."""
FORMS: Final[Mapping[str, Form]] = {
    "detail": lambda t: _detail(401, f"Invalid API key: {t}", WWW_Authenticate=f'Bearer realm="{t}"'),
    "openai": lambda t: _answer(403, json.dumps({"error": {"message": f"Bearer {t} is not allowed", "type": t}})),
    "validation": lambda t: _answer(422, json.dumps({"detail": [{"loc": ["body", t], "msg": f"{t}?", "type": t}]})),
    "escaped": lambda t: _answer(400, '{"detail": "' + "".join(f"\\u{ord(char):04x}" for char in t) + '"}'),
    "page": lambda t: _answer(502, f"<html><title>Bad {html.escape(t)}</title><p>{t}", kind="text/html"),
    "entities": lambda t: _answer(503, "<p>Bearer " + "".join(f"&#{ord(char)};" for char in t), kind="text/html"),
    "text": lambda t: _answer(500, f"{'y ' * next(_PADDINGS)}Authorization: Bearer {t}", kind="text/plain"),
    "loose": lambda t: _answer(500, json.dumps({"message": f"upstream got {t!r}"})),
    "cut": lambda t: _detail(500, t)[: -len(t) // 2],
    "head": lambda t: _detail(500, f"Invalid API key: {t[: len(t) // 2]}…"),
    "tail": lambda t: _detail(500, f"Invalid API key: …{t[len(t) // 2 :]}"),
    "base64": lambda t: _detail(500, f"{_basic(t)} {_basic('Bearer ' + t)} {_basic('user:' + t)}"),
    "quoted": lambda t: _detail(500, f"/login?token={quote(t, safe='')}&again={quote(t)}"),
    "redirect": lambda t: _answer(307, t, Location=f"http://127.0.0.1:9/?token={quote(t)}", Set_Cookie=f"key={t}"),
    "throttled": lambda t: _detail(429, f"slow down, {t}", Retry_After=t),
    "no-http": lambda t: f"{t} is no HTTP\r\n\r\n".encode(),
    "bad-header": lambda t: f"HTTP/1.1 200 OK\r\n{t}\r\nBearer {t}\x00: 1\r\n\r\n".encode(),
    "bad-reason": lambda t: f"HTTP/1.1 5x2 Bearer {t}\r\n\r\n".encode(),
    "bad-length": lambda t: f"HTTP/1.1 200 OK\r\nContent-Length: {t}\r\n\r\n{t}".encode(),
    "bad-chunk": lambda t: f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{t}\r\n{t}\r\n".encode(),
    "bad-gzip": lambda t: _answer(200, gzip.compress(t.encode())[:-9] + t.encode(), Content_Encoding="gzip"),
    "no-json": lambda t: _answer(200, f'{{"id": {t}'),
    "no-fields": lambda t: _answer(200, json.dumps({t: t, "endpoints": t, "id": {"token": t}})),
}
"""By name; each name may be a part of an object's."""


@dataclass
class Echo:
    """A running server. `choose` answers the form's name for a request, or `None` to pass it on."""

    url: str
    upstream: str
    choose: Callable[[Request], str | None] = lambda _: None
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Answers by method and form."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> bytes:
        """The bytes to send back."""
        with self.lock:
            name = self.choose(request)
            if name is not None:
                self.answered[request.method, name] += 1
                return FORMS[name](request.token)
        return self._passed_on(request)

    def _passed_on(self, request: Request) -> bytes:
        kept = {name: request.headers[name] for name in ("authorization", "content-type") if name in request.headers}
        target = f"{self.upstream}{request.target}"
        answer = _UPSTREAM.request(request.method, target, headers=kept, content=request.body)
        return _answer(answer.status_code, answer.content, kind=answer.headers.get("content-type", "text/plain"))


def _read(stream: socketserver.StreamRequestHandler) -> Request | None:
    first = stream.rfile.readline().decode().split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := stream.rfile.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(first[0], first[1], headers, stream.rfile.read(int(headers.get("content-length", 0))))


@contextmanager
def echoing(upstream: str) -> Iterator[Echo]:
    """A server before the one at `upstream`, until the block ends."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = _read(self)
            if request is not None:
                self.wfile.write(echo.answer(request))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        echo = Echo(f"http://127.0.0.1:{server.server_address[1]}", upstream)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="echo")
        thread.start()
        try:
            yield echo
        finally:
            server.shutdown()
            thread.join()
