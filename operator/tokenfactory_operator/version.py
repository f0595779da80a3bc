"""Which version runs: the installed distribution is the only source, so that image, metrics and `--version` agree."""

from __future__ import annotations

from importlib import metadata
from typing import Final

DISTRIBUTION: Final = "tokenfactory-operator"


def operator_version() -> str:
    """The distribution's version; `unknown` when run from a source tree that was never installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"


def with_extras(extras: str) -> str:
    """What to type to have `extras` too. It names the wheel: no package index has this project."""
    return f"pip install './tokenfactory_operator-{operator_version()}-py3-none-any.whl[{extras}]'"
