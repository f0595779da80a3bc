"""kopf as informer and process frame: login, settings, and one event handler for each kind.

No create, update, resume, delete, timer, daemon or index handlers, and never a `patch`: why, is in docs/adr. kopf must
not write to our objects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory  # the type of an argument of kopf's

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.echoes import Known, Settled
from tokenfactory_operator.kube.lean import PAGE_SIZE, SMALLEST, fewer, lean
from tokenfactory_operator.kube.secrets import SELECTOR as LABELLED
from tokenfactory_operator.kube.secrets import is_collection, sealed
from tokenfactory_operator.kube.supervision import LONGEST_PAUSE, Backoffs
from tokenfactory_operator.kube.watch_session import WatchSession
from tokenfactory_operator.limiter import Limiter
from tokenfactory_operator.ports import JsonObject

WATCH_SECONDS: Final = 300
"""Longest watch before the API server is asked for a new one."""
IDLE_SECONDS: Final = 0.2
"""Keeps kopf's task per object short-lived: memory at 10,000 objects halves (measured, see the ADR)."""
RECONNECT: Final = 0.1
"""Seconds before kopf lists from the beginning, where that has not been often."""
LISTS_AT_ONCE: Final = 5
"""Times that kopf may list from the beginning at once; then once in `LONGEST_PAUSE`, whatever is answered."""


Observe = Callable[[str | None, JsonObject], None]
"""Told of each event and its object, without what is not needed of it; the kind is `None` for the initial listing."""
SECRETS: Final = ("", "v1", "secrets")
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "/api": ("v1",),
    "/api/v1": ("namespaces", "secrets"),
    "/apis": (api.GROUP,),
    f"/apis/{api.API_VERSION}": (api.PLURAL,),
}
"""What kopf has to find by discovery: it asks once, and would not watch what it did not find."""


async def _at_once(_body: JsonObject) -> None:
    """Nothing is under way."""


class NoDifferences(kopf.DiffBaseStorage):
    """Where kopf would look up what an object was at its last event: nobody asks for the difference here.

    By default it copies each object whole for that, a sixth of what creating an endpoint costs this process.
    """

    def build(self, **_: object) -> kopf.BodyEssence:
        """What an object is."""
        return kopf.BodyEssence()

    def fetch(self, **_: object) -> kopf.BodyEssence | None:
        """What it was."""
        return None

    def store(self, **_: object) -> None:
        """Nothing is written."""


def build_settings(selector: str) -> kopf.OperatorSettings:
    """What kopf is told: nothing posted, nothing scanned, no peering, bounded requests."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.chunk_size = PAGE_SIZE
    settings.watching.server_timeout = WATCH_SECONDS
    if selector:
        settings.watching.label_selectors[api.GROUP, api.VERSION, api.PLURAL] = selector
    # By the API server and not by a filter of the handler: other Secrets never reach this process.
    settings.watching.label_selectors[SECRETS] = LABELLED
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.persistence.diffbase_storage = NoDifferences()
    settings.networking.request_timeout = 15
    settings.networking.error_backoffs = Backoffs()
    return settings


def session_of(
    client: KubeClient,
    settings: kopf.OperatorSettings,
    is_known: Known = lambda _: False,
    settled: Settled = _at_once,
) -> kopf.AiohttpSession:
    """The connection that kopf would make of this, with lean answers; pages of a listing get smaller until they fit."""
    limiter = Limiter(LISTS_AT_ONCE, every=LONGEST_PAUSE)

    def listed_anew() -> None:
        wait = limiter.wait(asyncio.get_running_loop().time())
        settings.watching.reconnect_backoff = max(RECONNECT, wait)

    def too_large() -> bool:
        size = settings.watching.chunk_size or PAGE_SIZE
        settings.watching.chunk_size = fewer(size, SMALLEST)
        return size != settings.watching.chunk_size  # kopf then lists anew

    session = WatchSession(
        root=client.root,
        is_metadata_only=is_collection,
        too_large=too_large,
        is_known=is_known,
        settled=settled,
        listed_anew=listed_anew,
        needed=NEEDED,
    )
    return kopf.AiohttpSession(
        server=client.server, default_namespace=client.namespace, aiohttp_session=session.of(client)
    )


def build_registry(
    client: KubeClient,
    settings: kopf.OperatorSettings,
    observe: Observe,
    observe_secret: Observe | None,
    *,
    is_known: Known,
    settled: Settled,
) -> kopf.OperatorRegistry:
    """The handlers, in a registry of their own; without `observe_secret` no Secret is watched.

    kopf makes a task for each object that it lists, so it is not given those that are held by our own LIST already.
    """
    registry = kopf.OperatorRegistry()
    limiter = Limiter(1, every=LONGEST_PAUSE)

    @kopf.on.login(registry=registry, id="login")
    async def login(**_: object) -> kopf.AiohttpSession:
        await asyncio.sleep(limiter.wait(asyncio.get_running_loop().time()))
        return session_of(client, settings, is_known, settled)

    @kopf.on.event(api.GROUP, api.VERSION, api.PLURAL, registry=registry, id="observe")
    async def event(event: Mapping[str, Any], **_: object) -> None:
        observe(event["type"], lean(event["object"]))

    if observe_secret is not None:
        reported = observe_secret

        @kopf.on.event(*SECRETS, registry=registry, id="observe-secret")
        async def secret(event: Mapping[str, Any], **_: object) -> None:
            reported(event["type"], sealed(event["object"]))

    return registry


class Forgetful(ResourceMemories):
    """What kopf remembers of each object for its other kinds of handlers: nothing, between two events."""

    async def recall(self, raw_body: kopf.RawBody, **options: Any) -> ResourceMemory:  # noqa: ANN401  # as kopf's
        """A memory for one event."""
        return await super().recall(raw_body, **{**options, "ephemeral": True})


async def watch(
    registry: kopf.OperatorRegistry,
    settings: kopf.OperatorSettings,
    *,
    namespaces: Sequence[str],
    ready: asyncio.Event,
    spawned: Callable[[], None],
) -> None:
    """Run kopf until it ends; raises what it failed with.

    Not by `kopf.operator`: when that ends, it takes each younger task of the loop for its own and cancels it after 5 s,
    calls to the cloud that are under way among them. `spawned` is told when kopf has taken the process's signals.
    """
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings,
        namespaces=namespaces,
        clusterwide=not namespaces,
        memories=Forgetful(),
        ready_flag=ready,
    )
    spawned()
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
