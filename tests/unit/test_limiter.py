"""How often something may begin."""

from __future__ import annotations

from tokenfactory_operator.limiter import Limiter, Limiters


def test_who_asks_in_a_loop() -> None:
    """A person gets a look at once, and again; a loop gets one in each interval, however often it asks."""
    limiter, begun = Limiter(3, every=5.0), list[float]()
    for tenth in range(600):
        now = tenth / 10
        if not begun or begun[-1] <= now:
            begun.append(now + limiter.wait(now))
    assert begun[:3] == [0.0, 0.1, 0.2]
    assert [round(at, 1) for at in begun[3:]] == [5.0 * number for number in range(1, len(begun) - 2)]
    assert len(begun) == 3 + 60 // 5
    assert limiter.wait(1_000.0) == 0.0


def test_keys_are_in_each_others_way_at_no_time() -> None:
    """Each has a limiter of its own; one that is forgotten for newer ones begins anew."""
    limiters = Limiters[str](2, 1, every=5.0)
    assert [limiters.wait(key, 0.0) for key in ("a", "b")] == [0.0, 0.0]
    assert limiters.wait("a", 1.0) == 4.0
    assert limiters.wait("c", 1.0) == 0.0  # in the place of b, which was asked for before a
    assert limiters.wait("a", 2.0) == 3.0
    assert limiters.wait("b", 2.0) == 0.0
