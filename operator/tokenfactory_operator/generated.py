"""Writes the pages of docs/ that are generated from code, or tells that one is stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

CHECK: Final = "--check"


def publish(page: str, arguments: list[str]) -> int:
    """Write `page` to the one file named in `arguments` (none: standard output); with --check only compare.

    Answers the exit status: 1 when the file is stale, 2 when the arguments make no sense.
    """
    names = [argument for argument in arguments if argument != CHECK]
    check = CHECK in arguments
    if len(names) > 1 or any(name.startswith("-") for name in names) or (check and not names):
        sys.stderr.write(f"usage: [{CHECK}] FILE\n")
        return 2
    if not names:
        sys.stdout.write(page)
        return 0
    path = Path(names[0])
    if not check:
        path.write_text(page, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != page:
        sys.stderr.write(f"{path} is stale: run make docs\n")
        return 1
    return 0
