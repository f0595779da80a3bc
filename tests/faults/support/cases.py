"""One fault of each kind that the simulator can script, on every method where it makes sense: the tables.

Left out are answers that the protocol takes for true by assumption (docs/protocol.md, Assumptions): a refusal of a POST
in the API's own form that has an effect, and a 2xx of a DELETE that has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from cluster.support.operator_process import CREATE_SETTLE
from tokenfactory_simulator import effects

SLOW: Final = 3.0
"""Seconds, more than the request's time-out and less than that and the settle time."""
BEYOND: Final = 8.0
"""Seconds after which a next attempt has been made."""
SOME: Final = "ids of the objects that exist"


@dataclass(frozen=True)
class Case:
    """One fault; `tries` is the number of POSTs, `made` that of endpoints, both over the whole life."""

    method: str
    effect: str
    parameters: Mapping[str, Any]
    tries: int = 1
    made: int = 1
    lists: int = 4
    """LISTs that meet the fault, where it is one of LIST."""

    @property
    def truthful(self) -> bool:
        """Whether LISTs that can be read show what is new within the settle time."""
        return "cap" not in self.parameters

    def key(self) -> str:
        """A name for people, and for the object."""
        reported = "-".join(f"{name}-{value}" for name, value in self.parameters.items() if value is not SOME)
        return "-".join(filter(None, (self.method, self.effect, reported))).lower().replace("_", "-").replace(".", "-")


def case(method: str, effect: str, *, tries: int = 1, made: int = 1, lists: int = 4, **parameters: object) -> Case:
    """A row of the tables; `parameters` are the effect's."""
    return Case(method, effect, parameters, tries=tries, made=made, lists=lists)


POSTS: Final = (
    *(case("POST", "answer_lost", how=how) for how in get_args(effects.Cut)),
    *(case("POST", "effect_lost", how=how, tries=2) for how in ("close", "reset")),
    *(case("POST", "effect_late", seconds=1.5, answer=answer) for answer in ("cut", "hold", 504)),
    case("POST", "effect_late", seconds=SLOW, answer="hold"),
    *(case("POST", "effect_late", seconds=BEYOND, answer=answer, tries=2, made=2) for answer in ("cut", 504)),
    *(case("POST", "status", code=code, tries=2) for code in (400, 401, 403, 404, 405, 408, 409, 413, 415, 422)),
    *(case("POST", "status", code=code, tries=2) for code in (425, 429, 499, 500, 503)),
    case("POST", "status", code=429, retry_after=1, form="openai", tries=2),
    case("POST", "status", code=429, form="html", tries=2),
    case("POST", "status", code=502, form="html", tries=2),
    case("POST", "status", code=503, retry_after=1, retry_after_form="date", tries=2),
    case("POST", "status", code=504, form="empty", tries=2),
    case("POST", "status", code=302, form="html", tries=2),
    *(case("POST", "status", code=200, form=form, tries=2) for form in ("html", "empty", "malformed")),
    *(case("POST", "status", code=code, after_effect=True) for code in (409, 500)),
    case("POST", "status", code=201, form="empty", after_effect=True),
    case("POST", "status", code=502, form="html", after_effect=True),
    *(case("POST", "delay", seconds=seconds, when=when) for seconds in (0.5, SLOW) for when in ("before", "after")),
    *(case("POST", effect) for effect in ("missing_id", "unknown_fields", "unknown_enum")),
)
PATCHES: Final = (
    *(case("PATCH", "answer_lost", how=how) for how in get_args(effects.Cut)),
    *(case("PATCH", "effect_lost", how=how) for how in ("close", "reset")),
    *(case("PATCH", "effect_late", seconds=1.5, answer=answer) for answer in ("cut", "hold", 504)),
    *(case("PATCH", "status", code=code) for code in (400, 401, 403, 404, 409, 422, 429, 500)),
    case("PATCH", "status", code=502, form="html"),
    case("PATCH", "status", code=503, retry_after=1),
    *(case("PATCH", "status", code=200, form=form) for form in ("html", "empty", "malformed")),
    *(case("PATCH", "status", code=code, after_effect=True) for code in (409, 500)),
    *(case("PATCH", "delay", seconds=SLOW, when=when) for when in ("before", "after")),
    *(case("PATCH", effect) for effect in ("missing_id", "unknown_fields", "unknown_enum")),
)
DELETES: Final = (
    *(case("DELETE", "answer_lost", how=how) for how in ("close", "reset")),
    *(case("DELETE", "effect_lost", how=how) for how in ("close", "reset")),
    *(case("DELETE", "effect_late", seconds=1.5, answer=answer) for answer in ("cut", "hold", 504)),
    *(case("DELETE", "status", code=code) for code in (400, 401, 403, 409, 422, 429, 500)),
    case("DELETE", "status", code=502, form="html"),
    case("DELETE", "status", code=503, retry_after=1),
    *(case("DELETE", "status", code=200, form=form) for form in ("html", "malformed")),
    *(case("DELETE", "status", code=code, after_effect=True) for code in (404, 500)),
    *(case("DELETE", "delay", seconds=SLOW, when=when) for when in ("before", "after")),
)
LISTS: Final = (
    *(case("GET", "answer_lost", how=how) for how in get_args(effects.Cut)),
    *(case("GET", "effect_lost", how=how) for how in ("close", "reset")),
    *(case("GET", "status", code=code) for code in (401, 403, 404, 500)),
    case("GET", "status", code=429, retry_after=1, lists=2),
    case("GET", "status", code=502, form="html"),
    *(case("GET", "status", code=200, form=form) for form in ("html", "empty", "malformed")),
    *(case("GET", "delay", seconds=SLOW, when=when, lists=1) for when in ("before", "after")),
    case("GET", "stale_list", seconds=CREATE_SETTLE * 0.75, lists=8),
    case("GET", "partial_list", drop_first=1, lists=15),
    case("GET", "partial_list", cap=0, lists=15),
    case("GET", "partial_list", drop_ids=SOME, lists=15),
    case("GET", "hide", ids=SOME, lists=15),
    *(case("GET", effect) for effect in ("missing_id", "unknown_fields", "unknown_enum")),
)
METHODS: Final = ("POST", "PATCH", "DELETE", "GET")
SINGLE: Final = (*POSTS, *PATCHES, *DELETES)


def of_each_kind(cases: Iterable[Case]) -> list[Case]:
    """The first case of each effect of each method."""
    kinds: dict[tuple[str, str], Case] = {}
    for each in cases:
        kinds.setdefault((each.method, each.effect), each)
    return list(kinds.values())
