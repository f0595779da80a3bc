"""What a metric is called, is and means: the source of the metrics and of docs/metrics.md alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Definition:
    """One metric family, named as in a query (a counter with its `_total`); a unit is part of the name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in seconds."""
