"""LIST: which endpoints an answer shows, whole, by pages, or as a fault wants it."""

from collections.abc import Iterator
from typing import Any

from tokenfactory_simulator.effects import Hide, PartialList, StaleList
from tokenfactory_simulator.endpoint import Endpoint
from tokenfactory_simulator.entry import render_at
from tokenfactory_simulator.errors import InvalidError
from tokenfactory_simulator.faults import FaultPlan
from tokenfactory_simulator.render import list_body
from tokenfactory_simulator.simulator import Simulator

Item = tuple[Endpoint, bytes]


def listing(simulator: Simulator, project: str, plan: FaultPlan, cursor: str | None) -> bytes:
    """The answer's body; `cursor` is where an earlier page ended.

    Raises:
        InvalidError: the cursor was never given out.
    """
    stale = sum(effect.seconds for effect in plan.every(StaleList))
    items = _partial(list(_past(simulator, project, stale) if stale else _present(simulator, project)), plan)
    return _page(items, simulator, cursor)


def _present(simulator: Simulator, project: str) -> Iterator[Item]:
    cloud = simulator.cloud
    for entry in cloud.alive(project):
        yield entry.endpoint, entry.rendered(cloud.now, simulator.clock, simulator.settings)


def _past(simulator: Simulator, project: str, seconds: float) -> Iterator[Item]:
    instant = simulator.cloud.now - seconds
    for entry in simulator.cloud.entries.values():
        endpoint = entry.at(instant)
        if endpoint and endpoint.project == project:
            yield endpoint, render_at(endpoint, instant, simulator.clock, simulator.settings)


def _partial(items: list[Item], plan: FaultPlan) -> list[Item]:
    hidden = {endpoint_id for effect in plan.every(Hide) for endpoint_id in effect.ids}
    items = [item for item in items if item[0].id not in hidden] if hidden else items
    for effect in plan.every(PartialList):
        items = [item for item in items if item[0].id not in effect.drop_ids][effect.drop_first :]
        items = items[: effect.cap]
    return items


def _page(items: list[Item], simulator: Simulator, cursor: str | None) -> bytes:
    settings = simulator.settings
    if settings.paging == "none":
        return list_body([body for _, body in items], {})
    if cursor:
        known = simulator.cloud.entries.get(cursor)
        if known is None:
            raise InvalidError(
                [{"type": "value_error", "loc": ["query"], "msg": "unknown page", "input": cursor, "ctx": {}}]
            )
        items = [item for item in items if item[0].number > known.endpoint.number]
    page = items[: settings.page_size]
    more: dict[str, Any] = {"has_more": len(page) < len(items)}
    last = page[-1][0].id if more["has_more"] else None
    if settings.paging == "token":
        more = {"next_page_token": last}
    elif last:
        more["after"] = last
    return list_body([body for _, body in page], more)
