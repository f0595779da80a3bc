"""Pages that are read item by item, and with what the page before has said, mean what they mean when read whole."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tokenfactory_operator.cloud import pages
from tokenfactory_operator.cloud.call import Answer
from tokenfactory_operator.cloud.pages import PageReader
from tokenfactory_operator.cloud.paging import Cursor, Page, parse_page
from unit.cloud.test_wire import JSON

ITEMS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "c", "d", "e"])},
    optional={
        "description": st.sampled_from([None, "", "},{", '"]', "\\", "[", "é", 5]),
        "deployment": st.sampled_from([{"status": "running"}, {"status": "deleted"}]),
        "enabled": st.booleans(),
    },
)
LISTS = st.lists(ITEMS | JSON, max_size=6)
DOCUMENTS = st.one_of(
    LISTS,
    st.fixed_dictionaries(
        {"data": LISTS}, optional={"object": st.sampled_from(["list", "[", '"data":[']), "has_more": st.booleans()}
    ),
    st.fixed_dictionaries({"warnings": LISTS, "endpoints": LISTS}),
    st.fixed_dictionaries({"endpoints": LISTS}, optional={"next_page_token": st.text(max_size=3), "error": JSON}),
    JSON,
)
INDENTS = st.sampled_from([None, 1])


def answer(text: str) -> Answer:
    return Answer(200, {}, text.encode(errors="surrogatepass"), SecretStr("token"))


def whole(text: str) -> Page | None:
    return parse_page(answer(text).json())


def endpoints(count: int) -> list[dict[str, object]]:
    return [
        {"id": f"ep-{number}", "description": f"number {number} {'x' * 64}", "enabled": True} for number in range(count)
    ]


@given(documents=st.lists(st.tuples(DOCUMENTS, INDENTS), min_size=1, max_size=4))
def test_each_page_is_read_as_a_whole_one_would_be(documents: list[tuple[object, int | None]]) -> None:
    """Whatever the page before said, and however a page is written."""
    reader = PageReader()
    for document, indent in documents:
        text = json.dumps(document, indent=indent)
        assert reader.read(None, answer(text)) == whole(text)


@given(data=st.data(), texts=st.lists(LISTS, min_size=2, max_size=2))
def test_broken_text_is_read_as_a_whole_one_would_be(data: st.DataObject, texts: list[list[object]]) -> None:
    """A page that is cut off, or has a character too many, is never taken for a good one."""
    reader = PageReader()
    before, text = (json.dumps({"data": items}) for items in texts)
    reader.read(None, answer(before))
    cut = data.draw(st.integers(0, len(text)))
    broken = text[:cut] + data.draw(st.sampled_from(["", ",", "]", "}", '"', "{", "[", "\u00a0"])) + text[cut + 1 :]
    assert reader.read(None, answer(broken)) == whole(broken)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"data": [{"id": "a"},]}', id="comma at the end"),
        pytest.param('{"data": [{"id": "a"}, 5]}', id="a number among the items"),
        pytest.param('{"data": [{"id": "a"}], "data": [{"id": "b"}]}', id="the name twice"),
        pytest.param('{"errors": [{"id": "a"}], "data": []}', id="another list before"),
        pytest.param('{"object": "[", "data": [{"id": "a"}]}', id="a bracket in a text"),
        pytest.param('\ufeff{"data": [{"id": "a"}]}', id="byte order mark"),
        pytest.param('{"data": [' + '{"id": ' * 60 + '"a"' + "}" * 60 + "]}", id="nested too deeply"),
        pytest.param('{"data": [{"id": "a", "gpu_count": ' + "9" * 5000 + "}]}", id="a number too long"),
    ],
)
def test_unusual_pages(text: str) -> None:
    """They mean what they mean when read whole, and prove nothing for the next page."""
    reader = PageReader()
    assert reader.read(None, answer(text)) == whole(text)
    usual = json.dumps({"data": endpoints(3)})
    assert reader.read(None, answer(usual)) == whole(usual)


def test_what_has_not_changed_is_taken_over() -> None:
    """Of a page in which one item changed, one went, one came and all moved, only the changed and the new are read."""
    reader, items = PageReader(), endpoints(50)
    first = reader.read(None, answer(json.dumps({"data": items})))
    items[7]["enabled"] = False
    new = [{"id": "ep-new"}, *items[:20], *items[21:]]
    random.Random(1).shuffle(new)
    second = reader.read(None, answer(json.dumps({"data": new})))
    assert first is not None
    assert second is not None
    held = {id(endpoint) for endpoint in first.endpoints}
    assert {endpoint.id for endpoint in second.endpoints if id(endpoint) not in held} == {"ep-new", "ep-7"}


def test_the_same_page_is_the_same_object() -> None:
    """A LIST in which nothing has changed costs a comparison of its text; another cursor's page is another one."""
    reader, page = PageReader(), answer(json.dumps({"data": endpoints(5)}))
    first = reader.read(None, page)
    assert reader.read(None, page) is first
    assert reader.read(Cursor("after", "x"), page) is not first


def test_pages_that_no_list_asks_for_are_not_held() -> None:
    """What is held are the pages of the last LIST."""
    reader, page, cursor = PageReader(), answer(json.dumps({"data": endpoints(5)})), Cursor("after", "x")
    first, second = reader.read(None, page), reader.read(cursor, page)
    reader.ended({None})
    assert reader.read(None, page) is first
    assert reader.read(cursor, page) is not second


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages beyond the bound are read each time."""
    page = answer(json.dumps({"data": endpoints(5)}))
    monkeypatch.setattr(pages, "HELD", len(page.content) + 1)
    reader, cursor = PageReader(), Cursor("after", "x")
    first, second = reader.read(None, page), reader.read(cursor, page)
    assert reader.read(None, page) is first
    assert reader.read(cursor, page) is not second
