"""Secrets are listed where that is allowed; where a namespace has lost its Role they are read by their names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from tokenfactory_operator.credentials.choice import Credentials
from tokenfactory_operator.credentials.secret_values import SecretValues
from tokenfactory_operator.domain.errors import CredentialsError, KubeError
from tokenfactory_operator.kube.errors import ApiServerError, NoAnswer
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.process.secret_lists import SecretLists
from tokenfactory_operator.state.cache import ObjectCache
from unit.support.builders import NAMESPACE, an_object, labelled_secret
from unit.support.secrets import StoredSecrets, metadata_of

FORBIDDEN = ApiServerError("forbidden", status=403)
KEY = Key(NAMESPACE, "key")
LISTED = Key(NAMESPACE, "listed")


class Api(StoredSecrets):
    """Secrets of one namespace, some of which may not be read."""

    def __init__(self) -> None:
        super().__init__()
        self.list_fails: KubeError | None = None
        self.forbidden: set[Key] = set()
        self.asked: list[Key] = []
        self.get_fails: KubeError | None = None

    async def list_all(self, namespaces: Sequence[str] | None = None) -> tuple[list[JsonObject], str]:
        """Metadata alone, as of the newest version."""
        assert namespaces is None or len(namespaces) == 1
        if self.list_fails is not None:
            raise self.list_fails
        return [metadata_of(body) for body in self.stored.values()], "9000"

    async def get(self, key: Key) -> JsonObject | None:
        """See `ports.Secrets`."""
        self.asked.append(key)
        if self.get_fails is not None:
            raise self.get_fails
        if key in self.forbidden:
            raise FORBIDDEN
        return await super().get(key)


class Rights:
    """Which namespaces are served, and of which the Secrets may be listed."""

    def __init__(self, watched: tuple[str, ...] | None = (NAMESPACE,)) -> None:
        self._watched = watched
        self.without: set[str] = set()

    def listable(self) -> tuple[str, ...] | None:
        """As the supervisor."""
        return self._watched

    def listable_secrets(self) -> tuple[str, ...] | None:
        """As the supervisor."""
        return None if self._watched is None else tuple(name for name in self._watched if name not in self.without)

    def no_secrets(self, namespace: str) -> None:
        """As the supervisor."""
        self.without.add(namespace)


class Parts:
    """Lists, and what they fill."""

    def __init__(self, *, names: Collection[str] = (), watched: tuple[str, ...] | None = (NAMESPACE,)) -> None:
        self.kube, self.rights, self.reported = Api(), Rights(watched), list[Key]()
        self.values = SecretValues(ObjectCache(), ObjectCache(), kube=self.kube)
        self.lists = SecretLists(self.kube, self.rights, self.values, names=names, changed=self.reported.append)

    def stored(self, *names: str) -> None:
        """Secrets on the API server."""
        for name in names:
            self.kube.store(labelled_secret(name, token="token-0000000"))


def user(name: str) -> JsonObject:
    """An object with that Secret."""
    body: Mapping[str, Any] = an_object(spec={"credentials": {"secretRef": {"name": name}}})
    return body


def said(parts: Parts, name: str) -> str:
    """What an object with that Secret is told."""
    with pytest.raises(CredentialsError) as caught:
        Credentials(parts.values, own=lambda: SecretStr("own-0000000"), project_id=None).of(user(name))
    return caught.value.message


@pytest.mark.parametrize("watched", [pytest.param((NAMESPACE,), id="one"), pytest.param(None, id="all")])
async def test_what_may_be_listed_is_listed(watched: tuple[str, ...] | None) -> None:
    """No Secret is asked for by its name; each that is news is told."""
    parts = Parts(names=("listed",), watched=watched)
    parts.stored("key", "listed")
    await parts.lists.list_all()
    await parts.lists.read_named([user("key")])
    assert set(parts.values.secrets) == {KEY, LISTED} == set(parts.reported)
    assert parts.kube.asked == []


async def test_a_namespace_that_has_lost_its_role() -> None:
    """A refused LIST is no failure there: the Secrets that objects and settings name are read one by one."""
    parts = Parts(names=("listed",))
    parts.stored("key", "listed", "nobodys")
    parts.kube.list_fails = FORBIDDEN
    await parts.lists.list_all()
    assert parts.rights.without == {NAMESPACE}
    await parts.lists.read_named([user("key"), an_object()])
    assert set(parts.values.secrets) == {KEY, LISTED} == set(parts.reported)
    await parts.lists.read_named([user("key")])
    assert len(parts.reported) == 2, "nothing is news"


@pytest.mark.parametrize(
    ("watched", "error"),
    [
        pytest.param(None, FORBIDDEN, id="all namespaces"),
        pytest.param((NAMESPACE,), NoAnswer("cut"), id="no answer"),
        pytest.param((NAMESPACE,), ApiServerError("gone", status=410), id="another answer"),
    ],
)
async def test_another_failure_is_the_callers(watched: tuple[str, ...] | None, error: KubeError) -> None:
    """It says nothing about one namespace's rights."""
    parts = Parts(watched=watched)
    parts.kube.list_fails = error
    with pytest.raises(KubeError):
        await parts.lists.list_all()


async def test_a_secret_that_may_not_be_read_is_not_called_missing() -> None:
    """Its objects are told which right is missing, and are told again when it comes."""
    parts = Parts()
    parts.stored("key")
    parts.rights.without = {NAMESPACE}
    parts.kube.forbidden = {KEY}
    for _ in range(2):
        await parts.lists.read_named([user("key")])
    assert parts.reported == [KEY]
    assert "may not read the Secret key" in said(parts, "key")
    parts.kube.forbidden.clear()
    await parts.lists.read_named([user("key")])
    assert parts.reported == [KEY, KEY]
    assert "has not been read yet" in said(parts, "key")


async def test_a_secret_that_is_gone_is_called_missing() -> None:
    """What was known of it goes, and its objects are told."""
    parts = Parts()
    parts.stored("key")
    await parts.lists.list_all()
    parts.rights.without = {NAMESPACE}
    parts.kube.stored.clear()
    await parts.lists.read_named([])
    assert parts.reported == [KEY, KEY]
    assert "There is no Secret key" in said(parts, "key")


async def test_no_answer_changes_nothing() -> None:
    """What was known serves on."""
    parts = Parts()
    parts.stored("key")
    await parts.lists.list_all()
    parts.rights.without = {NAMESPACE}
    parts.kube.get_fails = NoAnswer("cut")
    await parts.lists.read_named([user("key")])
    assert set(parts.values.secrets) == {KEY}
    assert parts.values.forbidden == set()


async def test_a_refusal_is_forgotten_with_its_namespace() -> None:
    """Nothing is kept of namespaces that are gone, or that may be listed again."""
    parts = Parts()
    parts.rights.without = {NAMESPACE}
    parts.kube.forbidden = {KEY}
    await parts.lists.read_named([user("key")])
    parts.rights.without = set()
    await parts.lists.read_named([user("key")])
    assert parts.values.forbidden == set()
