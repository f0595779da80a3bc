"""Events are written in the background, and no failure of theirs is anybody else's."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tokenfactory_operator.kube.correlation import BURST, WINDOW
from tokenfactory_operator.kube.events import GIVE_WAY, MESSAGE_LIMIT, PAUSE, EventRecorder
from unit.kube.loopback import Loopback, Request, Respond, answer, client_of, loopback, status_answer, status_object
from unit.support.waiting import until

SUBJECT = {
    "apiVersion": "tokenfactory.nebius.com/v1alpha1",
    "kind": "DedicatedEndpoint",
    "metadata": {"namespace": "ml", "name": "a", "uid": "1"},
    "spec": {"ignored": True},
}


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def monotonic(self) -> float:
        """What decisions are made with."""
        return self.elapsed

    def now(self) -> datetime:
        """What people are shown."""
        return datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC) + timedelta(seconds=self.elapsed)


@asynccontextmanager
async def recording(
    respond: Respond = lambda _: answer({}), *, limit: int = 10, clock: ManualClock | None = None
) -> AsyncIterator[tuple[EventRecorder, Loopback]]:
    """A running recorder and the server that it writes to."""
    async with loopback(respond) as server, client_of(server) as client:
        recorder = EventRecorder(client, clock=clock or ManualClock(), instance="pod-1", limit=limit)
        recorder.start()
        try:
            yield recorder, server
        finally:
            await recorder.stop()


async def written(recorder: EventRecorder) -> None:
    async with asyncio.timeout(10):
        await recorder.flushed()


async def test_event_as_kubectl_wants_it() -> None:
    """All that describe and get print is there, in the subject's namespace."""
    async with recording() as (recorder, server):
        recorder.event(SUBJECT, reason="Created", message="made  it", warning=True)
        await written(recorder)
    (request,) = server.requests
    assert (request.method, request.target) == (
        "POST",
        "/api/v1/namespaces/ml/events?fieldManager=tokenfactory-operator",
    )
    body = request.json
    assert body["metadata"]["name"].startswith("a.")
    assert body["involvedObject"] == {
        "apiVersion": "tokenfactory.nebius.com/v1alpha1",
        "kind": "DedicatedEndpoint",
        "namespace": "ml",
        "name": "a",
        "uid": "1",
    }
    assert (body["type"], body["reason"], body["message"]) == ("Warning", "Created", "made it")
    assert (body["count"], body["firstTimestamp"], body["lastTimestamp"]) == (1, *["2026-01-02T03:04:05Z"] * 2)
    assert (body["reportingComponent"], body["reportingInstance"]) == ("tokenfactory-operator", "pod-1")


async def test_what_waits_is_folded() -> None:
    """The same event many times before it is written is one write."""
    async with recording() as (recorder, server):
        for _ in range(5):
            recorder.event(SUBJECT, reason="R", message="m")
        await written(recorder)
    (request,) = server.requests
    assert request.json["count"] == 5


async def test_repetition_raises_the_count() -> None:
    """Within the window the Event that exists is counted up; after it a new one is made."""
    clock = ManualClock()
    async with recording(clock=clock) as (recorder, server):
        for moment in (0.0, 60.0, 60.0 + WINDOW):
            clock.elapsed = moment
            recorder.event(SUBJECT, reason="R", message="m")
            await written(recorder)
    created, raised, again = server.requests
    assert [request.method for request in server.requests] == ["POST", "PATCH", "POST"]
    assert raised.target.split("?")[0] == f"/api/v1/namespaces/ml/events/{created.json['metadata']['name']}"
    assert raised.json == {"count": 2, "lastTimestamp": "2026-01-02T03:05:05Z"}
    assert again.json["count"] == 1
    assert again.json["metadata"]["name"] != created.json["metadata"]["name"]


async def test_vanished_event_is_made_anew() -> None:
    """Events expire on the API server; a count that cannot be raised starts again."""
    gone = status_answer(404, "NotFound")
    async with recording(lambda request: gone if request.method == "PATCH" else answer({})) as (recorder, server):
        for _ in range(2):
            recorder.event(SUBJECT, reason="R", message="m")
            await written(recorder)
    assert [request.method for request in server.requests] == ["POST", "PATCH", "POST"]
    assert server.requests[-1].json["count"] == 1


async def test_one_object_is_bounded() -> None:
    """A loop that says something new each time ends at the burst."""
    async with recording(limit=100) as (recorder, server):
        for number in range(2 * BURST):
            recorder.event(SUBJECT, reason="R", message=str(number))
        await written(recorder)
    assert len(server.requests) == BURST


async def test_failure_does_not_stop_the_next() -> None:
    """What cannot be written is dropped, and the next event is tried."""

    def respond(request: Request) -> bytes:
        return answer("<html>", status=500) if request.json["reason"] == "Bad" else answer({})

    async with recording(respond) as (recorder, server):
        recorder.event(SUBJECT, reason="Bad", message="m")
        recorder.event(SUBJECT, reason="Good", message="m")
        await written(recorder)
    assert [request.json["reason"] for request in server.requests] == ["Bad", "Good"]


@pytest.mark.parametrize(
    ("document", "status", "warnings"),
    [
        pytest.param(status_object(403, "Forbidden", "NamespaceTerminating"), 403, 0, id="terminating namespace"),
        pytest.param(status_object(404, "NotFound"), 404, 0, id="namespace gone"),
        pytest.param(status_object(403, "Forbidden"), 403, 1, id="right missing: told once"),
        pytest.param("<html>", 503, 1, id="outage: told once"),
    ],
)
async def test_what_is_told_of_a_failure(
    document: object, status: int, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A namespace that is going away takes no events, quietly; any other failure is told once, not each time."""
    caplog.set_level(logging.WARNING)
    async with recording(lambda _: answer(document, status=status)) as (recorder, _):
        for number in range(3):
            recorder.event(SUBJECT, reason="R", message=str(number))
        await written(recorder)
    assert len(caplog.records) == warnings


@asynccontextmanager
async def writing(limit: int = 10) -> AsyncIterator[tuple[EventRecorder, Loopback, ManualClock]]:
    """A running recorder, while the status of an object is being written: that is not answered."""

    def respond(request: Request) -> bytes | None:
        return answer({}) if "/events" in request.target else None

    async with loopback(respond) as server, client_of(server, request_timeout=60) as client:
        clock = ManualClock()
        recorder = EventRecorder(client, clock=clock, limit=limit)
        write = asyncio.create_task(client.request("PATCH", "/apis/x/deps/a/status", body={}))
        await asyncio.sleep(0)
        recorder.start()
        try:
            yield recorder, server, clock
        finally:
            await recorder.stop()
            write.cancel()


def messages(server: Loopback) -> list[str]:
    return [request.json["message"] for request in server.requests if request.method == "POST"]


async def test_an_event_gives_way_to_writes_of_objects_for_a_time() -> None:
    """It is written when its time is over, whatever else is written."""
    async with writing() as (recorder, server, clock):
        recorder.event(SUBJECT, reason="Created", message="a")
        await asyncio.sleep(3 * PAUSE)
        assert messages(server) == []
        clock.elapsed = GIVE_WAY
        await written(recorder)
        assert messages(server) == ["a"]


async def test_a_warning_gives_no_way() -> None:
    """Nor does what was noted before it, so that the order stays."""
    async with writing() as (recorder, server, _):
        recorder.event(SUBJECT, reason="Created", message="a")
        recorder.event(SUBJECT, reason="Wrong", message="b", warning=True)
        await written(recorder)
        assert messages(server) == ["a", "b"]


async def test_half_a_queue_gives_no_way() -> None:
    """Else the next ones would be dropped; the rest waits again."""
    async with writing(limit=6) as (recorder, server, _):
        for number in range(4):
            recorder.event(SUBJECT, reason="R", message=str(number))
        await until(lambda: len(messages(server)) >= 2)
        await asyncio.sleep(3 * PAUSE)
        assert messages(server) == ["0", "1"]


async def test_the_end_waits_for_no_write() -> None:
    """What still gives way is written then."""
    async with writing() as (recorder, server, _):
        recorder.event(SUBJECT, reason="Created", message="a")
        await recorder.stop()
        assert messages(server) == ["a"]


async def test_queue_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the limit events are dropped, and told; nobody waits and memory does not grow."""
    async with loopback(lambda _: answer({})) as server, client_of(server) as client:
        recorder = EventRecorder(client, clock=ManualClock(), limit=2)
        for number in range(3):
            recorder.event(SUBJECT, reason="R", message=str(number))
        recorder.start()
        await recorder.stop()
    assert [request.json["message"] for request in server.requests] == ["0", "1"]
    assert len(caplog.records) == 1


async def test_a_loud_namespace_takes_no_place(caplog: pytest.LogCaptureFixture) -> None:
    """With all places taken by one namespace, the few of another are written soon; it is told once."""
    async with loopback(lambda _: answer({})) as server, client_of(server) as client:
        recorder = EventRecorder(client, clock=ManualClock(), limit=20)
        for number in range(200):
            recorder.event(SUBJECT, reason="R", message=str(number))
        for number in range(3):
            quiet = {**SUBJECT, "metadata": {"namespace": "quiet", "name": "b", "uid": "2"}}
            recorder.event(quiet, reason="R", message=str(number))
        recorder.start()
        await recorder.stop()
    written_to = [request.target.split("/")[4] for request in server.requests]
    assert len(written_to) == 20
    assert written_to[:6] == ["ml", "quiet"] * 3
    assert len(caplog.records) == 1


async def test_stop_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """An API server that does not answer holds the process no longer than the deadline."""
    async with loopback(lambda _: None) as server, client_of(server, request_timeout=60) as client:
        recorder = EventRecorder(client, clock=ManualClock())
        recorder.start()
        for number in range(2):
            recorder.event(SUBJECT, reason="R", message=str(number))
        await until(lambda: bool(server.requests))
        async with asyncio.timeout(10):
            await recorder.stop(deadline=0.1)
    assert len(server.requests) == 1
    assert "1 events unwritten" in caplog.text


@pytest.mark.parametrize(
    ("metadata", "namespace"),
    [
        pytest.param({"name": "ops"}, "default", id="cluster-scoped"),
        pytest.param({"name": "ops", "namespace": "ops"}, "ops", id="a namespace, in itself"),
    ],
)
async def test_where_an_event_goes(metadata: dict[str, str], namespace: str) -> None:
    """The subject's metadata decide, for the API server accepts nothing else."""
    async with recording() as (recorder, server):
        recorder.event({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, reason="R", message="m")
        await written(recorder)
    (request,) = server.requests
    assert request.target.startswith(f"/api/v1/namespaces/{namespace}/events?")
    assert request.json["involvedObject"] == {"apiVersion": "v1", "kind": "Namespace", **metadata}


async def test_names_and_messages_keep_their_limits() -> None:
    """The longest name of an object still makes a valid name of an Event."""
    name = "a" * 235 + "." + "b" * 17
    async with recording() as (recorder, server):
        recorder.event({**SUBJECT, "metadata": {"namespace": "ml", "name": name}}, reason="R", message="m" * 5000)
        await written(recorder)
    body = json.loads(server.requests[0].body)
    assert len(body["metadata"]["name"]) <= 253
    assert ".." not in body["metadata"]["name"]
    assert len(body["message"]) == MESSAGE_LIMIT
