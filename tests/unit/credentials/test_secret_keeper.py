"""A Secret stays as long as somebody's endpoint can only be deleted with it, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.credentials.secret_keeper import NOT_COVERED_EVENT, SecretKeeper
from tokenfactory_operator.credentials.secret_values import SecretValues
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, LeaseLost
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.state.cache import ObjectCache
from unit.support.builders import NAMESPACE, an_object, labelled_secret
from unit.support.fakes import Switch, Witness
from unit.support.secrets import StoredSecrets
from unit.support.waiting import until

SECRET = Key(NAMESPACE, "key")
IN_USE = api.IN_USE


class Parts:
    """A keeper between its two caches and the API server."""

    def __init__(self, *, lease: Switch | None = None) -> None:
        self.kube, self.objects, self.witness = StoredSecrets(), ObjectCache(), Witness()
        self.values = SecretValues(ObjectCache(), self.objects, kube=self.kube)
        self.secrets = self.values.secrets
        self.elsewhere: list[JsonObject] = []
        self.outlives: bool | KubeError = True
        self.asked = 0
        self.keeper = SecretKeeper(
            self.values,
            self.objects,
            kube=self.kube,
            objects_in=self.objects_in,
            recorder=self.witness,
            lease=lease or Switch(),
            outlives_role=self.outlives_role,
        )

    async def outlives_role(self, name: str) -> bool:
        """What the API server says of the rights on a Secret of this name."""
        assert name == SECRET.name
        self.asked += 1
        if isinstance(self.outlives, KubeError):
            raise self.outlives
        return self.outlives

    async def objects_in(self, namespace: str) -> list[JsonObject]:
        """What a LIST without a selector shows."""
        assert namespace == NAMESPACE
        return self.elsewhere

    def secret(self, *, terminating: bool = False, finalizers: tuple[str, ...] = ()) -> None:
        """A Secret, seen by the watch."""
        self.secrets.put(
            self.kube.store(
                labelled_secret("key", terminating=terminating, finalizers=finalizers, token="token-0000000")
            )
        )

    def user(self, name: str = "llm", *, held: bool = True, named: str = "key") -> JsonObject:
        """An object with this Secret, seen by the watch."""
        body: dict[str, Any] = an_object(
            name=name, uid=f"uid-of-{name}", spec={"credentials": {"secretRef": {"name": named}}}
        )
        body["metadata"]["finalizers"] = [api.FINALIZER] if held else []
        self.objects.put(body)
        return body

    def label_removed(self) -> None:
        """The watch of labelled Secrets takes it away."""
        body = self.kube.stored[SECRET]
        body["metadata"]["labels"] = {}
        seen = self.kube.store(body)
        self.secrets.remove(SECRET, seen["metadata"]["uid"], int(seen["metadata"]["resourceVersion"]))
        self.keeper.unlabelled(seen)

    async def settle(self) -> None:
        """Let the keeper look once."""
        task = asyncio.create_task(self.keeper.run())
        await asyncio.sleep(0)  # it looks at all at first
        await until(lambda: task.done() or not (len(self.keeper.queue) or self.keeper.queue.stats().processing))
        self.keeper.queue.shut_down()
        await task

    @property
    def finalizers(self) -> list[str] | None:
        """As the API server has them; `None` when the Secret is gone."""
        body = self.kube.stored.get(SECRET)
        return body["metadata"]["finalizers"] if body else None


def nobody(parts: Parts) -> None:
    """Nobody names it."""
    parts.secret(finalizers=("other/one", IN_USE))


def held_user(parts: Parts) -> None:
    """One with an endpoint."""
    parts.secret()
    parts.user()


def removed_while_used(parts: Parts) -> None:
    """Two, and another finalizer."""
    parts.secret(finalizers=("other/one",))
    parts.user("a")
    parts.user("b", held=False)


def new_user(parts: Parts) -> None:
    """One that has nothing yet: its create holds the Secret itself."""
    parts.secret()
    parts.user(held=False)


def about_to_create(parts: Parts) -> None:
    """Held for an object whose own finalizer is not seen yet."""
    parts.secret(finalizers=(IN_USE,))
    parts.user(held=False)


def hidden_user(parts: Parts) -> None:
    """Another operator's object, outside the selector of this one."""
    parts.secret(finalizers=(IN_USE,))
    parts.elsewhere = [an_object(spec={"credentials": {"secretRef": {"name": "key"}}})]


def other_user(parts: Parts) -> None:
    """Somebody uses another Secret."""
    parts.secret(finalizers=(IN_USE,))
    parts.user(named="another")
    parts.elsewhere = [parts.user(named="another")]


def terminating_used(parts: Parts) -> None:
    """It is being deleted, and an object has an endpoint."""
    parts.secret(terminating=True, finalizers=(IN_USE,))
    parts.user("a")
    parts.user("b", held=False)


def terminating_unused(parts: Parts) -> None:
    """It is being deleted, and the last user has gone."""
    parts.secret(terminating=True, finalizers=(IN_USE,))


@pytest.mark.parametrize(
    ("arrange", "expected"),
    [
        pytest.param(nobody, ["other/one"], id="let go"),
        pytest.param(held_user, [IN_USE], id="put on"),
        pytest.param(removed_while_used, ["other/one", IN_USE], id="put back beside others"),
        pytest.param(new_user, [], id="not before it is needed"),
        pytest.param(about_to_create, [IN_USE], id="kept for a create"),
        pytest.param(hidden_user, [IN_USE], id="kept for another operator's object"),
        pytest.param(other_user, [], id="let go: they use another"),
        pytest.param(terminating_used, [IN_USE], id="kept for an endpoint"),
        pytest.param(terminating_unused, None, id="let go for good"),
    ],
)
async def test_finalizer(arrange: Callable[[Parts], None], expected: list[str] | None) -> None:
    """What the Secret carries after one look; a second look writes nothing."""
    parts = Parts()
    arrange(parts)
    await parts.settle()
    assert parts.finalizers == expected
    assert len(parts.kube.writes) <= 1


async def test_a_secret_that_must_wait_says_for_whom() -> None:
    """The Event names its users, and how many more there are."""
    parts = Parts()
    parts.secret(terminating=True, finalizers=(IN_USE,))
    for name in "dcba":
        parts.user(name)
    await parts.settle()
    assert parts.finalizers == [IN_USE]
    assert parts.witness.events == ["CredentialsInUse"]
    assert "DedicatedEndpoint a, b, c and 1 more" in parts.witness.messages[0]


@pytest.mark.parametrize(
    ("others", "patch"),
    [
        pytest.param((), '{"metadata":{"finalizers":null}}', id="only ours"),
        pytest.param(("other/one",), '{"metadata":{"finalizers":["other/one"]}}', id="another's stays"),
    ],
)
async def test_a_secret_that_must_wait_says_how_to_replace_it(others: tuple[str, ...], patch: str) -> None:
    """The Event has the command that ends the deletion, in whole."""
    parts = Parts()
    parts.secret(terminating=True, finalizers=(IN_USE, *others))
    parts.user()
    await parts.settle()
    assert f"kubectl patch secret key -n {NAMESPACE} --type=merge -p '{patch}'" in parts.witness.messages[0]
    assert len(parts.witness.messages[0]) < 1024  # what an Event may say


async def test_objects_without_an_endpoint_keep_no_secret_that_is_being_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It goes once none can come into use any more by what was decided before its deletion was seen."""
    parts = Parts()
    parts.secret(terminating=True, finalizers=(IN_USE,))
    body = parts.user(held=False)
    parts.elsewhere = [body]
    assert await parts.keeper.hold(body), "nothing new is begun with it"
    await parts.settle()
    assert parts.finalizers == [IN_USE]
    monkeypatch.setattr("tokenfactory_operator.credentials.secret_keeper.LAST_USE", 0.0)
    again = Parts()
    again.secret(terminating=True, finalizers=(IN_USE,))
    again.elsewhere = [again.user(held=False)]
    await again.settle()
    assert again.finalizers is None
    assert again.witness.events == []


async def test_an_object_that_came_into_use_at_the_last_moment_keeps_its_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The API server has its finalizer, the watch has not brought it yet."""
    monkeypatch.setattr("tokenfactory_operator.credentials.secret_keeper.LAST_USE", 0.0)
    parts = Parts()
    parts.secret(terminating=True, finalizers=(IN_USE,))
    parts.user(held=False)
    bound = an_object(name="llm", uid="uid-of-llm", spec={"credentials": {"secretRef": {"name": "key"}}})
    parts.elsewhere = [{**bound, "metadata": {**bound["metadata"], "finalizers": [api.FINALIZER]}}]
    await parts.settle()
    assert parts.finalizers == [IN_USE]


@pytest.mark.parametrize(
    ("arrange", "expected"),
    [
        pytest.param(nobody, ["other/one"], id="let go"),
        pytest.param(about_to_create, [IN_USE], id="kept: the label may come back"),
        pytest.param(hidden_user, [IN_USE], id="kept for another operator's object"),
        pytest.param(terminating_unused, None, id="let go for good"),
    ],
)
async def test_a_secret_that_loses_its_label(arrange: Callable[[Parts], None], expected: list[str] | None) -> None:
    """It does not wait for ever for an operator that does not see it any more."""
    parts = Parts()
    arrange(parts)
    parts.label_removed()
    await parts.settle()
    assert parts.finalizers == expected
    assert parts.secrets.get(SECRET) is None


async def test_a_secret_that_loses_its_label_goes_with_its_last_user() -> None:
    """Whoever leaves it has it looked at."""
    parts = Parts()
    parts.secret(finalizers=(IN_USE,))
    body = parts.user()
    parts.label_removed()
    parts.objects.remove(Key(NAMESPACE, "llm"), "uid-of-llm")
    parts.keeper.left(body)
    await parts.settle()
    assert parts.finalizers == []


async def test_hold_writes_once() -> None:
    """The first create of a Secret's object writes; everything is decided anew after it. The next one need not."""
    parts = Parts()
    parts.secret()
    body = parts.user(held=False)
    assert await parts.keeper.hold(body)
    assert parts.finalizers == [IN_USE]
    assert not await parts.keeper.hold(body)
    assert parts.kube.writes == [(IN_USE,)]


async def test_hold_needs_no_secret_for_the_operators_own() -> None:
    """An object without credentials, or whose Secret is not there, holds nothing."""
    parts = Parts()
    assert not await parts.keeper.hold(an_object())
    assert not await parts.keeper.hold(parts.user())
    assert parts.kube.writes == []


async def test_hold_after_somebody_elses_write() -> None:
    """A conflict is read again, and held on the next try."""
    parts = Parts()
    parts.secret()
    body = parts.user(held=False)
    parts.kube.store(parts.kube.stored[SECRET])
    with pytest.raises(KubeConflict):
        await parts.keeper.hold(body)
    assert parts.finalizers == []
    assert await parts.keeper.hold(body)
    assert parts.finalizers == [IN_USE]


async def test_hold_where_a_webhook_removes_the_finalizer() -> None:
    """The write is accepted and changes nothing: that is said on the object, and tried again after growing pauses."""
    parts = Parts()
    parts.kube.removed = frozenset({IN_USE})
    parts.secret()
    body = parts.user()
    for _ in range(2):
        with pytest.raises(KubeError, match="did not store it"):
            await parts.keeper.hold(body)
    assert parts.witness.events == ["WriteNotStored"] * 2
    await parts.settle()
    assert parts.keeper.queue.failures(SECRET) == 1


@pytest.mark.rule("D43")
@pytest.mark.parametrize("arrange", [nobody, terminating_unused])
@pytest.mark.parametrize("labelled", [True, False])
async def test_a_webhook_puts_the_finalizer_back(arrange: Callable[[Parts], None], *, labelled: bool) -> None:
    """That is said on the Secret, and its removal is tried again after growing pauses, also without its label."""
    parts = Parts()
    arrange(parts)
    parts.kube.put_back = frozenset({IN_USE})
    if not labelled:
        parts.label_removed()
    task = asyncio.create_task(parts.keeper.run())
    await until(lambda: parts.keeper.queue.failures(SECRET) == 1)
    assert IN_USE in (parts.finalizers or [])
    assert parts.witness.events == ["WriteNotStored"]
    parts.kube.put_back = frozenset()
    await until(lambda: IN_USE not in (parts.finalizers or []))
    parts.keeper.queue.shut_down()
    await task


async def test_a_webhook_that_answers_each_write_with_a_conflict() -> None:
    """The Secret is not written again at once, without end: the pauses grow, as for an object."""
    parts = Parts(lease=Switch(left=100))
    parts.kube.refuses = True
    parts.secret()
    body = parts.user()
    await parts.settle()
    assert (len(parts.kube.writes), parts.keeper.queue.failures(SECRET)) == (1, 1)
    with pytest.raises(KubeConflict):
        await parts.keeper.hold(body)


async def test_hold_of_a_secret_that_has_just_gone() -> None:
    """It is forgotten, so that the object is told."""
    parts = Parts()
    parts.secret()
    body = parts.user(held=False)
    parts.kube.stored.clear()
    assert await parts.keeper.hold(body)
    assert parts.secrets.get(SECRET) is None


async def test_nothing_is_written_without_the_lease() -> None:
    """A process that does not lead leaves Secrets alone."""
    parts = Parts(lease=Switch(left=0))
    parts.secret()
    with pytest.raises(LeaseLost):
        await parts.keeper.hold(parts.user())
    assert parts.kube.writes == []


async def test_a_name_that_would_keep_its_namespace_is_told_at_its_first_use() -> None:
    """On the object and on the Secret, once, with the value of the chart that helps."""
    parts = Parts()
    parts.outlives = False
    parts.secret()
    body = parts.user(held=False)
    assert await parts.keeper.hold(body)
    assert not await parts.keeper.hold(body)
    assert parts.witness.events == [NOT_COVERED_EVENT, NOT_COVERED_EVENT]
    assert "rbac.secretNames" in parts.witness.messages[0]
    assert parts.asked == 1


async def test_a_name_that_would_keep_its_namespace_is_told_by_the_next_process_too() -> None:
    """It finds the Secret in use; one look tells it, further ones do not."""
    parts = Parts()
    parts.outlives = False
    parts.secret(finalizers=(IN_USE,))
    parts.user()
    await parts.settle()
    assert parts.witness.events == [NOT_COVERED_EVENT, NOT_COVERED_EVENT]


@pytest.mark.parametrize(
    "answer", [pytest.param(True, id="allowed"), pytest.param(KubeError("no answer"), id="not known")]
)
async def test_no_word_where_the_namespace_can_end(answer: bool | KubeError) -> None:  # noqa: FBT001 - what is answered
    """Nor where the API server did not say: it is asked again with the next use."""
    parts = Parts()
    parts.outlives = answer
    parts.secret()
    assert await parts.keeper.hold(parts.user(held=False))
    await parts.settle()
    assert parts.finalizers == [IN_USE]
    assert parts.witness.events == []
    assert parts.asked == (1 if answer is True else 2)


@pytest.mark.rule("W11")
async def test_a_standby_keeps_nothing_of_secrets_that_come_and_go() -> None:
    """It may follow for months; when it leads it looks at those that there are."""
    parts = Parts()
    for number in range(100):
        parts.keeper.look(Key(NAMESPACE, f"key-{number}"))
    parts.keeper.look_at_all()
    assert len(parts.keeper.queue) == 0
    parts.secret(finalizers=(IN_USE,))
    task = asyncio.create_task(parts.keeper.run())
    await until(lambda: parts.finalizers == [])
    parts.keeper.queue.shut_down()
    await task


async def test_a_pass_of_an_object_with_an_endpoint_keeps_its_secret() -> None:
    """Its Secret was read before, for an object without an endpoint: nothing else has it looked at soon."""
    parts = Parts()
    parts.secret()
    await parts.keeper.read(parts.user("idle", held=False))
    at_work = asyncio.create_task(parts.keeper.run())
    moved = parts.user("llm")
    await until(lambda: bool(parts.keeper.queue.stats().adds_total) and not len(parts.keeper.queue))
    parts.kube.store(
        {**parts.kube.stored[SECRET], "metadata": parts.kube.stored[SECRET]["metadata"] | {"finalizers": []}}
    )
    parts.secrets.put(parts.kube.stored[SECRET])
    assert parts.finalizers == []
    await parts.keeper.read(moved)
    await until(lambda: parts.finalizers == [IN_USE], within=2.0)
    await parts.keeper.read(moved)
    assert len(parts.keeper.queue) == 0
    parts.keeper.queue.shut_down()
    await at_work
