"""Every command where something is in its way: one sentence, what to do about it, a status of its own, no traceback."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from cluster.support.cli import Ran, cli
from cluster.support.world import World
from cluster.support.worlds import TOKEN, WorldMaker
from tokenfactory_operator.cli.app import COMMANDS
from tokenfactory_operator.cli.errors import Exit

pytestmark = pytest.mark.cluster

FLAGS: Final = ("--model", "openai/gpt-oss-120b", "--flavor", "base", "--gpu", "gpu-h100-sxm", "--region", "eu-north1")
NEED_THE_CLUSTER: Final = {
    "plan": ("-f", "deploy/samples/gpt-oss-120b.yaml"),
    "why": (),
    "list": (),
    "create": ("made", *FLAGS, "--count", "1"),
    "pause": ("subject",),
    "resume": ("subject",),
    "reconcile": ("subject",),
    "confirm": ("subject",),
    "crd": ("compare",),
}
"""Commands that do nothing without a cluster, with what they need to be told."""
SHOWN: Final = {
    "plan": ("-f", "deploy/samples/gpt-oss-120b.yaml"),
    "doctor": (),
    "why": (),
    "list": (),
    "templates": (),
}
"""Commands with a result for people and for programs."""
OTHERS: Final = {"doctor", "import", "templates", "simulator"}
"""Those that do something without a cluster too, or need none; tests of their own have what they say."""


def failed(ran: Ran, *says: str, code: int = Exit.ERROR) -> None:
    """It has said why it ends, in one sentence with a hint, and nothing else."""
    assert ran.code == code, ran
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert len(lines) == 2, ran.err
    assert re.fullmatch(r"Error: .+", lines[0])
    assert re.fullmatch(r"Hint: .+", lines[1])
    for word in (*says,):
        assert word in ran.err
    for word in ("Traceback", "defect", TOKEN, "the operator's Kubernetes"):
        assert word not in ran.err


@pytest.fixture(scope="module")
def settings(shared_by_module: World) -> dict[str, str]:
    """A token of this environment, for the simulator; no Deployment is there that could tell the cluster's id."""
    return {"TOKEN": TOKEN, "API_URL": shared_by_module.operator.setting("API_URL"), "CLUSTER_ID": "demo"}


def test_each_command_is_in_a_table() -> None:
    """A new one has to be added."""
    assert set(NEED_THE_CLUSTER) | OTHERS == {name for name, _, _ in COMMANDS}


# The cluster

Change = Callable[[dict[str, Any]], object]


def _user(body: dict[str, Any]) -> dict[str, Any]:
    user: dict[str, Any] = body["users"][0]["user"]
    return user


def _cluster(body: dict[str, Any]) -> dict[str, Any]:
    cluster: dict[str, Any] = body["clusters"][0]["cluster"]
    return cluster


BROKEN: Final[dict[str, tuple[Change, str]]] = {
    "nobody listens": (lambda body: _cluster(body).update(server="https://127.0.0.1:9"), "cannot be reached"),
    "a wrong token": (lambda body: _user(body).update(token="wrong"), "does not accept your Kubernetes credentials"),
    "no user": (lambda body: _user(body).clear(), "neither a token nor a client certificate"),
    "another CA": (lambda body: _cluster(body).pop("certificate-authority"), "certificate is not trusted"),
    "a CA that is not there": (lambda body: _cluster(body).update({"certificate-authority": "/nonexistent"}), "cannot"),
    "no context": (lambda body: body.update({"current-context": "gone"}), "current-context"),
    "no https": (lambda body: _cluster(body).update(server="http://127.0.0.1:9"), "not https://"),
    "a plugin that is not there": (
        lambda body: body["users"][0].update(
            user={
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "no-such",
                    "interactiveMode": "Never",
                }
            }
        ),
        "an exec plugin that fails",
    ),
}


@pytest.mark.parametrize("command", NEED_THE_CLUSTER)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_kubeconfig_that_leads_nowhere(
    command: str, broken: str, shared: World, settings: dict[str, str], tmp_path: Path
) -> None:
    """Each command says the same of it."""
    change, says = BROKEN[broken]
    body = copy.deepcopy(json.loads(shared.cluster.kubeconfig.read_text(encoding="utf-8")))
    change(body)
    (tmp_path / "config").write_text(json.dumps(body), encoding="utf-8")
    failed(cli(tmp_path / "config", **settings)(command, *NEED_THE_CLUSTER[command]), says)


@pytest.mark.parametrize("command", NEED_THE_CLUSTER)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(None, "does not exist", id="not there"),
        pytest.param("", "cannot be used", id="empty"),
        pytest.param("clusters: [", "cannot be used", id="no YAML"),
        pytest.param("[]", "cannot be used", id="no kubeconfig"),
    ],
)
def test_a_file_that_is_no_kubeconfig(
    command: str, text: str | None, says: str, settings: dict[str, str], tmp_path: Path
) -> None:
    """The file is named."""
    if text is not None:
        (tmp_path / "config").write_text(text, encoding="utf-8")
    failed(cli(tmp_path / "config", **settings)(command, *NEED_THE_CLUSTER[command]), says, str(tmp_path / "config"))


@pytest.fixture(scope="module")
def stranger(shared_by_module: World) -> Path:
    """The kubeconfig of an account without any right."""
    world = shared_by_module
    world.cluster.kubectl("create", "serviceaccount", "stranger", "-n", world.namespace)
    return world.cluster.token_kubeconfig(world.namespace, "stranger")


@pytest.mark.parametrize("command", NEED_THE_CLUSTER)
def test_without_rights(command: str, stranger: Path, settings: dict[str, str]) -> None:
    """Who may not do it is told that it is for want of a right, and which one."""
    failed(cli(stranger, **settings)(command, *NEED_THE_CLUSTER[command]), "account may not", "Ask for that right")


@pytest.mark.parametrize("command", sorted({*NEED_THE_CLUSTER, *OTHERS} - {"crd", "simulator"}))
def test_what_is_no_namespace(command: str, shared: World, settings: dict[str, str]) -> None:
    """It is refused before anything is asked for."""
    reported = {**NEED_THE_CLUSTER, "import": (), "doctor": (), "templates": ()}[command]
    ran = cli(shared.cluster.kubeconfig, **settings)(command, *reported, "-n", "No Name/..")
    if command in ("doctor", "templates", "import"):
        assert "Traceback" not in ran.out + ran.err
    else:
        failed(ran, "No Name/.. is no name of a namespace")


# The cloud


@pytest.mark.parametrize("command", ["plan", "import", "list", "templates", "create"])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"TOKEN": ""}, "There is no token", id="no token"),
        pytest.param(
            {"TOKEN": "wrong-token"}, "Check the token in TOKENFACTORY_TOKEN of this environment.", id="a wrong token"
        ),
        pytest.param({"TOKEN": "a b"}, "white space", id="no token at all"),
        pytest.param({"TOKEN": "", "TOKEN_FILE": "/nonexistent"}, "/nonexistent", id="no such file"),
        pytest.param({"API_URL": "http://127.0.0.1:9"}, "127.0.0.1:9", id="nobody listens"),
        pytest.param({"API_URL": "http://cloud.example"}, "unencrypted", id="no https"),
        pytest.param({"API_URL": "cloud"}, "not an http(s) address", id="no address"),
        pytest.param({"POLL_INTERVAL": "often"}, "TOKENFACTORY_POLL_INTERVAL", id="another setting"),
    ],
)
def test_a_cloud_that_cannot_be_asked(
    command: str, given: dict[str, str], says: str, shared: World, settings: dict[str, str]
) -> None:
    """With the setting or the address that it is about."""
    reported = NEED_THE_CLUSTER.get(command, ())
    failed(cli(shared.cluster.kubeconfig, **{**settings, **given})(command, *reported, "-n", shared.namespace), says)


# What is typed

TYPED: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    *(((name, "--nonsense"), "No such option: --nonsense") for name, _, _ in COMMANDS),
    (("nonsense",), "No such command"),
    (("docto",), "Did you mean 'doctor'?"),
    (("--nonsense",), "No such option"),
    (("plan",), "Missing option"),
    (("plan", "-f", "nothing.yaml"), "nothing.yaml cannot be read: No such file or directory."),
    (("plan", "-f", "hack/kstatus"), "has no manifest"),
    (("plan", "-f", "Makefile"), "is no YAML"),
    (("plan", "-f", "mkdocs.yml"), "There is no DedicatedEndpoint"),
    (("plan", "-f", "LICENSE"), "is no"),
    (("plan", "-f", "deploy/base/namespace.yaml"), "There is no DedicatedEndpoint"),
    (("import", "ep-none"), "The cloud does not list ep-none."),
    (("why", "nobody"), "There is no DedicatedEndpoint"),
    (("why", "-o", "xml"), "'xml' is not one of 'table', 'json'."),
    (("why", "x", "-w", "--timeout", "-1"), "--timeout"),
    (("templates", "nothing/like-it"), "is not in the catalog"),
    (("create",), "Missing argument"),
    (("create", "x"), "--model is missing"),
    (("create", "x", "--model", "openai/gpt-oss-12b"), 'Did you mean "openai/gpt-oss-120b"?'),
    (("create", "x", "--model", "openai/gpt-oss-120b", "--flavor", "fats"), 'Did you mean "fast"?'),
    (("create", "x", *FLAGS, "--count", "3"), "gpu.count 1, 2, 4, 8"),
    (("create", "x", *FLAGS[:6], "--region", "eu-nort1", "--count", "1"), "region eu-north1"),
    (("create", "x", *FLAGS[:4], "--gpu", "gpu-h100"), "--gpu gpu-h100 is not offered."),
    (("create", "x", *FLAGS, "--count", "few"), "--count"),
    (("create", "x", *FLAGS, "--count", "1", "--max-replicas", "99"), "scaling.maxReplicas 99"),
    (
        ("create", "x", *FLAGS, "--count", "1", "--min-replicas", "2", "--max-replicas", "1"),
        "spec.scaling: minReplicas must not be greater than maxReplicas",
    ),
    (("create", "No Name", *FLAGS, "--count", "1"), "is no name of an object"),
    (("pause",), "Name objects, or give --selector, or --all."),
    (("pause", "nobody"), "There is no DedicatedEndpoint"),
    (("pause", "-l", "a==b=="), "The API server answers: "),
    (("reconcile", "nobody", "--timeout", "soon"), "soon is no duration"),
    (("crd",), "Choose from: print, apply, compare."),
    (("crd", "nonsense"), "is not one of 'print', 'apply', 'compare'."),
    (("simulator", "--port", "99999999"), "--port"),
    (("simulator", "--port", "1", "--provisioning-time", "soon"), "--provisioning-time soon is no duration."),
    (("completion", "tcsh"), "There is no completion for tcsh."),
)


@pytest.mark.parametrize(("arguments", "says"), TYPED, ids=[" ".join(arguments) for arguments, _ in TYPED])
def test_what_was_typed(arguments: tuple[str, ...], says: str, shared: World, settings: dict[str, str]) -> None:
    """The mistake is named; what does not belong to a command is told with the help of that command."""
    ran = cli(shared.cluster.kubeconfig, **settings)(*arguments)
    failed(ran, says)
    if arguments[-1] == "--nonsense":
        assert f"See `{' '.join(('tokenfactory-operator', *arguments[:-1]))} --help`." in ran.err


def test_a_port_that_is_taken(shared: World) -> None:
    """The simulator prints no address that would lead to somebody else."""
    port = shared.operator.setting("API_URL").rpartition(":")[2]
    failed(cli(shared.cluster.kubeconfig)("simulator", "--port", port), "Address already in use", "--port")


def test_nothing_typed(shared: World) -> None:
    """The help, as kubectl has it."""
    ran = cli(shared.cluster.kubeconfig)()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: tokenfactory-operator ")


# What is shown


@pytest.fixture
def world(new_world: WorldMaker) -> World:
    """One object that is Ready, and one that is not."""
    made = new_world()
    made.created("subject")
    made.create("typo", model="openai/gpt-oss-12b")
    made.until_stalled("typo", "CatalogMismatch")
    return made


def test_a_result_for_programs_and_for_people(world: World) -> None:
    """JSON is JSON; elsewhere a row is a line; on a terminal each fits, ids are whole, and NO_COLOR is honoured."""
    run = cli(world.cluster.kubeconfig, TOKEN=TOKEN, API_URL=world.operator.setting("API_URL"))
    where = ("-n", world.namespace)
    endpoint_id = world.get("subject").endpoint_id
    for command, reported in SHOWN.items():
        assert run(command, *reported, *where, "-o", "json").json
        assert "\x1b" not in run(command, *reported, *where).out
        for width in ("40", "200"):
            coloured = run(command, *reported, *where, terminal=True, COLUMNS=width, TERM="xterm-256color")
            plain = run(command, *reported, *where, terminal=True, COLUMNS=width, TERM="xterm-256color", NO_COLOR="1")
            assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain.out), "a colour"
            assert coloured.code == plain.code
            if command == "list":
                assert endpoint_id in plain.out.replace("\n", "") or width == "40"
