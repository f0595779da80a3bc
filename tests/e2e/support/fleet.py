"""Objects by the dozen in a namespace of their own, and what the simulated cloud has recorded about them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cluster.support.eventually import eventually
from cluster.support.views import View
from e2e.support.kubectl import JsonObject, items, kubectl
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_simulator.client import AdminClient
from unit.api.invalid_specs import valid_spec

KIND = f"{api.PLURAL}.{api.GROUP}"
_LONG = 300.0
"""Seconds for a whole fleet, on a machine that has other things to do."""
_MARK = re.compile(r"(\S+/\S+) uid=([0-9a-f-]+)")


@dataclass(frozen=True)
class Fleet:
    """The objects of one scenario."""

    cloud: AdminClient
    namespace: str

    def apply(self, count: int, *, first: int = 0, **spec: object) -> None:
        """Apply so many objects by one command."""
        body = valid_spec() | spec
        documents = [
            {
                "apiVersion": api.API_VERSION,
                "kind": api.KIND,
                "metadata": {"name": f"model-{number}"},
                "spec": body,
            }
            for number in range(first, first + count)
        ]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        kubectl("apply", "-n", self.namespace, "-f", "-", text=text, timeout=_LONG)

    def views(self) -> list[View]:
        """The objects as they are now."""
        return [View(item) for item in items(KIND, "-n", self.namespace)]

    def until_ready(self, count: int) -> list[View]:
        """So many objects, and all are `Ready` at their generation."""

        def check() -> list[View]:
            views = self.views()
            assert len(views) == count
            waiting = [view for view in views if not view.ready]
            assert not waiting, f"{len(waiting)} are not ready; {waiting[0].summary()}"
            return views

        return eventually(check, within=_LONG)

    def patch(self, views: Sequence[View], **spec: object) -> None:
        """A merge patch of each spec."""
        for view in views:
            name = view.body["metadata"]["name"]
            kubectl("patch", KIND, name, "-n", self.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))

    def delete(self) -> None:
        """Delete all, and wait until they are gone."""
        kubectl("delete", KIND, "--all", "-n", self.namespace, f"--timeout={_LONG:.0f}s", timeout=_LONG + 30)

    def endpoints(self, *, alive_only: bool = True) -> list[JsonObject]:
        """Those of the cloud with a mark of one of the objects, or of an object that was one."""
        found = self.cloud.endpoints(alive_only=alive_only)
        return [item for item in found if f" {self.namespace}/" in (item["description"] or "")]

    def until_created(self, count: int) -> None:
        """At least so many endpoints have been made."""
        eventually(lambda: len(self.endpoints(alive_only=False)) >= count, within=_LONG, what=f"{count} endpoints")


@dataclass(frozen=True)
class Record:
    """What a cloud has seen from its start on."""

    made: int
    """Endpoints."""
    duplicates: int
    """Endpoints beyond the first of one object."""
    left: int
    """Endpoints that are alive."""
    writes: int
    """Calls that were to change something: POST, PATCH and DELETE."""


def record_of(cloud: AdminClient) -> Record:
    """Counted now; an endpoint without a mark counts as a duplicate, since nobody would find it."""
    endpoints = cloud.endpoints(alive_only=False)
    owners = Counter(found.group() if (found := _MARK.search(item["description"] or "")) else "" for item in endpoints)
    unmarked = owners.pop("", 0)
    return Record(
        made=len(endpoints),
        duplicates=unmarked + sum(count - 1 for count in owners.values()),
        left=sum(item["alive"] for item in endpoints),
        writes=sum(call["method"] in ("POST", "PATCH", "DELETE") for call in cloud.calls()),
    )
