"""The demo's judgement: what is in order passes, and each broken promise is found by its own comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from demo.agreement import Books, Steady, checks
from demo.objects import Condition, Shown
from demo.operator_process import Samples

SPEC: Final[Mapping[str, Any]] = {
    "model": "a/model",
    "flavor": "base",
    "region": "eu-north1",
    "gpu": {"type": "gpu-h100-sxm", "count": 1},
    "scaling": {"minReplicas": 1, "maxReplicas": 4},
}


def an_object(name: str) -> Shown:
    return Shown(
        name=name,
        uid=f"uid-{name}",
        version="7",
        generation=2,
        deleting=False,
        spec=SPEC,
        status={"endpointId": f"ep-{name}", "observedGeneration": 2},
        conditions={"Ready": Condition(status="True", reason="Available", message="", generation=2)},
    )


def mark(name: str) -> str:
    return f"[k8s c ns/{name} uid=uid-{name} try=1]"


def an_endpoint(name: str, *, alive: bool = True, **fields: object) -> dict[str, Any]:
    return {
        "id": f"ep-{name}",
        "alive": alive,
        "description": mark(name),
        "model_name": "a/model",
        "flavor_name": "base",
        "region": "eu-north1",
        "gpu_type": "gpu-h100-sxm",
        "gpu_count": 1,
        "scaling": {"min_replicas": 1, "max_replicas": 4},
        "enabled": True,
        **fields,
    }


def a_call(sequence: int, operation: str, name: str = "", **fields: object) -> dict[str, Any]:
    body = {"create": {"description": mark(name)}, "update": {"scaling": {}}}.get(operation)
    return {
        "sequence": sequence,
        "operation": operation,
        "method": operation.upper(),
        "path": "/",
        "endpoint_id": f"ep-{name}",
        "body": body,
        "status": 200,
        "started_monotonic": float(sequence),
        "ended_monotonic": sequence + 0.5,
        "ended_wall": sequence + 0.5,
        **fields,
    }


CALLS: Final = (
    a_call(1, "create", "kept"),
    a_call(2, "create", "gone"),
    a_call(3, "update", "kept"),
    a_call(4, "delete", "gone"),
    a_call(5, "list"),
)
COUNTED: Final[Samples] = {
    ("tokenfactory_cloud_mutations_total", ("create",)): 2.0,
    ("tokenfactory_cloud_mutations_total", ("update",)): 1.0,
    ("tokenfactory_cloud_mutations_total", ("delete",)): 1.0,
    ("tokenfactory_cloud_lists_total", ("complete",)): 1.0,
    ("tokenfactory_cloud_requests_total", ("create", "200")): 2.0,
    ("tokenfactory_cloud_requests_total", ("list", "200")): 3.0,
    ("tokenfactory_objects", ("True",)): 1.0,
}
IN_ORDER: Final = Books(
    objects=(an_object("kept"),),
    endpoints=(an_endpoint("kept"), an_endpoint("gone", alive=False)),
    calls=CALLS,
    names={"uid-kept": "kept", "uid-gone": "gone"},
    changed="ep-kept",
    deleted="ep-gone",
    gone_at=5,
    metrics=COUNTED,
    rights=(),
    release="deployed",
    ready=True,
)
AT_REST: Final = Steady(
    calls=(a_call(6, "list"), a_call(8, "list")), interval=2.0, before={"kept": "7"}, after={"kept": "7"}
)


def wrong(books: Books = IN_ORDER, steady: Steady = AT_REST) -> list[str]:
    return [check.what for check in checks(books, steady) if not check.holds]


def test_what_is_in_order_passes() -> None:
    """No comparison fails where every promise was kept."""
    assert wrong() == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param({"endpoints": (*IN_ORDER.endpoints, an_endpoint("duplicate"))}, "no other", id="one too many"),
        pytest.param({"endpoints": ()}, "no other", id="one missing"),
        pytest.param({"endpoints": (an_endpoint("kept", gpu_count=2),)}, "what its object says", id="drift"),
        pytest.param({"endpoints": (an_endpoint("kept", description=""),)}, "what its object says", id="no mark"),
        pytest.param({"calls": (*CALLS, a_call(6, "create", "kept"))}, "exactly one POST", id="second POST"),
        pytest.param({"calls": CALLS[1:]}, "exactly one POST", id="no POST"),
        pytest.param({"changed": "ep-gone"}, "one PATCH", id="another endpoint changed"),
        pytest.param(
            {"calls": (*CALLS[:2], a_call(3, "update", "kept", body={"scaling": {}, "name": ""}), *CALLS[3:])},
            "one PATCH",
            id="more changed than asked",
        ),
        pytest.param({"deleted": "ep-kept"}, "one DELETE", id="another endpoint deleted"),
        pytest.param({"gone_at": 4}, "one DELETE", id="object gone before a LIST"),
        pytest.param({"calls": (*CALLS, a_call(6, "get", "kept"))}, "by id", id="asked by id"),
        pytest.param(
            {"metrics": {**COUNTED, ("tokenfactory_cloud_mutations_total", ("create",)): 3.0}}, "creates", id="metric"
        ),
        pytest.param({"metrics": {}}, "requests", id="no metrics"),
        pytest.param({"ready": False}, "readiness", id="not ready"),
        pytest.param({"release": "failed"}, "helm", id="helm"),
        pytest.param({"rights": ("get secrets",)}, "may not", id="too many rights"),
    ],
)
def test_a_broken_promise_is_found(change: dict[str, Any], found: str) -> None:
    """Each broken promise fails a comparison that names it."""
    assert any(found in what for what in wrong(replace(IN_ORDER, **change)))


def test_a_late_list_is_no_unrest() -> None:
    """It is soon followed by the next one, where it was late in reaching the cloud."""
    lists = tuple(a_call(6, "list", started_monotonic=at) for at in (6.0, 9.9, 10.0, 12.0))
    assert wrong(steady=replace(AT_REST, calls=lists)) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param({"calls": (a_call(6, "list"), a_call(7, "update"))}, "nothing else", id="a PATCH"),
        pytest.param({"calls": ()}, "nothing else", id="no LIST"),
        pytest.param(
            {"calls": (a_call(6, "list"), a_call(7, "list", started_monotonic=6.2))}, "per interval", id="hasty"
        ),
        pytest.param({"after": {"kept": "8"}}, "nothing is written", id="a write"),
    ],
)
def test_unrest_is_found(change: dict[str, Any], found: str) -> None:
    """Whatever happens while nobody changes anything is found."""
    assert any(found in what for what in wrong(steady=replace(AT_REST, **change)))
