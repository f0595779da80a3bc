"""Users: what they do to a world, besides the faults of single calls, and what machines and the console do.

A few combinations are left out, since after them nobody could know of an endpoint any more (its mark and its status
are gone at once): see the conditions of `wipe_status` and `strip`, and those of `unmark` (`model/console.py`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from model.apiserver import NEW_STATUS, Body
from model.chance import Chance
from model.checks import condition
from model.console import FOREIGN, Console
from model.fates import BAD_GPU, RandomWeather
from model.machines import Machines
from model.tenants import Tenants
from model.vendor import owners
from model.verdict import Deeds
from model.world import World
from tokenfactory_operator.ports import Key

PLACES: Final = (Key("a", "x"), Key("a", "y"), Key("b", "x"))
ROOT: Final = "tokenfactory.nebius.com"
PAUSED: Final = f"{ROOT}/paused"
REQUESTED: Final = f"{ROOT}/reconcile-requested-at"
FORCE: Final = f"{ROOT}/force-release"
FINALIZER: Final = f"{ROOT}/endpoint"


def new_spec(rng: random.Random) -> dict[str, Any]:
    """A valid spec with some of the optional fields."""
    spec: dict[str, Any] = {
        "model": "m/one",
        "flavor": "base",
        "region": "eu-north1",
        "gpu": {"type": "gpu-h100-sxm", "count": 1},
        "scaling": {"minReplicas": 1, "maxReplicas": 3},
    }
    options: Mapping[str, tuple[Any, ...]] = {
        "enabled": (True, False),
        "displayName": ("One", "Two"),
        "description": ("some text", ""),
        "deletionPolicy": ("Delete", "Retain"),
        "customWeightsId": ("model-artifact_1", ""),
    }
    for name, values in options.items():
        if rng.random() < 0.15:
            spec[name] = rng.choice(values)
    return spec


class People:
    """Does one thing when it is told to, to somebody that it picks."""

    def __init__(
        self, world: World, weather: RandomWeather, deeds: Deeds, chance: Chance, tenants: Tenants | None = None
    ) -> None:
        self._world = world
        self._tenants = tenants
        self._deeds = deeds
        self._chance = chance
        self._rng = chance.rng
        self._machines = Machines(world, weather, deeds, chance, tenants)
        self._console = Console(world, deeds, chance)
        self._acts: Final[Mapping[str, Callable[[], None]]] = {
            **self._machines.acts,
            **self._console.acts,
            "user.adopt": self._adopt,
            "user.take": self._take,
            "user.edit": self._edit,
            "user.take_back": self._take_back,
            "user.delete": self._delete,
            "user.recreate": self._recreate,
            "user.pause": self._pause,
            "user.enable": self._enable,
            "user.wipe_status": self._wipe_status,
            "user.strip": self._strip,
            "user.request": self._request,
            "user.policy": self._policy,
            "user.bad_gpu": self._bad_gpu,
            "user.force": self._force,
        }

    def act(self, kind: str) -> None:
        """Let it happen, unless it was left out."""
        self._machines.back_up()
        if self._chance.happens(kind):
            self._acts[kind]()

    def create(self, key: Key, **fields: str) -> None:
        """A new object."""
        own = self._tenants.of_new(key) if self._tenants is not None else {}
        trouble = self._world.around.trouble
        held = trouble.held() if trouble is not None else {}
        own |= trouble.of_new() if trouble is not None else {}
        if self._world.kube.create(key, {**new_spec(self._rng), **own, **fields}, **held):
            self._say(f"creates {key} {self._world.kube.objects[key]['spec']}")

    def _say(self, what: str) -> None:
        self._world.trace.say("user", what)

    def _someone(self) -> Key | None:
        keys = list(self._world.kube.objects)
        return self._rng.choice(keys) if keys else None

    def _change(self, change: Mapping[str, Any], *, key: Key | None = None) -> None:
        key = key or self._someone()
        if key is not None:
            self._say(f"edits {key}: {change}")
            self._world.kube.edit(key, change)

    # Users

    def _edit(self) -> None:
        change = self._rng.choice(
            (
                {"scaling": {"minReplicas": self._rng.randint(1, 3)}},
                {"scaling": {"maxReplicas": self._rng.randint(3, 6)}},
                {"displayName": self._rng.choice(("One", "Two", None))},
                {"description": self._rng.choice(("other text", "some text", None))},
                {"gpu": {"count": self._rng.randint(1, 2)}},
                {"customWeightsId": self._rng.choice(("model-artifact_2", "", None))},
            )
        )
        self._change({"spec": change})

    def _take_back(self) -> None:
        """A change that is thought better of within moments, before a LIST can tell what became of it."""
        key = self._someone()
        if key is not None:
            spec = self._world.kube.objects[key]["spec"]
            name, count = spec.get("displayName"), spec["gpu"]["count"]
            change, back = self._rng.choice(
                (
                    ({"displayName": "Three"}, {"displayName": name}),
                    ({"gpu": {"count": count % 2 + 1}}, {"gpu": {"count": count}}),
                )
            )
            self._change({"spec": change}, key=key)
            self._world.later(self._rng.uniform(0.1, 20.0), self._restore, key, back)

    def _restore(self, key: Key, spec: Mapping[str, Any]) -> None:
        if key in self._world.kube.objects:
            self._change({"spec": spec}, key=key)

    def _delete(self, key: Key | None = None) -> None:
        key = key or self._someone()
        if key is not None:
            self._say(f"deletes {key}")
            metadata = self._world.kube.objects[key]["metadata"]
            if self._deeds.restores and FINALIZER not in metadata.get("finalizers", ()):
                self._deeds.let_go.add(metadata["uid"])  # gone before the operator can put back what the backup lacks
            self._world.kube.delete(key)

    def _recreate(self) -> None:
        key = self._someone()
        if key is not None:
            self._delete(key)
            self._again(key, 100)

    def _again(self, key: Key, tries: int) -> None:
        if key not in self._world.kube.objects:
            self.create(key)
        elif tries:
            self._world.later(self._rng.uniform(0.01, 10.0), self._again, key, tries - 1)

    def _adopt(self) -> None:
        """A new object that names an endpoint: one made by hand, or whatever the user has got hold of."""
        places = [place for place in PLACES if place not in self._world.kube.objects]
        alive = self._world.vendor.alive
        by_hand = [endpoint for endpoint in alive if not endpoint.owner and not endpoint.copy_of]
        endpoints = by_hand if by_hand and self._rng.random() < 0.7 else alive
        if places and endpoints:
            endpoint_id = self._rng.choice(endpoints).id
            self.create(self._rng.choice(places), endpointId=endpoint_id)

    def _take(self) -> None:
        """A user does what the condition says: the id of the earlier object's endpoint goes into the spec."""
        for key, body in self._world.kube.objects.items():
            place, free = str(key), not body["status"].get("endpointId") and not body["spec"].get("endpointId")
            ids = [each.id for each in self._world.vendor.alive if f" {place}" in (each.now.description or "")]
            if ids and free and condition(body, "Synced").get("reason") == "OwnershipConflict":
                self._change({"spec": {"endpointId": ids[0]}}, key=key)
                return

    def _pause(self) -> None:
        self._change({"metadata": {"annotations": {PAUSED: self._rng.choice(("true", None))}}})

    def _enable(self) -> None:
        self._change({"spec": {"enabled": self._rng.choice((True, False, None))}})

    def _wipe_status(self) -> None:
        key = self._someone()
        body = self._world.kube.objects[key] if key is not None else None
        if key is None or body is None or FINALIZER not in body["metadata"].get("finalizers", ()):
            return
        if self._world.vendor.maintained:
            return  # of what no status names and no LIST shows, nobody can know
        uid = body["metadata"]["uid"]
        readable = all(owners(item.now.description) == {uid} for item in self._world.vendor.of(uid))
        reached = self._tenants is None or self._tenants.reaches(body)
        if readable and reached and not self._world.around.hides and not self._world.around.token.elsewhere:
            self._say(f"wipes the status of {key}")
            self._world.kube.replace_status(key, NEW_STATUS)

    def _strip(self) -> None:
        key = self._someone()
        body = self._world.kube.objects[key] if key is not None else None
        if self._world.vendor.maintained:
            return  # as above
        if key is not None and body is not None and body["status"].get("createAttempt"):
            self._deeds.let_go.add(body["metadata"]["uid"])
            self._change({"metadata": {"finalizers": None}}, key=key)

    def _request(self) -> None:
        key = self._someone()
        doubted = key is not None and condition(self._world.kube.objects[key], "Synced").get("reason")
        if self._world.around.token.elsewhere or doubted == "CredentialsMismatch" or self._world.vendor.cap:
            return  # it would say that the other project is the same, or that what does not fit is not there
        self._change({"metadata": {"annotations": {REQUESTED: f"{self._world.loop.time():.3f}"}}}, key=key)

    def _policy(self) -> None:
        self._change(
            {
                "spec": self._rng.choice(
                    (
                        {"deletionPolicy": self._rng.choice(("Delete", "Retain", None))},
                        {"managementPolicy": self._rng.choice(("Manage", "Observe"))},
                    )
                )
            }
        )

    def _bad_gpu(self) -> None:
        self._change({"spec": {"gpu": {"type": self._rng.choice((BAD_GPU, "gpu-h100-sxm"))}}})

    def _force(self) -> None:
        key = self._someone()
        if key is not None:
            self._deeds.let_go.add(self._world.kube.objects[key]["metadata"]["uid"])
            self._change({"metadata": {"annotations": {FORCE: "true"}}}, key=key)

    # What a person can put right

    def mend(self) -> None:
        """Do at the console and to the objects what the conditions ask for."""
        if self._tenants is not None:
            self._tenants.mend()
        for endpoint in self._world.vendor.alive:
            body = self._console.body_of(endpoint.owner or endpoint.copy_of)
            let_go = "[k8s-released" in (endpoint.now.description or "")  # also one that was never marked as ours
            if endpoint.copy_of or ((endpoint.owner or let_go) and body is None):
                self._world.vendor.vanish(endpoint)
            elif endpoint.owner and body is not None and owners(endpoint.now.description) - {endpoint.owner}:
                text = (endpoint.now.description or "").replace(FOREIGN, "").strip()
                self._world.vendor.change(endpoint, description=text)
        for key, body in list(self._world.kube.objects.items()):
            if self._cannot_have_it(body):
                self._delete(key)
            if key not in self._world.kube.objects:
                continue
            if not body["metadata"].get("deletionTimestamp"):  # one may have been let go because of the mark
                self._deeds.foreign.discard(body["metadata"]["uid"])
            change: dict[str, Any] = {
                "metadata": {"annotations": {PAUSED: None, REQUESTED: f"{self._world.loop.time():.3f}"}},
                "spec": {"managementPolicy": "Manage", "gpu": {"type": "gpu-h100-sxm"}, "enabled": True},
            }
            self._change(change, key=key)

    def edit_all(self) -> None:
        """A small change of each object."""
        for key, body in list(self._world.kube.objects.items()):
            self._change({"spec": {"scaling": {"maxReplicas": body["spec"]["scaling"]["maxReplicas"] + 1}}}, key=key)

    def delete_all(self) -> None:
        """All objects go."""
        for key in list(self._world.kube.objects):
            self._delete(key)

    def _cannot_have_it(self, body: Body) -> bool:
        """Whether it adopts, or has adopted, what is another's or is gone: it must not have any other endpoint."""
        wanted = body["spec"].get("endpointId")
        if not wanted and (body["status"].get("createAttempt") or {}).get("id") == "adopted":
            wanted = body["status"].get("endpointId")
        endpoint = self._world.vendor.find(wanted) if wanted else None
        return bool(wanted) and (endpoint is None or endpoint.owner != body["metadata"]["uid"])

    def _mark_again(self, body: Body, said: str) -> None:
        """Put back what somebody removed while no process had seen it, if the endpoint is the object's."""
        endpoint = self._world.vendor.find(body["status"].get("endpointId") or "")
        asked = re.search(r"put (\[k8s .*?\]) at the end", said)
        if asked and endpoint is not None and endpoint.owner == body["metadata"]["uid"]:
            self._console.say(endpoint, "marks again")
            self._world.vendor.change(endpoint, description=f"{endpoint.now.description or ''} {asked[1]}".strip())

    def confirm(self) -> None:
        """Set the request annotation where a doubt is reported; a wrong credential is put right before."""
        if self._tenants is not None:
            self._tenants.mend()
        for key, body in list(self._world.kube.objects.items()):
            synced = condition(body, "Synced")
            if synced.get("reason") == "OwnershipConflict":
                for endpoint in self._world.vendor.of(body["metadata"]["uid"]):
                    if endpoint.id != body["status"].get("endpointId"):
                        self._console.say(endpoint, "deletes the other one,")
                        self._world.vendor.vanish(endpoint)
            self._mark_again(body, str(condition(body, "Stalled").get("message", "")))
            if synced.get("status") != "True":
                self._change({"metadata": {"annotations": {REQUESTED: f"{self._world.loop.time():.3f}"}}}, key=key)
