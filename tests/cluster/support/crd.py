"""Installs the CRD and builds objects for its tests. Must not judge anything: that is the tests' part."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

import httpx
import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi, objects_path
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


@dataclass(frozen=True)
class Answer:
    """What the API server says to a write."""

    accepted: bool
    reasons: tuple[str, ...]
    """Of a refusal: `field: what is wrong`, a line for each field."""
    warnings: tuple[str, ...]

    def about(self, field: str) -> list[str]:
        """The reasons that name this field."""
        return [line for line in self.reasons if line.startswith(f"{field}: ")]


def create(kube: KubeApi, namespace: str, spec: JsonObject | None = None, *, name: str = NAME) -> JsonObject:
    """Creates an object under strict validation and answers it as the API server stored it."""
    return kube.ask("POST", _strictly(namespace), json.loads(manifest(spec, name=name)))


def try_create(kube: KubeApi, namespace: str, spec: JsonObject) -> Answer:
    """Asks for an object under strict validation; the answer may be a refusal."""
    return _answer(kube.answer("POST", _strictly(namespace), json.loads(manifest(spec))))


def _strictly(namespace: str) -> str:
    return f"{objects_path(namespace)}?fieldValidation=Strict"


def patch(kube: KubeApi, namespace: str, change: JsonObject) -> Answer:
    """Sends a merge patch (``None`` removes a field); the answer may be a refusal."""
    return _answer(kube.answer("PATCH", objects_path(namespace, NAME), change))


def write_status(kube: KubeApi, namespace: str, status: JsonObject) -> JsonObject:
    """Sends a merge patch to the status subresource, as the operator does, and answers the object."""
    return kube.patch(namespace, NAME, {"status": status}, subresource="status")


def get(kube: KubeApi, namespace: str) -> JsonObject:
    """The object as it is now."""
    return kube.ask("GET", objects_path(namespace, NAME))


def _answer(response: httpx.Response) -> Answer:
    causes = response.json().get("details", {}).get("causes", ()) if response.is_error else ()
    reasons = tuple(f"{cause.get('field', '')}: {cause['message']}" for cause in causes)
    return Answer(response.is_success, reasons, tuple(response.headers.get_list("warning")))


def stored(result: CompletedProcess[str]) -> JsonObject:
    """The object in kubectl's JSON answer."""
    parsed: JsonObject = json.loads(result.stdout)
    return parsed
