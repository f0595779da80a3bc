"""Strings of the cloud have lengths, and what nobody could see is shown as an escape."""

from __future__ import annotations

import httpx
import pytest

from tokenfactory_operator.cloud.paging import parse_page
from tokenfactory_operator.cloud.wire import TEXT_LIMIT, parse_endpoint
from tokenfactory_operator.domain.errors import EndpointNotFound
from unit.cloud.support import PATCH, cloud_before, endpoint_json, reply, scripted

HOSTILE = "a\u202eb\u200bc\nd\x1b[31m\u2028e"


@pytest.mark.parametrize(
    "endpoint_id",
    ["x" * 129, "x" * 70_000, "a/b", "a b", "..", "", "a\nb", "ä", "-x", "a?b", "%2e", -7, 7.5, True, None],
)
def test_an_id_is_one_or_none(endpoint_id: object) -> None:
    """At most 128 characters that mean the same in a path, a label and a sentence."""
    assert parse_endpoint({"id": endpoint_id}) is None


@pytest.mark.parametrize("endpoint_id", ["x" * 128, "ep-1", "dedicated_endpoint:7.b~c"])
def test_plain_ids_are_taken(endpoint_id: str) -> None:
    """The alphabet has room for any that a vendor may use."""
    found = parse_endpoint({"id": endpoint_id})
    assert found is not None
    assert found.id == endpoint_id


def test_long_texts_are_not_told() -> None:
    """1.6 MB of a state would make every status write fail."""
    long = "x" * (TEXT_LIMIT + 1)
    deployment = {"status": long, "readiness": long}
    found = parse_endpoint(
        endpoint_json(region=long, routing_key=long, model_name=long, created_at=long, name=long, deployment=deployment)
    )
    assert found is not None
    reported = (found.region, found.routing_key, found.model_name, found.created_at, found.name, found.status)
    assert reported == (None,) * 6


def test_what_is_shown_is_visible() -> None:
    """Control, bidirectional and zero-width characters are escaped; visible ones of any script stay."""
    found = parse_endpoint(endpoint_json(region=HOSTILE, routing_key="Ключ", deployment={"status": HOSTILE}))
    assert found is not None
    assert found.region == found.status == r"a\u202eb\u200bc\nd\x1b[31m\u2028e"
    assert found.routing_key == "Ключ"


def test_a_description_that_cannot_be_read_hides_its_owner() -> None:
    """The endpoint is there, but whose it is was not told: such a page proves no absence."""
    page = parse_page({"data": [endpoint_json("a", description="x" * 5000), endpoint_json("b")]})
    assert page is not None
    assert ([endpoint.id for endpoint in page.endpoints], page.unreadable) == (["a", "b"], 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"deployment": {"status": "deleted"}},
        {"status": "Deleted"},
        {"state": "DELETED"},
        {"status": "soft-deleted"},
        {"deleted": True},
        {"state": "STATUS_DELETED"},
    ],
)
async def test_listed_as_deleted_is_gone(changes: dict[str, object]) -> None:
    """A soft-deleted endpoint is none: not in a LIST, not by id, not to a PATCH."""
    gone = endpoint_json(**changes)
    async with cloud_before(scripted(reply(200, {"data": [gone]}), reply(200, gone), reply(200, gone))) as cloud:
        listed = await cloud.list_endpoints()
        assert (listed.endpoints, listed.complete) == ((), True)
        assert await cloud.get_endpoint("ep-1") is None
        with pytest.raises(EndpointNotFound):
            await cloud.update_endpoint("ep-1", PATCH)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "deleting"},
        {"status": "terminated"},
        {"state": "undeleted"},
        {"deleted": False},
        {"deleted": "soon"},
        {"deleted_at": "2031-01-01T00:00:00Z"},
    ],
)
async def test_what_is_only_to_be_deleted_is_there(changes: dict[str, object]) -> None:
    """It may still be billed, and may come back."""
    async with cloud_before(scripted(reply(200, {"data": [endpoint_json(**changes)]}))) as cloud:
        assert [each.id for each in (await cloud.list_endpoints()).endpoints] == ["ep-1"]


async def test_410_is_gone() -> None:
    """By id it says what a 404 says."""
    async with cloud_before(lambda _: httpx.Response(410, json={"detail": "gone"})) as cloud:
        assert await cloud.get_endpoint("ep-1") is None
        assert await cloud.delete_endpoint("ep-1") is False
        with pytest.raises(EndpointNotFound):
            await cloud.update_endpoint("ep-1", PATCH)
