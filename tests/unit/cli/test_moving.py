"""From endpoints to manifests: valid, with names of their own, and nothing in them that may be left out."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.moving import Left, Moved, Owners, moved
from tokenfactory_operator.domain.identity import Identity, described
from tokenfactory_operator.domain.observed import ObservedEndpoint
from unit.support.builders import CLUSTER, OTHER_UID, UID, an_endpoint, mark, released

NOBODY: Final = Owners(CLUSTER, (), (), ())
BARE: Final = {"description": "a note", "name": "My LLM (prod)"}


def imported(*endpoints: ObservedEndpoint, owners: Owners = NOBODY, **options: Any) -> list[Moved | Left]:  # noqa: ANN401
    """All of them, into the namespace `ml`."""
    return list(moved(endpoints, namespace="ml", owners=owners, **{"observe": False, "taken": (), **options}))


def only(*results: Moved | Left) -> dict[str, Any]:
    """The manifest of the only one."""
    (result,) = results
    assert isinstance(result, Moved), result
    return result.manifest


def test_what_may_be_left_out_is_left_out() -> None:
    """One replica, a running endpoint, names, texts, keys and weights stay the cloud's."""
    assert only(*imported(an_endpoint(**BARE, custom_weights_id="model-artifact_1"))) == {
        "apiVersion": api.API_VERSION,
        "kind": api.KIND,
        "metadata": {"name": "my-llm-prod", "namespace": "ml"},
        "spec": {
            "model": "openai/gpt-oss-120b",
            "flavor": "base",
            "region": "eu-north1",
            "gpu": {"type": "gpu-h100-sxm", "count": 2},
            "scaling": {"maxReplicas": 4},
            "endpointId": "ep-1",
        },
    }


@pytest.mark.parametrize(
    ("fields", "options", "says"),
    [
        pytest.param({"min_replicas": 2}, {}, {"scaling": {"minReplicas": 2, "maxReplicas": 4}}, id="replicas"),
        pytest.param({"enabled": False}, {}, {"enabled": False}, id="stopped"),
        pytest.param({}, {"observe": True}, {"managementPolicy": "Observe"}, id="observed"),
    ],
)
def test_what_is_said(fields: dict[str, Any], options: dict[str, Any], says: dict[str, Any]) -> None:
    """Where leaving it out would change the endpoint, or what is done with it."""
    spec = only(*imported(an_endpoint(**BARE, **fields), **options))["spec"]
    assert {name: spec[name] for name in says} == says


LOST: Final = {"description": mark("a1", uid=OTHER_UID)}


@pytest.mark.parametrize(
    ("fields", "owners", "why", "problem"),
    [
        pytest.param(
            {"description": mark()}, Owners(CLUSTER, (), {UID}, ()), "ml/llm of this cluster", False, id="owned"
        ),
        pytest.param(BARE, Owners(CLUSTER, (), (), {"ep-1"}), "an object of this cluster has it", False, id="named"),
        pytest.param({"description": mark(cluster="c2")}, NOBODY, "of the cluster c2", True, id="another cluster's"),
        pytest.param(LOST, Owners(CLUSTER, {"ml/llm"}, {UID}, ()), "which is gone", True, id="its name is taken"),
        pytest.param(
            LOST, Owners(CLUSTER, (), {UID}, (), whole=False), "could be listed", True, id="perhaps elsewhere"
        ),
        pytest.param({**BARE, "gpu_type": None}, NOBODY, "gpu.type", True, id="GPU not told"),
        pytest.param({**BARE, "region": "EU_NORTH"}, NOBODY, "region", True, id="no such region"),
    ],
)
def test_what_is_left(fields: dict[str, Any], owners: Owners, why: str, problem: bool) -> None:  # noqa: FBT001
    """Each with its reason; an endpoint that has its object is no problem."""
    (result,) = imported(an_endpoint(**fields), owners=owners)
    assert isinstance(result, Left)
    assert why in result.why
    assert result.problem == problem


def test_an_orphan_keeps_its_place() -> None:
    """Only an object of the same namespace and name may take it over; so it is with a released one."""
    manifest = only(*imported(an_endpoint(**LOST)))
    assert manifest["metadata"] == {"name": "llm", "namespace": "ml"}
    assert only(*imported(an_endpoint(description=f"x {released()}", name="n")))["metadata"]["name"] == "n"


def places(*results: Moved | Left) -> dict[str, str]:
    """Where each endpoint that is imported goes."""
    found = [result for result in results if isinstance(result, Moved)]
    return {each.endpoint.id: "{namespace}/{name}".format(**each.manifest["metadata"]) for each in found}


FREE: Final = an_endpoint("ep-0123456789", description=None, name="llm")
ORPHAN: Final = an_endpoint("ep-1", **LOST)


@pytest.mark.parametrize("endpoints", [(FREE, ORPHAN), (ORPHAN, FREE)], ids=["before", "after"])
def test_the_place_of_an_orphan_is_given_to_no_other(endpoints: tuple[ObservedEndpoint, ...]) -> None:
    """Whichever comes first, and if only the other one is wanted too."""
    assert places(*imported(*endpoints)) == {"ep-1": "ml/llm", FREE.id: "ml/llm-456789"}
    assert places(*imported(*endpoints, only={FREE.id})) == {FREE.id: "ml/llm-456789"}
    assert places(*imported(FREE, an_endpoint(description=mark().replace("ml/", "dev/")))) == {
        "ep-1": "dev/llm",
        FREE.id: "ml/llm",
    }


def test_two_that_one_object_has_lost() -> None:
    """An object has one endpoint: a person chooses, and the one that is named is imported."""
    duplicate = an_endpoint("ep-2", description=mark("b2"))
    first, second = imported(ORPHAN, duplicate)
    assert places(first) == {"ep-1": "ml/llm"}
    assert isinstance(second, Left)
    assert second.problem
    assert "as ep-1 does" in second.why
    assert places(*imported(ORPHAN, duplicate, only={"ep-2"})) == {"ep-2": "ml/llm"}
    useless = an_endpoint("ep-1", **LOST, gpu_type=None)
    assert places(*imported(useless, duplicate)) == {"ep-2": "ml/llm"}


def test_a_long_description_is_told() -> None:
    """The mark needs its room, and the cloud's text gives way."""
    (result,) = imported(an_endpoint(description="x" * 490, name="n"))
    assert isinstance(result, Moved)
    (warning,) = result.warnings
    kept = int(re.findall(r"cut to (\d+)", warning)[0])
    full = described("x" * 490, mark_of("ml/n"))
    assert kept - 1 <= full.count("x") <= kept
    assert not only_warnings(an_endpoint(description="x" * kept, name="n"))


def mark_of(place: str) -> Any:  # noqa: ANN401  # an owner mark
    from tokenfactory_operator.domain.identity import OwnerMark  # noqa: PLC0415  # used here only

    return OwnerMark(Identity("0" * 8, UID), place, "adopted")


def only_warnings(endpoint: ObservedEndpoint) -> tuple[str, ...]:
    (result,) = imported(endpoint)
    assert isinstance(result, Moved)
    return result.warnings


names = st.one_of(st.none(), st.text(max_size=100), st.sampled_from(["llm", "LLM", "team/llm", "ø", "---", "a" * 100]))


@given(called=st.lists(names, max_size=30), taken=st.sets(st.sampled_from(["llm", "endpoint", "gpt-oss-120b"])))
def test_names_are_valid_and_each_its_own(called: list[str | None], taken: set[str]) -> None:
    """Whatever people call their endpoints; a name that is in use is not given again."""
    seen = [an_endpoint(f"ep-{at:016x}", description="", name=name) for at, name in enumerate(called)]
    given_names = [only(result)["metadata"]["name"] for result in imported(*seen, taken=taken)]
    assert len(set(given_names)) == len(given_names)
    assert not set(given_names) & taken
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) for name in given_names)
