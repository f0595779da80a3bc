"""What every level of tests needs. Must not start anything: that is the levels' own part."""

import asyncio


def pytest_configure() -> None:
    """Keep pytest-asyncio from leaking a loop.

    Before its first test it asks for the main thread's loop, which Python up to 3.13 makes on demand and nobody closes;
    a ResourceWarning then ends the run, wherever the collector happens to find it. Told that there is none, it makes
    none.
    """
    asyncio.set_event_loop(None)
