"""Which calls of the operator belong to a flow, what each is called, and the death of the operator at one of them.

The rule of counting. A flow is what one object's change sets off, from the change until it is done.

- Its *steps* are the calls about the object, which the operator makes one after the other: every request on the object
  and its status, and every POST, PATCH, DELETE and GET by id at the cloud. Each has two boundaries, before and after,
  and is named by its kind and how many of this kind there were before it in the flow. A step that changes something
  has a third: the operator dies with its request on the way, which reaches the server when the next operator has
  looked at the cloud already.
- A LIST of the cloud changes nothing and comes as its own interval has it. What a death at it leaves behind depends on
  the steps done by then only, so one LIST counts between every two steps, with both of its boundaries. It is made to
  come there: the next step is held back until it has. (One that overlaps a step leaves the same behind.)
- Events about the object are written beside the flow; each counts by its number.
- What a process reads at its start (CRD, namespace, objects, the watches' heads) counts in the flow that begins with a
  start. Else it is no part of a flow, like everything about other objects.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cluster.support.forkserver import Life
from cluster.support.lists import COLLECTION
from faults.support.proxy import Call, Cut, Proxy, Side
from tokenfactory_operator.api import v1alpha1 as api

CLOUD_LIST: Final = "cloud LIST"
_LOOKS: Final = 3
"""LISTs of the next operator before a late request arrives."""
_SOON: Final = 0.75
"""Seconds after the first of them in which it arrives at the latest: half of the settle time, which is not to pass."""
_WATCH: Final = f"kube WATCH {api.PLURAL}"


class Moment(StrEnum):
    """When the operator dies: at one of the two sides of a call, or between them."""

    BEFORE = Side.BEFORE.value
    AFTER = Side.AFTER.value
    LATE = "with a late"
    """As before, and the request takes effect in the life of the next operator."""


@dataclass(frozen=True, order=True)
class Point:
    """One boundary of a flow."""

    operation: str
    ordinal: int
    """The how-manieth of its operation, from 1; of a LIST of the cloud: the number of steps before it."""
    moment: Moment

    def __str__(self) -> str:
        where = f"after {self.ordinal} steps" if self.operation == CLOUD_LIST else f"#{self.ordinal}"
        return f"{self.moment} {self.operation} {where}"


@dataclass(frozen=True)
class _Named:
    """A call of the flow."""

    operation: str
    ordinal: int
    step: bool


class Tower:
    """Sees every call of one operator, and kills it where it is told to."""

    def __init__(self) -> None:
        self.proxies: list[Proxy] = []
        self.killed = threading.Event()
        self.watching = threading.Event()
        """The present life has opened its watch of the objects."""
        self.landed = threading.Event()
        """The late request has been answered."""
        self._late: tuple[str, int] | None = None
        self._looks = 0
        self._looked = asyncio.Event()
        self._life: Life | None = None
        self._closed = True
        self._known = asyncio.Event()
        """The present life is known here, so that it can be ended at its first call."""
        self._begin("", None, starting=False)

    def _begin(self, name: str, target: Point | None, *, starting: bool) -> None:
        self._name, self._target, self._starting = name, target, starting
        self._counts: Counter[str] = Counter()
        self._named: dict[tuple[str, int], _Named] = {}
        self._points: list[Point] = []
        self._steps = 0
        self._listed = asyncio.Event()
        self.killed.clear()
        self.landed.clear()

    async def open(self, name: str, target: Point | None = None, *, starting: bool = False) -> None:
        """A flow of the object `name` begins; the life ends at `target`."""
        self._begin(name, target, starting=starting)

    async def expect(self) -> None:
        """From now on calls are those of a life that is being started; one killed before sends nothing any more.

        They are held until it is known: a process can be quicker with its first call than its starter is here.
        """
        self._known.clear()
        self._closed = False
        self.watching.clear()
        self._looks = 0

    async def lives(self, life: Life) -> None:
        """This is the life that was expected: its calls pass."""
        self._life = life
        self._known.set()

    async def points(self) -> list[Point]:
        """The boundaries of the flow so far: those seen, and a LIST before every step."""
        moments = (Moment.BEFORE, Moment.AFTER)
        lists = [Point(CLOUD_LIST, number, moment) for number in range(self._steps) for moment in moments]
        return [*self._points, *lists]

    async def cloud_gate(self, call: Call, side: Side) -> None:
        """The gate of the proxy before the cloud."""
        await self._at("cloud", call, side, _cloud_operation(call))

    async def kube_gate(self, call: Call, side: Side) -> None:
        """The gate of the proxy before the API server."""
        operation, step = _kube_operation(call, self._name)
        if operation == _WATCH and side is Side.AFTER:
            self.watching.set()
        counts = step or operation.endswith(" event") or self._starting
        await self._at("kube", call, side, (operation if counts else "", step))

    async def _at(self, service: str, call: Call, side: Side, what: tuple[str, bool]) -> None:
        key = (service, call.number)
        if key == self._late:
            self.landed.set()
            raise Cut
        if self._closed:
            raise Cut
        await self._known.wait()
        if what[0] == CLOUD_LIST:
            self._count_looks(side)
        if not self._name or not what[0]:
            return
        if what[0] == CLOUD_LIST:
            self._at_list(key, side)
        else:
            await self._at_call(key, side, what, changes=call.method != "GET")

    async def _at_call(self, key: tuple[str, int], side: Side, what: tuple[str, bool], *, changes: bool) -> None:
        operation, step = what
        if side is Side.BEFORE:
            await self._hold_for_list(step=step)
            self._counts[operation] += 1
            self._named[key] = _Named(operation, self._counts[operation], step)
            if step and changes:
                await self._send_late(key, Point(operation, self._counts[operation], Moment.LATE))
        named = self._named.get(key)
        if named is None:  # begun before the flow
            return
        point = Point(named.operation, named.ordinal, Moment(side.value))
        self._points.append(point)
        self._steps += named.step and side is Side.AFTER
        self._meet(point)

    async def _hold_for_list(self, *, step: bool) -> None:
        target = self._target
        if step and target is not None and (target.operation, target.ordinal) == (CLOUD_LIST, self._steps):
            await self._listed.wait()  # only the death ends this, and it drops the call
            raise Cut

    async def _send_late(self, key: tuple[str, int], point: Point) -> None:
        self._points.append(point)
        if point == self._target:
            self._late, self._looked = key, asyncio.Event()
            self._kill()
            await self._looked.wait()

    def _count_looks(self, side: Side) -> None:
        self._looks += side is Side.AFTER
        if self._looks == 1:
            asyncio.get_running_loop().call_later(_SOON, self._looked.set)
        if self._looks == _LOOKS:
            self._looked.set()

    def _at_list(self, key: tuple[str, int], side: Side) -> None:
        if side is Side.BEFORE:
            self._named[key] = _Named(CLOUD_LIST, self._steps, step=False)
        named = self._named.get(key)
        if named is not None and named.ordinal == self._steps and not self._step_under_way():
            self._meet(Point(CLOUD_LIST, named.ordinal, Moment(side.value)))

    def _step_under_way(self) -> bool:
        begun = sum(named.step for named in self._named.values())
        return begun > self._steps

    def _meet(self, point: Point) -> None:
        if point == self._target:
            self._kill()
            raise Cut

    def _kill(self) -> None:
        assert self._life is not None
        self._life.kill()
        self._closed, self._target = True, None
        self._listed.set()
        for proxy in self.proxies:
            proxy.drop()
        self.killed.set()


def _cloud_operation(call: Call) -> tuple[str, bool]:
    if call.method == "GET" and call.path == COLLECTION:
        return CLOUD_LIST, False
    return f"cloud {call.method}", True


def _kube_operation(call: Call, name: str) -> tuple[str, bool]:
    """What the call is, and whether it is a step of the object's flow; empty for another object's Event."""
    parts = call.path.split("/")
    if name and api.PLURAL in parts and name in parts:
        subresource = "status" if parts[-1] == "status" else "object"
        return f"kube {call.method} {subresource}", True
    if "events" in parts:
        about = (
            json.loads(call.body)["involvedObject"]["name"] if call.method == "POST" else parts[-1].partition(".")[0]
        )
        return (f"kube {call.method} event" if about == name else ""), False
    verb = "WATCH" if "watch=" in call.query else call.method
    return f"kube {verb} {parts[-1]}", False
