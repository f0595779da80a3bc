"""The catalog of one credential: read when somebody needs it, by one call for all who wait, and kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tokenfactory_operator.domain.catalog import Catalog
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable
from tokenfactory_operator.ports import Cloud

DEADLINE: Final = 5.0
"""Seconds that a read may take: a create waits for it, and can do without it."""

_LOG = logging.getLogger(__name__)


class CatalogReader:
    """What the catalog told last."""

    def __init__(self, cloud: Cloud, stamp: Callable[[], float]) -> None:
        self.view = Catalog()
        self._cloud = cloud
        self._stamp = stamp
        self._turn = asyncio.Lock()

    async def refresh(self, *, since: float) -> None:
        """Read it, unless somebody has since that stamp. One that cannot be read leaves what is known."""
        async with self._turn:
            if self.view.tried <= since:
                try:
                    await self.read()
                except CloudError as error:
                    _LOG.info("the catalog could not be read: %s", error.message)

    async def read(self) -> Catalog:
        """Read it now. Raises `CloudError`, also where it takes too long."""
        try:
            async with asyncio.timeout(DEADLINE):
                templates = await self._cloud.list_templates()
        except TimeoutError:
            raise CloudUnavailable(f"The catalog did not come within {DEADLINE:g} s.") from None
        finally:
            # Not before its end: until then whoever needs it waits for this read, and does not go on without it.
            self.view = replace(self.view, tried=self._stamp())
        self.view = Catalog(templates, read=self._stamp(), tried=self._stamp())
        return self.view
