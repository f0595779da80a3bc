"""LIST: which answers are lists, how pages are followed, and when the whole proves absence."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.cloud.call import LIST_LIMIT
from tokenfactory_operator.cloud.client import MAX_ITEMS, MAX_PAGES
from tokenfactory_operator.cloud.paging import Cursor, parse_page
from tokenfactory_operator.domain.errors import CloudUnavailable, RateLimited, Unauthorized
from unit.cloud.support import Operation, cloud_before, every_operation, reply, scripted
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


@pytest.mark.rule("E2")
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
        pytest.param({"nextPageToken": "t"}, Cursor("page_token", "t"), id="token, as protobuf writes it in JSON"),
        pytest.param({"hasMore": True, "lastId": "z"}, Cursor("after", "z"), id="flag in camel case"),
        pytest.param({"next": None, "nextCursor": "", "has_next": False}, None, id="no next page, in other words"),
    ],
)
def test_cursors(fields: dict[str, object], cursor: Cursor | None) -> None:
    """Whatever way to the next page an answer offers is found."""
    page = parse_page({"data": [A, B], **fields})
    assert page is not None
    assert (page.next, page.problem) == (cursor, "")


@pytest.mark.rule("C37")
@pytest.mark.parametrize(
    ("fields", "left_out"),
    [
        ({"total": 5}, 3),
        ({"totalCount": 5, "limit": 2}, 3),
        ({"meta": {"total_items": 3}}, 1),
        ({"pagination": {"total": 2, "total_pages": 9}}, 0),
        ({"total": 1}, 0),
        ({"total": True}, 0),
        ({"total": "5"}, 3),
        ({"total": "many"}, 0),
        ({"total": None, "count": 7}, 0),
    ],
)
async def test_a_list_that_says_how_many_there_are(fields: dict[str, object], left_out: int) -> None:
    """What is listed for the record counts among what is shown; the number may be on any of the pages."""
    items = [A, {"id": "b", "deployment": {"status": "deleted"}}]
    first, last = {"data": items[:1], "next_page_token": "t", **fields}, {"data": items[1:], **fields}
    for answers in ([{"data": items, **fields}], [first, last]):
        async with cloud_before(scripted(*(reply(200, each) for each in answers))) as cloud:
            listed = await cloud.list_endpoints()
        assert (listed.left_out, listed.complete) == (left_out, True)


@pytest.mark.rule("E1")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"data": [], "has_more": True}, id="more, but no cursor"),
        pytest.param({"data": [A], "next_page_token": {"t": 1}}, id="token of a wrong type"),
        pytest.param({"data": [A], "after": ["x"]}, id="after of a wrong type"),
        pytest.param({"data": [A], "next_cursor": "c"}, id="a cursor of another name"),
        pytest.param({"data": [A], "has_next": True}, id="a flag of another name"),
        pytest.param({"data": [A], "next": "https://cloud.test/?p=2"}, id="an address"),
        pytest.param({"data": [A], "nextPage": 2}, id="a number"),
        pytest.param({"data": [A], "pagination": {"next": "c"}}, id="a cursor in an object"),
        pytest.param({"data": [A], "meta": {"next_page_token": "c", "has_more": True}}, id="a token in an object"),
        pytest.param({"data": [A, {"name": "nameless"}]}, id="item without id and description"),
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


@pytest.mark.rule("E1")
async def test_a_link_to_the_next_page_makes_it_incomplete() -> None:
    """RFC 8288. It is not followed: the token would go wherever it leads."""
    links = '<https://cloud.test/?p=1>; rel="prev", <https://cloud.test/?p=3>; rel=next'
    async with cloud_before(scripted(reply(200, {"data": [A]}, link=links))) as cloud:
        listed = await cloud.list_endpoints()
    assert (listed.complete, [endpoint.id for endpoint in listed.endpoints]) == (False, ["a"])
    async with cloud_before(scripted(reply(200, {"data": [A]}, link='<https://cloud.test/?p=1>; rel="prev"'))) as cloud:
        assert (await cloud.list_endpoints()).complete


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
    "content",
    [
        pytest.param(b'{"data":[' + b"{}," * 2_500_000 + b"{}]}", id="millions of items"),
        pytest.param(b'{"data":[' + b"0," * 2_500_000 + b"0]}", id="millions of numbers"),
        pytest.param(b'{"data":' + b"[" * 300_000 + b"]" * 300_000 + b"}", id="bottomless"),
        pytest.param(b'{"data":["' + b"x" * LIST_LIMIT + b'"]}', id="a page too large"),
        pytest.param(b'{"data":[' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"]}", id="deep, in bounds"),
    ],
)
async def test_a_page_has_a_budget(content: bytes) -> None:
    """An answer that costs more than it can be worth fails the LIST, before it is taken apart."""
    async with cloud_before(scripted(httpx.Response(200, content=content))) as cloud:
        try:
            listed = await cloud.list_endpoints()
        except CloudUnavailable:
            return
    assert (listed.endpoints, listed.complete) == ((), False)


async def test_a_list_has_a_budget_of_items() -> None:
    """Pages that are each in bounds are not followed for ever; what they show is kept."""
    pages = 0

    def more(_: httpx.Request) -> httpx.Response:
        nonlocal pages
        pages += 1
        items = [{"id": f"ep-{pages}-{number}"} for number in range(MAX_ITEMS // 4)]
        return reply(200, {"data": items, "next_page_token": f"t{pages}"})

    async with cloud_before(more) as cloud:
        listed = await cloud.list_endpoints()
    assert (pages, len(listed.endpoints), listed.complete, listed.view) == (4, MAX_ITEMS, False, False)


@pytest.mark.looptime
async def test_a_list_has_one_deadline() -> None:
    """Each page in time, and never the last: the LIST ends, and what was shown is kept."""
    pages = 0

    async def slow(_: httpx.Request) -> httpx.Response:
        nonlocal pages
        pages += 1
        await asyncio.sleep(50)
        return reply(200, {"data": [A], "next_page_token": f"t{pages}"})

    async with cloud_before(slow) as cloud:
        begun = asyncio.get_running_loop().time()
        listed = await cloud.list_endpoints()
        lasted = asyncio.get_running_loop().time() - begun
    assert lasted == pytest.approx(120, abs=1)
    assert ([endpoint.id for endpoint in listed.endpoints], listed.view) == (["a"], False)


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br", "deflate", "zstd", "x-unknown"])
@every_operation
async def test_only_identity_is_read(operation: Operation, encoding: str) -> None:
    """It is asked for, and another content encoding is no answer: the outcome of a create is open then."""
    script = scripted(httpx.Response(200, stream=httpx.ByteStream(b"x"), headers={"Content-Encoding": encoding}))
    async with cloud_before(script) as cloud:
        with pytest.raises(CloudUnavailable, match="compressed") as raised:
            await operation(cloud)
    assert not raised.value.refused
    assert script.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("item", "complete"),
    [
        pytest.param({"name": "x", "description": "a stranger's"}, True, id="no id"),
        pytest.param({"id": None, "description": None}, True, id="no id, no description"),
        pytest.param({"id": "x" * 129, "description": ""}, True, id="an id too long"),
        pytest.param({"name": "x"}, False, id="says nothing of its owner"),
        pytest.param({"description": 5}, False, id="a description of a wrong type"),
        pytest.param(None, False, id="null"),
        pytest.param([], False, id="a list"),
    ],
)
async def test_a_bad_item_costs_itself(item: object, complete: bool) -> None:  # noqa: FBT001 - of the table
    """The others are a view of the cloud; absence is proven only where the item says whose it is."""
    async with cloud_before(scripted(reply(200, {"data": [A, item, B]}))) as cloud:
        listed = await cloud.list_endpoints()
    assert [endpoint.id for endpoint in listed.endpoints] == ["a", "b"]
    assert (listed.view, listed.complete) == (True, complete)
    assert listed.problem == "1 of its items cannot be read"


@pytest.mark.rule("E6")
@pytest.mark.parametrize(
    ("before", "later", "hidden"),
    [
        pytest.param("mine", "yours", ("mine",), id="two owners"),
        pytest.param("mine", None, ("mine",), id="an owner and nobody"),
        pytest.param(None, "mine", (), id="nobody and an owner"),
        pytest.param("mine", ..., ("mine",), id="an owner and no word"),
        pytest.param(..., "mine", (), id="no word and an owner"),
        pytest.param("mine", "mine", (), id="the same"),
    ],
)
@pytest.mark.parametrize("pages", [1, 2])
async def test_one_id_with_two_descriptions(before: object, later: object, hidden: tuple[str, ...], pages: int) -> None:
    """What counts is the later one. The owner that only the earlier one names is not shown to be absent."""
    items = [{"id": "a", "description": text} if text is not ... else {"id": "a"} for text in (before, later)]
    replies = [{"data": items}] if pages == 1 else [{"data": items[:1], "next_page_token": "n"}, {"data": items[1:]}]
    async with cloud_before(scripted(*(reply(200, page) for page in replies))) as cloud:
        listed = await cloud.list_endpoints()
    assert [endpoint.description for endpoint in listed.endpoints] == [
        later if isinstance(later, str) else "" if later is None else None
    ]
    assert (listed.nameless, listed.view) == (hidden, True)
    assert listed.problem == ("1 of its items has the id of another and a different description" if hidden else "")


@pytest.mark.rule("E1")
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
        assert len(page.endpoints) + len(page.nameless) + page.unreadable == len(named)
