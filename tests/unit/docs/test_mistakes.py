"""docs/troubleshooting.md shows what each usual mistake really says; tests/cluster/test_mistakes.py makes them.

`GOLDEN=write` writes the page anew.
"""

from __future__ import annotations

import os
import re
from typing import Final

from cluster.support.golden import WRITE
from cluster.test_mistakes import FOLDER
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
    text = PAGE.read_text(encoding="utf-8")
    part = text.split("\n## Usual mistakes\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"```text\n(.*?)```\n", part, flags=re.DOTALL)
    files = [(FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in SHOWN]
    if os.environ.get(WRITE) == "write":
        for old, new in zip(found, files, strict=True):
            text = text.replace(f"```text\n{old}```\n", f"```text\n{new}```\n", 1)
        PAGE.write_text(text, encoding="utf-8")
        found = files
    assert found == files
    assert {path.stem for path in FOLDER.iterdir()} == set(SHOWN)
