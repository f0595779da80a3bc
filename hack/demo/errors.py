"""Why the demo ended early, in sentences for people."""

from __future__ import annotations


class DemoError(Exception):
    """Something is not as it should be; the text says what, and what to do where that is known."""


class RefusedError(DemoError):
    """The demo was not started, because of how it was called or where."""


class Stop(KeyboardInterrupt):
    """A signal asked to end."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number for the exit status."""
        super().__init__()
        self.number = number
