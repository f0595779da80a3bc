"""What of an answer is taken for JSON: nothing that is nested without end, whatever else it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tokenfactory_operator.cloud.call import MAX_DEPTH, Answer
from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.cloud.support import cloud_before, endpoint_json, page, scripted

DEPTH = 100_000
NESTED = {
    "lists": b"[" * DEPTH + b"]" * DEPTH,
    "objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "both": b'[{"a":' * (DEPTH // 2) + b"1" + b"}]" * (DEPTH // 2),
    "without an end": b"[" * DEPTH,
    "an end without a begin": b"]" * DEPTH,
    "at the interpreter's own limit": b"[" * 900 + b"]" * 900,
    "just too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
}


def read(content: bytes) -> Any:  # noqa: ANN401  # JSON
    return Answer(200, {}, content, SecretStr("token")).json()


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in NESTED.items()])
async def test_nested_without_end(content: bytes) -> None:
    """A failed call of the cloud's making, for a LIST, a change and an error alike; no defect of ours."""
    assert read(content) is None
    answers = [
        page(status, text.decode()) for text in (content, b'{"data": ' + content + b"}") for status in (200, 500)
    ]
    async with cloud_before(scripted(*answers)) as cloud:
        for call in (cloud.list_endpoints, cloud.list_endpoints, cloud.list_templates):
            with pytest.raises(CloudUnavailable):
                await call()
        with pytest.raises(CloudUnavailable):
            await cloud.get_endpoint("ep-1")


def test_an_unknown_field_may_have_depth() -> None:
    """As long as it is within the bound; brackets in texts are none."""
    deep: Any = 1
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    value = {**endpoint_json(), "description": '[{\\"[[' * 1000, "new": deep}
    assert read(json.dumps({k: v for k, v in value.items() if k != "new"}).encode()) is not None
    assert read(json.dumps({"new": deep}).encode()) is not None
    assert read(json.dumps({"new": [deep]}).encode()) is None


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((depth(each) for each in inner), default=0)


TEXTS = st.text('[]{}"\\\n é', max_size=12)
VALUES = st.recursive(
    TEXTS | st.integers(0, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.integers(0, 80))
def test_the_depth_is_that_of_the_brackets(value: object, more: int) -> None:
    """For any JSON: read if and only if it is not too deep, whatever its texts hold."""
    for _ in range(more):
        value = [value]
    # With company, so that there are enough brackets to look at their depth.
    document = [value, *[[]] * MAX_DEPTH]
    assert (read(json.dumps(document).encode()) == document) is (depth(document) <= MAX_DEPTH)
