"""Ask an API server whether it is ready, with its certificate verified and no proxy in between."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from controlplane.ports import ADDRESS

_TIMEOUT = 5.0  # seconds for one question


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Asks one server, as one user."""

    port: int
    ca_file: Path
    token: str
    address: str = ADDRESS

    def succeeds(self, path: str) -> bool:
        """Whether GET of the path answers 200 now."""
        try:
            connection = http.client.HTTPSConnection(self.address, self.port, timeout=_TIMEOUT, context=self._context())
            try:
                connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
                return connection.getresponse().status == HTTPStatus.OK
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):  # not listening yet, no certificate yet, just going down
            return False

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))
