"""Which answers leave the outcome of a POST open: each that the protocol does not call a refusal, by its number."""

from __future__ import annotations

from typing import Final

import pytest

from unit.cloud.test_failures import API_FORMS, CREATE, failure

REFUSED: Final = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
"""docs/protocol.md, Create 5; written anew here, so that the client's own list is not what judges it."""


@pytest.mark.parametrize("body", API_FORMS, ids=["detail", "openai", "validation"])
@pytest.mark.parametrize("status", range(300, 600))
def test_only_a_listed_status_is_a_refusal(status: int, body: object) -> None:
    """Create 5: refused is one of ten statuses, in the API's own form, and nothing else."""
    assert failure(CREATE, status, body).refused == (status in REFUSED)
