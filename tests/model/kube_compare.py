"""What the real adapter makes of an answer of the API server, compared with what was said."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from model.apiserver import Body
from model.kube_forms import Answered
from model.kube_requests import LABEL, Listed, Said
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound, KubeRefused
from tokenfactory_operator.kube.errors import may_pass
from tokenfactory_operator.ports import JsonObject

MEANT: Final = "tokenfactory.nebius.com/"
"""With what the annotations begin that mean something to the operator."""
MUCH: Final = 1000
"""Characters of finalizers beyond which the adapter need not hold those of others."""
_NOTHING: Final = KubeError("nothing was sent")
DONE: Final = object()
"""Stands for the result of a call that answers nothing."""


def difference(said: Sequence[Said], got: object, *, reads: bool = False) -> str:
    """What the adapter has made of the last answer that it must not; empty where it is right. `reads`: of a GET."""
    last = said[-1] if said else _NOTHING
    if isinstance(last, KubeError):
        return _of_error(last, got)
    if isinstance(last, Listed):
        return _of_list([each for each in said if isinstance(each, Listed)], last, got)
    if got is DONE:
        return ""
    hidden = last.get("type") == "Opaque" and last["metadata"]["labels"].get(LABEL) != "true"
    if got is None:
        return "" if hidden else "taken for nothing"
    if hidden and reads:
        return "shown, though it has no label"
    return _of_object(last, got)


def _of_error(said: KubeError, got: object) -> str:
    if isinstance(said, KubeNotFound):
        return "" if got is None or isinstance(got, KubeNotFound) else "not taken for its absence"
    if not isinstance(got, KubeError):
        return "no error"
    if isinstance(said, KubeConflict):
        return "" if isinstance(got, KubeConflict) else "not taken for a conflict"
    if isinstance(got, (KubeConflict, KubeNotFound)):
        return "taken for what the API server has not said"
    return _of_status(said, got) if isinstance(said, Answered) else ""


def _of_status(said: Answered, got: KubeError) -> str:
    if isinstance(got, KubeRefused) != (said.status in (400, 413, 422)):
        return "a refusal, or not"
    if may_pass(got) != (said.status >= 500 or said.status == 429):
        return "may pass, or not"
    return "" if got.retry_after == said.retry_after else "another pause"


def _of_list(pages: Sequence[Listed], last: Listed, got: object) -> str:
    if isinstance(got, KubeError):
        return "an error"
    bodies, version = cast("tuple[list[JsonObject], str]", got)
    if last.rest:
        return "there is more"
    if version != last.version:
        return "another version"
    shown = [body for page in pages for body in page.bodies]
    if len(shown) != len(bodies):
        return "more, or fewer"
    return next(filter(None, map(_of_object, shown, bodies)), "")


def _of_object(said: Body, got: object) -> str:
    """Another object, or one in which something that matters is another."""
    if not isinstance(got, Mapping):
        return "no object"
    wanted, have = said["metadata"], got["metadata"]
    for name in ("namespace", "name", "uid", "resourceVersion", "generation", "deletionTimestamp"):
        if wanted.get(name) != have.get(name):
            return f"another {name}"
    finalizers = wanted.get("finalizers") or []
    if sum(map(len, finalizers)) <= MUCH and list(have.get("finalizers") or []) != finalizers:
        return "other finalizers"
    if _meant(wanted) != _meant(have):
        return "other annotations"
    for part in ("spec", "status"):
        if said.get(part) != got.get(part):
            return f"another {part}"
    return _of_data(said, got.get("data") or {})


def _of_data(said: Body, got: Mapping[str, Any]) -> str:
    """Those values of a Secret that were asked for are the right ones; a ConfigMap has all of its own."""
    given = said.get("data") or {}
    if said.get("type") != "Opaque":
        return "" if got == given else "other data"
    right = all(
        base64.b64encode(value.get_secret_value().encode()).decode() == given[name] for name, value in got.items()
    )
    return "" if right else "other values"


def _meant(metadata: Mapping[str, Any]) -> dict[str, str]:
    given = metadata.get("annotations") or {}
    return {name: value for name, value in given.items() if name.startswith(MEANT)}
