"""How often something may begin."""

from __future__ import annotations

from tokenfactory_operator.limiter import Limiter


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
