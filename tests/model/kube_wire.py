"""The real adapter before the API server in memory: what it makes of each answer is compared with what was said.

A request is taken apart, carried out by `ApiServer` as HTTP has it (merge patches, media types, pages), and answered in
one of the forms of `kube_forms`. So the adapter's paths, bodies, time-out and reading of answers run under all that a
seed does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import aiohttp
from yarl import URL

from authorities import ONE
from model.api_trouble import Trouble
from model.apiserver import ApiServer, Body
from model.fates import KUBE_TIMEOUT, broken_kube
from model.kube_compare import DONE, difference
from model.kube_forms import Answer, Answered, Garbled, KubeStyle
from model.kube_port import KubeCalls
from model.kube_requests import Asked, Listed, Said, as_stored, read, rendered, shown
from model.leases import lease_said, lease_shown
from model.network import NO_ANSWER
from model.ports import Place, Surroundings
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound, bounded
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.config_maps import KubeConfigMaps
from tokenfactory_operator.kube.leases import KubeLeases
from tokenfactory_operator.kube.login import Connection
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.kube.secrets import KubeSecrets
from tokenfactory_operator.ports import JsonObject, Key, Lead, anybody

T = TypeVar("T")

Observer = Callable[[str, str, KubeError | None], None]
"""See `client.Answered`."""
SERVER: Final = "http://api.test"
PATIENCE: Final = 10.0
"""Seconds for which the network holds a request longer than the client waits: the time-out has to be the client's."""


Sayings = list[tuple[bool, Said]]
"""What was said, each with whether to a write."""
SAID: ContextVar[Sayings] = ContextVar("said")
"""What the API server has said to the call that is under way."""


class KubeWire(KubeCalls):
    """The API server at the level of HTTP, for one process: in place of aiohttp's session."""

    def __init__(self, around: Surroundings, place: Place, trouble: Trouble) -> None:
        super().__init__(around, place)
        self._trouble = trouble
        self._style = KubeStyle(trouble.rng)
        self._page = trouble.rng.choice((1, 2, 500))
        """Objects on a page at most."""
        self._known: set[str] = set()
        """Names of the Events that were made."""
        self._snapshots: dict[str, tuple[str, list[Body]]] = {}
        """What the listings that are being read have not shown yet, by the token to go on with."""

    async def close(self) -> None:
        """See `aiohttp.ClientSession`."""

    async def request(
        self, method: str, url: URL, *, data: bytes | None, headers: Mapping[str, str], allow_redirects: bool
    ) -> Answer:
        """Carry it out, and answer; see `aiohttp.ClientSession`."""
        assert not allow_redirects
        asked = read(method, url, data, headers)
        if asked is None:
            return Answer(404, b"404 page not found\n", {"Content-Type": "text/plain"})
        sayings = SAID.get([])
        writes = asked.method != "GET"
        sayings.append((writes, Garbled("the client did not wait for the answer")))
        try:
            said = await self._exchanged(asked)
        except KubeError as error:
            sayings[-1] = writes, error
            if not isinstance(error, (Answered, Garbled, KubeConflict, KubeNotFound)) and type(error) is KubeError:
                raise self._style.broken() from None
            stored, bare = self._stored(asked), asked.metadata_only
            return self._style.error(error, asked.plural, asked.key.name, stored, metadata_only=bare)
        sayings[-1] = writes, said
        return self._answer(asked, said)

    def _answer(self, asked: Asked, said: Body | Listed) -> Answer:
        plain = asked.metadata_only
        if isinstance(said, Listed):
            return self._style.page(asked.plural, said.bodies, said.version, said.rest, metadata_only=plain)
        return self._style.one(asked.plural, said, metadata_only=plain, status=201 if asked.method == "POST" else 200)

    async def _exchanged(self, asked: Asked) -> Body | Listed:
        around = self._around
        what = str(asked) if around.trace.wanted else asked.verb
        if asked.method != "GET" and asked.plural not in ("events", "leases"):
            self._mutates(what)
        if asked.method != "GET" and asked.plural != "events":
            self._has_precondition(asked)
        if asked.method == "PATCH" and asked.plural == "dedicatedendpoints":
            self.meddle(asked.key)
        fate = self._trouble.fate(asked, around.weather.kube(asked.method))
        sent, checks, view = around.loop.time(), around.checks, around.checks.view.copy()

        def effect() -> Body | Listed:
            checks.given_up, checks.written_by = around.loop.time() - sent > KUBE_TIMEOUT, (sent, view)
            try:
                self._trouble.judge(asked)
                return self._carried_out(asked)
            finally:
                checks.given_up, checks.written_by = False, None

        return await around.network.exchange(
            self._place,
            f"kube {what}",
            fate,
            effect,
            limit=KUBE_TIMEOUT + PATIENCE,
            broken=self._broken,
            shown=shown,
        )

    def _broken(self, text: str) -> KubeError:
        """No answer came; the network gives up long after the client has to."""
        if text == NO_ANSWER:
            self._around.trace.violated("TIME: the client waits longer than its own time-out")
        return broken_kube(text)

    def _has_precondition(self, asked: Asked) -> None:
        """A write is for the version that was decided upon."""
        if asked.method == "PATCH" and not (asked.body.get("metadata") or {}).get("resourceVersion"):
            self._around.trace.violated(f"PRECONDITION: {asked} is for any version")

    def _store(self, plural: str) -> ApiServer:
        around = self._around
        return {"dedicatedendpoints": around.kube, "secrets": around.secrets, "configmaps": around.config_maps}[plural]

    def _stored(self, asked: Asked) -> Body | None:
        if asked.plural in ("events", "leases"):
            return None
        body = self._store(asked.plural).objects.get(asked.key)
        return rendered(asked.plural, body) if body is not None else None

    def _carried_out(self, asked: Asked) -> Body | Listed:
        if asked.verb == "list":
            return self._list(asked)
        if asked.plural == "events":
            return self._event(asked)
        if asked.plural == "leases":
            return self._lease(asked)
        store, key = self._store(asked.plural), asked.key
        match asked.method:
            case "GET":
                body = store.read(key)
                if body is None:
                    raise KubeNotFound(f'{asked.plural} "{key.name}" not found')
            case "PATCH":
                change = asked.body if asked.plural == "dedicatedendpoints" else as_stored(asked.body)
                body = store.patch(key, change, status=asked.status)
            case "POST":
                body = self._made(store, asked)
            case _:
                raise Answered(f"{asked.method} is not served", 405)
        return rendered(asked.plural, body)

    def _event(self, asked: Asked) -> Body:
        """An Event lives in the namespace of its object, and for a while."""
        body, namespace = asked.body, asked.key.namespace
        name = asked.key.name or body["metadata"]["name"]
        if asked.method == "PATCH" and (name not in self._known or self._trouble.forgets()):
            raise KubeNotFound("the event is not there any more")  # its name is random, whatever the seed
        if body.get("involvedObject", {}).get("namespace", namespace) != namespace:
            raise Answered("involvedObject.namespace: does not match", 422, field="involvedObject.namespace")
        self._known.add(name)
        metadata = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": self._around.kube.revision}
        return {"metadata": metadata}

    def _lease(self, asked: Asked) -> Body:
        stored = self._around.lease
        assert stored is not None
        record = stored.record
        if asked.method == "POST" and record is not None:
            raise KubeConflict('leases "lease" already exists')
        if asked.method != "POST" and record is None:
            raise KubeNotFound('leases "lease" not found')
        if asked.method == "PATCH" and record is not None and _version(asked.body) != record.version:
            raise KubeConflict("the object has been modified")
        if asked.method != "GET" and not (record is not None and self._trouble.undone()):
            record = stored.put(lease_said(asked.body))
        assert record is not None
        return lease_shown(record)

    def _made(self, store: ApiServer, asked: Asked) -> Body:
        metadata = asked.body["metadata"]
        key = Key(asked.key.namespace, metadata["name"])
        given = {name: metadata[name] for name in ("labels", "ownerReferences") if name in metadata}
        if not store.create(key, asked.body["data"], **given):
            raise KubeConflict(f'{asked.plural} "{key.name}" already exists')
        store.operator_writes += 1
        self._around.checks.map_written(None, store.objects[key])
        return store.objects[key]

    def _list(self, asked: Asked) -> Listed:
        """Pages of one listing show one moment."""
        token = asked.query.get("continue", "")
        store = self._store(asked.plural)
        if token:
            if token not in self._snapshots:
                raise Answered("the provided continue parameter is too old", 410)
            version, left = self._snapshots.pop(token)
        else:
            found = (body for key, body in store.objects.items() if asked.key.namespace in ("", key.namespace))
            left = [rendered(asked.plural, body) for body in found]
            selector = asked.query.get("labelSelector")
            if selector:
                name, _, value = selector.partition("=")
                left = [body for body in left if body["metadata"].get("labels", {}).get(name) == value]
            version = store.revision
        size = min(self._page, int(asked.query.get("limit") or len(left) or 1))
        shown, left = left[:size], left[size:]
        rest = f"{asked.plural}-{version}-{len(left)}" if left else ""
        if rest:
            self._snapshots[rest] = version, left
        return Listed(shown, version, rest)


class _Client(KubeClient):
    """The real client; its connections are those of the world."""

    def __init__(self, wire: KubeWire, answered: Observer) -> None:
        connection = Connection(server=SERVER, ca_path=str(ONE))

        async def load() -> Connection:
            return connection

        super().__init__(connection, load, answered=answered)
        self._wire = wire

    def session(
        self,
        *_middlewares: aiohttp.ClientMiddlewareType,
        limit: int = 0,
        **_options: Any,  # noqa: ANN401  # as aiohttp's
    ) -> aiohttp.ClientSession:
        del limit
        return cast("aiohttp.ClientSession", self._wire)


class WiredApi:
    """The real adapters of one process, and a look at what each of their calls came to."""

    def __init__(
        self,
        around: Surroundings,
        wire: KubeWire,
        *,
        answered: Observer,
    ) -> None:
        self._tell = around.trace.violated
        self.client = _Client(wire, answered)
        objects = KubeObjects(self.client)
        self.objects, self.settled = _Objects(self, objects), objects.settled
        self.secrets = _Secrets(self, KubeSecrets(self.client))
        self.config_maps = _ConfigMaps(self, KubeConfigMaps(self.client))

    async def compared(self, kind: str, call: Awaitable[T], *, version: str = "") -> T:
        """What it answers, or raises, once that is compared with what the API server has said.

        `version`: of a write that looks at the object before it, and is not sent where that is another one by then.
        """
        said: Sayings = []
        token = SAID.set(said)
        try:
            result = await call
        except KubeError as error:
            if not (version and isinstance(error, KubeConflict) and _newer(said, version)):
                self._compare(kind, said, error)
            raise
        finally:
            SAID.reset(token)
        self._compare(kind, said, result)
        return result

    def _compare(self, kind: str, sayings: Sayings, got: object) -> None:
        """A write is judged by what was said to it, whatever was read beside it."""
        written = [said for writes, said in sayings if writes]
        said = written or [each for _, each in sayings]
        if problem := difference(said, got, reads=not written):
            told = f"the API server said {bounded(repr(said))}, the adapter {bounded(repr(got))}"
            self._tell(f"KUBE WIRE: {kind}: {problem}: {told}")


@dataclass(frozen=True)
class _Objects:
    """`ports.Kube`."""

    api: WiredApi
    real: KubeObjects

    async def get(self, key: Key) -> JsonObject | None:
        return await self.api.compared("GET", self.real.get(key))

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        call = self.real.set_finalizers(key, finalizers, resource_version=resource_version, lead=lead)
        return await self.api.compared("PATCH", call, version=resource_version)

    async def patch_status(self, key: Key, patch: JsonObject, *, uid: str, resource_version: str) -> JsonObject:
        call = self.real.patch_status(key, patch, uid=uid, resource_version=resource_version)
        return await self.api.compared("PATCH status", call)

    async def list_all(self, namespaces: Sequence[str] | None = None) -> tuple[list[JsonObject], str]:
        return await self.api.compared("LIST", self.real.list_all(namespaces))

    async def list_in(self, namespace: str) -> list[JsonObject]:
        return (await self.list_all((namespace,)))[0]


@dataclass(frozen=True)
class _Secrets:
    """`ports.Secrets`."""

    api: WiredApi
    real: KubeSecrets

    async def get(self, key: Key) -> JsonObject | None:
        return await self.api.compared("GET Secret", self.real.get(key))

    async def read(self, key: Key, names: Collection[str]) -> JsonObject | None:
        return await self.api.compared("GET Secret", self.real.read(key, names))

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        call = self.real.set_finalizers(key, finalizers, resource_version=resource_version, lead=lead)
        return await self.api.compared("PATCH Secret", call, version=resource_version)

    async def list_all(self) -> tuple[list[JsonObject], str]:
        return await self.api.compared("LIST Secrets", self.real.list_all())


@dataclass(frozen=True)
class _ConfigMaps:
    """`ports.ConfigMaps`."""

    api: WiredApi
    real: KubeConfigMaps

    async def get(self, key: Key) -> JsonObject | None:
        return await self.api.compared("GET ConfigMap", self.real.get(key))

    async def create(self, key: Key, body: JsonObject) -> None:
        await self.api.compared("POST ConfigMap", _done(self.real.create(key, body)))

    async def write_data(self, key: Key, data: Mapping[str, str], *, resource_version: str) -> None:
        call = self.real.write_data(key, data, resource_version=resource_version)
        await self.api.compared("PATCH ConfigMap", _done(call))


def wired_leases(around: Surroundings, place: Place, trouble: Trouble) -> KubeLeases:
    """The real adapter of the Lease, with a client of its own as in the application."""
    client = _Client(KubeWire(around, place, trouble), lambda *_: None)
    return KubeLeases(client, namespace="system", name="lease")


def _version(body: Mapping[str, Any]) -> str:
    return str((body.get("metadata") or {}).get("resourceVersion", ""))


def _newer(said: Sayings, version: str) -> bool:
    """Whether the last thing said is the object in another version."""
    last = said[-1][1] if said else None
    return isinstance(last, dict) and last["metadata"]["resourceVersion"] != version


async def _done(call: Awaitable[None]) -> object:
    await call
    return DONE
