"""Which failures of the first reads are outlived, for how long, and which end the start at once."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import ApiServerError, NoAnswer, SetupError, from_answer
from tokenfactory_operator.kube.startup_retry import FIRST_PAUSE, RETRIED_FOR, retried_at_start
from unit.kube.loopback import Request, Respond, answer, client_of, loopback, status_answer

OVERLOADED = from_answer("GET /x", status=429, body=b"", retry_after="7")
FOR_MINUTES = from_answer("GET /x", status=503, body=b"", retry_after="120")


class Reads:
    """Fails with each of the errors in turn, then with the last of them for ever or not at all."""

    def __init__(self, *errors: Exception, for_ever: bool = False) -> None:
        self.at: list[float] = []
        self._errors = errors
        self._for_ever = for_ever

    async def __call__(self) -> str:
        """One try."""
        self.at.append(asyncio.get_running_loop().time())
        number = len(self.at) - 1
        if number < len(self._errors) or self._for_ever:
            raise self._errors[min(number, len(self._errors) - 1)]
        return "read"

    def pauses(self) -> list[float]:
        """Between the tries, in seconds."""
        return [later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False)]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("errors", "pauses"),
    [
        pytest.param([], [], id="none"),
        pytest.param([NoAnswer("cut")], [0.25], id="one"),
        pytest.param([NoAnswer("cut"), ApiServerError("bad", status=502), NoAnswer("cut")], [0.25, 0.5, 1], id="three"),
        pytest.param([OVERLOADED, NoAnswer("cut")], [7, 0.5], id="retry-after"),
    ],
)
async def test_what_passes_is_outlived(errors: list[Exception], pauses: list[float]) -> None:
    """The read is tried again after growing pauses, and its answer is the caller's."""
    reads = Reads(*errors)
    assert await retried_at_start(reads) == "read"
    assert reads.pauses() == pytest.approx(pauses)


@pytest.mark.looptime
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(SetupError("no CRD"), id="setup"),
        pytest.param(ApiServerError("who are you", status=401), id="401"),
        pytest.param(ApiServerError("you may not", status=403), id="403"),
        pytest.param(ApiServerError("not served", status=404), id="404-of-a-path"),
        pytest.param(KubeNotFound("gone"), id="404-of-an-object"),
        pytest.param(KubeConflict("changed"), id="409"),
        pytest.param(KubeError("the answer is not JSON"), id="not-the-api"),
        pytest.param(FOR_MINUTES, id="longer-than-it-is-retried"),
        pytest.param(RuntimeError("a defect"), id="defect"),
    ],
)
async def test_what_does_not_pass_ends_at_once(error: Exception) -> None:
    """Only a person can mend it, or it takes too long: one try, and its error."""
    reads = Reads(error, for_ever=True)
    with pytest.raises(type(error)) as caught:
        await retried_at_start(reads)
    assert caught.value is error
    assert len(reads.at) == 1


@pytest.mark.looptime
async def test_retrying_ends() -> None:
    """An API server that never answers is given up, and no sooner than a rolling restart may take."""
    reads = Reads(NoAnswer("the first"), NoAnswer("cut"), for_ever=True)
    with pytest.raises(NoAnswer, match="cut"):
        await retried_at_start(reads)
    assert reads.pauses() == pytest.approx([FIRST_PAUSE * 2**number for number in range(6)])
    assert RETRIED_FOR / 2 < reads.at[-1] - reads.at[0] < RETRIED_FOR


@pytest.mark.looptime
async def test_waiting_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Each failed try is one line with its cause."""
    with caplog.at_level(logging.WARNING):
        await retried_at_start(Reads(NoAnswer("GET /x: cut"), NoAnswer("GET /x: cut")))
    assert caplog.messages == ["GET /x: cut; asked again in 0.25 s", "GET /x: cut; asked again in 0.5 s"]


async def read(client: KubeClient) -> object:
    return await client.request("GET", "/x")


@pytest.mark.parametrize(
    ("respond", "times"),
    [
        pytest.param(lambda _: b"", 2, id="closed-without-an-answer"),  # once is mended by aiohttp itself
        pytest.param(lambda _: b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{", 1, id="cut-off"),
        pytest.param(lambda _: None, 1, id="no-answer-in-time"),
        pytest.param(lambda _: answer("<html>", status=502), 1, id="HTML-of-a-load-balancer"),
        pytest.param(lambda _: status_answer(503, "ServiceUnavailable"), 1, id="503"),
    ],
)
async def test_a_connection_that_breaks(respond: Respond, times: int) -> None:
    """Whatever one connection came to, the next one brings the answer."""

    def answering(request: Request) -> bytes | None:
        return respond(request) if len(server.requests) <= times else answer({"kind": "X"})

    within = 3.0 if respond(Request("", "", {}, b"")) is None else 30.0
    async with loopback(answering) as server, client_of(server, request_timeout=within) as client:
        assert await retried_at_start(lambda: read(client)) == {"kind": "X"}
    assert len(server.requests) == times + 1


@pytest.mark.parametrize(
    ("respond", "expected"),
    [
        pytest.param(lambda _: status_answer(401, "Unauthorized"), ApiServerError, id="401"),
        pytest.param(lambda _: answer("404 page not found\n", status=404), ApiServerError, id="not-served"),
        pytest.param(lambda _: answer("<html>"), KubeError, id="no-JSON"),
    ],
)
async def test_an_answer_that_stands(respond: Respond, expected: type[KubeError]) -> None:
    """What was answered is not asked again."""
    async with loopback(respond) as server, client_of(server) as client:
        with pytest.raises(expected):
            await retried_at_start(lambda: read(client))
    assert len(server.requests) == 1
