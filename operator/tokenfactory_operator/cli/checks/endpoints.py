"""Are the objects in order, and does each endpoint of this cluster have its object?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from tokenfactory_operator.api.v1alpha1 import ManagementPolicy
from tokenfactory_operator.cli.advice import next_step
from tokenfactory_operator.cli.checks.result import Check, ok, problem, unknown, warning
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.output import count
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.cli.sight import sight
from tokenfactory_operator.domain.errors import CloudError, KubeError
from tokenfactory_operator.domain.identity import Identity
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.observe.orphans import suspects


async def endpoints(session: Session) -> AsyncIterator[Check]:
    """Raises `KubeError` where the objects cannot be listed."""
    watched = (await session.access()).settings.watch_namespaces
    bodies, left_out = await session.every_object()
    shown = [each for each in map(Shown.of, bodies) if not watched or each.key.namespace in watched]
    for check in judged(shown):
        yield check
    if left_out:
        yield unknown("orphans", f"{left_out} So no endpoint can be called an orphan.")
        return
    if (await session.access()).token is None:
        yield unknown("orphans", "Without a token no endpoint can be looked for that has lost its object.")
        return
    try:
        seen = await sight(session, bodies)
    except (CloudError, KubeError) as error:
        yield unknown("orphans", f"Endpoints that have lost their object are not known: {error.message}")
        return
    lost = suspects(
        [seen.inventory],
        seen.cache,
        cluster_id=seen.cluster_id,
        watches=lambda namespace: not watched or namespace in watched,
    )
    for suspect in lost.values():
        yield problem("orphan", str(suspect), f"kubectl tokenfactory import {suspect.seen.endpoint.id}")
    if not lost:
        yield ok("orphans", "Each endpoint with the mark of this cluster has its object.")
    for check in duplicates(seen.endpoints, shown, seen.cluster_id):
        yield check


def judged(shown: Sequence[Shown]) -> Iterator[Check]:
    """The objects in all, and each of which somebody has to know."""
    states = Counter(each.state for each in shown)
    reported = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    yield ok("objects", f"{count(len(shown), 'object')}{': ' + reported if reported else ''}.")
    for each in shown:
        if each.stalled:
            said = each.stalled
            step = next_step(said.reason, each.key)
            yield problem("stalled", f"{each.key} is stalled: {said.reason}: {said.message}", step)
        elif each.attempt is not None and each.attempt.state == "Pending":
            text = f"{each.key}: the create call of {each.attempt.since} has no clear answer yet."
            yield warning("attempt", text, f"kubectl tokenfactory why {each.key.name} -n {each.key.namespace}")
        elif each.deleted_at:
            text = f"{each.key} is being deleted since {each.deleted_at}."
            yield warning("deleting", text, f"kubectl tokenfactory why {each.key.name} -n {each.key.namespace}")
        elif not each.judged:
            text = f"{each.key}: no operator has judged its generation {each.generation} yet."
            yield warning("unjudged", text, f"kubectl tokenfactory why {each.key.name} -n {each.key.namespace}")
    yield from claims(shown)


def claims(shown: Iterable[Shown]) -> Iterator[Check]:
    """Endpoints that more than one object wants to manage."""
    wanted: dict[str, list[Shown]] = defaultdict(list)
    for each in shown:
        if each.policy is not ManagementPolicy.OBSERVE:
            for endpoint_id in {each.endpoint_id, each.named_id} - {""}:
                wanted[endpoint_id].append(each)
    for endpoint_id, holders in wanted.items():
        if len(holders) > 1:
            names = " and ".join(str(each.key) for each in holders)
            yield problem(
                "conflict",
                f"Endpoint {endpoint_id} is wanted by {names}. One endpoint has one object.",
                "delete one of the objects, or set its managementPolicy to Observe",
            )


def duplicates(seen: Iterable[ObservedEndpoint], shown: Iterable[Shown], cluster_id: str) -> Iterator[Check]:
    """Objects with the mark of which there is more than one endpoint."""
    marked: dict[str, list[str]] = defaultdict(list)
    for endpoint in seen:
        for mark in endpoint.marks:
            marked[mark.identity.uid] += (
                [endpoint.id] if mark.identity == Identity(cluster_id, mark.identity.uid) else []
            )
    for each in shown:
        ids = marked.get(each.uid, [])
        if len(ids) > 1:
            text = f"{each.key} has {count(len(ids), 'endpoint')} with its mark: {', '.join(ids)}."
            yield problem("duplicate", text, f"kubectl tokenfactory why {each.key.name} -n {each.key.namespace}")
