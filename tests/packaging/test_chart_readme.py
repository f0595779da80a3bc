"""The chart's README has each value, its default and its meaning, made of the comments in values.yaml."""

from __future__ import annotations

import pytest

from cluster.support.chart import CHART
from tools.chart_values import Value, page, values

README = (CHART / "README.md").read_text(encoding="utf-8")
VALUES = (CHART / "values.yaml").read_text(encoding="utf-8")


def test_the_table_is_not_stale() -> None:
    """`make docs` would write what is there."""
    assert page(README, values(VALUES)) == README


def test_a_value() -> None:
    """Nested names are joined, a comment of several lines is one text, and maps with a comment are one value."""
    text = "a:\n  # First,\n  # second.\n  b: 1\n# Map.\nc:\n  d: x\n"
    assert values(text) == [Value("a.b", "1", "First, second."), Value("c", '{"d": "x"}', "Map.")]


def test_a_value_without_a_comment_is_an_error() -> None:
    """Nobody can add one that the table leaves out."""
    with pytest.raises(ValueError, match=r"a\.b has no comment"):
        values("a:\n  b: 1\n")
