"""What every unit test has around it."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from authorities import few_authorities
from tokenfactory_operator.telemetry.logging import FLOORS

__all__ = ["few_authorities"]  # a fixture: pytest finds it here


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """What a test configures of the process's logging ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in FLOORS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
