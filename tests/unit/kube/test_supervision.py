"""What is said of namespaces and of the cluster, and what ends the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.access import CLUSTER_ID_RIGHT
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.login import Connection
from tokenfactory_operator.kube.namespaces import absent
from tokenfactory_operator.kube.paths import REVIEWS
from tokenfactory_operator.kube.supervision import LONGEST_PAUSE, UNAUTHORIZED_LIMIT, Backoffs, Supervisor
from unit.kube.loopback import Request, answer, client_of, loopback, status_answer
from unit.kube.test_crd import discovery, openapi

LISTS = "/apis/tokenfactory.nebius.com/v1alpha1"


class Server:
    """An API server: who lacks which verbs where, its revision, and what it answers instead of a list."""

    def __init__(self) -> None:
        self.lacking: set[tuple[str, str, str]] = set()
        """Namespace, verb, resource."""
        self.revision = 100
        self.instead: bytes | None = None
        self.crd = True
        self.events = 0
        """What is answered to the creation of an Event, if that is no answer about the namespace."""
        self.absent: set[str] = set()
        """Namespaces that do not exist; their lists are empty all the same."""
        self.back: list[str] = []
        self.failing: KubeError | None = None
        self.newest = 0

    def __call__(self, request: Request) -> bytes:
        """Answer."""
        path = request.target.partition("?")[0]
        if path == REVIEWS.within():
            asked = request.json["spec"]["resourceAttributes"]
            place = (asked.get("namespace", ""), asked["verb"], asked["resource"])
            return answer({"status": {"allowed": place not in self.lacking}})
        if path.endswith("/events"):
            assert request.target.endswith("?dryRun=All"), "nothing is written"
            return status_answer(self.events or (404 if path.split("/")[4] in self.absent else 201), "NotFound")
        if path == "/version":
            return answer({"gitVersion": "v1.37.2"})
        if path == LISTS:
            return discovery() if self.crd else answer("404 page not found\n", status=404)
        if path == f"/openapi/v3{LISTS}":
            return openapi()
        return self._list(path)

    def _list(self, path: str) -> bytes:
        if self.instead is not None:
            return self.instead
        if not self.crd:
            return answer("404 page not found\n", status=404)
        namespace = path.split("/")[5] if "/namespaces/" in path else ""
        if (namespace, "list", "dedicatedendpoints") in self.lacking:
            return status_answer(403, "Forbidden")
        return answer({"items": [], "metadata": {"resourceVersion": str(self.revision)}})

    async def returned(self, namespace: str) -> None:
        """A namespace came back."""
        if self.failing is not None:
            raise self.failing
        self.back.append(namespace)


@asynccontextmanager
async def supervised(server: Server, *namespaces: str) -> AsyncIterator[Supervisor]:
    """A supervisor of these namespaces (none: of all), not started."""
    async with loopback(server) as running, client_of(running) as client:
        supervisor = Supervisor(client, namespaces=namespaces, secrets=True, own=(CLUSTER_ID_RIGHT,))
        supervisor.attach(returned=server.returned, newest=lambda: server.newest)
        yield supervisor


async def test_all_rights_are_there() -> None:
    """Nothing is said, and every namespace is listed."""
    async with supervised(Server(), "a", "b") as supervisor:
        await supervisor.start()
        await supervisor.look(review=True)
        assert (supervisor.problem(), supervisor.note()) == (None, "all served")
        assert supervisor.listable() == supervisor.listable_secrets() == ("a", "b")


async def test_a_renewed_authority_ends_the_process(tmp_path: Path) -> None:
    """The API server's, which the watch would not follow; a file that is being written is read again later."""
    authority = tmp_path / "ca.pem"
    authority.write_text("old")
    server = Server()
    async with loopback(server) as running:

        async def load() -> Connection:
            if not authority.read_text():
                raise SetupError("empty")
            return replace(running.connection(), sources=(str(authority),))

        # The file is a source only: this server speaks no TLS.
        async with KubeClient(await load(), load) as client:
            supervisor = Supervisor(client, namespaces=(), secrets=True)
            await supervisor.look()
            authority.write_text("")
            await supervisor.look()
            authority.write_text("another token")
            await supervisor.look()
            running.url = running.url.replace("127.0.0.1", "localhost")
            await supervisor.look()
            authority.write_text("new")
            with pytest.raises(SetupError, match="was renewed: the operator ends"):
                await supervisor.look()


async def test_renewed_authorities_of_the_cloud_end_the_process(tmp_path: Path) -> None:
    """The bundle of the setting or of the environment: connections that are open trust the old one."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("old")
    async with loopback(Server()) as running, client_of(running) as client:
        supervisor = Supervisor(client, namespaces=(), secrets=True, bundles=[str(bundle)])
        await supervisor.look()
        bundle.unlink()
        await supervisor.look()
        bundle.write_text("new")
        with pytest.raises(SetupError, match=r"bundle\.pem were renewed: the operator ends"):
            await supervisor.look()


async def test_a_namespace_without_rights_stops_itself_only() -> None:
    """It is named with verb and resource, and left out until its rights come."""
    server = Server()
    server.lacking = {("a", verb, "dedicatedendpoints") for verb in ("list", "watch")}
    async with supervised(server, "a", "b") as supervisor:
        await supervisor.start()
        assert "Namespace a is not served" in supervisor.note()
        assert "list and watch dedicatedendpoints" in supervisor.note()
        assert supervisor.problem() is None
        assert supervisor.listable() == ("b",)
        assert supervisor.states() == {"a": False, "b": True}
        assert [supervisor.served(name) for name in ("a", "b", "c")] == [False, True, False]
        await supervisor.look()
        assert server.back == []
        server.lacking.clear()
        await supervisor.look()
        assert server.back == ["a"]
        assert (supervisor.note(), supervisor.listable()) == ("all served", ("a", "b"))


async def test_rights_that_are_lost_while_it_runs() -> None:
    """A list that is forbidden has the rights asked for at once; a lost right to write when a write was refused."""
    server = Server()
    async with supervised(server, "a", "b") as supervisor:
        await supervisor.start()
        server.lacking = {("a", "list", "dedicatedendpoints"), ("b", "patch", "dedicatedendpoints")}
        await supervisor.look()
        assert supervisor.listable() == ("b",)
        supervisor.doubt("b")
        await supervisor.look()
        assert supervisor.listable() == ()
        assert "Namespace b is not served" in (supervisor.problem() or "")


@pytest.mark.parametrize("there", [201, 403, 409])
async def test_a_namespace_that_does_not_exist(there: int, caplog: pytest.LogCaptureFixture) -> None:
    """With rights in the whole cluster its list is empty. It is said once, and it is served as soon as it exists."""
    caplog.set_level(logging.INFO)
    server = Server()
    server.absent = {"b"}
    async with supervised(server, "a", "b") as supervisor:
        await supervisor.start()
        assert supervisor.note() == absent("b")
        assert supervisor.problem() is None
        assert supervisor.listable() == ("a", "b")
        for server.events in (0, 401, 429, 500):
            await supervisor.look(review=True)
        server.lacking, server.events = {("b", "create", "events")}, 403
        await supervisor.look()
        assert absent("b") in supervisor.note(), "without that right the answer says nothing of the namespace"
        server.lacking.clear()
        server.absent, server.events = set(), there
        await supervisor.look()
        assert supervisor.note() == "all served"
    said = [record.message for record in caplog.records if "may not create events" not in record.message]
    assert said == [absent("b"), "Namespace b exists now"]


async def test_rights_of_less_weight() -> None:
    """Without Events or Secrets the objects are served, and it is said; the Secrets are not listed there."""
    server = Server()
    server.lacking = {("a", "patch", "events"), ("a", "list", "secrets")}
    async with supervised(server, "a", "b") as supervisor:
        await supervisor.start()
        assert "patch events, list secrets" in supervisor.note()
        assert supervisor.problem() is None
        assert supervisor.listable() == ("a", "b")
        assert supervisor.listable_secrets() == ("b",)


@pytest.mark.parametrize(
    ("namespaces", "lacking"),
    [
        pytest.param((), ("", "patch", "dedicatedendpoints"), id="objects of the cluster"),
        pytest.param((), ("", "create", "events"), id="events of the cluster"),
        pytest.param(("a",), ("", "get", "namespaces"), id="the process's own"),
    ],
)
async def test_rights_of_the_cluster_end_the_start(namespaces: tuple[str, ...], lacking: tuple[str, str, str]) -> None:
    """One message names them."""
    server = Server()
    server.lacking = {lacking}
    async with supervised(server, *namespaces) as supervisor:
        with pytest.raises(SetupError) as caught:
            await supervisor.start()
    assert f"{lacking[1]} {lacking[2]}" in caught.value.message
    assert "in the whole cluster" in caught.value.message


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        pytest.param(status_answer(401, "Unauthorized"), "expired or was revoked", id="401"),
        pytest.param(status_answer(500, "InternalError"), "cannot be used", id="500"),
        pytest.param(status_answer(403, "Forbidden"), "not allowed", id="403 everywhere"),
    ],
)
async def test_an_api_server_that_cannot_be_used(instead: bytes, said: str) -> None:
    """It is a problem as long as it lasts, and no longer."""
    server = Server()
    async with supervised(server) as supervisor:
        await supervisor.start()
        server.instead = instead
        await supervisor.look()
        assert said in (supervisor.problem() or "")
        assert said in await supervisor.explain(RuntimeError("x"))
        server.instead = None
        await supervisor.look()
        assert supervisor.problem() is None


@pytest.mark.looptime
async def test_credentials_that_stay_refused_end_the_process() -> None:
    """Not the first 401, nor one after others that ended; a pulse tells when it has lasted too long."""
    server = Server()
    async with supervised(server) as supervisor:
        await supervisor.start()
        for _ in range(2):
            server.instead = status_answer(401, "Unauthorized")
            await supervisor.look()
            await asyncio.sleep(UNAUTHORIZED_LIMIT / 2)
            await supervisor.look()
            server.instead = None
            await supervisor.look()
        server.instead = status_answer(401, "Unauthorized")
        with pytest.raises(SetupError, match="does not accept"):
            await supervisor.run()


async def test_a_crd_that_is_gone_ends_the_process() -> None:
    """So does the end of the watch that comes with it, with the same sentence."""
    server = Server()
    async with supervised(server, "a") as supervisor:
        await supervisor.start()
        server.crd = False
        with pytest.raises(SetupError, match="This cluster has no DedicatedEndpoint"):
            await supervisor.look()
        assert (await supervisor.explain(RuntimeError("404"))).startswith("This cluster has no DedicatedEndpoint")


async def test_versions_that_go_back_end_the_process() -> None:
    """Equal ones are a cluster at rest; lower ones are an etcd that was restored."""
    server = Server()
    async with supervised(server, "a", "b") as supervisor:
        await supervisor.look()
        await supervisor.look()
        server.revision = 99
        with pytest.raises(SetupError, match="went back from 100 to 99"):
            await supervisor.look()


async def test_a_list_that_is_older_than_an_object_ends_the_process() -> None:
    """What the watch or a write of ours has shown counts as read."""
    server = Server()
    async with supervised(server) as supervisor:
        server.newest = 101
        with pytest.raises(SetupError, match="went back from 101 to 100"):
            await supervisor.look()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(AssertionError(), "(AssertionError).", id="without words"),
        pytest.param(ValueError("odd"), "(ValueError: odd).", id="with words"),
    ],
)
async def test_an_end_without_a_cause(error: Exception, said: str) -> None:
    """Where all is well with Kubernetes, what kopf failed with is named."""
    async with supervised(Server()) as supervisor:
        assert (await supervisor.explain(error)).endswith(said)


async def test_what_could_not_be_taken_up_is_tried_again() -> None:
    """A namespace counts as served only when its objects were listed."""
    server = Server()
    server.lacking = {("a", "watch", "dedicatedendpoints")}
    async with supervised(server, "a", "b") as supervisor:
        await supervisor.start()
        server.lacking.clear()
        server.failing = KubeError("not now")
        await supervisor.look()
        assert supervisor.listable() == ("b",)
        server.failing = None
        await supervisor.look()
        assert supervisor.listable() == ("a", "b")


def test_kopf_never_gives_up() -> None:
    """Its pauses grow to a limit and do not end; each request begins with the first."""
    backoffs = Backoffs()
    assert list(islice(backoffs, 6)) == [1.0, 2.0, 4.0, 8.0, LONGEST_PAUSE, LONGEST_PAUSE]
    assert next(iter(backoffs)) == 1.0
