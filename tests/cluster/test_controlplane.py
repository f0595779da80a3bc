"""The test control plane is a real one, survives an outage of its API server, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.support.eventually import DEADLINE, eventually
from controlplane import Cluster, CommandError, release
from controlplane.ports import ADDRESS, free_ports

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

HACK = Path(__file__).parents[2] / "hack"
OWNER = """
from controlplane import Cluster
import signal, time
# Where the tests run in a shell's background, Ctrl-C is ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
with Cluster():
    print("ready", flush=True)
    time.sleep(600)
"""


def command_lines() -> str:
    """Those of all processes of this machine."""
    if Path("/proc/self/cmdline").exists():
        return "\n".join(_read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    return subprocess.run(["ps", "-axww", "-o", "args"], check=True, capture_output=True, text=True).stdout


def _read(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended meanwhile
        return ""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs a control plane below this test's directory."""
    environment = {**os.environ, "PYTHONPATH": str(HACK), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", OWNER], env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_api_server_is_of_the_release_asked_for(cluster: Cluster) -> None:
    """It is ready, and says which version it is."""
    assert cluster.kubectl("get", "--raw", "/readyz").stdout == "ok"
    version = json.loads(cluster.kubectl("version", "-o", "json").stdout)
    wanted = release.load()
    assert version["serverVersion"]["gitVersion"] == wanted.kubernetes
    assert f"v{version['serverVersion']['major']}.{version['serverVersion']['minor']}" == wanted.name


def test_helm_and_kubeconform_run(cluster: Cluster, namespace: str) -> None:
    """The tools of the packaging tests are there, and helm reaches this cluster with state of its own."""
    assert cluster.helm("list", "--namespace", namespace, "--output", "json").stdout.strip() == "[]"
    assert cluster.env()["HELM_DATA_HOME"].startswith(str(cluster.directory))
    subprocess.run([cluster.bin / "kubeconform", "-v"], check=True, capture_output=True)


def test_failed_command_says_what_kubectl_said(cluster: Cluster) -> None:
    """An error carries the server's answer; without `check` it is the caller's to look at."""
    with pytest.raises(CommandError, match="not found"):
        cluster.kubectl("get", "namespace", "does-not-exist")
    assert cluster.kubectl("get", "namespace", "does-not-exist", check=False).returncode == 1


def test_namespace_is_deleted_with_what_is_in_it(cluster: Cluster) -> None:
    """The controllers work: a deleted namespace really goes, after its content."""
    cluster.kubectl("create", "namespace", "short-lived")
    cluster.kubectl("create", "configmap", "content", "--namespace", "short-lived")
    cluster.kubectl("delete", "namespace", "short-lived", f"--timeout={DEADLINE:.0f}s", timeout=DEADLINE)
    assert cluster.kubectl("get", "namespace", "short-lived", check=False).returncode == 1


def test_owned_objects_are_garbage_collected(cluster: Cluster, namespace: str) -> None:
    """An object goes after its owner did."""
    cluster.kubectl("create", "configmap", "owner", "--namespace", namespace)
    uid = cluster.kubectl(
        "get", "configmap", "owner", "--namespace", namespace, "-o", "jsonpath={.metadata.uid}"
    ).stdout
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    owned = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "owned", "namespace": namespace, "ownerReferences": [reference]},
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(owned))
    cluster.kubectl("delete", "configmap", "owner", "--namespace", namespace)
    get_owned = ("get", "configmap", "owned", "--namespace", namespace)
    assert eventually(lambda: cluster.kubectl(*get_owned, check=False).returncode == 1)


def test_service_account_has_no_more_than_its_role(cluster: Cluster, namespace: str) -> None:
    """A token kubeconfig acts as the service account, RBAC is enforced, and the audit log tells who asked."""
    cluster.kubectl("create", "serviceaccount", "minimal", "--namespace", namespace)
    as_minimal = ("--kubeconfig", str(cluster.token_kubeconfig(namespace, "minimal")))
    user = f"system:serviceaccount:{namespace}:minimal"
    identity = json.loads(cluster.kubectl(*as_minimal, "auth", "whoami", "-o", "json").stdout)
    assert identity["status"]["userInfo"]["username"] == user
    with pytest.raises(CommandError, match="forbidden"):
        cluster.kubectl(*as_minimal, "get", "pods")

    def refusals() -> list[int]:
        mine = [event for event in cluster.audit() if event["user"]["username"] == user]
        return [
            event["responseStatus"]["code"] for event in mine if event.get("objectRef", {}).get("resource") == "pods"
        ]

    assert eventually(lambda: refusals() == [403])


def test_data_survives_an_outage_of_the_api_server(cluster: Cluster, namespace: str) -> None:
    """A stopped API server refuses connections; started again it is at the same address, with the same data."""
    cluster.kubectl("create", "configmap", "kept", "--namespace", namespace)
    address, events = cluster.server, len(cluster.audit())
    cluster.stop_apiserver()
    assert not cluster.healthy
    assert "refused" in cluster.kubectl("get", "namespaces", check=False).stderr
    cluster.start_apiserver()
    assert cluster.healthy
    assert cluster.server == address
    assert (
        cluster.kubectl("get", "configmap", "kept", "--namespace", namespace, "-o", "name").stdout == "configmap/kept\n"
    )
    assert len(cluster.audit()) >= events


def test_data_survives_an_outage_of_etcd() -> None:
    """Without etcd the API server runs and is not ready; with it again, what was acknowledged is there."""
    with Cluster() as own:
        own.kubectl("create", "configmap", "kept")
        own.stop_etcd()
        assert not own.healthy
        # The API server asks etcd for its health every now and then.
        eventually(lambda: own.kubectl("get", "--raw", "/readyz", check=False).returncode != 0)
        own.start_etcd()
        assert own.healthy
        assert own.kubectl("get", "configmap", "kept", "-o", "name").stdout == "configmap/kept\n"


def test_taken_port_is_replaced_by_another() -> None:
    """A port that somebody takes before the API server has it costs a second try, not the run."""
    with socket.create_server((ADDRESS, 0)) as occupied:
        choices = [[*free_ports(2), occupied.getsockname()[1]], free_ports(3)]
        with Cluster(choose_ports=lambda _count: choices.pop(0)) as second:
            assert second.healthy
        assert choices == []


@pytest.mark.parametrize(
    ("when", "number"),
    [
        pytest.param("ready", signal.SIGKILL, id="killed"),
        pytest.param("ready", signal.SIGTERM, id="terminated"),
        pytest.param("ready", signal.SIGINT, id="interrupted"),
        pytest.param("starting", signal.SIGKILL, id="killed-while-starting"),
        pytest.param("starting", signal.SIGINT, id="interrupted-while-starting"),
    ],
)
def test_nothing_is_left_of_an_ended_run(
    owner: subprocess.Popen[str], tmp_path: Path, when: str, number: signal.Signals
) -> None:
    """No process and no directory of a run outlives the process that owned it."""
    assert eventually(lambda: str(tmp_path) in command_lines())
    if when == "ready":
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
    owner.send_signal(number)
    owner.wait(DEADLINE)
    assert eventually(lambda: str(tmp_path) not in command_lines())
    assert eventually(lambda: list(tmp_path.iterdir()) == [])
