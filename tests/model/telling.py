"""What the operator tells, into the trace: Events, metrics and logs."""

from __future__ import annotations

from model.trace import Trace
from tokenfactory_operator.ports import JsonObject


class Recorder:
    """`ports.Recorder`, into the trace."""

    def __init__(self, trace: Trace, name: str) -> None:
        self._trace = trace
        self._name = name

    def event(self, subject: JsonObject, *, reason: str, message: str, warning: bool = False) -> None:
        """See `ports.Recorder`."""
        kind = "Warning" if warning else "Normal"
        metadata = subject["metadata"]
        self._trace.say(self._name, f"* {kind} {reason} {metadata['namespace']}/{metadata['name']}: {message}")


class Telemetry:
    """`ports.Telemetry`: counts nothing that a run looks at."""

    def reconciled(self, *, outcome: str, seconds: float) -> None:
        """See `ports.Telemetry`."""

    def mutated(self, operation: str) -> None:
        """See `ports.Telemetry`."""

    def listed(self, result: str) -> None:
        """See `ports.Telemetry`."""

    def counted(self, event: str) -> None:
        """See `ports.Telemetry`."""


class Log:
    """What the operator logs, into the trace; an exception of its own is a broken promise."""

    def __init__(self, trace: Trace, name: str) -> None:
        self._trace = trace
        self._name = name

    def info(self, event: str, **fields: object) -> None:
        """See structlog."""
        self._say(event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """See structlog."""
        self._say(event, fields)

    def _say(self, event: str, fields: dict[str, object]) -> None:
        if self._trace.wanted:
            self._trace.say(self._name, f"# {event} {_fields(fields)}")

    def exception(self, event: str, **fields: object) -> None:
        """See structlog; called in an exception handler."""
        import traceback  # noqa: PLC0415  # only where something is broken

        self._trace.violated(f"{self._name}: {event} {_fields(fields)}\n{traceback.format_exc()}")


def _fields(fields: dict[str, object]) -> str:
    return " ".join(
        f"{name}={value:.3f}" if isinstance(value, float) else f"{name}={value}" for name, value in fields.items()
    )
