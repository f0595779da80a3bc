"""Tenants with credentials of their own: their Secrets, the tokens in them, and what people do to both.

Some seeds have them. There are three projects then: the operator's own, a tenant's, and a third one that gets used by
mistake. An endpoint lives in one of them, whatever credential its object has later.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from model.apiserver import Body
from model.chance import Chance
from model.ports import OWN, Grant
from model.secrets import TOKEN
from model.verdict import Deeds
from model.world import World
from tokenfactory_operator.ports import Key

TENANT: Final = "tenant"
THIRD: Final = "third"
SECRETS: Final[Mapping[str, str]] = {"key": TENANT, "third-key": THIRD}
"""Names of the Secrets in each namespace, and the project that each is for."""
NAMESPACES: Final = ("a", "b")
IN_USE: Final = "tokenfactory.nebius.com/in-use"
ACTS: Final = ("secret.rotate", "secret.wrong", "secret.delete", "secret.revoke", "user.credentials")


def credentials(name: str, project: str = "") -> dict[str, Any]:
    """`spec.credentials` with this Secret; `project`: named beside it."""
    return {"secretRef": {"name": name}, "projectId": project or None}


class Tenants:
    """The Secrets of both namespaces; each of the acts happens to one that it picks."""

    def __init__(self, world: World, deeds: Deeds, chance: Chance, rng: random.Random) -> None:
        self._world = world
        self._deeds = deeds
        self._chance = chance
        self._rng = rng
        self._tokens = 0
        self._namespace = rng.choice(NAMESPACES)
        """Whose objects have credentials of their own from the beginning."""
        self._named = rng.random() < 0.3
        """Whether objects name their project beside the Secret."""
        self._acts: Final[Mapping[str, Callable[[], None]]] = {
            "secret.rotate": self._rotate,
            "secret.wrong": self._mistake,
            "secret.delete": self._delete,
            "secret.revoke": self._revoke,
            "user.credentials": self._change,
        }
        for namespace in NAMESPACES:
            for name, project in SECRETS.items():
                world.secrets.create(Key(namespace, name), {TOKEN: self._token(project)})

    def of_new(self, key: Key) -> dict[str, Any]:
        """What a new object's spec says of its credentials: those of one namespace have their own."""
        return {"credentials": self._credentials("key")} if key.namespace == self._namespace else {}

    def act(self, kind: str) -> None:
        """Let it happen, unless it was left out."""
        if self._chance.happens(kind):
            self._acts[kind]()

    def _credentials(self, name: str) -> dict[str, Any]:
        return credentials(name, SECRETS[name] if self._named else "")

    def _token(self, project: str) -> str:
        """A new token of this project."""
        self._tokens += 1
        token = f"token-{self._tokens}-of-{project}"
        self._world.around.grants[token] = Grant(project)
        return token

    def _say(self, what: str) -> None:
        self._deeds.tokens += 1
        self._world.trace.say("tenant", what)

    def _secret(self) -> Key:
        """One that objects need, if there is one."""
        secrets = [Key(namespace, "key") for namespace in NAMESPACES]
        return self._rng.choice([secret for secret in secrets if self._users(secret)] or secrets)

    def _put(self, secret: Key, token: str) -> None:
        if secret in self._world.secrets.objects:
            self._world.secrets.edit(secret, {"spec": {TOKEN: token}})
        else:
            self._world.secrets.create(secret, {TOKEN: token})

    # What people do

    def _rotate(self) -> None:
        """Another token of the same project; the one before is revoked, at once or after a while."""
        secret = self._secret()
        before = self._value(secret)
        self._put(secret, self._token(TENANT))
        self._say(f"rotates the token of {secret}")
        if before and self._world.around.grants[before].project == TENANT:
            self._world.later(self._rng.choice((0.0, 5.0, 300.0)), self._end, before)

    def _end(self, token: str) -> None:
        self._world.around.grants[token].revoked = True

    def _mistake(self) -> None:
        """For a while the Secret has a token of another project."""
        secret = self._secret()
        if not self._placed(self._users(secret)):
            return
        self._put(secret, self._token(THIRD))
        self._say(f"puts a token of another project into {secret}")
        self._world.later(self._rng.uniform(10.0, 900.0), self._right, secret)

    def _right(self, secret: Key) -> None:
        """With the project named beside it, nothing can have been made with the wrong token."""
        if self._named or self._placed(self._users(secret)):
            self._put(secret, self._token(TENANT))
            self._say(f"puts the right token into {secret}")
        else:
            self._world.later(5.0, self._right, secret)

    def _delete(self) -> None:
        """The Secret is deleted and made again: where it waits for its users, a person ends its deletion before."""
        secret = self._secret()
        if secret in self._world.secrets.objects:
            self._say(f"deletes the Secret {secret}")
            self._world.secrets.delete(secret)
            self._world.later(self._rng.choice((0.5, 30.0, 300.0)), self._made_again, secret)

    def _made_again(self, secret: Key) -> None:
        if secret in self._world.secrets.objects:
            if not self._world.secrets.objects[secret]["metadata"].get("deletionTimestamp"):
                return
            self._world.secrets.edit(secret, {"metadata": {"finalizers": None}})
        self._say(f"makes the Secret {secret} again")
        self._put(secret, self._token(TENANT))

    def _revoke(self) -> None:
        """The token is not accepted for a while."""
        token = self._value(self._secret())
        if token:
            self._say(f"has {token} refused for a while")
            self._world.around.grants[token].refused = True
            self._world.later(self._rng.uniform(5.0, 300.0), self._accepted, token)

    def _accepted(self, token: str) -> None:
        self._world.around.grants[token].refused = False

    def _change(self) -> None:
        """An object gets other credentials."""
        keys = list(self._world.kube.objects)
        key = self._rng.choice(keys) if keys else None
        if key is not None and self._placed([self._world.kube.objects[key]]):
            name = self._rng.choice(("", *SECRETS))
            self._say(f"gives {key} the credentials {name or 'of the operator'}")
            self._world.kube.edit(key, {"spec": {"credentials": self._credentials(name) if name else None}})

    # What is so

    def _value(self, secret: Key) -> str:
        body = self._world.secrets.objects.get(secret)
        return str(body["spec"][TOKEN]) if body is not None else ""

    def _users(self, secret: Key) -> list[Body]:
        return [body for key, body in self._world.kube.objects.items() if _secret_of(key, body) == secret]

    def _placed(self, bodies: list[Body]) -> bool:
        """Whether each that has, or may have, an endpoint says where: else nobody can tell in another project.

        Nor can anybody where an endpoint comes so late that its object does not wait for it any more.
        """
        return all(
            body["metadata"]["uid"] not in self._world.vendor.belated
            and (body["status"].get("scope") or not self._may_have_endpoint(body["metadata"]))
            for body in bodies
        )

    def _may_have_endpoint(self, metadata: Body) -> bool:
        """It is held, or was before etcd went back."""
        return bool(metadata.get("finalizers") or self._world.vendor.asked[metadata["uid"]])

    def reaches(self, body: Body) -> bool:
        """Whether the object's credential shows all of its endpoints, and those that may still come to be.

        Each that it has had must: a process may see late which one it is now.
        """
        uid, grants = body["metadata"]["uid"], self._world.around.grants
        had = {grants[token].project if token else OWN for token in self._world.checks.tokens(uid)}
        return self._shows_all(body) and had | self._world.vendor.asked[uid] <= {self._project(body)}

    def _shows_all(self, body: Body) -> bool:
        project = self._project(body)
        return project is not None and all(
            each.project == project for each in self._world.vendor.of(body["metadata"]["uid"])
        )

    def _project(self, body: Body) -> str | None:
        """That of the object's present credential; `None` where its Secret is not there."""
        secret = _secret_of(Key(body["metadata"]["namespace"], body["metadata"]["name"]), body)
        if secret is None:
            return OWN
        token = self._value(secret)
        return self._world.around.grants[token].project if token else None

    # What a person can put right

    def mend(self) -> None:
        """Give each Secret a token of its project, and each object the credentials of the project of its endpoint."""
        for secret in list(self._world.secrets.objects):
            if self._world.around.grants[self._value(secret)].project != SECRETS[secret.name]:
                self._put(secret, self._token(SECRETS[secret.name]))
                self._say(f"puts the right token into {secret}")
        for key, body in list(self._world.kube.objects.items()):
            endpoints = self._world.vendor.of(body["metadata"]["uid"])
            if not endpoints or self._shows_all(body):
                continue
            wanted = [each for each in endpoints if each.id == body["status"].get("endpointId")] or endpoints
            name = next((name for name, project in SECRETS.items() if project == wanted[0].project), "")
            self._say(f"gives {key} the credentials {name or 'of the operator'} back")
            self._world.kube.edit(key, {"spec": {"credentials": self._credentials(name) if name else None}})


def _secret_of(key: Key, body: Body) -> Key | None:
    given = body["spec"].get("credentials") or {}
    return Key(key.namespace, given["secretRef"]["name"]) if given else None
