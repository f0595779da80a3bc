"""What the words of an error answer decide, with each status: many sentences, and what they are judged as."""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.cloud.call import Call
from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Forbidden,
    Handling,
    InvalidSpec,
    QuotaExceeded,
    RateLimited,
)
from unit.cloud.sentences import EFFECTS, FAULTS, LACKS, MISHAPS, PARTS, REFUSALS
from unit.cloud.test_failures import CREATE, DELETE, LIST, UPDATE, failure


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
        pytest.param(
            CREATE, 422, "a maximum of 8 replicas per endpoint", InvalidSpec, True, id="422: a field's maximum"
        ),
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
        *(
            pytest.param(CREATE, 429, words, RateLimited, True, id=f"429 pace: {words}")
            for words in ("quota: too many requests", "quota of 10 requests per day", "quota: 5 calls per minute")
        ),
        *(
            pytest.param(CREATE, 422, words, QuotaExceeded, True, id=f"422 room: {words}")
            for words in ("out of stock", "your balance is 0", "see billing", "a payment is missing", "open invoices")
        ),
        *(
            pytest.param(CREATE, 422, words, QuotaExceeded, True, id=f"422 room: {words}")
            for words in ("budget exceeded", "insufficient", "GPUs are sold out")
        ),
        *(
            pytest.param(CREATE, 403, words, QuotaExceeded, True, id=f"403 limit: {words}")
            for words in ("limit of 5", "you are over your limit", "maximum number of replicas", "reached the maximum")
        ),
        pytest.param(CREATE, 503, "max endpoints", QuotaExceeded, True, id="503 max"),
        *(
            pytest.param(CREATE, 409, words, InvalidSpec, True, id=f"409 taken: {words}")
            for words in ("this key is taken", "this key is in use", "duplicate key")
        ),
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


@pytest.mark.rule("C14", "X26")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("status", [409, 503])
def test_a_fault_that_only_mentions_room_is_no_refusal(status: int, part: str, fault: str) -> None:
    """Where the words decide whether anything was done, they have to say that something is lacking."""
    for words in (fault.format(part), fault.format(part).upper()):
        for body in ({"detail": words}, {"error": {"message": words, "type": "error", "code": status}}):
            assert not failure(CREATE, status, body).refused, words


@pytest.mark.rule("C14", "X45")
@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize("effect", [*EFFECTS, *MISHAPS])
@pytest.mark.parametrize("lack", LACKS)
def test_what_was_made_for_later_is_no_refusal(status: int, effect: str, lack: str) -> None:
    """What is lacking may be what an endpoint waits for that was made already, or is still to be made."""
    for words in (effect.format(lack), effect.format(lack).upper()):
        for body in ({"detail": words}, {"error": {"message": words, "type": "error", "code": status}}):
            assert not failure(CREATE, status, body).refused, words


def nested(value: object, depth: int) -> object:
    """It in so many lists."""
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.rule("C14")
@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize("said", ["Your request is queued", "Endpoint ep-7 created", "upstream connection lost"])
def test_what_stands_beside_the_message_counts(status: int, said: str) -> None:
    """It cannot refuse a request, and it can leave the outcome open, wherever it stands in the body."""
    lacks = "Not enough capacity"
    for body in (
        {"detail": lacks, "error": {"message": said}},
        {"detail": lacks, "hint": said},
        {"error": {"message": lacks, "details": [{"reason": said}]}},
        {"error": {"message": lacks}, "operations": [[said]]},
        {"error": {"message": lacks}, "operations": nested(said, 400)},
    ):
        assert not failure(CREATE, status, body).refused, body
    assert not failure(CREATE, status, {"detail": "It failed", "hint": lacks}).refused


@pytest.mark.rule("C14")
@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize(
    "body",
    [
        {"detail": f"Not enough capacity{' ' * 9000}for now: it will be created later"},
        {"hint": "it will be created later", "detail": f"Not enough capacity: {'x' * 9000}"},
        {"hints": [*["x"] * 3000, "it will be created later"], "detail": "Not enough capacity"},
        {"detail": "Not enough capacity", "hints": ["it will be created later", *["x"] * 3000]},
    ],
    ids=["the-end-of-a-text", "behind-a-long-text", "among-many-texts", "behind-many-texts"],
)
def test_an_answer_of_which_not_all_is_looked_at_is_no_refusal(status: int, body: dict[str, Any]) -> None:
    """What is left out may say that something was made, wherever it stands."""
    assert not failure(CREATE, status, body).refused
    assert failure(CREATE, 422, body).refused


@pytest.mark.rule("C14", "X46")
@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize(
    "named",
    [
        {"endpoint": {"id": "ep-77"}},
        {"id": "ep-77"},
        {"endpoint_id": "ep-77"},
        {"data": {"id": "ep-77", "routing_key": "dedicated/chat"}},
        {"result": {"items": [{"endpoint": {"id": "ep-77"}}]}},
        {"context": {"endpoint_id": "ep-77"}},
    ],
)
@pytest.mark.parametrize("words", ["Not enough capacity for all replicas", "Quota exceeded"])
def test_an_answer_that_names_an_endpoint_is_no_refusal(status: int, named: dict[str, object], words: str) -> None:
    """Whatever its words say, something is there."""
    for body in (
        {"detail": words, **named},
        {"error": {"message": words}, **named},
        {"error": {"message": words, **named}},
    ):
        assert not failure(CREATE, status, body).refused, body


@pytest.mark.parametrize("status", [409, 503])
def test_an_answer_that_names_no_endpoint_is_judged_by_its_words(status: int) -> None:
    """The fields may be there, and empty."""
    body: dict[str, object] = {"detail": "Not enough capacity", "endpoint": None, "endpoint_id": ""}
    assert failure(CREATE, status, body).refused
    others: list[dict[str, object]] = [
        {"trace": {"id": "a7"}},
        {"input": {"model_name": "m"}},
        {"data": {"endpoint": {}, "endpoint_id": None}},
    ]
    for other in others:
        assert failure(CREATE, status, {**body, **other}).refused, other


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": {"message": "Not Found", "type": "not_found_error", "code": 404}}),
        (404, {"detail": "Not Found", "status": 404}),
        (404, {"detail": "Not found."}),
        (405, {"detail": "Method Not Allowed", "code": "method_not_allowed"}),
        (405, {"error": {"message": "Method not allowed.", "type": "invalid_method", "code": 405}}),
    ],
)
def test_a_path_that_is_not_served_may_have_a_code(status: int, body: object) -> None:
    """Nobody is asked to change the spec."""
    assert type(failure(CREATE, status, body)) is CloudUnavailable


@pytest.mark.parametrize("status", [400, 402, 403, 409, 422, 429, 503])
@pytest.mark.parametrize("words", REFUSALS)
def test_what_says_that_nothing_was_made_is_a_refusal(status: int, words: str) -> None:
    """The same words, denied; and whatever code carries them, they are about room."""
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
