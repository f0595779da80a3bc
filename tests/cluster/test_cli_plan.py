"""`plan` on the real API server and the simulator: what it says is what an apply then does, and it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from cluster.support import crd
from cluster.support.cli import Cli, Ran, cli
from cluster.support.eventually import eventually
from cluster.support.installed import install, uninstall_all
from cluster.support.secrets import apply_secret
from cluster.support.views import View
from cluster.support.world import World
from cluster.support.worlds import TOKEN, WorldMaker
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from unit.api.invalid_specs import valid_spec

pytestmark = pytest.mark.cluster

ALIKE: Final[dict[str, Any]] = {
    "model_name": "openai/gpt-oss-120b",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "scaling": {"min_replicas": 1, "max_replicas": 4},
    "description": "a note",
}
MUTATIONS: Final = ("POST", "PATCH", "DELETE")


@dataclass(frozen=True)
class Planning:
    """One world, and the command line of whoever may do everything in it."""

    world: World
    cli: Cli

    def plan(self, *manifests: str, code: int) -> dict[str, Any]:
        """The forecast of the only object, or of all; the clouds and the cluster are as before."""
        before = self._standing()
        ran = self.cli("plan", "-f", "-", "-o", "json", "-n", self.world.namespace, stdin="\n---\n".join(manifests))
        assert ran.code == code, (ran.out, ran.err)
        assert self._standing() == before
        answer: dict[str, Any] = ran.json
        return {**answer, **answer["objects"][0]} if len(manifests) == 1 else answer

    def _standing(self) -> tuple[object, ...]:
        """What has changed the clouds, and each object but for its status, which the operator may be writing."""
        of_people = ("uid", "generation", "deletionTimestamp", "labels", "annotations", "finalizers")
        return self.sent(0), [
            (item["spec"], {name: item["metadata"].get(name) for name in of_people})
            for item in self.world.kube.objects(self.world.namespace)
        ]

    def sent(self, since: int) -> list[str]:
        """What has changed the cloud since then."""
        return [call["method"] for call in self.world.cloud.calls(since=since) if call["method"] in MUTATIONS]

    def apply(self, manifest: str, *arguments: str) -> list[str]:
        """What an apply makes the operator send."""
        since = self.world.now()
        self.world.cluster.kubectl("apply", "-n", self.world.namespace, "-f", "-", *arguments, input=manifest)
        eventually(self._all_judged)
        self.world.after_lists(6)
        return self.sent(since)

    def _all_judged(self) -> bool:
        """The operator has looked at each object as it is, and nothing is under way any more."""
        for item in self.world.kube.objects(self.world.namespace):
            seen, paused = View(item), api.PAUSED in item["metadata"].get("annotations", {})
            assert seen.settled, seen.summary()
            assert not seen.said("Reconciling").status, seen.summary()
            assert (seen.said("Synced").reason == "ReconcilePaused") == paused, seen.summary()
        return True

    def text(self, manifest: str) -> Ran:
        """The forecast for people."""
        return self.cli("plan", "-f", "-", "-n", self.world.namespace, stdin=manifest)


def manifest(name: str = "subject", *, annotations: dict[str, str] | None = None, **spec: Any) -> str:  # noqa: ANN401  # JSON
    """A manifest as somebody keeps it in Git."""
    return crd.manifest(valid_spec(**spec), name=name, **({"annotations": annotations} if annotations else {}))


@pytest.fixture
def planning(new_world: WorldMaker, cluster: Cluster) -> Iterator[Planning]:
    """An operator that runs, and is installed as the chart does it."""
    world = new_world(settings={"ADOPTION_NAMESPACES": "*"})
    install(world, adoptionNamespaces="{*}")
    yield Planning(world, cli(world.cluster.kubeconfig))
    uninstall_all(cluster)


def test_create_change_and_nothing(planning: Planning) -> None:
    """From nothing to an endpoint to another size; each time the apply sends what was foreseen."""
    first = manifest()
    foreseen = planning.plan(first, code=2)
    assert (foreseen["action"], foreseen["object"]) == ("create", "created")
    assert foreseen["gpus"] == {"reserved": {"before": 0, "after": 1}, "most": {"before": 0, "after": 4}}
    assert planning.apply(first) == ["POST"]
    planning.world.until_ready("subject")
    assert planning.plan(first, code=0)["action"] == "nothing"
    assert planning.apply(first) == []

    second = manifest(scaling={"minReplicas": 2, "maxReplicas": 8}, gpu={"type": "gpu-h200-sxm", "count": 2})
    foreseen = planning.plan(second, code=2)
    assert (foreseen["action"], foreseen["object"]) == ("change", "changed")
    assert {(item["field"], item["from"], item["to"]) for item in foreseen["changes"]} == {
        ("gpu.type", "gpu-h100-sxm", "gpu-h200-sxm"),
        ("gpu.count", 1, 2),
        ("scaling.minReplicas", 1, 2),
        ("scaling.maxReplicas", 4, 8),
    }
    assert foreseen["gpus"]["reserved"] == {"before": 1, "after": 4}
    assert foreseen["gpus"]["most"] == {"before": 4, "after": 16}
    assert planning.apply(second) == ["PATCH"]


def test_replacement(planning: Planning) -> None:
    """A field that cannot be changed any more needs another object; the apply is refused, as foreseen."""
    planning.apply(manifest())
    planning.world.until_ready("subject")
    other = manifest(region="us-central1")
    foreseen = planning.plan(other, code=1)
    assert foreseen["action"] == "replace"
    assert foreseen["changes"] == [{"field": "region", "from": "eu-north1", "to": "us-central1"}]
    assert foreseen["message"].startswith(
        'DedicatedEndpoint.tokenfactory.nebius.com "subject" is invalid: spec.region: '
    )
    assert foreseen["gpus"]["reserved"] == {"before": 1, "after": 1}
    wrong = planning.plan(manifest(region="us-central1", scaling={"minReplicas": 5, "maxReplicas": 4}), code=1)
    assert (wrong["action"], wrong["changes"]) == ("refused", [])
    refused = planning.world.cluster.kubectl(
        "apply", "-n", planning.world.namespace, "-f", "-", input=other, check=False
    )
    assert refused.returncode != 0


@pytest.mark.parametrize(("policy", "action", "sent"), [("Manage", "adopt", ["PATCH"]), ("Observe", "observe", [])])
def test_adoption(planning: Planning, policy: str, action: str, sent: list[str]) -> None:
    """An endpoint of the console is taken over by its mark alone; who observes it sends nothing."""
    endpoint_id = planning.world.cloud.console_create(name="by hand", **ALIKE)["id"]
    text = manifest(endpointId=endpoint_id, managementPolicy=policy)
    foreseen = planning.plan(text, code=2)
    assert (foreseen["action"], foreseen["endpointId"]) == (action, endpoint_id)
    assert [item["field"] for item in foreseen["changes"]] == (["owner mark"] if sent else [])
    assert foreseen["gpus"]["reserved"] == {"before": 1, "after": 1}
    assert planning.apply(text) == sent


def test_adoption_of_what_differs_in_a_field_that_cannot_be_changed(planning: Planning) -> None:
    """The API server stores it, and the operator would ask a person: it has to describe the endpoint as it is."""
    endpoint_id = planning.world.cloud.console_create(name="by hand", **{**ALIKE, "region": "us-central1"})["id"]
    foreseen = planning.plan(manifest(endpointId=endpoint_id), code=1)
    assert (foreseen["action"], foreseen["reason"]) == ("replace", "InvalidSpec")


@pytest.mark.parametrize(
    ("spec", "reason", "says"),
    [
        pytest.param(
            {"model": "openai/gpt-oss-12b"}, "CatalogMismatch", 'Did you mean "openai/gpt-oss-120b"', id="model"
        ),
        pytest.param({"gpu": {"type": "gpu-h100-sxm", "count": 3}}, "CatalogMismatch", "gpu.count", id="count"),
        pytest.param({"region": "eu-north2"}, "CatalogMismatch", "region eu-north2", id="region"),
        pytest.param({"endpointId": "ep-nowhere"}, "EndpointNotFound", "ep-nowhere", id="no such endpoint"),
    ],
)
def test_what_the_operator_would_ask_a_person(planning: Planning, spec: dict[str, Any], reason: str, says: str) -> None:
    """The same reason and sentence that the object then carries."""
    foreseen = planning.plan(manifest(**spec), code=1)
    assert (foreseen["action"], foreseen["reason"]) == ("blocked", reason)
    assert says in foreseen["message"]
    planning.apply(manifest(**spec))
    assert planning.world.until_stalled("subject", reason).said("Stalled").message == foreseen["message"]


def test_what_the_api_server_refuses(planning: Planning) -> None:
    """Its own rules judge: an unknown value, and a rule between two fields."""
    foreseen = planning.plan(manifest(scaling={"minReplicas": 5, "maxReplicas": 4}), code=1)
    assert foreseen["action"] == "refused"
    assert "minReplicas must not be greater than maxReplicas" in foreseen["message"]


def test_a_field_that_is_misspelt(planning: Planning) -> None:
    """The API server wants it: a mistake in the file, and no wish for another endpoint."""
    planning.apply(manifest())
    planning.world.until_ready("subject")
    document = json.loads(manifest())
    document["spec"]["modell"] = document["spec"].pop("model")
    foreseen = planning.plan(json.dumps(document), code=1)
    assert (foreseen["action"], foreseen["changes"]) == ("refused", [])
    assert "spec.model: Required value" in foreseen["message"]


@pytest.mark.parametrize("applied", [True, False], ids=["an object", "no object"])
def test_a_field_that_nobody_knows(planning: Planning, applied: bool) -> None:  # noqa: FBT001  # a parameter
    """It is left out by nobody: the apply is refused, as foreseen."""
    if applied:
        planning.apply(manifest())
        planning.world.until_ready("subject")
    document = json.loads(manifest())
    document["spec"]["displayNam"] = "x"
    foreseen = planning.plan(json.dumps(document), code=1)
    assert (foreseen["action"], foreseen["changes"]) == ("refused", [])
    assert "spec.displayNam" in foreseen["message"]
    refused = planning.world.cluster.kubectl(
        "apply", "-n", planning.world.namespace, "-f", "-", input=json.dumps(document), check=False
    )
    assert refused.returncode != 0


@pytest.mark.parametrize("arguments", [(), ("--server-side",)], ids=["client side", "server side"])
def test_owners_and_finalizers(planning: Planning, arguments: tuple[str, ...]) -> None:
    """The object is another one with them, and the cloud is not."""
    planning.apply(manifest(), *arguments)
    planning.world.until_ready("subject")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "00000000-0000-0000-0000-000000000001"}
    for field in ({"finalizers": ["example.com/held"]}, {"ownerReferences": [owner]}):
        document = json.loads(manifest())
        document["metadata"] |= field
        foreseen = planning.plan(json.dumps(document), code=2)
        assert (foreseen["action"], foreseen["object"]) == ("nothing", "changed")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param("watchNamespaces={default}", "TOKENFACTORY_WATCH_NAMESPACES leaves out", id="namespace"),
        pytest.param("settings.objectSelector=team=a", "TOKENFACTORY_OBJECT_SELECTOR (team=a)", id="labels"),
    ],
)
def test_no_operator_reconciles_it(new_world: WorldMaker, cluster: Cluster, value: str, says: str) -> None:
    """The object would be stored, and no endpoint would be made."""
    world = new_world(start=False)
    install(world, value)
    foreseen = Planning(world, cli(world.cluster.kubeconfig)).plan(manifest(), code=2)
    assert (foreseen["action"], foreseen["object"]) == ("ignored", "created")
    assert says in foreseen["message"]
    assert foreseen["gpus"]["reserved"] == {"before": 0, "after": 0}
    uninstall_all(cluster)


def test_defaults_are_the_api_servers(planning: Planning) -> None:
    """What the manifest leaves out is no change."""
    planning.apply(manifest(scaling={"maxReplicas": 4}))
    planning.world.until_ready("subject")
    assert planning.plan(manifest(scaling={"maxReplicas": 4, "minReplicas": 1}), code=0)["object"] == "unchanged"


@pytest.mark.parametrize("arguments", [(), ("--server-side",)], ids=["client side", "server side"])
def test_a_field_that_is_left_out_now(planning: Planning, arguments: tuple[str, ...]) -> None:
    """It is removed as the kind of apply that set it would: the cloud keeps its value then."""
    planning.apply(manifest(displayName="mine"), *arguments)
    planning.world.until_ready("subject")
    foreseen = planning.plan(manifest(), code=2)
    assert (foreseen["action"], foreseen["object"]) == ("nothing", "changed")
    assert foreseen["changes"] == [{"field": "displayName", "from": "mine", "to": None}]
    assert planning.apply(manifest(), *arguments) == []
    assert "displayName" not in planning.world.get("subject").body["spec"]


def test_drift_and_pause(planning: Planning) -> None:
    """What somebody changed in the console is put back, and not while the object is paused."""
    planning.apply(manifest())
    endpoint_id = planning.world.until_ready("subject").endpoint_id
    paused = manifest(annotations={api.PAUSED: "true"})
    planning.apply(paused)
    planning.world.cloud.console_patch(endpoint_id, scaling={"min_replicas": 1, "max_replicas": 9})
    planning.world.until_reported("subject", "Synced", "ReconcilePaused")
    planning.world.after_lists()
    assert planning.plan(paused, code=0)["action"] == "paused"
    foreseen = planning.plan(manifest(), code=2)
    assert (foreseen["action"], foreseen["object"]) == ("change", "changed")
    assert planning.apply(manifest()) == ["PATCH"]


def test_an_open_attempt_is_waited_for(planning: Planning) -> None:
    """Nothing is sent before it is known what became of it."""
    planning.world.faulty("subject", "POST", effect="status", code=500)  # none of them makes an endpoint
    planning.world.cluster.kubectl("apply", "-n", planning.world.namespace, "-f", "-", input=manifest())
    planning.world.until_called("subject", "POST")
    planning.world.operator.kill()
    planning.world.write_status(
        "subject", {"createAttempt": {"id": "0123abcd", "state": "Pending"}, "endpointId": None}
    )
    foreseen = planning.plan(manifest(), code=0)
    assert (foreseen["action"], foreseen["reason"]) == ("wait", "CreateOutcomeUnknown")


def test_a_secret_of_its_own(new_world: WorldMaker, cluster: Cluster) -> None:
    """The cloud is asked with the object's token; a missing one is waited for, and a wrong one is said."""
    world = new_world(start=False)
    install(world, "secretCredentials=true")
    planning = Planning(world, cli(world.cluster.kubeconfig))
    text = manifest(credentials={"secretRef": {"name": "team"}, "projectId": "project-b"})
    foreseen = planning.plan(text, code=2)
    assert (foreseen["action"], foreseen["reason"]) == ("wait", "CredentialsMissing")
    world.cloud.add_token("team-token", "project-b")
    apply_secret(world, "team", "team-token")
    assert planning.plan(text, code=2)["action"] == "create"
    assert {call["project"] for call in world.cloud.calls()} >= {"project-b"}
    apply_secret(world, "team", "a-wrong-token")
    foreseen = planning.plan(text, code=1)
    assert foreseen["action"] == "unknown"
    assert "401" in foreseen["message"]
    uninstall_all(cluster)


def test_two_for_one_endpoint(planning: Planning) -> None:
    """Applied together they are in each other's way."""
    endpoint_id = planning.world.cloud.console_create(name="by hand", **ALIKE)["id"]
    foreseen = planning.plan(manifest("one", endpointId=endpoint_id), manifest("two", endpointId=endpoint_id), code=1)
    assert [each["action"] for each in foreseen["objects"]] == ["adopt", "blocked"]


def test_for_people(planning: Planning) -> None:
    """A line for each object with its sign, one for each field, the GPUs, and how many there are of what."""
    ran = planning.text(manifest())
    name = f"{planning.world.namespace}/subject"
    assert ran.out.splitlines() == [
        f"+ {name}: create (the object is created)",
        "    1 GPU reserved, 4 at most",
        "",
        "GPUs reserved: 0 → 1, at most: 0 → 4.",
        "Plan: 1 create.",
    ]
    assert ran.err == ""


def test_other_kinds_are_left_out(planning: Planning) -> None:
    """A folder of Git has more than endpoints."""
    stream = f"{manifest()}\n---\n{json.dumps({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'x'}})}"
    ran = planning.text(stream)
    assert ran.code == 2
    assert ran.err == "1 object of other kinds left out.\n"


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        pytest.param("", "There is no DedicatedEndpoint", id="nothing"),
        pytest.param("a: [", "is no YAML", id="no YAML"),
        pytest.param("just text", "no object of Kubernetes", id="text"),
        pytest.param(f"{{kind: {api.KIND}, apiVersion: {api.API_VERSION}}}", "no metadata.name", id="no name"),
        pytest.param(f"{manifest()}\n---\n{manifest()}", "more than once", id="twice"),
    ],
)
def test_what_is_no_manifest(planning: Planning, stream: str, says: str) -> None:
    """One sentence, and status 1."""
    ran = planning.text(stream)
    assert ran.code == 1
    assert says in ran.err
    assert ran.out == ""


def test_without_a_token_or_a_cloud(planning: Planning) -> None:
    """Nothing is guessed: one sentence says what is missing."""
    uninstall_all(planning.world.cluster)
    ran = planning.text(manifest())
    assert (ran.code, ran.out) == (1, "")
    assert "There is no token" in ran.err
    away = cli(planning.world.cluster.kubeconfig, TOKEN=TOKEN, API_URL="http://127.0.0.1:9")
    ran = away("plan", "-f", "-", "-n", planning.world.namespace, stdin=manifest())
    assert ran.code == 1
    assert "127.0.0.1:9" in ran.err
    ran = planning.cli("plan", "-f", "/nonexistent", "-n", planning.world.namespace)
    assert "/nonexistent cannot be read" in ran.err
