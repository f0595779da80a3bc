"""What a command makes of a cluster that it cannot use, and of an operator that it does not find."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from tokenfactory_operator.cli import session as module
from tokenfactory_operator.cli.errors import CliError
from tokenfactory_operator.cli.output import Output
from tokenfactory_operator.cli.session import Options, Session
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import SetupError
from unit.kube.loopback import Request, answer, client_of, loopback, status_answer

TOKEN: Final = {"TOKENFACTORY_TOKEN": "a-token-of-1-person"}
UID: Final = "c1c1c1c1-0000-0000-0000-000000000000"


def deployment(name: str) -> dict[str, Any]:
    """An operator whose cluster id is not that of `kube-system`, and is read where its name has one letter."""
    given = {"value": "prod"} if len(name) == 1 else {"valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}
    container = {"name": "operator", "env": [{"name": "TOKENFACTORY_CLUSTER_ID", **given}]}
    return {"metadata": {"namespace": "ops", "name": name}, "spec": {"template": {"spec": {"containers": [container]}}}}


def cluster(*operators: str) -> Callable[[Request], bytes]:
    """An API server with these operators."""

    def respond(request: Request) -> bytes:
        if "deployments" in request.target:
            return answer({"items": [deployment(name) for name in operators]})
        return answer({"metadata": {"uid": UID, "name": "kube-system", "resourceVersion": "1"}})

    return respond


@asynccontextmanager
async def typed(
    monkeypatch: pytest.MonkeyPatch, respond: Callable[[Request], bytes], *, operator: str = ""
) -> AsyncIterator[Session]:
    """A command that is typed there, with a token of one's own."""
    async with loopback(respond) as server, client_of(server) as client:

        async def connected(_load: object) -> KubeClient:
            return client

        monkeypatch.setattr(module, "connect", connected)
        async with Session(Options(namespace="ml", operator=operator), Output(), TOKEN) as session:
            yield session


@pytest.mark.parametrize(
    ("operators", "named", "says"),
    [
        pytest.param(("a",), "ops/b", "There is no operator ops/b", id="none of that name"),
        pytest.param(("a", "b"), "", "Several operators could be meant", id="several"),
    ],
)
async def test_an_operator_that_is_not_found_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, operators: tuple[str, ...], named: str, says: str
) -> None:
    """Its settings say whose endpoints are whose: without them another cluster's id would count."""
    async with typed(monkeypatch, cluster(*operators), operator=named) as session:
        with pytest.raises(CliError, match=says):
            await session.access_without_cluster()


async def test_without_a_cluster_this_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cloud can be asked all the same."""
    async with typed(monkeypatch, lambda _: status_answer(500, "InternalError")) as session:
        assert (await session.access_without_cluster()).settings.cluster_id is None

    async def connected(_load: object) -> KubeClient:
        raise SetupError("There is no kubeconfig.")

    monkeypatch.setattr(module, "connect", connected)
    async with Session(Options(), Output(), TOKEN) as session:
        assert (await session.access_without_cluster()).token is not None


@pytest.mark.parametrize(
    ("operators", "environ", "cluster_id", "says"),
    [
        pytest.param(("a",), {}, "prod", "", id="found"),
        pytest.param((), {"TOKENFACTORY_CLUSTER_ID": "prod"}, "prod", "", id="given here"),
        pytest.param((), {}, "c1c1c1c1", "No operator was found", id="none found"),
        pytest.param(("hidden",), {}, "c1c1c1c1", "Not all settings of ops/hidden can be read", id="hidden"),
    ],
)
async def test_a_cluster_id_that_is_not_known_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    operators: tuple[str, ...],
    environ: dict[str, str],
    cluster_id: str,
    says: str,
) -> None:
    """Else each endpoint of this cluster would look like that of another one, and nobody would know why."""
    async with typed(monkeypatch, cluster(*operators)) as session:
        session.environ = TOKEN | environ
        assert await session.cluster_id() == cluster_id
        await session.note_unknown_settings()
    printed = capsys.readouterr().err
    assert says in printed
    assert bool(printed) == bool(says)
