"""Endpoints and objects side by side: each is shown, and nothing is said of an owner that is not known."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.listing import gpus_reserved, side_by_side
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.domain.observed import ObservedEndpoint
from unit.support.builders import CLUSTER, OTHER_UID, UID, an_endpoint, an_object, mark, released

OBSERVES: Final = api.ManagementPolicy.OBSERVE.value


def shown(name: str = "llm", *, uid: str = UID, endpoint_id: str = "", **spec: Any) -> Shown:  # noqa: ANN401  # JSON
    """An object of the namespace `ml` whose status names that endpoint."""
    body = an_object(name=name, uid=uid, spec=spec)
    body["status"] = {"observedGeneration": 1, "uid": uid, **({"endpointId": endpoint_id} if endpoint_id else {})}
    return Shown.of(body)


def rows(*of: ObservedEndpoint | Shown, whole: bool = True) -> list[tuple[str, str, str]]:
    """Endpoint, owner and object."""
    endpoints = [each for each in of if isinstance(each, ObservedEndpoint)]
    objects = [each for each in of if isinstance(each, Shown)]
    found = side_by_side(endpoints, objects, CLUSTER, whole=whole)
    return [(row.endpoint.id if row.endpoint else "", row.owner, row.place) for row in found]


MARKED: Final = an_endpoint(description=mark())
FREE: Final = an_endpoint(description=None)
FOREIGN: Final = an_endpoint(description=mark(cluster="c2", uid=OTHER_UID))


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param((MARKED, shown(endpoint_id="ep-1")), [("ep-1", "owned", "ml/llm")], id="owned"),
        pytest.param((MARKED,), [("ep-1", "orphaned", "ml/llm")], id="orphaned"),
        pytest.param(
            (MARKED, shown(uid="new", endpointId="ep-1")), [("ep-1", "orphaned", "ml/llm")], id="orphan with its heir"
        ),
        pytest.param(
            (FOREIGN, shown()), [("ep-1", "foreign", "ml/llm"), ("", "none yet", "ml/llm")], id="foreign, same name"
        ),
        pytest.param(
            (an_endpoint(description=released()), shown(endpoint_id="ep-2")),
            [("ep-1", "released", "ml/llm"), ("", "missing", "ml/llm")],
            id="released, same name",
        ),
        pytest.param(
            (FREE, shown("a", endpointId="ep-1", managementPolicy=OBSERVES), shown("b", uid="b", endpointId="ep-1")),
            [("ep-1", "observed", "ml/a"), ("ep-1", "nobody", "ml/b")],
            id="two that name it",
        ),
        pytest.param(
            (MARKED, shown(endpoint_id="ep-1"), shown("b", uid="b", endpointId="ep-1")),
            [("ep-1", "owned", "ml/llm"), ("ep-1", "foreign", "ml/b")],
            id="named by another",
        ),
        pytest.param(
            (FOREIGN, shown(endpointId="ep-1", managementPolicy=OBSERVES)),
            [("ep-1", "foreign", "ml/llm"), ("ep-1", "observed", "ml/llm")],
            id="foreign and observed",
        ),
        pytest.param((FOREIGN, shown(endpointId="ep-1")), [("ep-1", "foreign", "ml/llm")], id="foreign and named"),
        pytest.param((FREE,), [("ep-1", "nobody", "-")], id="nobody's"),
    ],
)
def test_each_is_shown(of: tuple[ObservedEndpoint | Shown, ...], expected: list[tuple[str, str, str]]) -> None:
    """Whatever a mark calls its owner: an object is found at an endpoint by its uid, or by the id that it names."""
    assert rows(*of) == expected


def test_gpus_count_once() -> None:
    """For an endpoint that two objects name, too."""
    found = side_by_side([FREE], [shown("a", endpointId="ep-1"), shown("b", uid="b", endpointId="ep-1")], CLUSTER)
    assert [row.gpus for row in found] == [2, 2]
    assert gpus_reserved(found) == 2


@pytest.mark.parametrize(
    ("endpoint", "owner"),
    [
        pytest.param(MARKED, "unknown", id="this cluster's"),
        pytest.param(FOREIGN, "foreign", id="another cluster's"),
        pytest.param(FREE, "nobody", id="without a mark"),
    ],
)
def test_no_orphan_where_not_all_objects_are_known(endpoint: ObservedEndpoint, owner: str) -> None:
    """Its object may be in a namespace that may not be listed."""
    assert rows(endpoint, whole=False)[0][1] == owner
    assert rows(MARKED, shown(), whole=False) == [("ep-1", "owned", "ml/llm")]
