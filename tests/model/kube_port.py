"""The operator's port to Kubernetes over the world in memory: what `KubeObjects` is in production."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from model.fates import KUBE_TIMEOUT, broken_kube
from model.ports import Place, Surroundings
from tokenfactory_operator.ports import JsonObject, Key, Lead, anybody

T = TypeVar("T")


class KubeCalls:
    """The calls of one process, which the weather may break."""

    def __init__(self, around: Surroundings, place: Place) -> None:
        self._around = around
        self._place = place

    def _mutates(self, what: str) -> None:
        if self._place.alive() and not self._place.leads():
            self._around.checks.acted_without_lease(self._place.name, what)

    async def _call(self, kind: str, text: str, effect: Callable[[], T]) -> T:
        around = self._around
        return await around.network.exchange(
            self._place,
            f"kube {text}",
            around.weather.kube(kind),
            effect,
            limit=KUBE_TIMEOUT,
            broken=broken_kube,
            shown=_version,
        )

    def meddle(self, key: Key) -> None:
        """Somebody else writes the object just before us."""
        if key in self._around.kube.objects and self._around.chance.strikes("kube.conflict"):
            stamp = f"{self._around.loop.time():.3f}"
            self._around.kube.edit(key, {"metadata": {"labels": {"touched": stamp}}})
            self._around.trace.say("user", f"touches {key}")


class KubePort(KubeCalls):
    """`ports.Kube`."""

    async def get(self, key: Key) -> JsonObject | None:
        """See `ports.Kube`."""
        return await self._call("GET", f"GET {key}", lambda: self._around.kube.read(key))

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """See `ports.Kube`."""
        lead()
        self._mutates(f"finalizers of {key}")
        self.meddle(key)
        text = f"PATCH {key} finalizers={list(finalizers)} if v{resource_version}"
        effect = self._around.kube.put_finalizers
        return await self._call("PATCH", text, lambda: effect(key, finalizers, resource_version))

    async def patch_status(self, key: Key, patch: JsonObject, *, uid: str, resource_version: str) -> JsonObject:
        """See `ports.Kube`."""
        del uid  # versions are the whole guard, as in production
        self._mutates(f"status of {key}")
        self.meddle(key)
        text = f"PATCH {key}/status {_brief(patch)} if v{resource_version}"
        sent, checks, view = self._around.loop.time(), self._around.checks, self._around.checks.view.copy()

        def effect() -> JsonObject:
            checks.given_up, checks.written_by = self._around.loop.time() - sent > KUBE_TIMEOUT, (sent, view)
            try:
                return self._around.kube.patch_status(key, patch, resource_version)
            finally:
                checks.given_up, checks.written_by = False, None

        return await self._call("PATCH", text, effect)


def _version(body: object) -> str:
    return f"v{body['metadata']['resourceVersion']}" if isinstance(body, dict) else "not found"


def _brief(patch: JsonObject) -> str:
    brief = dict(patch)
    conditions = brief.pop("conditions", None)
    if conditions is not None:
        brief["conditions"] = " ".join(f"{item['type']}={item['status']}:{item['reason']}" for item in conditions)
    return str(brief)
