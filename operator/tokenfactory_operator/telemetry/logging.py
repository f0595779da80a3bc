"""One log pipeline: structlog's lines and those of every library go through one formatter, which hides secrets.

Secrets are hidden in the rendered line, the last thing before it is written, so that no field, no traceback and no
library's message gets past it. Nothing here decides what is logged, but for the share of a namespace (`log_share`).
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tokenfactory_operator.telemetry.log_share import Share
from tokenfactory_operator.telemetry.redaction import Redactor

FLOORS: Final = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,  # prints headers, the token among them, at DEBUG
    "kopf.objects": logging.WARNING,  # says of each event that it was handled
    # What these say in tracebacks when a watch ends, or at each try, supervision says in one sentence.
    "kopf._cogs": logging.CRITICAL,
    "kopf._core.engines.activities": logging.CRITICAL,
    "kopf._core.reactor.orchestration": logging.CRITICAL,
    "kopf._core.reactor.running": logging.CRITICAL,
    "kopf.activities": logging.CRITICAL,
    "asyncio": logging.INFO,
    "aiohttp": logging.WARNING,
    "aiohttp.server": logging.CRITICAL,  # a traceback for each request that is none, whoever sends it
}
"""Least level of loggers that stay quiet whatever the operator's own level is."""

FIELD_LIMIT: Final = 32_768
"""Characters of one field of a line; the end of a traceback says most."""
PUBLIC: Final = frozenset({"timestamp", "level", "logger", "namespace", "name", "uid"})
"""Fields in which no secret is: ours, and those that name an object of the API server."""
_HEAD: Final = ("timestamp", "level", "message")
_KOPF_EXTRAS: Final = ("settings", "k8s_skip", "k8s_ref")


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record of structlog or of the standard library, then hides secrets in the finished line."""

    def __init__(self, *, processors: list[Processor], foreign_pre_chain: list[Processor], redactor: Redactor) -> None:
        super().__init__(processors=processors, foreign_pre_chain=foreign_pre_chain)
        self.redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The line to write."""
        line = super().format(record)
        hidden = self.redactor.redact(line)
        return hidden if hidden == line or not line.startswith("{") else self._without_secrets(line) or hidden

    def _without_secrets(self, line: str) -> str:
        """A JSON line with its own names, and with what the API server shows to everybody; empty if it is no JSON.

        Any text can be a tenant's token: the name of a field, or of another tenant's namespace.
        """
        try:
            fields = json.loads(line)
        except ValueError:
            return ""
        hidden = {name: value if name in PUBLIC else self._hide(value) for name, value in fields.items()}
        return json.dumps(hidden, ensure_ascii=False)

    def _hide(self, value: object) -> object:
        if isinstance(value, str):
            return self.redactor.redact(value)
        if isinstance(value, list):
            return [self._hide(each) for each in value]
        if isinstance(value, dict):
            return {self.redactor.redact(name): self._hide(each) for name, each in value.items()}
        return value


def configure_logging(
    *,
    log_format: Literal["json", "console"] = "json",
    log_level: Literal["debug", "info", "warning", "error"] = "info",
    stream: TextIO | None = None,
) -> None:
    """Send every log line of the process to `stream` (standard error). Called again, it replaces its own handler only.

    Secrets that were registered before stay registered.
    """
    target = stream if stream is not None else sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        RedactingFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderer(log_format, target)],
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _kopf_reference, *_common()],
            redactor=_installed() or Redactor(),
        )
    )
    handler.addFilter(Share())
    root = logging.getLogger()
    root.handlers[:] = [other for other in root.handlers if not isinstance(other.formatter, RedactingFormatter)]
    root.addHandler(handler)
    level = logging.getLevelNamesMapping()[log_level.upper()]
    root.setLevel(level)
    for name, floor in FLOORS.items():
        logging.getLogger(name).setLevel(max(floor, level))
    logging.captureWarnings(capture=True)
    _configure_structlog()


def register_secret(value: str) -> None:
    """Hide `value` in every later log line. Raises `RuntimeError` before `configure_logging`, when it could not."""
    redactor = _installed()
    if redactor is None:
        raise RuntimeError("register_secret before configure_logging")
    redactor.register(value)


def forget_secret(value: str) -> None:
    """`value` is not used any more: it need not be hidden."""
    redactor = _installed()
    if redactor is not None:
        redactor.forget(value)


def redact(text: str) -> str:
    """`text` as the log would show it, for what is written beside the log (start-up errors)."""
    return (_installed() or Redactor()).redact(text)


def _installed() -> Redactor | None:
    # Logging is the process's one global; the secrets live with the handler that hides them, not in a second global.
    formatters = (handler.formatter for handler in logging.getLogger().handlers)
    return next((formatter.redactor for formatter in formatters if isinstance(formatter, RedactingFormatter)), None)


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _common() -> list[Processor]:
    return [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _renderer(log_format: Literal["json", "console"], stream: TextIO) -> list[Processor]:
    if log_format == "console":
        return [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                # The prettier ones print local variables, and those hold tokens.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    return [
        structlog.processors.format_exc_info,
        _bounded,
        structlog.processors.EventRenamer("message"),
        _head_first,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]


def _head_first(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """When, how bad and what stand at the beginning of the line, for people who read it as it is."""
    return {name: event_dict[name] for name in _HEAD if name in event_dict} | dict(event_dict)


def _bounded(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Cut what is too long to be read: every character costs time, and much of it comes from elsewhere."""
    for name, value in event_dict.items():
        if isinstance(value, str) and len(value) > FIELD_LIMIT:
            event_dict[name] = f"{value[: FIELD_LIMIT // 4]} … {value[-FIELD_LIMIT // 2 :]}"
    return event_dict


def _kopf_reference(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Turn kopf's object reference into our fields, and drop what kopf keeps in a record for itself."""
    extras = {name: event_dict.pop(name, None) for name in _KOPF_EXTRAS}
    reference = extras["k8s_ref"]
    if isinstance(reference, dict):
        event_dict.update({name: reference[name] for name in ("namespace", "name", "uid") if reference.get(name)})
    return event_dict
