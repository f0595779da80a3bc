"""The vendor's operations under `/v0/dedicated_endpoints`, as the vendor documents and others observed them.

Routes and dependencies are coroutines throughout: a plain function would run in a thread, beside the event loop that
owns the simulator.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tokenfactory_simulator.entry import Entry
from tokenfactory_simulator.errors import ApiError
from tokenfactory_simulator.exchange import Exchange, exchange_of
from tokenfactory_simulator.listing import listing
from tokenfactory_simulator.perform import perform
from tokenfactory_simulator.record import COLLECTION
from tokenfactory_simulator.render import encode, wrap
from tokenfactory_simulator.simulator import Simulator
from tokenfactory_simulator.wire import CreateRequest, UpdateRequest

router = APIRouter(prefix=COLLECTION)

_ABSENT = {404: "Not Found", 405: "Method Not Allowed"}


async def simulator_of(request: Request) -> Simulator:
    """The simulator that serves, with everything happened that is due by now."""
    simulator: Simulator = request.app.state.simulator
    simulator.cloud.settle()
    return simulator


async def known_caller(request: Request) -> Exchange:
    """The call, once its token is known.

    Raises:
        ApiError: 401.
    """
    exchange = exchange_of(request.scope)
    if not exchange.projects:
        raise ApiError(401, "Invalid or missing API key", kind="authentication_error")
    return exchange


Here = Annotated[Simulator, Depends(simulator_of)]
Caller = Annotated[Exchange, Depends(known_caller)]


async def chosen_project(exchange: Caller, ai_project_id: Annotated[str | None, Query()] = None) -> str:
    """The project of list, create and templates.

    Raises:
        ApiError: 403, the token may not use it.
    """
    if ai_project_id is None:
        return exchange.projects[0]
    if ai_project_id not in exchange.projects:
        raise ApiError(403, f"Access to project {ai_project_id} is denied", kind="permission_error")
    exchange.call.project = ai_project_id
    return ai_project_id


Project = Annotated[str, Depends(chosen_project)]


def _existing(simulator: Simulator, exchange: Exchange, endpoint_id: str) -> Entry:
    """An endpoint that the caller may see; another's is no different from none."""
    entry = simulator.cloud.existing(endpoint_id)
    if entry.endpoint.project not in exchange.projects:
        raise ApiError(404, f"Dedicated endpoint {endpoint_id} not found", kind="not_found_error")
    return entry


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status_code=status, media_type="application/json")


def _rendered(simulator: Simulator, entry: Entry) -> bytes:
    return entry.rendered(simulator.cloud.now, simulator.clock, simulator.settings)


@router.get("/templates")
async def templates(simulator: Here, _project: Project) -> Response:
    """What can be created."""
    legacy = simulator.settings.templates_form == "templates"
    listed = simulator.catalog.templates(legacy=legacy, form=simulator.settings.template_details)
    return _json(encode({simulator.settings.templates_form: listed}))


@router.post("")
async def create(simulator: Here, exchange: Caller, project: Project, body: CreateRequest) -> Response:
    """Make an endpoint: each time another one."""
    fields = body.fields()
    simulator.catalog.check(fields)
    entry = await perform(simulator, exchange, lambda: simulator.cloud.create(project, fields))
    return _json(wrap(_rendered(simulator, entry), simulator.settings.answer_form), 201)


@router.get("")
async def list_endpoints(
    simulator: Here,
    exchange: Caller,
    project: Project,
    page_token: str | None = None,
    next_page_token: str | None = None,
    after: str | None = None,
) -> Response:
    """All endpoints of a project. No paging parameter is documented; each plausible one is understood."""
    return _json(listing(simulator, project, exchange.plan, page_token or next_page_token or after))


@router.get("/{endpoint_id}")
async def get(simulator: Here, exchange: Caller, endpoint_id: str) -> Response:
    """One endpoint; not on the vendor's page of operations, so it can be configured away."""
    status = simulator.settings.get_by_id
    if status in _ABSENT:
        raise ApiError(status, _ABSENT[status])
    return _json(_rendered(simulator, _existing(simulator, exchange, endpoint_id)))


@router.patch("/{endpoint_id}")
async def update(simulator: Here, exchange: Caller, endpoint_id: str, body: UpdateRequest) -> Response:
    """Change the fields given."""
    endpoint = _existing(simulator, exchange, endpoint_id).endpoint
    fields = body.fields()
    if {"gpu_type", "gpu_count"} & fields.keys():
        names = ("model_name", "flavor_name", "region", "gpu_type", "gpu_count", "max_replicas")
        simulator.catalog.check({name: fields.get(name, getattr(endpoint, name)) for name in names})

    def change() -> Entry:
        return simulator.cloud.change(simulator.cloud.existing(endpoint_id), fields)

    entry = await perform(simulator, exchange, change)
    return _json(wrap(_rendered(simulator, entry), simulator.settings.update_answer_form))


@router.delete("/{endpoint_id}")
async def delete(simulator: Here, exchange: Caller, endpoint_id: str) -> Response:
    """End an endpoint for good."""
    _existing(simulator, exchange, endpoint_id)

    def end() -> Entry:
        entry = simulator.cloud.existing(endpoint_id)
        simulator.cloud.delete(entry)
        return entry

    await perform(simulator, exchange, end)
    if simulator.settings.delete_status == 200:  # noqa: PLR2004 - the setting's own value
        return _json(encode({"id": endpoint_id, "deleted": True}))
    return Response(status_code=204)
