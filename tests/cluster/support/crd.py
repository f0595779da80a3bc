"""Installs the CRD and builds objects for its tests. Must not judge anything: that is the tests' part."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from unit.api.invalid_specs import valid_spec

JsonObject = dict[str, Any]

ROOT: Final = Path(__file__).parents[3]
CRD_FILE: Final = ROOT / "crds" / f"{api.GROUP}_{api.PLURAL}.yaml"
SAMPLES: Final = ROOT / "deploy" / "samples"
CRD_NAME: Final = f"{api.PLURAL}.{api.GROUP}"
NAME: Final = "subject"


def install(cluster: Cluster) -> None:
    """Applies the CRD, as often as you like, and waits until it is served."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD_FILE))
    until_established(cluster, CRD_NAME)
    # For a moment more the API server answers 429, "storage is (re)initializing", which kubectl waits out, or does not
    # list the resource among those that it has.
    listing = ("get", CRD_NAME, "--all-namespaces")
    eventually(lambda: cluster.kubectl(*listing, check=False).returncode == 0, what="the CRD to be served")


def until_established(cluster: Cluster, *names: str) -> None:
    """Waits until the API server has taken these CRDs in.

    A new one has no conditions for a moment, which is an error to `kubectl wait`, not something to wait for.
    """
    wait = ("wait", "--for=condition=Established", "crd", *names, "--timeout=60s")
    eventually(lambda: not cluster.kubectl(*wait, check=False, timeout=90).returncode, what=f"{names} established")


@pytest.fixture(scope="module")
def one_namespace(kube: KubeApi) -> str:
    """For all tests of a module: to make and end one costs the control plane more than most of them."""
    kube.create_namespace(name := f"crd-{secrets.token_hex(4)}")
    return name


@pytest.fixture
def namespace(one_namespace: str, kube: KubeApi) -> Iterator[str]:
    """The module's namespace; whatever objects a test leaves in it go with the test."""
    yield one_namespace
    kube.delete_all(one_namespace)


def manifest(spec: JsonObject | None = None, *, name: str = NAME, **metadata: object) -> str:
    """An object as JSON text, which kubectl takes wherever it takes YAML."""
    return json.dumps(
        {
            "apiVersion": api.API_VERSION,
            "kind": api.KIND,
            "metadata": {"name": name, **metadata},
            "spec": valid_spec() if spec is None else spec,
        }
    )


def create(cluster: Cluster, namespace: str, spec: JsonObject | None = None, *, name: str = NAME) -> JsonObject:
    """Creates an object under strict validation and answers it as the API server stored it."""
    return stored(cluster.kubectl("create", "-n", namespace, "-f", "-", "-o", "json", input=manifest(spec, name=name)))


def patch(cluster: Cluster, namespace: str, change: JsonObject) -> CompletedProcess[str]:
    """Sends a merge patch (``None`` removes a field); the answer may be a refusal."""
    return cluster.kubectl(
        "patch", api.SHORT_NAME, NAME, "-n", namespace, "--type=merge", "-p", json.dumps(change), check=False
    )


def write_status(cluster: Cluster, namespace: str, status: JsonObject) -> JsonObject:
    """Sends a merge patch to the status subresource, as the operator does, and answers the object."""
    body = json.dumps({"status": status})
    target = ("patch", api.SHORT_NAME, NAME, "-n", namespace, "--subresource=status")
    return stored(cluster.kubectl(*target, "--type=merge", "-p", body, "-o", "json"))


def get(cluster: Cluster, namespace: str, *, name: str = NAME) -> JsonObject:
    """The object as it is now."""
    return stored(cluster.kubectl("get", api.SHORT_NAME, name, "-n", namespace, "-o", "json"))


def stored(result: CompletedProcess[str]) -> JsonObject:
    """The object in kubectl's JSON answer."""
    parsed: JsonObject = json.loads(result.stdout)
    return parsed
