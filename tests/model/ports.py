"""What one process reaches of the world in memory, its clock, and its port to the cloud."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from model.api_trouble import Trouble
from model.apiserver import ApiServer
from model.chance import GARBLED, Chance
from model.checks import Checks
from model.clock import VirtualLoop
from model.fates import LAG, STALE, Lost, Weather, refuse
from model.network import Fate, Flight, Network
from model.trace import Trace
from model.vendor import EPOCH, Endpoint, Vendor, owners
from tokenfactory_operator.cloud.throttle import Lane, Throttle
from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.errors import (
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Forbidden,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointList, EndpointPatch, ObservedEndpoint
from tokenfactory_operator.domain.timing import Timing

if TYPE_CHECKING:
    from model.leases import StoredLease

T = TypeVar("T")


@dataclass(frozen=True)
class Token:
    """What the operator's Secret holds: a process reads it when it starts."""

    scope: str = "project"
    """What the operator calls the place by: another one for another token, though the project is the same."""
    elsewhere: bool = False
    """It is another project's, in which there is nothing of ours, and in which it must not create."""


OWN: Final = ""
"""The project of the operator's own credential."""
CONNECTIONS: Final = 4
"""Calls of one credential at a time, besides its LIST."""


@dataclass
class Grant:
    """What a tenant's token gives its holder."""

    project: str
    revoked: bool = False
    """For ever."""
    refused: bool = False
    """For a while."""


@dataclass
class Surroundings:
    """What the ports of every process share."""

    loop: VirtualLoop
    trace: Trace
    network: Network
    weather: Weather
    chance: Chance
    kube: ApiServer
    vendor: Vendor
    checks: Checks
    timing: Timing
    secrets: ApiServer
    config_maps: ApiServer
    token: Token = Token()
    grants: dict[str, Grant] = field(default_factory=dict)
    """By the tokens of tenants; the operator's own is none of them."""
    hides: bool = False
    """Whether LISTs hide endpoints that their objects name."""
    forms: random.Random | None = None
    """Where the real client talks to the cloud: chooses the forms of its answers."""
    trouble: Trouble | None = None
    """Where the real adapter talks to the API server: what goes wrong there."""
    lease: StoredLease | None = None
    """Where the processes elect their leader: what they elect it by."""
    missing_page: int = 0
    """Of an incomplete LIST: the endpoints with even numbers are missing, or those with odd ones."""


@dataclass
class Place:
    """One process, as its calls see it."""

    name: str
    flying: dict[int, Flight] = field(default_factory=dict)
    shown: dict[tuple[str, str], str] = field(default_factory=dict)
    """Token and endpoint id → description, as the cloud last showed it to this process; the newest is the last."""
    leads: Callable[[], bool] = lambda: True
    alive: Callable[[], bool] = lambda: True


class WorldClock:
    """The process's clocks: monotonic from an arbitrary origin, and a wall clock that can step. `ports.Clock`."""

    def __init__(self, loop: VirtualLoop, origin: float) -> None:
        self._loop = loop
        self._origin = origin
        self.skew = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return self._loop.time() + self._origin

    def now(self) -> datetime:
        """UTC."""
        return EPOCH + timedelta(seconds=self._loop.time() + self.skew)


class CloudService:
    """What the cloud answers to one credential, over the network: the operations of `ports.Cloud`, and no throttle."""

    def __init__(self, around: Surroundings, place: Place, credential: Credential) -> None:
        self._around = around
        self._place = place
        self._token = credential.token.get_secret_value()
        self._asked = credential.project_id
        self._grant = around.grants.get(self._token)
        self._project = self._grant.project if self._grant is not None else OWN
        self._key = self._token if self._grant is not None else OWN
        self._elsewhere = self._grant is None and around.token.elsewhere

    async def list_endpoints(self) -> EndpointList:
        """See `ports.Cloud`."""
        sent = self._around.loop.time()
        answer = await self._call("LIST", "LIST", self._listed, shown=_listing)
        shown = (item.id for item in answer.endpoints)
        self._around.checks.view.answered(sent, self._key, self._project, shown)
        for item in answer.endpoints:
            self._shown(item)
        return answer

    def _listed(self) -> EndpointList:
        around, dice = self._around, self._around.chance
        if self._elsewhere or around.vendor.maintained:
            return EndpointList(())
        age = dice.between(0.0, STALE * around.timing.create_settle) if dice.strikes("list.stale") else 0.0
        shown, left_out = around.vendor.listing(around.loop.time() - age, self._project)
        problem = ""
        if dice.strikes("list.partial"):
            missing = around.missing_page
            shown, problem = [item for item in shown if item.number % 2 != missing], "a page is missing"
        if around.hides and dice.strikes("list.hidden"):
            shown = [item for item in shown if not self._named(item) or dice.rng.random() < 0.5]
        moment = around.loop.time() - age
        seen = tuple([state for item in shown if (state := item.at(moment)) is not None])
        listed = EndpointList(seen, view=not problem, problem=problem, left_out=left_out)
        return self._garbled(listed) if dice.strikes(GARBLED) else listed

    def _garbled(self, listed: EndpointList) -> EndpointList:
        """Some of its items name no endpoint, and not always their owner."""
        rng = self._around.chance.rng
        odd = [item for item in listed.endpoints if rng.random() < 0.5]
        nameless = [item.description for item in odd if item.description is not None and rng.random() < 0.7]
        return replace(
            listed,
            endpoints=tuple(item for item in listed.endpoints if item not in odd),
            nameless=tuple(nameless),
            unreadable=len(nameless) < len(odd),
            problem="some items cannot be read" if odd else listed.problem,
        )

    def _named(self, endpoint: Endpoint) -> bool:
        """Whether its object's status and its mark agree: what a LIST may hide without making a second unavoidable."""
        bodies = self._around.kube.objects.values()
        return owners(endpoint.now.description) == {endpoint.owner} and any(
            body["status"].get("endpointId") == endpoint.id for body in bodies
        )

    async def list_templates(self) -> tuple[Template, ...]:
        """See `ports.Cloud`."""
        return await self._call("GET", "GET templates", lambda: (Template("m/one"),))

    async def get_endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """See `ports.Cloud`."""
        found = await self._call("GET", f"GET {endpoint_id}", lambda: self._got(endpoint_id), shown=_state)
        return self._shown(found) if found is not None else None

    def _got(self, endpoint_id: str) -> ObservedEndpoint | None:
        visible = self._around.vendor.get_by_id and not self._nothing_there()
        endpoint = self._find(endpoint_id) if visible else None
        return endpoint.now if endpoint is not None else None

    def _find(self, endpoint_id: str) -> Endpoint | None:
        endpoint = self._around.vendor.find(endpoint_id)
        return endpoint if endpoint is not None and endpoint.project == self._project else None

    async def create_endpoint(self, body: EndpointCreate) -> ObservedEndpoint:
        """See `ports.Cloud`."""
        self._mutates("POST")
        self._uses_own(owners(body.description))
        for uid in owners(body.description):
            self._around.vendor.asked[uid].add(self._project)
        dice, settle = self._around.chance, self._around.timing.create_settle
        lag = dice.between(0.0, LAG * settle) if dice.strikes("cloud.lag") else 0.0
        fate = self._around.weather.cloud("POST")
        if fate.late:
            self._around.vendor.belated |= owners(body.description)

        def effect() -> Endpoint:
            refuse(body.gpu_type)
            if self._elsewhere:
                raise Forbidden("HTTP 403", refused=True, status=403)
            if self._around.vendor.maintained:
                raise CloudUnavailable("HTTP 503", status=503)
            return self._around.vendor.create(body, self._project, lag=lag, late=fate.late)

        try:
            made = await self._call("POST", f"POST {body.description}", effect, fate=fate, shown=_id)
        except (Exception, asyncio.CancelledError) as error:
            if not getattr(error, "refused", False):
                self._around.checks.post_unknown(body.description)
            raise
        self._mutated(made.id)
        return self._shown(made.history[0][1])

    async def update_endpoint(self, endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        """See `ports.Cloud`."""
        probe = patch.fields == ("description",) and patch.description == self._last_shown(endpoint_id)
        marked = owners(patch.description or "")  # by whom, where it puts a mark on
        self._mutates("PATCH", "" if probe else endpoint_id, marked)  # a probe changes nobody's endpoint

        dice = self._around.chance
        after = dice.between(1.0, 20.0) if dice.strikes("cloud.lazy_patch") else 0.0

        def effect() -> ObservedEndpoint:
            refuse(patch.gpu_type)
            if self._nothing_there() or self._find(endpoint_id) is None:
                raise EndpointNotFound("no such endpoint", refused=True, status=404)
            return self._around.vendor.update(endpoint_id, patch, after=after)

        text = f"PATCH {endpoint_id} { ({name: getattr(patch, name) for name in patch.fields}) }"
        try:
            changed = await self._call("PATCH", text, effect, shown=_state)
        except (CloudError, asyncio.CancelledError) as error:
            if not (getattr(error, "refused", False) or probe):
                self._mutated(endpoint_id)
            raise
        self._mutated(endpoint_id)
        return self._shown(changed)

    async def delete_endpoint(self, endpoint_id: str) -> bool:
        """See `ports.Cloud`."""
        self._mutates("DELETE", endpoint_id)
        dice = self._around.chance
        after = dice.between(1.0, 60.0) if dice.strikes("cloud.lazy_delete") else 0.0

        def effect() -> bool:
            if self._around.vendor.maintained:
                raise CloudUnavailable("HTTP 503", status=503)
            there = self._find(endpoint_id) is not None and not self._elsewhere
            if there:
                self._around.vendor.delete(endpoint_id, after=after)
            return there

        there = await self._call("DELETE", f"DELETE {endpoint_id}", effect)
        self._mutated(endpoint_id)
        return there

    def _nothing_there(self) -> bool:
        return self._elsewhere or self._around.vendor.maintained

    def _mutates(self, what: str, endpoint_id: str = "", marked: Collection[str] = ()) -> None:
        if not self._place.alive():
            return
        if not self._place.leads():
            self._around.checks.acted_without_lease(self._place.name, f"{what} {endpoint_id}")
        if endpoint_id:
            self._uses_own(set(marked) or self._around.checks.concerned(endpoint_id))
            self._around.checks.touched(self._place.name, what, endpoint_id, self._last_shown(endpoint_id))

    def _uses_own(self, uids: set[str]) -> None:
        if self._place.alive():
            self._around.checks.called_with(self._place.name, self._key, uids)

    def _authorised(self) -> None:
        """The cloud's judgement of the credential; the operator's own is judged elsewhere."""
        if self._grant is not None and (self._grant.revoked or self._grant.refused):
            raise Unauthorized("HTTP 401", refused=True, status=401)
        if self._grant is not None and self._asked not in (None, self._project):
            raise Forbidden("HTTP 403", refused=True, status=403)

    def _last_shown(self, endpoint_id: str) -> str:
        """By a credential that an object concerned has, or had: what a stranger's shows is no evidence."""
        checks = self._around.checks
        tokens = {token for uid in checks.concerned(endpoint_id) for token in checks.tokens(uid)}
        found = (
            text
            for (token, each), text in reversed(self._place.shown.items())
            if each == endpoint_id and token in tokens
        )
        return next(found, "")

    def _shown(self, answer: ObservedEndpoint) -> ObservedEndpoint:
        """What this process knows of it from now on; the console may have changed it since."""
        self._place.shown.pop((self._key, answer.id), None)
        self._place.shown[self._key, answer.id] = answer.description or ""
        return answer

    def _mutated(self, endpoint_id: str) -> None:
        """It is, or may be, another one since now; no earlier LIST tells how."""
        endpoint = self._around.vendor.endpoints.get(endpoint_id)
        if endpoint is not None:
            endpoint.mutated = self._around.loop.time()

    async def _call(
        self,
        kind: str,
        text: str,
        effect: Callable[[], T],
        *,
        fate: Fate | None = None,
        shown: Callable[[T], str] = str,
    ) -> T:
        around = self._around

        def judged() -> T:
            self._authorised()
            return effect()

        fate = fate or around.weather.cloud(kind)
        around.checks.called(kind)
        return await around.network.exchange(
            self._place,
            f"cloud {text}",
            fate,
            judged,
            limit=around.timing.request_timeout,
            broken=Lost if fate.reach is None else CloudUnavailable,
            shown=shown,
        )


class CloudPort(CloudService):
    """`ports.Cloud` with one credential, and the throttle that the real client has."""

    def __init__(self, around: Surroundings, place: Place, clock: WorldClock, credential: Credential) -> None:
        super().__init__(around, place, credential)
        self._throttle = Throttle(clock, connections=CONNECTIONS, rate_limit=None)

    async def aclose(self) -> None:
        """See `accounts.OpenCloud`."""

    def blocked_for(self) -> float:
        """See `ports.Cloud`."""
        return self._throttle.blocked_for()

    def slot(self, namespace: str = "") -> AbstractAsyncContextManager[None]:
        """See `ports.Cloud`."""
        return self._throttle.slot(namespace)

    async def _call(
        self,
        kind: str,
        text: str,
        effect: Callable[[], T],
        *,
        fate: Fate | None = None,
        shown: Callable[[T], str] = str,
    ) -> T:
        fate = fate or self._around.weather.cloud(kind)  # drawn before the wait
        lane = Lane.INVENTORY if kind == "LIST" else Lane.CHANGES
        async with self._throttle.turn(lane):
            try:
                return await super()._call(kind, text, effect, fate=fate, shown=shown)
            except RateLimited as error:
                if error.retry_after:
                    self._throttle.block(error.retry_after)
                raise


def _listing(answer: EndpointList) -> str:
    items = " ".join(f"{item.id}({item.status},{item.min_replicas}-{item.max_replicas})" for item in answer.endpoints)
    return f"[{items}]{'' if answer.complete else ' incomplete'}"


def _state(shown: ObservedEndpoint | None) -> str:
    return f"{shown.id} {shown.status} {shown.description}" if shown is not None else "not found"


def _id(endpoint: Endpoint) -> str:
    return endpoint.id
