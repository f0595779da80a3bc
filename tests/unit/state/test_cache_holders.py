"""Who holds an endpoint, as far as the objects tell."""

from __future__ import annotations

import pytest

from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache
from unit.support.builders import KEY, OTHER_UID, UID, an_object


@pytest.mark.parametrize(
    ("uid", "holder"),
    [
        pytest.param(UID, KEY, id="its-own-status"),
        pytest.param(OTHER_UID, None, id="restored-from-another-object"),
        pytest.param(None, None, id="of-nobody"),
    ],
)
def test_only_an_objects_own_status_holds(uid: str | None, holder: Key | None) -> None:
    """Identity: a status that names another uid names no endpoint either."""
    cache = ObjectCache()
    body = an_object()
    body["status"] = {"uid": uid, "endpointId": "ep-1"}
    cache.put(body)
    assert cache.holder("ep-1", besides=Key("ml", "other")) == holder


@pytest.mark.parametrize(
    ("attempt", "holder"),
    [
        pytest.param({"id": "a1", "state": "Created"}, KEY, id="what-was-made-for-it"),
        pytest.param(None, None, id="what-it-only-looks-at"),
    ],
)
def test_an_observer_holds_what_it_had_before(attempt: dict[str, str] | None, holder: Key | None) -> None:
    """Adopt: `managementPolicy: Observe` gives nothing up, and takes nothing."""
    cache = ObjectCache()
    body = an_object()
    body["spec"]["managementPolicy"] = "Observe"
    body["status"] = {"uid": UID, "endpointId": "ep-1", "createAttempt": attempt}
    cache.put(body)
    assert cache.holder("ep-1", besides=Key("ml", "other")) == holder
