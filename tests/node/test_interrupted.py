"""A node leaves nothing on the machine, however its run ends. `make e2e` runs this, and says where the images are."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.support.eventually import eventually
from node import janitor, layout, outside
from node.errors import NodeError
from node.tenancy import owned

POD = f"""
until kubectl get serviceaccount default; do sleep 0.2; done
kubectl run idle --image={layout.PAUSE_IMAGE} --image-pull-policy=Never || exit 1
kubectl wait --for=condition=Ready pod/idle --timeout=90s && echo started
sleep 600
"""
OWNER = "import sys; from pathlib import Path; from node import outside; outside.run(Path(sys.argv[1]), sys.argv[2:])"


def left() -> list[str]:
    """What of a node is on this machine."""
    folder = outside.folder()
    groups = [*Path("/sys/fs/cgroup").glob(outside.CGROUP), *Path("/sys/fs/cgroup").glob(f"*/{outside.CGROUP}")]
    found = [folder, janitor.NAMESPACES / layout.NAMESPACE, *groups, *janitor.NAMESPACES.glob("cni-*")]
    processes = [f"process {pid}" for pid in janitor.processes_of(folder)]
    return [*map(str, filter(Path.exists, found)), *janitor.mounts_below(folder), *processes]


def free() -> bool:
    """Whether the next run can have the folder: what clears away after a run ends last."""
    with contextlib.suppress(NodeError), owned(outside.folder(), namespace=layout.NAMESPACE, cgroup=outside.CGROUP):
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_nothing_is_left_of_a_node(number: signal.Signals) -> None:
    """A pod runs; the process that owns the node ends; shims, mounts, namespace, control groups and folder go."""
    images = os.environ.get("NODE_IMAGES")
    assert images, "run `make e2e`, which makes the images"
    # What a run left that was ended together with its janitor, as when the machine stops, is not this test's.
    assert free()
    assert left() == []
    command = [sys.executable, "-c", OWNER, images, "sh", "-c", POD]
    environment = {**os.environ, "PYTHONPATH": "hack"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert any(line.strip() == "started" for line in owner.stdout)
        seen = " ".join(left())
        assert all(part in seen for part in ("process ", "/rootfs", "/pods/", outside.CGROUP, layout.NAMESPACE)), seen
        owner.send_signal(number)
        owner.wait()
    eventually(lambda: not left(), what="the end of everything", within=180)
    eventually(free, what="the end of what clears it away", within=60)
