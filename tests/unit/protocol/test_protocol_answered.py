"""A create call that is answered with an endpoint which it cannot have made."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.observed import EndpointCreate, ObservedEndpoint
from unit.support.builders import FOREIGN, KEY, UID, an_endpoint
from unit.support.stage import Stage


def answered(
    stage: Stage, description: str, monkeypatch: pytest.MonkeyPatch, *, makes: bool, gone: bool = False
) -> None:
    """The cloud answers a POST with ep-9; it makes one or not, and the object is forced away meanwhile, or not."""
    create = stage.cloud.create_endpoint

    async def answer(body: EndpointCreate) -> ObservedEndpoint:
        if makes:
            await create(body)
        stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description=description)
        if gone:
            stage.kube.objects.pop(KEY)
        return stage.cloud.endpoints["ep-9"]

    monkeypatch.setattr(stage.cloud, "create_endpoint", answer)


@pytest.mark.rule("C46", "X38")
@pytest.mark.parametrize("makes", [False, True])
@pytest.mark.parametrize("description", ["a note", FOREIGN])
async def test_an_endpoint_that_was_there_before(
    description: str, monkeypatch: pytest.MonkeyPatch, *, makes: bool
) -> None:
    """It stays as it is. What the call has made besides shows by its mark, and becomes the object's."""
    stage = Stage()
    stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description=description)
    answered(stage, description, monkeypatch, makes=makes)
    await stage.turn()
    await stage.turn()
    assert stage.status.get("endpointId") == ("ep-1" if makes else None)
    assert stage.reported("Ready") != "True Available"
    stage.delete()
    for _ in range(13):
        await stage.turn(61)
    assert (stage.journal("PATCH"), list(stage.cloud.endpoints), KEY in stage.kube.objects) == ([], ["ep-9"], False)


@pytest.mark.rule("C46", "X38")
@pytest.mark.parametrize("listed", [False, True])
async def test_anothers_endpoint_and_an_object_that_is_gone(listed: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001  # a parameter
    """What is cleaned up after an object is what its call has made; another's that was made just now is not either."""
    stage = Stage()
    if listed:
        stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description=FOREIGN)
    answered(stage, FOREIGN, monkeypatch, makes=False, gone=True)
    await stage.turn()
    stage.cache.remove(KEY, UID)
    await stage.turn()
    assert (stage.journal("DELETE"), list(stage.cloud.endpoints)) == ([], ["ep-9"])
