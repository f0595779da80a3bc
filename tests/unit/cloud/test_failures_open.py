"""Which answers leave the outcome of a POST open: each that the protocol does not call a refusal, by its number."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import pytest

from tokenfactory_operator.cloud.call import Call
from tokenfactory_operator.domain.errors import CloudConflict, CloudUnavailable, InvalidSpec, QuotaExceeded
from unit.cloud.sentences import EFFECTS, FAULTS, LACKS, MISHAPS, PARTS
from unit.cloud.test_failures import API_FORMS, CREATE, failure

REFUSED: Final = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
"""docs/protocol.md, Create 5; written anew here, so that the client's own list is not what judges it."""


@pytest.mark.parametrize("body", API_FORMS, ids=["detail", "openai", "validation"])
@pytest.mark.parametrize("status", range(300, 600))
def test_only_a_listed_status_is_a_refusal(status: int, body: object) -> None:
    """Create 5: refused is one of ten statuses, in the API's own form, and nothing else."""
    assert failure(CREATE, status, body).refused == (status in REFUSED)


NAMED: Final = Call(
    "POST",
    "/v0/dedicated_endpoints",
    "creating the endpoint",
    body={
        "name": "ml/no-capacity",
        "description": "Shows what is out of stock and already used [k8s c1 ml/no-capacity uid=u1 try=a1]",
        "model_name": "acme/quota-exceeded",
        "routing_key": "dedicated/in-use-0001",
    },
)
"""A request whose texts speak of capacity, quota, money and of what is in use."""


@pytest.mark.rule("C44")
@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize(
    "said",
    [
        "cannot save ml/no-capacity",
        "cannot save 'ML/No-Capacity'",
        "the deployment ml-no-capacity is not there",
        "the deployment ml_no_capacity_x1",
        "cannot start acme/quota-exceeded",
        "cannot save dedicated/in-use-0001",
        "cannot save: Shows what is out of stock and already used [k8s c1 ml/no-capacity uid=u1 try=a1]",
        "cannot save: Shows what is out of stock and al…",
    ],
)
def test_what_an_answer_repeats_is_no_refusal(status: int, said: str) -> None:
    """Create 5: the words of the request say nothing about why it failed, so its outcome stays open."""
    error = failure(NAMED, status, {"detail": said})
    assert (type(error), error.refused) == ({409: CloudConflict, 503: CloudUnavailable}[status], False)


@pytest.mark.rule("C44")
@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        pytest.param(503, "ml/no-capacity: GPU quota exceeded", QuotaExceeded, id="503 quota"),
        pytest.param(409, "ml/no-capacity: not enough GPUs", QuotaExceeded, id="409 GPUs"),
        pytest.param(409, "dedicated/in-use-0001 is already taken", InvalidSpec, id="409 taken"),
        pytest.param(422, "ml/no-capacity: GPU quota exceeded", QuotaExceeded, id="422 quota"),
        pytest.param(422, "no capacity for ml/no-capacity", QuotaExceeded, id="422 capacity"),
        pytest.param(422, "name ml/no-capacity is not valid", InvalidSpec, id="422 is about the name"),
    ],
)
def test_its_own_words_still_count(status: int, said: str, kind: type[Exception]) -> None:
    """What the API says beside that is judged as ever."""
    error = failure(NAMED, status, {"detail": said})
    assert (type(error), error.refused) == (kind, True)


@pytest.mark.rule("C44")
@pytest.mark.parametrize("place", ["internal/llm", "ml/api-gateway", "dedicated/customer-service", "created/queued"])
@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        pytest.param(503, "Not enough capacity for {}", QuotaExceeded, id="503 capacity"),
        pytest.param(409, "'{}' is already taken", InvalidSpec, id="409 taken"),
    ],
)
def test_a_name_of_several_parts_does_not_leave_it_open(place: str, status: int, said: str, kind: type) -> None:
    """No sentence has it by chance: what is lacking is told, and not that nobody knows what the call has done."""
    for field in ("name", "routing_key"):
        error = failure(
            replace(CREATE, body={**(CREATE.body or {}), field: place}), status, {"detail": said.format(place)}
        )
        assert (type(error), error.refused) == (kind, True)


@pytest.mark.rule("C44")
@pytest.mark.parametrize("name", ["queued", "re-queued", "Request queued", "a/b queued"])
def test_another_name_does(name: str) -> None:
    """A sentence may have it, and mean it."""
    call = replace(CREATE, body={**(CREATE.body or {}), "name": name})
    assert not failure(call, 503, {"detail": f"{name}: no capacity"}).refused


@pytest.mark.rule("C44")
@pytest.mark.parametrize("name", ["rate-limit-demo", "ml/rate-limit-demo"])
def test_a_name_that_speaks_of_the_pace(name: str) -> None:
    """A 429 is a refusal anyway. What it repeats does not make a lack of room a pause of the whole credential."""
    call = replace(CREATE, body={**(CREATE.body or {}), "name": name})
    error = failure(call, 429, {"detail": f"{name}: GPU quota exceeded"})
    assert (type(error), error.refused) == (QuotaExceeded, True)


@pytest.mark.rule("C44", "X50")
@pytest.mark.parametrize("status", [409, 503])
@pytest.mark.parametrize(
    "said",
    [
        *(form.format(lack) for form in (*EFFECTS, *MISHAPS) for lack in LACKS),
        *(form.format(part) for form in FAULTS for part in PARTS),
        "Quota exceeded: a server of ours has not answered",
    ],
)
def test_what_the_request_says_takes_nothing_from_an_answer(said: str, status: int) -> None:
    """X50: the words that leave the outcome open do so too where the request has them, alone or beside others."""
    words = re.findall(r"\w+", said)
    for texts in ({"name": said}, {"description": said}, *({"custom_weights_id": f"a_{word}"} for word in words)):
        error = failure(replace(CREATE, body={**(CREATE.body or {}), **texts}), status, {"detail": said})
        assert not error.refused, texts
