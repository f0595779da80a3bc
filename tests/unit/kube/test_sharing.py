"""Objects that say the same in parts hold those parts once."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.kube.sharing import Sharing
from unit.api.invalid_specs import valid_spec

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


def body(name: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    decoded: dict[str, Any] = json.loads(
        json.dumps({"metadata": {"name": name}, "spec": valid_spec(), "status": {"conditions": conditions}})
    )
    return decoded


@given(bodies=st.lists(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), JSON), max_size=5))
def test_shared_objects_say_what_they_said(bodies: list[dict[str, Any]]) -> None:
    """Types too: a `1` is no `True`, and no `1.0`."""
    sharing = Sharing(capacity=3)
    assert [json.dumps(sharing.of(each)) for each in bodies] == [json.dumps(each) for each in bodies]


def test_equal_parts_are_held_once() -> None:
    """The spec and each condition are; what is an object's own is not."""
    sharing = Sharing()
    first, second = sharing.of(body("a")), sharing.of(body("b"))
    assert first["spec"] is second["spec"]
    assert first["status"]["conditions"] is second["status"]["conditions"]
    assert first["metadata"] is not second["metadata"]


def test_what_is_remembered_is_bounded() -> None:
    """Beyond the capacity the parts are held anew."""
    sharing = Sharing(capacity=10)
    first = sharing.of(body("a"))
    for number in range(20):
        sharing.of({"spec": {"model": f"model-{number}"}})
    assert sharing.of(body("b"))["spec"] is not first["spec"]
