"""What a person does about objects that say that they need one: looks at the console, and writes the annotation.

Must not help otherwise: an object that needs more than this is a failure of the test.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from cluster.support.eventually import eventually
from cluster.support.views import View
from cluster.support.world import World
from tokenfactory_operator.api import v1alpha1 as api

CALLS_FOR_ONE: Final = frozenset({"CreateOutcomeUnknown", "InvalidSpec", "RefusedByCloud", "Forbidden"})
"""Reasons about which a person does something, where they are final or waited for slowly."""


class Person:
    """Counts how often it had to act, by reason."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.acted: Counter[str] = Counter()

    def until_ready(self, name: str) -> View:
        """The object is Ready at its generation, with as many words as that takes."""

        def check() -> View:
            seen = self._world.get(name)
            self.tend([seen.body])
            assert seen.ready, seen.summary()
            return seen

        return eventually(check)

    def until_gone(self, name: str) -> None:
        """The object is gone, with as many words as that takes."""

        def check() -> bool:
            seen = self._world.find(name)
            self.tend([seen.body] if seen else [])
            assert seen is None, seen.summary()
            return True

        eventually(check)

    def tend(self, objects: list[dict[str, Any]]) -> None:
        """Answer every object that asks for a person and whose last answer was taken up."""
        for body in objects:
            view = View(body)
            reason = self._asks(view)
            if reason:
                self.acted[reason] += 1
                name, word = body["metadata"]["name"], f"word-{self.acted.total()}"
                self._world.annotate(name, api.RECONCILE_REQUESTED_AT, word)

    @staticmethod
    def _asks(view: View) -> str:
        reason = view.said("Synced").reason
        given = (view.body["metadata"].get("annotations") or {}).get(api.RECONCILE_REQUESTED_AT)
        taken_up = given == view.status.get("lastHandledReconcileAt")
        final = view.said("Stalled").status == "True" or reason == "Forbidden"
        return reason if reason in CALLS_FOR_ONE and final and taken_up else ""
