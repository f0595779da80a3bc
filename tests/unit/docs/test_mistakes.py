"""docs/troubleshooting.md shows what each usual mistake really says; tests/cluster/test_mistakes.py makes them.

`GOLDEN=write` writes the page anew.
"""

from __future__ import annotations

from typing import Final

from cluster.test_mistakes import FOLDER
from unit.docs.golden_blocks import shown_on
from unit.docs.pages import ROOT

PAGE: Final = ROOT / "docs" / "troubleshooting.md"
SHOWN: Final = (
    *("model", "flavor", "count", "region", "replicas"),
    *("misspelt-field", "min-above-max", "scale-too-far", "scale-to-none", "moved"),
    *("no-secret", "no-label", "other-key", "white-space", "wrong-token"),
    *("no-such-id", "two-with-one-id", "adopted-elsewhere", "may-not-adopt", "dump"),
    *("paused", "stopped"),
)


def test_the_page_shows_what_each_mistake_says() -> None:
    """Each block is a whole file, in this order, and each file has its block."""
    files = [(FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in SHOWN]
    assert shown_on(PAGE, files, below="Usual mistakes") == files
    assert {path.stem for path in FOLDER.iterdir()} == set(SHOWN)
