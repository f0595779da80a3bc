"""`doctor` against the real API server and the simulator: each check, when it is well and when it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.support.cli import Cli, cli
from cluster.support.installed import HOLDER, install, lead, uninstall_all
from cluster.support.world import World
from cluster.support.worlds import TOKEN, WorldMaker
from controlplane import Cluster

pytestmark = pytest.mark.cluster

Report = dict[str, dict[str, Any]]


def administrator(world: World, **settings: str) -> Cli:
    """Whoever has all rights."""
    return cli(world.cluster.kubeconfig, **settings)


def report(world: World, *arguments: str, code: int = 0, **settings: str) -> Report:
    """The checks by name; of several of one name the last. No output shows the token."""
    ran = administrator(world, **settings).done("doctor", "-n", world.namespace, "-o", "json", *arguments, code=code)
    assert TOKEN not in ran.out + ran.err
    assert ran.json["healthy"] == (code == 0)
    return {check["name"]: check for check in ran.json["checks"]}


def a_guest(world: World, *more: str) -> Path:
    """The kubeconfig of an account that reads objects and Deployments of the world's namespace, `more`, and no more."""
    resources = ",".join(("dedicatedendpoints.tokenfactory.nebius.com", "deployments.apps", "events", *more))
    where, account = ("-n", world.namespace), f"{world.namespace}:guest"
    world.cluster.kubectl("create", "serviceaccount", "guest", *where)
    world.cluster.kubectl("create", "role", "guest", *where, "--verb=get,list", f"--resource={resources}")
    world.cluster.kubectl("create", "rolebinding", "guest", *where, "--role=guest", f"--serviceaccount={account}")
    return world.cluster.token_kubeconfig(world.namespace, "guest")


def make_pod(world: World, address: str) -> None:
    """The pod that leads, as far as a kubelet has come with it."""
    container = {"name": "operator", "image": "operator"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": HOLDER}, "spec": {"containers": [container]}}
    where = ("-n", world.namespace)
    world.cluster.kubectl("create", *where, "-f", "-", input=json.dumps(pod))
    if address:
        patch = json.dumps({"status": {"podIP": address, "podIPs": [{"ip": address}]}})
        world.cluster.kubectl("patch", "pod", HOLDER, *where, "--subresource=status", "--type=merge", "-p", patch)


def metrics(world: World) -> tuple[str, str]:
    """Where this world's operator, which is no pod, serves its metrics."""
    return "--metrics-url", f"http://{world.operator.address('/metrics')}/metrics"


@pytest.fixture(autouse=True)
def nothing_installed(cluster: Cluster) -> Iterator[None]:
    """Each test finds its own operator only."""
    yield
    uninstall_all(cluster)


@pytest.fixture
def world(new_world: WorldMaker) -> World:
    """An operator that is installed, leads, and may adopt."""
    made = new_world(settings={"ADOPTION_NAMESPACES": "*"})
    install(made, pollInterval="10s")  # by the world's own a busy machine's last list would be too old
    lead(made)
    return made


def test_all_is_well(world: World) -> None:
    """Each part is looked at with the token of the operator's Secret, and nothing is written anywhere."""
    world.created("subject")
    before, writes = world.now(), world.writes()
    found = report(world, *metrics(world))
    assert {name: check["status"] for name, check in found.items()} == dict.fromkeys(
        (
            *("api-server", "crd", "your-rights", "deployment", "operator-rights", "leader", "last-list", "token"),
            *("catalog", "objects", "orphans"),
        ),
        "ok",
    )
    assert "lists 1 endpoint in" in found["token"]["message"]
    assert f"the Secret {world.namespace}/token" in found["token"]["message"]
    assert HOLDER in found["leader"]["message"]
    assert {call["method"] for call in world.cloud.calls(since=before)} == {"GET"}
    assert world.writes() == writes


def test_for_people(world: World) -> None:
    """A line each under its heading, with a mark; what to type stands below a problem."""
    world.create("subject", model="openai/gpt-oss-12b")
    world.until_stalled("subject", "CatalogMismatch")
    ran = administrator(world).done("doctor", "-n", world.namespace, *metrics(world), code=2)
    lines = ran.out.splitlines()
    assert [line for line in lines if line in ("Cluster", "Operator", "Cloud", "Endpoints")] == [
        "Cluster",
        "Operator",
        "Cloud",
        "Endpoints",
    ]
    (at,) = [at for at, line in enumerate(lines) if "CatalogMismatch" in line]
    assert lines[at].startswith(f"✗ {world.namespace}/subject is stalled: CatalogMismatch: ")
    assert 'Did you mean "openai/gpt-oss-120b"?' in lines[at]
    assert lines[at + 1] == f"  → kubectl -n {world.namespace} edit dep subject"
    assert lines[-1] == "1 problem, 0 warnings."


def test_an_orphan_a_conflict_and_an_open_attempt(world: World) -> None:
    """Each is named with what to do about it."""
    orphan = world.created("orphan").endpoint_id
    wanted = world.created("wanted").endpoint_id
    world.faulty("opened", "POST", effect="status", code=500)  # however many: none of them makes an endpoint
    world.create("opened")
    world.until_reported("opened", "Synced", "CreateOutcomeUnknown")
    world.operator.kill()
    world.kube.patch(world.namespace, "orphan", {"metadata": {"finalizers": None}})
    world.delete("orphan")
    world.until_gone("orphan")
    world.create("second", endpointId=wanted)
    found = report(world, code=2)
    assert orphan in found["orphan"]["message"]
    assert orphan in found["orphan"]["next"]
    assert f"{world.namespace}/second" in found["conflict"]["message"]
    assert wanted in found["conflict"]["message"]
    assert f"{world.namespace}/opened" in found["attempt"]["message"]
    assert f"{world.namespace}/second" in found["unjudged"]["message"]


@pytest.mark.parametrize(
    ("values", "name", "status", "says"),
    [
        pytest.param({"ready": 0}, "deployment", "problem", "0 of 2 pods are ready", id="no pod"),
        pytest.param({"ready": 1}, "deployment", "warning", "1 of 2 pods are ready", id="one pod of two"),
        pytest.param({"token": "wrong-token"}, "token", "problem", "401", id="wrong token"),
        pytest.param({"token": ""}, "token", "problem", "has nothing under the key token", id="empty Secret"),
        pytest.param({"apiUrl": "http://127.0.0.1:9"}, "token", "problem", "127.0.0.1:9", id="cloud not reachable"),
    ],
)
def test_what_is_wrong_with_the_installation(
    new_world: WorldMaker, values: dict[str, Any], name: str, status: str, says: str
) -> None:
    """The check says so, and what to do; the rest is looked at all the same."""
    world = new_world(start=False)
    install(world, **values)
    lead(world)
    found = report(world, code=2 if status == "problem" else 0)
    assert found[name]["status"] == status
    assert says in found[name]["message"]
    assert found[name]["next"]
    assert found["objects"]["status"] == "ok"


@pytest.mark.parametrize(
    ("ago", "says"), [pytest.param(300.0, "Nobody leads any more", id="late"), (None, "no holder")]
)
def test_nobody_leads(new_world: WorldMaker, ago: float | None, says: str) -> None:
    """A Lease that is not renewed, and none at all, are problems."""
    world = new_world(start=False)
    install(world)
    if ago is not None:
        lead(world, ago=ago)
    found = report(world, code=2)
    assert says in found["leader"]["message"]


def test_rights_that_are_missing(world: World) -> None:
    """Of the operator's account by name and place; and of whoever asks, who sees the rest."""
    world.cluster.kubectl("delete", "rolebinding", "-n", world.namespace, "--all")
    found = report(world, code=2)
    assert "create and patch events" in found["operator-rights"]["message"]
    assert world.namespace in found["operator-rights"]["message"]

    guest = cli(a_guest(world))
    ran = guest("doctor", "-n", world.namespace, "-o", "json")
    checks = {check["name"]: check for check in ran.json["checks"]}
    assert "may not" in checks["your-rights"]["message"]
    assert checks["token"]["status"] == "unknown"
    assert "cannot be read" in checks["token"]["message"]
    assert checks["operator-rights"]["status"] == "unknown"
    assert checks["crd"]["status"] == "ok"


def test_a_watched_namespace_that_does_not_exist(world: World) -> None:
    """It is named, with the command that makes it; those that exist are not mentioned."""
    found = report(world, code=2, WATCH_NAMESPACES=f"nowhere,{world.namespace}")
    assert found["namespace"]["status"] == "warning"
    assert found["namespace"]["message"].startswith("Namespace nowhere does not exist")
    assert found["namespace"]["next"] == "kubectl create namespace nowhere"


@pytest.mark.parametrize("lacking", ["Secret", "key"])
def test_an_installation_without_its_token(world: World, lacking: str) -> None:
    """No pod can start with it, so a person has to act: the command makes the Secret, with its key."""
    where = ("-n", world.namespace)
    if lacking == "Secret":
        world.cluster.kubectl("delete", "secret", "token", *where)
    else:
        patch = '[{"op": "move", "from": "/data/token", "path": "/data/TOKEN"}]'
        world.cluster.kubectl("patch", "secret", "token", *where, "--type=json", "-p", patch)
    token = report(world, code=2)["token"]
    assert token["status"] == "problem"
    assert f"{world.namespace}/token" in token["message"]
    assert f"kubectl -n {world.namespace} create secret generic token --from-file=token=" in token["next"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        pytest.param(None, "which holds the Lease, is not there.", id="no pod"),
        pytest.param("", "address not allowed", id="not started"),
        pytest.param("127.0.0.1", "address not allowed", id="of the node itself"),
    ],
)
def test_the_pod_that_leads_cannot_be_asked(world: World, address: str | None, says: str) -> None:
    """In the API server's words, with the pod to look at; the other checks go on."""
    if address is not None:
        make_pod(world, address)
    found = report(world)
    assert found["last-list"]["status"] == "unknown"
    assert says in found["last-list"]["message"]
    assert found["last-list"]["next"] == f"kubectl -n {world.namespace} get pod {HOLDER}"
    assert found["objects"]["status"] == "ok"


def test_the_right_to_ask_the_pod(world: World) -> None:
    """Who has it not is told which one it is."""
    leases = "leases.coordination.k8s.io"
    found = {check["name"]: check for check in cli(a_guest(world, leases))("doctor", "-o", "json").json["checks"]}
    assert found["leader"]["status"] == "ok"
    assert found["last-list"]["status"] == "unknown"
    assert "Your Kubernetes account may not do that: pods" in found["last-list"]["message"]
    assert "the right get on pods/proxy" in found["last-list"]["next"]


def test_no_operator_and_a_token_of_this_machine(new_world: WorldMaker) -> None:
    """The token is sent to the address of this environment; that no Deployment was found is a warning."""
    world = new_world(start=False)
    found = report(world, TOKEN=TOKEN, API_URL=world.operator.setting("API_URL"))
    assert found["deployment"]["status"] == "warning"
    assert "TOKENFACTORY_TOKEN of this environment" in found["token"]["message"]


@pytest.mark.parametrize("arguments", [(), ("--metrics-url", "http://127.0.0.1:9/metrics")], ids=["Lease", "metrics"])
def test_an_operator_that_is_a_process_of_its_own(new_world: WorldMaker, arguments: tuple[str, ...]) -> None:
    """Nobody is told to install another one beside it."""
    world = new_world(start=False)
    if not arguments:
        lead(world)
    ran = administrator(world, TOKEN=TOKEN, API_URL=world.operator.setting("API_URL"))(
        "doctor", "-n", world.namespace, "-o", "json", *arguments
    )
    found = {check["name"]: check for check in ran.json["checks"]}
    assert found["deployment"]["status"] == "ok"
    assert "process of its own" in found["deployment"]["message"]
    assert "helm" not in ran.out
    assert found["leader"]["status"] == ("unknown" if arguments else "ok")


def test_a_cluster_that_cannot_be_reached(world: World) -> None:
    """One problem; what needs the cluster is not looked at, the cloud is."""
    alone = cli(Path("/nonexistent"), TOKEN=TOKEN, API_URL=world.operator.setting("API_URL"))
    ran = alone("doctor", "-o", "json")
    checks = {check["name"]: check["status"] for check in ran.json["checks"]}
    assert ran.code == 2
    assert checks == {
        "cluster": "problem",
        "operator": "unknown",
        "token": "ok",
        "catalog": "ok",
        "endpoints": "unknown",
    }
