"""What an application gets of a simulated endpoint: an answer in OpenAI's form, whole or as a stream."""

import json
from typing import Any

import httpx
import pytest

from contract.simulator.builders import PROVISIONING, caller, created
from tokenfactory_simulator.testing import RunningSimulator

CHAT = "/v1/chat/completions"


def asked(http: httpx.Client, model: str, **more: object) -> httpx.Response:
    """A question to a model."""
    return http.post(CHAT, json={"model": model, "messages": [{"role": "user", "content": "Hello"}], **more})


@pytest.fixture
def serving(sim: RunningSimulator, http: httpx.Client) -> dict[str, Any]:
    """An endpoint that serves."""
    endpoint = created(http)
    sim.admin.advance(PROVISIONING)
    return endpoint


def test_a_whole_answer(http: httpx.Client, serving: dict[str, Any]) -> None:
    """It has the fields that a client of OpenAI's reads, and names the endpoint."""
    answer = asked(http, serving["routing_key"], temperature=0.2)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["object"], said["model"]) == ("chat.completion", serving["routing_key"])
    (choice,) = said["choices"]
    assert (choice["index"], choice["finish_reason"], choice["message"]["role"]) == (0, "stop", "assistant")
    assert serving["id"] in choice["message"]["content"]
    usage = said["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream(http: httpx.Client, serving: dict[str, Any]) -> None:
    """Server-sent events: their pieces are the whole answer, the last one says that it is the end."""
    answer = asked(http, serving["routing_key"], stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, done, rest = answer.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    pieces = [chunk["choices"][0] for chunk in chunks]
    assert len(pieces) > 3
    assert [piece["finish_reason"] for piece in pieces] == [None] * (len(pieces) - 1) + ["stop"]
    text = "".join(piece["delta"].get("content", "") for piece in pieces)
    whole = asked(http, serving["routing_key"]).json()
    assert text == whole["choices"][0]["message"]["content"]


def test_an_endpoint_that_does_not_serve(sim: RunningSimulator, http: httpx.Client) -> None:
    """404, in OpenAI's form: while it starts, and for a key that there is not."""
    starting = created(http)
    for model in (starting["routing_key"], "dedicated/nobody"):
        answer = asked(http, model)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "404")
    sim.admin.advance(PROVISIONING)
    assert asked(http, starting["routing_key"]).status_code == 200
    http.delete(f"/v0/dedicated_endpoints/{starting['id']}")
    assert asked(http, starting["routing_key"]).status_code == 404


def test_a_stopped_endpoint(sim: RunningSimulator, http: httpx.Client, serving: dict[str, Any]) -> None:
    """It serves nobody."""
    http.patch(f"/v0/dedicated_endpoints/{serving['id']}", json={"enabled": False})
    sim.admin.advance(PROVISIONING)
    assert asked(http, serving["routing_key"]).status_code == 404


@pytest.mark.parametrize(("token", "status"), [pytest.param("", 401, id="none"), pytest.param("tok-b", 404, id="b's")])
def test_another_caller(sim: RunningSimulator, serving: dict[str, Any], token: str, status: int) -> None:
    """Without a token nobody is answered; another project's endpoint is no different from none."""
    with caller(sim, token) as other:
        assert asked(other, serving["routing_key"]).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"model": "m", "messages": []}, id="no message"),
        pytest.param({"model": "m", "messages": [{"content": "x"}]}, id="no role"),
        pytest.param({"model": "m", "messages": [{"role": "user"}], "stream": "perhaps"}, id="no boolean"),
    ],
)
def test_a_wrong_question(http: httpx.Client, body: dict[str, Any]) -> None:
    """422, as for the other operations."""
    assert http.post(CHAT, json=body).status_code == 422


def test_the_cloud_is_as_it_was(sim: RunningSimulator, http: httpx.Client, serving: dict[str, Any]) -> None:
    """A question is recorded, and is no operation on an endpoint."""
    before = sim.admin.endpoint(serving["id"])
    asked(http, serving["routing_key"])
    assert sim.admin.endpoint(serving["id"]) == before
    call = sim.admin.calls(path=CHAT)[-1]
    assert (call["operation"], call["endpoint_id"], call["status"]) == ("other", None, 200)
