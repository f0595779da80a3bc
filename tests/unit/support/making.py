"""How an endpoint comes to be in a bad moment, for tests of what follows from it."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.errors import KubeError, Unauthorized
from tokenfactory_operator.domain.observed import EndpointPatch, ObservedEndpoint
from unit.support.builders import KEY
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


def comes_back(stage: Stage, endpoint_id: str = "ep-1") -> Turn:
    """A DELETE of it that is accepted: the endpoint is there for some time yet."""
    made = stage.cloud.endpoints[endpoint_id]

    def back() -> None:
        stage.cloud.endpoints[endpoint_id] = made

    return Turn(effect=True, meanwhile=back)


def accepts_only(stage: Stage, times: int = 1, *, endpoint_id: str = "ep-1") -> None:
    """So many DELETEs of its endpoint are accepted, and no more."""
    stage.script.plan("delete", *[comes_back(stage, endpoint_id)] * times)


def wiped(stage: Stage) -> None:
    """A person takes the whole status away."""
    stage.kube.objects[KEY]["status"] = {}
    stage.kube.store(stage.kube.objects[KEY])
    stage.watch()


async def revoked(stage: Stage) -> None:
    """The cloud refuses the token from now on, for some minutes; the conditions have to say so."""
    stage.script.plan("list", *[Turn(Unauthorized("token revoked", refused=True, status=401))] * 9)
    for _ in range(5):
        await stage.turn(60)
    assert "token revoked" in str(stage.status["conditions"])


def probed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[EndpointPatch]:
    """What the stage sends with each PATCH from now on."""
    sent = stage.cloud.update_endpoint
    probes: list[EndpointPatch] = []

    async def noted(endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        probes.append(patch)
        return await sent(endpoint_id, patch)

    monkeypatch.setattr(stage.cloud, "update_endpoint", noted)
    return probes
