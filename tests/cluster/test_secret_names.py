"""A namespace with a key of its own is deleted, in an install where Kubernetes takes the operator's Role away first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.namespaced import Namespaced, namespaced
from cluster.support.rights import used
from cluster.support.secrets import apply_secret, credentials, find_secret, in_use
from cluster.support.world import World
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.credentials.secret_keeper import NOT_COVERED_EVENT

pytestmark = pytest.mark.cluster

LISTED: Final = "tokenfactory-key"
"""The chart's default."""
OTHER: Final = "another-key"
TEAM: Final = "project-team"
TEAM_TOKEN: Final = "team-canary-77aa01"


@pytest.fixture
def installed(cluster: Cluster, kube: KubeApi, tmp_path: Path) -> Iterator[Namespaced]:
    """With keys of namespaces, and all else as the chart has it."""
    settings = {"SECRET_CREDENTIALS": "true", "SECRET_NAMES": LISTED}
    with namespaced(cluster, kube, tmp_path, "secretCredentials=true", **settings) as made:
        made.a.cloud.add_token(TEAM_TOKEN, TEAM)
        yield made


def started(installed: Namespaced, name: str) -> World:
    """An object in `a` that is Ready with the Secret of that name."""
    a = installed.a
    apply_secret(a, name, TEAM_TOKEN)
    installed.operator.start()
    a.created("held", credentials=credentials(name))
    assert in_use(a, name)
    assert a.endpoint("held")["project"] == TEAM
    return a


def begin_to_delete(installed: Namespaced, world: World) -> None:
    """The namespace is being deleted and the Role is gone; the object still waits."""
    world.annotate("held", api.PAUSED, "true")
    world.kube.delete_namespace(world.namespace)
    installed.until_role_gone(world.namespace)
    assert world.get("held").held


def test_the_namespace_ends(installed: Namespaced) -> None:
    """The endpoint goes, then the Secret and the namespace, though the Role was gone before any of them."""
    a = started(installed, LISTED)
    assert a.events("held", NOT_COVERED_EVENT) == []
    begin_to_delete(installed, a)
    a.annotate("held", api.PAUSED, None)
    installed.until_ended(a)
    assert a.endpoints("held") == []
    assert len(a.calls("held", "POST")) == 1


def test_the_namespace_ends_after_a_crash(installed: Namespaced) -> None:
    """A process that never saw the Role reads the key by its name, and deletes the endpoint with it."""
    a = started(installed, LISTED)
    begin_to_delete(installed, a)
    installed.operator.kill()
    installed.operator.start()
    said = a.until_reported("held", "Synced", "ReconcilePaused", status="False")
    assert said.held
    assert len(a.endpoints("held")) == 1
    a.annotate("held", api.PAUSED, None)
    installed.until_ended(a)
    assert a.endpoints("held") == []
    assert [call["project"] for call in a.calls("held", "DELETE")] == [TEAM]
    after = [event for event in a.cluster.audit() if event["user"]["username"] == a.account]
    rights = {("", "secrets", LISTED, verb) for verb in ("get", "patch")}
    by_name = used((event for event in after if event.get("objectRef", {}).get("namespace") == a.namespace), rights)
    assert {right for right, codes in by_name.items() if 200 in codes} >= rights


def test_a_secret_that_no_object_names_any_more(installed: Namespaced) -> None:
    """Killed between its two last writes: the next process finds the Secret by its name, and lets it go."""
    a = started(installed, LISTED)
    begin_to_delete(installed, a)
    installed.operator.kill()
    a.cloud.console_delete(a.endpoint("held")["id"])
    a.kube.patch(a.namespace, "held", {"metadata": {"finalizers": None}})
    a.until_gone("held")
    assert in_use(a, LISTED)
    installed.operator.start()
    installed.until_ended(a)


def test_a_name_that_is_not_listed(installed: Namespaced) -> None:
    """Object and Secret say so when it is first used; at the end a person grants the right, and nothing is left."""
    a = started(installed, OTHER)
    for subject in ("held", OTHER):
        assert "rbac.secretNames" in a.until_event(subject, NOT_COVERED_EVENT)["message"]
    begin_to_delete(installed, a)
    installed.operator.kill()
    installed.operator.start()
    seen = a.until_reported("held", "Synced", "CredentialsMissing", status="False")
    assert f"may not read the Secret {OTHER}" in seen.said("Synced").message
    assert len(a.endpoints("held")) == 1
    a.annotate("held", api.PAUSED, None)
    installed.bind_by_hand("secret", "--verb=get,patch", "--resource=secrets", f"--resource-name={OTHER}")
    installed.until_ended(a)
    assert a.endpoints("held") == []


def test_a_secret_that_may_not_be_read_is_told_apart_from_one_that_is_gone(installed: Namespaced) -> None:
    """The condition follows when the right comes; no other namespace is disturbed."""
    a = started(installed, OTHER)
    begin_to_delete(installed, a)
    installed.operator.restart()
    a.until_reported("held", "Synced", "CredentialsMissing", status="False")
    installed.b.create("held")
    installed.b.until_ready("held")
    installed.bind_by_hand("secret", "--verb=get,patch", "--resource=secrets", f"--resource-name={OTHER}")
    a.until_reported("held", "Synced", "ReconcilePaused")
    assert find_secret(a, OTHER) is not None


def test_the_start_names_a_right_that_is_missing(installed: Namespaced) -> None:
    """A name in the settings that the roles do not have ends the start with a sentence."""
    installed.operator.configure(SECRET_NAMES=f"{LISTED},{OTHER}")
    installed.operator.start(wait=False)
    assert installed.operator.wait() == 2
    assert f"may not get and patch secrets {OTHER} in the whole cluster" in installed.operator.log_text()
    eventually(lambda: not installed.operator.running, what="its end")
