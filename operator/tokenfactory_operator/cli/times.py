"""Times on a command line, in the notation of kubectl and of the operator's own settings. Pure."""

from __future__ import annotations

from tokenfactory_operator.cli.errors import CliError
from tokenfactory_operator.settings.durations import ACCEPTED, parse_duration


def timeout(text: object) -> float:
    """Seconds in the value of `--timeout`, also in its default. Raises `CliError` for what is no duration."""
    try:
        return parse_duration(str(text))
    except ValueError:
        raise CliError(f"--timeout: {text} is no duration.", hint=f"Give {ACCEPTED}.") from None
