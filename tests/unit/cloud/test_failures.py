"""From an answer to the error tree: class, certainty, wait and text, for each form that an error can have."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tokenfactory_operator.cloud.call import Answer, Call
from tokenfactory_operator.cloud.failures import Advice, from_answer, unreachable
from tokenfactory_operator.cloud.refusals import REFUSALS
from tokenfactory_operator.domain.errors import (
    MAX_TEXT,
    CloudConflict,
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Forbidden,
    Handling,
    InvalidSpec,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
)
from unit.cloud.support import TOKEN
from unit.cloud.test_wire import JSON

CREATE = Call("POST", "/v0/dedicated_endpoints", "creating the endpoint", body={"name": "x"})
UPDATE = Call("PATCH", "/v0/dedicated_endpoints/ep-1", "updating the endpoint", body={}, endpoint_id="ep-1")
DELETE = Call("DELETE", "/v0/dedicated_endpoints/ep-1", "deleting the endpoint", endpoint_id="ep-1")
LIST = Call("GET", "/v0/dedicated_endpoints", "listing the endpoints")

DETAIL = {"detail": "the reason"}
OPENAI = {"error": {"message": "the reason", "type": "some_error", "code": "some_code"}}
VALIDATION = {"detail": [{"loc": ["body", "scaling", "min_replicas"], "msg": "the reason", "type": "greater_than"}]}
API_FORMS = [DETAIL, OPENAI, VALIDATION]
FOREIGN = [
    pytest.param(b"<html><head><title>the reason</title></head></html>", id="HTML"),
    pytest.param(b"the reason", id="plain text"),
    pytest.param(b"", id="empty"),
    pytest.param(b'{"detail": "the rea', id="malformed JSON"),
    pytest.param(b'{"message": "the reason"}', id="a gateway's message"),
    pytest.param(b'{"error": "the reason"}', id="error as text"),
    pytest.param(b'{"error": {}}', id="error without a message"),
    pytest.param(b'{"detail": []}', id="empty detail list"),
    pytest.param(b'{"detail": {"message": "the reason"}}', id="detail as object"),
    pytest.param(b'[{"detail": "the reason"}]', id="list"),
    pytest.param(b"[" * 100_000, id="bottomless JSON"),
]


def answer(status: int, content: object) -> Answer:
    """An answer with that body, JSON unless bytes."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(status, httpx.Headers(), raw, SecretStr(TOKEN))


def failure(call: Call, status: int, content: object) -> CloudError:
    """The error that such an answer becomes."""
    return from_answer(call, answer(status, content), retry_after=None, advice=Advice())


@pytest.mark.rule("C14", "E13")
@pytest.mark.parametrize("body", API_FORMS, ids=["detail", "openai", "validation"])
@pytest.mark.parametrize(
    ("call", "status", "kind", "refused"),
    [
        pytest.param(CREATE, 400, InvalidSpec, True, id="POST 400"),
        pytest.param(CREATE, 401, Unauthorized, True, id="POST 401"),
        pytest.param(CREATE, 402, QuotaExceeded, True, id="POST 402"),
        pytest.param(CREATE, 403, Forbidden, True, id="POST 403"),
        pytest.param(CREATE, 404, InvalidSpec, True, id="POST 404: no endpoint is meant"),
        pytest.param(CREATE, 405, InvalidSpec, True, id="POST 405"),
        pytest.param(CREATE, 408, CloudUnavailable, False, id="POST 408"),
        pytest.param(CREATE, 409, CloudConflict, False, id="POST 409"),
        pytest.param(CREATE, 413, InvalidSpec, True, id="POST 413"),
        pytest.param(CREATE, 415, InvalidSpec, True, id="POST 415"),
        pytest.param(CREATE, 422, InvalidSpec, True, id="POST 422"),
        pytest.param(CREATE, 425, CloudUnavailable, False, id="POST 425"),
        pytest.param(CREATE, 429, RateLimited, True, id="POST 429"),
        pytest.param(CREATE, 499, CloudUnavailable, False, id="POST 499"),
        pytest.param(CREATE, 500, CloudUnavailable, False, id="POST 500"),
        pytest.param(CREATE, 503, CloudUnavailable, False, id="POST 503"),
        pytest.param(CREATE, 307, CloudUnavailable, False, id="POST 307"),
        pytest.param(UPDATE, 404, EndpointNotFound, True, id="PATCH 404"),
        pytest.param(UPDATE, 422, InvalidSpec, True, id="PATCH 422"),
        pytest.param(DELETE, 404, EndpointNotFound, True, id="DELETE 404"),
        pytest.param(DELETE, 400, CloudUnavailable, True, id="DELETE 400: no spec is at fault"),
        pytest.param(LIST, 404, CloudUnavailable, True, id="LIST 404: no endpoint is meant"),
        pytest.param(LIST, 422, CloudUnavailable, True, id="LIST 422: no spec is at fault"),
        pytest.param(LIST, 403, Forbidden, True, id="LIST 403"),
    ],
)
def test_api_forms(*, call: Call, status: int, body: object, kind: type[CloudError], refused: bool) -> None:
    """An answer of the API itself is told by its status, and carries the API's sentence."""
    error = failure(call, status, body)
    assert (type(error), error.refused, error.status) == (kind, refused, status)
    assert "the reason" in error.message
    assert error.message.startswith(call.purpose)


@pytest.mark.rule("C14", "E13")
@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("status", sorted({*REFUSALS, 302, 402, 408, 409, 425, 499, 500, 502, 503, 504}))
def test_other_bodies_are_never_a_refusal(status: int, content: bytes) -> None:
    """What a gateway says proves nothing about the effect, and a 404 of its making nothing about an endpoint."""
    error = failure(UPDATE, status, content)
    expected = {401: Unauthorized, 402: Forbidden, 403: Forbidden, 409: CloudConflict, 429: RateLimited}
    assert (type(error), error.refused) == (expected.get(status, CloudUnavailable), False)


@given(st.integers(300, 599), JSON | st.binary(max_size=200))
def test_mapping_never_raises_and_texts_are_bounded(status: int, content: object) -> None:
    """Whatever comes, there is an error with one bounded line; a refusal has one of the listed statuses."""
    error = failure(CREATE, status, content)
    assert len(error.message) <= MAX_TEXT
    assert "\n" not in error.message
    assert not error.refused or status in {*REFUSALS, 409, 503}


@pytest.mark.parametrize("call", [CREATE, UPDATE], ids=["POST", "PATCH"])
@pytest.mark.parametrize("status", [400, 402, 403, 409, 422, 429, 503])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"detail": "GPU quota exceeded for project a"}, id="quota"),
        pytest.param({"detail": "Not enough GPUs in eu-north1"}, id="not enough GPUs"),
        pytest.param({"detail": "No available capacity for gpu-h100-sxm"}, id="capacity"),
        pytest.param({"error": {"message": "no", "type": "insufficient_quota", "code": None}}, id="type"),
        pytest.param({"error": {"message": "no", "type": "x", "code": "resource_exhausted"}}, id="code"),
        pytest.param({"detail": [{"loc": ["body"], "msg": "Insufficient funds", "type": "billing"}]}, id="list"),
    ],
)
def test_lack_of_room(call: Call, status: int, body: object) -> None:
    """Quota, capacity and money are told by words, whatever code carries them; nothing was made, and it may pass."""
    error = failure(call, status, body)
    assert (type(error), error.refused, error.handling) == (QuotaExceeded, True, Handling.WAITING_ON_CLOUD)


@pytest.mark.parametrize(
    ("call", "status", "words", "kind", "refused"),
    [
        pytest.param(CREATE, 402, "Insufficient balance", QuotaExceeded, True, id="402 money"),
        pytest.param(CREATE, 402, "no", QuotaExceeded, True, id="402 is about money"),
        pytest.param(LIST, 402, "no", Forbidden, True, id="402 to a LIST"),
        pytest.param(CREATE, 403, "Endpoint limit reached", QuotaExceeded, True, id="403 limit"),
        pytest.param(CREATE, 409, "You have reached your limit of 5 endpoints", QuotaExceeded, True, id="409 limit"),
        pytest.param(CREATE, 409, "maximum number of endpoints", QuotaExceeded, True, id="409 maximum"),
        pytest.param(CREATE, 422, "description exceeds the limit of 500", InvalidSpec, True, id="422: a field's limit"),
        pytest.param(CREATE, 409, "routing key is already taken", InvalidSpec, True, id="409 taken"),
        pytest.param(CREATE, 409, "Duplicate request", CloudConflict, False, id="409: perhaps our own, sent twice"),
        pytest.param(CREATE, 409, "routing_key must be unique", InvalidSpec, True, id="409 unique"),
        pytest.param(CREATE, 409, "Too many endpoints in this project", QuotaExceeded, True, id="409 too many"),
        pytest.param(CREATE, 503, "Maximum of 5 endpoints reached", QuotaExceeded, True, id="503 maximum"),
        pytest.param(CREATE, 409, "Your credits are exhausted", QuotaExceeded, True, id="409 credits"),
        pytest.param(CREATE, 409, "Unpaid: balance too low", QuotaExceeded, True, id="409 balance"),
        pytest.param(CREATE, 503, "GPUs are sold-out", QuotaExceeded, True, id="503 sold out"),
        pytest.param(CREATE, 503, "H100 capacity is currently unavailable", QuotaExceeded, True, id="503 unavailable"),
        pytest.param(CREATE, 503, "GPUs of this type are not available", QuotaExceeded, True, id="503 not available"),
        pytest.param(CREATE, 503, "We are at full capacity", QuotaExceeded, True, id="503 at capacity"),
        pytest.param(
            CREATE, 503, "The limit of 5 endpoints has been reached", QuotaExceeded, True, id="503 limit of 5"
        ),
        pytest.param(CREATE, 503, "limit_exceeded", QuotaExceeded, True, id="503 a code of a limit"),
        pytest.param(CREATE, 409, "The cluster is full", QuotaExceeded, True, id="409 full"),
        pytest.param(CREATE, 409, "Your account has an unpaid invoice", QuotaExceeded, True, id="409 unpaid"),
        pytest.param(CREATE, 400, "You have too many endpoints", QuotaExceeded, True, id="400 too many"),
        pytest.param(CREATE, 404, "model x is not deployed", InvalidSpec, True, id="POST 404 about the spec"),
        pytest.param(CREATE, 404, "Not Found", CloudUnavailable, True, id="POST 404: the path is not served"),
        pytest.param(CREATE, 405, "Method Not Allowed", CloudUnavailable, True, id="POST 405: the path is not served"),
        pytest.param(UPDATE, 404, "Not Found", EndpointNotFound, True, id="PATCH 404 in a framework's words"),
        pytest.param(CREATE, 409, "Conflict", CloudConflict, False, id="409 that says nothing"),
        pytest.param(UPDATE, 409, "the endpoint is in use", CloudConflict, False, id="PATCH 409 passes"),
        pytest.param(DELETE, 409, "quota", CloudConflict, False, id="DELETE 409 passes"),
        pytest.param(CREATE, 503, "no available capacity", QuotaExceeded, True, id="503 capacity"),
        pytest.param(CREATE, 503, "try again", CloudUnavailable, False, id="503 that says nothing"),
        pytest.param(CREATE, 500, "quota", CloudUnavailable, False, id="500 is a fault"),
        pytest.param(CREATE, 429, "slow down", RateLimited, True, id="429 is the pace"),
        pytest.param(CREATE, 429, "GPU quota", QuotaExceeded, True, id="429 quota"),
        pytest.param(UPDATE, 410, "gone", EndpointNotFound, True, id="PATCH 410"),
        pytest.param(DELETE, 410, "gone", EndpointNotFound, True, id="DELETE 410"),
        pytest.param(LIST, 410, "gone", CloudUnavailable, False, id="LIST 410: no endpoint is meant"),
    ],
)
def test_words_and_status(*, call: Call, status: int, words: str, kind: type[CloudError], refused: bool) -> None:
    """The table of refusals: the same status is judged by what the API says, and by nobody else's words."""
    for body in ({"detail": words}, {"error": {"message": words, "type": None, "code": None}}):
        error = failure(call, status, body)
        assert (type(error), error.refused) == (kind, refused)
        assert words in error.message
    foreign = failure(call, status, f"<title>{words}</title>".encode())
    assert not foreign.refused
    assert type(foreign) not in {QuotaExceeded, EndpointNotFound, InvalidSpec}


FAULTS = [
    *(
        "{} service is down",
        "the {} service timed out",
        "{} check exceeded the time limit",
        "could not reach {} backend",
    ),
    *("{} lookup: upstream connection limit reached", "load balancer: no {} server", "{} is being checked"),
    *("{} service unavailable", "{} service is temporarily unavailable"),
    *("{}: retry limit exceeded", "{}", "{} request already exists", "{}: operation in progress, quota exceeded"),
]
"""What a faulty part says, or another request: the call may have had an effect."""


@pytest.mark.rule("C14", "X26")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("part", ["quota", "capacity", "balance", "billing", "payment", "GPU", "limit", "credit"])
@pytest.mark.parametrize("status", [409, 503])
def test_a_fault_that_only_mentions_room_is_no_refusal(status: int, part: str, fault: str) -> None:
    """Where the words decide whether anything was done, they have to say that something is lacking."""
    for words in (fault.format(part), fault.format(part).upper()):
        for body in ({"detail": words}, {"error": {"message": words, "type": "error", "code": status}}):
            assert not failure(CREATE, status, body).refused, words


@pytest.mark.rule("C14", "X45")
@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize(
    "effect",
    [
        *("Request queued: {}", "{}; your endpoint has been placed in the queue", "{}: you are on the waiting list"),
        *(
            "Accepted, but {}",
            "Endpoint ep-1 created; {} yet",
            "Created with 1 replica of 4: {}",
            "{}, partially deployed",
        ),
        *("The endpoint was scheduled, {} yet", "Deployment started, {}", "{}: the endpoint stays pending until then"),
        *("{} (operation op-1 pending)", "{}: deployment postponed", "{} after creation, it will be removed"),
        *("{}. We will retry", "{}. It will be created later", "{}, provisioning will start when there is some"),
    ],
)
@pytest.mark.parametrize("lack", ["no capacity", "not enough free GPUs", "quota exceeded", "insufficient balance"])
def test_what_was_made_for_later_is_no_refusal(status: int, effect: str, lack: str) -> None:
    """What is lacking may be what an endpoint waits for that was made already, or is still to be made."""
    for words in (effect.format(lack), effect.format(lack).upper()):
        for body in ({"detail": words}, {"error": {"message": words, "type": "error", "code": status}}):
            assert not failure(CREATE, status, body).refused, words


@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize(
    "words",
    [
        *("Not enough GPUs: the endpoint was not created", "The endpoint could not be created: quota exceeded"),
        *(
            "No capacity, request not accepted",
            "Quota exceeded. No endpoint was created",
            "No capacity; nothing was started",
        ),
        *(
            "The maximum number of endpoints that can be created is reached",
            "You have created 5 of 5 endpoints: quota exceeded",
        ),
        *("No capacity: the deployment cannot be scheduled", "No capacity. It hasn't been created. Try again later"),
        *(
            "Insufficient balance to start an endpoint",
            "Quota exceeded while creating the endpoint",
            "Queue full: no capacity",
        ),
    ],
)
def test_what_says_that_nothing_was_made_is_a_refusal(status: int, words: str) -> None:
    """The same words, denied."""
    error = failure(CREATE, status, {"detail": words})
    assert (type(error), error.refused) == (QuotaExceeded, True)


@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize("code", ["quota_exceeded", "QuotaExceeded", "GPU-QUOTA-EXCEEDED", "InsufficientCapacity"])
@pytest.mark.parametrize("field", ["type", "code", "status", "reason"])
def test_a_code_says_what_its_message_does_not(field: str, code: str, status: int) -> None:
    """In whatever spelling, whatever language the sentence has, and in whichever field of the form it stands."""
    for body in ({"detail": "Kontingent", field: code}, {"error": {"message": "Kontingent", field: code}}):
        error = failure(CREATE, status, body)
        assert (type(error), error.refused) == (QuotaExceeded, True)


def test_a_key_that_is_taken_is_named() -> None:
    """Whatever the vendor's sentence says, the person reads which key to change."""
    call = Call("POST", "/v0/dedicated_endpoints", "creating the endpoint", body={"routing_key": "dedicated/team-a"})
    assert "dedicated/team-a" in failure(call, 409, {"detail": "already exists"}).message


@pytest.mark.parametrize(
    ("call", "status", "body", "kind"),
    [
        pytest.param(CREATE, 403, {"detail": "Insufficient permissions"}, Forbidden, id="rights are no room"),
        pytest.param(CREATE, 403, {"error": {"message": "x", "code": "insufficient_scope"}}, Forbidden, id="scope"),
        pytest.param(CREATE, 429, {"detail": "Rate limit: quota of 10 requests"}, RateLimited, id="quota of requests"),
        pytest.param(CREATE, 400, {"detail": "quota_project is missing"}, InvalidSpec, id="a field's name"),
        pytest.param(CREATE, 500, {"detail": "capacity service down"}, CloudUnavailable, id="500 is a fault"),
        pytest.param(CREATE, 503, b"<title>Over capacity</title>", CloudUnavailable, id="a gateway's capacity"),
        pytest.param(LIST, 429, {"detail": "quota exceeded"}, RateLimited, id="reading needs no room"),
    ],
)
def test_words_that_mean_something_else(call: Call, status: int, body: object, kind: type[CloudError]) -> None:
    """A word is not enough where the answer speaks of rights, of pace, or is not the API's."""
    assert type(failure(call, status, body)) is kind


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(VALIDATION, "scaling.min_replicas: the reason", id="field path without body"),
        pytest.param(
            {"detail": [{"loc": ["query", "after"], "msg": "a"}, {"msg": "b"}, {"loc": "x", "msg": "c"}, 5]},
            "query.after: a; b; c",
            id="several, some without a place",
        ),
        pytest.param({"detail": "two\n lines\x1b[31m"}, "two lines [31m", id="control characters"),
        pytest.param({"detail": "bad (request id: 8f14e45f-ceea)"}, "bad", id="request id"),
        pytest.param({"detail": "a <b>bold</b> claim"}, "a b bold /b claim", id="brackets in JSON"),
        pytest.param({"message": "no route"}, "no route", id="a gateway's message"),
        pytest.param(b"<html><title> 502 Bad\nGateway </title><h1>nginx</h1>", "502 Bad Gateway", id="title"),
        pytest.param(b"<style>p {x}</style><p>Down <b>for</b> repair", "Down for repair", id="words of a page"),
        pytest.param(b"<title></title><script>alert(1)", "", id="nothing to show"),
        pytest.param(b"&lt;b&gt;Sorry&lt;/b&gt; &amp; bye", "b Sorry /b & bye", id="entities"),
        pytest.param(b"upstream connect error", "upstream connect error", id="plain text"),
        pytest.param(b"\xff\xfe broken", "\ufffd\ufffd broken", id="not UTF-8"),
        pytest.param(b'{"foo": 1}', "", id="JSON without a message"),
    ],
)
def test_text_for_people(body: object, text: str) -> None:
    """The cloud's own words come through in one clean line, whatever they were wrapped in."""
    assert failure(LIST, 500, body).message == "listing the endpoints failed with HTTP 500" + (
        f": {text}" if text else ""
    )


@pytest.mark.parametrize(
    ("status", "body", "mentions"),
    [
        pytest.param(401, DETAIL, "Secret ml/creds", id="401 names the token's place"),
        pytest.param(403, DETAIL, "spec.credentials.projectId", id="403 names the project's place"),
        pytest.param(403, {"detail": "x" * 5000}, "spec.credentials.projectId", id="a long answer leaves room for it"),
        pytest.param(301, b"", "TOKENFACTORY_API_URL", id="a redirect names the address"),
        pytest.param(404, b"<html>", "TOKENFACTORY_API_URL", id="a stranger's 404 names the address"),
    ],
)
def test_advice(status: int, body: object, mentions: str) -> None:
    """Where a person must act, the message says where."""
    advice = Advice(token="Secret ml/creds", project="spec.credentials.projectId")
    error = from_answer(CREATE, answer(status, body), retry_after=3.0, advice=advice)
    assert mentions in error.message
    assert error.retry_after == 3.0


@pytest.mark.parametrize(
    ("cause", "unsent", "mentions"),
    [
        pytest.param(TimeoutError(), False, "time-out", id="the whole request"),
        pytest.param(httpx.ReadTimeout(""), False, "time-out", id="a phase"),
        pytest.param(httpx.ConnectTimeout(""), True, "time-out", id="no connection in time"),
        pytest.param(httpx.ConnectError("refused"), True, "TOKENFACTORY_API_URL", id="no connection"),
        pytest.param(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] x"), True, "TOKENFACTORY_CA_FILE", id="TLS"),
        pytest.param(httpx.ProxyError("403 Forbidden"), True, "403 Forbidden", id="the proxy's CONNECT"),
        pytest.param(httpx.WriteError("broken pipe"), False, "broken pipe", id="cut while sending"),
        pytest.param(httpx.RemoteProtocolError("Server disconnected"), False, "Server disconnected", id="cut"),
        pytest.param(RuntimeError("client has been closed"), False, "closed", id="anything"),
    ],
)
def test_no_answer(*, cause: Exception, unsent: bool, mentions: str) -> None:
    """Without a whole answer the outcome is open, unless no connection came about; the message says what was seen."""
    error = unreachable(CREATE, cause, secret=SecretStr(TOKEN), advice=Advice())
    assert (type(error), error.refused, error.status) == (CloudUnavailable, unsent, None)
    assert mentions in error.message


BLANKS = "request id" + " " * 200_000 + "!"
PAGES: list[Any] = [
    {"detail": BLANKS},
    {"error": {"message": BLANKS, "type": BLANKS, "code": [[[BLANKS]]]}},
    {"detail": [{"msg": BLANKS, "loc": [BLANKS], "type": {"a": 1}}] * 3},
    {"message": "x" * 1_000_000},
    {"detail": "bearer " * 100_000},
    {"detail": "\u202e" * 300_000},
    BLANKS.encode(),
    b"<" * 1_000_000,
    b"<script" * 100_000,
    b"<title" * 100_000,
    b"&" * 1_000_000,
    b"request id " * 90_000,
]


@pytest.mark.parametrize(
    "content",
    PAGES,
    ids=[
        *("blanks", "openai", "validation", "loose", "bearer", "bidirectional", "plain blanks"),
        *("<", "<script", "<title", "&", "request id"),
    ],
)
@pytest.mark.timeout(20)
def test_hostile_pages_cost_little(content: object) -> None:
    """No text can make the search for its words run away, however long the token is that is looked for."""
    hostile = answer(502, content)
    for token in (TOKEN, "aB3" * 1365):
        reported = from_answer(LIST, replace(hostile, secret=SecretStr(token)), retry_after=None, advice=Advice())
        assert len(reported.message) <= MAX_TEXT
        assert reported.message.isprintable()
