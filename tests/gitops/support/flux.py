"""The Flux controllers as processes beside the test control plane, and their objects as the tests read them.

Must not know what is synced: that is the tests' part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cluster.support.crd import until_established
from cluster.support.eventually import eventually
from cluster.support.modules import FLUX, module
from controlplane import Cluster, acquire, release
from controlplane.ports import ADDRESS, free_ports
from controlplane.processes import Program

JsonObject = dict[str, Any]

CONTROLLERS: Final = ("source-controller", "kustomize-controller", "helm-controller")
NAMESPACE: Final = "flux-system"
ACCOUNT: Final = f"system:serviceaccount:{NAMESPACE}:flux"
_ACCOUNT_OBJECTS: Final = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "flux", "namespace": NAMESPACE}},
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "flux"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "flux", "namespace": NAMESPACE}],
    },
)


@dataclass(frozen=True)
class Said:
    """An object's Ready condition; empty where it is missing or speaks of another generation."""

    status: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Flux:
    """Objects are named as kubectl does: `kustomization/app`."""

    cluster: Cluster

    def apply(self, *objects: JsonObject) -> None:
        """Create or change objects."""
        self.cluster.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(objects))

    def get(self, name: str) -> JsonObject:
        """The object as it is now."""
        found: JsonObject = json.loads(self.cluster.kubectl("get", name, "-n", NAMESPACE, "-o", "json").stdout)
        return found

    def merge(self, name: str, change: JsonObject) -> None:
        """A merge patch."""
        self.cluster.kubectl("patch", name, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(change))

    def delete(self, name: str) -> None:
        """Delete it, and wait until what Flux removes with it is gone."""
        self.cluster.kubectl("delete", name, "-n", NAMESPACE, "--timeout=150s", "--ignore-not-found", timeout=180)

    def said(self, name: str) -> Said:
        """Its Ready condition."""
        return said(self.get(name))

    def until(self, name: str, check: Callable[[JsonObject], bool]) -> JsonObject:
        """The object, once it satisfies the check."""

        def look() -> JsonObject | None:
            found = self.get(name)
            assert check(found), f"{name}: {said(found)}"
            return found

        return eventually(look)

    def until_ready(self, name: str, *, revision: str = "") -> JsonObject:
        """Ready, with this commit where one is given."""
        return self.until(name, lambda found: said(found).status == "True" and revision in _revision(found))

    def until_failed(self, name: str, reason: str) -> Said:
        """Not Ready, for this reason."""
        found = self.until(name, lambda found: (said(found).status, said(found).reason) == ("False", reason))
        return said(found)

    def writes(self, namespace: str) -> list[str]:
        """What Flux wrote to DedicatedEndpoints of a namespace; a dry run is no write."""
        return [
            f"{event['verb']} {event['objectRef']['name']}"
            for event in self.cluster.audit()
            if event["user"]["username"] == ACCOUNT
            and event["stage"] == "ResponseComplete"
            and event["verb"] in ("create", "update", "patch", "delete")
            and event["objectRef"].get("resource") == "dedicatedendpoints"
            and event["objectRef"].get("namespace") == namespace
            and "dryRun=All" not in event["requestURI"]
        ]


def said(found: JsonObject) -> Said:
    """An object's Ready condition."""
    for item in found.get("status", {}).get("conditions", []):
        if item["type"] == "Ready" and item["observedGeneration"] == found["metadata"]["generation"]:
            return Said(item["status"], item["reason"], item["message"])
    return Said()


def _revision(found: JsonObject) -> str:
    status = found.get("status", {})
    return str(status.get("lastAppliedRevision") or status.get("artifact", {}).get("revision", ""))


@contextmanager
def running_flux(cluster: Cluster, folder: Path) -> Iterator[Flux]:
    """The three controllers with their CRDs, with an account that may do everything."""
    programs = acquire.acquire(release.flux())
    _install(cluster)
    kubeconfig = cluster.token_kubeconfig(NAMESPACE, "flux")
    (storage,) = free_ports(1)
    environment = [f"KUBECONFIG={kubeconfig}", f"RUNTIME_NAMESPACE={NAMESPACE}", f"TMPDIR={folder}"]
    common = ["--metrics-addr=0", "--health-addr=0", "--enable-leader-election=false"]
    own = {
        "source-controller": [
            f"--storage-path={folder}",
            f"--storage-addr={ADDRESS}:{storage}",
            f"--storage-adv-addr={ADDRESS}:{storage}",
        ]
    }
    running = [
        Program(name, ["env", *environment, str(programs / name), *common, *own.get(name, [])], directory=folder)
        for name in CONTROLLERS
    ]
    try:
        for program in running:
            program.start()
        yield Flux(cluster)
    finally:
        for program in running:
            program.stop(graceful=False)
            print(f"--- {program.name}\n{program.tail(60)}")  # noqa: T201 - shown by pytest where a test failed


def _install(cluster: Cluster) -> None:
    """The namespace, the account, and the CRDs of the modules that the controllers are built from."""
    cluster.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(_ACCOUNT_OBJECTS))
    for name in CONTROLLERS:
        crds = module(f"github.com/fluxcd/{name}", of=FLUX) / "config" / "crd" / "bases"
        cluster.kubectl("apply", "--server-side", "-f", str(crds))
    until_established(cluster, "--all")
