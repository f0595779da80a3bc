"""A cluster that is too old is refused with a sentence."""

from __future__ import annotations

import pytest

from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.server import check_version
from unit.kube.loopback import answer, client_of, loopback


@pytest.mark.parametrize(
    "version", ["v1.30.0", "v1.37.2", "v1.31.4-gke.1", "v1.100.0+k3s1", "v2.0.0", "", "of our own"]
)
async def test_supported_or_not_told(version: str) -> None:
    """The oldest supported version and all newer ones are accepted, and one that says nothing."""
    async with loopback(lambda _: answer({"gitVersion": version})) as server, client_of(server) as client:
        await check_version(client)
    assert [request.target for request in server.requests] == ["/version"]


@pytest.mark.parametrize("version", ["v1.29.15", "v1.9.0", "v1.29.4-eks-1234", "v0.40.0"])
async def test_too_old(version: str) -> None:
    """An older one is named, with the oldest that is supported."""
    async with loopback(lambda _: answer({"gitVersion": version})) as server, client_of(server) as client:
        with pytest.raises(SetupError) as caught:
            await check_version(client)
    assert version in caught.value.message
    assert "1.30" in caught.value.message
