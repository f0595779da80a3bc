"""The table of values in the chart's README, made of the comments in its values.yaml.

python -m tools.chart_values README            write the table below the heading Values
python -m tools.chart_values --check README    exit status 1 where the page is stale
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from tokenfactory_operator.generated import publish

_HEAD: Final = "| Value | Default | Meaning |\n|---|---|---|\n"
_BEGIN: Final = "<!-- values: begin (written by make docs) -->\n"
_END: Final = "<!-- values: end -->\n"


class Value(NamedTuple):
    """One value: its path, its default as JSON, and the comment above it."""

    path: str
    default: str
    meaning: str


def values(text: str) -> list[Value]:
    """Those of a values.yaml, in their order. Raises `ValueError` for one without a comment."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise TypeError("values.yaml is no mapping")
    return list(_below(root, "", text.splitlines()))


def _below(node: yaml.MappingNode, prefix: str, lines: list[str]) -> Iterator[Value]:
    for key, child in node.value:
        path, meaning = f"{prefix}{key.value}", _comment(lines, key.start_mark.line)
        if meaning:
            yield Value(path, _default(child), meaning)
        elif isinstance(child, yaml.MappingNode) and child.value:
            yield from _below(child, f"{path}.", lines)
        else:
            raise ValueError(f"values.yaml: {path} has no comment")


def _comment(lines: list[str], line: int) -> str:
    found: list[str] = []
    while line and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        found.insert(0, lines[line].lstrip().removeprefix("#").strip())
    return " ".join(found)


def _default(node: yaml.Node) -> str:
    loaded = yaml.SafeLoader("")
    return json.dumps(loaded.construct_document(node))


def page(text: str, table: list[Value]) -> str:
    """The README with this table in its place."""
    rows = "".join(f"| `{value.path}` | `{value.default}` | {value.meaning} |\n" for value in table)
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{_HEAD}{rows}{_END}{after}"


def main() -> int:
    """Write or compare; answers the exit status."""
    readme = Path(sys.argv[-1])
    found = values((readme.parent / "values.yaml").read_text(encoding="utf-8"))
    return publish(page(readme.read_text(encoding="utf-8"), found), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
