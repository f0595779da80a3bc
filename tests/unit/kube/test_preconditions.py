"""Every write carries the version that was decided upon: the API server holds only those who name one to it."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.errors import KubeConflict
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.ports import Key
from unit.kube.loopback import Request, answer, client_of, loopback, status_answer

KEY = Key("ml", "a")
STORED = "8"
"""The version that the object has by now."""


def api_server(request: Request) -> bytes:
    """A write that names another version conflicts; one that names none is taken, whatever it overwrites."""
    named = request.json.get("metadata", {}).get("resourceVersion", STORED)
    if named != STORED:
        return status_answer(409, "Conflict")
    return answer({"metadata": {"uid": "mine", "resourceVersion": "9"}})


@pytest.mark.rule("C5")
@pytest.mark.parametrize("write", ["finalizers", "status"])
async def test_a_write_on_an_older_version_conflicts(write: str) -> None:
    """Create 2 and 3: what was decided upon an older object is not written over what came between."""
    async with loopback(api_server) as server, client_of(server) as client:
        objects = KubeObjects(client)
        with pytest.raises(KubeConflict):
            await (
                objects.set_finalizers(KEY, ("f",), resource_version="7")
                if write == "finalizers"
                else objects.patch_status(KEY, {"state": "Running"}, uid="mine", resource_version="7")
            )
