"""The folders of tests that `make e2e` runs, from the root of the project; pytest collects them nowhere else."""

from __future__ import annotations

from typing import Final

IMAGE: Final = "tests/image"
NODE: Final = "tests/node"
E2E: Final = "tests/e2e"
ALL: Final = (IMAGE, NODE, E2E)
