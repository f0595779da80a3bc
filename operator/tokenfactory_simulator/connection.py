"""Cutting a TCP connection under an HTTP server, for answers that must get lost.

ASGI has no word for it: an application that raises makes uvicorn answer 500. So the protocol puts its transport into
the scope, and `cut` closes that.
"""

import contextlib
import socket
import struct
from asyncio import BaseTransport, Transport
from typing import Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tokenfactory_simulator.effects import Cut
from tokenfactory_simulator.exchange import Answer

TRANSPORT_KEY = "tokenfactory.transport"


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with the transport within the application's reach."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Wrap the application of this connection."""
        super().connection_made(cast("Transport", transport))
        inner = cast("Any", self.app)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope[TRANSPORT_KEY] = transport
            await inner(scope, receive, send)

        self.app = cast("Any", app)


async def cut(scope: Scope, receive: Receive, send: Send, *, how: Cut, answer: Answer | None = None) -> None:
    """Cut the connection of a request that was not answered, and return once the server knows.

    Raises:
        ConnectionAbortedError: the application does not run under `CuttableProtocol`.
    """
    transport = scope.get(TRANSPORT_KEY)
    if not isinstance(transport, Transport):
        raise ConnectionAbortedError("the connection was cut")
    if how == "truncate" and answer and answer.body:
        await _send_half(send, answer)
    if how == "reset":
        # A linger time of zero makes close() send RST instead of FIN.
        raw = cast("socket.socket", transport.get_extra_info("socket"))
        with contextlib.suppress(OSError):  # the client has gone first
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_half(send: Send, answer: Answer) -> None:
    headers = answer.headers | {"content-length": str(len(answer.body))}
    await send({"type": "http.response.start", "status": answer.status, "headers": raw_headers(headers)})
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})


def raw_headers(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
