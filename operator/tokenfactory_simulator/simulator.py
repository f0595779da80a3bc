"""The parts of one simulator, put together; what is configured, and what a reset brings back."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from tokenfactory_simulator.catalog import Catalog
from tokenfactory_simulator.clock import Clock
from tokenfactory_simulator.faults import Faults
from tokenfactory_simulator.ratelimit import RateLimiter
from tokenfactory_simulator.record import Recorder
from tokenfactory_simulator.settings import Settings
from tokenfactory_simulator.state import Cloud

Tokens = Mapping[str, str | Sequence[str]]
"""Each token's project, or its projects with the default one first."""

DEFAULT_TOKENS: Tokens = {"demo-token": "project-demo"}


class Simulator:
    """Everything behind the HTTP surface. To be used from one event loop."""

    def __init__(self, settings: Settings, tokens: Tokens | None = None, *, manual_clock: bool = False) -> None:
        self._initial_settings = settings
        self._initial_tokens = DEFAULT_TOKENS if tokens is None else tokens
        self.clock = Clock(manual=manual_clock)
        self.closing = asyncio.Event()
        self.reset()

    def reset(self) -> None:
        """As at the start, but for the clock."""
        self.settings = self._initial_settings
        self.catalog = Catalog()
        self.cloud = Cloud(self.clock, self.settings)
        self.faults = Faults()
        self.recorder = Recorder()
        self.limiter = RateLimiter()
        self.tokens: dict[str, tuple[str, ...]] = {}
        for token, projects in self._initial_tokens.items():
            for project in [projects] if isinstance(projects, str) else projects:
                self.allow(token, project)

    def allow(self, token: str, project: str) -> None:
        """Let a token use a project too; its first is its default."""
        known = self.tokens.get(token, ())
        self.tokens[token] = known if project in known else (*known, project)

    def configure(self, changes: dict[str, Any]) -> Settings:
        """Change the settings given.

        Raises:
            pydantic.ValidationError: a setting is unknown or its value is not accepted; nothing was changed.
        """
        self.settings = Settings.model_validate(self.settings.model_dump() | changes)
        self.cloud.configure(self.settings)
        return self.settings

    async def wait(self, seconds: float) -> None:
        """Wait in real time, or until the server ends."""
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return
