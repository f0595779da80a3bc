"""One certificate authority in place of the system's hundred and fifty: each TLS client of a test reads all there are.

To read those of the system takes 20 ms, and a client of the cloud reads them twice. Their number is no test's subject.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tokenfactory_operator.network import tls

ONE: Final = Path(__file__).parent / "unit" / "network" / "lax_ca.pem"


@pytest.fixture(autouse=True)
def few_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names a file of one authority; a test may name another."""
    monkeypatch.setenv(tls.BUNDLE, str(ONE))
