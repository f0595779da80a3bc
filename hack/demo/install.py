"""The chart on the cluster, and its removal from one that is not the demo's own.

The demo's namespaces are its own. A cluster that has the resource already is refused: an operator that may run there
would make real, billed endpoints of the samples.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from demo.errors import RefusedError
from demo.target import Target

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "helm" / "tokenfactory-operator"
SAMPLES: Final = ROOT / "deploy" / "samples"
CRD: Final = "dedicatedendpoints.tokenfactory.nebius.com"
RELEASE: Final = "tokenfactory-operator"
SYSTEM: Final = "tokenfactory-demo-system"
NAMESPACE: Final = "tokenfactory-demo"
_REMOVAL: Final = "30s"
"""How long the operator has to delete its objects in order."""


def check_unused(target: Target) -> None:
    """Raises `RefusedError` where something of the demo's name, or the resource itself, is there already."""
    for kind, name in (("crd", CRD), ("namespace", SYSTEM), ("namespace", NAMESPACE)):
        if target.kubectl("get", kind, name, "--ignore-not-found", "-o", "name").stdout.strip():
            raise RefusedError(
                f"The cluster has the {kind} {name} already. An operator that runs there would make real endpoints of "
                "the demo's objects: use a cluster without it, or leave CLUSTER out."
            )


@contextlib.contextmanager
def installed(target: Target, *, shared: bool) -> Iterator[None]:
    """The release and the namespace for objects; on a shared cluster with namespaced rights, and removed afterwards."""
    try:
        target.kubectl("create", "namespace", NAMESPACE)
        rights = ["--set=deployment.create=false"]
        rights += [f"--set=watchNamespaces={{{NAMESPACE}}}", "--set=rbac.aggregate=false"] if shared else []
        arguments = ("--namespace", SYSTEM, "--create-namespace", "--wait", "--timeout=60s", *rights)
        target.helm("upgrade", "--install", RELEASE, str(CHART), *arguments, timeout=120)
        target.kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=60s", timeout=90)
        yield
    finally:
        if shared:
            _remove(target)


@contextlib.contextmanager
def objects_removed(target: Target, *, shared: bool) -> Iterator[None]:
    """Afterwards, while the operator still runs: have it delete what it holds."""
    try:
        yield
    finally:
        if shared:
            target.kubectl("delete", CRD, "--all", "-n", NAMESPACE, f"--timeout={_REMOVAL}", check=False)


def _remove(target: Target) -> None:
    names = target.kubectl("get", CRD, "-n", NAMESPACE, "-o", "name", check=False).stdout.split()
    for name in names:  # the operator did not come to it, and the cloud is a simulated one
        patch = '{"metadata":{"finalizers":null}}'
        target.kubectl("patch", name, "-n", NAMESPACE, "--type=merge", "-p", patch, check=False)
    target.helm("uninstall", RELEASE, "--namespace", SYSTEM, "--ignore-not-found", check=False)
    target.kubectl("delete", "crd", CRD, "--ignore-not-found", "--timeout=30s", check=False)
    for namespace in (NAMESPACE, SYSTEM):
        target.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=60s", check=False, timeout=90)
