"""The effects that a fault rule can have, as the admin API accepts them.

Two sorts: an *outcome* decides what becomes of the call, and at most one applies to it; the others shape how its answer
looks or when it comes, and add up.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tokenfactory_simulator.settings import Duration

Cut = Literal["close", "reset", "truncate"]
"""How a connection ends: closed without an answer, reset (RST), or in the middle of the answer's body."""


class _Effect(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerLost(_Effect):
    """The effect happens, the answer does not come."""

    effect: Literal["answer_lost"]
    how: Cut = "close"


class EffectLost(_Effect):
    """The connection is cut before anything happens."""

    effect: Literal["effect_lost"]
    how: Literal["close", "reset"] = "close"


class EffectLate(_Effect):
    """The effect of a valid request comes `seconds` later, on the simulator's clock.

    `answer`: `cut` now, `hold` until the effect and then answer truly, or a status code to answer now (504).
    """

    effect: Literal["effect_late"]
    seconds: Duration
    answer: Literal["cut", "hold"] | Annotated[int, Field(ge=400, le=599)] = "cut"


class Status(_Effect):
    """Answer this error, without the effect or, with `after_effect`, in spite of it.

    `retry_after` in seconds from now becomes the header of that name, in seconds or as an HTTP date.
    """

    effect: Literal["status"]
    code: Annotated[int, Field(ge=200, le=599)]
    form: Literal["detail", "openai", "html", "empty", "malformed"] = "detail"
    message: str = "simulated fault"
    headers: dict[str, str] = Field(default_factory=dict)
    retry_after: Duration | None = None
    retry_after_form: Literal["seconds", "date"] = "seconds"
    after_effect: bool = False


class Delay(_Effect):
    """Wait in real time, before the effect or between it and the answer."""

    effect: Literal["delay"]
    seconds: Duration
    when: Literal["before", "after"] = "before"


class StaleList(_Effect):
    """LIST answers as of `seconds` ago."""

    effect: Literal["stale_list"]
    seconds: Duration


class PartialList(_Effect):
    """LIST leaves out these ids, then the first `drop_first`, then all beyond the first `cap`, and does not say so."""

    effect: Literal["partial_list"]
    drop_ids: list[str] = Field(default_factory=list)
    drop_first: Annotated[int, Field(ge=0)] = 0
    cap: Annotated[int, Field(ge=0)] | None = None


class Hide(_Effect):
    """LIST does not show these ids."""

    effect: Literal["hide"]
    ids: list[str]


class UnknownFields(_Effect):
    """Answers carry fields that no client knows."""

    effect: Literal["unknown_fields"]


class UnknownEnum(_Effect):
    """Answers carry a status and a readiness that no client knows."""

    effect: Literal["unknown_enum"]
    status: str = "hibernating"
    readiness: str = "warming_up"


class MissingId(_Effect):
    """Endpoints in the answer carry no id."""

    effect: Literal["missing_id"]


Outcome = AnswerLost | EffectLost | EffectLate | Status
Effect = Annotated[
    Outcome | Delay | StaleList | PartialList | Hide | UnknownFields | UnknownEnum | MissingId,
    Field(discriminator="effect"),
]
