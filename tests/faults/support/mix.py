"""A fifth of all calls fails, in every way that the simulator knows: the rules, their shares and their seeds.

Each method has its own table of weights. A share is a weight's part of the fifth; since the first outcome that matches
keeps the later ones out, a rule's own probability is its share among the calls that no earlier outcome took.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tokenfactory_simulator.client import AdminClient

SHARE: Final = 0.2
"""Of the calls of each method."""
_OUTCOMES: Final = frozenset({"answer_lost", "effect_lost", "effect_late", "status"})
"""Effects of which a call meets at most one (effects.py)."""

Effect = Mapping[str, Any]


@dataclass(frozen=True)
class Weighted:
    """One effect, and how often it comes in comparison with the others of its table."""

    weight: float
    effect: Effect


def _w(weight: float, effect: str, **parameters: object) -> Weighted:
    return Weighted(weight, {"effect": effect, **parameters})


def no_answer(seconds: float) -> list[Weighted]:
    """The call has its effect, or not, and nobody is told; `seconds` is longer than the caller waits."""
    return [
        *(_w(1.0, "answer_lost", how=how) for how in ("close", "reset", "truncate")),
        *(_w(1.0, "effect_lost", how=how) for how in ("close", "reset")),
        _w(1.0, "delay", seconds=seconds),
        _w(1.0, "delay", seconds=seconds, when="after"),
    ]


def errors(*refusals: int) -> list[Weighted]:
    """Answers that are no success; `refusals` are further codes, in the API's own form."""
    return [
        _w(1.0, "status", code=500),
        _w(1.0, "status", code=502, form="html"),
        _w(1.0, "status", code=503, form="openai", retry_after=1),
        _w(0.5, "status", code=504, form="empty"),
        _w(0.5, "status", code=409),
        _w(0.5, "status", code=200, form="malformed"),
        _w(0.5, "status", code=302, form="html", headers={"location": "/elsewhere"}),
        _w(0.5, "status", code=429, form="openai", retry_after=1),
        _w(0.5, "status", code=429),
        *(_w(0.5, "status", code=code) for code in refusals),
    ]


def in_spite() -> list[Weighted]:
    """An error is answered though the effect came."""
    return [
        _w(1.0, "status", code=code, form=form, after_effect=True) for code, form in ((500, "detail"), (502, "html"))
    ]


def late(seconds: float, weight: float = 1.0) -> list[Weighted]:
    """The effect comes `seconds` later, whatever was answered."""
    return [_w(weight, "effect_late", seconds=seconds, answer=answer) for answer in ("cut", "hold", 504)]


def strange() -> list[Weighted]:
    """Successes that hold what no client knows."""
    return [_w(0.5, "unknown_fields"), _w(0.5, "unknown_enum"), _w(1.0, "missing_id")]


def lists(ids: Sequence[str]) -> list[Weighted]:
    """LISTs that lag, and that leave something out without saying so."""
    return [
        _w(2.0, "stale_list", seconds=2),
        _w(1.0, "partial_list", drop_first=40),
        _w(0.5, "partial_list", cap=600),
        _w(1.0, "partial_list", drop_ids=list(ids)),
        _w(1.0, "hide", ids=list(ids)),
    ]


def script(cloud: AdminClient, match: Effect, table: Sequence[Weighted], *, seed: int) -> None:
    """Let `SHARE` of the calls that `match` meets fail, after `table`."""
    total = sum(item.weight for item in table)
    taken = 0.0
    for number, item in enumerate(table):
        share = SHARE * item.weight / total
        probability = share
        if item.effect["effect"] in _OUTCOMES:
            probability, taken = share / (1.0 - taken), taken + share
        effect = dict(item.effect)
        rule = {**match, "probability": probability, "seed": 1000 * seed + number}
        cloud.fault(rule, effect=effect.pop("effect"), **effect)


def met(calls: Sequence[Mapping[str, Any]]) -> tuple[int, Counter[str]]:
    """How many of the calls met a fault, and how often each effect did."""
    hit = [call["faults"] for call in calls if call["faults"]]
    return len(hit), Counter(name for names in hit for name in names)
