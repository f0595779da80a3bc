"""How many endpoints each object had at every moment, read from the simulator's record and from nothing else.

Must not ask the operator or the API server: what they believe is what is being checked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import combinations
from typing import Any, Final

from cluster.support.lists import lists
from tokenfactory_simulator.client import AdminClient

JsonObject = dict[str, Any]

_UID: Final = re.compile(r"uid=([0-9a-f-]{36})")


@dataclass(frozen=True)
class Life:
    """One endpoint from its creation to its end, and how late it came; times in seconds since 1970."""

    uid: str
    endpoint_id: str
    began: float
    ended: float
    """Infinity while it lives."""
    asked: float
    """When its POST arrived."""

    @property
    def lateness(self) -> float:
        """Seconds from the arrival of its POST to its coming into being."""
        return self.began - self.asked

    def beside(self, other: Life) -> bool:
        """Whether both were alive at one moment."""
        return self.together(other) > 0.0

    def together(self, other: Life) -> float:
        """Seconds for which both were alive."""
        return max(0.0, min(self.ended, other.ended) - max(self.began, other.began))


@dataclass(frozen=True)
class Census:
    """All endpoints that ever were, by the object in whose name they were made."""

    by_uid: dict[str, list[Life]]
    lists: tuple[tuple[float, float], ...]
    """Beginning and end of each LIST that was answered as it should be, in order."""

    @property
    def alive(self) -> Counter[str]:
        """Endpoints alive now, by uid."""
        return Counter(life.uid for life in self._all() if life.ended == float("inf"))

    def duplicates(self) -> list[tuple[Life, Life]]:
        """Pairs of one object that were alive at one moment, the later born second."""
        pairs = [pair for lives in self.by_uid.values() for pair in combinations(lives, 2)]
        return [pair for pair in pairs if pair[0].beside(pair[1])]

    def unexcused(self, settle: float) -> list[tuple[Life, Life]]:
        """Duplicates that no effect later than `settle` seconds explains: none may be.

        Either the later born came so late; or the earlier born did, and was not known yet when the other was asked for.
        """
        return [
            (first, second)
            for first, second in self.duplicates()
            if second.lateness <= settle and (first.lateness <= settle or self._known(first, by=second.asked))
        ]

    def _known(self, life: Life, *, by: float) -> bool:
        """Whether a LIST must have shown it by then, and was taken in: the next one had begun."""
        shown = [ended for begun, ended in self.lists if begun >= life.began]
        return any(begun >= min(shown, default=by) and begun < by for begun, _ in self.lists)

    def made(self) -> int:
        """Endpoints that ever were."""
        return sum(len(lives) for lives in self.by_uid.values())

    def _all(self) -> Iterator[Life]:
        return (life for lives in self.by_uid.values() for life in lives)


def take(cloud: AdminClient) -> Census:
    """The census as of now; every endpoint must carry an owner mark and come from a POST of the record."""
    endpoints = cloud.endpoints(alive_only=False)  # first: every one of them has its POST in what is read after
    posts = {call["endpoint_id"]: call for call in cloud.calls(method="POST") if call["endpoint_id"]}
    by_uid: dict[str, list[Life]] = {}
    for item in endpoints:
        life = _life(item, posts[item["id"]])
        by_uid.setdefault(life.uid, []).append(life)
    for lives in by_uid.values():
        lives.sort(key=lambda life: life.began)
    return Census(by_uid, tuple(_lists(cloud)))


def pending(cloud: AdminClient) -> int:
    """Mutations whose effect is still to come."""
    return sum(call["effect"] == "pending" for call in cloud.calls())


def _life(item: JsonObject, post: JsonObject) -> Life:
    marked = _UID.search(post["body"]["description"])
    assert marked, f"an endpoint without an owner mark: {item}"
    began = _seconds(item["created_at"])
    ended = _seconds(item["deleted_at"]) if item["deleted_at"] else float("inf")
    return Life(marked[1], item["id"], began, ended, asked=post["started_wall"])


def _lists(cloud: AdminClient) -> Iterator[tuple[float, float]]:
    for call in lists(cloud):
        if call["status"] == HTTPStatus.OK and not call["faults"]:
            yield call["started_wall"], call["ended_wall"]


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
