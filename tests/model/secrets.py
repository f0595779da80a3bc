"""Secrets in memory: an API server of their own, `ports.Secrets` over it, and which token opens which project.

A Secret is stored as an object whose spec has the keys; what the operator gets of it are its metadata, and the values
that it asks for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pydantic import SecretStr

from model.apiserver import Body
from model.kube_port import KubeCalls
from tokenfactory_operator.ports import JsonObject, Key, Lead, anybody

TOKEN: Final = "token"  # the name of a key


def metadata_of(body: Body) -> JsonObject:
    """As the watch brings a Secret."""
    return {"metadata": body["metadata"]}


class SecretPort(KubeCalls):
    """`ports.Secrets` for one process."""

    async def get(self, key: Key) -> JsonObject | None:
        """See `ports.Secrets`."""
        body = await self._call("GET", f"GET secret {key}", lambda: self._around.secrets.read(key))
        return metadata_of(body) if body is not None else None

    async def read(self, key: Key, names: Collection[str]) -> JsonObject | None:
        """See `ports.Secrets`."""
        body = await self._call("GET", f"GET values of secret {key}", lambda: self._around.secrets.read(key))
        if body is None:
            return None
        values = {name: SecretStr(value) for name, value in body["spec"].items() if name in names}
        return {**metadata_of(body), "data": values}

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """See `ports.Secrets`."""
        lead()
        self._mutates(f"finalizers of secret {key}")
        text = f"PATCH secret {key} finalizers={list(finalizers)} if v{resource_version}"
        effect = self._around.secrets.put_finalizers
        return metadata_of(await self._call("PATCH", text, lambda: effect(key, finalizers, resource_version)))
