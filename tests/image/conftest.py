"""The image as it is built from this working tree, in an engine. `make e2e` runs these tests, `make test` does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from image.containers import Image
from node import engine, image


@pytest.fixture(scope="session")
def built() -> Iterator[Image]:
    """The operator's image."""
    with engine.running() as docker:
        yield Image(docker, image.build(docker, name="tokenfactory-operator:test"))
