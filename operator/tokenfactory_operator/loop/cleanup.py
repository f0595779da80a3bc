"""What an object that was forced away has left: an endpoint that this process made and could not write down any more.

Only this process's memory knows of it, so it is deleted here (docs/protocol.md, Create 5). What a decision has left on
purpose stays. Until it is done no other object of that name is worked on.
"""

from __future__ import annotations

from typing import Any, Final

from tokenfactory_operator.domain.attempt import Attempt
from tokenfactory_operator.domain.errors import CloudError, CredentialsError
from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.loop.execute import Executor
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import JsonObject, Key

WAITS: Final = "This is tried again; until it is done no endpoint is made under this name."
UNREACHABLE: Final = "Delete it in that project's console."


class Cleanup:
    """Cleans up after objects that are gone, and tells where it cannot."""

    def __init__(self, ports: Ports, executor: Executor, log: Any) -> None:  # noqa: ANN401  # structlog's bound loggers have no common static type
        self._ports = ports
        self._executor = executor
        self._log = log

    @staticmethod
    def pending(memory: Memory) -> Attempt | None:
        """The attempt whose endpoint is known to this process only, if there is one."""
        attempt = memory.attempts.latest
        known = attempt is None or not attempt.endpoint_id or attempt.written
        return None if known or memory.hold.let_go else attempt

    async def cleared(self, key: Key, body: JsonObject, memory: Memory, poller: Poller) -> bool:
        """Whether nothing is left of the object that `body` was; raises `LeaseLost`."""
        attempt = self.pending(memory)
        if attempt is None:
            return True
        now, scope, reachable = self._ports.cache.get(key), poller.inventory.scope, self._reachable(attempt, poller)
        successor = now if now is not None and now["metadata"]["uid"] != memory.uid else None
        try:
            if not reachable:
                raise CredentialsError(f"it is in scope {attempt.scope}, and the present credential belongs to {scope}")
            await self._executor.abandon(body, attempt.endpoint_id, poller)
        except CloudError as error:
            where = {"namespace": key.namespace, "name": key.name}
            self._log.warning("cleaning up failed", error=error.message, reason=error.reason, **where)
            # Nothing here can tell when it is gone from another project: a new object does not wait for that.
            gives_up = successor is not None and not reachable
            self._warn(successor or body, attempt.endpoint_id, error, UNREACHABLE if gives_up else WAITS)
            return gives_up
        return True

    @staticmethod
    def _reachable(attempt: Attempt, poller: Poller) -> bool:
        """Whether a 404 from the present credential's project would prove anything about the endpoint."""
        same = poller.inventory.scope in ("", attempt.scope) or not attempt.scope
        return same or poller.inventory.endpoint(attempt.endpoint_id) is not None

    def _warn(self, body: JsonObject, endpoint_id: str, error: CloudError, what_now: str) -> None:
        """Said about the object that has the name now, if there is one."""
        text = (
            f"Endpoint {endpoint_id} was made for an earlier object of this name. It costs money and cannot be "
            f"deleted: {error.message}. {what_now}"
        )
        self._ports.recorder.event(body, reason="EndpointNotDeleted", message=text, warning=True)
