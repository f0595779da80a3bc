"""LIST: which answers are lists, how pages are followed, and when the whole proves absence."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.cloud.client import MAX_PAGES
from tokenfactory_operator.cloud.paging import Cursor, parse_page
from tokenfactory_operator.domain.errors import CloudUnavailable, RateLimited, Unauthorized
from unit.cloud.support import cloud_before, reply, scripted
from unit.cloud.test_wire import JSON

A, B = {"id": "a"}, {"id": "b"}


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        pytest.param({"object": "list", "data": [A, B]}, ["a", "b"], id="documented"),
        pytest.param({"data": []}, [], id="documented, empty"),
        pytest.param([A], ["a"], id="bare list"),
        pytest.param([], [], id="bare empty list"),
        pytest.param({"endpoints": [{"endpoint": A}]}, ["a"], id="endpoints, wrapped items"),
    ],
)
def test_known_shapes(answer: object, ids: list[str]) -> None:
    """Each form of a LIST answer is read whole."""
    page = parse_page(answer)
    assert page is not None
    assert ([endpoint.id for endpoint in page.endpoints], page.next, page.problem) == (ids, None, "")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="empty object"),
        pytest.param({"data": None}, id="null data"),
        pytest.param({"data": {"ep": A}}, id="object for data"),
        pytest.param({"data": None, "endpoints": []}, id="null data beside an empty list"),
        pytest.param({"items": [A]}, id="unknown name"),
        pytest.param({"data": [], "error": {"message": "partial outage"}}, id="success with an error"),
        pytest.param(None, id="null"),
        pytest.param("[]", id="text"),
        pytest.param(0, id="number"),
    ],
)
async def test_other_shapes_are_no_empty_list(answer: object) -> None:
    """An answer that is not a list raises: nothing may be concluded from it."""
    async with cloud_before(scripted(reply(200, answer))) as cloud:
        with pytest.raises(CloudUnavailable) as raised:
            await cloud.list_endpoints()
    assert not raised.value.refused


@pytest.mark.parametrize(
    ("fields", "cursor"),
    [
        pytest.param({"next_page_token": "t"}, Cursor("page_token", "t"), id="token"),
        pytest.param({"next_page_token": "t", "has_more": False}, Cursor("page_token", "t"), id="token against flag"),
        pytest.param({"next_page_token": 7}, Cursor("page_token", "7"), id="number for a token"),
        pytest.param({"after": "x"}, Cursor("after", "x"), id="after"),
        pytest.param({"has_more": True, "after": "x"}, Cursor("after", "x"), id="after with flag"),
        pytest.param({"has_more": True, "last_id": "z"}, Cursor("after", "z"), id="last id"),
        pytest.param({"has_more": True}, Cursor("after", "b"), id="flag alone: after the last item"),
        pytest.param({"has_more": False, "after": "x"}, None, id="echoed after"),
        pytest.param({"has_more": False, "last_id": "b"}, None, id="last page"),
        pytest.param({"next_page_token": "", "after": None, "has_more": None}, None, id="empty cursors"),
    ],
)
def test_cursors(fields: dict[str, object], cursor: Cursor | None) -> None:
    """Whatever way to the next page an answer offers is found."""
    page = parse_page({"data": [A, B], **fields})
    assert page is not None
    assert (page.next, page.problem) == (cursor, "")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"data": [], "has_more": True}, id="more, but no cursor"),
        pytest.param({"data": [A], "next_page_token": {"t": 1}}, id="token of a wrong type"),
        pytest.param({"data": [A], "after": ["x"]}, id="after of a wrong type"),
        pytest.param({"data": [A, {"name": "nameless"}]}, id="item without an id"),
        pytest.param({"data": [A, None]}, id="null item"),
        pytest.param([A, "b"], id="text item"),
    ],
)
async def test_what_could_not_be_read_makes_it_incomplete(answer: object) -> None:
    """Presence is taken from what was readable; absence is proven by nothing."""
    async with cloud_before(scripted(reply(200, answer))) as cloud:
        listed = await cloud.list_endpoints()
    assert not listed.complete
    assert listed.problem
    assert {endpoint.id for endpoint in listed.endpoints} <= {"a"}


async def test_pages_are_joined() -> None:
    """Every page is asked for with the cursor of the one before, and with the project."""
    script = scripted(
        reply(200, {"data": [A], "next_page_token": "t1"}),
        reply(200, {"data": [B], "next_page_token": "t2"}),
        reply(200, {"data": [{"id": "c"}]}),
    )
    async with cloud_before(script, project_id="p") as cloud:
        listed = await cloud.list_endpoints()
    assert ([endpoint.id for endpoint in listed.endpoints], listed.complete) == (["a", "b", "c"], True)
    assert [dict(request.url.params) for request in script.requests] == [
        {"ai_project_id": "p"},
        {"ai_project_id": "p", "page_token": "t1"},
        {"ai_project_id": "p", "page_token": "t2"},
    ]


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(reply(500, {"detail": "oops"}), id="500"),
        pytest.param(reply(401, {"detail": "revoked"}), id="401"),
        pytest.param(reply(200, {}), id="not a list"),
        pytest.param(httpx.Response(200, text="<html>"), id="not JSON"),
        pytest.param(httpx.ReadError("reset"), id="connection lost"),
    ],
)
async def test_a_failing_later_page_makes_it_incomplete(later: httpx.Response | Exception) -> None:
    """What the first page showed is kept when a later one cannot be had."""
    async with cloud_before(scripted(reply(200, {"data": [A], "after": "a"}), later)) as cloud:
        listed = await cloud.list_endpoints()
    assert ([endpoint.id for endpoint in listed.endpoints], listed.complete) == (["a"], False)
    assert listed.problem


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        pytest.param(reply(401, {"detail": "no"}), Unauthorized, id="401"),
        pytest.param(reply(429, {"detail": "slow"}), RateLimited, id="429"),
        pytest.param(httpx.ConnectError("refused"), CloudUnavailable, id="connection refused"),
        pytest.param(httpx.Response(200, content=b'{"data": [{"id": "a'), CloudUnavailable, id="cut JSON"),
    ],
)
async def test_a_failing_first_page_raises(first: httpx.Response | Exception, kind: type[Exception]) -> None:
    """Without a first page there is no list at all."""
    async with cloud_before(scripted(first)) as cloud:
        with pytest.raises(kind):
            await cloud.list_endpoints()


async def test_a_repeated_cursor_ends_the_list() -> None:
    """A cloud that ignores the cursor cannot hold us for ever, and proves no absence."""
    script = scripted(reply(200, {"data": [A], "next_page_token": "same"}))
    async with cloud_before(script) as cloud:
        listed = await cloud.list_endpoints()
    assert ([endpoint.id for endpoint in listed.endpoints], listed.complete) == (["a"], False)
    assert len(script.requests) == 2


async def test_endless_pages_end_the_list() -> None:
    """New cursors for ever are given up at a limit."""
    asked: list[str] = []

    def endless(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return reply(200, {"data": [A], "next_page_token": f"t{len(asked)}"})

    async with cloud_before(endless) as cloud:
        listed = await cloud.list_endpoints()
    assert (len(asked), listed.complete) == (MAX_PAGES, False)


@given(JSON | st.fixed_dictionaries({"data": st.lists(JSON, max_size=3)}, optional={"after": JSON, "has_more": JSON}))
def test_parsing_never_raises(answer: object) -> None:
    """Whatever JSON comes, a page is a page or is none; every item is counted or called a problem."""
    page = parse_page(answer)
    if page is not None:
        named = (
            next((answer[name] for name in ("data", "endpoints") if name in answer), None)
            if isinstance(answer, dict)
            else answer
        )
        assert isinstance(named, list)
        assert len(page.endpoints) == len(named) or page.problem
