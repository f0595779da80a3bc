"""docs/kubectl.md shows what kubectl prints: files that `tests/cluster/test_kubectl.py` compares with it."""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt

from cluster.support.golden import FOLDER
from unit.docs.pages import ROOT

PAGE: Final = ROOT / "docs" / "kubectl.md"
SHOWN: Final = ("get", "describe-typo")


def test_the_page_shows_the_true_output() -> None:
    """Each block of output is a whole file, in this order."""
    blocks = [it.content for it in MarkdownIt().parse(PAGE.read_text(encoding="utf-8")) if it.info == "text"]
    assert blocks == [(FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in SHOWN]
