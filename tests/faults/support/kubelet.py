"""What the kubelet does for a container: starts it again when it has ended, and ends it when its probe fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from cluster.support.eventually import DEADLINE, eventually
from cluster.support.operator_process import OperatorProcess

T = TypeVar("T")

FAILURES: Final = 3
"""Failed probes in a row that end a container: the kubelet's default."""


class Kubelet:
    """Watches one operator, while somebody waits for something. The probe counts once it has succeeded in a life."""

    def __init__(self, operator: OperatorProcess) -> None:
        self._operator = operator
        self._started = False
        self._failed = 0
        self.restarts = 0

    def until(self, check: Callable[[], T | None], *, within: float = DEADLINE, what: str = "") -> T:
        """As `eventually`, while the operator is looked after."""

        def looked_after() -> T | None:
            self._look()
            return check()

        return eventually(looked_after, within=within, what=what)

    def _look(self) -> None:
        if self._operator.running:
            passed = self._operator.probe("livez")
            self._started = self._started or passed
            self._failed = 0 if passed else self._failed + self._started
        if self._failed >= FAILURES:
            self._operator.kill()
        if not self._operator.running:
            self._started, self._failed = False, 0
            self.restarts += 1
            self._operator.start(wait=False)
