"""Two operators of one namespace with one Lease, as the chart's two pods, each with its own way to the API server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cluster.support.can_i import until_can
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.operator_process import OperatorProcess
from cluster.support.world import World
from cluster.support.worlds import DEFECTS, TOKEN, Chart, made
from controlplane import Cluster
from faults.support.tcp import TcpProxy, running_proxy

LEASE: Final = "pair"
JsonObject = dict[str, Any]


@dataclass
class Seat:
    """One of the two pods: its process, and its network to the API server."""

    operator: OperatorProcess
    proxy: TcpProxy

    @property
    def leads(self) -> bool:
        """Whether it says so."""
        return (
            self.operator.running
            and self.operator.listening
            and self.operator.metrics().get(("tokenfactory_leader", "")) == 1.0
        )


@dataclass(frozen=True)
class Pair:
    """The world's own operator is never started."""

    world: World
    seats: tuple[Seat, Seat]

    def leader(self) -> Seat:
        """The one that leads, once exactly one does."""

        def check() -> Seat:
            leading = [seat for seat in self.seats if seat.leads]
            assert len(leading) == 1, f"{len(leading)} lead"
            return leading[0]

        return eventually(check)

    def other(self, seat: Seat) -> Seat:
        """The second seat."""
        return self.seats[1] if seat is self.seats[0] else self.seats[0]

    def lease(self) -> JsonObject:
        """What the Lease says."""
        path = ("lease", LEASE, "--namespace", self.world.namespace, "--output=json")
        spec: JsonObject = json.loads(self.world.cluster.kubectl("get", *path).stdout)["spec"]
        return spec

    def acquired(self) -> float:
        """When the present holder got the Lease, by its clock, which is this machine's; seconds since 1970."""
        return datetime.fromisoformat(self.lease()["acquireTime"]).timestamp()


@contextmanager
def pair(
    cluster: Cluster, kube: KubeApi, chart: Chart, folder: Path, *, label: str, settings: Mapping[str, str]
) -> Iterator[Pair]:
    """Both running, one leading; their logs must show no defect and no secret."""
    with ExitStack() as stack:
        world = stack.enter_context(
            made(cluster, kube, chart, folder, label=label, settings=settings, start=False, cloud={})
        )
        allow_leases(cluster, kube, world.namespace, chart.account)
        given = {
            **settings,
            "TOKEN": TOKEN,
            "API_URL": world.operator.setting("API_URL"),
            "WATCH_NAMESPACES": world.namespace,
            "LEADER_ELECTION": "true",
            "LEASE_NAME": LEASE,
            "LEASE_NAMESPACE": world.namespace,
        }
        seats = tuple(stack.enter_context(_seat(cluster, chart, folder / name, given)) for name in ("one", "two"))
        for seat in seats:
            seat.operator.start()
        yield Pair(world, (seats[0], seats[1]))
    text = "".join(seat.operator.log_text() for seat in seats)
    found = [word for word in DEFECTS if word in text]
    assert not found, f"in the operators' logs: {found}"


@contextmanager
def _seat(cluster: Cluster, chart: Chart, folder: Path, settings: Mapping[str, str]) -> Iterator[Seat]:
    port = urlsplit(cluster.server).port
    assert port
    folder.mkdir()
    with running_proxy(port) as proxy:
        config = json.loads(chart.kubeconfig.read_text(encoding="utf-8"))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        (folder / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
        own = replace(chart, kubeconfig=folder / "kubeconfig")
        operator = OperatorProcess(kubeconfig=own.kubeconfig, log=folder / "log", settings=settings)
        try:
            yield Seat(operator, proxy)
        finally:
            operator.kill()
            print(operator.log_text()[-20_000:])  # noqa: T201 - shown by pytest where the test failed


def allow_leases(cluster: Cluster, kube: KubeApi, namespace: str, account: str) -> None:
    """The chart's rights on Leases, for this namespace and this name; they are in force when this returns."""
    rules = [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [LEASE],
            "verbs": ["get", "patch"],
        },
    ]
    group = "rbac.authorization.k8s.io"
    metadata = {"name": "leases", "namespace": namespace}
    documents = [
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "leases"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": account}],
        },
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    cluster.kubectl("apply", "--filename=-", input=text)
    until_can(kube, account, "patch", f"leases.coordination.k8s.io/{LEASE}", "--namespace", namespace)
