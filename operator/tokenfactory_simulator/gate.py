"""The ring around the API: records every call, limits its rate and lets the scripted faults happen.

It knows tokens, bytes and status codes; what a request means is the routes' business.
"""

import json
import logging
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tokenfactory_simulator.connection import cut, raw_headers
from tokenfactory_simulator.effects import AnswerLost, Delay, EffectLate, EffectLost, Status
from tokenfactory_simulator.errors import error_body
from tokenfactory_simulator.exchange import SCOPE_KEY, Answer, Exchange
from tokenfactory_simulator.faults import Facts, FaultPlan
from tokenfactory_simulator.mutate import fault_answer, mutated
from tokenfactory_simulator.simulator import Simulator

ADMIN_PREFIX = "/_admin"
_ERRORS_FROM = 400
_LOG = logging.getLogger(__name__)


class Gate:
    """An ASGI application around the one that has the routes. The admin API passes it untouched."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(ADMIN_PREFIX):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        recorder = self._simulator.recorder  # of this call's beginning: a reset begins another
        token = _bearer(scope)
        exchange = self._begin(scope, token, body)
        answer = await self._answer(scope, exchange, token, body)
        outcome = exchange.plan.outcome
        lost = isinstance(outcome, (AnswerLost, EffectLost)) or (
            isinstance(outcome, EffectLate) and outcome.answer == "cut" and exchange.call.effect != "none"
        )
        if lost:
            recorder.end(exchange.call, "cut")
            how = outcome.how if isinstance(outcome, (AnswerLost, EffectLost)) else "close"
            await cut(scope, receive, send, how=how, answer=answer)
            return
        # Recorded first: who has read the answer must find it in the record.
        recorder.end(exchange.call, answer.status)
        headers = raw_headers(answer.headers | {"content-length": str(len(answer.body))})
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _begin(self, scope: Scope, token: str, body: bytes) -> Exchange:
        projects = self._simulator.tokens.get(token, ())
        call = self._simulator.recorder.begin(
            method=scope["method"],
            path=unquote(scope["path"]),
            query=scope["query_string"].decode("latin-1"),
            project=projects[0] if projects else None,
            body=_readable(body),
        )
        return Exchange(call, projects)

    async def _answer(self, scope: Scope, exchange: Exchange, token: str, body: bytes) -> Answer:
        simulator, call = self._simulator, exchange.call
        limit = simulator.limiter.ask(token, now=simulator.clock.now(), settings=simulator.settings)
        if not limit.allowed:
            kind, text = error_body(simulator.settings.error_form, 429, "Rate limit exceeded", "rate_limit_error")
            return Answer(429, {"content-type": kind} | limit.headers, text)
        facts = Facts(call.method, call.path, body.decode(errors="replace"), token, call.project)
        exchange.plan = simulator.faults.plan(facts)
        call.faults = exchange.plan.names()
        cloud = simulator.cloud
        await self._delay(exchange.plan, "before")
        if simulator.cloud is not cloud or simulator.closing.is_set():
            return Answer(503, {}, b"")  # a call of before the reset must not touch what came after
        answer = await self._faulty(scope, exchange, body)
        return Answer(answer.status, answer.headers | limit.headers, answer.body)

    async def _faulty(self, scope: Scope, exchange: Exchange, body: bytes) -> Answer:
        """What the routes answer, or what the outcome that was scripted puts in its place."""
        plan, outcome = exchange.plan, exchange.plan.outcome
        if isinstance(outcome, EffectLost):
            return Answer(500, {}, b"")
        if isinstance(outcome, Status) and not outcome.after_effect:
            return fault_answer(outcome)
        answer = mutated(await self._routed({**scope, SCOPE_KEY: exchange}, body), plan)
        await self._delay(plan, "after")
        if isinstance(outcome, Status):
            return fault_answer(outcome)
        if isinstance(outcome, EffectLate) and isinstance(outcome.answer, int) and answer.status < _ERRORS_FROM:
            return fault_answer(Status(effect="status", code=outcome.answer))
        return answer

    async def _delay(self, plan: FaultPlan, when: str) -> None:
        for delay in plan.every(Delay):
            if delay.when == when:
                await self._simulator.wait(delay.seconds)

    async def _routed(self, scope: Scope, body: bytes) -> Answer:
        """What the routes answer, held back."""
        head: dict[str, Any] = {}
        chunks: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            else:
                chunks.append(message.get("body", b""))

        try:
            await self._app(scope, receive, send)
        except Exception:
            if not head:
                raise
            # A defect: it was answered with a 500 that says where it is, and is raised once more for the log.
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head["headers"]}
        return Answer(head["status"], headers, b"".join(chunks))


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def _bearer(scope: Scope) -> str:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    value = next((value for name, value in headers if name == b"authorization"), b"").decode("latin-1")
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _readable(body: bytes) -> object:
    """A body for the record: as JSON where it is."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
