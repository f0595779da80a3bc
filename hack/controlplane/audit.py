"""The API server's audit log: what was asked of it, by whom, with which body. The ground truth for counting writes.

Policy, first match wins: writes to our group with bodies; what a service account writes elsewhere with the body that it
sends, but not the answer's, which may be a Secret; everything else that it does, reads of our group, and what touches
the kinds which the operator uses, without; nothing else, so that the log of a long run stays small. The control plane's
own controllers (service accounts of kube-system) are logged only where they touch our group.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GROUP = "tokenfactory.nebius.com"

_OURS = [{"group": GROUP}]
_USED = [
    {"group": "", "resources": ["secrets", "configmaps", "events"]},
    {"group": "events.k8s.io", "resources": ["events"]},
    {"group": "coordination.k8s.io", "resources": ["leases"]},
]
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "Metadata", "verbs": ["get", "list", "watch"], "resources": _OURS},
        {"level": "RequestResponse", "resources": _OURS},
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "Request", "verbs": ["create", "update", "patch"], "userGroups": ["system:serviceaccounts"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "Metadata", "resources": _USED},
        {"level": "None"},
    ],
}


class AuditLog:
    """Reads the log as it grows.

    The server writes an event when a request has ended, which its client may see a little earlier.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is read yet; the file need not exist."""
        self._path = path
        self._offset = 0
        self._events: list[dict[str, Any]] = []

    def events(self) -> list[dict[str, Any]]:
        """All `audit.k8s.io/v1` events so far, oldest first; stages `ResponseStarted`, `ResponseComplete`, `Panic`.

        Each has a `user.username`.
        """
        if self._path.exists():
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                fresh = stream.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]  # the last line may still be half written
            self._offset += len(whole)
            self._events.extend(_with_a_user(json.loads(line)) for line in whole.splitlines())
        return list(self._events)


def _with_a_user(event: dict[str, Any]) -> dict[str, Any]:
    """A request whose token is not accepted has no user: its name is empty."""
    event["user"].setdefault("username", "")
    return event
