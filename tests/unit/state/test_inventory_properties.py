"""The inventory against a naive model that remembers everything and computes each answer from the protocol's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.state.evidence import evidence_for
from unit.support.builders import an_endpoint, mark
from unit.support.scene import Scene

SETTLE = 60.0
IDS = ("ep-1", "ep-2", "ep-3")
OURS = ("ours-1", "ours-2")
MARKS = {"ours-1": mark("a1"), "ours-2": mark("a2"), "others": mark(uid="u2", name="other"), "none": ""}

Shown = dict[str, str]
"""Endpoint id → kind of mark."""


@dataclass
class Diary:
    """Everything that was seen, in order; nothing is ever summed up."""

    lists: list[tuple[float, float, bool, Shown]] = field(default_factory=list)
    """Begin, end, complete, shown."""
    answers: list[tuple[float, str, str]] = field(default_factory=list)
    """End, endpoint id, kind."""
    forgotten: set[str] = field(default_factory=set)
    """Those that were absent for so long that nobody misses them (E27)."""
    disproved: float = NEVER
    """When one was last seen again that the LISTs had left out (E38)."""

    def sightings(self, wanted: str, kinds: tuple[str, ...]) -> list[float]:
        """Ends of everything that showed the id (or, with an empty one, any id) under one of the marks.

        A LIST counts, but for what it says of an endpoint about which an answer came while it ran.
        """
        found = [end for end, name, kind in self.answers if name == (wanted or name) and kind in kinds]
        for begin, end, _, shown in self.lists:
            for name, kind in shown.items():
                stale = any(begin < answered < end and name == reported for answered, reported, _ in self.answers)
                if name == (wanted or name) and kind in kinds and not stale:
                    found.append(end)
        return found

    def absent(self, wanted: str, kinds: tuple[str, ...], settle: float) -> bool:
        """Two complete LISTs begun after the last evidence, the first and the last of them so far apart."""
        last = max([*self.sightings(wanted, kinds), self.disproved])
        starts = [begin for begin, _, complete, _ in self.lists if complete and begin > last]
        return len(starts) >= 2 and max(starts) - min(starts) >= settle

    def seen(self, end: float, names: Iterable[str], present: Shown) -> None:
        """These were shown just now; `present`: what was present before."""
        for name in names:
            first = min(self.sightings(name, tuple(MARKS)))
            if first < end and name not in present and name not in self.forgotten:
                self.disproved = end
            self.forgotten.discard(name)

    def present(self) -> Shown:
        """Of each endpoint the latest word: an answer's by its end, a LIST's by its start."""
        now: Shown = {}
        for name in IDS:
            words: list[tuple[float, str | None]] = [
                (end, kind) for end, reported, kind in self.answers if reported == name
            ]
            for begin, _, complete, shown in self.lists:
                if name in shown:
                    words.append((begin, shown[name]))
                elif complete:
                    words.append((begin, None))
            kind = max(words, key=lambda word: word[0], default=(NEVER, None))[1]
            if kind is not None:
                now[name] = kind
        return now


@dataclass(frozen=True)
class Answer:
    """A 2xx about one endpoint."""

    name: str
    kind: str


@dataclass(frozen=True)
class Listing:
    """A LIST, and an answer that ends while it runs."""

    complete: bool
    shown: Shown
    meanwhile: Answer | None


Step = Answer | Listing | float
"""A number of seconds goes by."""

KINDS = st.sampled_from(sorted(MARKS))
ANSWERS = st.builds(Answer, st.sampled_from(IDS), KINDS)
LISTINGS = st.builds(
    Listing,
    st.sampled_from([True, True, False]),
    st.dictionaries(st.sampled_from(IDS), KINDS, max_size=2),
    st.none() | ANSWERS,
)
STEPS = st.lists(ANSWERS | LISTINGS | LISTINGS | st.sampled_from([1.0, 29.0, 58.0, 61.0, 600.0]), max_size=12)


@dataclass
class Story:
    """Both are told the same."""

    scene: Scene = field(default_factory=Scene)
    diary: Diary = field(default_factory=Diary)

    def tell(self, step: Step) -> None:
        """One thing happens."""
        if isinstance(step, Answer):
            present = self.diary.present()
            self.scene.wait(0.25)
            end = self.scene.inventory.take_answer(an_endpoint(step.name, description=MARKS[step.kind]))
            self.diary.answers.append((end, step.name, step.kind))
            self.diary.seen(end, (step.name,), present)
        elif isinstance(step, Listing):
            self._list(step)
        else:
            self.scene.wait(step)

    def _list(self, step: Listing) -> None:
        begun = self.scene.inventory.stamp()
        if step.meanwhile is not None:
            self.tell(step.meanwhile)
        present = self.diary.present()
        endpoints = tuple(an_endpoint(name, description=MARKS[kind]) for name, kind in step.shown.items())
        self.scene.wait(0.25).inventory.listed(begun, EndpointList(endpoints, view=step.complete))
        end = self.scene.inventory.stamp()
        self.diary.lists.append((begun, end, step.complete, step.shown))
        answered = step.meanwhile.name if step.meanwhile is not None else ""
        self.diary.seen(end, step.shown.keys() - {answered}, present)
        if step.complete:
            missing = set(IDS) - self.diary.present().keys()
            settle = self.scene.timing.delete_settle
            self.diary.forgotten |= {name for name in missing if self.diary.absent(name, tuple(MARKS), settle)}


@given(STEPS)
def test_the_inventory_keeps_to_the_words_of_the_protocol(steps: list[Step]) -> None:
    """For any story of LISTs and answers: presence, and every proof of absence, are the naive model's."""
    story = Story()
    for step in steps:
        story.tell(step)
        found = evidence_for(story.scene.inventory, story.scene.resource, recorded="ep-1", attempt="a1")
        diary, present = story.diary, story.diary.present()
        assert {seen.endpoint.id for seen in found.own} == {name for name in present if present[name] in OURS}
        assert (found.recorded.seen is not None) == ("ep-1" in present)
        for settle in (SETTLE, 600.0):
            expected = (diary.absent("", OURS, settle), diary.absent("", ("ours-1",), settle))
            identity, attempt = (
                absence.proven(after=NEVER, settle=settle)
                for absence in (found.identity_absence, found.attempt_absence)
            )
            assert (identity, attempt) == expected
            recorded = found.recorded.absence.proven(after=NEVER, settle=settle)
            assert recorded == diary.absent("ep-1", tuple(MARKS), settle)
        assert not (found.own and found.identity_absence.proven(after=NEVER, settle=0.0))


@pytest.mark.rule("E3")
@given(STEPS, st.integers(0, 11))
def test_the_order_of_knowledge_never_turns_back(steps: list[Step], at: int) -> None:
    """Whatever happens: the last complete LIST only moves on, and an answer is never forgotten by an older LIST."""
    story = Story()
    last = NEVER
    for number, step in enumerate(steps):
        story.tell(step)
        assert story.scene.inventory.last_complete >= last
        last = story.scene.inventory.last_complete
        if number == at:
            begun = story.scene.inventory.stamp()
            story.tell(Answer("ep-1", "ours-1"))
            story.scene.inventory.listed(begun, EndpointList(()))
            assert story.scene.inventory.endpoint("ep-1") is not None
            return
