"""Who owns which field: appliers and the operator never write the same ones, so neither fights the other."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from cluster.support.world import World
from tokenfactory_operator.api import v1alpha1 as api
from unit.api.invalid_specs import valid_spec

pytestmark = pytest.mark.cluster

SERVER_SIDE = ("--server-side", "--field-manager=applier")
WAYS = [pytest.param((), id="client-side"), pytest.param(SERVER_SIDE, id="server-side")]


def manifest(world: World, name: str, **spec: Any) -> str:  # noqa: ANN401  # JSON of any form
    """The object as Git has it."""
    metadata = {"name": name, "namespace": world.namespace, "labels": {"team": "ml"}}
    body = {"apiVersion": api.API_VERSION, "kind": api.KIND, "metadata": metadata, "spec": valid_spec(**spec)}
    return yaml.safe_dump(body)


def apply(world: World, text: str, way: tuple[str, ...]) -> None:
    """As Git's side does, again and again; a conflict fails."""
    world.cluster.kubectl("apply", *way, "--filename=-", input=text)


def diff(world: World, text: str, way: tuple[str, ...]) -> str:
    """What applying would change, by `kubectl diff`: empty for nothing."""
    result = world.cluster.kubectl("diff", *way, "--filename=-", input=text, check=False)
    assert result.returncode in (0, 1), result.stderr
    return result.stdout


@pytest.mark.parametrize("way", WAYS)
def test_nothing_differs_after_ready(shared: World, name: str, way: tuple[str, ...]) -> None:
    """Finalizer, status and what the operator fills in are no difference to what was applied; an edit is one PATCH."""
    text = manifest(shared, name)
    apply(shared, text, way)
    seen = shared.until_ready(name)
    assert diff(shared, text, way) == ""
    apply(shared, text, way)
    assert shared.get(name).body["metadata"]["generation"] == seen.body["metadata"]["generation"]
    edited = manifest(shared, name, displayName="edited")
    assert "edited" in diff(shared, edited, way)
    apply(shared, edited, way)
    shared.until_called(name, "PATCH")
    shared.until_ready(name)
    assert len(shared.calls(name, "PATCH")) == 1
    assert diff(shared, edited, way) == ""


def test_the_operator_owns_its_finalizer_and_the_status_only(shared: World, name: str) -> None:
    """By the API server's own record: no field of the spec, no label, no annotation."""
    apply(shared, manifest(shared, name), SERVER_SIDE)
    shared.until_ready(name)
    entries = shared.get(name).body["metadata"]["managedFields"]
    owned = [item for item in entries if item["manager"] == "tokenfactory-operator"]
    assert {item.get("subresource", "") for item in owned} == {"", "status"}
    for item in owned:
        fields = item["fieldsV1"]
        if item.get("subresource"):
            assert set(fields) == {"f:status"}
        else:
            assert set(fields) == {"f:metadata"}
            assert set(fields["f:metadata"]) == {"f:finalizers"}, json.dumps(fields)


@pytest.mark.parametrize("way", WAYS)
def test_replicas_that_an_autoscaler_owns_stay(shared: World, name: str, way: tuple[str, ...]) -> None:
    """Git leaves `minReplicas` out: what `kubectl scale` sets is no difference, and applying again keeps it."""
    text = manifest(shared, name, scaling={"maxReplicas": 4})
    apply(shared, text, way)
    shared.until_ready(name)
    shared.cluster.kubectl("scale", f"dep/{name}", "--namespace", shared.namespace, "--replicas=3")
    shared.until_called(name, "PATCH")
    assert shared.until_ready(name).body["spec"]["scaling"] == {"minReplicas": 3, "maxReplicas": 4}
    shared.until_shown(name, "Running", "Ready")  # Ready while it was still updating
    assert diff(shared, text, way) == ""
    apply(shared, text, way)
    shared.after_lists()
    assert shared.get(name).body["spec"]["scaling"]["minReplicas"] == 3
    assert shared.endpoint(name)["scaling"]["min_replicas"] == 3
    assert len(shared.calls(name, "PATCH")) == 1
