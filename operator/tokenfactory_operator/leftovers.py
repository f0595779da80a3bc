"""What an object that was forced away has left: an endpoint that this process made and could not write down any more.

Nothing but this process's memory leads to it, so it is deleted here (exactly-once.md, Create 5); what a decision let go
of on purpose stays. Until it is done no other object of that name is worked on.
"""

from __future__ import annotations

from typing import Any

from tokenfactory_operator.domain.errors import CloudError, CredentialsError
from tokenfactory_operator.domain.situation import Attempt, Outcome
from tokenfactory_operator.execute import Executor, Tools
from tokenfactory_operator.poller import Poller
from tokenfactory_operator.ports import JsonObject, Key


class Leftovers:
    """Cleans up after objects that are gone, and tells where it cannot."""

    def __init__(self, tools: Tools, executor: Executor, log: Any) -> None:  # noqa: ANN401  # structlog's bound loggers have no common static type
        self._tools = tools
        self._executor = executor
        self._log = log

    async def cleared(self, key: Key, body: JsonObject, attempt: Attempt, poller: Poller) -> bool:
        """Whether nothing is left of the attempt of the object that `body` was; raises `LeaseLost`."""
        if attempt.outcome is not Outcome.CREATED or attempt.written or attempt.let_go:
            return True
        try:
            await self._delete(body, attempt, poller)
        except CloudError as error:
            self._log.warning("cleaning up failed", error=error.message, reason=error.reason, key=str(key))
            self._warn(self._tools.cache.get(key) or body, attempt.endpoint_id, error)
            return False
        return True

    async def _delete(self, body: JsonObject, attempt: Attempt, poller: Poller) -> None:
        scope = poller.inventory.scope
        if attempt.scope not in ("", scope) and poller.inventory.endpoint(attempt.endpoint_id) is None:
            # Its 404 would prove nothing about the endpoint.
            raise CredentialsError(f"it is in scope {attempt.scope}, and the present credential belongs to {scope}")
        await self._executor.abandon(body, attempt.endpoint_id, poller)

    def _warn(self, body: JsonObject, endpoint_id: str, error: CloudError) -> None:
        """Said about the object that has the name now, if there is one: it has to wait."""
        text = (
            f"Endpoint {endpoint_id} was made for an earlier object of this name, costs money, and cannot be deleted: "
            f"{error.message}. This is tried again; until it is done no endpoint is made under this name."
        )
        self._tools.recorder.event(body, reason="EndpointNotDeleted", message=text, warning=True)
