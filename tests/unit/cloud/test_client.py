"""What the client sends, and what it makes of the answer to each operation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import version

import httpx
import pytest

from tokenfactory_operator.cloud.call import ANSWER_LIMIT
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.errors import (
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Forbidden,
    InvalidSpec,
    RateLimited,
)
from tokenfactory_operator.ports import Cloud
from unit.cloud.support import (
    CREATE,
    OPERATIONS,
    PATCH,
    TOKEN,
    URL,
    ManualClock,
    Operation,
    cloud_before,
    endpoint_json,
    every_operation,
    page,
    reply,
    scripted,
)


@pytest.mark.parametrize(
    ("name", "method", "path", "params", "body"),
    [
        pytest.param("list", "GET", "/v0/dedicated_endpoints", {"ai_project_id": "p 1"}, b"", id="list"),
        pytest.param(
            "templates", "GET", "/v0/dedicated_endpoints/templates", {"ai_project_id": "p 1"}, b"", id="templates"
        ),
        pytest.param("get", "GET", "/v0/dedicated_endpoints/ep-1", {}, b"", id="get"),
        pytest.param("create", "POST", "/v0/dedicated_endpoints", {"ai_project_id": "p 1"}, None, id="create"),
        pytest.param("update", "PATCH", "/v0/dedicated_endpoints/ep-1", {}, b'{"description": "new"}', id="update"),
        pytest.param("delete", "DELETE", "/v0/dedicated_endpoints/ep-1", {}, b"", id="delete"),
    ],
)
async def test_requests(name: str, method: str, path: str, params: dict[str, str], body: bytes | None) -> None:
    """Each operation sends its documented request, signed, with the project where the API takes one."""
    script = scripted(reply(200, {"data": [], **endpoint_json()}))
    async with cloud_before(script, project_id="p 1") as cloud:
        await OPERATIONS[name](cloud)
    (request,) = script.requests
    assert (request.method, request.url.path, dict(request.url.params)) == (method, path, params)
    assert body is None or request.content == body
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["user-agent"] == f"tokenfactory-operator/{version('tokenfactory-operator')}"
    assert request.headers.get("content-type") == ("application/json" if request.content else None)


async def test_the_client_is_a_cloud() -> None:
    """The client fits the port, and leaves the project out where none is set."""
    script = scripted(reply(200, {"data": []}))
    async with cloud_before(script) as client:
        cloud: Cloud = client
        assert cloud.blocked_for() == 0
        await cloud.list_endpoints()
    assert script.requests[0].url.query == b""


@pytest.mark.parametrize(
    ("endpoint_id", "raw_path"),
    [
        pytest.param("a/../b", b"/v0/dedicated_endpoints/a%2F..%2Fb", id="slashes"),
        pytest.param("a?x=1#y", b"/v0/dedicated_endpoints/a%3Fx%3D1%23y", id="query and fragment"),
        pytest.param("a b%2F\ud800", b"/v0/dedicated_endpoints/a%20b%252F%3F", id="odd characters"),
    ],
)
async def test_an_id_stays_one_segment(endpoint_id: str, raw_path: bytes) -> None:
    """No id can lead a call to another place of the API."""
    script = scripted(reply(204, None))
    async with cloud_before(script) as cloud:
        await cloud.delete_endpoint(endpoint_id)
    assert script.requests[0].url.raw_path == raw_path


@pytest.mark.parametrize("endpoint_id", ["", " ", ".", "..", "e" * 257, "\x00" * 100_000])
async def test_what_is_no_id_is_not_sent(endpoint_id: str) -> None:
    """An id that would name the collection or its parent, or that no address can hold, is refused here."""
    script = scripted(reply(200, {}))
    async with cloud_before(script) as cloud:
        for call in (cloud.delete_endpoint, cloud.get_endpoint):
            with pytest.raises(InvalidSpec):
                await call(endpoint_id)
    assert script.requests == []


@pytest.mark.parametrize("form", [endpoint_json(), {"endpoint": endpoint_json()}], ids=["flat", "wrapped"])
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_mutations_answer_the_endpoint(status: int, form: dict[str, object]) -> None:
    """Any 2xx with an id is success, in both answer forms."""
    async with cloud_before(scripted(reply(status, form))) as cloud:
        assert (await cloud.create_endpoint(CREATE)).id == "ep-1"
        assert (await cloud.update_endpoint("ep-1", PATCH)).id == "ep-1"
        endpoint = await cloud.get_endpoint("ep-1")
    assert endpoint is not None
    assert endpoint.max_replicas == 4


@pytest.mark.rule("C18")
@pytest.mark.parametrize("name", ["create", "update", "get"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(201, {"name": "x"}), id="no id"),
        pytest.param(reply(200, {"endpoint": None}), id="null endpoint"),
        pytest.param(httpx.Response(204), id="empty"),
        pytest.param(page(200, "<title>Login</title>"), id="HTML"),
        pytest.param(httpx.Response(201, content=b'{"id": "ep-'), id="malformed JSON"),
    ],
)
async def test_a_success_without_an_id_is_open(name: str, answer: httpx.Response) -> None:
    """A 2xx that names no endpoint neither refuses nor confirms."""
    async with cloud_before(scripted(answer)) as cloud:
        with pytest.raises(CloudUnavailable) as raised:
            await OPERATIONS[name](cloud)
    assert (raised.value.refused, raised.value.status) == (False, answer.status_code)


@pytest.mark.parametrize("name", ["update", "get"])
async def test_an_answer_about_another_endpoint_is_not_taken(name: str) -> None:
    """A wrong id in the answer must not reach the inventory."""
    async with cloud_before(scripted(reply(200, endpoint_json("ep-2")))) as cloud:
        with pytest.raises(CloudUnavailable):
            await OPERATIONS[name](cloud)


@pytest.mark.parametrize("error", [{"error": {"message": "no capacity"}}, {"detail": "no capacity"}])
async def test_a_success_that_states_an_error_is_open(error: dict[str, object]) -> None:
    """Its id may be a request's. An endpoint that was made is found by its mark."""
    async with cloud_before(scripted(reply(200, {"id": "req-123", **error}))) as cloud:
        with pytest.raises(CloudUnavailable, match="states an error") as raised:
            await cloud.create_endpoint(CREATE)
    assert not raised.value.refused


@pytest.mark.rule("D7")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx.Response(204), id="204"),
        pytest.param(httpx.Response(200), id="200, empty"),
        pytest.param(reply(200, {"deleted": True}), id="200, JSON"),
        pytest.param(httpx.Response(200, content=b" null\n"), id="200, null: a handler that answers nothing"),
        pytest.param(httpx.Response(204, headers={"Content-Encoding": "gzip"}), id="204 that would be compressed"),
        pytest.param(reply(202, {}), id="202"),
        pytest.param(reply(404, {"detail": "Dedicated endpoint not found"}), id="404 of the API"),
        pytest.param(reply(404, {"error": {"message": "gone"}}), id="404 of the API, OpenAI form"),
    ],
)
async def test_delete_succeeds(answer: httpx.Response) -> None:
    """Accepted and not found are the same success."""
    script = scripted(answer)
    async with cloud_before(script) as cloud:
        await cloud.delete_endpoint("ep-1")
    assert len(script.requests) == 1


@pytest.mark.rule("D7")
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(page(404, "<title>Not Found</title>"), CloudUnavailable, id="a gateway's 404"),
        pytest.param(reply(404, {"message": "no Route matched"}), CloudUnavailable, id="a gateway's JSON 404"),
        pytest.param(httpx.Response(404, text="404 page not found"), CloudUnavailable, id="plain 404"),
        pytest.param(page(200, "<title>Maintenance</title>"), CloudUnavailable, id="a page with 200"),
        pytest.param(reply(403, {"detail": "no"}), Forbidden, id="403"),
        pytest.param(reply(500, {"detail": "no"}), CloudUnavailable, id="500"),
    ],
)
async def test_delete_fails(answer: httpx.Response, kind: type[CloudError]) -> None:
    """Only the API's own word ends a deletion."""
    async with cloud_before(scripted(answer)) as cloud:
        with pytest.raises(kind):
            await cloud.delete_endpoint("ep-1")


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("form", [b'{"detail": "Not Found"}', b"<html>", b""], ids=["API", "HTML", "empty"])
async def test_get_without_an_answer_is_none(status: int, form: bytes) -> None:
    """The undocumented GET may not exist: whatever 404 or 405 it answers tells nothing."""
    async with cloud_before(scripted(httpx.Response(status, content=form))) as cloud:
        assert await cloud.get_endpoint("ep-1") is None


@pytest.mark.rule("E13")
async def test_update_of_a_missing_endpoint() -> None:
    """A PATCH tells the API's own 404 from a gateway's."""
    async with cloud_before(scripted(reply(404, {"detail": "gone"}), page(404, "<h1>gone</h1>"))) as cloud:
        with pytest.raises(EndpointNotFound) as missing:
            await cloud.update_endpoint("ep-1", PATCH)
        with pytest.raises(CloudUnavailable) as unknown:
            await cloud.update_endpoint("ep-1", PATCH)
    assert (missing.value.refused, unknown.value.refused) == (True, False)


@pytest.mark.rule("C11")
@every_operation
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(500, {"detail": "x"}), id="500"),
        pytest.param(reply(503, {"detail": "x"}, retry_after="0"), id="503, at once again"),
        pytest.param(reply(429, {"detail": "x"}), id="429"),
        pytest.param(httpx.Response(307, headers={"location": "http://elsewhere.test/"}), id="redirect"),
        pytest.param(httpx.ConnectError("refused"), id="connection refused"),
        pytest.param(httpx.RemoteProtocolError("Server disconnected"), id="connection closed"),
        pytest.param(httpx.ReadTimeout("slow"), id="time-out"),
        pytest.param(OSError("odd"), id="a bare OS error"),
    ],
)
async def test_nothing_is_repeated_or_followed(operation: Operation, answer: httpx.Response | Exception) -> None:
    """One call is one request, whatever comes of it."""
    script = scripted(answer)
    async with cloud_before(script) as cloud:
        with pytest.raises(CloudError):
            await operation(cloud)
    assert len(script.requests) == 1


@pytest.mark.rule("C10")
@every_operation
@pytest.mark.looptime
async def test_the_whole_request_is_bounded(operation: Operation) -> None:
    """A cloud that never answers costs the request time-out, and leaves the outcome open."""

    async def silent(_: httpx.Request) -> httpx.Response:
        return await asyncio.Event().wait()  # type: ignore[return-value]  # it never returns

    loop = asyncio.get_running_loop()
    settings = CloudSettings(base_url=URL, request_timeout=9)
    async with cloud_before(silent, settings=settings) as cloud:
        start = loop.time()
        with pytest.raises(CloudUnavailable) as raised:
            await operation(cloud)
    assert loop.time() - start == pytest.approx(9)
    assert not raised.value.refused


@pytest.mark.rule("C10")
@pytest.mark.looptime
async def test_a_dripping_answer_is_bounded_too() -> None:
    """Bytes that keep coming, each within the read time-out, do not prolong the request."""

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(1)

    loop = asyncio.get_running_loop()
    settings = CloudSettings(base_url=URL, request_timeout=30)
    async with cloud_before(lambda _: httpx.Response(201, content=drip()), settings=settings) as cloud:
        start = loop.time()
        with pytest.raises(CloudUnavailable):
            await cloud.create_endpoint(CREATE)
    assert loop.time() - start == pytest.approx(30)


@pytest.mark.parametrize("name", ["create", "update", "get", "delete"])
@pytest.mark.parametrize("status", [200, 422])
async def test_an_oversized_answer_is_not_read(name: str, status: int) -> None:
    """Reading stops at the limit, and what was read proves nothing."""
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"detail": "'
        while sent < 100 * ANSWER_LIMIT:
            sent += 65536
            yield b"x" * 65536

    async with cloud_before(lambda _: httpx.Response(status, content=flood())) as cloud:
        with pytest.raises(CloudUnavailable) as raised:
            await OPERATIONS[name](cloud)
    assert not raised.value.refused
    assert sent <= ANSWER_LIMIT + 2 * 65536


async def test_a_list_may_be_larger() -> None:
    """Ten thousand endpoints do not fit into other answers' limit, but into a LIST's."""
    many = [endpoint_json(f"ep-{number}", description="x" * 100) for number in range(10_000)]
    answer = reply(200, {"object": "list", "data": many})
    assert len(answer.content) > ANSWER_LIMIT
    async with cloud_before(scripted(answer)) as cloud:
        listed = await cloud.list_endpoints()
    assert (len(listed.endpoints), listed.complete) == (10_000, True)


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        pytest.param(reply(429, {"detail": "x"}, retry_after="20"), 20, id="429"),
        pytest.param(page(429, "busy", retry_after="Wed, 01 Jan 2025 12:00:20 GMT"), 20, id="a gateway's, as date"),
        pytest.param(reply(429, {"detail": "slow down"}, retry_after="4000"), 300, id="bounded"),
        pytest.param(reply(429, {"detail": "GPU quota"}, retry_after="4000"), 0, id="no room for one blocks nobody"),
        pytest.param(reply(503, {"detail": "no capacity"}, retry_after="20"), 0, id="nor does it with 503"),
        pytest.param(page(503, "busy", retry_after="20"), 0, id="a busy server blocks nobody"),
        pytest.param(reply(429, {"detail": "x"}), 0, id="429 without the header"),
        pytest.param(reply(429, {"detail": "x"}, x_ratelimit_reset="20"), 0, id="a hint blocks nobody"),
        pytest.param(reply(500, {"detail": "x"}, retry_after="20"), 0, id="other status"),
    ],
)
async def test_retry_after_holds_the_whole_credential(answer: httpx.Response, wait: float) -> None:
    """What one call was told to wait, every call of the credential waits, LIST too."""
    clock = ManualClock()
    script = scripted(answer)
    async with cloud_before(script, clock=clock) as cloud:
        with pytest.raises(CloudError):
            await cloud.create_endpoint(CREATE)
        assert cloud.blocked_for() == wait
        for operation in OPERATIONS.values() if wait else ():
            with pytest.raises(RateLimited) as raised:
                await operation(cloud)
            assert (raised.value.retry_after, raised.value.refused) == (wait, True)
        assert len(script.requests) == 1
        clock.seconds += wait
        with pytest.raises(CloudError):
            await cloud.list_endpoints()
    assert len(script.requests) == 2


async def test_retry_after_counts_even_if_the_body_is_lost() -> None:
    """The wait is in the head; a connection that breaks after it does not undo it."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"{"
        raise httpx.ReadError("reset")

    async with cloud_before(lambda _: httpx.Response(429, headers={"retry-after": "9"}, content=broken())) as cloud:
        with pytest.raises(CloudUnavailable) as raised:
            await cloud.create_endpoint(CREATE)
        assert (cloud.blocked_for(), raised.value.refused) == (9, False)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        pytest.param({"retry_after": "5"}, 5, id="seconds"),
        pytest.param({"retry_after": "5", "x_ratelimit_reset": "9"}, 5, id="the header is stronger"),
        pytest.param({"x_ratelimit_reset_requests": "9s"}, 9, id="hint"),
        pytest.param({}, None, id="nothing"),
    ],
)
async def test_retry_after_of_the_error(headers: dict[str, str], wait: float | None) -> None:
    """A 429 says when to try again, as far as the cloud says it."""
    async with cloud_before(scripted(reply(429, {"detail": "x"}, **headers))) as cloud:
        with pytest.raises(RateLimited) as raised:
            await cloud.list_endpoints()
    assert raised.value.retry_after == wait


async def test_a_create_inside_a_slot() -> None:
    """The call that the slot was taken for needs nothing more, with every place taken."""
    settings = CloudSettings(base_url=URL, max_connections=2)
    script = scripted(reply(201, endpoint_json()))
    async with asyncio.timeout(5), cloud_before(script, settings=settings) as cloud, cloud.slot():
        assert (await cloud.create_endpoint(CREATE)).id == "ep-1"


async def test_a_closed_client_says_so() -> None:
    """Calls after the end are errors of the tree too."""
    async with cloud_before(scripted(reply(200, {"data": []}))) as cloud:
        pass
    with pytest.raises(CloudUnavailable):
        await cloud.list_endpoints()
