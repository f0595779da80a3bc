"""Which boundaries a campaign goes to, and which it reports as never met: without a cluster, on runs as told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from faults.support.campaign import Run, Tally, fill
from faults.support.points import Moment, Point

POST, GET, WATCH = (Point(name, 1, Moment.BEFORE) for name in ("cloud POST", "kube GET", "kube WATCH"))


@dataclass
class Flow:
    """Has these boundaries, one set for each recording; those of `never` are never met."""

    recordings: Sequence[set[Point]]
    never: frozenset[Point] = frozenset()
    misses: int = 0
    """Runs to each of the others in which it is not met."""
    targets: list[Point] = field(default_factory=list)
    recorded: int = 0

    def run_all(self, targets: Iterable[Point | None]) -> list[Run]:
        """A run for each target."""
        return [self._recording() if target is None else self._death(target) for target in targets]

    def _recording(self) -> Run:
        points = self.recordings[self.recorded]
        self.recorded += 1
        return Run("flow", None, met=False, points=frozenset(points), wrong=())

    def _death(self, target: Point) -> Run:
        self.targets.append(target)
        met = target not in self.never and self.targets.count(target) > self.misses
        return Run("flow", target, met=met, points=frozenset(), wrong=())


def filled(flow: Flow) -> Tally:
    """What the runs come to."""
    tally = Tally("flow")
    fill(tally, flow.run_all)
    return tally


def test_each_boundary_is_met_once() -> None:
    """What is met needs no second run."""
    flow = Flow([{POST, GET}, {POST, GET}])
    tally = filled(flow)
    assert (tally.boundaries, tally.by_chance, tally.unmet) == (2, 0, [])
    assert sorted(flow.targets) == sorted({POST, GET})


def test_a_boundary_that_is_missed_at_first() -> None:
    """It is gone to again."""
    flow = Flow([{POST}, {POST}], misses=2)
    assert filled(flow).unmet == []
    assert flow.targets == [POST] * 3


def test_a_boundary_that_only_one_recording_has() -> None:
    """It is gone to, and need not be met."""
    flow = Flow([{POST, GET}, {POST}], never=frozenset({GET}))
    tally = filled(flow)
    assert (tally.boundaries, tally.by_chance, tally.unmet) == (2, 1, [])
    assert flow.targets.count(GET) == 1


def test_a_boundary_that_is_always_there_and_never_met() -> None:
    """It is reported, since nothing is known of a death at it."""
    both = {POST, GET}
    tally = filled(Flow([both] * 4, never=frozenset({GET})))
    assert (tally.by_chance, tally.unmet) == (0, [GET])


def test_a_boundary_that_was_there_by_chance_in_both_recordings() -> None:
    """Of those that were never met only such are reported as two more recordings have."""
    more = {POST, GET, WATCH}
    tally = filled(Flow([more, more, {POST, GET}, more], never=frozenset({GET, WATCH})))
    assert (tally.boundaries, tally.by_chance, tally.unmet) == (3, 1, [GET])
