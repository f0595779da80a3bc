"""Simulators for tests: one in a thread of the test's process, one as a process of its own, both on a free port."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tokenfactory_simulator.client import AdminClient
from tokenfactory_simulator.server import Server, bind, url_of
from tokenfactory_simulator.settings import Settings
from tokenfactory_simulator.simulator import Simulator, Tokens

_LISTENING = "listening on "


@dataclass(frozen=True)
class RunningSimulator:
    """A simulator that serves: the API's base URL, and who commands it."""

    url: str
    admin: AdminClient


@contextmanager
def running_simulator(
    *,
    tokens: Tokens | None = None,
    manual_clock: bool = False,
    admin_token: str | None = None,
    **settings: object,
) -> Iterator[RunningSimulator]:
    """A simulator in a thread with its own event loop; `settings` are those of `Settings`.

    Raises:
        pydantic.ValidationError: a setting is unknown or its value is not accepted.
        RuntimeError: it did not start.
    """
    simulator = Simulator(Settings.model_validate(settings), tokens, manual_clock=manual_clock)
    ready = threading.Event()
    server = Server(simulator, admin_token=admin_token, on_ready=ready.set)
    bound = bind("127.0.0.1", 0)
    url = url_of(bound)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="simulator", daemon=True)
    thread.start()
    try:
        if not ready.wait(timeout=30):
            raise RuntimeError("the simulator did not start within 30 s")
        with AdminClient(url, token=admin_token) as admin:
            yield RunningSimulator(url, admin)
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        bound.close()


@contextmanager
def simulator_process(*arguments: str, admin_token: str | None = None) -> Iterator[RunningSimulator]:
    """A simulator as a child process, started with these command-line arguments, ended by SIGTERM.

    Raises:
        RuntimeError: it did not start; the text holds what it said.
    """
    command = [sys.executable, "-m", "tokenfactory_simulator", *arguments]
    secret = ["--admin-token", admin_token] if admin_token else []
    child = subprocess.Popen([*command, *secret], stdout=subprocess.PIPE, text=True, env=os.environ.copy())  # noqa: S603 - our own module
    with child:
        try:
            first = child.stdout.readline() if child.stdout else ""
            if not first.startswith(_LISTENING):
                raise RuntimeError(f"the simulator did not start: {first!r}, exit status {child.poll()}")
            url = first.removeprefix(_LISTENING).strip()
            with AdminClient(url, token=admin_token) as admin:
                yield RunningSimulator(url, admin)
        finally:
            child.terminate()
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
