"""The operator's settings: one pydantic model that environment, flags, `--help` and docs/settings.md come from.

Nothing here starts or connects to anything; files are only looked at to refuse a bad setting at once.
"""

from tokenfactory_operator.settings.durations import format_duration, parse_duration
from tokenfactory_operator.settings.loading import StartupError, load_settings, unknown_environment
from tokenfactory_operator.settings.model import Settings
from tokenfactory_operator.settings.tokens import FixedToken, TokenFile, TokenSource
from tokenfactory_operator.settings.values import ListenAddress

__all__ = [
    "FixedToken",
    "ListenAddress",
    "Settings",
    "StartupError",
    "TokenFile",
    "TokenSource",
    "format_duration",
    "load_settings",
    "parse_duration",
    "unknown_environment",
]
