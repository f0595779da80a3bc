"""How a setting is called, as a flag and as an environment variable."""

from __future__ import annotations

from typing import Final

ENV_PREFIX: Final = "TOKENFACTORY_"


def both_spellings(field: str) -> str:
    """A setting's name as flag and as environment variable; the token has no flag (arguments are public)."""
    environment = ENV_PREFIX + field.upper()
    return environment if field == "token" else f"--{field.replace('_', '-')} ({environment})"
