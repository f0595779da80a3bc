"""What the operator wrote, from the API server's audit log, kept slim: a run of 10,000 objects logs half a gigabyte.

`Cluster.audit` keeps whole events, which is right for tests and too much here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api

_WRITING: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
APART: Final = frozenset({"events", "leases", "selfsubjectaccessreviews"})
"""No writes to objects: Events, the renewals of the Lease every two seconds, and questions about rights.

A question is a POST that the API server answers and does not store. The operator asks one for each right at its start.
"""


@dataclass(frozen=True, slots=True)
class Write:
    """One write, whatever its answer."""

    namespace: str
    name: str
    resource: str
    """Plural, with the subresource after a slash."""
    code: int
    shown: str
    """State and readiness of the endpoint in the answered status; empty where it has none."""


class AuditLog:
    """The writes of one account, as the log grows. A request is logged when it has ended, perhaps after its answer."""

    def __init__(self, path: Path, *, account: str) -> None:
        """Nothing is read yet; the file may be missing."""
        self._path = path
        self._account = account
        self._offset = 0
        self._writes: list[Write] = []

    def mark(self) -> int:
        """Where the log stands now, for `since`."""
        self._read()
        return len(self._writes)

    def since(self, mark: int) -> list[Write]:
        """The writes to objects logged after `mark`, oldest first; what is in `APART` is left out."""
        self._read()
        return [write for write in self._writes[mark:] if write.resource not in APART]

    def events_since(self, mark: int) -> int:
        """How many Events were written after `mark`."""
        self._read()
        return sum(write.resource == "events" for write in self._writes[mark:])

    def _read(self) -> None:
        if not self._path.exists():
            return
        wanted = self._account.encode()
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    break  # still being written
                self._offset += len(line)
                if wanted in line and (write := self._write(json.loads(line))) is not None:
                    self._writes.append(write)

    def _write(self, event: dict[str, Any]) -> Write | None:
        done = event["stage"] == "ResponseComplete" and event["user"]["username"] == self._account
        if not done or event["verb"] not in _WRITING:
            return None
        target = event.get("objectRef", {})
        resource = "/".join(filter(None, (target.get("resource", ""), target.get("subresource", ""))))
        name = target.get("name", "")
        return Write(target.get("namespace", ""), name, resource, event["responseStatus"]["code"], _shown(event))


def _shown(event: dict[str, Any]) -> str:
    if event["objectRef"].get("resource") != api.PLURAL:
        return ""
    status = (event.get("responseObject") or {}).get("status")
    # A refusal's body is a `Status` of the API server, whose `status` is a word.
    return f"{status.get('state', '')} {status.get('readiness', '')}".strip() if isinstance(status, dict) else ""
