"""Scripted faults: which calls they meet, and in which order.

Rules are asked in the order they were added. Of the outcomes the first that matches applies and the later ones do not
count the call, so three rules of count 1 meet three calls; every other matching rule applies too.
"""

import random
import re
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tokenfactory_simulator.effects import Effect, Outcome

E = TypeVar("E", bound=BaseModel)


class Match(BaseModel):
    """Which calls a rule meets: all conditions must hold. Regular expressions are searched for, not anchored."""

    model_config = ConfigDict(extra="forbid")

    method: str | None = None
    path_regex: str | None = None
    body_regex: str | None = None
    token: str | None = None
    project: str | None = None
    skip: Annotated[int, Field(ge=0, description="matching calls let through first")] = 0
    count: Annotated[int, Field(ge=1)] | None = Field(None, description="calls met before it is spent; absent: no end")
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: int = 0

    @field_validator("path_regex", "body_regex")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern


class Rule(BaseModel):
    """What `POST /_admin/faults` takes."""

    model_config = ConfigDict(extra="forbid")

    match: Match = Field(default_factory=Match)
    effect: Effect


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule can look at."""

    method: str
    path: str
    body: str
    token: str
    project: str | None


@dataclass(slots=True)
class _Scripted:
    number: int
    rule: Rule
    dice: random.Random
    seen: int = 0
    applied: int = 0

    def matches(self, facts: Facts) -> bool:
        wanted = self.rule.match
        return (
            (wanted.method is None or wanted.method.upper() == facts.method)
            and (wanted.path_regex is None or re.search(wanted.path_regex, facts.path) is not None)
            and (wanted.body_regex is None or re.search(wanted.body_regex, facts.body) is not None)
            and (wanted.token is None or wanted.token == facts.token)
            and (wanted.project is None or wanted.project == facts.project)
        )

    @property
    def spent(self) -> bool:
        count = self.rule.match.count
        return count is not None and self.applied >= count

    def takes(self) -> bool:
        """Count a matching call; answers whether the rule applies to it."""
        self.seen += 1
        applies = self.seen > self.rule.match.skip and self.dice.random() < self.rule.match.probability
        self.applied += applies
        return applies


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What one call has to suffer."""

    outcome: Outcome | None = None
    shapes: list[BaseModel] = field(default_factory=list)

    def every(self, kind: type[E]) -> list[E]:
        """The effects of one kind."""
        return [effect for effect in self.shapes if isinstance(effect, kind)]

    def names(self) -> list[str]:
        """For the record."""
        effects = [*([self.outcome] if self.outcome else []), *self.shapes]
        return [str(getattr(effect, "effect", "")) for effect in effects]


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._rules: list[_Scripted] = []
        self._numbered = 0

    def add(self, rule: Rule) -> int:
        """Put a rule at the end; answers its number."""
        self._numbered += 1
        # Seeded: the same script meets the same calls again.
        self._rules.append(_Scripted(self._numbered, rule, random.Random(rule.match.seed)))  # noqa: S311 - no secret
        return self._numbered

    def clear(self, number: int | None = None) -> None:
        """Forget one rule, or all."""
        self._rules = [] if number is None else [rule for rule in self._rules if rule.number != number]

    def plan(self, facts: Facts) -> FaultPlan:
        """What applies to a call; counts it."""
        outcome: Outcome | None = None
        shapes: list[BaseModel] = []
        for scripted in self._rules:
            effect = scripted.rule.effect
            decisive = isinstance(effect, Outcome)
            if scripted.spent or (decisive and outcome) or not scripted.matches(facts) or not scripted.takes():
                continue
            if isinstance(effect, Outcome):
                outcome = effect
            else:
                shapes.append(effect)
        return FaultPlan(outcome, shapes)

    def describe(self) -> list[dict[str, Any]]:
        """The rules and how often each applied; tokens are not shown."""
        return [
            {
                "id": scripted.number,
                "match": scripted.rule.match.model_dump(exclude={"token"}),
                "effect": scripted.rule.effect.model_dump(),
                "seen": scripted.seen,
                "applied": scripted.applied,
                "spent": scripted.spent,
            }
            for scripted in self._rules
        ]
