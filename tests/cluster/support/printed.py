"""What a command has printed, as docs/cli.md shows it: ids, times and versions are replaced, tables laid out anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cluster.support import golden

FOLDER: Final = Path(__file__).parents[1] / "data" / "cli"
_REPLACED: Final = (
    (re.compile(r"\d+ s ago"), "2 s ago"),
    (re.compile(r"Kubernetes v\d+\.\d+\.\d+"), "Kubernetes <version>"),
    (re.compile(r"Created [0-9a-f]{8}\b"), "Created <attempt id>"),
)


def same(name: str, text: str, replaced: Mapping[str, str]) -> None:
    """Assert that a command has printed what the file has."""
    for pattern, by in _REPLACED:
        text = pattern.sub(by, text)
    shown = golden.stable(_numbered(text), replaced)
    golden.same(name, "\n\n".join(map(_laid_out, shown.rstrip("\n").split("\n\n"))) + "\n", FOLDER)


def _numbered(text: str) -> str:
    """Endpoints by their order in the text: which line speaks of which one has to be seen."""
    ids = dict.fromkeys(re.findall(r"\bep-[0-9a-f]{16}\b", text))
    for number, endpoint_id in enumerate(ids, 1):
        text = text.replace(endpoint_id, f"ep_{number}")
    return text


def _laid_out(block: str) -> str:
    head, *lines = block.split("\n")
    if not lines or not re.fullmatch(r"[A-Z ,]+", head):
        return block
    return golden.laid_out([re.split(r" {3,}", line) for line in (head, *lines)]).rstrip("\n")
