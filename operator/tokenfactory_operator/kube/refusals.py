"""Writes that the API server refuses, for a person to mend: rights, an admission policy, credentials.

They are told by `/readyz` as long as they last, and by an Event on the object where one is concerned. The next write of
the same kind in the same namespace that is accepted ends it. What is retried, and when, is not decided here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.errors import ApiServerError, NoAnswer
from tokenfactory_operator.kube.paths import LEASES, OBJECTS, kind_of, target_of
from tokenfactory_operator.ports import JsonObject, Key, Recorder

FORGOTTEN_AFTER: Final = 600.0
"""Seconds without another refusal after which an old one is told no more: its object may be gone."""
PATIENCE: Final = 60.0
"""Seconds for which one object's writes may fail in another way before that is told too: a webhook that does not answer
is a 500, and one that denies chooses its code."""
EVENT: Final = "CannotWriteToKubernetes"
"""Reason of the Event on the object."""
MOST_OBJECTS: Final = 1000
"""Objects of which is remembered what their Event said."""

_STATUSES: Final = (400, 401, 403, 422)
_LESSER: Final = ("event", "configmap")
"""Kinds without which the objects are served all the same: a namespace's quota must not make the process unready."""

logger = logging.getLogger(__name__)


def refused(error: KubeError) -> bool:
    """Whether a person has to change something in the cluster before such a write can succeed.

    A 422 that names a field is what the schema says of our own value. A namespace that is being deleted takes no new
    objects, Events among them, which is no fault.
    """
    return (
        isinstance(error, ApiServerError)
        and error.status in _STATUSES
        and not error.names_field
        and not error.of_a_terminating_namespace
    )


class _Lasting(NamedTuple):
    message: str
    at: float
    """Time of the last one."""
    surely: bool
    """It is a refusal by its form, and not only a failure that lasts."""


class Refusals:
    """The refusals that last; told of every answer by the client."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        count: Callable[[int], None],
    ) -> None:
        """`now` in seconds, monotonic; `count` is told the HTTP status."""
        self._now = now
        self._count = count
        self._lasting: dict[tuple[str, str], _Lasting] = {}
        """By namespace and kind of write."""
        self._said: dict[Key, str] = {}
        self._failing: dict[Key | tuple[str, str], tuple[float, float]] = {}
        """First and last failure since a write of this object, or of this kind and place, was accepted."""
        self._recorder: Recorder | None = None
        self._object_at: Callable[[Key], JsonObject | None] = lambda _: None
        self._doubt: Callable[[str], None] = lambda _: None

    def tell(
        self, recorder: Recorder, object_at: Callable[[Key], JsonObject | None], doubt: Callable[[str], None]
    ) -> None:
        """From now on say it by Events, of objects that `object_at` answers; `doubt` is told the namespace."""
        self._recorder, self._object_at, self._doubt = recorder, object_at, doubt

    def answered(self, method: str, path: str, error: KubeError | None) -> None:
        """A request has been answered, with `error` where that was none of 2xx."""
        if error is not None and refused(error):
            self._count(error.status if isinstance(error, ApiServerError) else 0)
        target = target_of(path)
        if target.asks or target.plural == LEASES.plural:
            return
        place = (target.namespace, kind_of(path))
        if place[1] in _LESSER:
            if error is not None and refused(error):
                self._doubt(place[0])
            return
        if method == "GET":
            return
        key = Key(target.namespace, target.name) if target.plural == OBJECTS.plural and target.name else None
        if error is None:
            self._failing.pop(key or place, None)
            self._accepted(place, key)
        elif refused(error) or self._lasts(key or place, error):
            self._refused(place, key, error)

    def _lasts(self, what: Key | tuple[str, str], error: KubeError) -> bool:
        if isinstance(error, NoAnswer):
            return False  # that is no answer about this write
        if len(self._failing) >= MOST_OBJECTS:
            self._failing.clear()
        now = self._now()
        first, last = self._failing.get(what, (now, now))
        first = first if now - last <= FORGOTTEN_AFTER else now  # else it was another object of this name
        self._failing[what] = first, now
        return now - first >= PATIENCE

    def problem(self) -> str | None:
        """What is refused at present, unless it may be the fault of one namespace's objects."""
        text = self.note()
        return text if self._lasting and not self._may_be_one_tenants() else None

    def note(self) -> str:
        """What is refused at present."""
        limit = self._now() - FORGOTTEN_AFTER
        self._lasting = {place: said for place, said in self._lasting.items() if said.at > limit}
        if not self._lasting:
            return "none"
        first = next(iter(self._lasting.values())).message
        rest = len(self._lasting) - 1
        return f"the API server refuses a write: {first}" + (f" (and writes at {rest} more places)" if rest else "")

    def _may_be_one_tenants(self) -> bool:
        """An object that is too large for etcd is a 500: who may edit objects must not make the process unready."""
        one_namespace = len({namespace for namespace, _ in self._lasting}) == 1
        return one_namespace and not any(said.surely for said in self._lasting.values())

    def _accepted(self, place: tuple[str, str], key: Key | None) -> None:
        if self._lasting.pop(place, None) is not None:
            text = "the API server accepts writes of %s in %s again"
            logger.info(text, place[1], place[0] or "the cluster", extra={"namespace": place[0]})
        if key is not None:
            self._said.pop(key, None)

    def _refused(self, place: tuple[str, str], key: Key | None, error: KubeError) -> None:
        message = error.message
        if place not in self._lasting:
            logger.warning("the API server refuses a write: %s", message, extra={"namespace": place[0]})
        self._lasting[place] = _Lasting(message, self._now(), surely=refused(error))
        self._doubt(place[0])
        if key is not None and self._said.get(key) != message:
            self._event(key, message)

    def _event(self, key: Key, message: str) -> None:
        body = self._object_at(key)
        if body is None or self._recorder is None:
            return
        if len(self._said) >= MOST_OBJECTS:
            self._said.clear()
        self._said[key] = message
        self._recorder.event(body, reason=EVENT, message=message, warning=True)
