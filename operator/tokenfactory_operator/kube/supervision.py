"""Whether Kubernetes can be worked with, asked again and again: rights, credentials, CA, the CRD, resource versions.

One namespace's missing rights stop that namespace only: it is left out of our LISTs and taken up when the rights come.
kopf's watch of it waits meanwhile (see handlers). What no waiting mends ends the process with one sentence: a CRD that
is gone, an etcd that was restored. Nothing is written here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.access import (
    Right,
    config_map_rights,
    event_rights,
    missing,
    named,
    named_by_place,
    object_rights,
    secret_rights,
)
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.crd import check_crd
from tokenfactory_operator.kube.errors import ApiServerError, SetupError
from tokenfactory_operator.kube.namespaces import absent, exists
from tokenfactory_operator.kube.paths import OBJECTS
from tokenfactory_operator.kube.server import check_version
from tokenfactory_operator.network.tls import contents

PULSE: Final = 15.0
"""Seconds between two looks at everything that is watched."""
TROUBLED_PULSE: Final = 5.0
"""The same while something is wrong."""
REVIEW_EVERY: Final = 20
"""In so many looks all rights are asked for again, also where nothing seems to be wrong."""
UNAUTHORIZED_LIMIT: Final = 15.0
"""Seconds of 401, with the token read anew after each, after which the process ends: a new pod gets a new token."""
MISSING_HERE: Final = (
    "Create the namespace if it does not exist, and give it the operator's Role and RoleBinding. One that is being "
    "deleted takes no new Role: grant the rights by a ClusterRole until it is gone."
)
"""What to do about the rights in a watched namespace."""

ENDS: Final = "the operator ends, and uses the new ones at its next start."
RENEWED: Final = f"The API server's address, its CA or the operator's client certificate was renewed: {ENDS}"

_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_UNAUTHORIZED: Final = 401

logger = logging.getLogger(__name__)


class Supervisor:
    """What is wrong at present, for the cluster and for each watched namespace."""

    def __init__(
        self,
        client: KubeClient,
        *,
        namespaces: Sequence[str],
        secrets: bool,
        config_maps: bool = False,
        own: Sequence[Right] = (),
        bundles: Sequence[str] = (),
    ) -> None:
        """`namespaces`: those watched, none means all.

        `secrets`: whether Secrets of theirs are read. `config_maps`: whether ConfigMaps are written there.

        `own`: rights that the process needs for itself. `bundles`: files of authorities that the cloud is trusted by.
        """
        self._bundles = tuple(bundles)
        self._held = contents(*bundles)
        self._client = client
        self._watched = tuple(namespaces)
        self._places = self._watched or ("",)
        self._with_secrets, self._with_config_maps = secrets, config_maps
        self._own = tuple(own)
        self._returned: Callable[[str], Awaitable[None]] = _nobody_returned
        self._newest: Callable[[], int] = lambda: 0
        self._unserved: dict[str, str] = {}
        self._limited: dict[str, str] = {}
        self._absent: set[str] = set()
        self._no_secrets: set[str] = set()
        self._doubted: set[str] = set()
        self._pressing = asyncio.Event()
        self._problem: str | None = None
        self._unauthorized_since: float | None = None
        self._highest = 0

    def attach(self, *, returned: Callable[[str], Awaitable[None]], newest: Callable[[], int]) -> None:
        """From now on `returned` is told a namespace that can be served again, and may raise `KubeError`.

        `newest` answers the highest resourceVersion of the objects that are known.
        """
        self._returned, self._newest = returned, newest

    def served(self, namespace: str) -> bool:
        """Whether the objects of this namespace are watched, and can be."""
        return not self._watched or (namespace in self._watched and namespace not in self._unserved)

    def listable(self) -> tuple[str, ...] | None:
        """The namespaces to list; `None` for the whole cluster."""
        return tuple(filter(self.served, self._watched)) if self._watched else None

    def listable_secrets(self) -> tuple[str, ...] | None:
        """Likewise, for their Secrets: a namespace may be served without them."""
        listable = self.listable()
        return None if listable is None else tuple(name for name in listable if name not in self._no_secrets)

    def no_secrets(self, namespace: str) -> None:
        """Its Secrets may not be listed any more: another look at its rights comes soon."""
        self._no_secrets.add(namespace)
        self.doubt(namespace)

    def states(self) -> Mapping[str, bool]:
        """For each watched namespace, whether it is served; empty where all are watched."""
        return {namespace: self.served(namespace) for namespace in self._watched}

    def problem(self) -> str | None:
        """What keeps this process from its work altogether."""
        if self._problem is None and self._watched and len(self._unserved) == len(self._watched):
            return self.note()
        return self._problem or next((text for place, text in self._limited.items() if not place), None)

    def note(self) -> str:
        """What keeps it from the work for some of the watched namespaces."""
        said = [*self._unserved.values(), *(text for place, text in self._limited.items() if place)]
        said += [MISSING_HERE] if said else []
        said += [absent(place) for place in self._watched if place in self._absent]
        return " ".join(said) or "all served"

    async def start(self) -> None:
        """Ask for the version, the CRD, and every right.

        Raises:
            SetupError: the cluster or its CRD is too old, or rights are missing that are no watched namespace's.
            KubeError: the API server cannot be asked.
        """
        await check_version(self._client)
        await check_crd(self._client)
        for place in self._places:
            await self._review(place)
        lacking = await missing(self._client, (*self._own, *(() if self._watched else self._rights(""))))
        if lacking:
            raise SetupError(
                f"The operator's Kubernetes account may not {named_by_place(lacking)}. Grant these rights (the Helm "
                "chart does, with rbac.create), then start the operator again."
            )

    async def run(self) -> None:
        """Look until cancelled. Raises `SetupError` when only a new start can help."""
        looks = 0
        while True:
            await asyncio.sleep(TROUBLED_PULSE)
            if not self._troubled():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._pressing.wait(), PULSE - TROUBLED_PULSE)
            looks += 1
            await self.look(review=looks % REVIEW_EVERY == 0)

    def doubt(self, namespace: str) -> None:
        """A write there was refused: its rights are asked for soon."""
        self._doubted.add(namespace if self._watched else "")
        self._pressing.set()

    async def look(self, *, review: bool = False) -> None:
        """One look at each watched namespace; `review`: at all their rights, too. Raises `SetupError`."""
        await self._end_if_renewed()
        problem, unauthorized, doubted = None, False, frozenset(self._doubted)
        self._doubted.clear()
        self._pressing.clear()
        for place in self._places:
            try:
                await self._look_at(place, review=review or place in doubted)
            except KubeError as error:
                problem = _sentence(error)
                unauthorized = unauthorized or _is_unauthorized(error)
        self._end_if_unauthorized(problem if unauthorized else None)
        if problem != self._problem:
            logger.log(logging.WARNING if problem else logging.INFO, "%s", problem or "Kubernetes can be used again")
        self._problem = problem

    async def explain(self, error: Exception) -> str:
        """Why the watch may have ended, by asking the API server and not by the words of `error`."""
        try:
            await check_crd(self._client, settle=0.0)
            for place in self._places:
                await self._look_at(place, review=False)
        except SetupError as found:
            return found.message
        except KubeError as found:
            return _sentence(found)
        text = str(error)
        return f"The watch of DedicatedEndpoints ended ({type(error).__name__}{f': {text}' if text else ''})."

    async def _end_if_renewed(self) -> None:
        """Connections trust whom they did when they were made: a new process trusts the new ones."""
        if await self._client.renewed():
            raise SetupError(RENEWED)
        now = contents(*self._bundles)
        if now != self._held and all(now):
            raise SetupError(f"The authorities in {' or '.join(self._bundles)} were renewed: {ENDS}")

    def _end_if_unauthorized(self, problem: str | None) -> None:
        now = asyncio.get_running_loop().time()
        if problem is None:
            self._unauthorized_since = None
        elif self._unauthorized_since is None:
            self._unauthorized_since = now
        elif now - self._unauthorized_since >= UNAUTHORIZED_LIMIT:
            raise SetupError(problem)

    def _troubled(self) -> bool:
        return bool(self._problem or self._unserved or self._limited)

    def _rights(self, place: str) -> tuple[Right, ...]:
        return (*object_rights(place), *self._lesser(place))

    def _lesser(self, place: str) -> tuple[Right, ...]:
        """Those without which the objects are served all the same, with less."""
        return (
            *event_rights(place),
            *(secret_rights(place) if self._with_secrets else ()),
            *(config_map_rights(place) if self._with_config_maps else ()),
        )

    async def _look_at(self, place: str, *, review: bool) -> None:
        try:
            await self._beat(place)
        except ApiServerError as error:
            if error.status == _NOT_FOUND:
                await check_crd(self._client, settle=0.0)
            if error.status != _FORBIDDEN or not self._watched:
                raise
            review = True
        if review or place in self._unserved or place in self._limited or place in self._absent:
            await self._review(place)

    async def _beat(self, place: str) -> None:
        """Read the smallest list. It is never older than what was read before (Kubernetes: API concepts)."""
        self._highest = max(self._highest, self._newest())
        page, _ = await self._client.page(OBJECTS.within(place or None), query=[("limit", "1")])
        version = int(page.version)
        if version < self._highest:
            raise SetupError(
                f"The API server's resource versions went back from {self._highest} to {version}: its etcd was "
                "restored from a snapshot. The operator ends, and reads everything at its next start."
            )
        self._highest = version

    async def _review(self, place: str) -> None:
        lacking = await missing(self._client, self._rights(place))
        vital = frozenset(object_rights(place))
        essential = [right for right in lacking if right in vital]
        self._no_secrets.discard(place)
        if not frozenset(secret_rights(place)).isdisjoint(lacking):
            self._no_secrets.add(place)
        may_not = f"the operator's Kubernetes account may not {named(lacking)} there."
        await self._note(self._limited, place, f"{_where(place)}: {may_not}" if lacking and not essential else "")
        await self._note(
            self._unserved, place, f"{_where(place)} is not served: {may_not}" if essential and place else ""
        )
        if place and frozenset(event_rights(place)).isdisjoint(lacking):
            await self._look_for(place)

    async def _look_for(self, place: str) -> None:
        """Its list is empty also where it does not exist, if the rights are those of the whole cluster."""
        found = await exists(self._client, place)
        if found is False and place not in self._absent:
            self._absent.add(place)
            logger.warning("%s", absent(place))
        elif found and place in self._absent:
            self._absent.remove(place)
            logger.info("%s exists now", _where(place))

    async def _note(self, places: dict[str, str], place: str, text: str) -> None:
        before = places.pop(place, "")
        if text:
            places[place] = text
            if text != before:
                logger.warning("%s%s", text, f" {MISSING_HERE}" if place else "")
        elif before and places is self._unserved:
            logger.info("%s can be served again", _where(place))
            try:
                await self._returned(place)
            except KubeError:
                places[place] = before
                raise


async def _nobody_returned(_place: str) -> None:
    """Nobody waits for it."""


def _where(place: str) -> str:
    return f"Namespace {place}" if place else "The cluster"


def _is_unauthorized(error: KubeError) -> bool:
    return isinstance(error, ApiServerError) and error.status == _UNAUTHORIZED


def _sentence(error: KubeError) -> str:
    if _is_unauthorized(error):
        return (
            f"{error.message}. Its token has expired or was revoked, or its service account is gone: a restart of the "
            "pod gets a new token"
        )
    return f"the Kubernetes API server cannot be used: {error.message}"


class Backoffs:
    """How long kopf waits between two tries of a request, in seconds: it never gives up.

    Then the watch of a namespace without rights waits for them and disturbs no other one.
    """

    def __iter__(self) -> Iterator[float]:
        pause = 1.0
        while True:
            yield pause
            pause = min(pause * 2, LONGEST_PAUSE)


LONGEST_PAUSE: Final = 15.0
"""Seconds; so late may a namespace be watched again after its rights came."""
