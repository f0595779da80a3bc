"""Of each Secret that objects name, the named keys are read: when they are needed, and again when it has changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from tokenfactory_operator.credentials.secret_values import READERS, SecretValues
from tokenfactory_operator.domain.errors import CredentialsError, KubeError
from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache, key_of
from unit.support.builders import NAMESPACE, an_object, labelled_secret
from unit.support.secrets import StoredSecrets, metadata_of

SECRET = Key(NAMESPACE, "key")


class Parts:
    """A Secret as the watch has shown it, and an object that names it."""

    def __init__(self) -> None:
        self.kube, self.objects, self.changes = StoredSecrets(), ObjectCache(), list[Key]()
        self.values = SecretValues(ObjectCache(), self.objects, kube=self.kube, changed=self.changes.append)

    def secret(self, *, version: int = 1, name: str = SECRET.name, **data: str) -> None:
        """A write by its owner, and the watch's word of it."""
        values = {key: SecretStr(value) for key, value in data.items()}
        stored = self.kube.store({**labelled_secret(name, version=version), "data": values})
        self.values.secrets.put(metadata_of(stored))

    def user(self, name: str = "llm", *, secret: str = SECRET.name, **reference: str) -> dict[str, Any]:
        """An object with this Secret."""
        named = {"credentials": {"secretRef": {"name": secret, **reference}}}
        body: dict[str, Any] = an_object(name=name, uid=f"uid-of-{name}", spec=named)
        self.objects.put(body)
        return body

    def value(self, name: str = "token") -> str | None:
        """What is known."""
        found = self.values.value(SECRET, name)
        return found.get_secret_value() if found is not None else None


async def test_only_what_is_named_is_read_and_once() -> None:
    """All objects of a Secret together take one request; a key that nobody names is never seen."""
    parts = Parts()
    parts.secret(token="one", spare="two", unused="three")
    users = [parts.user("a"), parts.user("b"), parts.user("c", key="spare"), parts.user("d", key="none")]
    assert [await parts.values.read(user) for user in users] == [True, False, False, False]
    assert parts.kube.reads == [("none", "spare", "token")]
    assert (parts.value(), parts.value("spare"), parts.value("none")) == ("one", "two", None)
    with pytest.raises(CredentialsError, match="has not been read yet"):
        parts.value("unused")
    assert parts.changes == [SECRET]


async def test_nothing_is_read_for_an_object_without_a_secret() -> None:
    """The operator's own credential, and a Secret that is not there."""
    parts = Parts()
    assert not await parts.values.read(an_object())
    assert not await parts.values.read(parts.user())
    assert parts.kube.reads == []


@pytest.mark.parametrize(
    ("token", "changed"),
    [pytest.param("two", True, id="another value"), pytest.param("one", False, id="other metadata only")],
)
async def test_a_new_version_is_read_again(token: str, changed: bool) -> None:  # noqa: FBT001 - a table's column
    """Until it is, the value before serves; only another value sends the object elsewhere."""
    parts = Parts()
    parts.secret(token="one")
    user = parts.user()
    await parts.values.read(user)
    parts.secret(version=5, token=token)
    assert parts.value() == "one"
    assert await parts.values.read(user) is changed
    assert parts.value() == token
    assert len(parts.kube.reads) == 2
    assert len(parts.changes) == 1 + changed


async def test_what_no_object_needs_any_more_is_forgotten() -> None:
    """By the next listing: of an object that came and went without a pass nobody says that it left."""
    parts = Parts()
    parts.secret(token="one")
    user = parts.user()
    await parts.values.read_all([user])
    await parts.values.read_all([user])
    assert parts.value() == "one"
    parts.objects.remove(key_of(user), user["metadata"]["uid"])
    await parts.values.read_all([])
    with pytest.raises(CredentialsError):
        parts.value()


async def test_a_key_that_is_named_later_is_read() -> None:
    """An edit of the object."""
    parts = Parts()
    parts.secret(token="one", spare="two")
    await parts.values.read(parts.user())
    assert await parts.values.read(parts.user("other", key="spare"))
    assert parts.value("spare") == "two"


async def test_our_own_write_is_no_reason_to_read() -> None:
    """A finalizer changes no value; a write on top of what was not read does not hide the change before it."""
    parts = Parts()
    parts.secret(token="one")
    user = parts.user()
    await parts.values.read(user)
    for known in (True, False):
        if not known:
            parts.secret(version=9, token="two")
        before = metadata_of(parts.kube.stored[SECRET])
        written = await parts.kube.set_finalizers(
            SECRET, ("x",), resource_version=before["metadata"]["resourceVersion"]
        )
        parts.values.wrote(before, written)
        parts.values.secrets.put(written)
        assert await parts.values.read(user) is not known
    assert parts.value() == "two"


async def test_a_failed_read_is_raised_until_there_is_a_value() -> None:
    """An object without credentials waits; one that has some goes on with them, and reads again the next time."""
    parts = Parts()
    parts.secret(token="one")
    user = parts.user()
    parts.kube.failure = KubeError("no answer")
    with pytest.raises(KubeError):
        await parts.values.read(user)
    parts.kube.failure = None
    await parts.values.read(user)
    parts.secret(version=5, token="two")
    parts.kube.failure = KubeError("no answer")
    assert not await parts.values.read(user)
    assert parts.value() == "one"
    parts.kube.failure = None
    assert await parts.values.read(user)


async def test_a_secret_that_has_gone_meanwhile() -> None:
    """The watch is late: it counts as gone."""
    parts = Parts()
    parts.secret(token="one")
    user = parts.user()
    parts.kube.stored.clear()
    assert await parts.values.read(user)
    assert parts.values.secrets.get(SECRET) is None
    assert not await parts.values.read(user)


async def test_one_made_anew_is_another() -> None:
    """A value of the Secret that was deleted does not serve for its successor."""
    parts = Parts()
    parts.secret(token="one")
    user = parts.user()
    await parts.values.read(user)
    anew = labelled_secret("key", version=7, token="two")
    anew["metadata"]["uid"] = "another"
    parts.values.secrets.put(metadata_of(parts.kube.store(anew)))
    assert await parts.values.read(user)
    assert parts.value() == "two"


async def test_what_nobody_needs_is_forgotten() -> None:
    """With the last object."""
    parts = Parts()
    parts.secret(token="one")
    users = [parts.user("a"), parts.user("b")]
    await parts.values.read_all(users)
    for name in ("a", "b"):
        assert parts.value() == "one"
        parts.objects.remove(Key(NAMESPACE, name), f"uid-of-{name}")
        parts.values.forget_unused(SECRET)
    with pytest.raises(CredentialsError, match="has not been read yet"):
        parts.value()


async def test_all_are_read_a_few_at_a_time() -> None:
    """One that fails is no obstacle for the others."""
    parts = Parts()
    under_way, most = 0, 0
    users = []
    for number in range(3 * READERS):
        parts.secret(name=f"key-{number}", token="x")
        users.append(parts.user(f"llm-{number}", secret=f"key-{number}"))
    read = parts.kube.read

    async def slow(key: Key, names: Any) -> Any:  # noqa: ANN401  # as the port
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        if key.name == "key-0":
            raise KubeError("no answer")
        return await read(key, names)

    parts.kube.read = slow  # type: ignore[method-assign]
    await parts.values.read_all(users)
    assert most == READERS
    assert len(parts.kube.reads) == 3 * READERS - 1
