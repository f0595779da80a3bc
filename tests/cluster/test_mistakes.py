"""What a person sees who makes a usual mistake: the sentences of docs/troubleshooting.md, as they really are.

`GOLDEN=write` writes the files anew, and tests/unit/docs/test_mistakes.py the page; read the diff.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from cluster.support import crd, golden
from cluster.support.cli import cli
from cluster.support.eventually import eventually
from cluster.support.secrets import apply_secret, credentials
from cluster.support.world import World
from cluster.support.worlds import TOKEN, Chart, WorldMaker, with_secrets
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from unit.api.invalid_specs import valid_spec

pytestmark = pytest.mark.cluster

FOLDER: Final = Path(__file__).parent / "data" / "mistakes"
SUBJECT: Final = "chat"
CONSOLE: Final[dict[str, Any]] = {
    "name": "chat",
    "model_name": "openai/gpt-oss-120b",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "scaling": {"min_replicas": 1, "max_replicas": 4},
}


@pytest.fixture(scope="session")
def chart(cluster: Cluster, chart: Chart) -> Chart:
    """With the right to read Secrets."""
    return with_secrets(cluster, chart)


@pytest.fixture
def world(new_world: WorldMaker) -> World:
    """An operator that may read Secrets, and adopt for every namespace."""
    return new_world(settings={"SECRET_CREDENTIALS": "true", "ADOPTION_NAMESPACES": "*"})


@dataclass(frozen=True)
class Mistake:
    """One, and the condition that tells of it."""

    name: str
    make: Callable[[World], object]
    reason: str


def created(**spec: Any) -> Callable[[World], object]:  # noqa: ANN401  # JSON
    """An object with this in its spec."""
    return lambda world: world.create(SUBJECT, **spec)


def with_a_secret(value: str | None, *, key: str = "token", labelled: bool = True) -> Callable[[World], object]:
    """An object that names a Secret, which has this value."""

    def make(world: World) -> None:
        if value is not None:
            apply_secret(world, "team-key", value, key=key, labels=None if labelled else {})
        world.create(SUBJECT, credentials=credentials("team-key"))
        if value is not None and labelled:
            # The operator may hear of the object first.
            eventually(lambda: "There is no Secret" not in reported_as(world, "Synced"), what="the Secret heard of")

    return make


def reported_as(world: World, kind: str) -> str:
    """The message of that condition, once it is there."""

    def look() -> str:
        return world.get(SUBJECT).said(kind).message

    return eventually(look, what=f"a message of {kind}")


def two_with_one_id(world: World) -> None:
    """The second object wants what the first one has."""
    endpoint_id = world.cloud.console_create(**CONSOLE)["id"]
    world.created("first", endpointId=endpoint_id)
    world.create(SUBJECT, endpointId=endpoint_id)


def adopted_with_another_region(world: World) -> None:
    """The file says another region than the endpoint has."""
    world.create(SUBJECT, endpointId=world.cloud.console_create(**CONSOLE)["id"], region="us-central1")


def a_dump(world: World) -> None:
    """`kubectl get -o yaml` of an object that has gone, with the finalizer in it."""
    world.create(SUBJECT, metadata={"finalizers": [api.FINALIZER]})


def scaled_while_paused(world: World) -> None:
    """Paused, scaled, and forgotten."""
    world.created(SUBJECT)
    world.annotate(SUBJECT, api.PAUSED, "true")
    world.edit(SUBJECT, scaling={"minReplicas": 2, "maxReplicas": 4})


def stopped_in_the_console(world: World) -> None:
    """Nobody has said so in the spec."""
    world.created(SUBJECT)
    world.cloud.console_patch(world.endpoint(SUBJECT)["id"], enabled=False)


MISTAKES: Final = (
    Mistake("model", created(model="openai/gpt-oss-12b"), "CatalogMismatch"),
    Mistake("flavor", created(flavor="bas"), "CatalogMismatch"),
    Mistake("count", created(gpu={"type": "gpu-h100-sxm", "count": 3}), "CatalogMismatch"),
    Mistake("region", created(region="eu-nort1"), "CatalogMismatch"),
    Mistake("replicas", created(scaling={"minReplicas": 1, "maxReplicas": 65}), "CatalogMismatch"),
    Mistake("no-secret", with_a_secret(None), "CredentialsMissing"),
    Mistake("no-label", with_a_secret("a-token", labelled=False), "CredentialsMissing"),
    Mistake("other-key", with_a_secret("a-token", key="key"), "CredentialsMissing"),
    Mistake("white-space", with_a_secret("a token"), "CredentialsMissing"),
    Mistake("wrong-token", with_a_secret("a-wrong-token"), "Unauthorized"),
    Mistake("no-such-id", created(endpointId="ep-0000000000000000"), "EndpointNotFound"),
    Mistake("two-with-one-id", two_with_one_id, "OwnershipConflict"),
    Mistake("adopted-elsewhere", adopted_with_another_region, "InvalidSpec"),
    Mistake("paused", scaled_while_paused, "ReconcilePaused"),
    Mistake("stopped", stopped_in_the_console, "StoppedInConsole"),
)


def reported(world: World, reason: str) -> str:
    """Reason and message, from the one condition that has them."""

    def look() -> str:
        seen = world.get(SUBJECT)
        assert seen.settled, seen.summary()
        found = next(
            (said for kind in ("Stalled", "Synced", "Ready") if (said := seen.said(kind)).reason == reason), None
        )
        return f"{found.reason}: {found.message}" if found else ""

    return eventually(look, what=reason)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_what_the_object_says(mistake: Mistake, world: World) -> None:
    """The sentence of the page; it is what `kubectl get -o wide`, `describe` and `why` show too."""
    mistake.make(world)
    said = reported(world, mistake.reason)
    wide = world.cluster.kubectl("get", "dep", SUBJECT, "-n", world.namespace, "-o", "wide").stdout
    assert said.partition(": ")[2][:40] in wide
    golden.same(mistake.name, golden.stable(said, {world.namespace: "ml"}), FOLDER)


def test_a_namespace_that_may_not_adopt(new_world: WorldMaker) -> None:
    """The setting is named."""
    world = new_world()
    world.create(SUBJECT, endpointId=world.cloud.console_create(**CONSOLE)["id"])
    golden.same("may-not-adopt", golden.stable(reported(world, "Forbidden"), {world.namespace: "ml"}), FOLDER)


def test_a_dump_of_an_object_that_has_gone(world: World) -> None:
    """It says what is made sure of first; later the endpoint is created."""
    world.operator.kill()
    world.operator.configure(CREATE_SETTLE="60s", DELETE_SETTLE="60s", LOST_SETTLE="60s")
    world.operator.start()
    a_dump(world)
    golden.same("dump", golden.stable(reported(world, "CreateOutcomeUnknown"), {world.namespace: "ml"}), FOLDER)


CHOICES: Final = (
    pytest.param({"model": "openai/gpt-oss-12b"}, "openai/gpt-oss-120b", "s#gpt-oss-12b#gpt-oss-120b#", id="model"),
    pytest.param(
        {"gpu": {"type": "gpu-h100-sxm", "count": 3}}, "gpu.count 1, 2, 4, 8", "s/count: 3/count: 2/", id="count"
    ),
    pytest.param({"region": "eu-nort1"}, "region eu-north1", "s/eu-nort1/eu-north1/", id="region"),
)


@pytest.mark.parametrize(("wrong", "choice", "correction"), CHOICES)
def test_the_valid_choice_is_seen_wherever_one_looks(
    wrong: dict[str, Any], choice: str, correction: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In `plan` and `create` before, in `get`, `describe` and `why` afterwards; `kubectl edit` corrects it."""
    kubectl, where = world.cluster.kubectl, ("-n", world.namespace)
    run = cli(world.cluster.kubeconfig, TOKEN=TOKEN, API_URL=world.operator.setting("API_URL"))
    spec = valid_spec(**wrong)
    flags = ("--model", spec["model"], "--flavor", spec["flavor"], "--region", spec["region"])
    gpu = ("--gpu", spec["gpu"]["type"], "--count", str(spec["gpu"]["count"]))
    assert choice in run("plan", "-f", "-", *where, stdin=manifest(**wrong)).out
    assert choice in run("create", SUBJECT, *flags, *gpu, *where).err
    world.create(SUBJECT, **wrong)
    world.until_stalled(SUBJECT, "CatalogMismatch")
    assert choice in kubectl("get", "dep", SUBJECT, *where, "-o", "wide").stdout
    assert choice in kubectl("describe", "dep", SUBJECT, *where).stdout
    assert choice in run("why", SUBJECT, *where).out
    monkeypatch.setenv("KUBE_EDITOR", f"sed -i '{correction}'")
    kubectl("edit", "dep", SUBJECT, *where)
    world.until_ready(SUBJECT)
    assert len(world.calls(SUBJECT, "POST")) == 1


# What the API server refuses


def manifest(**spec: Any) -> str:  # noqa: ANN401  # JSON
    """A file."""
    body = {"apiVersion": api.API_VERSION, "kind": api.KIND, "metadata": {"name": SUBJECT}, "spec": valid_spec(**spec)}
    return yaml.safe_dump(body)


REFUSED: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "misspelt-field": (manifest(modell="openai/gpt-oss-120b"), ("apply", "-f", "-")),
    "min-above-max": (manifest(scaling={"minReplicas": 5, "maxReplicas": 4}), ("apply", "-f", "-")),
    "scale-too-far": ("", ("scale", f"dep/{SUBJECT}", "--replicas=5")),
    "scale-to-none": ("", ("scale", f"dep/{SUBJECT}", "--replicas=0")),
    "moved": ("", ("patch", "dep", SUBJECT, "--type=merge", "-p", '{"spec":{"region":"us-central1"}}')),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_kubectl_says(name: str, shared: World, cluster: Cluster) -> None:
    """At once, and nothing is stored."""
    crd.install(cluster)
    given, command = REFUSED[name]
    if not given and shared.find(SUBJECT) is None:
        shared.created(SUBJECT)
    refused = cluster.kubectl(*command, "-n", shared.namespace, input=given, check=False)
    assert refused.returncode != 0
    golden.same(name, golden.stable(refused.stderr, {shared.namespace: "ml"}), FOLDER)
