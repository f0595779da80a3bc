"""A namespaced install: the chart with a Role in each of two namespaces, and one operator with those rights."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.support import crd
from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.operator_process import OperatorProcess
from cluster.support.rights import until_in_force
from cluster.support.world import World
from cluster.support.worlds import PROJECT, TOKEN
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_simulator.testing import running_simulator

RELEASE = "rights"
NAME = "rights-tokenfactory-operator"
WITHOUT_CLUSTER_ROLE = "rbac.surviveNamespaceDeletion=false"
GONE_WITHIN = 60.0
"""Seconds for the end of a namespace that nothing holds up."""


@dataclass(frozen=True)
class Namespaced:
    """A namespaced install: two worlds, `a` and `b`, of one operator and one cloud."""

    a: World
    b: World
    system: str

    @property
    def cluster(self) -> Cluster:
        """The control plane."""
        return self.a.cluster

    @property
    def operator(self) -> OperatorProcess:
        """The one operator."""
        return self.a.operator

    def binding(self, namespace: str) -> str:
        """The name of the chart's Role and RoleBinding."""
        return self.cluster.kubectl("get", "rolebindings", "-n", namespace, "-o", "name").stdout.strip()

    def grant_by_chart(self) -> None:
        """The rights that outlive a namespace's Role, as the chart has them by default."""
        value = WITHOUT_CLUSTER_ROLE.replace("false", "true")
        self.cluster.helm("upgrade", RELEASE, str(CHART), "-n", self.system, "--reuse-values", f"--set={value}")

    def grant_by_hand(self) -> None:
        """The same, as docs/troubleshooting.md has it: Helm could not make the Role of a terminating namespace."""
        resource = f"{api.PLURAL}.{api.GROUP}"
        self.bind_by_hand("finish", "--verb=get,list,watch,patch", f"--resource={resource},{resource}/status")

    def bind_by_hand(self, name: str, *rule: str) -> None:
        """A ClusterRole with one rule, for the operator."""
        name, account = f"{name}-{self.system}", f"--serviceaccount={self.system}:{NAME}"
        self.cluster.kubectl("create", "clusterrole", name, *rule)
        self.cluster.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", account)

    def until_role_gone(self, namespace: str) -> None:
        """The namespace that is being deleted has lost the operator's Role and its binding."""
        listing = ("get", "roles,rolebindings", "-n", namespace, "-o", "name")
        eventually(lambda: not self.cluster.kubectl(*listing).stdout.strip(), what="the end of the Role")

    def until_ended(self, world: World) -> None:
        """The namespace is gone."""
        gone = lambda: not world.kube.has_namespace(world.namespace)  # noqa: E731 - one question
        eventually(gone, what="end of the namespace")

    def until_ready_says(self, *words: str) -> str:
        """The text of `/readyz`, once it has all the words."""

        def check() -> str | None:
            text = self.operator.served("/readyz")
            assert all(word in text for word in words), text
            return text

        return eventually(check)

    def serves_b(self) -> None:
        """An edit in `b` reaches the cloud, and `b` is Ready with it."""
        text = f"edited {secrets.token_hex(3)}"
        self.b.edit("held", displayName=text)
        self.b.until_ready("held")
        assert self.b.endpoint("held")["name"] == text


@contextmanager
def namespaced(cluster: Cluster, kube: KubeApi, folder: Path, *values: str, **settings: str) -> Iterator[Namespaced]:
    """The chart for two namespaces, with these values; the operator, with these settings, is not started yet.

    It watches a namespace that does not exist besides.
    """
    crd.install(cluster)
    mark = secrets.token_hex(4)
    system, a, b = (f"rights-{name}-{mark}" for name in ("system", "a", "b"))
    for namespace in (system, a, b):
        kube.create_namespace(namespace)
    given = (f"watchNamespaces={{{a},{b}}}", "clusterId=rights01", *values)
    options = [f"--set={value}" for value in given]
    cluster.helm("install", RELEASE, str(CHART), "--namespace", system, *RIGHTS_ONLY, *options)
    kubeconfig = cluster.token_kubeconfig(system, NAME)
    account = f"system:serviceaccount:{system}:{NAME}"
    until_in_force(cluster, RELEASE, system, account)
    with running_simulator(tokens={TOKEN: PROJECT}) as simulator:
        all_settings = {
            "TOKEN": TOKEN,
            "API_URL": simulator.url,
            "CLUSTER_ID": "rights01",
            "LEASE_NAME": NAME,
            "WATCH_NAMESPACES": f"{a},{b},nowhere-{mark}",
            **settings,
        }
        operator = OperatorProcess(kubeconfig=kubeconfig, log=folder / "log", settings=all_settings)
        worlds = tuple(World(cluster, kube, simulator.admin, operator, namespace, account) for namespace in (a, b))
        try:
            yield Namespaced(worlds[0], worlds[1], system)
        finally:
            operator.kill()
            print(operator.log_text()[-20_000:])  # noqa: T201 - shown by pytest where the test failed
            for world in worlds:
                _release(world)
            cluster.kubectl("delete", "namespace", system, a, b, "--wait=false", "--ignore-not-found")
        assert "Traceback" not in operator.log_text()


def _release(world: World) -> None:
    """Nobody holds anything there any more."""
    nobody = {"metadata": {"finalizers": None}}
    for item in world.kube.objects(world.namespace) if world.kube.has_namespace(world.namespace) else ():
        world.kube.patch(world.namespace, item["metadata"]["name"], nobody)
    for name in world.cluster.kubectl("get", "secrets", "-n", world.namespace, "-o", "name").stdout.split():
        patch = ("patch", name, "-n", world.namespace, "--type=merge", "-p", json.dumps(nobody))
        world.cluster.kubectl(*patch, check=False)
