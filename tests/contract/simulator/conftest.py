from collections.abc import Iterator

import httpx
import pytest

from contract.simulator.builders import PROVISIONING, TOKENS, caller
from tokenfactory_simulator.testing import RunningSimulator, running_simulator


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSimulator]:
    with running_simulator(tokens=TOKENS, manual_clock=True, provisioning_time=PROVISIONING) as running:
        yield running


@pytest.fixture
def sim(served: RunningSimulator) -> RunningSimulator:
    """An empty simulator on a manual clock."""
    served.admin.reset()
    return served


@pytest.fixture
def http(sim: RunningSimulator) -> Iterator[httpx.Client]:
    """A caller with a good token."""
    with caller(sim) as client:
        yield client
