"""Brings the objects that are held to their number, where it is more than were created to measure that."""

from bench.figures import Figure
from bench.stage import LONG, Stage


def measure(stage: Stage) -> list[Figure]:
    """Measures nothing: lets the running operator create what is missing, until all are in order."""
    missing = stage.sizes.held - stage.sizes.objects
    if missing > 0:
        stage.cloud.configure(provisioning_time=LONG)
        since = stage.position()
        stage.apply(missing, first=stage.sizes.objects)
        stage.until_posted(missing, since)
        stage.cloud.advance(LONG)
        stage.until_in_order()
    return []
