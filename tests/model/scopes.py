"""Small scopes, explored whole: one object, one flow, and one thing that goes wrong, at every place where it can.

The places are counted in a run in which nothing goes wrong: each callback of the process (that is each await) for a
crash, each call for each kind of fault, each event of the watch for its loss. The object has to end in order, always.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from model.apiserver import NEW_STATUS
from model.checks import condition
from model.clock import Stuck
from model.console import console_made
from model.people import FORCE, REQUESTED
from model.process import OperatorProcess
from model.script import CHANGE_FAULTS, FAULTS, KUBE, Script, ScriptedChance, ScriptedWeather
from model.verdict import Deeds, Verdict
from model.world import World
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.ports import Key

KEY: Final = Key("a", "x")
SPEC: Final[Mapping[str, Any]] = {
    "model": "m/one",
    "flavor": "base",
    "region": "eu-north1",
    "gpu": {"type": "gpu-h100-sxm", "count": 1},
    "scaling": {"minReplicas": 1, "maxReplicas": 3},
}
ADOPTING: Final[Mapping[str, Any]] = {**SPEC, "endpointId": "ep-1"}
CATALOG: Final = 0.2
"""Seconds that the catalog is read before the first create: what is to happen during that create comes after it."""
TIMEOUT: Final = 4000.0
"""Seconds until the object has to be in order."""
AFTERWARDS: Final = 240.0
"""Seconds for which it has to stay so: longer than any effect can be late."""
ON_THE_WAY: Final = ("keep", "lose", "delay")
"""What becomes of requests that are on their way when the process dies."""
DELAY: Final = 80.0
"""Seconds: within the time-out that the process would have waited for, and what is promised of the cloud after it."""


@dataclass(frozen=True)
class Flow:
    """What a user does."""

    name: str
    trigger: Callable[[World], None]
    spec: Mapping[str, Any] | None = None
    """Of the object that is there before; None: there is none."""
    deleted: bool = False
    prepare: Callable[[World], None] | None = None
    """Makes what is there before everything else."""
    incomplete: float = 0.0
    """Seconds from the trigger for which every LIST lacks the page with the endpoint."""


def _create(world: World) -> None:
    world.kube.create(KEY, SPEC)


def _edit(world: World) -> None:
    world.kube.edit(KEY, {"spec": {"scaling": {"minReplicas": 2}, "description": "other"}})


def _stop(world: World) -> None:
    world.kube.edit(KEY, {"spec": {"enabled": False}})


def _delete(world: World) -> None:
    world.kube.delete(KEY)


def _recreate(world: World) -> None:
    world.kube.delete(KEY)
    _again(world)


def _again(world: World) -> None:
    if not world.kube.create(KEY, SPEC):
        world.later(0.5, _again, world)


def _create_and_delete(world: World) -> None:
    world.kube.create(KEY, SPEC)
    world.later(CATALOG + 0.25, world.kube.delete, KEY)


def _create_and_wipe(world: World) -> None:
    """Somebody wipes the status while the first attempt is open."""
    world.kube.create(KEY, SPEC)
    world.later(CATALOG + 0.17, _wipe, world)


def _wipe(world: World) -> None:
    if KEY in world.kube.objects:
        world.kube.replace_status(KEY, NEW_STATUS)


def _lose(world: World) -> None:
    """Somebody deletes the endpoint at the console."""
    for endpoint in world.vendor.alive:
        world.vendor.vanish(endpoint)


def _drift(world: World) -> None:
    """Somebody edits it at the console."""
    for endpoint in world.vendor.alive:
        world.vendor.change(endpoint, max_replicas=9)


def _make(world: World) -> None:
    """Somebody has made an endpoint by hand: the first, so its id is known."""
    world.vendor.add(console_made("by hand"))


def _adopt(world: World) -> None:
    world.kube.create(KEY, ADOPTING)


def _apply_again(world: World) -> None:
    """Its endpoint was kept; the object of the same name is to take it over."""
    world.checks.policy = Policy(may_adopt=True, adopt_recreated=True)
    world.kube.delete(KEY)
    _again(world)


def _force(world: World) -> None:
    """A person gives the object up while the cloud cannot be asked."""
    world.kube.edit(KEY, {"metadata": {"annotations": {FORCE: "true"}}})
    world.kube.delete(KEY)


FLOWS: Final = (
    Flow("lost", _lose, SPEC),  # half of all runs: first, so that no worker has it alone at the end
    Flow("create", _create),
    Flow("create while LIST is incomplete", _create, incomplete=400.0),
    Flow("edit", _edit, SPEC),
    Flow("stop", _stop, SPEC),
    Flow("delete", _delete, SPEC, deleted=True),
    Flow("retain", _delete, {**SPEC, "deletionPolicy": "Retain"}, deleted=True),
    Flow("create and delete", _create_and_delete, deleted=True),
    Flow("create and wipe the status", _create_and_wipe),
    Flow("recreate", _recreate, SPEC),
    Flow("drift", _drift, SPEC),
    Flow("adopt", _adopt, prepare=_make),
    Flow("release what was adopted", _delete, ADOPTING, deleted=True, prepare=_make),
    Flow("delete what was adopted", _delete, {**ADOPTING, "deletionPolicy": "Delete"}, deleted=True, prepare=_make),
    Flow("retain and apply again", _apply_again, {**SPEC, "deletionPolicy": "Retain"}),
    Flow("release by force", _force, SPEC, deleted=True),
)


@dataclass(frozen=True)
class Place:
    """Where something goes wrong; the default: nowhere."""

    crash_at: int = 0
    """Callback of the process, counted from the trigger."""
    crash_call: int = 0
    """Number of the call that is on its way when the process dies."""
    fate: str = "keep"
    """What becomes of that call."""
    call: int = 0
    fault: str = ""
    event: int = 0

    def __str__(self) -> str:
        return ";".join(f"{name}={value}" for name, value in vars(self).items() if value) or "nowhere"


@dataclass(frozen=True)
class Outcome:
    """What one run has shown."""

    violations: tuple[str, ...]
    trace: str
    steps: int
    """Callbacks of the first process from the trigger until the object was in order."""
    calls: tuple[str, ...]
    events: int


@dataclass(frozen=True)
class Scope:
    """A flow, explored."""

    flow: str
    runs: int
    awaits: int
    calls: int
    faults: int
    events: int
    failures: tuple[str, ...]

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.flow}: {self.runs} runs (a crash at each of {self.awaits} awaits and during each of {self.calls} "
            f"calls, {self.faults} faults of calls, {self.events} lost events), {len(self.failures)} broke a promise"
        )


class Run:
    """One run of a flow with one thing going wrong."""

    def __init__(self, flow: Flow, place: Place, *, traced: bool = False) -> None:
        self._flow = flow
        self._place = place
        self._script = Script(place.call, place.fault, place.event)
        chance = ScriptedChance(self._script)
        self.world = World(
            random.Random(1),
            weather=lambda _: ScriptedWeather(self._script),
            chance=chance,
            timing=Timing(poll_interval_in_transition=10.0),
            traced=traced,
        )
        self.world.vendor.provisioning = (2.0, 2.0)
        self.world.around.hides = place.fault == "list.hidden"
        self._deeds = Deeds(let_go={"u1"} if flow.trigger is _force else set())
        self._verdict = Verdict(self.world, self._deeds)
        self.world.checks.policy = Policy(may_adopt=True)

    def go(self) -> Outcome:
        """From the trigger until the object has been in order for a while."""
        world, script = self.world, self._script
        if self._flow.prepare is not None:
            self._flow.prepare(world)
        process = world.start()
        world.run_for(5.0)
        if self._flow.spec is not None:
            world.kube.create(KEY, self._flow.spec)
            world.run_for(40.0)
        base = process.gate.steps
        if self._place.crash_at:
            process.gate.crash = lambda: self._crash(process)
            process.gate.crash_at = base + self._place.crash_at
        script.crash_call = self._place.crash_call
        script.crash = lambda: world.later(KUBE / 2, self._crash, process)
        script.running, script.incomplete = True, self._flow.incomplete > 0
        world.around.missing_page = 1
        world.later(self._flow.incomplete, setattr, script, "incomplete", False)
        self._flow.trigger(world)
        steps = calls = 0
        try:
            world.run_until(self._in_order, limit=TIMEOUT, step=0.5)
            steps, calls = process.gate.steps - base, len(script.calls)
            self._check()
        except Stuck as stuck:
            world.trace.violated(f"STUCK: {stuck}")
        outcome = Outcome(
            tuple(world.trace.violations),
            world.trace.text(),
            steps,
            tuple(script.calls[:calls]),
            script.events,
        )
        world.close()
        return outcome

    def _crash(self, process: OperatorProcess) -> None:
        process.kill()
        if self._place.fate == "lose":
            self.world.network.lose(process.place)
        elif self._place.fate == "delay":
            self.world.network.delay(process.place, DELAY)

    def _in_order(self) -> bool:
        self._confirm()
        bodies = self.world.kube.objects
        if self._flow.deleted:
            return KEY not in bodies
        return KEY in bodies and not self._verdict.problem(bodies[KEY])

    def _confirm(self) -> None:
        """A person answers a hidden endpoint's doubt; nothing else may ask for a person."""
        body = self.world.kube.objects.get(KEY)
        asked = body is not None and condition(body, "Synced").get("reason") == "InventoryUntrusted"
        if asked and self.world.around.hides and body is not None and not body["metadata"]["annotations"]:
            self.world.kube.edit(KEY, {"metadata": {"annotations": {REQUESTED: "now"}}})

    def _check(self) -> None:
        world = self.world
        if not self._in_order():
            body = world.kube.objects.get(KEY)
            said = (self._verdict.problem(body), condition(body, "Synced")) if body is not None else "no object"
            world.trace.violated(f"NOT IN ORDER: {said}")
            return
        world.run_for(AFTERWARDS)
        self._verdict.exactly_one(strict=True)
        self._verdict.nothing_left()
        writes, made = world.kube.operator_writes, world.network.calls
        world.run_for(AFTERWARDS)
        if world.kube.operator_writes != writes:
            world.trace.violated("NO REST: writes to Kubernetes go on")
        if world.network.calls - made > AFTERWARDS / 10.0 * 1.2:
            world.trace.violated("NO REST: calls go on")


def places(plain: Outcome) -> Iterator[Place]:
    """Every place of the flow at which something can go wrong."""
    for number in range(1, plain.steps + 1):
        yield Place(crash_at=number)
    for number in range(1, len(plain.calls) + 1):
        for fate in ON_THE_WAY:
            yield Place(crash_call=number, fate=fate)
    for number, kind in enumerate(plain.calls, start=1):
        for fault in FAULTS.get(kind, CHANGE_FAULTS):
            yield Place(call=number, fault=fault)
    for number in range(1, plain.events + 1):
        yield Place(event=number)


def explore(flow: Flow) -> Scope:
    """Every run of a flow."""
    plain = Run(flow, Place()).go()
    failures = [_failure(flow, Place(), plain)] if plain.violations else []
    tried = list(places(plain))
    for place in tried:
        outcome = Run(flow, place).go()
        if outcome.violations:
            failures.append(_failure(flow, place, outcome))
    return Scope(
        flow.name,
        runs=1 + len(tried),
        awaits=plain.steps,
        calls=len(plain.calls),
        faults=sum(bool(place.call) for place in tried),
        events=plain.events,
        failures=tuple(failures),
    )


def _failure(flow: Flow, place: Place, outcome: Outcome) -> str:
    return f"--flow '{flow.name}' --at '{place}': {outcome.violations[0]}"


def replay(name: str, where: str) -> Outcome:
    """One run again: `where` as a failure names it."""
    flow = next(flow for flow in FLOWS if flow.name == name)
    fields = dict(part.split("=", 1) for part in where.split(";") if "=" in part)
    place = Place(
        crash_at=int(fields.get("crash_at", 0)),
        crash_call=int(fields.get("crash_call", 0)),
        fate=fields.get("fate", "keep"),
        call=int(fields.get("call", 0)),
        fault=fields.get("fault", ""),
        event=int(fields.get("event", 0)),
    )
    return Run(flow, place, traced=True).go()
