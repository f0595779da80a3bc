"""What administrators of the cluster do to the API server, for a while: rights, policies, a webhook, another CRD.

Only seeds in which the real adapter talks to the API server have them. When the world is left alone, all of it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from model.api_trouble import FOREIGN, Trouble
from model.apiserver import Body
from model.chance import Chance
from model.kube_requests import LABEL
from model.vendor import owners
from model.verdict import Deeds
from model.world import World
from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import key_of

ACTS: Final = (
    "api.rights",
    "api.policy",
    "api.webhook",
    "api.crd",
    "map.edit",
    "map.delete",
    "map.taken",
    "secret.label",
)
COLLECTED: Final = 50.0
"""Seconds between two looks of the garbage collector."""
SHARE: Final = 0.3
"""How many of these kinds a seed has."""
NAMESPACES: Final = ("a", "b")
PRUNED: Final = (
    "endpointOrigin",
    "conflictingEndpoints",
    "notAccepted",
    "summary",
    "connection",
    "gpus",
    "replicaSummary",
)
"""Fields of the status that an older CRD may not know."""

DROPPED: Final = (
    *("finalizers", "annotations", "conditions", "endpointId", "createAttempt", "scope", "status", "messages"),
    *("lease", "removal"),
)
"""What a webhook takes away from what is written: a part, each renewal of the Lease, or that a finalizer is removed."""


class Administrators:
    """Each act happens to what they pick, and ends by itself."""

    def __init__(self, world: World, deeds: Deeds, trouble: Trouble, chance: Chance) -> None:
        self._world = world
        self._deeds = deeds
        self._lasting = trouble.lasting
        self._chance = chance
        self._rng = trouble.rng
        trouble.may_forget = self._readable
        self._acts: Final[Mapping[str, Callable[[], None]]] = {
            "api.rights": self._rights,
            "api.policy": self._policy,
            "api.webhook": self._webhook,
            "api.crd": self._crd,
            "map.edit": self._edit_map,
            "map.delete": self._delete_map,
            "map.taken": self._take_name,
            "secret.label": self._unlabel,
        }
        world.kube.listen(self._seen)
        world.later(COLLECTED, self._collect)

    def schedule(self, length: float) -> None:
        """Some kinds of it, a few times within so many seconds, or nothing."""
        kinds = [kind for kind in ACTS if self._rng.random() < SHARE]
        for _ in range(self._rng.randint(2, 8) if kinds else 0):
            self._world.later(self._rng.uniform(1.0, length), self.act, self._rng.choice(kinds))

    def act(self, kind: str) -> None:
        """Let it happen, unless it was left out."""
        if self._chance.happens(kind):
            self._acts[kind]()

    def _readable(self, uid: str) -> bool:
        """Whether the marks alone tell whose the endpoints are, as in `People._wipe_status`."""
        around = self._world.around
        shown = all(owners(each.now.description) == {uid} for each in self._world.vendor.of(uid))
        unsure = around.hides or around.grants or self._deeds.tokens or around.vendor.maintained or around.vendor.cap
        return shown and not unsure

    def _say(self, what: str) -> None:
        self._world.trace.say("admin", what)

    def _for_a_while(self, what: str, name: str, value: object) -> None:
        lasts = self._rng.choice((self._rng.uniform(1.0, 30.0), self._rng.uniform(30.0, 600.0)))
        self._say(f"{what} for {lasts:.1f} s")
        setattr(self._lasting, name, value)
        self._world.later(lasts, self._over, name, value)

    def _over(self, name: str, value: object) -> None:
        if getattr(self._lasting, name) is value:
            setattr(self._lasting, name, None)

    # The API server

    def _rights(self) -> None:
        """A role is gone: for a verb, a resource or a namespace."""
        rng = self._rng
        verb = rng.choice(("", "get", "list", "patch", "create"))
        plural = rng.choice(("", "dedicatedendpoints", "secrets", "configmaps", "leases"))
        denied = (verb, plural, rng.choice(("", "a", "b")))
        self._for_a_while(f"takes the rights {denied} away", "denied", denied)

    def _policy(self) -> None:
        """A validating policy is against statuses, or finalizers; or only against what is long."""
        rng = self._rng
        refused = (rng.choice(("status", "finalizers")), rng.choice((0, 0, 900)), rng.choice((403, 413, 422)))
        self._for_a_while(f"has a policy against {refused}", "refused", refused)

    def _webhook(self) -> None:
        """A mutating webhook takes something away from what is written."""
        dropped = self._rng.choice(DROPPED)
        self._for_a_while(f"has a webhook that takes away {dropped}", "dropped", dropped)

    def _crd(self) -> None:
        """The CRD is an older one, which does not know some fields of the status."""
        pruned = frozenset(name for name in PRUNED if self._rng.random() < 0.4)
        self._for_a_while(f"installs a CRD without {sorted(pruned)}", "pruned", pruned)

    # ConfigMaps and Secrets

    def _map(self) -> Key | None:
        keys = list(self._world.config_maps.objects)
        return self._rng.choice(keys) if keys else None

    def _edit_map(self) -> None:
        key = self._map()
        if key is not None:
            change: dict[str, Any] = self._rng.choice(
                ({"spec": {"OPENAI_MODEL": "mine"}}, {"spec": {"EXTRA": "mine"}}, {"spec": {"OPENAI_BASE_URL": None}})
            )
            self._say(f"edits the ConfigMap {key}: {change}")
            self._world.config_maps.edit(key, change)

    def _delete_map(self) -> None:
        key = self._map()
        if key is not None:
            self._say(f"deletes the ConfigMap {key}")
            self._world.config_maps.delete(key)

    def _take_name(self) -> None:
        """Somebody else has a ConfigMap of that name."""
        key = Key(self._rng.choice(NAMESPACES), f"{self._rng.choice(('x', 'y'))}-connection")
        if self._world.config_maps.create(key, {"THEIRS": "yes"}):
            self._say(f"makes a ConfigMap {key}")

    def _seen(self, _kind: str, body: Body) -> None:
        """Another controller lets go of what is deleted."""
        metadata = body["metadata"]
        if metadata.get("deletionTimestamp") and any(map(_foreign, metadata.get("finalizers") or ())):
            self._world.later(self._rng.uniform(0.01, 30.0), self._let_go, key_of(body), metadata["uid"])

    def _let_go(self, key: Key, uid: str) -> None:
        there = self._world.kube.objects.get(key)
        if there is not None and there["metadata"]["uid"] == uid:
            left = [name for name in there["metadata"].get("finalizers") or () if not _foreign(name)]
            self._world.kube.edit(key, {"metadata": {"finalizers": left}})

    def _collect(self) -> None:
        """The garbage collector takes ConfigMaps away whose owner is not there any more."""
        living = {body["metadata"]["uid"] for body in self._world.kube.objects.values()}
        for key, each in list(self._world.config_maps.objects.items()):
            owners_of = {owner["uid"] for owner in each["metadata"].get("ownerReferences", ())}
            if owners_of and not owners_of & living:
                self._world.config_maps.delete(key)
        self._world.later(COLLECTED, self._collect)

    def _unlabel(self) -> None:
        """Somebody removes the label of a Secret, and puts it back."""
        keys = list(self._world.secrets.objects)
        if keys:
            key = self._rng.choice(keys)
            self._say(f"removes the label of the Secret {key}")
            self._deeds.tokens += 1
            self._world.secrets.edit(key, {"metadata": {"labels": {LABEL: "no"}}})
            self._world.later(self._rng.uniform(1.0, 120.0), self._label, key)

    def _label(self, key: Key) -> None:
        if key in self._world.secrets.objects:
            self._world.secrets.edit(key, {"metadata": {"labels": {LABEL: "true"}}})


def _foreign(finalizer: str) -> bool:
    return finalizer.startswith(FOREIGN)
