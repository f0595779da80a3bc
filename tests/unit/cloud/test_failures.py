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


def test_a_key_that_is_taken_is_named() -> None:
    """Whatever the vendor's sentence says, the person reads which key to change."""
    call = Call("POST", "/v0/dedicated_endpoints", "creating the endpoint", body={"routing_key": "dedicated/team-a"})
    assert "dedicated/team-a" in failure(call, 409, {"detail": "already exists"}).message


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
