"""What an API server makes of a JSON merge patch (RFC 7386, section 2), for stand-ins of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(stored: Any, patch: Any) -> Any:  # noqa: ANN401  # JSON
    """The JSON value `stored` after `patch`; neither is changed."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(stored) if isinstance(stored, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
