"""The promises, checked once the world has been left alone: exactly one, nothing left, at rest, or a true reason.

What is not in order must say why, in the reason that fits what the run did to it; what a person can put right is put
right then, and after that everything has to be in order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from model.apiserver import Body
from model.checks import condition, has_what_spec_says, serves
from model.fates import BAD_GPU
from model.vendor import Endpoint, owners
from model.world import World
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.observe.poller import TRANSITION
from tokenfactory_operator.ports import Key

HOUR: Final = 3600.0
PASSES: Final = 75
"""How often an object in order may be looked at in an hour: one whose ConfigMap is somebody else's is, each minute."""
MAY_DOUBLE: Final = (
    "OwnershipConflict",
    "ReconcilePaused",
    "Observing",
    "CredentialsMismatch",
    "InventoryUntrusted",
)
"""Reasons for which an object keeps a late duplicate: nothing is deleted before a person has acted."""


@dataclass
class Deeds:
    """What users and the console did, by uid: it explains what the operator may say."""

    console_edits: Counter[str] = field(default_factory=Counter)
    console_deletes: int = 0
    let_go: set[str] = field(default_factory=set)
    """Finalizer stripped, or released by force: an endpoint may be left."""
    copied: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    """Its mark was removed before any LIST had shown it: a PATCH without an answer had put it there."""
    foreign: set[str] = field(default_factory=set)
    tokens: int = 0
    """How often the operator got another token."""
    restores: int = 0
    """How often etcd went back to a backup."""


class Verdict:
    """Compares cluster and cloud."""

    def __init__(self, world: World, deeds: Deeds) -> None:
        self._world = world
        self._deeds = deeds
        world.kube.on_release = self.released

    def at_rest(self) -> None:
        """An hour in a quiet world: LISTs, and nothing else.

        Where LISTs are cut off and there is no GET by id, only a PATCH again and again shows what is there.
        """
        if self._world.vendor.cap and not self._world.vendor.get_by_id:
            return
        checks = self._world.checks
        stores = (self._world.kube, self._world.secrets, self._world.config_maps)
        self._world.run_for(max(0.0, checks.mutated + TRANSITION + 60.0 - self._world.loop.time()))
        calls, writes = Counter(checks.calls), sum(each.operator_writes for each in stores)
        passes = self._passes()
        self._world.run_for(HOUR)
        made = {kind: checks.calls[kind] - calls[kind] for kind in ("POST", "PATCH", "DELETE")}
        if any(made.values()):
            self._broken(f"NO REST: in an hour of quiet {made}")
        lists = checks.calls["LIST"] - calls["LIST"]
        most = HOUR / self._world.around.timing.poll_interval * 1.15 * (1 + len(self._world.around.grants))
        if not 0 < lists <= most:
            self._broken(f"NO REST: {lists} LISTs in an hour")
        wrote = sum(each.operator_writes for each in stores) - writes
        if wrote:
            self._broken(f"NO REST: {wrote} writes to Kubernetes in an hour of quiet")
        # What is not in order is looked at after each LIST.
        passes, each = self._passes() - passes, PASSES if self.in_order() else lists + PASSES
        if passes > each * max(1, len(self._world.kube.objects)):
            self._broken(f"NO REST: {passes} passes in an hour of quiet, with {lists} LISTs")

    def _passes(self) -> int:
        """How often the leader's objects have come up for a pass."""
        leader = self._world.leader

        async def added() -> int:
            return leader.core.accounts.stats().adds_total if leader is not None else 0

        return self._world.loop.run_until_complete(added())

    def released(self, body: Body) -> None:
        """The operator lets an object go: its endpoints have to be gone by then, not only asked to go."""
        for endpoint in self._world.vendor.of(body["metadata"]["uid"]):
            if not self._may_be_left(endpoint) and not self._world.around.hides:
                self._broken(f"LET GO: {body['metadata']['uid']} while {endpoint.id} exists")

    def nothing_left(self) -> None:
        """Endpoints of objects that are gone: only those that were let go."""
        living = {body["metadata"]["uid"] for body in self._world.kube.objects.values()}
        for endpoint in self._world.vendor.alive:
            if endpoint.owner and endpoint.owner not in living and not self._may_be_left(endpoint):
                self._broken(f"LEFT: {endpoint.id} of {endpoint.owner}, which is gone")

    def _last_of(self, uid: str) -> Body:
        """The object as it is, or last was."""
        kube = self._world.kube
        return kube.gone.get(uid) or next(each for each in kube.objects.values() if each["metadata"]["uid"] == uid)

    def _may_be_left(self, endpoint: Endpoint) -> bool:
        uid, last = endpoint.owner, self._last_of(endpoint.owner)
        return (
            endpoint.late
            or uid in self._deeds.let_go
            or last["spec"].get("deletionPolicy") == "Retain"
            or ((endpoint.adopted or last["spec"].get("endpointId")) and last["spec"].get("deletionPolicy") != "Delete")
            or last["spec"].get("managementPolicy") == "Observe"
            or "k8s-released" in (endpoint.now.description or "")
            or uid in self._deeds.foreign
            or uid in self._deeds.copied
        )

    def exactly_one(self, *, strict: bool) -> None:
        """Each object has what it wants, or says truly why not; `strict`: it has it."""
        for body in self._world.kube.objects.values():
            problem = self.problem(body)
            if problem and (strict or not self._explained(body)):
                synced, stalled = condition(body, "Synced"), condition(body, "Stalled")
                said = f"Synced={synced.get('status')} {synced.get('reason')} stalled={stalled.get('status', 'False')}"
                self._broken(f"NOT IN ORDER: {body['metadata']['uid']}: {problem}; {said}: {synced.get('message')}")

    def in_order(self) -> bool:
        """Whether every object has everything."""
        return not any(self.problem(body) for body in self._world.kube.objects.values())

    def all_let_go(self) -> bool:
        """Whether the operator holds no object any more; another controller still may."""
        return not any(
            api.FINALIZER in body["metadata"].get("finalizers", ()) for body in self._world.kube.objects.values()
        )

    def problem(self, body: Body) -> str:
        """What an object has not that it wants; empty where it has everything."""
        metadata, spec = body["metadata"], body["spec"]
        uid = metadata["uid"]
        mine = self._world.vendor.of(uid)
        if len(mine) > 1:
            return f"has {len(mine)} endpoints: {', '.join(item.id for item in mine)}"
        if metadata.get("deletionTimestamp"):
            return "is still terminating"
        ready = condition(body, "Ready")
        if ready.get("status") != "True" or ready.get("observedGeneration") != metadata["generation"]:
            return f"Ready={ready.get('status')} {ready.get('reason')} at generation {ready.get('observedGeneration')}"
        looked_at = self._world.vendor.find(spec.get("endpointId") or "")
        if not mine and looked_at is not None and spec.get("managementPolicy") == "Observe":
            return self._difference(body, looked_at)  # whoever's it is
        if not mine:
            return "" if spec.get("enabled") is False else "has no endpoint"
        return self._difference(body, mine[0])

    def maps(self) -> None:
        """Each ConfigMap that a status names says how to call the endpoint; a status without one says why."""
        for key, body in self._world.kube.objects.items():
            if "connection" not in body["spec"] or not body["status"].get("endpointId"):
                continue
            said = body["status"].get("connection") or {}
            there = self._world.config_maps.objects.get(Key(key.namespace, f"{key.name}-connection"))
            data = there["spec"] if there is not None else {}
            right = data.get("DEDICATED_ENDPOINT_ID") == body["status"]["endpointId"]
            if said.get("reason") == "Conflict":
                if there is None or there["metadata"].get("ownerReferences"):
                    self._broken(f"MAP: {key} says that {said}, and there is {data}")
            elif not said.get("configMapName") or not right:
                self._broken(f"MAP: {key} says {said}, and there is {data}")

    @staticmethod
    def _difference(body: Body, endpoint: Endpoint) -> str:
        spec, shown = body["spec"], endpoint.now
        if body["status"].get("endpointId") != endpoint.id:
            return f"names {body['status'].get('endpointId')}, has {endpoint.id}"
        if not (has_what_spec_says(spec, shown) and serves(spec, shown)):
            return f"{shown.id} is not as the spec says"
        marked = owners(shown.description) == {body["metadata"]["uid"]} or spec.get("managementPolicy") == "Observe"
        return "" if marked else f"{shown.id} does not carry its mark"

    def _explained(self, body: Body) -> bool:
        """Whether the reason that the object gives is one that this run gave cause for."""
        metadata, spec, deeds = body["metadata"], body["spec"], self._deeds
        uid = metadata["uid"]
        if uid in deeds.copied:
            return True  # a copy carries the mark, so it may be taken for the endpoint when that is deleted
        reason = condition(body, "Synced").get("reason")
        vanished = deeds.console_deletes + deeds.restores > 0
        naming = bool(spec.get("endpointId")) or (body["status"].get("createAttempt") or {}).get("id") == "adopted"
        causes: dict[str, bool] = {
            "ReconcilePaused": metadata["annotations"].get("tokenfactory.nebius.com/paused") == "true",
            "OwnershipConflict": uid in deeds.copied | deeds.foreign | deeds.unseen
            or naming
            or self._has_predecessor(body)
            or self._lost_its_mark(body)
            or self._marked_by_another(body["status"].get("endpointId") or "", uid),
            "CreateOutcomeUnknown": bool(self._world.vendor.cap)
            or self._world.checks.unknown_posts[uid] + len(self._world.processes) > 1,
            "InventoryUntrusted": vanished or self._world.around.hides or bool(self._world.vendor.cap),
            "CredentialsMismatch": deeds.tokens > 0,
            "CredentialsMissing": deeds.tokens > 0 and bool(spec.get("credentials")),
            "NotAccepted": deeds.console_edits[uid] > 1,
            "InvalidSpec": naming,
            "RefusedByCloud": spec["gpu"]["type"] == BAD_GPU,
            "Forbidden": (naming and not self._world.checks.policy.may_adopt)
            or (deeds.tokens > 0 and bool((spec.get("credentials") or {}).get("projectId"))),
            "Observing": spec.get("managementPolicy") == "Observe",
            "EndpointNotFound": naming,
            "EndpointLost": bool(self._world.vendor.cap)
            or (
                (vanished or naming or self._is_anothers(body["status"].get("endpointId") or "", uid))
                and (naming or spec.get("enabled") is False or spec.get("managementPolicy") == "Observe")
            ),
        }
        if len(self._world.vendor.of(uid)) > 1 and reason not in MAY_DOUBLE:
            return False
        if reason == "ReconcileSuccess" and spec.get("enabled") is None:
            return all(endpoint.now.enabled is False for endpoint in self._world.vendor.of(uid))  # the cloud's to say
        return causes.get(str(reason), False)

    def _is_anothers(self, endpoint_id: str, uid: str) -> bool:
        """Whether a stale LIST after a restart may have offered a predecessor's endpoint that was deleted."""
        endpoint = self._world.vendor.endpoints.get(endpoint_id)
        return endpoint is not None and endpoint.owner != uid

    def _lost_its_mark(self, body: Body) -> bool:
        """Whether only the status says whose the endpoint is: its mark was removed, perhaps before this process."""
        endpoint = self._world.vendor.find(body["status"].get("endpointId") or "")
        return endpoint is not None and not owners(endpoint.now.description) and len(self._world.processes) > 1

    def _marked_by_another(self, endpoint_id: str, uid: str) -> bool:
        """Whether the endpoint that it began to take over, an earlier object's, was marked as another's meanwhile."""
        endpoint = self._world.vendor.find(endpoint_id)
        return endpoint is not None and bool(owners(endpoint.now.description) - {uid})

    def _has_predecessor(self, body: Body) -> bool:
        place = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        return any(
            place in (endpoint.now.description or "") and endpoint.owner != body["metadata"]["uid"]
            for endpoint in self._world.vendor.alive
        )

    def _broken(self, promise: str) -> None:
        self._world.trace.violated(promise)
