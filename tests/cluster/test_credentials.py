"""Credentials per object: whose rights and whose bill, from a labelled Secret of the object's namespace."""

from __future__ import annotations

import re
import shlex
from functools import partial
from typing import Any

import pytest

from cluster.support.eventually import eventually
from cluster.support.secrets import apply_secret, credentials, delete_secret, find_secret, in_use, until_secret_gone
from cluster.support.world import World
from cluster.support.worlds import TOKEN, Chart, WorldMaker, with_secrets
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

TEAM, OTHER = "project-team", "project-other"
TEAM_TOKEN, TEAM_TOKEN_2, OTHER_TOKEN = "team-canary-a81b22", "team-canary-c3d4e5", "other-canary-77f0e9"
SETTINGS = {"SECRET_CREDENTIALS": "true"}


@pytest.fixture(scope="session")
def chart(cluster: Cluster, chart: Chart) -> Chart:
    """With the right to read Secrets."""
    return with_secrets(cluster, chart)


@pytest.fixture
def world(new_world: WorldMaker) -> World:
    """An operator that may read Secrets, and three tokens beside its own."""
    return team_world(new_world)


def team_world(new_world: WorldMaker, *, start: bool = True, **settings: str) -> World:
    """As above, with more settings."""
    world = new_world(start=False, settings={**SETTINGS, **settings})
    world.cloud.add_token(TEAM_TOKEN, TEAM)
    world.cloud.add_token(TEAM_TOKEN_2, TEAM)
    world.cloud.add_token(OTHER_TOKEN, OTHER)
    if start:
        world.operator.start()
    return world


def test_the_team_pays_with_its_own_key(world: World) -> None:
    """The endpoint is made in the Secret's project; the Secret is held from before the POST until the end."""
    apply_secret(world, "key", TEAM_TOKEN)
    seen = world.created("subject", credentials=credentials("key"))
    assert world.endpoint("subject")["project"] == TEAM
    assert [call["project"] for call in world.calls("subject", "POST")] == [TEAM]
    assert in_use(world, "key")
    assert seen.status["scope"].startswith("token-")
    assert held_before_opened(world)
    world.delete("subject")
    world.until_gone("subject")
    assert world.endpoints("subject") == []
    eventually(lambda: not in_use(world, "key"), what="the Secret let go")


def held_before_opened(world: World) -> bool:
    """By the API server's audit log: the Secret's finalizer was written before the first status with an attempt.

    A status without one may come earlier: the operator may hear of the object before it hears of the Secret.
    """
    writes = [
        event["objectRef"]["resource"] == "secrets"
        for event in world.cluster.audit()
        if event["user"]["username"] == world.account
        and event["stage"] == "ResponseComplete"
        and event["verb"] == "patch"
        and event["objectRef"].get("namespace") == world.namespace
        and (event["objectRef"]["resource"] == "secrets" or "createAttempt" in event["requestObject"].get("status", {}))
    ]
    return writes[0] and not all(writes)


def test_explicit_project_is_the_scope(world: World) -> None:
    """`projectId` says where, and stands in the status."""
    apply_secret(world, "key", TEAM_TOKEN)
    seen = world.created("subject", credentials=credentials("key", projectId=TEAM))
    assert seen.status["scope"] == TEAM
    assert world.endpoint("subject")["project"] == TEAM


@pytest.mark.parametrize(
    ("labels", "key", "token", "says"),
    [
        pytest.param(None, None, "", "no Secret key with the label", id="there is none"),
        pytest.param({}, "token", TEAM_TOKEN, "no Secret key with the label", id="no label"),
        pytest.param(None, "other", TEAM_TOKEN, "has no key token", id="another key"),
        pytest.param(None, "token", "two words", "holds no token", id="no token"),
    ],
)
def test_late_secret(world: World, labels: dict[str, str] | None, key: str | None, token: str, says: str) -> None:
    """An object whose Secret is missing says what is missing, and recovers at once when it comes."""
    if key is not None:
        apply_secret(world, "key", token, labels=labels, key=key)
    world.create("subject", credentials=credentials("key"))
    world.until_reported("subject", "Synced", "CredentialsMissing", status="False")
    # The operator may hear of the object first.
    eventually(lambda: says in world.get("subject").said("Synced").message, what=f"a message with {says}")
    assert world.get("subject").said("Ready").status != "True"
    assert world.calls("subject", "POST") == []
    apply_secret(world, "key", TEAM_TOKEN)
    world.until_ready("subject")
    assert len(world.calls("subject", "POST")) == 1


def test_rotation_without_restart(world: World) -> None:
    """Another token of the same project is followed: the scope is rewritten, nothing is made anew."""
    apply_secret(world, "key", TEAM_TOKEN)
    before = world.created("subject", credentials=credentials("key"))
    apply_secret(world, "key", TEAM_TOKEN_2)

    def rewritten() -> bool:
        return bool(world.get("subject").status["scope"] != before.status["scope"])

    eventually(rewritten, what="another scope in the status")
    world.cloud.remove_token(TEAM_TOKEN)
    world.edit("subject", scaling={"maxReplicas": 7})
    seen = world.until_ready("subject")
    assert seen.endpoint_id == before.endpoint_id
    assert world.endpoint("subject")["scaling"]["max_replicas"] == 7
    assert len(world.calls("subject", "POST")) == 1


def test_revoked_token_recovers_with_the_secret(world: World) -> None:
    """A 401 is told; a new token in the Secret is tried at once, not after the slow retry."""
    apply_secret(world, "key", "revoked-canary-000111")
    world.create("subject", credentials=credentials("key"))
    seen = world.until_reported("subject", "Synced", "Unauthorized", status="False")
    assert "spec.credentials" in seen.said("Synced").message
    apply_secret(world, "key", TEAM_TOKEN)
    world.until_ready("subject")
    assert len(world.calls("subject", "POST")) == 1


@pytest.mark.rule("D16")
def test_another_project_by_mistake(world: World) -> None:
    """Nothing is made anew, released or forgotten while the Secret means another project, not even on deletion."""
    apply_secret(world, "key", TEAM_TOKEN)
    before = world.created("subject", credentials=credentials("key"))
    apply_secret(world, "key", OTHER_TOKEN)
    seen = world.until_stalled("subject", "CredentialsMismatch")
    assert seen.endpoint_id == before.endpoint_id
    assert seen.status["scope"] == before.status["scope"]
    assert not seen.ready
    world.delete("subject")
    world.after_lists(4)
    assert world.find("subject") is not None
    assert world.calls("subject", "DELETE") == []
    assert [item["project"] for item in world.endpoints("subject")] == [TEAM]
    apply_secret(world, "key", TEAM_TOKEN)
    world.until_gone("subject")
    assert world.cloud.endpoints() == []
    assert len(world.calls("subject", "POST")) == 1


def test_a_deleted_secret_waits_for_its_users(world: World) -> None:
    """It stays until the last object is gone, and says for whom; the endpoints are deleted with it."""
    apply_secret(world, "key", TEAM_TOKEN)
    for name in ("first", "second"):
        world.created(name, credentials=credentials("key"))
    delete_secret(world, "key")
    reported = world.until_event("key", "CredentialsInUse")
    assert "first, second" in reported["message"]
    world.edit("first", scaling={"maxReplicas": 7})
    world.until_ready("first")
    world.delete("first")
    world.until_gone("first")
    assert find_secret(world, "key") is not None
    world.delete("second")
    world.until_gone("second")
    until_secret_gone(world, "key")
    assert world.cloud.endpoints() == []


def test_a_secret_is_replaced_by_the_command_of_its_event(world: World) -> None:
    """Rotation by deleting and creating: the endpoint stays, and is looked after with the new key."""
    apply_secret(world, "key", TEAM_TOKEN)
    before = world.created("subject", credentials=credentials("key"))
    delete_secret(world, "key")
    command = re.search(r"`kubectl (.*?)`", world.until_event("key", "CredentialsInUse")["message"])
    assert command is not None
    world.cluster.kubectl(*shlex.split(command[1]))
    until_secret_gone(world, "key")
    world.until_reported("subject", "Synced", "CredentialsMissing", status="False")
    apply_secret(world, "key", TEAM_TOKEN_2)
    world.cloud.remove_token(TEAM_TOKEN)
    world.until_reported("subject", "Synced", "ReconcileSuccess")
    world.edit("subject", scaling={"maxReplicas": 7})
    assert world.until_ready("subject").endpoint_id == before.endpoint_id
    assert world.endpoint("subject")["scaling"]["max_replicas"] == 7
    assert len(world.calls("subject", "POST")) == 1
    eventually(lambda: in_use(world, "key"), what="the new Secret held")
    world.delete("subject")
    world.until_gone("subject")
    assert world.endpoints("subject") == []


def test_nothing_new_is_begun_with_a_secret_that_is_being_deleted(world: World) -> None:
    """It serves what has an endpoint, with a new value too; what has none neither uses nor keeps it."""
    apply_secret(world, "key", TEAM_TOKEN)
    before = world.created("first", credentials=credentials("key"))
    delete_secret(world, "key")
    world.until_event("key", "CredentialsInUse")
    world.create("second", credentials=credentials("key"))
    seen = world.until_reported("second", "Synced", "CredentialsMissing", status="False")
    assert "is being deleted" in seen.said("Synced").message
    apply_secret(world, "key", TEAM_TOKEN_2)
    eventually(lambda: world.get("first").status["scope"] != before.status["scope"], what="the new value followed")
    world.delete("first")
    world.until_gone("first")
    until_secret_gone(world, "key")
    assert world.calls("second", "POST") == []
    apply_secret(world, "key", TEAM_TOKEN_2)
    world.until_ready("second")


def test_a_deleted_namespace_takes_everything(world: World) -> None:
    """The key goes after the endpoints, whatever order the namespace is emptied in."""
    apply_secret(world, "key", TEAM_TOKEN)
    for name in ("first", "second"):
        world.created(name, credentials=credentials("key"))
    world.kube.delete_namespace(world.namespace)
    eventually(lambda: not world.kube.has_namespace(world.namespace), what="the end of the namespace")
    assert world.cloud.endpoints() == []


def test_finalizer_of_the_secret_is_put_back(world: World) -> None:
    """Somebody strips it while an endpoint depends on the Secret: it comes back."""
    apply_secret(world, "key", TEAM_TOKEN)
    world.created("subject", credentials=credentials("key"))
    world.cluster.kubectl(
        "patch",
        "secret",
        "key",
        "--namespace",
        world.namespace,
        "--type=merge",
        "-p",
        '{"metadata":{"finalizers":null}}',
    )
    eventually(lambda: in_use(world, "key"), what="the finalizer put back")


def test_one_token_is_one_account(world: World) -> None:
    """Two Secrets with the same token cost no second LIST."""
    apply_secret(world, "one", TEAM_TOKEN)
    apply_secret(world, "two", TEAM_TOKEN)
    for name in ("one", "two"):
        world.created(name, credentials=credentials(name))
    projects = [call["project"] for call in world.lists()]
    metrics = world.operator.metrics()
    scopes = {labels for name, labels in metrics if name == "tokenfactory_inventory_endpoints"}
    assert set(projects) == {TEAM, "project-a"}
    assert len(scopes) == 2


def ended(world: World, name: str) -> bool:
    return world.endpoints(name) == []


def test_a_hanging_credential_holds_up_its_own_objects_only(new_world: WorldMaker) -> None:
    """More objects than workers hang in one project; in another one, objects come, change and go meanwhile."""
    world = team_world(new_world, CONCURRENCY="2", REQUEST_TIMEOUT="20s", CREATE_SETTLE="20s", DELETE_SETTLE="20s")
    apply_secret(world, "slow", OTHER_TOKEN)
    apply_secret(world, "quick", TEAM_TOKEN)
    eventually(lambda: world.operator.probe("readyz"))
    # Their answers come when the simulator's clock is moved, below.
    match = {"project": OTHER, "method": "POST"}
    fault = world.cloud.fault(match, effect="effect_late", seconds=600, answer="hold")
    for number in range(5):
        world.create(f"slow-{number}", credentials=credentials("slow"))
    eventually(lambda: hanging(world) == 2, what="as many calls under way as that credential may have")
    for name, key in (("team", "quick"), ("own", "")):
        given = {"credentials": credentials(key)} if key else {}
        world.created(name, **given)
        world.edit(name, scaling={"maxReplicas": 7})
        world.until_ready(name)
        world.delete(name)
        eventually(partial(ended, world, name), what="the end of its endpoint")
    assert hanging(world) == 2
    world.cloud.clear_faults(fault)
    world.cloud.advance(600)
    for name in ("team", "own"):
        world.until_gone(name)
    for number in range(5):
        world.until_ready(f"slow-{number}")
    assert len(world.cloud.endpoints(alive_only=False)) == 7


def hanging(world: World) -> int:
    """POSTs that have no answer yet."""
    return sum(call["status"] is None for call in world.cloud.calls(method="POST"))


def test_throttling_blocks_one_credential(world: World) -> None:
    """`Retry-After` for one token is obeyed by all objects of that token, and by no other."""
    apply_secret(world, "slow", OTHER_TOKEN)
    apply_secret(world, "quick", TEAM_TOKEN)
    world.cloud.fault({"project": OTHER, "method": "POST", "count": 1}, effect="status", code=429, retry_after=300)
    for number in range(3):
        world.create(f"slow-{number}", credentials=credentials("slow"))
        world.until_reported(f"slow-{number}", "Synced", "RateLimited", status="False")
    world.created("quick", credentials=credentials("quick"))
    world.created("own")
    posts = [call for call in world.cloud.calls(method="POST") if call["project"] == OTHER]
    assert [call["status"] for call in posts] == [429]


@pytest.mark.parametrize("allowed", [pytest.param("elsewhere", id="another namespace"), pytest.param("", id="none")])
def test_who_may_use_the_operators_own(new_world: WorldMaker, allowed: str) -> None:
    """A namespace that is not listed is told to bring its own key, and works with it."""
    world = team_world(new_world, OPERATOR_CREDENTIAL_NAMESPACES=allowed or " ")
    world.create("subject")
    seen = world.until_reported("subject", "Synced", "CredentialsMissing", status="False")
    assert "spec.credentials.secretRef" in seen.said("Synced").message
    apply_secret(world, "key", TEAM_TOKEN)
    world.edit("subject", credentials=credentials("key"))
    world.until_ready("subject")
    assert [call["project"] for call in world.calls("subject", "POST")] == [TEAM]


def test_without_the_setting_no_secret_is_read(new_world: WorldMaker) -> None:
    """An operator that must not read Secrets says so, and where that can be changed."""
    world = new_world()
    apply_secret(world, "key", TEAM_TOKEN)
    world.create("subject", credentials=credentials("key"))
    seen = world.until_reported("subject", "Synced", "CredentialsMissing", status="False")
    assert "TOKENFACTORY_SECRET_CREDENTIALS" in seen.said("Synced").message
    reads = [
        event
        for event in world.cluster.audit()
        if event["user"]["username"] == world.account
        and event.get("objectRef", {}).get("resource") == "secrets"
        and event["objectRef"].get("namespace") in (None, world.namespace)
    ]
    assert reads == []


@pytest.mark.rule("A12")
def test_adoption_with_the_namespaces_own_key(world: World) -> None:
    """No allow-list is needed for what the namespace's own key reaches."""
    apply_secret(world, "key", TEAM_TOKEN)
    made = world.cloud.console_create(project=TEAM)
    world.create("subject", credentials=credentials("key"), endpointId=made["id"], **described(made))
    assert world.until_ready("subject").endpoint_id == made["id"]
    assert world.calls("subject", "POST") == []


def described(endpoint: dict[str, Any]) -> dict[str, Any]:
    """The immutable fields of a console's endpoint, as a spec has them."""
    return {
        "model": endpoint["model_name"],
        "flavor": endpoint["flavor_name"],
        "region": endpoint["region"],
        "gpu": {"type": endpoint["gpu_type"], "count": endpoint["gpu_count"]},
    }


def test_restart_remembers_who_uses_what(world: World) -> None:
    """A new process holds what the old one held, writes nothing, and lets a Secret go whose users went meanwhile."""
    apply_secret(world, "key", TEAM_TOKEN)
    apply_secret(world, "idle", OTHER_TOKEN)
    world.created("subject", credentials=credentials("key"))
    version = world.get("subject").version
    world.operator.kill()
    world.cluster.kubectl(
        "patch",
        "secret",
        "idle",
        "--namespace",
        world.namespace,
        "--type=merge",
        "-p",
        f'{{"metadata":{{"finalizers":["{api.IN_USE}"]}}}}',
    )
    world.operator.start()
    eventually(lambda: not in_use(world, "idle"), what="the unused Secret let go")
    world.after_lists(3)
    assert world.get("subject").version == version
    assert in_use(world, "key")
    assert TOKEN not in world.operator.log_text()


def test_a_secret_that_loses_its_label(world: World) -> None:
    """It is kept as long as its user is there, and then does not wait for an operator that sees it no more."""
    apply_secret(world, "key", TEAM_TOKEN)
    world.created("subject", credentials=credentials("key"))
    world.cluster.kubectl("label", "secret", "key", "--namespace", world.namespace, f"{api.CREDENTIALS_LABEL}-")
    world.until_reported("subject", "Synced", "CredentialsMissing", status="False")
    assert in_use(world, "key")
    world.annotate("subject", api.FORCE_RELEASE, "true")
    world.delete("subject")
    world.until_gone("subject")
    eventually(lambda: not in_use(world, "key"), what="the Secret let go")
