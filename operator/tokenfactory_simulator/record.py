"""The record of every call: what a test or a person asks when they want to know what truly reached the cloud.

It never holds a token. It is bounded, and says how much it dropped; counters are kept apart and never drop.
"""

import re
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

LIMIT = 200_000
COLLECTION = "/v0/dedicated_endpoints"

_OPERATIONS = {("GET", "one"): "get", ("PATCH", "one"): "update", ("DELETE", "one"): "delete"} | {
    ("GET", "all"): "list",
    ("POST", "all"): "create",
    ("GET", "templates"): "templates",
}


@dataclass(slots=True)
class Call:
    """One call. Wall times are seconds since 1970, monotonic ones this machine's; `ended_*` are absent in flight."""

    sequence: int
    method: str
    path: str
    query: str
    project: str | None
    body: Any
    operation: str
    started_wall: float
    started_monotonic: float
    endpoint_id: str | None = None
    status: int | str | None = None
    """What was answered; `cut` when the connection was cut instead."""
    effect: str = "none"
    """What a mutation did: `none`, `pending` (comes late), `applied`, `refused` (too late to be possible)."""
    faults: list[str] = field(default_factory=list)
    ended_wall: float | None = None
    ended_monotonic: float | None = None


def _target(path: str) -> tuple[str, str | None]:
    if path == COLLECTION:
        return "all", None
    if path == f"{COLLECTION}/templates":
        return "templates", None
    found = re.fullmatch(rf"{COLLECTION}/([^/]+)", path)
    return ("one", found[1]) if found else ("other", None)


class Recorder:
    """Calls by sequence number, from 1."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._calls: deque[Call] = deque(maxlen=limit)
        self.sequence = 0
        self.operations: Counter[str] = Counter()
        self.statuses: dict[str, Counter[str]] = {}
        self.endpoints: dict[str, Counter[str]] = {}

    @property
    def dropped(self) -> int:
        """Calls that the record no longer holds."""
        return self.sequence - len(self._calls)

    def begin(self, *, method: str, path: str, query: str, project: str | None, body: object) -> Call:
        """Note a call as soon as it is here whole."""
        self.sequence += 1
        kind, endpoint_id = _target(path)
        operation = _OPERATIONS.get((method, kind), "other")
        call = Call(
            sequence=self.sequence,
            method=method,
            path=path,
            query=query,
            project=project,
            body=body,
            operation=operation,
            started_wall=time.time(),
            started_monotonic=time.monotonic(),
        )
        self._calls.append(call)
        self.operations[operation] += 1
        if endpoint_id:
            self.affects(call, endpoint_id)
        return call

    def affects(self, call: Call, endpoint_id: str) -> None:
        """Note which endpoint a call is about; for a POST that is known only by its effect."""
        call.endpoint_id = endpoint_id
        self.endpoints.setdefault(endpoint_id, Counter())[call.method] += 1

    def end(self, call: Call, status: int | str) -> None:
        """Note how a call was answered."""
        call.status = status
        call.ended_wall = time.time()
        call.ended_monotonic = time.monotonic()
        self.statuses.setdefault(call.operation, Counter())[str(status)] += 1

    def calls(self, *, since: int = 0, method: str | None = None, path: str | None = None) -> Iterator[dict[str, Any]]:
        """Calls after that sequence number, oldest first; `path` is a regular expression for the whole path."""
        wanted = re.compile(path) if path else None
        for call in self._calls:
            if call.sequence <= since or (method and call.method != method.upper()):
                continue
            if wanted is None or wanted.fullmatch(call.path):
                yield asdict(call)
