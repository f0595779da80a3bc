"""Tools that wait by kstatus (helm, and with it Flux and Argo CD's like) see the truth: Current only when Ready."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from controlplane import CommandError

pytestmark = pytest.mark.cluster

CHART: Final = Path(__file__).parent / "data" / "one-endpoint"


def helm(world: World, *arguments: str) -> None:
    world.cluster.helm(*arguments, "--namespace", world.namespace, "--wait", timeout=120)


def test_install_upgrade_uninstall(new_world: WorldMaker) -> None:
    """`helm --wait` returns from install and upgrade when the object is Ready, from uninstall when all is gone."""
    world = new_world(provisioning_time=2, update_time=1)
    helm(world, "install", "app", str(CHART), "--timeout=90s")
    installed = world.get("app")
    assert installed.ready
    assert world.endpoint("app")["deployment"]["readiness"] == "ready"

    helm(world, "upgrade", "app", str(CHART), "--set=displayName=renamed", "--timeout=90s")
    assert world.get("app").ready
    assert world.endpoint("app")["name"] == "renamed"
    assert [call["body"] for call in world.calls("app", "PATCH")] == [{"name": "renamed"}]

    world.faulty("app", "DELETE", effect="status", code=500, count=1)
    helm(world, "uninstall", "app", "--timeout=90s")
    assert world.find("app") is None
    assert world.cloud.endpoints() == []
    assert len(world.calls("app", "POST")) == 1


def test_upgrade_that_the_cloud_refuses(new_world: WorldMaker) -> None:
    """`helm --wait` ends with an error at once where a person must act: a stalled object counts as failed."""
    world = new_world()
    world.cloud.fault({"method": "POST"}, effect="status", code=422, message="no such flavor")
    with pytest.raises(CommandError, match=r"(?i)fail|no such flavor"):
        helm(world, "install", "app", str(CHART), "--timeout=90s")
    assert world.get("app").said("Stalled").status == "True"


def test_nobody_answers(new_world: WorldMaker) -> None:
    """Without an operator a new object is never taken for Ready."""
    world = new_world(start=False)
    with pytest.raises(CommandError, match=r"(?i)timeout|deadline|not ready|InProgress"):
        helm(world, "install", "app", str(CHART), "--timeout=3s")
    assert world.get("app").observed_generation == -1


GPU: Final = "eu-north1/gpu-h100-sxm"


def test_waiting_for_a_gpu(new_world: WorldMaker) -> None:
    """While no GPU is free the object is InProgress: `--wait` ends by its time-out and deletes nothing."""
    world = new_world()
    world.cloud.set_capacity(GPU, 0)
    with pytest.raises(CommandError, match=r"(?i)timeout|deadline|not ready|InProgress"):
        helm(world, "install", "app", str(CHART), "--timeout=6s")
    waiting = world.get("app")
    assert waiting.said("Reconciling").status == "True"
    assert world.calls("app", "DELETE") == []
    world.cloud.set_capacity(GPU, None)
    world.until_ready("app")
    assert len(world.calls("app", "POST")) == 1


@pytest.mark.parametrize("flags", [(), ("--wait=hookOnly",)], ids=["alone", "hook-only"])
def test_rollback_on_failure(new_world: WorldMaker, flags: tuple[str, ...]) -> None:
    """`--rollback-on-failure` always waits, and takes a wait that is too short for a failure: the endpoint goes."""
    world = new_world()
    world.cloud.set_capacity(GPU, 0)
    with pytest.raises(CommandError, match=r"(?i)timeout|deadline|not ready|InProgress"):
        world.cluster.helm(
            *("install", "app", str(CHART), "--rollback-on-failure", "--timeout=6s", *flags),
            *("--namespace", world.namespace),
            timeout=120,
        )
    world.until_gone("app")
    assert world.cloud.endpoints() == []


def test_hooks_only(new_world: WorldMaker) -> None:
    """`--wait=hookOnly` waits for no endpoint: the release is installed, and the endpoint stays."""
    world = new_world()
    world.cloud.set_capacity(GPU, 0)
    world.cluster.helm(
        *("install", "app", str(CHART), "--wait=hookOnly", "--timeout=6s"),
        *("--namespace", world.namespace),
        timeout=120,
    )
    assert not world.get("app").ready
    world.cloud.set_capacity(GPU, None)
    world.until_ready("app")
