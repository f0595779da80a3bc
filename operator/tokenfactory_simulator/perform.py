"""When a mutation takes effect: at once, or late as a fault wants it."""

from collections.abc import Callable

from tokenfactory_simulator.effects import EffectLate
from tokenfactory_simulator.entry import Entry
from tokenfactory_simulator.errors import ApiError
from tokenfactory_simulator.exchange import Exchange
from tokenfactory_simulator.simulator import Simulator

_LOOK_AGAIN = 0.01


class Late(Exception):
    """No error: the effect is planned, and the caller does not learn of it."""


async def perform(simulator: Simulator, exchange: Exchange, operation: Callable[[], Entry]) -> Entry:
    """Carry out a mutation that was found valid; answers the endpoint that it is about.

    Raises:
        ApiError: as the operation.
        Late: it takes effect later, and nobody waits for it.
    """
    fault = exchange.plan.outcome
    if isinstance(fault, EffectLate):
        return await _perform_late(simulator, exchange, operation, fault)
    entry = operation()
    _note(simulator, exchange, entry)
    return entry


async def _perform_late(
    simulator: Simulator, exchange: Exchange, operation: Callable[[], Entry], fault: EffectLate
) -> Entry:
    ended: list[Entry | ApiError] = []

    def take_effect() -> None:
        try:
            ended.append(operation())
        except ApiError as refusal:
            exchange.call.effect = "refused"
            ended.append(refusal)
        else:
            _note(simulator, exchange, ended[0])

    exchange.call.effect = "pending"
    cloud = simulator.cloud
    cloud.later(fault.seconds, take_effect)
    if fault.answer != "hold":
        raise Late
    while simulator.cloud is cloud and not simulator.closing.is_set():
        cloud.settle()
        if ended:
            break
        await simulator.wait(_LOOK_AGAIN)
    if not ended:
        raise ApiError(503, "The simulator was reset or is ending")
    if isinstance(ended[0], ApiError):
        raise ended[0]
    return ended[0]


def _note(simulator: Simulator, exchange: Exchange, entry: Entry | ApiError) -> None:
    exchange.call.effect = "applied"
    if isinstance(entry, Entry) and exchange.call.endpoint_id is None:
        simulator.recorder.affects(exchange.call, entry.endpoint.id)
