"""Whoever may write a status, and no more, gets at no stranger's endpoint by it; nor does a mark copied elsewhere."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cluster.support.kube import KubeApi
from cluster.support.secrets import apply_secret, credentials
from cluster.support.strangers import touched
from cluster.support.views import View
from cluster.support.world import World
from cluster.support.worlds import PROJECT, Chart, WorldMaker, with_secrets
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

TEAM_TOKEN, TENANT_TOKEN = "team-canary-5b0c17", "tenant-canary-a98e22"


@pytest.fixture(scope="session")
def chart(cluster: Cluster, chart: Chart) -> Chart:
    """With the right to read Secrets."""
    return with_secrets(cluster, chart)


def stranger(world: World) -> str:
    """Somebody's endpoint in the operator's project, made by hand."""
    made: str = world.cloud.console_create(project=PROJECT, description="a stranger's", name="theirs")["id"]
    return made


def forged(world: World, name: str, endpoint_id: str) -> View:
    """A status that names the endpoint as created for the object, as the operator would write it."""
    seen = world.get(name)
    return world.write_status(name, {**seen.status, "endpointId": endpoint_id})


def shape(endpoint: dict[str, Any]) -> tuple[Any, ...]:
    """What a PATCH changes."""
    return tuple(endpoint[name] for name in ("alive", "name", "description", "enabled", "scaling"))


@pytest.mark.rule("I20")
def test_a_strangers_endpoint_is_not_touched(new_world: WorldMaker) -> None:
    """Its namespace may not adopt: it is neither marked, changed, stopped nor deleted, also not by the next process."""
    world = new_world()
    mine = world.created("subject").endpoint_id
    theirs = stranger(world)
    before = shape(world.cloud.endpoint(theirs))
    world.operator.stop()
    forged(world, "subject", theirs)
    world.cloud.console_delete(mine)
    world.operator.start()
    world.until_stalled("subject", "OwnershipConflict")
    world.edit("subject", enabled=False, displayName="mine now")
    world.after_lists()
    world.delete("subject")
    seen = world.until_stalled("subject", "OwnershipConflict")
    assert theirs in seen.said("Synced").message
    world.after_lists(10)
    assert world.get("subject").terminating
    assert touched(world, theirs) == []
    assert shape(world.cloud.endpoint(theirs)) == before
    world.annotate("subject", api.FORCE_RELEASE, "true")
    world.until_gone("subject")
    assert touched(world, theirs) == []


@dataclass(frozen=True)
class Neighbours:
    """Two namespaces of one operator, each with a key of its own project."""

    victim: World
    tenant: World


@pytest.fixture
def neighbours(new_world: WorldMaker, kube: KubeApi) -> Iterator[Neighbours]:
    """Both are watched."""
    names = [f"{who}-{secrets.token_hex(4)}" for who in ("victim", "tenant")]
    for name in names:
        kube.create_namespace(name)
    settings = {"SECRET_CREDENTIALS": "true", "WATCH_NAMESPACES": ",".join(names), "CREATE_SETTLE": "20s"}
    world = new_world(start=False, settings={**settings, "DELETE_SETTLE": "20s"})
    world.cloud.add_token(TEAM_TOKEN, "project-team")
    world.cloud.add_token(TENANT_TOKEN, "project-tenant")
    world.operator.start()
    victim, tenant = (replace(world, namespace=name) for name in names)
    yield Neighbours(victim, tenant)
    for name in names:
        for item in kube.objects(name):
            kube.patch(name, item["metadata"]["name"], {"metadata": {"finalizers": None}})
        kube.delete_namespace(name)


def test_a_mark_that_a_tenant_copies_into_its_own_project(neighbours: Neighbours) -> None:
    """What its key lists is no evidence for the neighbour, whose create goes on, and who hears of no foreign id."""
    victim, tenant = neighbours.victim, neighbours.tenant
    apply_secret(tenant, "key", TENANT_TOKEN)
    tenant.created("own", credentials=credentials("key"))
    apply_secret(victim, "key", TEAM_TOKEN)
    lost = {"method": "POST", "body_regex": f" {victim.namespace}/subject uid=", "count": 1}
    victim.cloud.fault(lost, effect="status", code=502)
    victim.create("subject", credentials=credentials("key"))
    seen = victim.until_reported("subject", "Synced", "CreateOutcomeUnknown")
    copied = sent_mark(victim, "subject")
    own = tenant.endpoint("own")["id"]
    tenant.cloud.console_patch(own, description=f"{tenant.endpoint('own')['description']} {copied}")
    tenant.until_stalled("own", "OwnershipConflict")
    assert len(creates(victim, "subject")) == 1, "the mark was seen too late to say anything"
    assert victim.until_ready("subject").endpoint_id != own
    events = [item["message"] for item in victim.events("subject")]
    assert own not in json.dumps([victim.get("subject").body, seen.body, events])
    assert len(creates(victim, "subject")) == 2


def creates(world: World, name: str) -> list[str]:
    """Descriptions of the endpoints that were asked for, for the object: marks are copied here."""
    asked = [call["body"]["description"] for call in world.cloud.calls(method="POST")]
    return [text for text in asked if f" {world.namespace}/{name} uid=" in text]


def sent_mark(world: World, name: str) -> str:
    """The owner mark of the object's first create."""
    description = creates(world, name)[0]
    return description[description.index("[k8s") :]
