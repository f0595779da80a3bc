"""A server on loopback that answers what a test says: the failures that a real API server cannot be made to have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.login import Connection

CANARY = "canary-token-7f3a"
JsonObject = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body of a request that has one."""
        document: dict[str, Any] = json.loads(self.body)
        return document


Respond = Callable[[Request], bytes | None]
"""The raw bytes to answer; `None` leaves the request without an answer."""


def answer(document: object, *, status: int = 200, **headers: str) -> bytes:
    """An HTTP answer with a JSON body, or with text as it is."""
    body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def status_answer(code: int, reason: str, **headers: str) -> bytes:
    """An error in the API server's own form."""
    return answer(status_object(code, reason), status=code, **headers)


def status_object(code: int, reason: str, *causes: str, message: str = "told so", **about: str) -> dict[str, Any]:
    """A `Status` as the API server writes it; `about`: what it says of its subject."""
    details = {**about, "causes": [{"reason": cause} for cause in causes]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }


@dataclass
class Loopback:
    """The running server: where it is and what it was asked."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def connection(
        self, *, token: str = CANARY, expires_in: timedelta = timedelta(hours=1), proxy_url: str | None = None
    ) -> Connection:
        """How to reach it, with a token of that lifetime."""
        expiration = datetime.now(UTC) + expires_in
        return Connection(server=self.url, token=SecretStr(token), expiration=expiration, proxy_url=proxy_url)

    def kubeconfig(self, folder: Path) -> Path:
        """A file in `folder` that names it."""
        path = folder / "kubeconfig"
        config = {
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {"server": self.url}}],
            "users": [{"name": "it", "user": {"token": CANARY}}],
        }
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return Request(method, target, headers, await reader.readexactly(int(headers.get("Content-Length", 0))))


@asynccontextmanager
async def loopback(respond: Respond) -> AsyncIterator[Loopback]:
    """Serve `respond` on a free port of 127.0.0.1."""
    server = Loopback()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            server.requests.append(request)
            raw = respond(request)
            if raw is None:
                await reader.read()  # until the client gives up
            else:
                writer.write(raw)
                await writer.drain()
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        host, port = listener.sockets[0].getsockname()[:2]
        server.url = f"http://{host}:{port}"
        yield server


@asynccontextmanager
async def client_of(
    server: Loopback, *, request_timeout: float = 5.0, proxy_url: str | None = None
) -> AsyncIterator[KubeClient]:
    """A client of that server."""

    async def load() -> Connection:
        return server.connection()

    async with KubeClient(server.connection(proxy_url=proxy_url), load, request_timeout=request_timeout) as client:
        yield client
