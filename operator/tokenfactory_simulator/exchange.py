"""What the outer ring (record, limits, faults) and the API's routes hand each other about one call."""

from dataclasses import dataclass, field
from typing import Any

from tokenfactory_simulator.faults import FaultPlan
from tokenfactory_simulator.record import Call

SCOPE_KEY = "tokenfactory.exchange"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Exchange:
    """One call on its way. `projects`: what its token may use, the default first; empty for an unknown token."""

    call: Call
    projects: tuple[str, ...]
    plan: FaultPlan = field(default_factory=FaultPlan)


def exchange_of(scope: Any) -> Exchange:  # noqa: ANN401 - ASGI scopes are open mappings
    """The exchange of the request at hand."""
    exchange = scope[SCOPE_KEY]
    if not isinstance(exchange, Exchange):
        raise TypeError("the API's routes run behind the gate only")
    return exchange
