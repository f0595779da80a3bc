"""Carrying out one decision: what was done is logged and counted, and what failed is remembered with its next try.

The action itself is `execute`'s.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

from tokenfactory_operator.decision import actions
from tokenfactory_operator.domain.call_memory import Failure
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.errors import CloudError, Handling, KubeError
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.loop.execute import Executor
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.observe.poller import Poller

BACKOFF_FIRST: Final = 1.0
BACKOFF_LAST: Final = 300.0
"""Seconds; full jitter between nothing and twice the last, within these."""
SLOW_RETRY: Final = 300.0
"""Seconds between tries that wait for a person."""

DONE: Final[Mapping[type[actions.Action], str]] = {
    actions.AddFinalizer: "finalizer added",
    actions.RemoveFinalizer: "finalizer removed",
    actions.Create: "created",
    actions.Update: "updated",
    actions.DeleteEndpoints: "deleted",
    actions.DeleteDuplicate: "deleted",
    actions.Release: "released",
    actions.ProbeGone: "looked up",
    actions.ReadCatalog: "read the catalog",
    actions.Rescope: "recorded",
}
"""The word of the log for an action that was carried out."""


class Acting:
    """One action at a time for each object."""

    def __init__(self, ports: Ports, executor: Executor, rng: random.Random, log: Any) -> None:  # noqa: ANN401  # structlog's bound loggers have no common static type
        self._ports = ports
        self._executor = executor
        self._rng = rng
        self._log = log

    async def act(self, s: DecisionInput, decision: actions.Decision, poller: Poller) -> None:
        """Carry out the action; raises `KubeError`, `RateLimited` or `LeaseLost`: a call that failed is remembered."""
        name = type(decision.action).__name__
        self._log.info("acting", action=name, check=decision.check, **_where(s.resource))
        started = self._ports.clock.monotonic()
        counted, ended, said = name, "interrupted", dict[str, Any]()
        try:
            await self._executor.execute(s, decision, poller)
        except CloudError as error:
            counted, ended = error.reason, "refused" if error.refused else "failed"
            said = {"reason": error.reason, "error": error.message}
            said["retry_in"] = self._failed(s, error, name, now=poller.inventory.stamp())
        except KubeError as error:
            ended, said = "put off", {"error": error.message}
            raise
        else:
            adopted = isinstance(decision.action, actions.Update) and decision.action.adopts
            ended = "adopted" if adopted else DONE[type(decision.action)]
            if not isinstance(decision.action, actions.ReadCatalog):  # which says nothing about what had failed
                s.memory.calls.succeeded()
            if isinstance(decision.action, actions.Rescope):
                s.memory.doubt_over()  # that the project is the same says nothing about what is missing in it
        finally:
            seconds = self._ports.clock.monotonic() - started
            self._ports.telemetry.reconciled(outcome=counted, seconds=seconds)
            note = self._log.warning if "reason" in said else self._log.info
            endpoint = _concerned(s, decision.action)
            note(ended, action=name, endpoint=endpoint, seconds=round(seconds, 3), **said, **_where(s.resource))

    def _failed(self, s: DecisionInput, error: CloudError, action: str, *, now: float) -> float:
        """Seconds until the next try, from the end of the call: one that took longer is not repeated at once."""
        wait = self._wait(error, s.memory.calls.failures + 1)
        failure = Failure(
            error=error,
            generation=s.resource.generation,
            not_before=now + wait,
            requested_at=s.resource.requested_at,
            action=action,
            at=now,
        )
        s.memory.calls.failed(failure)
        return wait

    def _wait(self, error: CloudError, failures: int) -> float:
        if error.handling in (Handling.WAITING_ON_USER, Handling.TERMINAL):
            return SLOW_RETRY * self._rng.uniform(0.9, 1.1)
        most = min(BACKOFF_LAST, BACKOFF_FIRST * 2.0 ** min(failures, 10))
        return max(self._rng.uniform(0.0, most), error.retry_after or 0.0)


def _where(resource: Resource) -> dict[str, str]:
    return {"namespace": resource.namespace, "name": resource.name, "uid": resource.uid}


def _concerned(s: DecisionInput, action: actions.Action) -> str:
    """Ids of the endpoints that the action is about, as far as they are known once it has ended; may be empty."""
    if isinstance(action, actions.DeleteEndpoints):
        return ", ".join(action.endpoint_ids)
    if isinstance(action, actions.Change):
        return action.endpoint_id
    if isinstance(action, actions.Create):
        return s.memory.attempts.endpoint_id
    return s.recorded_id
