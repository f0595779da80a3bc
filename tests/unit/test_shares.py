"""Turns between namespaces: the one rule that work, calls and Events share."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tokenfactory_operator.shares import REMEMBERED, Shares

NAMES = ("a", "b", "c", "d")


def filled(**counts: int) -> Shares[str, None]:
    """So many items of each namespace, numbered."""
    shares: Shares[str, None] = Shares()
    for name, count in counts.items():
        for number in range(count):
            shares.put(name, f"{name}{number}", None)
    return shares


def drained(shares: Shares[str, None], count: int) -> list[str]:
    """The next ones."""
    return [shares.pop()[0] for _ in range(count)]


def test_turns() -> None:
    """First in, first out in each namespace, and one item of each at a time."""
    assert drained(filled(a=3, b=1, c=2), 6) == ["a0", "b0", "c0", "a1", "c1", "a2"]


@pytest.mark.parametrize("loud", [1, 3, 20])
def test_whoever_asks_now_and_then_goes_first(loud: int) -> None:
    """However many others ask without end: it waits for nobody, again and again."""
    shares: Shares[int, None] = Shares()
    for name in range(loud):
        for number in range(100):
            shares.put(f"loud-{name}", number, None)
    for number in range(4):
        for _ in range(loud):
            shares.pop()
        shares.put("quiet", -1 - number, None)
        assert shares.pop()[0] == -1 - number


def test_an_item_that_comes_again_keeps_its_place() -> None:
    """With its new value, and it counts once."""
    shares: Shares[str, int] = Shares()
    shares.put("a", "first", 1)
    shares.put("a", "second", 1)
    shares.put("a", "first", 2)
    assert len(shares) == 2
    assert shares.get("a", "first") == 2
    assert shares.get("b", "first") is None
    assert [shares.pop(), shares.pop()] == [("first", 2), ("second", 1)]


def test_held_back() -> None:
    """It has no turn, its items keep their order, and those that come meanwhile wait too."""
    shares = filled(a=2, b=1)
    shares.hold("a")
    shares.put("a", "a2", None)
    assert drained(shares, 1) == ["b0"]
    assert (shares.ready, len(shares)) == (False, 3)
    shares.release("a")
    assert drained(shares, 3) == ["a0", "a1", "a2"]


def test_room_is_made_by_who_has_most() -> None:
    """The newest of it; where others have as much, of the one that asks."""
    shares = filled(a=3, b=2)
    assert shares.pop_newest(of="b")[0] == "a2"
    assert shares.pop_newest(of="b")[0] == "b1"


def test_what_is_remembered_is_bounded() -> None:
    """Whoever had its last turn very long ago is as one that never had any: they come in the order of their asking."""
    shares: Shares[int, None] = Shares()
    for number in range(REMEMBERED + 1):
        shares.put(f"n{number}", number, None)
        shares.pop()
    for number in (1, 0):
        shares.put(f"n{number}", number, None)
    assert [shares.pop()[0], shares.pop()[0]] == [0, 1]


class AnyUse(RuleBasedStateMachine):
    """Whatever is put, taken, held and released: nothing is lost, and nobody has two turns while another one waits."""

    @initialize()
    def begin(self) -> None:
        """Empty."""
        self.shares: Shares[int, str] = Shares()
        self.model: dict[str, list[int]] = {name: [] for name in NAMES}
        self.held: set[str] = set()
        self.turns: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
        self.number = 0

    @rule(name=st.sampled_from(NAMES))
    def put(self, name: str) -> None:
        """A new item."""
        self.number += 1
        if not self.model[name]:
            self.turns[name].clear()
        self.model[name].append(self.number)
        self.shares.put(name, self.number, name)

    @precondition(lambda self: any(self.model.values()))
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """One that waits is not wanted any more."""
        name = data.draw(st.sampled_from([name for name in NAMES if self.model[name]]))
        number = data.draw(st.sampled_from(self.model[name]))
        self.model[name].remove(number)
        self.shares.remove(name, number)

    @rule(name=st.sampled_from(NAMES))
    def hold_or_release(self, name: str) -> None:
        """It is held, or was."""
        if name in self.held:
            self.held.remove(name)
            self.turns[name].clear()
            self.shares.release(name)
        else:
            self.held.add(name)
            self.shares.hold(name)

    @precondition(lambda self: self.waiting())
    @rule()
    def pop(self) -> None:
        """Its namespace's first; and each other one that waits has seen at most one turn of it."""
        number, name = self.shares.pop()
        assert name not in self.held
        assert self.model[name].pop(0) == number
        for other in self.waiting():
            if other != name:
                self.turns[other][name] += 1
                assert self.turns[other][name] <= 1
        self.turns[name].clear()

    def waiting(self) -> list[str]:
        """Those whose turn may come."""
        return [name for name in NAMES if self.model[name] and name not in self.held]

    @invariant()
    def counts(self) -> None:
        """What is known of the whole."""
        assert len(self.shares) == sum(map(len, self.model.values()))
        assert self.shares.ready == bool(self.waiting())


TestAnyUse = AnyUse.TestCase
