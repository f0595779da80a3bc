"""The blocks of output on a page, compared with files, or written from them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cluster.support.golden import WRITE


def shown_on(page: Path, files: Sequence[str], *, below: str = "") -> list[str]:
    """The text blocks of a page, or of one section of the second level, in their order.

    With `GOLDEN=write` they become these texts first; there have to be as many.
    """
    text = page.read_text(encoding="utf-8")
    part = text.split(f"\n## {below}\n", 1)[1].split("\n## ", 1)[0] if below else text
    found = re.findall(r"```text\n(.*?)```\n", part, flags=re.DOTALL)
    if os.environ.get(WRITE) != "write":
        return found
    for old, new in zip(found, files, strict=True):
        text = text.replace(f"```text\n{old}```\n", f"```text\n{new}```\n", 1)
    page.write_text(text, encoding="utf-8")
    return list(files)
