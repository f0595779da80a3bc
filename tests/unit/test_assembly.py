"""Which parts of the core know of each other: Secrets and their objects, and the credentials that are open."""

from __future__ import annotations

import asyncio
from typing import Any

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.resource import parse
from unit.support.builders import KEY, an_object, labelled_secret
from unit.support.secrets import metadata_of, read_through
from unit.support.stage import Stage
from unit.support.waiting import until

OURS = (api.IN_USE,)


def a_stage() -> Stage:
    """An object that names a Secret."""
    return Stage(credentials={"secretRef": {"name": "team"}})


def seen(stage: Stage, *, version: int = 1, kind: str = "MODIFIED") -> list[Any]:
    """The watch brings the Secret: the objects that are looked at since."""
    stage.woken.clear()
    stage.core.secret_observed(kind, metadata_of(labelled_secret("team", version=version, finalizers=OURS)))
    return list(stage.woken)


def looked_at(stage: Stage) -> int:
    """How many Secrets wait for their keeper."""
    return sum(stage.core.keeper.queue.stats().depth.values())


async def test_a_newer_secret_is_told_to_its_objects_and_its_keeper() -> None:
    """One that is known already is no news."""
    stage = a_stage()
    task = asyncio.create_task(stage.core.keeper.run())
    await asyncio.sleep(0)
    assert seen(stage) == [KEY]
    assert looked_at(stage) == 1
    assert seen(stage) == []
    assert seen(stage, version=2) == [KEY]
    stage.core.keeper.queue.shut_down()
    await task


async def test_a_secret_that_is_gone_is_told_too() -> None:
    """It may have lost only its label: the keeper takes its finalizer off, once no object names it."""
    stage = a_stage()
    seen(stage)
    assert seen(stage, version=2, kind="DELETED") == [KEY]
    stage.cache.remove(KEY, stage.resource.uid)
    stage.secrets.store(labelled_secret("team", version=1, finalizers=OURS))
    task = asyncio.create_task(stage.core.keeper.run())
    await asyncio.sleep(0)
    await until(lambda: not (looked_at(stage) or stage.core.keeper.queue.stats().processing))
    stage.core.keeper.queue.shut_down()
    await task
    assert stage.secrets.writes == [()]


async def test_an_object_gets_the_account_of_what_its_secret_says() -> None:
    """Another token is another account, and the operator's own is none of them."""
    stage = a_stage()
    pollers = []
    for version, token in ((1, "token-one"), (2, "token-two")):
        read_through(stage.core.values, labelled_secret("team", version=version, token=token), "token")
        pollers.append(stage.core.accounts.poller_of(stage.resource))
    scopes = [poller.inventory.scope for poller in pollers]
    assert len({*scopes, stage.inventory.scope}) == 3


async def test_each_credential_is_compared_with_all_that_are_open() -> None:
    """So is what stands for an object without one: what its former credential showed still counts."""
    stage = Stage()
    missing = stage.core.accounts.poller_of(parse(an_object(spec={"credentials": {"secretRef": {"name": "gone"}}})))
    assert missing.inventory is not stage.inventory
    for inventory in (stage.inventory, missing.inventory):
        assert list(inventory.siblings()) == [stage.inventory]
