"""A tag and what has its version: pyproject.toml, the chart, and a dated section of CHANGELOG.md.

python -m tools.release TAG    prints that section, or what is wrong with exit status 1
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]


class ReleaseError(Exception):
    """The tag and the files do not belong together; the text says where."""


def versions(root: Path) -> Mapping[str, str]:
    """Each place that has the version, and what stands there."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((root / "helm" / "tokenfactory-operator" / "Chart.yaml").read_text(encoding="utf-8"))
    return {
        "pyproject.toml: version": project["version"],
        "Chart.yaml: version": str(chart["version"]),
        "Chart.yaml: appVersion": str(chart["appVersion"]),
    }


def notes(tag: str, root: Path = ROOT) -> str:
    """The release's text.

    Raises:
        ReleaseError: the tag is no `vX.Y.Z`, a place has another version, or the changelog has no dated section for it.
    """
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        raise ReleaseError(f"The tag is {tag!r}, and has to be like v1.2.3.")
    version = tag.removeprefix("v")
    if others := [f"{place} is {found}" for place, found in versions(root).items() if found != version]:
        raise ReleaseError(f"The tag is {tag}, but {', '.join(others)}.")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(rf"^## \[{re.escape(version)}\] - (\S+)\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None or not re.fullmatch(r"\d{4}-\d\d-\d\d", section[1]):
        raise ReleaseError(f"CHANGELOG.md has no section for {version} with a date.")
    return section[2].strip() + "\n"


def main() -> None:
    """Print the text of the release named on the command line."""
    try:
        (tag,) = sys.argv[1:]
        sys.stdout.write(notes(tag))
    except ReleaseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
