"""What is held of each object between two passes, and which object is adopting which endpoint.

It goes with the process, by design. Nothing is called and nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.state.cache import ObjectCache, secret_of


@dataclass(slots=True)
class Held:
    """What is kept of one object."""

    memory: Memory
    body: JsonObject
    """The object as it was then. Parsed it has several times the size, so each pass parses it anew."""
    poller: Poller
    """Of the credential that it had then."""
    tries: int = 0
    """How often what it has left could not be deleted."""

    @property
    def endpoint_id(self) -> str:
        """What its stored status named then, even if that was another object's; empty if nothing."""
        return _named(self.body)


class Holdings:
    """One for each object that was worked on and is not gone."""

    def __init__(self, cache: ObjectCache, secret_left: Callable[[JsonObject], None]) -> None:
        """`secret_left` is called with an object as it was before it got another Secret."""
        self._cache = cache
        self._secret_left = secret_left
        self._held: dict[Key, Held] = {}
        self._claims: dict[str, str] = {}
        """Endpoint → uid of the object that is adopting it: nobody else may, until that object is gone."""

    def get(self, key: Key) -> Held | None:
        """What is held of the object of this name, be it the one of now or an earlier one."""
        return self._held.get(key)

    def same(self, key: Key) -> Resource | None:
        """The object as it is now, if it is still the one that was decided about."""
        body, held = self._cache.get(key), self._held.get(key)
        same = body is not None and held is not None and held.memory.uid == body["metadata"]["uid"]
        return parse(body) if body is not None and same else None

    def hold(self, key: Key, resource: Resource, poller: Poller) -> Memory:
        """The object is worked on, as it is now and with the credential that it has now; answers its memory."""
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = Held(Memory(resource.uid), resource.body, poller)
        if secret_of(held.body) != secret_of(resource.body):
            self._secret_left(held.body)
        usable = bool(poller.inventory.scope)  # without a credential it stays the last one's
        if (usable and held.poller is not poller) or held.endpoint_id != _named(resource.body):
            held.poller.inventory.unexpect(held.endpoint_id)
        if usable and held.poller is not poller:
            held.memory.endpoints.credential_changed()
        if held.poller is not poller:
            held.memory.calls.credential_changed()
        held.body, held.poller = resource.body, poller if usable else held.poller
        return held.memory

    def gone(self, key: Key, uid: str) -> None:
        """The object is gone, and nothing is left of it."""
        self._claims = {claimed: holder for claimed, holder in self._claims.items() if holder != uid}
        self._held.pop(key, None)

    def claim(self, endpoint_id: str, uid: str) -> None:
        """The object is adopting the endpoint, if no other one is."""
        self._claims.setdefault(endpoint_id, uid)

    def claimed_by(self, key: Key, resource: Resource, target: str) -> str:
        """Who else has, or is adopting, the endpoint that this object is to adopt: claims are serialised per id."""
        uid = self._claims.get(target, "") if target else ""
        if uid not in ("", resource.uid):  # first: an id that was only observed is no claim against one under way
            holder = self._cache.uids.get(uid)
            return str(holder) if holder is not None else self._gone_by_name(uid)
        taken = self._claims.get(target) == resource.uid or bool(resource.origin)
        if not target or (taken and resource.status.endpoint_id == target):
            return ""  # one that only looked on before has the id in its status too, and nothing more
        holder = self._cache.holder(target, besides=key)
        return str(holder) if holder is not None else ""

    def _gone_by_name(self, uid: str) -> str:
        """An object that is gone, or out of sight, and has not been cleaned up after."""
        place = next((str(key) for key, held in self._held.items() if held.memory.uid == uid), f"uid {uid}")
        return f"an object that was deleted ({place})"


def _named(body: JsonObject) -> str:
    return (body.get("status") or {}).get("endpointId") or ""
