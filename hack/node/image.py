"""Build the operator's image: on the base that is asked for, on Dockerfile's own, or on the test base."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from controlplane.progress import Reporter
from node import base
from node.engine import Engine
from node.errors import NodeError

ROOT = Path(__file__).resolve().parents[2]
NAME = "tokenfactory-operator:dev"
BASE_VARIABLE = "BASE_IMAGE"
_BUILD = 1800.0  # seconds
_PULL = 600.0


def build(engine: Engine, *, name: str = NAME) -> str:
    """Build it from this working tree; answers its name.

    Raises:
        NodeError: no base could be had, or the build failed.
    """
    reporter = Reporter(sys.stderr)
    chosen = _base(engine, reporter)
    reporter.say(f"Building {name} on {chosen}.")
    arguments = ["--network=host", f"--build-arg={BASE_VARIABLE}={chosen}", f"--tag={name}"]
    engine.docker("build", *arguments, str(ROOT), timeout=_BUILD)
    reporter.say(f"Built in {reporter.elapsed}.")
    return name


def default_base() -> str:
    """The one that Dockerfile names."""
    found = re.search(rf"^ARG {BASE_VARIABLE}=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise NodeError(f"Dockerfile names no default for {BASE_VARIABLE}.")
    return found[1]


def _base(engine: Engine, reporter: Reporter) -> str:
    if given := os.environ.get(BASE_VARIABLE):
        return given
    published = default_base()
    if engine.has(published):
        return published
    try:
        engine.docker("pull", "--quiet", published, timeout=_PULL)
    except NodeError as error:
        reporter.say(f"{published} cannot be pulled: {str(error).splitlines()[-1]}")
        return base.ensure(engine)
    return published
