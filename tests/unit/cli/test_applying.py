"""What is asked of the API server to learn what an apply would store, and what counts as a change of an object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.applying import LAST_APPLIED, apply_dry
from tokenfactory_operator.cli.forecast import foretold
from tokenfactory_operator.cli.rehearsal.stage import Rehearsed
from tokenfactory_operator.domain.errors import KubeNotFound
from tokenfactory_operator.domain.resource import parse
from tokenfactory_operator.kube.errors import Cause, RefusedByServer
from tokenfactory_operator.kube.merge_patch import merged
from unit.support.builders import an_object

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1"}


class ApiServer:
    """One that holds one object, or none, and stores what it is sent."""

    def __init__(self, stored: dict[str, Any] | None) -> None:
        self.stored = stored
        self.asked: list[tuple[str, Any, Any]] = []

    async def request(self, method: str, path: str, **given: Any) -> Any:  # noqa: ANN401  # JSON
        """Answers the object as it is, or as it would be."""
        if method == "GET" and self.stored is None:
            raise KubeNotFound(f"{method} {path}: not found")
        if method == "GET":
            return self.stored
        self.asked.append((method, given["query"], given["body"]))
        return merged(self.stored or an_object(), given["body"])


def manifest_of(body: dict[str, Any], **metadata: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """The manifest that such an object was made with."""
    given = {"name": body["metadata"]["name"], "namespace": body["metadata"]["namespace"], **metadata}
    return {"apiVersion": api.API_VERSION, "kind": api.KIND, "metadata": given, "spec": body["spec"]}


@pytest.mark.parametrize("by_kubectl", [True, False], ids=["client side", "server side"])
@pytest.mark.parametrize(
    ("metadata", "stored"),
    [
        pytest.param({}, "unchanged", id="as it is"),
        pytest.param({"labels": {"a": "b"}}, "changed", id="labels"),
        pytest.param({"finalizers": ["x.y/z"]}, "changed", id="finalizers"),
        pytest.param({"ownerReferences": [OWNER]}, "changed", id="owner"),
    ],
)
async def test_metadata_that_people_write(metadata: dict[str, Any], stored: str, *, by_kubectl: bool) -> None:
    """An object that would be another one is told as changed."""
    body = an_object()
    if by_kubectl:
        body["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(manifest_of(body))}
    server = ApiServer(body)
    applied = await apply_dry(server, manifest_of(body, **metadata), namespace="ml")  # type: ignore[arg-type]  # enough
    forecast = foretold(applied, Rehearsed(parse(applied.after or {}), (), (), None, None))
    assert forecast.stored == stored
    ((_, query, _),) = server.asked
    assert ("dryRun", "All") in query


async def test_unknown_fields_are_refused() -> None:
    """As `kubectl apply` has it: it validates strictly unless it is told otherwise."""
    body = an_object()
    body["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(manifest_of(body))}
    methods = []
    for stored in (body, an_object(), None):
        server = ApiServer(stored)
        await apply_dry(server, manifest_of(body), namespace="ml")  # type: ignore[arg-type]  # enough
        ((method, query, _),) = server.asked
        assert ("fieldValidation", "Strict") in query
        methods.append(method)
    assert methods == ["PATCH", "PATCH", "POST"]


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        '{"metadata": null}',
        '{"metadata": "foo"}',
        '{"metadata": {"annotations": ["x"]}}',
        '{"metadata": {}, "spec": "foo"}',
        '{"metadata": {"labels": 1}, "spec": {"gpu": "foo"}}',
    ],
)
async def test_what_was_applied_last_is_anything(text: str) -> None:
    """Anybody may write that annotation: no text of it ends the command."""
    body = an_object()
    body["metadata"]["annotations"] = {LAST_APPLIED: text}
    applied = await apply_dry(ApiServer(body), manifest_of(body, labels={"a": "b"}), namespace="ml")  # type: ignore[arg-type]  # enough
    assert applied.after is not None
    assert applied.after["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize("further", [True, False], ids=["something else too", "nothing else"])
async def test_an_unknown_field_is_named(*, further: bool) -> None:
    """The API server repeats all of the object in its words, and they are cut before the name of the field."""
    body = an_object()
    body["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(manifest_of(body))}

    class Strict(ApiServer):
        async def request(self, method: str, path: str, **given: Any) -> Any:  # noqa: ANN401  # JSON
            after = await super().request(method, path, **given)
            if ("fieldValidation", "Strict") in given.get("query", ()):
                causes = frozenset({Cause("FieldValueInvalid", "patch")})
                raise RefusedByServer(f"PATCH {path}: {'x' * 300}…", status=422, causes=causes)
            if method == "PATCH" and further:
                raise RefusedByServer(f"PATCH {path}: spec.model: Required value", status=422)
            if method == "PATCH":
                del after["spec"]["scaling"]["minReplica"]
            return after

    manifest = manifest_of(json.loads(json.dumps(body)))
    manifest["spec"]["scaling"]["minReplica"] = 3
    applied = await apply_dry(Strict(body), manifest, namespace="ml")  # type: ignore[arg-type]  # enough
    assert applied.after is None
    assert applied.failure is not None
    said = "spec.model: Required value" if further else "unknown field: spec.scaling.minReplica"
    assert applied.failure.message.endswith(said)
