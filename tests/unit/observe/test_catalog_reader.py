"""One read of the catalog for all who wait for it, and none that holds a create up for long."""

from __future__ import annotations

import asyncio

import pytest

from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.observe.catalog_reader import DEADLINE, CatalogReader
from unit.support.fakes import InMemoryCloud, Script

pytestmark = pytest.mark.looptime


class SlowCloud(InMemoryCloud):
    """Its catalog takes so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(Script())
        self.seconds = seconds

    async def list_templates(self) -> tuple[Template, ...]:
        """See `ports.Cloud`."""
        await asyncio.sleep(self.seconds)
        return await super().list_templates()


def reader(cloud: SlowCloud) -> CatalogReader:
    return CatalogReader(cloud, asyncio.get_running_loop().time)


async def test_who_comes_meanwhile_waits_for_the_same_read() -> None:
    """Until it has ended, it is due for everybody: nobody goes on without it, and nobody reads it again."""
    cloud = SlowCloud(2)
    catalog = reader(cloud)
    since = catalog.view.tried
    first = asyncio.create_task(catalog.refresh(since=since))
    await asyncio.sleep(1)
    assert catalog.view.due(asyncio.get_running_loop().time())
    await catalog.refresh(since=catalog.view.tried)
    await first
    assert catalog.view.templates == cloud.templates
    assert cloud.catalogs == 1


async def test_one_that_hangs_is_given_up() -> None:
    """What is known stays, and it is not due again for a while."""
    cloud = SlowCloud(2)
    catalog = reader(cloud)
    known = await catalog.read()
    cloud.seconds = 600
    begun = asyncio.get_running_loop().time()
    await catalog.refresh(since=catalog.view.tried)
    now = asyncio.get_running_loop().time()
    assert now - begun == DEADLINE
    assert (catalog.view.templates, catalog.view.read, catalog.view.tried) == (known.templates, known.read, now)
    assert not catalog.view.due(now)


async def test_who_asks_whether_the_api_is_well_is_told() -> None:
    """A read that is given up is no answer."""
    catalog = reader(SlowCloud(600))
    with pytest.raises(CloudUnavailable):
        await catalog.read()
    assert catalog.view.read == NEVER
