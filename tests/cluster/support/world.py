"""One operator, one simulated cloud and one namespace: everything a lifecycle needs, and the questions asked of it.

What an object cost and what became of it is read from the simulator's record and the API server's audit log, never
from the operator's own word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.support.eventually import DEADLINE, eventually
from cluster.support.kube import KubeApi
from cluster.support.lists import after_lists, lists
from cluster.support.operator_process import OperatorProcess
from cluster.support.views import View
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_simulator.client import AdminClient
from unit.api.invalid_specs import valid_spec

JsonObject = dict[str, Any]

ABSENT = "no such object"


@dataclass(frozen=True)
class World:
    """Methods that take a name speak of the object of that name in the world's namespace."""

    cluster: Cluster
    kube: KubeApi
    cloud: AdminClient
    operator: OperatorProcess
    namespace: str
    account: str
    """User name of the operator's service account, as the audit log has it."""

    # The object

    def create(self, name: str, *, metadata: Mapping[str, object] | None = None, **spec: Any) -> View:  # noqa: ANN401  # JSON of any form
        """A new object with a valid spec, in which `spec` replaces top-level fields (`...` leaves one out)."""
        return View(self.kube.create(self.namespace, name, valid_spec(**spec), **(metadata or {})))

    def created(self, name: str, **spec: Any) -> View:  # noqa: ANN401  # JSON of any form
        """A new object, once it is Ready."""
        self.create(name, **spec)
        return self.until_ready(name)

    def find(self, name: str) -> View | None:
        """The object, if it is there."""
        body = self.kube.get(self.namespace, name)
        return View(body) if body is not None else None

    def get(self, name: str) -> View:
        """The object; it must be there."""
        found = self.find(name)
        assert found is not None, f"{name}: {ABSENT}"
        return found

    def edit(self, name: str, **spec: Any) -> View:  # noqa: ANN401  # JSON of any form
        """Merge into the spec, as a person does."""
        return View(self.kube.patch(self.namespace, name, {"spec": spec}))

    def annotate(self, name: str, annotation: str, value: str | None) -> View:
        """Set or (None) remove an annotation."""
        return View(self.kube.patch(self.namespace, name, {"metadata": {"annotations": {annotation: value}}}))

    def write_status(self, name: str, status: JsonObject | None) -> View:
        """What only the operator, or somebody with its right, does."""
        return View(self.kube.patch(self.namespace, name, {"status": status}, subresource="status"))

    def wipe_status(self, name: str) -> None:
        """Remove everything from the status, as `kubectl edit --subresource=status` can."""
        self.write_status(name, dict.fromkeys(self.get(name).status))

    def delete(self, name: str) -> None:
        """Begin the deletion."""
        self.kube.delete(self.namespace, name)

    # Waiting

    def until_ready(self, name: str) -> View:
        """Ready at its present generation."""

        def check() -> View | None:
            seen = self.get(name)
            assert seen.ready, seen.summary()
            return seen

        return eventually(check)

    def until_ready_with_another(self, name: str, endpoint_id: str) -> View:
        """Ready, with another endpoint than this one."""

        def check() -> View | None:
            seen = self.get(name)
            assert seen.ready, seen.summary()
            assert seen.endpoint_id != endpoint_id, seen.summary()
            return seen

        return eventually(check)

    def until_reported(self, name: str, kind: str, reason: str, *, status: str = "", within: float = DEADLINE) -> View:
        """A condition with this reason (and status), about the present generation where it has one."""

        def check() -> View | None:
            seen = self.get(name)
            said = seen.said(kind)
            assert said.reason == reason, seen.summary()
            assert status in ("", said.status), seen.summary()
            return seen

        return eventually(check, within=within)

    def until_stalled(self, name: str, reason: str) -> View:
        """A person has to act, for this reason."""
        return self.until_reported(name, "Stalled", reason, status="True")

    def until_shown(self, name: str, state: str, readiness: str) -> View:
        """The status has what the cloud shows."""

        def check() -> View | None:
            seen = self.get(name)
            assert (seen.status.get("state"), seen.status.get("readiness")) == (state, readiness), seen.summary()
            return seen

        return eventually(check)

    def until_echoed(self, name: str, value: str) -> View:
        """The request annotation's value stands in the status."""

        def check() -> View | None:
            seen = self.get(name)
            return seen if seen.status.get("lastHandledReconcileAt") == value else None

        return eventually(check, what=f"{value!r} in lastHandledReconcileAt")

    def until_gone(self, name: str, *, within: float = DEADLINE) -> None:
        """The object is no longer in the API server."""

        def check() -> bool:
            seen = self.find(name)
            assert seen is None, seen.summary()
            return True

        eventually(check, within=within)

    def until_event(self, name: str, reason: str) -> JsonObject:
        """The newest Event of this reason about the object."""
        return eventually(lambda: next(iter(self.events(name, reason)), None), what=f"event {reason} about {name}")

    def until_called(self, name: str, method: str, count: int = 1) -> list[JsonObject]:
        """So many calls about the object's endpoints have begun."""

        def check() -> list[JsonObject]:
            calls = self.calls(name, method)
            assert len(calls) >= count, f"{len(calls)} {method} calls, not {count}"
            return calls

        return eventually(check)

    def after_lists(self, count: int = 3) -> None:
        """So many LISTs have begun and been answered: the operator has seen the cloud, and acted if it wanted to."""
        after_lists(self.cloud, count)

    # The record

    def lists(self, since: int = 0) -> list[JsonObject]:
        """LISTs of the endpoints."""
        return lists(self.cloud, since)

    def now(self) -> int:
        """Sequence number of the last call so far."""
        number: int = self.cloud.summary()["calls"]
        return number

    def endpoints(self, name: str, *, alive_only: bool = True) -> list[JsonObject]:
        """Endpoints that carry the object's mark, or a released one."""
        return [item for item in self.cloud.endpoints(alive_only=alive_only) if self._names(item["description"], name)]

    def endpoint(self, name: str) -> JsonObject:
        """The one endpoint of the object; there must be exactly one."""
        found = self.endpoints(name)
        assert len(found) == 1, f"{len(found)} endpoints of {name}"
        return found[0]

    def calls(self, name: str, method: str, *, since: int = 0) -> list[JsonObject]:
        """Calls about the object: by the mark in the body (POST), else by endpoint."""
        ids = {item["id"] for item in self.endpoints(name, alive_only=False)}
        return [
            call
            for call in self.cloud.calls(since=since, method=method)
            if (call["endpoint_id"] in ids or self._names((call["body"] or {}).get("description"), name))
        ]

    def _names(self, description: str | None, name: str) -> bool:
        text = f" {self.namespace}/{name}"
        return any(text + end in (description or "") for end in (" uid=", "]"))

    def events(self, name: str, reason: str = "") -> list[JsonObject]:
        """Events about the object."""
        return [
            item
            for item in self.kube.events(self.namespace)
            if item["involvedObject"].get("name") == name and reason in ("", item["reason"])
        ]

    def writes(self, name: str = "") -> list[str]:
        """What the operator wrote to the object (or to any of the namespace): verb, subresource, answer's code.

        Up to what the objects are now: the log has a write a moment after a reader sees it. The last write to an object
        that is gone is not waited for.
        """
        objects = [item["metadata"] for item in self.kube.objects(self.namespace)]
        present = {item["resourceVersion"] for item in objects if name in ("", item["name"])}

        def logged() -> list[JsonObject]:
            events = self._logged_writes(name)
            lacking = present - {_version_written(event) for event in events}
            assert not lacking, f"the audit log lacks the versions {lacking}"
            return events

        return [
            " ".join(filter(None, (event["verb"], event["objectRef"].get("subresource", ""), str(code))))
            for event in (eventually(logged) if present else self._logged_writes(name))
            if event["user"]["username"] == self.account and (code := event["responseStatus"]["code"])
        ]

    def _logged_writes(self, name: str) -> list[JsonObject]:
        """Writes to the object (or to any of the namespace), whoever made them."""
        return [
            event
            for event in self.cluster.audit()
            if event["stage"] == "ResponseComplete"
            and event["verb"] in ("create", "update", "patch", "delete", "deletecollection")
            and event["objectRef"].get("resource") == api.PLURAL
            and event["objectRef"].get("namespace") == self.namespace
            and name in ("", event["objectRef"].get("name"))
        ]

    def faulty(self, name: str, method: str, *, effect: str, count: int | None = None, **parameters: object) -> int:
        """Script a fault that only this object meets: its POST, or the calls by its endpoint's id."""
        match: JsonObject = {"method": method}
        if method == "POST":
            match["body_regex"] = f" {self.namespace}/{name} uid="
        else:
            match["path_regex"] = f"/{self.endpoint(name)['id']}$"
        if count is not None:
            match["count"] = count
        return self.cloud.fault(match, effect=effect, **parameters)


def _version_written(event: JsonObject) -> str:
    """The resourceVersion that the object had after a write of the audit log; empty for a refused one."""
    version: str = event.get("responseObject", {}).get("metadata", {}).get("resourceVersion", "")
    return version
