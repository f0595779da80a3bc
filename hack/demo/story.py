"""What happens in the demo: apply, wait, change, delete, rest, compare.

Each step waits for what it wants to see, with a deadline, and ends the demo as soon as something says otherwise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from demo.agreement import Books, Check, Steady, checks
from demo.errors import DemoError
from demo.install import CRD, NAMESPACE, RELEASE, SAMPLES, SYSTEM
from demo.objects import Shown, read
from demo.operator_process import INTERVAL
from demo.view import View
from demo.world import World

LEAST: Final = 3
"""Objects that the samples must have."""
REST: Final = 4
"""LISTs that are looked at while nothing changes."""
LOOK: Final = 0.4
"""Seconds between two looks."""
FORBIDDEN: Final = (("get", "secrets"), ("create", "pods"), ("delete", CRD))
_GROWTH: Final = 2


class Story:
    """One run on one world."""

    def __init__(self, world: World, view: View, *, timeout: float) -> None:
        """`timeout`: seconds that each step may take."""
        self._world = world
        self._view = view
        self._timeout = timeout

    def tell(self) -> str:
        """All of it; answers a summary in one line.

        Raises:
            DemoError: something is not as it should be.
        """
        first = self._apply()
        changed, deleted = first[0], first[-1]
        self._change(changed)
        gone_at = self._delete(deleted)
        steady = self._rest()
        self._view.step("Comparing cluster and cloud")
        results = self._compare(
            first,
            changed=changed.status["endpointId"],
            deleted=deleted.status["endpointId"],
            gone_at=gone_at,
            steady=steady,
        )
        wrong = [f"{check.what} (seen: {check.seen})" for check in results if not check.holds]
        if wrong:
            raise DemoError("Cluster and cloud do not agree: " + "; ".join(wrong))
        return (
            f"{len(first)} objects became Ready, {changed.name} was changed, {deleted.name} was deleted; "
            f"all {len(results)} comparisons hold."
        )

    def _apply(self) -> tuple[Shown, ...]:
        self._view.step(f"kubectl apply -k {SAMPLES.relative_to(SAMPLES.parents[1])} -n {NAMESPACE}")
        self._world.target.kubectl("apply", "-k", str(SAMPLES), "-n", NAMESPACE)
        objects = self._follow(lambda seen: bool(seen) and all(shown.ready for shown in seen), what="Ready")
        if len(objects) < LEAST:
            raise DemoError(f"There are {len(objects)} objects, and {LEAST} are expected of {SAMPLES}.")
        self._view.say(f"  {len(objects)} objects Ready")
        return objects

    def _change(self, before: Shown) -> None:
        most = before.spec["scaling"]["maxReplicas"] + _GROWTH
        change = json.dumps({"spec": {"scaling": {"maxReplicas": most}}})
        self._view.step(f"kubectl patch dep {before.name} -n {NAMESPACE} --type=merge -p '{change}'")
        self._world.target.kubectl("patch", CRD, before.name, "-n", NAMESPACE, "--type=merge", "-p", change)

        def settled(seen: Sequence[Shown]) -> bool:
            return all(
                shown.ready and (shown.name != before.name or shown.generation > before.generation) for shown in seen
            )

        self._follow(settled, what=f"{before.name} Ready with the change")
        self._view.say(f"  {before.name} Ready at generation {before.generation + 1}")

    def _delete(self, victim: Shown) -> int:
        """Answers how many calls the cloud had got when the object was seen to be gone."""
        self._view.step(f"kubectl delete dep {victim.name} -n {NAMESPACE}")
        self._world.target.kubectl("delete", CRD, victim.name, "-n", NAMESPACE, "--wait=false")
        self._follow(lambda seen: victim.name not in {shown.name for shown in seen}, what=f"{victim.name} gone")
        calls: int = self._world.cloud.summary()["calls"]
        self._view.say(f"  {victim.name} is gone, after its endpoint was seen to be")
        return calls

    def _rest(self) -> Steady:
        """Wait while nothing changes; the first LISTs after a change come quicker than the others, and are left out."""
        self._view.step(f"Leaving everything alone for {REST} LISTs")
        self._follow(lambda seen: all(shown.status["state"] == "Running" for shown in seen), what="every state Running")
        self._lists_after(self._world.cloud.summary()["calls"], 2)
        before, start = self._versions(), self._world.cloud.summary()["calls"]
        calls = self._lists_after(start, REST)
        return Steady(calls=calls, interval=INTERVAL, before=before, after=self._versions())

    def _lists_after(self, start: int, count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + self._timeout
        while True:
            self._world.operator.check()
            calls = self._world.cloud.calls(since=start)
            if sum(call["operation"] == "list" for call in calls) >= count:
                return calls
            if time.monotonic() > deadline:
                raise DemoError(f"The operator did not list the cloud {count} times in {self._timeout:g} s.")
            time.sleep(LOOK)

    def _compare(
        self, first: Sequence[Shown], *, changed: str, deleted: str, gone_at: int, steady: Steady
    ) -> tuple[Check, ...]:
        target, cloud = self._world.target, self._world.cloud
        target.kubectl("wait", CRD, "--all", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=30s")
        release = json.loads(target.helm("status", RELEASE, "-n", SYSTEM, "-o", "json").stdout)["info"]["status"]
        books = Books(
            objects=read(target),
            endpoints=cloud.endpoints(alive_only=False),
            names={shown.uid: shown.name for shown in first},
            changed=changed,
            deleted=deleted,
            gone_at=gone_at,
            rights=self._rights(),
            release=release,
            ready=self._world.operator.ready(),
            calls=cloud.calls(),
            metrics=self._world.operator.metrics(),
        )
        results = checks(books, steady)
        for check in results:
            self._view.say(f"  {'✓' if check.holds else '✗'} {check.what}: {check.seen}")
        return results

    def _rights(self) -> list[str]:
        account = f"--kubeconfig={self._world.operator.kubeconfig}"
        target, where = self._world.target, ("-n", NAMESPACE)
        answers = {
            f"{verb} {kind}": target.kubectl(account, "auth", "can-i", verb, kind, *where, check=False).stdout.strip()
            for verb, kind in FORBIDDEN
        }
        return [right for right, answer in answers.items() if answer != "no"]

    def _versions(self) -> dict[str, str]:
        return {shown.name: shown.version for shown in read(self._world.target)}

    def _follow(self, until: Callable[[Sequence[Shown]], bool], *, what: str) -> tuple[Shown, ...]:
        """Show the objects until they are as wanted; answers them."""
        deadline = time.monotonic() + self._timeout
        while True:
            self._world.operator.check()
            objects = read(self._world.target)
            self._view.show(objects)
            if until(objects):
                return objects
            if complaints := [shown.complaint for shown in objects if shown.complaint]:
                raise DemoError(complaints[0])
            if time.monotonic() > deadline:
                raise DemoError(f"Waited {self._timeout:g} s for: {what}.")
            time.sleep(LOOK)
