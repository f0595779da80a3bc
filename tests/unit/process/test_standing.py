"""The probe and a watch whose namespace has lost its rights."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from tokenfactory_operator.kube.supervision import Supervisor
from tokenfactory_operator.loop.dispatch import ECHO_LIMIT, Dispatch
from tokenfactory_operator.ports import Key
from tokenfactory_operator.process.standing import watch_check
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.work.workqueue import WorkQueue
from unit.support.builders import NAMESPACE, an_object

pytestmark = pytest.mark.looptime


class Rights:
    """`Supervisor`, as far as the probe asks it: it looks at the rights of what was doubted."""

    def __init__(self, *, lost: bool) -> None:
        self.doubted = set[str]()
        self._lost = lost

    def doubt(self, namespace: str) -> None:
        """Noted."""
        self.doubted.add(namespace)

    def served(self, namespace: str) -> bool:
        """Not once it was looked at."""
        return not (self._lost and namespace in self.doubted)


@pytest.mark.parametrize("lost", [True, False], ids=["no right to watch", "a dead watch"])
async def test_one_namespaces_rights_restart_nobody(*, lost: bool) -> None:
    """Who may edit a Role of its own would else stop the operator for everybody, again and again."""
    cache, rights = ObjectCache(), Rights(lost=lost)
    queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace)
    dispatch = Dispatch(cache, lambda _: queue, watch_of=lambda key: key.namespace)
    check = watch_check(dispatch, cast("Supervisor", rights))
    written = an_object()
    written["metadata"]["resourceVersion"] = "2"
    cache.put(written)
    dispatch.wrote(written)
    assert check() is None
    assert rights.doubted == set()
    await asyncio.sleep(ECHO_LIMIT / 2 + 1)
    assert check() is None
    assert rights.doubted == {NAMESPACE}
    await asyncio.sleep(ECHO_LIMIT / 2)
    assert (check() is None) is lost
