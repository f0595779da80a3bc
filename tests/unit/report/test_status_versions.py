"""Statuses of two versions: what the previous one wrote is read, and what this one writes is safe in its hands."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import pytest

from tokenfactory_operator.decision import plan
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.resource import parse
from tokenfactory_operator.report import status
from unit.support.builders import UID, an_endpoint, an_object, mark
from unit.support.scene import Scene

NOW: Final = "2025-01-01T12:00:00Z"
A1: Final = {"id": "a1", "state": "Created"}
OF_EP_1: Final = {"endpointId": "ep-1", "attempt": "a1"}


class Read(NamedTuple):
    """What the previous version concludes, before it has seen the cloud."""

    waits: bool
    """An attempt is open: it creates nothing, and keeps a deleted object."""
    endpoint: str
    """It creates nothing while it knows this one."""
    deletes: bool
    """Where the spec says nothing: whether the endpoint goes with its object."""


def by_the_previous_version(reported: dict[str, Any]) -> Read:
    """Its rules, said once more: it knows `createAttempt` and `endpointId`, and nothing of `endpointOrigin`."""
    attempt, endpoint = reported.get("createAttempt"), reported.get("endpointId", "")
    state = (attempt or {}).get("state", "")
    waits = state == "Pending" or (state != "Refused" and not endpoint)
    taken_over = (attempt or {}).get("id") == "adopted" or (attempt is None and endpoint != "")
    return Read(waits, endpoint, deletes=not taken_over)


def pending() -> Scene:
    return Scene().held().attempt_written("a1", "Pending")


def in_doubt() -> Scene:
    return pending().lists().attempted(State.IN_DOUBT)


def made() -> Scene:
    scene = pending().lists().attempted(State.SUCCEEDED, endpoint_id="ep-1")
    scene.memory.calls.answered(scene.inventory.take_answer(an_endpoint(), created=True))
    return scene


def duplicate_open() -> Scene:
    scene = Scene().held().attempt_written("a2", "Pending").wait(66)
    return scene.attempted(State.IN_DOUBT, attempt_id="a2").lists(an_endpoint())


def taken_over() -> Scene:
    return (
        Scene().held().status(endpointId="ep-1").spec(endpointId="ep-1").lists(an_endpoint(description=mark("adopted")))
    )


ROLLED_BACK: Final = [
    pytest.param(in_doubt(), Read(waits=True, endpoint="", deletes=True), id="in-doubt"),
    pytest.param(made(), Read(waits=False, endpoint="ep-1", deletes=True), id="created-and-not-listed-yet"),
    pytest.param(
        made().lists(an_endpoint()), Read(waits=False, endpoint="ep-1", deletes=True), id="created-and-listed"
    ),
    pytest.param(duplicate_open(), Read(waits=True, endpoint="ep-1", deletes=True), id="another-attempt-is-open"),
    pytest.param(taken_over(), Read(waits=False, endpoint="ep-1", deletes=False), id="adopted"),
    pytest.param(
        Scene().recorded().lists(), Read(waits=False, endpoint="ep-1", deletes=True), id="left-out-by-one-list"
    ),
]


def written(scene: Scene) -> dict[str, Any]:
    s = scene.situation()
    decision = plan.decide(s)
    assert decision.verdict is not None
    return status.after(s, decision, decision.verdict, now=NOW).to_dict()


@pytest.mark.parametrize(("scene", "read"), ROLLED_BACK)
def test_a_rollback_makes_no_second_endpoint_and_leaves_none_behind(scene: Scene, read: Read) -> None:
    """What the previous version reads says the same as what this one knows."""
    assert by_the_previous_version(written(scene)) == read


def test_why_the_attempt_is_written_beside_the_origin() -> None:
    """Without it the previous version would let go of an endpoint that was made for the object: its rule is shown."""
    reported = written(made().lists(an_endpoint()))
    assert (reported["createAttempt"], reported["endpointOrigin"]) == (A1, OF_EP_1)
    del reported["createAttempt"]
    assert by_the_previous_version(reported).deletes is False


def origin(**fields: Any) -> str:  # noqa: ANN401  # fields of the wire
    return parse({**an_object(), "status": {"uid": UID, **fields}}).origin


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"endpointId": "ep-1", "endpointOrigin": OF_EP_1}, "a1", id="told"),
        pytest.param({"endpointId": "ep-1", "createAttempt": A1}, "a1", id="by-the-previous-version"),
        pytest.param(
            {"endpointId": "ep-1", "createAttempt": {"id": "adopted", "state": "Created"}},
            "adopted",
            id="adopted-by-it",
        ),
        pytest.param({"endpointId": "ep-1", "createAttempt": {"id": "a2", "state": "Pending"}}, "", id="open"),
        pytest.param({"endpointId": "ep-1", "createAttempt": {"id": "a2", "state": "Refused"}}, "", id="refused"),
        pytest.param({"createAttempt": A1}, "", id="without-an-endpoint"),
        pytest.param(
            {
                "endpointId": "ep-2",
                "endpointOrigin": OF_EP_1,
                "createAttempt": {"id": "a2", "state": "Created"},
            },
            "a2",
            id="after-a-rollback-it-is-anothers",
        ),
        pytest.param(
            {
                "endpointId": "ep-1",
                "endpointOrigin": OF_EP_1,
                "createAttempt": {"id": "a2", "state": "Pending"},
            },
            "a1",
            id="beside-an-open-attempt",
        ),
        pytest.param({"endpointId": "ep-1"}, "", id="nothing-said"),
    ],
)
def test_where_the_recorded_endpoint_comes_from(fields: dict[str, Any], expected: str) -> None:
    """The origin is that of the endpoint that the status names, by either version, and of no other."""
    assert origin(**fields) == expected
