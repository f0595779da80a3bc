"""Argo CD's health and actions of our resource, by a real Lua: over every status that the operator can write."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from lupa import lua51  # type: ignore[import-untyped]  # no stubs; the version that Argo CD speaks

from gitops.support.kstatus import verdicts
from gitops.support.written import everything
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.resource import parse
from unit.support.builders import an_object

pytestmark = pytest.mark.verify

ARGOCD: Final = Path(__file__).parents[2] / "deploy" / "argocd"
CUSTOM: Final = ARGOCD / "resource_customizations" / "tokenfactory.nebius.com" / "DedicatedEndpoint"
KEY: Final = "resource.customizations.{}.tokenfactory.nebius.com_DedicatedEndpoint"
HEALTH: Final = {"Current": "Healthy", "InProgress": "Progressing", "Failed": "Degraded"}


def _loaded(file: Path) -> Any:  # noqa: ANN401  # YAML
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _plain(value: Any) -> Any:  # noqa: ANN401  # a table of Lua, or a scalar
    if lua51.lua_type(value) != "table":
        return value
    items = {key: _plain(item) for key, item in value.items()}
    return list(items.values()) if items and all(isinstance(key, int) for key in items) else items


class Lua:
    """One interpreter with what Argo CD opens: no files, no processes, no strings, of `os` only the time."""

    def __init__(self) -> None:
        self._runtime = lua51.LuaRuntime(register_eval=False, register_builtins=False)
        self._runtime.execute(
            'getmetatable("").__index = nil; string, math, coroutine = nil;'
            "io, package, require, debug, dofile, loadfile = nil; os = { time = os.time, date = os.date }"
        )

    def run(self, script: Path, body: dict[str, Any]) -> Any:  # noqa: ANN401  # what the script answers
        """Run a script over an object."""
        self._runtime.globals()["obj"] = self._runtime.table_from(body, recursive=True)
        return _plain(self._runtime.execute(script.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def lua() -> Lua:
    return Lua()


def test_health_of_every_status(lua: Lua) -> None:
    """It agrees with kstatus on each; one that says that it is paused is Suspended, and nothing else is."""
    items = everything()
    for item, verdict in zip(items, verdicts(item.body for item in items), strict=True):
        health = lua.run(CUSTOM / "health.lua", item.body)
        generation = item.body["metadata"]["generation"]
        suspended = item.paused and item.body["status"].get("observedGeneration") == generation and verdict != "Failed"
        assert health["status"] == ("Suspended" if suspended else HEALTH[verdict]), json.dumps(item.body["status"])
        assert health["message"]


@pytest.mark.parametrize("status", [None, {"observedGeneration": -1}], ids=["none", "default"])
def test_health_of_a_new_object(lua: Lua, status: dict[str, Any] | None) -> None:
    """Before the operator has seen it, it is Progressing."""
    body = copy.deepcopy(everything()[0].body)
    body["status"] = status
    assert lua.run(CUSTOM / "health.lua", body)["status"] == "Progressing"


def test_health_as_argo_cd_tests_it(lua: Lua) -> None:
    """health_test.yaml, in Argo CD's own form: each of the four words, with its message."""
    tests = _loaded(CUSTOM / "health_test.yaml")["tests"]
    for test in tests:
        assert lua.run(CUSTOM / "health.lua", _loaded(CUSTOM / test["inputPath"])) == test["healthStatus"]
    assert {test["healthStatus"]["status"] for test in tests} == {*HEALTH.values(), "Suspended"}
    assert {test["inputPath"] for test in tests} == {
        f"testdata/{file.name}" for file in (CUSTOM / "testdata").iterdir()
    }


def test_actions_as_argo_cd_tests_them(lua: Lua) -> None:
    """action_test.yaml: which actions are offered, and what each makes of an object."""
    folder = CUSTOM / "actions"
    tests = _loaded(folder / "action_test.yaml")
    for test in tests["discoveryTests"]:
        offered = lua.run(folder / "discovery.lua", _loaded(folder / test["inputPath"]))
        wanted = {item["name"]: {"disabled": item["disabled"]} for item in test["result"]}
        assert offered == wanted
        assert {path.parent.name for path in folder.glob("*/action.lua")} == offered.keys()
    for test in tests["actionTests"]:
        script = folder / test["action"] / "action.lua"
        after = lua.run(script, _loaded(folder / test["inputPath"]))
        assert after["metadata"] == _loaded(folder / test["expectedOutputPath"])["metadata"]
        assert after["spec"] == _loaded(folder / test["inputPath"])["spec"]
    assert [test["action"] for test in tests["actionTests"]] == ["pause", "resume"]


@pytest.mark.parametrize("value", [None, "true", "", "yes", "since May", "false", "No", "OFF", "0", "00", "fals"])
def test_resume_is_offered_where_the_operator_pauses(lua: Lua, value: str | None) -> None:
    """Whatever word somebody has typed: else the action could not be chosen."""
    body = an_object()
    body["metadata"]["annotations"] = {} if value is None else {api.PAUSED: value}
    offered = lua.run(CUSTOM / "actions" / "discovery.lua", body)
    paused = parse(body).paused
    assert (offered["pause"]["disabled"], offered["resume"]["disabled"]) == (paused, not paused)


def test_reconcile(lua: Lua) -> None:
    """The action asks by the annotation that the operator answers to, with the time as its value."""
    body = copy.deepcopy(everything()[0].body)
    after = lua.run(CUSTOM / "actions" / "reconcile" / "action.lua", body)
    assert after["metadata"]["annotations"].keys() == {api.RECONCILE_REQUESTED_AT}
    assert len(after["metadata"]["annotations"][api.RECONCILE_REQUESTED_AT]) == len("2025-01-01T12:00:00Z")


def test_the_config_map() -> None:
    """argocd-cm.yaml has the scripts word for word."""
    data = _loaded(ARGOCD / "argocd-cm.yaml")["data"]
    actions = CUSTOM / "actions"
    assert data[KEY.format("health")] == (CUSTOM / "health.lua").read_text(encoding="utf-8")
    offered = yaml.safe_load(data[KEY.format("actions")])
    assert offered["discovery.lua"] == (actions / "discovery.lua").read_text(encoding="utf-8")
    scripts = {item["name"]: item["action.lua"] for item in offered["definitions"]}
    assert scripts == {path.parent.name: path.read_text(encoding="utf-8") for path in actions.glob("*/action.lua")}
