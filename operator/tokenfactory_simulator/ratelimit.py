"""Requests per second and token, as the vendor limits them: 429 with `Retry-After` and `x-ratelimit-*` headers."""

from dataclasses import dataclass
from math import ceil, floor

from tokenfactory_simulator.settings import Settings


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may pass, and what its answer's headers say."""

    allowed: bool
    headers: dict[str, str]


class RateLimiter:
    """A bucket of permits per token, filled at the configured rate."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def ask(self, token: str, *, now: float, settings: Settings) -> Verdict:
        """Take a permit, if there is one. `now` in seconds."""
        rate = settings.rate_limit
        if rate is None:
            return Verdict(allowed=True, headers={})
        burst = settings.rate_burst or ceil(rate)
        permits, at = self._buckets.get(token, (float(burst), now))
        permits = min(burst, permits + (now - at) * rate)
        allowed = permits >= 1
        permits -= allowed
        self._buckets[token] = (permits, now)
        headers = {
            "x-ratelimit-limit-requests": str(burst),
            "x-ratelimit-remaining-requests": str(floor(permits)),
            "x-ratelimit-reset-requests": f"{(burst - permits) / rate:.3f}s",
        }
        if not allowed:
            headers["retry-after"] = str(max(1, ceil((1 - permits) / rate)))
        return Verdict(allowed=allowed, headers=headers)
