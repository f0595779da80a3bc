"""The election of this process: its Lease, its clocks, and its hard end when the lease is lost.

A process that is too late to renew is ended by `watchdog`, also if it hangs or was stopped.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final, NoReturn

from tokenfactory_operator.kube.client import connect
from tokenfactory_operator.kube.leases import KubeLeases
from tokenfactory_operator.leader.election import Election, Elector, NoElection
from tokenfactory_operator.process import watchdog
from tokenfactory_operator.settings import Settings

EXIT_LEASE_LOST: Final = 3
"""Exit status of a process that has lost its lease; 14 where `watchdog` had to end it."""

_LOG: Final = logging.getLogger(__name__)


class SystemClock:
    """The machine's clocks; implements `ports.Clock` and `lease.LeaseClock`."""

    def monotonic(self) -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """Seconds since boot; where a platform lacks that clock (macOS), those of the monotonic one."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()


@contextlib.asynccontextmanager
async def election(settings: Settings) -> AsyncIterator[Election]:
    """How this process comes to lead, with a client of its own; releases nothing by itself.

    Raises:
        SetupError: no API server or no usable credentials were found.
    """
    terms = settings.lease_terms()
    async with await connect(request_timeout=terms.retry_period) as client:
        store = KubeLeases(client, namespace=settings.lease_namespace or client.namespace, name=settings.lease_name)
        if not settings.leader_election:
            yield NoElection(store, terms)
            return
        identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
        try:
            yield Elector(store, SystemClock(), terms, identity=identity, renewed=watchdog.end_after)
        finally:
            watchdog.cancel()


def give_up(why: object) -> NoReturn:
    """End this process at once: what is under way must not go on, and another one may lead within seconds."""
    _LOG.critical("the process ends, since it may not act any more: %s", why)
    logging.shutdown()
    os._exit(EXIT_LEASE_LOST)
