"""The inference API of a simulated region: a canned answer for each endpoint that serves, whole or as a stream.

It has the form of OpenAI's chat completions, as the vendor's data plane has: `model` is the endpoint's routing key. No
model runs and no GPU is used. What an endpoint is, and whether it serves, is the cloud's to say; nothing changes here.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from tokenfactory_simulator.api import Caller, Here
from tokenfactory_simulator.entry import Entry
from tokenfactory_simulator.errors import error_body
from tokenfactory_simulator.exchange import Exchange
from tokenfactory_simulator.lifecycle import view
from tokenfactory_simulator.render import encode
from tokenfactory_simulator.simulator import Simulator

router = APIRouter(prefix="/v1")

_JSON = "application/json"
_STREAM = "text/event-stream"
_DONE = b"data: [DONE]\n\n"


class Message(BaseModel):
    """One turn of a chat; what it says is not read."""

    model_config = ConfigDict(extra="allow")

    role: str


class ChatRequest(BaseModel):
    """Body of POST; whatever else OpenAI's API knows is accepted and not read."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: str
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool = False


@router.post("/chat/completions")
async def chat_completions(simulator: Here, exchange: Caller, body: ChatRequest) -> Response:
    """The canned answer of the endpoint with this routing key; 404 where it does not serve, as while it starts."""
    entry = _serving(simulator, exchange, body.model)
    if entry is None:
        text = f"The model `{body.model}` does not exist or does not serve yet."
        kind, content = error_body("openai", 404, text, "not_found_error")
        return Response(content, 404, media_type=kind)
    completion = _Completion(simulator, entry)
    if body.stream:
        return Response(b"".join(completion.events()), media_type=_STREAM)
    return Response(encode(completion.whole()), media_type=_JSON)


def _serving(simulator: Simulator, exchange: Exchange, routing_key: str) -> Entry | None:
    for project in exchange.projects:
        for entry in simulator.cloud.alive(project):
            shown = view(entry.endpoint.deployment, simulator.cloud.now)
            if entry.endpoint.routing_key == routing_key and shown.readiness != "not_ready":
                return entry
    return None


class _Completion:
    """One answer, in both forms."""

    def __init__(self, simulator: Simulator, entry: Entry) -> None:
        endpoint = entry.endpoint
        self._words = f"Hello from the simulated endpoint {endpoint.id} of {endpoint.model_name}. No GPU was used."
        self._common: dict[str, Any] = {
            "id": f"chatcmpl-{simulator.recorder.sequence}",
            "created": int(simulator.clock.wall(simulator.cloud.now).timestamp()),
            "model": endpoint.routing_key,
        }

    def whole(self) -> dict[str, Any]:
        """The answer without `stream`."""
        message = {"role": "assistant", "content": self._words}
        tokens = len(self._words.split())
        return {
            **self._common,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1},
        }

    def events(self) -> Iterator[bytes]:
        """The answer with `stream`: server-sent events, one for each word, the last one says that it is the end."""
        yield self._event({"role": "assistant", "content": ""})
        for number, word in enumerate(self._words.split(" ")):
            yield self._event({"content": f" {word}" if number else word})
        yield self._event({}, finish="stop")
        yield _DONE

    def _event(self, delta: dict[str, str], *, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {**self._common, "object": "chat.completion.chunk", "choices": [choice]}
        return b"data: " + encode(chunk) + b"\n\n"
