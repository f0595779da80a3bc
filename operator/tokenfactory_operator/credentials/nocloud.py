"""The cloud of objects without a usable credential: nothing is ever sent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.errors import CredentialsError
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointList, EndpointPatch, ObservedEndpoint


class NoCloud:
    """Refuses each call. Implements `ports.Cloud`."""

    def __init__(self, error: CredentialsError) -> None:
        self._error = error

    def _refuse(self) -> NoReturn:
        raise type(self._error)(self._error.message, refused=True)

    def blocked_for(self) -> float:
        """Never: there is nobody to block."""
        return 0.0

    def slot(self, namespace: str = "") -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - the port's
        """A turn to fail."""
        return _turn()

    async def list_endpoints(self) -> EndpointList:
        """Refused."""
        self._refuse()

    async def list_templates(self) -> tuple[Template, ...]:
        """Refused."""
        self._refuse()

    async def get_endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:  # noqa: ARG002 - the port's
        """Refused."""
        self._refuse()

    async def create_endpoint(self, body: EndpointCreate) -> ObservedEndpoint:  # noqa: ARG002 - the port's
        """Refused."""
        self._refuse()

    async def update_endpoint(self, endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:  # noqa: ARG002 - the port's
        """Refused."""
        self._refuse()

    async def delete_endpoint(self, endpoint_id: str) -> bool:  # noqa: ARG002 - the port's
        """Refused."""
        self._refuse()


@contextlib.asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    yield
