"""Serves the probes (`/livez`, `/readyz`, `/healthz`) and `/metrics`; runs before everything else and ends after it.

It answers from what checks tell it at the moment of the request and decides nothing. It runs on the operator's own
event loop on purpose: a loop that is blocked makes the liveness probe time out.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import structlog
from aiohttp import web

from tokenfactory_operator.settings import ListenAddress, StartupError
from tokenfactory_operator.settings.names import both_spellings
from tokenfactory_operator.telemetry.doors import Doors

Check = Callable[[], str | None]
"""Answers what is wrong, for people, or `None`."""

Note = Callable[[], str]
"""Answers a fact that is neither good nor bad, for people."""

Exposition = Callable[[str], tuple[bytes, str]]
"""From an `Accept` header to the metrics and their content type (`Metrics.render`)."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BACKLOG: Final = 128
"""Connections that wait to be accepted."""
RENDER_SECONDS: Final = 0.1
"""Time for which the metrics are served as they were."""
FORMS: Final = ("application/openmetrics-text",)
"""Those of the metrics besides the plain one, by what an `Accept` header has."""
SHUTDOWN_SECONDS: Final = 1.0
"""Time that a request under way is given when the server stops; a probe needs none."""

_LOG = structlog.stdlib.get_logger(__name__)
_TAKEN: Final = {
    errno.EADDRINUSE: "is taken by another process",
    errno.EACCES: "may not be used by this user",
    errno.EADDRNOTAVAIL: "is no address of this machine",
}


class HealthServer:
    """The probes and the metrics, each at its address; equal addresses share one server.

    Use it as an asynchronous context manager. Checks may be registered at any time; until the first readiness check is
    there, the process is not ready.
    """

    def __init__(
        self, *, health_address: ListenAddress | None, metrics_address: ListenAddress | None, exposition: Exposition
    ) -> None:
        """`None` for an address switches its paths off."""
        self._addresses = {"health_address": health_address, "metrics_address": metrics_address}
        self._exposition = exposition
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}
        self._notes: dict[str, Note] = {}
        self._runners: list[web.AppRunner] = []
        self._servers: list[asyncio.Server] = []
        self._ports: dict[str, int] = {}
        self._rendered: dict[str, tuple[bytes, str]] = {}
        self._rendered_at = float("-inf")

    def add_liveness(self, name: str, check: Check) -> None:
        """While `check` answers a problem the process should be restarted."""
        self._live[name] = check

    def add_readiness(self, name: str, check: Check) -> None:
        """While `check` answers a problem the process does not do its work."""
        self._ready[name] = check

    def add_note(self, name: str, note: Note) -> None:
        """`/readyz` says this, too; it changes nothing of the verdict."""
        self._notes[name] = note

    @property
    def health_port(self) -> int | None:
        """The port that the probes are served at; `None` when they are off or not started."""
        return self._ports.get("health_address")

    @property
    def metrics_port(self) -> int | None:
        """The port that the metrics are served at; `None` when they are off or not started."""
        return self._ports.get("metrics_address")

    async def __aenter__(self) -> Self:
        """Listen. Raises `StartupError`, naming the setting, where an address cannot be used."""
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        paths: dict[str, dict[str, Handler]] = {
            "health_address": {
                "/livez": self._serve_live,
                "/healthz": self._serve_live,
                "/readyz": self._serve_ready,
            },
            "metrics_address": {"/metrics": self._serve_metrics},
        }
        for address in dict.fromkeys(self._addresses.values()):
            names = [name for name, other in self._addresses.items() if other == address]
            if address is not None:
                await self._listen(address, names, {k: v for name in names for k, v in paths[name].items()})

    async def _listen(self, address: ListenAddress, names: list[str], paths: Mapping[str, Handler]) -> None:
        application = web.Application()
        application.add_routes([web.get(path, handler) for path, handler in paths.items()])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        self._runners.append(runner)
        await runner.setup()
        assert runner.server is not None  # noqa: S101 - it is set up
        loop, doors = asyncio.get_running_loop(), Doors(runner.server)
        try:
            server = await loop.create_server(doors, address.host, address.port, backlog=BACKLOG)
        except OSError as error:
            raise StartupError(_unusable(address, names, error)) from error
        self._servers.append(server)
        port = server.sockets[0].getsockname()[1]
        self._ports.update(dict.fromkeys(names, port))
        _LOG.info("listening", address=str(ListenAddress(address.host, port)), paths=sorted(paths))

    async def _stop(self) -> None:
        while self._servers:
            self._servers.pop().close()
        while self._runners:
            await self._runners.pop().cleanup()
        self._ports.clear()

    async def _serve_live(self, _request: web.Request) -> web.Response:
        return _report("livez", _outcomes(self._live))

    async def _serve_ready(self, _request: web.Request) -> web.Response:
        starting = {} if self._ready else {"startup": "still starting"}
        notes = [f"{name}: {note()}" for name, note in self._notes.items()]
        return _report("readyz", {**starting, **_outcomes(self._ready)}, notes)

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._exposed(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    def _exposed(self, accept: str) -> tuple[bytes, str]:
        """Made for all who ask at about the same time: it costs more than all else here, and anybody may ask."""
        now = asyncio.get_running_loop().time()
        if now - self._rendered_at >= RENDER_SECONDS:
            self._rendered.clear()
            self._rendered_at = now
        form = next((part for part in FORMS if part in accept), "")
        if form not in self._rendered:
            self._rendered[form] = self._exposition(accept if form else "")
        return self._rendered[form]


def _outcomes(checks: Mapping[str, Check]) -> dict[str, str | None]:
    return {name: _outcome(name, check) for name, check in checks.items()}


def _outcome(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception as error:  # noqa: BLE001  a check that cannot answer is a problem like any other
        # Its text stays in the log, where secrets are hidden.
        _LOG.exception("check failed", check=name)
        return f"failed with {type(error).__name__}"


def _report(endpoint: str, outcomes: Mapping[str, str | None], notes: Sequence[str] = ()) -> web.Response:
    """The form of kube-apiserver's verbose `/livez`: one line for each check, then the verdict."""
    passed = not any(outcomes.values())
    lines = [f"[-]{name}: {problem}" if problem else f"[+]{name} ok" for name, problem in outcomes.items()]
    lines += notes
    lines.append(f"{endpoint} check {'passed' if passed else 'failed'}")
    status = HTTPStatus.OK if passed else HTTPStatus.SERVICE_UNAVAILABLE
    return web.Response(text="\n".join(lines) + "\n", status=status, headers={"Cache-Control": "no-store"})


def _unusable(address: ListenAddress, names: list[str], error: OSError) -> str:
    settings = " and ".join(both_spellings(name) for name in names)
    problem = _TAKEN.get(error.errno or 0, f"cannot be listened on ({type(error).__name__})")
    return f"{settings}: {str(address)!r} {problem}; accepted: a free host:port, or 0 to switch it off"
