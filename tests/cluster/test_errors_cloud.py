"""A cloud that fails for everybody: what is said, what is not concluded, and that it mends without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.support.eventually import eventually
from cluster.support.world import World
from cluster.support.worlds import PROJECT, TOKEN, WorldMaker
from controlplane.ports import free_ports
from tokenfactory_simulator.testing import RunningSimulator, simulator_process

pytestmark = pytest.mark.cluster

RENEWED = "renewed-6b1d40a2e9f8"


@pytest.mark.parametrize(
    ("seconds", "form", "least"),
    [
        pytest.param(3, "seconds", 3.0, id="seconds"),
        # An HTTP date has no fractions, so up to a second of the wait is lost in it.
        pytest.param(4, "date", 3.0, id="date"),
    ],
)
def test_rate_limited(new_world: WorldMaker, seconds: int, form: str, least: float) -> None:
    """`Retry-After` is obeyed by the whole credential, and the same attempt is sent again: still one endpoint."""
    world = new_world()
    world.created("other")
    world.faulty("subject", "POST", effect="status", code=429, retry_after=seconds, retry_after_form=form, count=1)
    world.create("subject")
    (refused,) = world.until_called("subject", "POST")
    world.edit("other", displayName="renamed")
    world.until_ready("subject")
    world.until_ready("other")
    posts = world.calls("subject", "POST")
    until = posts[0]["ended_monotonic"] + least
    later = world.cloud.calls(since=refused["sequence"])
    early = [call["operation"] for call in later if call["started_monotonic"] < until]
    assert early in ([], ["list"]), "one LIST may have been on its way already when the answer came"
    assert [post["status"] for post in posts] == [429, 201]
    assert posts[0]["body"] == posts[1]["body"]
    assert len(world.endpoints("subject", alive_only=False)) == 1


def test_rejected_token(new_world: WorldMaker, tmp_path: Path) -> None:
    """A revoked token is said on every object; a new one in the file is used without a restart."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    world = new_world(settings={"TOKEN": "", "TOKEN_FILE": str(token)})
    endpoint_id = world.created("old").endpoint_id
    world.cloud.remove_token(TOKEN)
    world.until_reported("old", "Synced", "Unauthorized", status="False")
    world.create("new")
    blocked = world.until_reported("new", "Synced", "Unauthorized", status="False")
    assert "TOKENFACTORY_TOKEN_FILE" in blocked.said("Synced").message
    assert world.endpoints("new", alive_only=False) == []
    world.delete("old")
    world.cloud.add_token(RENEWED, PROJECT)
    token.write_text(RENEWED)
    world.until_ready("new")
    world.until_gone("old")
    assert len(world.calls("new", "POST")) == 1
    assert [call["endpoint_id"] for call in world.calls("old", "DELETE") if call["status"] == 204] == [endpoint_id]
    assert RENEWED not in world.operator.log_text()


def test_rotated_token_and_restart(new_world: WorldMaker, tmp_path: Path) -> None:
    """A life with another token of the same project finds the endpoints, notes the new scope, and makes none anew."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    world = new_world(settings={"TOKEN": "", "TOKEN_FILE": str(token)})
    before = world.created("subject")
    world.cloud.add_token(RENEWED, PROJECT)
    token.write_text(RENEWED)
    world.operator.restart()
    eventually(lambda: world.get("subject").status["scope"] != before.status["scope"], what="another scope")
    world.until_ready("subject")
    assert len(world.calls("subject", "POST")) == 1
    world.delete("subject")
    world.until_gone("subject")
    assert world.cloud.endpoints() == []


def test_token_of_another_project(new_world: WorldMaker, tmp_path: Path) -> None:
    """With a token of another project absence proves nothing: nothing is made, recreated or let go, and it is said."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    world = new_world(settings={"TOKEN": "", "TOKEN_FILE": str(token)})
    endpoint_id = world.created("subject").endpoint_id
    world.created("deleted")
    world.cloud.add_token(RENEWED, "project-b")
    assert world.operator.stop() == 0
    token.write_text(RENEWED)
    world.delete("deleted")
    world.operator.start()
    for each in ("subject", "deleted"):
        world.until_stalled(each, "CredentialsMismatch")
    world.after_lists(5)
    assert world.get("deleted").held
    assert len(world.cloud.endpoints()) == 2
    token.write_text(TOKEN)
    world.operator.restart()
    assert world.until_ready("subject").endpoint_id == endpoint_id
    world.until_gone("deleted")
    assert world.cloud.summary()["operations"]["create"] == 2


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        pytest.param({"code": 403}, "Forbidden", id="403"),
        pytest.param({"code": 500}, "CloudUnavailable", id="500"),
        pytest.param({"code": 502, "form": "html"}, "CloudUnavailable", id="HTML 502"),
        pytest.param({"code": 200, "form": "malformed"}, "CloudUnavailable", id="malformed JSON"),
        pytest.param({"code": 200, "form": "html"}, "CloudUnavailable", id="200 with a web page"),
    ],
)
def test_no_list(shared: World, name: str, parameters: dict[str, object], reason: str) -> None:
    """Without a LIST nothing is concluded or changed, Serving and Ready stay as last seen; afterwards all goes on."""
    before = shared.created(name)
    fault = shared.cloud.fault({"method": "GET"}, effect="status", **parameters)
    blind = shared.until_reported(name, "Synced", reason, status="False")
    assert (blind.said("Ready").status, blind.said("Serving").status) == ("True", "True")
    since = shared.now()
    shared.create(f"{name}-new")
    shared.until_reported(f"{name}-new", "Synced", reason)
    assert {call["operation"] for call in shared.cloud.calls(since=since)} <= {"list"}
    shared.cloud.clear_faults(fault)
    shared.until_ready(f"{name}-new")
    after = shared.until_reported(name, "Synced", "ReconcileSuccess", status="True")
    assert after.endpoint_id == before.endpoint_id
    assert len(shared.calls(name, "POST")) == len(shared.calls(f"{name}-new", "POST")) == 1


def test_long_outage(new_world: WorldMaker) -> None:
    """When nothing was seen for longer than the inventory may be old, Ready is Unknown, and recovers by itself."""
    world = new_world(settings={"INVENTORY_MAX_AGE": "2s"})
    world.created("subject")
    fault = world.cloud.fault({"method": "GET"}, effect="effect_lost")
    world.until_reported("subject", "Ready", "CloudUnavailable", status="Unknown")
    writes = len(world.writes("subject"))
    world.after_lists(2)
    assert len(world.writes("subject")) == writes
    world.cloud.clear_faults(fault)
    world.until_ready("subject")
    assert len(world.calls("subject", "POST")) == 1


def test_short_outage_is_not_told(new_world: WorldMaker) -> None:
    """One failed LIST changes nothing, least of all the status."""
    world = new_world(settings={"POLL_INTERVAL": "2s", "INVENTORY_MAX_AGE": "60s"})
    seen = world.created("subject")
    world.cloud.fault({"method": "GET", "count": 1}, effect="status", code=500)
    world.after_lists(4)
    assert {call["status"] for call in world.lists()} == {200, 500}
    assert world.get("subject").version == seen.version


def test_partial_list_is_no_absence(new_world: WorldMaker) -> None:
    """A LIST that suddenly hides most endpoints is not believed: nothing is made anew, and a person is asked."""
    world = new_world()
    names = [f"subject-{number}" for number in range(3)]
    for each in names:
        world.created(each)
    fault = world.cloud.fault({"method": "GET"}, effect="partial_list", cap=1)
    hidden = names[1:]
    for each in hidden:
        world.until_reported(each, "Synced", "InventoryUntrusted", status="False")
    assert not any(world.calls(each, "PATCH") or world.calls(each, "DELETE") for each in names)
    world.cloud.clear_faults(fault)
    for each in names:
        world.until_ready(each)
        assert len(world.calls(each, "POST")) == 1
    assert len(world.cloud.endpoints(alive_only=False)) == 3


def test_cloud_is_down_at_the_start(new_world: WorldMaker) -> None:
    """An operator that starts without a cloud says so on its objects, and creates when the cloud comes up."""
    (port,) = free_ports(1)
    world = new_world(start=False, settings={"API_URL": f"http://127.0.0.1:{port}"})
    world.operator.start(wait=False)
    world.create("subject")
    seen = world.until_reported("subject", "Synced", "CloudUnavailable", status="False")
    assert "TOKENFACTORY_API_URL" in seen.said("Synced").message
    assert seen.observed_generation == -1
    assert not world.operator.probe("readyz")
    assert world.operator.probe("livez")
    with listening(port) as cloud:
        world.until_ready("subject")
        assert cloud.admin.summary()["operations"]["create"] == 1
        assert world.operator.probe("readyz")
        world.delete("subject")
        world.until_gone("subject")
        assert cloud.admin.endpoints() == []
    eventually(lambda: world.operator.running)


@contextmanager
def listening(port: int) -> Iterator[RunningSimulator]:
    """A simulator on this port."""
    with simulator_process("--port", str(port), "--token", f"{TOKEN}={PROJECT}", "--provisioning-time", "0.2") as cloud:
        yield cloud
