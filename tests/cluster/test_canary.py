"""A token stays where it is: whatever the cloud does with it, nothing that people or programs read shows a part of it.

The operator runs at its most talkative, before a server that answers every kind of call in every form with the token.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.support import canary
from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.echo import FORMS, Echo, Request, echoing
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.lists import COLLECTION
from cluster.support.operator_process import OperatorProcess
from cluster.support.rights import until_in_force
from cluster.support.secrets import apply_secret, credentials
from cluster.support.world import World
from cluster.support.worlds import PROJECT, SYSTEM, TOKEN, Chart
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_simulator.testing import running_simulator

pytestmark = pytest.mark.cluster

DEBUG = {"LOG_LEVEL": "debug"}
LISTS_OF_EACH = 2
RELEASE = "canary-tokenfactory-operator"
KEY = "key"


@dataclass(frozen=True)
class Cage:
    """A world with a server that echoes in front of its cloud, and the token that must not come out."""

    world: World
    echo: Echo
    token: str
    folder: Path
    """Where the operator may write."""
    keep: Callable[[World, str], object]
    """Puts a text where this world's token is kept."""
    spec: dict[str, Any]
    """What an object needs to use it."""

    def check(self, when: str) -> None:
        """Nothing shows a part of the token."""
        shown = canary.found(self.token, canary.traces(self.world, self.folder))
        assert shown == {}, f"{when}: the token's parts are in {sorted(shown)}: {shown}"


@pytest.fixture(scope="module")
def talkative(cluster: Cluster, chart: Chart) -> Chart:
    """The chart once more, with the right to read Secrets; the CRD is there already."""
    values = (*RIGHTS_ONLY, "--set=rbac.aggregate=false", "--set=secretCredentials=true")
    cluster.helm("install", "canary", str(CHART), "--namespace", SYSTEM, *values)
    account = chart.account.rpartition(":")[0] + ":" + RELEASE
    until_in_force(cluster, "canary", SYSTEM, account)
    return Chart(cluster.token_kubeconfig(SYSTEM, RELEASE), account)


@pytest.fixture(params=["environment", *(pytest.param(kept, marks=pytest.mark.verify) for kept in ("file", "secret"))])
def cage(
    request: pytest.FixtureRequest, cluster: Cluster, kube: KubeApi, talkative: Chart, tmp_path: Path
) -> Iterator[Cage]:
    """An operator that runs; the parameter is where the token comes from."""
    token, namespace, folder = canary.a_token(), f"canary-{secrets.token_hex(4)}", tmp_path / "folder"
    folder.mkdir()
    file = tmp_path / "token"
    file.write_text(token)
    kube.create_namespace(namespace)
    where, keep, spec = {
        "environment": ({"TOKEN": token}, _kept_nowhere, {}),
        "file": ({"TOKEN_FILE": str(file)}, lambda _, text: file.write_text(text), {}),
        "secret": (
            {"TOKEN": TOKEN, "SECRET_CREDENTIALS": "true"},
            lambda world, text: apply_secret(world, KEY, text),
            {"credentials": credentials(KEY)},
        ),
    }[request.param]
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator(tokens={token: PROJECT, TOKEN: "another"}))
        echo = stack.enter_context(echoing(simulator.url))
        settings = {"API_URL": echo.url, "WATCH_NAMESPACES": namespace, "LEASE_NAME": RELEASE, **DEBUG, **where}
        operator = OperatorProcess(
            kubeconfig=talkative.kubeconfig, log=tmp_path / "log", settings=settings, folder=folder
        )
        stack.callback(operator.kill)
        world = World(cluster, kube, simulator.admin, operator, namespace, talkative.account)
        keep(world, token)
        operator.start()
        yield Cage(world, echo, token, folder, keep, spec)
        kube.delete_namespace(namespace)


def _kept_nowhere(_world: World, _text: str) -> None:
    """What stands in the environment stays as long as the process."""


def test_every_echo(cage: Cage) -> None:
    """Each form of echo in answer to each kind of call: POST, PATCH, LIST and DELETE, in one life of many objects."""
    world, names = cage.world, {f"echo-{form}": form for form in FORMS}
    _echo_once(cage, "POST", lambda request: next(form for name, form in names.items() if _is_about(request, name)))
    for name in names:
        world.create(name, **cage.spec)
    _all_echoed(cage, "POST")
    for name in names:
        world.until_ready(name)
    form_of = {world.endpoint(name)["id"]: form for name, form in names.items()}
    _echo_once(cage, "PATCH", lambda request: form_of[request.target.rpartition("/")[2]])
    for name in names:
        world.edit(name, displayName="renamed")
    _all_echoed(cage, "PATCH")
    for name in names:
        world.until_ready(name)
    _echo_lists(cage)
    for name in names:
        world.until_ready(name)
    _echo_once(cage, "DELETE", lambda request: form_of[request.target.rpartition("/")[2]])
    world.kube.delete_all(world.namespace)
    _all_echoed(cage, "DELETE")
    # This one's DELETE was answered as done, and would be sent again after a minute only; on a slow machine it was.
    with suppress(httpx.HTTPStatusError):
        world.cloud.console_delete(next(endpoint_id for endpoint_id, form in form_of.items() if form == "no-fields"))
    for name in names:
        world.until_gone(name)
    assert world.cloud.endpoints() == []
    cage.check("at the end")
    assert {api.PLURAL, "events"} <= canary.bodies(world)
    assert "[redacted]" in world.operator.log_text()
    assert world.operator.stop() == 0


def test_life_and_restarts(cage: Cage) -> None:
    """An undisturbed life, a kill and a stop under fire."""
    world = cage.world
    world.created("subject", **cage.spec)
    cage.check("in order")
    world.operator.kill()
    world.operator.start()
    world.edit("subject", scaling={"minReplicas": 2, "maxReplicas": 4})
    world.until_ready("subject")
    cage.echo.choose = lambda _: "bad-chunk"
    eventually(lambda: cage.echo.answered["GET", "bad-chunk"] > LISTS_OF_EACH, what="answers that end nowhere")
    cage.check("under fire")
    assert world.operator.stop() == 0
    assert canary.found(cage.token, {"log": world.operator.log_text()}) == {}
    cage.echo.choose = lambda _: None
    world.operator.start()
    world.delete("subject")
    world.until_gone("subject")
    cage.check("at the end")


@pytest.mark.parametrize("cage", [pytest.param("file", marks=pytest.mark.verify), "secret"], indirect=True)
@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param("{token}\nsecond line", id="two lines"),
        pytest.param("Bearer {token}", id="with the header's word", marks=pytest.mark.verify),
        pytest.param("{token}é", id="not ASCII", marks=pytest.mark.verify),
        pytest.param('{{"token": "{token}" }}', id="JSON", marks=pytest.mark.verify),
        pytest.param("{token}" * 2000, id="far too long", marks=pytest.mark.verify),
    ],
)
def test_wrong_content(cage: Cage, spoilt: str) -> None:
    """A text that is no token is refused without being quoted, and the right one is used without a restart."""
    world = cage.world
    world.created("subject", **cage.spec)
    cage.keep(world, spoilt.format(token=cage.token))

    def refused() -> bool:
        said = world.get("subject").said("Synced")
        assert said.status != "True", said
        return True

    eventually(refused)
    cage.check("while it is wrong")
    cage.keep(world, cage.token)
    world.until_ready("subject")
    world.delete("subject")
    world.until_gone("subject")
    cage.check("at the end")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"TOKEN": "{token} and more"}, id="token with spaces"),
        pytest.param({"TOKEN": "{token}é"}, id="token that is not ASCII"),
        pytest.param({"TOKEN": "{token}", "TOKEN_FILE": "/dev/null"}, id="two tokens"),
        pytest.param({"TOKEN": "{token}", "API_URL": "https://user:{token}@host.example"}, id="token in the address"),
        pytest.param({"TOKEN": "{token}", "RATE_LIMIT": "{token}"}, id="token as a number"),
        pytest.param({"TOKEN": "{token}", "TOKENS": "{token}"}, id="unknown setting"),
    ],
)
def test_wrong_start(talkative: Chart, tmp_path: Path, settings: dict[str, str]) -> None:
    """What is said about settings that cannot be used quotes no secret."""
    token = canary.a_token()
    given = {
        "API_URL": "http://127.0.0.1:9",
        **DEBUG,
        **{name: text.format(token=token) for name, text in settings.items()},
    }
    operator = OperatorProcess(kubeconfig=talkative.kubeconfig, log=tmp_path / "log", settings=given)
    operator.start(wait=False)
    try:
        eventually(lambda: operator.log_text().count("\n") >= 1, what="a word about it")
    finally:
        operator.kill()
    assert canary.found(token, {"log": operator.log_text()}) == {}


def _is_about(request: Request, name: str) -> bool:
    return f"/{name} uid=" in request.body.decode()


def _echo_once(cage: Cage, method: str, form_of: Callable[[Request], str]) -> None:
    """Answer the first call of this method about each object in its form, and pass all others on."""

    def choose(request: Request) -> str | None:
        if request.method != method or request.token != cage.token:
            return None
        form = form_of(request)
        return None if cage.echo.answered[method, form] else form

    cage.echo.choose = choose


def _all_echoed(cage: Cage, method: str) -> None:
    """Every form was answered and is looked at; then a person has each object tried again."""
    echoed = cage.echo.answered
    eventually(lambda: all(echoed[method, form] for form in FORMS), what=f"each form in answer to a {method}")
    cage.check(f"after {method}")
    for item in cage.world.kube.objects(cage.world.namespace):
        with suppress(AssertionError):  # a deleted one may have gone since it was listed
            cage.world.annotate(item["metadata"]["name"], api.RECONCILE_REQUESTED_AT, method)


def _echo_lists(cage: Cage) -> None:
    """Some LISTs in each form, one form after the other."""
    echoed = cage.echo.answered

    def choose(request: Request) -> str | None:
        if request.method != "GET" or request.token != cage.token or not request.target.startswith(COLLECTION):
            return None
        return next((form for form in FORMS if echoed["GET", form] < LISTS_OF_EACH), None)

    cage.echo.choose = choose
    eventually(lambda: all(echoed["GET", form] >= LISTS_OF_EACH for form in FORMS), what="LISTs")
    cage.check("after LIST")
