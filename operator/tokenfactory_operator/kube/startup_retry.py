"""Reads at the start that outlive a failure that passes: a dropped connection, an API server that is being replaced.

A pod that ends for one of those waits for the kubelet's backoff, which is longer. What only a person can mend (rights,
credentials, certificate, the CRD) ends the first try. For reads only: it knows nothing of what a write may have done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.errors import may_pass

RETRIED_FOR: Final = 30.0
"""Seconds after which no further try begins."""
FIRST_PAUSE: Final = 0.25
"""Seconds before the second try; each further pause is twice as long."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


async def retried_at_start(read: Callable[[], Awaitable[T]], *, retried_for: float = RETRIED_FOR) -> T:
    """Answer what `read` does; where it fails with something that may pass, try again for `retried_for` seconds.

    Raises:
        KubeError, SetupError: as the last try.
    """
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + retried_for, FIRST_PAUSE
    while True:
        try:
            return await read()
        except KubeError as error:
            wait = max(pause, error.retry_after or 0.0)
            if not may_pass(error) or loop.time() + wait >= deadline:
                raise
            logger.warning("%s; asked again in %g s", error.message, wait)
        await asyncio.sleep(wait)
        pause *= 2
