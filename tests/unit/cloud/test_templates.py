"""The catalog answer: undocumented inside, so read as it comes."""

from __future__ import annotations

import pytest
from hypothesis import given

from tokenfactory_operator.cloud.templates import parse_templates
from tokenfactory_operator.domain.catalog import Combination, Flavor, Template, Wanted
from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.cloud.support import cloud_before, reply, scripted
from unit.cloud.test_wire import JSON

LISTS = {"gpu_types": ["h100", "h200"], "gpu_counts": [1, 2], "regions": ["eu"]}
FROM_LISTS = (Combination(("h100", "h200"), (1, 2), ("eu",)),)
ONE = {"gpu_type": "h100", "gpu_count": 8, "region": "eu"}
EACH = {"allowed_regions": ["eu"], "allowed_gpu_counts": [1, 2], "max_replicas_allowed": 4}
BY_TYPE = {"h100": EACH, "b200": {"allowed_gpu_counts": [8]}}
LISTED = [{"gpu_type": "h100", **EACH}, {"name": "b200", "allowed_gpu_counts": [8]}]
CONFIGURED = (Combination(("h100",), (1, 2), ("eu",), 4), Combination(("b200",), (8,)))
OTHER = {"gpu_type": "b200", "gpu_count": 4}
FROM_OBJECTS = (Combination(("h100",), (8,), ("eu",)), Combination(("b200",), (4,)))


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        pytest.param(LISTS, FROM_LISTS, id="lists"),
        pytest.param(ONE, FROM_OBJECTS[:1], id="single values"),
        pytest.param([ONE, OTHER], FROM_OBJECTS, id="list of combinations"),
        pytest.param({"combinations": [ONE, OTHER], "note": "x"}, FROM_OBJECTS, id="combinations under a name"),
        pytest.param({"gpu_types": {"h100": {}, "h200": {}}}, (Combination(("h100", "h200")),), id="map of types"),
        pytest.param({"gpu_counts": ["x", True, 2], "region": 5}, (Combination((), (2,)),), id="odd values left out"),
        pytest.param({"available_configurations": {"gpu_configurations": BY_TYPE}}, CONFIGURED, id="by GPU type"),
        pytest.param({"gpu_configurations": BY_TYPE, "quantization": "fp8"}, CONFIGURED, id="by GPU type, flat"),
        pytest.param({"gpu_configurations": LISTED}, CONFIGURED, id="list of GPU types"),
        pytest.param({"available_configurations": {"gpu_configurations": LISTED}}, CONFIGURED, id="list, nested"),
        pytest.param({"gpu_configurations": {"h100": None}}, (Combination(("h100",)),), id="a GPU type alone"),
        pytest.param({"gpu_configurations": {}, "tags": ["x"]}, (), id="no GPU type"),
        pytest.param({"available_configurations": None}, (), id="no configurations"),
        pytest.param({"price": 1}, (), id="nothing told"),
        pytest.param(None, (), id="null"),
    ],
)
def test_flavor_details(details: object, expected: tuple[Combination, ...]) -> None:
    """Each plausible form of the details gives the same combinations."""
    assert parse_templates({"data": [{"name": "m", "flavors": {"base": details}}]}) == (
        Template("m", (Flavor("base", expected),)),
    )


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"data": [{"name": "m", "flavors": {"base": LISTS}}]}, id="documented"),
        pytest.param(
            {"templates": [{"template_name": "m", "flavors": [{"flavor_name": "base", **LISTS}]}]}, id="older"
        ),
        pytest.param([{"name": "m", "flavors": {"base": LISTS}}, {"flavors": {}}, None], id="bare, with odd items"),
    ],
)
def test_answer_forms(answer: object) -> None:
    """The documented form and the older one read alike; items without a name are left out."""
    assert parse_templates(answer) == (Template("m", (Flavor("base", FROM_LISTS),)),)


@pytest.mark.parametrize(
    "answer", [{}, {"data": None}, {"templates": "x"}, None, 3, {"error": "a part only", "data": [{"name": "m"}]}]
)
async def test_anything_else_is_no_catalog(answer: object) -> None:
    """An unknown shape raises rather than saying that nothing is on offer."""
    async with cloud_before(scripted(reply(200, answer))) as cloud:
        with pytest.raises(CloudUnavailable):
            await cloud.list_templates()


@pytest.mark.parametrize(
    ("flavor", "allowed"),
    [
        pytest.param(Flavor("f"), True, id="nothing told"),
        pytest.param(Flavor("f", (Combination(),)), True, id="a combination that tells nothing"),
        pytest.param(Flavor("f", FROM_LISTS), True, id="within the lists"),
        pytest.param(Flavor("f", FROM_OBJECTS), False, id="no combination fits"),
        pytest.param(Flavor("f", (Combination(regions=("us",)),)), False, id="region told and different"),
        pytest.param(Flavor("f", (*FROM_OBJECTS, Combination(("h100",)))), True, id="one of several fits"),
    ],
)
def test_only_what_is_told_counts(*, flavor: Flavor, allowed: bool) -> None:
    """A detail that is missing is never held against a spec."""
    assert flavor.allows(Wanted("m", "f", "eu", "h100", 2, 3)) is allowed


def test_flavor_by_name() -> None:
    """A template answers its flavor, or none."""
    template = Template("m", (Flavor("base"),))
    assert (template.flavor("base"), template.flavor("fast")) == (Flavor("base"), None)


@given(JSON)
def test_parsing_never_raises(answer: object) -> None:
    """Whatever JSON comes, every template that is answered has a name."""
    for candidate in (answer, {"data": answer}, {"data": [{"name": "m", "flavors": answer}]}):
        assert all(template.name for template in parse_templates(candidate) or ())
