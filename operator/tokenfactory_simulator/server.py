"""uvicorn, arranged for a simulator: a socket bound beforehand, connections that can be cut, an end without waiting."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn

from tokenfactory_simulator.app import create_app
from tokenfactory_simulator.connection import CuttableProtocol
from tokenfactory_simulator.simulator import Simulator

KEEP_ALIVE = 300
"""Seconds an idle connection stays: a server that closes sooner makes a client's next POST fail now and then."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: the address is taken or is not this machine's.
    """
    bound = socket.create_server((host, port), backlog=2048)
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, and without it every answer of
    # two writes waits for the client's delayed acknowledgement, 40 ms.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def url_of(bound: socket.socket) -> str:
    """Where a socket is reached."""
    host, port = bound.getsockname()[:2]
    return f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serves one simulator; `on_ready` is called once connections are accepted."""

    def __init__(
        self,
        simulator: Simulator,
        *,
        admin_token: str | None = None,
        log_level: str = "warning",
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        config = uvicorn.Config(
            create_app(simulator, admin_token=admin_token),
            http=CuttableProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level=log_level,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._simulator = simulator
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and tell."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, but calls under way are dropped, not awaited."""
        self._simulator.closing.set()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        await super().shutdown(sockets)
