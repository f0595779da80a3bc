"""The console and the vendor: what happens to endpoints without the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from model.apiserver import Body
from model.chance import Chance
from model.vendor import Endpoint, owners
from model.verdict import Deeds
from model.world import World
from tokenfactory_operator.domain.observed import ObservedEndpoint

FOREIGN: Final = "[k8s other-cluster n/m uid=9999 try=00000000]"


def console_made(name: str, *, region: str = "eu-north1") -> ObservedEndpoint:
    """An endpoint as somebody makes it by hand."""
    return ObservedEndpoint(
        id="",
        name=name,
        description="a stranger's",
        enabled=True,
        model_name="m/one",
        flavor_name="base",
        region=region,
        gpu_type="gpu-h100-sxm",
        gpu_count=1,
        custom_weights_id="",
        min_replicas=1,
        max_replicas=2,
    )


class Console:
    """Each of its acts happens to an endpoint that it picks."""

    def __init__(self, world: World, deeds: Deeds, chance: Chance) -> None:
        self._world = world
        self._deeds = deeds
        self._rng = chance.rng
        self.acts: Final[Mapping[str, Callable[[], None]]] = {
            "cloud.degraded": self._degraded,
            "console.edit": self._console_edit,
            "console.stop": self._console_stop,
            "console.delete": self._console_delete,
            "console.unmark": self._unmark,
            "console.copy": self._copy,
            "console.foreign": self._foreign,
            "console.make": self._make,
        }

    def _degraded(self) -> None:
        endpoint = self._some_endpoint()
        if endpoint is not None:
            shown = self._rng.choice(
                (("running", "partially_ready", 0), ("running", "not_ready", 0), ("error", "ready", 1))
            )
            self._world.trace.say("world", f"{endpoint.id} is {shown[0]}, {shown[1]}")
            self._world.vendor.degrade(endpoint, *shown, self._rng.uniform(5.0, 200.0))

    def _make(self) -> None:
        """Somebody makes an endpoint by hand."""
        region = self._rng.choice(("eu-north1", "eu-north1", "us-1"))
        made = self._world.vendor.add(console_made("by hand", region=region))
        self._world.trace.say("console", f"makes {made.id} in {made.now.region}")

    def _some_endpoint(self) -> Endpoint | None:
        alive = [endpoint for endpoint in self._world.vendor.alive if endpoint.owner]
        return self._rng.choice(alive) if alive else None

    def say(self, endpoint: Endpoint, what: str) -> None:
        """Note what somebody does there to an endpoint."""
        self._world.trace.say("console", f"{what} {endpoint.id}")
        self._deeds.console_edits[endpoint.owner] += 1

    def _console_edit(self) -> None:
        endpoint = self._some_endpoint()
        if endpoint is not None:
            change = self._rng.choice(({"min_replicas": 2}, {"max_replicas": 5}, {"name": "renamed"}, {"gpu_count": 2}))
            self.say(endpoint, f"sets {change} of")
            self._world.vendor.apply(endpoint, change)

    def _console_stop(self) -> None:
        endpoint = self._some_endpoint()
        if endpoint is not None:
            self.say(endpoint, "stops")
            self._world.vendor.change(
                endpoint, enabled=False, status="stopped", readiness="not_ready", ready_replicas=0
            )

    def _console_delete(self) -> None:
        endpoint = self._some_endpoint()
        if endpoint is not None:
            self.say(endpoint, "deletes")
            self._deeds.console_deletes += 1
            self._world.vendor.vanish(endpoint)

    def _named(self) -> Endpoint | None:
        """An endpoint that its object's status names, so that its mark is not all there is."""
        endpoint = self._some_endpoint()
        body = self.body_of(endpoint.owner) if endpoint is not None else None
        named = body is not None and endpoint is not None and body["status"].get("endpointId") == endpoint.id
        return endpoint if named else None

    def _unmark(self) -> None:
        endpoint = self._named()
        if endpoint is not None:
            self.say(endpoint, "removes the mark of")
            if any(endpoint.owner not in owners(shown.description) for shown in self._world.checks.shown(endpoint)):
                self._deeds.unseen.add(endpoint.owner)
            self._world.vendor.change(endpoint, description="edited by hand")

    def _foreign(self) -> None:
        endpoint = self._named()
        if endpoint is not None:
            self.say(endpoint, "marks as another's")
            self._deeds.foreign.add(endpoint.owner)
            text = self._rng.choice((FOREIGN, f"{endpoint.now.description} {FOREIGN}"))
            self._world.vendor.change(endpoint, description=text)

    def _copy(self) -> None:
        endpoint = self._some_endpoint()
        if endpoint is not None:
            self.say(endpoint, "copies")
            self._deeds.copied.add(endpoint.owner)
            self._world.vendor.add(
                replace(endpoint.now, routing_key=None), copy_of=endpoint.owner, project=endpoint.project
            )

    def body_of(self, uid: str) -> Body | None:
        """The object with that uid."""
        return next((body for body in self._world.kube.objects.values() if body["metadata"]["uid"] == uid), None)
