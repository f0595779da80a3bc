"""Whether cluster and cloud say the same: the operator's promises, held against the simulator's record of every call.

Pure: it judges what `story` has gathered, and asks nobody.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.objects import Shown
from demo.operator_process import Samples

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that has to be so.

    Attributes:
        what: the claim.
        seen: what was seen, for people.
        holds: whether it is so.
    """

    what: str
    seen: str
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Steady:
    """A stretch of time in which nobody changed anything.

    Attributes:
        calls: what reached the cloud in it.
        interval: seconds that the operator was told to leave between two LISTs.
        before, after: the objects' resourceVersions by name, at its ends.
    """

    calls: Sequence[Json]
    interval: float
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Books:
    """Both sides at one moment.

    Attributes:
        objects: the cluster's.
        endpoints: all that the cloud has or had, in the vendor's form and more.
        calls: every call that the cloud got.
        names: all objects that ever were, by uid.
        changed: the endpoint of the object that was changed.
        deleted: the endpoint of the object that was deleted.
        gone_at: how many calls the cloud had got when that object was seen to be gone.
        metrics: what the operator counts.
        rights: what the operator's account may do, of what it must not.
        release: helm's word for the release.
        ready: whether the operator's readiness probe passes.
    """

    objects: Sequence[Shown]
    endpoints: Sequence[Json]
    calls: Sequence[Json]
    names: Mapping[str, str]
    changed: str
    deleted: str
    gone_at: int
    metrics: Samples
    rights: Sequence[str]
    release: str
    ready: bool


def checks(books: Books, steady: Steady) -> tuple[Check, ...]:
    """Every claim, in the order to be told."""
    return (
        *_inventory(books),
        *_calls(books),
        *_telemetry(books),
        *_steady(steady),
        Check(what="helm shows the release as deployed", seen=books.release, holds=books.release == "deployed"),
        Check(
            what="the operator's account may not read Secrets, make Pods or delete its objects",
            seen=f"it may: {', '.join(books.rights) or 'none of these'}",
            holds=not books.rights,
        ),
    )


def _inventory(books: Books) -> Iterator[Check]:
    alive = {endpoint["id"]: endpoint for endpoint in books.endpoints if endpoint["alive"]}
    named = {str(shown.status.get("endpointId")): shown for shown in books.objects}
    yield Check(
        what="the cloud has the endpoints that the objects name, and no other",
        seen=f"{len(alive)} endpoints, {len(named)} objects",
        holds=alive.keys() == named.keys() and len(named) == len(books.objects),
    )
    wrong = [
        f"{named[endpoint_id].name}: {difference}"
        for endpoint_id in alive.keys() & named.keys()
        for difference in differences(named[endpoint_id], alive[endpoint_id])
    ]
    yield Check(what="each endpoint is what its object says", seen="; ".join(wrong) or "no difference", holds=not wrong)


def differences(shown: Shown, endpoint: Json) -> Iterator[str]:
    """What of the spec the endpoint does not have."""
    spec = shown.spec
    wanted = {
        "model_name": spec["model"],
        "flavor_name": spec["flavor"],
        "region": spec["region"],
        "gpu_type": spec["gpu"]["type"],
        "gpu_count": spec["gpu"]["count"],
        "scaling": {f"{end}_replicas": spec["scaling"][f"{end}Replicas"] for end in ("min", "max")},
        "enabled": spec.get("enabled", True),
    }
    for field, value in wanted.items():
        if endpoint[field] != value:
            yield f"{field} is {endpoint[field]} in place of {value}"
    if f"uid={shown.uid} " not in endpoint["description"]:
        yield "it does not carry the object's owner mark"


def _calls(books: Books) -> Iterator[Check]:
    by = {name: [call for call in books.calls if call["operation"] == name] for name in _OPERATIONS}
    posts = {name: sum(_of(call, uid) for call in by["create"]) for uid, name in books.names.items()}
    yield Check(
        what="exactly one POST for each object that ever was",
        seen=", ".join(f"{name}: {count}" for name, count in posts.items()),
        holds=set(posts.values()) == {1} and len(by["create"]) == len(posts),
    )
    changes = [(call["endpoint_id"], sorted(call["body"])) for call in by["update"]]
    yield Check(
        what="one PATCH for the change, with the changed field alone",
        seen="; ".join(f"{of}: {', '.join(fields)}" for of, fields in changes),
        holds=changes == [(books.changed, ["scaling"])],
    )
    yield _deletion(books, by["delete"], by["list"])
    yield Check(what="no endpoint was asked for by id", seen=f"{len(by['get'])} calls", holds=not by["get"])


_OPERATIONS = ("create", "update", "delete", "get", "list")


def _of(call: Json, uid: str) -> bool:
    return f"uid={uid} " in (call["body"] or {}).get("description", "")


def _deletion(books: Books, deletes: Sequence[Json], lists: Sequence[Json]) -> Check:
    what = "one DELETE, and the object went only after a LIST without its endpoint"
    if [call["endpoint_id"] for call in deletes] != [books.deleted] or deletes[0]["ended_monotonic"] is None:
        return Check(what=what, seen=f"{len(deletes)} DELETE(s)", holds=False)
    seen_after = [
        call
        for call in lists
        if call["started_monotonic"] > deletes[0]["ended_monotonic"] and call["sequence"] <= books.gone_at
    ]
    return Check(what=what, seen=f"{len(seen_after)} LIST(s) between the answer and its going", holds=bool(seen_after))


def _telemetry(books: Books) -> Iterator[Check]:
    yield Check(
        what="the operator's readiness probe passes", seen="it does" if books.ready else "it fails", holds=books.ready
    )
    for operation in ("create", "update", "delete"):
        counted = int(books.metrics.get(("tokenfactory_cloud_mutations_total", (operation,)), 0))
        made = sum(call["operation"] == operation and call["status"] in _SUCCESS for call in books.calls)
        yield Check(
            what=f"the metric of {operation}s agrees with the cloud",
            seen=f"{counted} counted, {made} made",
            holds=counted == made,
        )
    counted = int(books.metrics.get(("tokenfactory_cloud_lists_total", ("complete",)), 0))
    made = sum(call["operation"] == "list" and call["ended_wall"] is not None for call in books.calls)
    # One may have been answered and not yet counted, or counted since the record was read.
    yield Check(
        what="the metric of LISTs agrees with the cloud",
        seen=f"{counted} counted, {made} made",
        holds=abs(counted - made) <= 1,
    )
    requests = sum(
        int(value) for (name, _), value in books.metrics.items() if name == "tokenfactory_cloud_requests_total"
    )
    yield Check(
        what="the metric of requests agrees with the cloud",
        seen=f"{requests} counted, {len(books.calls)} made",
        holds=abs(requests - len(books.calls)) <= 1,
    )
    ready = int(books.metrics.get(("tokenfactory_objects", ("True",)), 0))
    yield Check(
        what="the metric of Ready objects agrees with kubectl",
        seen=f"{ready} counted, {sum(shown.ready for shown in books.objects)} shown",
        holds=ready == len(books.objects) == sum(shown.ready for shown in books.objects),
    )


_SUCCESS = (200, 201, 204)


def _steady(steady: Steady) -> Iterator[Check]:
    others = [f"{call['method']} {call['path']}" for call in steady.calls if call["operation"] != "list"]
    yield Check(
        what="at rest the cloud gets LISTs and nothing else",
        seen=", ".join(others) or f"{len(steady.calls)} LISTs",
        holds=not others and bool(steady.calls),
    )
    starts = [call["started_monotonic"] for call in steady.calls]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    # Their mean: a LIST that was late in reaching the cloud shortens the gap to the next.
    yield Check(
        what=f"at rest there is one LIST per interval of {steady.interval:g} s",
        seen=", ".join(f"{gap:.1f} s" for gap in gaps),
        holds=bool(gaps) and sum(gaps) >= len(gaps) * steady.interval / 2,
    )
    yield Check(
        what="at rest nothing is written to the objects",
        seen="resourceVersions unchanged" if steady.before == steady.after else f"{steady.before} → {steady.after}",
        holds=steady.before == steady.after,
    )
