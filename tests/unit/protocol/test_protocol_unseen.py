"""What the present credential cannot see is not said to take no traffic."""

from __future__ import annotations

from unit.support.credentials import another
from unit.support.fakes import InMemoryCloud, Script
from unit.support.stage import Stage


async def test_an_endpoint_in_another_project_may_take_traffic() -> None:
    """The credential is exchanged for one of another project; the endpoint serves on in the old one."""
    stage = Stage()
    await stage.turn()
    stage.cloud.turn_up()
    await stage.turn(31)
    assert stage.reported("Serving") == "True Ready"
    stage.poller = another(stage, scope="token-2", cloud=InMemoryCloud(Script()))
    for _ in range(3):
        await stage.turn(31)
    assert stage.reported("Synced") == "False CredentialsMismatch"
    assert (stage.reported("Serving"), stage.reported("Ready")) == (
        "Unknown CredentialsMismatch",
        "Unknown CredentialsMismatch",
    )
