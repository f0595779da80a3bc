"""Finalizers of other people that are not kept are written as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import KubeConflict, LeaseLost
from tokenfactory_operator.kube.lean import OTHERS
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.kube.secrets import KubeSecrets
from tokenfactory_operator.ports import Key
from unit.kube.loopback import Request, answer, client_of, loopback

KEY = Key("ml", "a")
FOREIGN = [f"example.com/{number}" for number in range(5_000)]


class Stored:
    """An object of the API server; merge patches replace its list."""

    def __init__(self, *finalizers: str) -> None:
        self.metadata: dict[str, Any] = {"name": "a", "namespace": "ml", "uid": "u", "resourceVersion": "7"}
        self.metadata["finalizers"] = list(finalizers)
        self.methods: list[str] = []

    def __call__(self, request: Request) -> bytes:
        """What the API server answers."""
        self.methods.append(request.method)
        if request.method == "PATCH":
            patch: Mapping[str, Any] = request.json["metadata"]
            assert patch["resourceVersion"] == self.metadata["resourceVersion"]
            self.metadata["finalizers"] = patch["finalizers"]
        return answer({"metadata": self.metadata})


@pytest.mark.parametrize(("adapter", "ours"), [(KubeObjects, api.FINALIZER), (KubeSecrets, api.IN_USE)])
async def test_ours_comes_and_goes_among_many(adapter: type[KubeObjects | KubeSecrets], ours: str) -> None:
    """All others stay, those behind ours too."""
    stored = Stored(*FOREIGN)
    async with loopback(stored) as server, client_of(server) as client:
        held = await adapter(client).set_finalizers(KEY, (OTHERS, ours), resource_version="7")
        assert held["metadata"]["finalizers"] == [ours, OTHERS]
        assert stored.metadata["finalizers"] == [*FOREIGN, ours]
        stored.metadata["finalizers"].append("example.com/later")
        let_go = await adapter(client).set_finalizers(KEY, (OTHERS,), resource_version="7")
    assert let_go["metadata"]["finalizers"] == [OTHERS]
    assert stored.metadata["finalizers"] == [*FOREIGN, "example.com/later"]


async def test_a_changed_object_conflicts() -> None:
    """What was decided upon an older object is not written over what came between."""
    stored = Stored(*FOREIGN)
    async with loopback(stored) as server, client_of(server) as client:
        with pytest.raises(KubeConflict):
            await KubeObjects(client).set_finalizers(KEY, (OTHERS,), resource_version="6")
    assert stored.methods == ["GET"]


@pytest.mark.rule("W2", "X59")
@pytest.mark.parametrize(("adapter", "ours"), [(KubeObjects, api.FINALIZER), (KubeSecrets, api.IN_USE)])
async def test_the_lease_is_lost_while_they_are_read(adapter: type[KubeObjects | KubeSecrets], ours: str) -> None:
    """Who does not lead any more writes nothing."""
    stored = Stored(*FOREIGN)

    def lead() -> None:
        if stored.methods:
            raise LeaseLost("somebody else leads")

    async with loopback(stored) as server, client_of(server) as client:
        with pytest.raises(LeaseLost):
            await adapter(client).set_finalizers(KEY, (OTHERS, ours), resource_version="7", lead=lead)
    assert stored.methods == ["GET"]


async def test_few_are_written_without_a_look() -> None:
    """One request, as before."""
    stored = Stored("example.com/a")
    async with loopback(stored) as server, client_of(server) as client:
        await KubeObjects(client).set_finalizers(KEY, ("example.com/a", api.FINALIZER), resource_version="7")
    assert stored.methods == ["PATCH"]
