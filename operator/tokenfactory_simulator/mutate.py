"""Answers made strange: the JSON that faults change after the API made it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import ceil
from typing import Any

from tokenfactory_simulator.effects import MissingId, Status, UnknownEnum, UnknownFields
from tokenfactory_simulator.errors import error_body
from tokenfactory_simulator.exchange import Answer
from tokenfactory_simulator.faults import FaultPlan
from tokenfactory_simulator.render import encode

Change = Callable[[dict[str, Any]], None]


def _endpoints(content: dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(content.get("data"), list):
        return [item for item in content["data"] if isinstance(item, dict)]
    inner = content.get("endpoint", content)
    return [inner] if isinstance(inner, dict) else []


def _drop_id(endpoint: dict[str, Any]) -> None:
    endpoint.pop("id", None)
    endpoint.pop("endpoint_id", None)


def _add_unknown(endpoint: dict[str, Any]) -> None:
    endpoint["serving_tier"] = {"name": "gold", "since": 7}
    endpoint["tags"] = ["new", None]
    if isinstance(endpoint.get("deployment"), dict):
        endpoint["deployment"]["rollout"] = {"strategy": "canary"}


def _set_enum(effect: UnknownEnum) -> Change:
    def change(endpoint: dict[str, Any]) -> None:
        if isinstance(endpoint.get("deployment"), dict):
            endpoint["deployment"] |= {"status": effect.status, "readiness": effect.readiness}

    return change


def mutated(answer: Answer, plan: FaultPlan) -> Answer:
    """The answer as the faults want it; errors and bodies that are no JSON objects stay as they are."""
    changes: list[Change] = [_set_enum(effect) for effect in plan.every(UnknownEnum)]
    changes += [_add_unknown for _ in plan.every(UnknownFields)] + [_drop_id for _ in plan.every(MissingId)]
    if not changes or answer.status >= 400 or not answer.body:  # noqa: PLR2004 - HTTP's own boundary of errors
        return answer
    content = json.loads(answer.body)
    for endpoint in _endpoints(content):
        for change in changes:
            change(endpoint)
    if plan.every(UnknownFields):
        content["meta"] = {"schema": "v9"}
    return Answer(answer.status, answer.headers, encode(content))


def fault_answer(fault: Status) -> Answer:
    """The error that a `status` fault scripts."""
    content_type, body = error_body(fault.form, fault.code, fault.message, "simulated_fault")
    headers = {"content-type": content_type} | {name.lower(): value for name, value in fault.headers.items()}
    if fault.retry_after is not None:
        moment = datetime.now(UTC) + timedelta(seconds=fault.retry_after)
        as_date = fault.retry_after_form == "date"
        headers["retry-after"] = format_datetime(moment, usegmt=True) if as_date else str(ceil(fault.retry_after))
    return Answer(fault.code, headers, body)
