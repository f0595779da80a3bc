"""The promises, checked while a run goes on: never two, no lie, no stranger touched, nothing done without the lease.

What is true is known here from the world's own records, never from the operator's. The comparison of spec and endpoint
is written anew on purpose: the operator's own must not judge itself.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from model.apiserver import OURS, ApiServer, Body
from model.trace import Trace
from model.vendor import Endpoint, Vendor, owners
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.ports import Key

NOT_OBSERVED: Final = ("CloudUnavailable", "Unauthorized", "Forbidden", "CredentialsMissing")
"""Reasons with which nothing is judged: the cloud is not heard."""
SERVES: Final = ("ready", "partially_ready")
_MARKS: Final = re.compile(r"\s*\[k8s[^\]]*\]")


def condition(body: Body, kind: str) -> Mapping[str, Any]:
    """One condition of an object; empty where it has none."""
    found: Mapping[str, Any] = next((item for item in body["status"].get("conditions", ()) if item["type"] == kind), {})
    return found


def has_what_spec_says(spec: Mapping[str, Any], shown: ObservedEndpoint) -> bool:
    """Whether an endpoint is configured as the spec says; what the spec leaves out is the cloud's."""
    text = _MARKS.sub("", shown.description or "").strip()
    wanted: dict[str, tuple[object, object]] = {
        "displayName": (spec.get("displayName"), shown.name),
        "description": (spec.get("description"), text),
        "enabled": (spec.get("enabled"), shown.enabled),
        "customWeightsId": (spec.get("customWeightsId"), shown.custom_weights_id),
        "gpu": (spec["gpu"], {"type": shown.gpu_type, "count": shown.gpu_count}),
        "scaling": (
            (spec["scaling"].get("minReplicas", 1), spec["scaling"]["maxReplicas"]),
            (shown.min_replicas, shown.max_replicas),
        ),
    }
    return all(want is None or want == have for want, have in wanted.values())


def serves(spec: Mapping[str, Any], shown: ObservedEndpoint) -> bool:
    """Whether the endpoint does what the spec asks for: serves, or is stopped."""
    if spec.get("enabled") is False:
        return shown.status == "stopped"
    enough = (shown.ready_replicas or 0) >= spec["scaling"].get("minReplicas", 1)
    return shown.enabled is not False and shown.readiness in SERVES and enough


@dataclass
class View:
    """How new what the operator has seen of the cloud is, by each credential: `""` stands for the operator's own."""

    listed: dict[tuple[str, str], float] = field(default_factory=dict)
    """Token and project → when the last LIST was sent that a process has got the answer of."""
    shown: dict[tuple[str, str], float] = field(default_factory=dict)
    """Token and endpoint id → when the last LIST was sent whose answer shows it."""

    def answered(self, sent: float, token: str, project: str, ids: Iterable[str]) -> None:
        """A LIST of the project that was sent then has shown these."""
        self.listed[token, project] = sent
        for each in ids:
            self.shown[token, each] = sent

    def copy(self) -> View:
        """As it is now: what is seen later does not change it."""
        return View(dict(self.listed), dict(self.shown))

    def last(self, tokens: Iterable[str], project: str, since: float) -> float:
        """When the last LIST of the project was sent with that of the tokens which the operator may go by.

        That is any which it still lists with. One that has listed nothing since then counts only if there is no other.
        """
        times = [self.listed[token, project] for token in tokens if (token, project) in self.listed]
        return min([each for each in times if each >= since], default=max(times, default=0.0))

    def last_shown(self, tokens: Iterable[str], endpoint_id: str, since: float) -> float | None:
        """The same for the last LIST that shows the endpoint; `None` if none has."""
        times = [self.shown[token, endpoint_id] for token in tokens if (token, endpoint_id) in self.shown]
        return min([each for each in times if each >= since], default=max(times, default=None))


class Checks:
    """Watches what is done; tells the trace of each broken promise."""

    def __init__(self, trace: Trace, kube: ApiServer, secrets: ApiServer, vendor: Vendor) -> None:
        self._trace = trace
        self._kube = kube
        self._vendor = vendor
        self.stale = 0.0
        """Seconds that a LIST may be old in this run."""
        self.view_age = 0.0
        """Seconds that the operator's view of the cloud may be old before it judges nothing by it."""
        self.calls: Counter[str] = Counter()
        self.unknown_posts: Counter[str] = Counter()
        """POSTs without a clear answer, by uid."""
        self.late_duplicates = 0
        self.mutated = 0.0
        """When a mutation was last sent."""
        self.view = View()
        """By what the next decision is made."""
        self.policy = Policy()
        self.names: defaultdict[str, set[str]] = defaultdict(set)
        """Endpoint id → uids of the objects whose spec has ever named it."""
        self.born_naming: set[str] = set()
        """Uids of objects that have named an endpoint from their beginning: nothing may be created for them."""
        self._not_retained: set[str] = set()
        """Uids of objects that have ever said another `deletionPolicy` than Retain, or none."""
        self._may_delete: set[str] = set()
        """Uids of objects that have ever said `deletionPolicy: Delete`."""
        self.deleted: set[str] = set()
        """Endpoints for which a DELETE was sent."""
        self._held: defaultdict[Key, set[str]] = defaultdict(set)
        """Secret → every token that it has held: a process may not have seen the newest yet."""
        self._named: defaultdict[str, set[Key | None]] = defaultdict(set)
        """Uid → every Secret that its object has ever named, and `None` for the operator's own credential."""
        self.given_up = False
        """The write that is carried out has no answer any more: it came later than its sender waits."""
        self.written_by: tuple[float, View] | None = None
        """When the status that is being written was sent, and by what it was decided: more may have been seen since."""
        kube.on_status(self.status_written)
        kube.listen(self._noted)
        kube.listen(lambda _kind, body: self._names(body))
        secrets.listen(lambda _kind, body: self._holds(body))
        vendor.on_create = self.created
        vendor.on_take = self.taken

    def _noted(self, kind: str, body: Body) -> None:
        """Users have written a spec."""
        uid, spec = body["metadata"]["uid"], body["spec"]
        if spec.get("deletionPolicy") != "Retain":
            self._not_retained.add(uid)
        if spec.get("deletionPolicy") == "Delete":
            self._may_delete.add(uid)
        if spec.get("endpointId"):
            self.names[spec["endpointId"]].add(uid)
            if kind == "ADDED":
                self.born_naming.add(uid)

    def called(self, kind: str) -> None:
        """A call to the cloud is sent."""
        self.calls[kind] += 1
        if kind in ("POST", "PATCH", "DELETE"):
            self.mutated = self._trace.time()

    def post_unknown(self, description: str) -> None:
        """A POST ended without a clear answer."""
        self.unknown_posts.update(owners(description))

    def acted_without_lease(self, name: str, what: str) -> None:
        """A process that does not lead has sent a mutation."""
        self._trace.violated(f"{name} does not lead and sends {what}")

    # Nobody else's credential

    def _names(self, body: Body) -> None:
        """An object has this credential now. A process may see that late, and what the Secret holds by then too."""
        given = body["spec"].get("credentials")
        secret = Key(body["metadata"]["namespace"], given["secretRef"]["name"]) if given else None
        self._named[body["metadata"]["uid"]].add(secret)

    def tokens(self, uid: str) -> set[str]:
        """All that may be used for the object; `""` is the operator's own."""
        return {token for each in self._named[uid] for token in ({""} if each is None else self._held[each])}

    def _holds(self, secret: Body) -> None:
        metadata = secret["metadata"]
        self._held[Key(metadata["namespace"], metadata["name"])].update(secret["spec"].values())

    def concerned(self, endpoint_id: str) -> set[str]:
        """Uids of the objects that may have a reason to change this endpoint."""
        endpoint = self._vendor.endpoints.get(endpoint_id)
        marked = {endpoint.owner, endpoint.copy_of, *endpoint.former} if endpoint is not None else set()
        return marked | self.names[endpoint_id]

    def called_with(self, name: str, token: str, uids: set[str]) -> None:
        """A mutation for these objects is sent with this token, `""` for the operator's own."""
        if not any(token in self.tokens(uid) for uid in uids):
            self._trace.violated(f"CREDENTIAL: {name} acts for {sorted(uids)} with {token or 'its own'}, never theirs")

    # Never two

    def created(self, endpoint: Endpoint) -> None:
        """A POST took effect."""
        if endpoint.owner in self.born_naming:
            self._trace.violated(f"CREATED: {endpoint.id} for {endpoint.owner}, whose spec names another")
        others = [other for other in self._vendor.of(endpoint.owner) if other is not endpoint]
        if not others:
            return
        if endpoint.late or any(other.late for other in others):
            self.late_duplicates += 1
            self._trace.say("world", f"{endpoint.id} is a duplicate, by an effect later than the settle time")
            return
        self._trace.violated(f"TWO: {endpoint.id} beside {', '.join(other.id for other in others)} of {endpoint.owner}")

    # No stranger touched

    def touched(self, name: str, what: str, endpoint_id: str, shown: str) -> None:
        """PATCH or DELETE is sent; `shown` is the description as this process was last shown it."""
        endpoint = self._vendor.endpoints.get(endpoint_id)
        if endpoint is None:
            self._trace.violated(f"{name} sends {what} for {endpoint_id}, which never was")
        elif not (endpoint.owner or endpoint.copy_of):
            asked = self.names[endpoint_id] if what == "PATCH" else self.names[endpoint_id] & self._may_delete
            if not (asked and self.policy.may_adopt):
                self._trace.violated(f"{name} sends {what} for {endpoint_id}, which no object of ours had made")
        elif what == "DELETE" and self._kept_when_adopted(endpoint):
            self._trace.violated(f"{name} deletes {endpoint_id}, which was adopted, and nobody said so")
        elif what == "DELETE" and self._serves_alone(endpoint):
            self._trace.violated(f"{name} deletes {endpoint_id}, which serves, beside one that does not")
        elif what == "DELETE" and self._retained(endpoint):
            self._trace.violated(f"{name} deletes {endpoint_id}, whose object has always said Retain")
        elif owners(shown) - {endpoint.owner or endpoint.copy_of, *endpoint.former}:
            self._trace.violated(f"{name} sends {what} for {endpoint_id}, which it saw marked as another's: {shown}")

    def _living(self) -> set[str]:
        return {body["metadata"]["uid"] for body in self._kube.objects.values()}

    def _kept_when_adopted(self, endpoint: Endpoint) -> bool:
        """Whether it was taken over by an object that has never said Delete.

        One that is gone with an object that etcd has lost may be asked for by the object that had it then.
        """
        matters = endpoint.alive or endpoint.owner in self._living()
        return endpoint.adopted and matters and endpoint.owner not in self._may_delete

    def _serves_alone(self, endpoint: Endpoint) -> bool:
        """Whether it is one of several of an object that lives, and all that could be seen says that only it serves."""
        body = next((it for it in self._kube.objects.values() if it["metadata"]["uid"] == endpoint.owner), None)
        others = [other for other in self._vendor.of(endpoint.owner) if other is not endpoint]
        again = endpoint.id in self.deleted
        self.deleted.add(endpoint.id)
        if again or not endpoint.alive or not others or body is None or body["metadata"].get("deletionTimestamp"):
            return False
        elsewhere = any(shown.readiness in SERVES for other in others for shown in self.shown(other))
        return not elsewhere and all(shown.readiness in SERVES for shown in self.shown(endpoint))

    def _retained(self, endpoint: Endpoint) -> bool:
        """Whether it is the only endpoint of an object that lives and has never said anything but Retain."""
        alone = endpoint.alive and self._vendor.of(endpoint.owner) == [endpoint]
        return alone and endpoint.owner in self._living() - self._not_retained

    # No stranger's ConfigMap, and nothing that never was so

    def map_written(self, before: Body | None, after: Body) -> None:
        """The operator makes a ConfigMap, or changes one."""
        metadata, data = (before or after)["metadata"], after["spec"]
        owners_of = {each["uid"] for each in metadata.get("ownerReferences", ()) if each.get("controller")}
        if not owners_of:
            self._trace.violated(f"MAP: the operator writes {metadata['name']}, which is nobody's of ours")
        endpoint = self._vendor.endpoints.get(data.get("DEDICATED_ENDPOINT_ID", ""))
        if endpoint is None or endpoint.now.routing_key != data.get("OPENAI_MODEL"):
            self._trace.violated(f"MAP: {metadata['name']} says {data}, which never was so")

    def finalizers_written(self, before: Body, after: Body) -> None:
        """The operator asks for another list of finalizers: those of others are theirs."""
        theirs = [set(body["metadata"].get("finalizers") or ()) - OURS for body in (before, after)]
        if theirs[0] != theirs[1]:
            self._trace.violated(f"FINALIZERS: of others {theirs[0]} become {theirs[1]}")
        if before["spec"] != after["spec"] or before.get("status") != after.get("status"):
            self._trace.violated("a write of finalizers changes more than these")

    def taken(self, endpoint: Endpoint, uid: str) -> None:
        """An endpoint gets the mark of an object that it was not made for."""
        before = endpoint.owner or endpoint.copy_of
        body = next((body for body in self._kube.objects.values() if body["metadata"]["uid"] == uid), None)
        body = body or self._kube.gone[uid]
        place = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        ours = any(place in (shown.description or "") for shown in self.shown(endpoint)) or uid in endpoint.former
        asked = uid in self.names[endpoint.id] and (self.policy.may_adopt or ours)
        if not (asked or (ours and (self.policy.adopt_recreated or uid in endpoint.former))):
            self._trace.violated(f"TAKEN: {endpoint.id} of {before or 'nobody'} by {uid}, which must not adopt it")
        held = bool(endpoint.owner) or before in owners(endpoint.now.description)  # a copy without a mark is nobody's
        if held and before in self._living() and not endpoint.released:
            self._trace.violated(f"TAKEN: {endpoint.id} by {uid}, though {before} has it")

    def shown(self, endpoint: Endpoint) -> list[ObservedEndpoint]:
        """The states of it that the last LIST may have shown."""
        return endpoint.between(self._known_since(endpoint, endpoint.owner) - self.stale, self._trace.time())

    def _known_since(self, endpoint: Endpoint, uid: str) -> float:
        """Since when the operator has to know of the endpoint's states, for the object of that uid."""
        decided, view = self.written_by or (self._trace.time(), self.view)
        since, tokens = decided - self.view_age, self.tokens(uid)
        shown = view.last_shown(tokens, endpoint.id, since)
        return max(shown if shown is not None else view.last(tokens, endpoint.project, since), since)

    # No lie

    def status_written(self, before: Body, after: Body) -> None:
        """The operator wrote a status."""
        ready = condition(after, "Ready")
        uid, generation = after["metadata"]["uid"], after["metadata"]["generation"]
        if after["status"].get("uid") not in (None, uid):
            self._trace.violated(f"the status of {uid} names another uid: {after['status']['uid']}")
        if ready.get("status") != "True" or ready.get("observedGeneration") != generation or self.given_up:
            return
        not_observed = condition(after, "Synced").get("reason") in NOT_OBSERVED
        if ready == condition(before, "Ready") and (not_observed or after["metadata"].get("deletionTimestamp")):
            return  # said before the deletion or the outage; `Ready` is judged anew with the next verdict
        if all(before["status"].get(name) == after["status"].get(name) for name in ("conditions", "endpointId")):
            return  # nothing is said: the scope alone is written, before the endpoint is judged
        stopped = after["spec"].get("enabled") is False and not after["status"].get("endpointId")
        if (after["status"].get("createAttempt") or {}).get("state") == "Pending" and not stopped:
            self._trace.violated(f"LIE: {uid} is Ready while an attempt is open")
        elif not self._was_true(after):
            self._trace.violated(f"LIE: {uid} is Ready at generation {generation}, {after['status'].get('endpointId')}")

    def _was_true(self, body: Body) -> bool:
        """Whether the cloud had what the spec says, since its last mutation, and as the last LIST could show it."""
        metadata, spec = body["metadata"], body["spec"]
        start = self._kube.spec_since[metadata["uid"], metadata["generation"]]
        endpoint = self._vendor.endpoints.get(body["status"].get("endpointId", ""))
        if endpoint is None:
            unseen = self._trace.time() - self.view_age
            known = (it for it in self._vendor.of(metadata["uid"]) if not it.late)
            return spec.get("enabled") is False and all(it.created > unseen for it in known)
        decided, view = self.written_by or (self._trace.time(), self.view)
        last = view.last(self.tokens(metadata["uid"]), endpoint.project, decided - self.view_age)
        start = max(min(start, last, self._known_since(endpoint, metadata["uid"])), endpoint.mutated) - self.stale
        states = endpoint.between(start, self._trace.time())
        return any(has_what_spec_says(spec, shown) and serves(spec, shown) for shown in states)
