"""The newest version of each object, whoever brings it, and what it can be found by."""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache, key_of, version_of
from unit.support.builders import KEY, OTHER_UID, UID, an_object


def version(number: int, *, uid: str = UID, name: str = "llm", endpoint_id: str = "") -> Any:  # noqa: ANN401  # JSON
    body = an_object(uid=uid, name=name)
    body["metadata"]["resourceVersion"] = str(number)
    body["status"] = {"endpointId": endpoint_id} if endpoint_id else {}
    return body


def held(cache: ObjectCache) -> tuple[str, str] | None:
    body = cache.get(KEY)
    return (body["metadata"]["uid"], body["metadata"]["resourceVersion"]) if body else None


@pytest.mark.parametrize(
    ("numbers", "news", "last"),
    [
        pytest.param([5], [True], 5, id="first"),
        pytest.param([5, 7], [True, True], 7, id="newer"),
        pytest.param([7, 5], [True, False], 7, id="older"),
        pytest.param([7, 7], [True, False], 7, id="echo-of-our-own-write"),
        pytest.param([9, 10], [True, True], 10, id="versions-are-numbers"),
    ],
)
def test_the_newest_version_wins(numbers: list[int], news: list[bool], last: int) -> None:
    """Whoever brings it; what is not newer is no news."""
    cache = ObjectCache()
    assert [cache.put(version(number)) for number in numbers] == news
    assert held(cache) == (UID, str(last))


@pytest.mark.rule("W4")
def test_events_of_a_deleted_object_after_those_of_its_successor() -> None:
    """DELETED of the old uid does not take the new object away, nor does an old version replace it."""
    cache = ObjectCache()
    cache.put(version(5))
    cache.put(version(9, uid=OTHER_UID))
    assert not cache.put(version(8))
    assert not cache.remove(KEY, UID, 8)
    assert held(cache) == (OTHER_UID, "9")
    assert cache.keys_of(uids=[UID, OTHER_UID], endpoint_ids=[]) == {KEY}


def test_an_answer_that_comes_after_the_deletion() -> None:
    """Our own write's answer does not bring a deleted object back; a read that is as new as the event does.

    A DELETED under a selector only means that the object has left it.
    """
    cache = ObjectCache()
    cache.put(version(5))
    assert cache.remove(KEY, UID, 8)
    assert not cache.put(version(7))
    assert held(cache) is None
    assert cache.put(version(8))


def test_a_successor_is_not_kept_out() -> None:
    """The memory of a deletion is about one uid."""
    cache = ObjectCache()
    cache.put(version(5))
    cache.remove(KEY, UID, 8)
    assert cache.put(version(9, uid=OTHER_UID))


def test_removing_what_is_not_there() -> None:
    """Is no news."""
    assert not ObjectCache().remove(KEY, UID)


def test_indexes_follow_the_versions() -> None:
    """Found by uid and by the endpoint that the newest status names, and by nothing older."""
    cache = ObjectCache()
    cache.put(version(1, endpoint_id="ep-1"))
    cache.put(version(2, name="other", uid=OTHER_UID, endpoint_id="ep-1"))
    assert cache.keys_of(uids=[], endpoint_ids=["ep-1"]) == {KEY, Key("ml", "other")}
    cache.put(version(3, endpoint_id="ep-2"))
    assert cache.keys_of(uids=[UID], endpoint_ids=["ep-1"]) == {KEY, Key("ml", "other")}
    assert cache.keys_of(uids=[], endpoint_ids=["ep-1"]) == {Key("ml", "other")}
    assert cache.keys_of(uids=[], endpoint_ids=["ep-2", "ep-9"]) == {KEY}
    cache.remove(KEY, UID)
    assert cache.keys_of(uids=[UID], endpoint_ids=["ep-2"]) == set()


@pytest.mark.parametrize(
    ("policy", "holds"),
    [
        pytest.param({}, True, id="managed"),
        pytest.param({"managementPolicy": "Manage"}, True, id="managed-by-name"),
        pytest.param({"managementPolicy": "Observe"}, False, id="observed"),
    ],
)
def test_who_only_observes_holds_nothing(policy: dict[str, str], *, holds: bool) -> None:
    """Adopt: an endpoint has one object that manages it; any number may look on."""
    cache = ObjectCache()
    body = version(1, endpoint_id="ep-1")
    body["status"]["uid"] = UID
    body["spec"].update(policy)
    cache.put(body)
    assert cache.holder("ep-1", besides=Key("ml", "other")) == (KEY if holds else None)
    assert cache.keys_of(uids=[], endpoint_ids=["ep-1"]) == {KEY}


def test_a_relist_brings_what_the_watch_has_missed() -> None:
    """New, newer and vanished objects are told; what the watch brought meanwhile stays."""
    cache = ObjectCache()
    for number, name in ((1, "same"), (2, "older"), (3, "vanished"), (30, "meanwhile")):
        cache.put(version(number, name=name, uid=name))
    listed = [
        version(1, name="same", uid="same"),
        version(9, name="older", uid="older"),
        version(4, name="new", uid="new"),
    ]
    assert {key.name for key in cache.replace(listed, "20")} == {"older", "vanished", "new"}
    assert {key.name for key in cache} == {"same", "older", "new", "meanwhile"}


def test_a_relist_with_an_unknown_version_takes_nothing_away() -> None:
    """Nothing is concluded from what cannot be compared."""
    cache = ObjectCache()
    cache.put(version(5))
    assert cache.replace([], "opaque") == set()
    assert len(cache) == 1


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("", 0), ("opaque", 0)])
def test_version_of(text: str, number: int) -> None:
    """Comparable as numbers within one kind."""
    assert version_of({"metadata": {"resourceVersion": text}}) == number
    assert version_of({"metadata": {}}) == 0


def test_key_of_a_cluster_wide_object() -> None:
    """A missing namespace is an empty one."""
    assert key_of({"metadata": {"name": "x"}}) == Key("", "x")
