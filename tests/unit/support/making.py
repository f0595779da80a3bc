"""How an endpoint comes to be in a bad moment, for tests of what follows from it."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.errors import KubeError
from unit.support.fakes import Turn
from unit.support.stage import Stage


async def unwritten() -> Stage:
    """An endpoint was made, and its id could not be written down."""
    stage = Stage()
    stage.script.plan("patch_status", Turn(effect=True), Turn(KubeError("down")))
    await stage.poll()
    with pytest.raises(KubeError):
        await stage.reconcile()
    return stage


def opens_slowly(stage: Stage) -> None:
    """The write that opens the next attempt takes longer than the POST may wait for."""

    def slow() -> None:
        stage.clock.tick = 6.0

    def quick() -> None:
        stage.clock.tick = 0.0

    stage.script.plan("patch_status", Turn(meanwhile=slow))
    stage.script.plan("get", Turn(meanwhile=quick))


def accepts_only(stage: Stage, times: int = 1) -> None:
    """So many DELETEs of its endpoint are accepted, and it is there for some time yet."""
    made = stage.cloud.endpoints["ep-1"]

    def back() -> None:
        stage.cloud.endpoints["ep-1"] = made

    stage.script.plan("delete", *[Turn(effect=True, meanwhile=back)] * times)
