"""The admin API under `/_admin`: the vendor's console, the scripts of faults, the record. Not part of the vendor's API.

Nothing of it is recorded as a call or met by a fault.
"""

import secrets
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, ValidationError

from tokenfactory_simulator.api import Here
from tokenfactory_simulator.entry import Entry
from tokenfactory_simulator.faults import Rule
from tokenfactory_simulator.gate import ADMIN_PREFIX
from tokenfactory_simulator.lifecycle import Override, view
from tokenfactory_simulator.render import encode, endpoint_json, timestamp
from tokenfactory_simulator.settings import Settings
from tokenfactory_simulator.simulator import Simulator
from tokenfactory_simulator.wire import ConsoleChange, ConsoleCreate, ConsoleState, ModelOffer

Json = dict[str, Any]

_CONSOLE_DEFAULTS: Json = {
    "name": "made in the console",
    "model_name": "openai/gpt-oss-120b",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "min_replicas": 1,
}


async def _authorised(request: Request, authorization: Annotated[str, Header()] = "") -> None:
    wanted: str | None = request.app.state.admin_token
    if wanted and not secrets.compare_digest(authorization.encode(), f"Bearer {wanted}".encode()):
        raise HTTPException(401, "the admin API wants its own token")


router = APIRouter(prefix=ADMIN_PREFIX, dependencies=[Depends(_authorised)])


class TokenGrant(BaseModel):
    """A token and a project that it may use."""

    model_config = ConfigDict(extra="forbid")

    token: str
    project: str = "project-demo"


def described(simulator: Simulator, entry: Entry) -> Json:
    """Everything about an endpoint, in the vendor's form of today whatever is configured, and what is behind it."""
    endpoint, now, clock = entry.endpoint, simulator.cloud.now, simulator.clock
    shown = view(endpoint.deployment, entry.deleted_at if entry.deleted_at is not None else now)
    counted = simulator.recorder.endpoints.get(endpoint.id, Counter())
    return endpoint_json(endpoint, shown, clock.wall(endpoint.created), Settings()) | {
        "reservation_policy": endpoint.reservation_policy,
        "project": endpoint.project,
        "alive": entry.deleted_at is None,
        "deleted_at": None if entry.deleted_at is None else timestamp(clock.wall(entry.deleted_at)),
        "gpu_seconds": entry.gpu_seconds(now),
        "gpus_held": 0 if entry.deleted_at is not None else endpoint.deployment.gpus_held,
        "waiting_for_gpus": entry.deleted_at is None and endpoint.deployment.wants_gpus(endpoint.shape),
        "calls": dict(counted),
    }


@router.get("/endpoints")
async def endpoints(simulator: Here, alive_only: bool = True) -> Response:  # noqa: FBT001, FBT002 - a query parameter
    """Every endpoint, the oldest first, on request with those deleted."""
    entries = simulator.cloud.entries.values()
    listed = [described(simulator, entry) for entry in entries if entry.deleted_at is None or not alive_only]
    return _json({"endpoints": listed})


@router.post("/endpoints", status_code=201)
async def console_create(simulator: Here, body: ConsoleCreate) -> Json:
    """Make an endpoint as the vendor's console would, unchecked."""
    fields = _CONSOLE_DEFAULTS | body.fields()
    fields.setdefault("max_replicas", fields["min_replicas"])
    fields.pop("project", None)
    project = body.project or next((projects[0] for projects in simulator.tokens.values()), "project-demo")
    return described(simulator, simulator.cloud.create(project, fields))


@router.patch("/endpoints/{endpoint_id}")
async def console_patch(simulator: Here, endpoint_id: str, body: ConsoleChange) -> Json:
    """Change any field, also those that the API cannot."""
    return described(simulator, simulator.cloud.change(simulator.cloud.existing(endpoint_id), body.fields()))


@router.delete("/endpoints/{endpoint_id}")
async def console_delete(simulator: Here, endpoint_id: str) -> Json:
    """Delete an endpoint behind everybody's back."""
    entry = simulator.cloud.existing(endpoint_id)
    simulator.cloud.delete(entry)
    return described(simulator, entry)


@router.put("/endpoints/{endpoint_id}/state")
async def set_state(simulator: Here, endpoint_id: str, body: ConsoleState) -> Json:
    """Show an error, an outage or anything else until it is taken back."""
    override = Override(body.status, body.readiness, body.ready_replicas)
    return described(simulator, simulator.cloud.override(simulator.cloud.existing(endpoint_id), override))


@router.delete("/endpoints/{endpoint_id}/state")
async def clear_state(simulator: Here, endpoint_id: str) -> Json:
    """Show the true state again."""
    return described(simulator, simulator.cloud.override(simulator.cloud.existing(endpoint_id), None))


@router.put("/endpoints/{endpoint_id}/autoscaled")
async def autoscale(simulator: Here, endpoint_id: str, replicas: Annotated[int, Body(embed=True, ge=0)]) -> Json:
    """Let the vendor's autoscaler ask for replicas; 0 takes it back."""
    return described(simulator, simulator.cloud.autoscale(simulator.cloud.existing(endpoint_id), replicas))


@router.get("/calls")
async def calls(
    simulator: Here,
    since: int = 0,
    method: str | None = None,
    path: str | None = None,
    limit: Annotated[int, Query(ge=1)] = 5000,
) -> Response:
    """Calls after a sequence number; `last` is where to go on, and `complete` whether this was the end."""
    recorder = simulator.recorder
    listed: list[Json] = []
    for call in recorder.calls(since=since, method=method, path=path):
        if len(listed) == limit:
            return _json(
                {"calls": listed, "last": listed[-1]["sequence"], "complete": False, "dropped": recorder.dropped}
            )
        listed.append(call)
    return _json({"calls": listed, "last": recorder.sequence, "complete": True, "dropped": recorder.dropped})


@router.get("/summary")
async def summary(simulator: Here) -> Response:
    """What reached the cloud and what it costs, in numbers that never drop."""
    recorder, now = simulator.recorder, simulator.cloud.now
    per_endpoint: Json = {}
    for endpoint_id, entry in simulator.cloud.entries.items():
        counted = recorder.endpoints.get(endpoint_id, Counter())
        per_endpoint[endpoint_id] = {
            "name": entry.endpoint.name,
            "description": entry.endpoint.description,
            "project": entry.endpoint.project,
            "alive": entry.deleted_at is None,
            "gpu_seconds": entry.gpu_seconds(now),
        } | {method.lower(): counted.get(method, 0) for method in ("POST", "PATCH", "DELETE", "GET")}
    return _json(
        {
            "calls": recorder.sequence,
            "dropped": recorder.dropped,
            "operations": dict(recorder.operations),
            "statuses": recorder.statuses,
            "alive": sum(part["alive"] for part in per_endpoint.values()),
            "gpu_seconds": sum(part["gpu_seconds"] for part in per_endpoint.values()),
            "gpus_taken": simulator.cloud.pools.taken(),
            "endpoints": per_endpoint,
        }
    )


@router.get("/faults")
async def faults(simulator: Here) -> Json:
    """The rules in force, spent ones too."""
    return {"faults": simulator.faults.describe()}


@router.post("/faults", status_code=201)
async def add_fault(simulator: Here, body: Rule) -> Json:
    """Script a fault."""
    return {"id": simulator.faults.add(body)}


@router.delete("/faults", status_code=204)
async def clear_faults(simulator: Here, number: Annotated[int | None, Query(alias="id")] = None) -> None:
    """Forget one rule, or all."""
    simulator.faults.clear(number)


@router.get("/settings")
async def settings(simulator: Here) -> Settings:
    """How the cloud behaves."""
    return simulator.settings


@router.patch("/settings")
async def configure(simulator: Here, changes: Annotated[Json, Body()]) -> Settings:
    """Let it behave differently; a setting that is a map is replaced whole."""
    try:
        return simulator.configure(changes)
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_context=False)) from error


@router.post("/clock")
async def advance(simulator: Here, seconds: Annotated[float, Body(embed=True, ge=0)]) -> Json:
    """Move the clock forward, letting everything happen on the way."""
    simulator.clock.advance(seconds)
    return {"now": simulator.cloud.settle(), "manual": simulator.clock.manual}


@router.post("/tokens", status_code=204)
async def add_token(simulator: Here, body: TokenGrant) -> None:
    """Let a token use a project (too)."""
    simulator.allow(body.token, body.project)


@router.post("/tokens/revoke", status_code=204)
async def revoke_token(simulator: Here, token: Annotated[str, Body(embed=True)]) -> None:
    """Forget a token."""
    simulator.tokens.pop(token, None)


@router.post("/catalog", status_code=204)
async def offer_model(simulator: Here, body: ModelOffer) -> None:
    """Offer a model, or offer it differently."""
    simulator.catalog.add(body.model())


@router.delete("/catalog/{name:path}", status_code=204)
async def withdraw_model(simulator: Here, name: str) -> None:
    """Offer a model no longer; its endpoints stay."""
    simulator.catalog.models.pop(name, None)


@router.post("/reset", status_code=204)
async def reset(simulator: Here) -> None:
    """Everything as at the start, but for the clock."""
    simulator.reset()


def _json(content: Json) -> Response:
    return Response(encode(content), media_type="application/json")
