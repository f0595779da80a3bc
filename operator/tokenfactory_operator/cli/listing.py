"""`list`: the endpoints of the cloud and the objects of the cluster, side by side. It only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tokenfactory_operator.api.v1alpha1 import ManagementPolicy
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import Exit
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.cli.sight import sight
from tokenfactory_operator.domain.errors import CloudError, visible
from tokenfactory_operator.domain.identity import ADOPTED, Identity
from tokenfactory_operator.domain.observed import ObservedEndpoint

NOTHING = "-"
COLUMNS = ("ENDPOINT", "OWNER", "OBJECT", "STATE", "GPUS", "MODEL", "REGION")


@dataclass(frozen=True)
class Row:
    """An endpoint, an object, or both."""

    endpoint: ObservedEndpoint | None
    owner: str
    """owned, adopted, observed, orphaned, foreign, released, nobody, or missing where only the object is there."""
    place: str
    """The object, or what a mark says of it."""

    @property
    def gpus(self) -> int:
        """Those that it reserves."""
        each = self.endpoint
        return 0 if each is None or each.enabled is False else (each.gpu_count or 0) * (each.min_replicas or 0)


@command()
async def listing(session: Session) -> Exit:
    """List the cloud's endpoints with their objects, and the operator's objects without an endpoint.

    OWNER is owned (made for the object), adopted, observed, orphaned (its object is gone), foreign (of another cluster
    or owner), released, or nobody; missing is an object whose endpoint is not listed. GPUS are those reserved.

    Examples:
    kubectl tokenfactory list
    kubectl tokenfactory list -o json | jq '.[] | select(.owner == "orphaned") | .endpointId'
    """
    bodies, left_out = await session.every_object()
    if left_out:
        session.out.note(left_out)
    try:
        seen = await sight(session, bodies)
    except CloudError as error:
        raise await session.failed(error) from None
    watched = (await session.access()).settings.watch_namespaces
    every = side_by_side(seen.endpoints, [Shown.of(body) for body in bodies], seen.cluster_id)
    rows = [row for row in every if row.endpoint or not watched or row.place.partition("/")[0] in watched]
    if session.out.as_json:
        session.out.json([_as_json(row) for row in rows])
        return Exit.DONE
    session.out.table(COLUMNS, [_cells(row) for row in rows])
    session.out.line(f"\nGPUs reserved: {sum(row.gpus for row in rows)}.")
    return Exit.DONE


def side_by_side(endpoints: Sequence[ObservedEndpoint], shown: Sequence[Shown], cluster_id: str) -> list[Row]:
    """A row for each endpoint, and for each object whose endpoint is not among them."""
    by_uid = {each.uid: each for each in shown}
    by_id: dict[str, list[Shown]] = defaultdict(list)
    for each in shown:
        for endpoint_id in {each.endpoint_id, each.named_id} - {""}:
            by_id[endpoint_id].append(each)
    rows = [_row(endpoint, by_uid, by_id, cluster_id) for endpoint in endpoints]
    listed = {endpoint.id for endpoint in endpoints}
    placed = {row.place for row in rows}
    return rows + [
        Row(None, "missing" if each.endpoint_id or each.named_id else "none yet", str(each.key))
        for each in shown
        if str(each.key) not in placed and not {each.endpoint_id, each.named_id} & listed
    ]


def _row(endpoint: ObservedEndpoint, by_uid: dict[str, Shown], by_id: dict[str, list[Shown]], cluster_id: str) -> Row:
    for mark in endpoint.marks:
        holder = by_uid.get(mark.identity.uid) if mark.identity.cluster_id == cluster_id else None
        if holder is not None:
            adopted = endpoint.attempt_of(Identity(cluster_id, holder.uid)) == ADOPTED
            return Row(endpoint, "adopted" if adopted else "owned", str(holder.key))
    if endpoint.marks:
        mark = endpoint.marks[0]
        ours = mark.identity.cluster_id == cluster_id
        return Row(endpoint, "orphaned" if ours else "foreign", visible(mark.subject))
    for holder in by_id.get(endpoint.id, ()):
        observes = holder.policy is ManagementPolicy.OBSERVE
        return Row(endpoint, "observed" if observes else "nobody", str(holder.key))
    if endpoint.released is not None:
        return Row(endpoint, "released", visible(endpoint.released.subject))
    return Row(endpoint, "nobody", NOTHING)


def _cells(row: Row) -> tuple[str, ...]:
    each = row.endpoint
    if each is None:
        return (NOTHING, row.owner, row.place, NOTHING, "0", NOTHING, NOTHING)
    state = "/".join(filter(None, (each.status, each.readiness))) or NOTHING
    return (each.id, row.owner, row.place, state, str(row.gpus), each.model_name or NOTHING, each.region or NOTHING)


def _as_json(row: Row) -> dict[str, object]:
    each = row.endpoint
    return {
        "endpointId": each.id if each is not None else None,
        "owner": row.owner,
        "object": row.place if row.place != NOTHING else None,
        "status": each.status if each is not None else None,
        "readiness": each.readiness if each is not None else None,
        "gpusReserved": row.gpus,
        "model": each.model_name if each is not None else None,
        "region": each.region if each is not None else None,
    }
