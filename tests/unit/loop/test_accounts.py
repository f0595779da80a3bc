"""Each credential has connections, an inventory and workers of its own, from its first object to its last."""

from __future__ import annotations

import asyncio

import pytest

from tokenfactory_operator.domain.errors import CloudError, CredentialsError, LeaseLost
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.ports import Key
from tokenfactory_operator.work.workqueue import Urgency
from unit.support.accounts import ONE, OWN, TWO, ACloud, World, world
from unit.support.builders import FOREIGN, NAMESPACE, an_endpoint, an_object, labelled_secret, mark
from unit.support.secrets import read_through
from unit.support.waiting import until


@pytest.mark.rule("W11")
async def test_a_standby_calls_nobody_and_forgets_nothing() -> None:
    """Before the start no cloud is listed and nothing is worked on; then every object is looked at."""
    made = World()
    made.object("a")
    made.accounts.queue_of(Key(NAMESPACE, "a")).add(Key(NAMESPACE, "a"), Urgency.EDIT)
    inventory = made.poller("a").inventory
    await asyncio.sleep(0.05)
    assert (made.worked, inventory.listed_once, made.woken) == (set(), False, [])
    made.accounts.start()
    assert made.woken == [Key(NAMESPACE, "a")]
    made.accounts.queue_of(Key(NAMESPACE, "a")).add(Key(NAMESPACE, "a"), Urgency.EDIT)
    await until(lambda: made.worked == {"a"} and inventory.listed_once)
    await made.accounts.shut_down(grace=1.0)


@pytest.mark.rule("W11")
async def test_a_standby_keeps_nothing_of_what_comes_and_goes() -> None:
    """It may follow for months: objects that were deleted meanwhile need no look when it leads at last."""
    made = World()
    for number in range(100):
        body = made.object(f"o-{number}")
        key = Key(NAMESPACE, f"o-{number}")
        made.accounts.queue_of(key).add(key, Urgency.EDIT)
        made.objects.remove(key, body["metadata"]["uid"])
        made.accounts.queue_of(key).add_after(key, 1.0, Urgency.URGENT)
    stats = made.accounts.stats()
    assert (sum(stats.depth.values()), stats.delayed, made.accounts.inventories()) == (0, 0, ())
    made.accounts.start()
    assert made.woken == []
    await made.accounts.shut_down(grace=1.0)


async def test_one_account_for_each_token_and_project() -> None:
    """Two Secrets with the same token are one; another token, or the operator's own, is another."""
    async with world() as w:
        for name, token in (("a", ONE), ("b", ONE), ("c", TWO)):
            w.secret(name, token)
            w.object(name, name)
        w.object("own")
        assert w.poller("a") is w.poller("b")
        assert len({id(w.poller(name)) for name in ("a", "c", "own")}) == 3
        assert w.open_tokens == {OWN, ONE, TWO}
        await until(lambda: all(w.poller(name).inventory.listed_once for name in ("a", "c")))
        assert w.accounts.queue_of(Key(NAMESPACE, "a")) is w.accounts.queue_of(Key(NAMESPACE, "b"))
        assert w.accounts.queue_of(Key(NAMESPACE, "a")) is not w.accounts.queue_of(Key(NAMESPACE, "c"))


@pytest.mark.rule("E32")
async def test_whose_credentials_they_are_or_were() -> None:
    """Each inventory knows which namespaces have had its credential, whoever had it first."""
    async with world() as w:
        w.secret("a", ONE)
        w.object("a", "a")
        w.object("own")
        w.poller("own")
        inventory = w.poller("a").inventory
        assert inventory.namespaces == {NAMESPACE}
        own = w.accounts.own()
        assert own is not None
        assert own.namespaces == {"", NAMESPACE}
        read_through(w.values, labelled_secret("b", namespace="other", token=ONE))
        spec = {"credentials": {"secretRef": {"name": "b"}}}
        body = an_object(name="b", uid="uid-of-b", spec=spec)
        w.objects.put({**body, "metadata": {**body["metadata"], "namespace": "other"}})
        w.accounts.queue_of(Key("other", "b"))
        assert inventory.namespaces == {NAMESPACE, "other"}


async def test_no_credential_no_call() -> None:
    """Such an object is told what is missing; whatever is tried for it fails before it is sent."""
    async with world() as w:
        w.object("a", "missing")
        poller = w.poller("a")
        assert poller.inventory.outage is not None
        assert poller.inventory.outage.reason is Reason.CREDENTIALS_MISSING
        assert poller.inventory.outage.blind
        assert not poller.inventory.listed_once
        with pytest.raises(CredentialsError) as caught:
            await poller.cloud.delete_endpoint("ep-1")
        assert isinstance(caught.value, CloudError)
        assert caught.value.refused
        assert w.open_tokens == {OWN}


@pytest.mark.rule("L6")
async def test_an_object_without_a_credential_still_sees_what_its_former_one_shows() -> None:
    """So the probe that may follow with the next one writes over no mark that this process has seen."""
    async with world() as w:
        w.secret("a", ONE)
        w.object("a", "a")
        cloud = w.poller("a").cloud
        assert isinstance(cloud, ACloud)
        cloud.endpoints["ep-1"] = an_endpoint("ep-1", description=FOREIGN)
        await w.poller("a").poll()
        w.object("b", "missing")
        seen = w.poller("b").inventory.last_seen("ep-1", NAMESPACE)
        assert seen is not None
        assert seen.description == FOREIGN


async def test_an_account_ends_with_its_last_object() -> None:
    """The operator's own stays; what nobody needs any more is closed."""
    async with world() as w:
        w.secret("a", ONE)
        w.object("a", "a")
        w.poller("a")
        w.accounts.sweep()
        assert w.open_tokens == {OWN, ONE}
        w.objects.remove(Key(NAMESPACE, "a"), "uid-of-a")
        w.accounts.sweep()
        await until(lambda: w.open_tokens == {OWN})


async def test_a_rotated_secret_has_a_new_account() -> None:
    """The old token is called no more; the new account knows nothing before its first LIST."""
    async with world() as w:
        w.secret("a", ONE)
        w.object("a", "a")
        before = w.poller("a")
        await before.poll()
        w.secret("a", TWO, version=2)
        after = w.poller("a")
        assert after is not before
        assert not after.inventory.listed_once
        w.accounts.sweep()
        await until(lambda: w.open_tokens == {OWN, TWO})


async def test_own_token_is_followed() -> None:
    """The file has another token: its account is opened at once and everybody is woken."""
    async with world() as w:
        w.object("own")
        first = w.accounts.own()
        w.own = TWO
        running = asyncio.create_task(w.accounts.run())
        await until(lambda: w.open_tokens == {TWO})
        running.cancel()
        assert Key(NAMESPACE, "own") in w.woken
        assert w.accounts.own() is not first


async def test_each_queue_has_workers() -> None:
    """Work for any credential, and for none, is done."""
    async with world() as w:
        w.secret("a", ONE)
        w.object("a", "a")
        w.object("b", "missing")
        w.object("own")
        for name in ("a", "b", "own", "vanished"):
            key = Key(NAMESPACE, name)
            w.accounts.queue_of(key).add(key, Urgency.EDIT)
        await until(lambda: w.worked == {"a", "b", "own", "vanished"})
        assert w.accounts.stats().adds_total == 4


@pytest.mark.rule("C35")
async def test_a_pass_of_a_closed_account_may_finish_at_the_end() -> None:
    """The Secret was rotated while a call was under way, and then the operator is stopped."""
    made = World(linger=60.0)
    made.accounts.start()
    made.secret("a", ONE)
    made.object("a", "a")
    made.may_go_on.clear()
    key = Key(NAMESPACE, "a")
    await until(lambda: made.poller("a").inventory.listed_once)  # from then on its objects have workers of their own
    made.accounts.queue_of(key).add(key, Urgency.EDIT)
    await made.begun.wait()
    made.secret("a", TWO, version=2)
    made.accounts.sweep()
    ending = asyncio.create_task(made.accounts.shut_down(grace=10.0))
    for _ in range(50):  # every other worker ends meanwhile
        await asyncio.sleep(0)
    assert not ending.done()
    made.may_go_on.set()
    assert await ending == []
    assert (made.worked, made.open_tokens) == ({"a"}, set())


async def test_the_lost_lease_ends_the_process() -> None:
    """A worker of any credential that learns of it is reported."""
    made = World()
    made.accounts.start()
    made.secret("a", ONE)
    made.object("a", "a")
    made.broken["a"] = LeaseLost("a")
    key = Key(NAMESPACE, "a")
    made.accounts.queue_of(key).add(key, Urgency.EDIT)
    async with asyncio.timeout(10):
        await made.accounts.failed()
    assert [str(error) for error in await made.accounts.shut_down(grace=1.0)] == ["a"]


@pytest.mark.looptime
async def test_a_token_is_forgotten_with_its_last_account() -> None:
    """Logs hide a rotated token as long as calls may be made with it, and not for ever."""
    async with world() as w:
        w.secret("a", ONE)
        w.object("a", "a")
        w.accounts.queue_of(Key(NAMESPACE, "a"))
        w.secret("a", TWO, version=2)
        w.accounts.sweep()
        assert w.forgotten == []
        await asyncio.sleep(1)
        assert w.forgotten == [ONE]


@pytest.mark.looptime
async def test_a_token_is_hidden_while_calls_of_another_account_end() -> None:
    """Two projects have one token. The account that was closed first forgets nothing that the second one needs."""
    made = World(linger=60.0)
    made.accounts.start()
    made.secret("a", ONE)
    made.object("a", "a")
    spec = {"credentials": {"secretRef": {"name": "a"}, "projectId": "project-2"}}
    made.objects.put(an_object(name="b", uid="uid-of-b", spec=spec))
    for name in ("a", "b"):
        made.accounts.queue_of(Key(NAMESPACE, name))
    await asyncio.sleep(1)
    for name in ("a", "b"):
        made.objects.remove(Key(NAMESPACE, name), f"uid-of-{name}")
        made.accounts.sweep()
        await asyncio.sleep(40)
    assert (made.open_tokens, made.forgotten) == ({OWN, ONE}, [])
    await asyncio.sleep(30)
    assert made.forgotten == [ONE]
    await made.accounts.shut_down(grace=1.0)


@pytest.mark.looptime
async def test_a_defect_ends_no_worker() -> None:
    """Each worker that a fault of ours has ended begins anew, so the credential's next objects are worked on."""
    async with world() as w:
        for number in range(4):  # more than there are workers
            w.object(f"bad-{number}")
            w.broken[f"bad-{number}"] = RuntimeError("a defect")
            key = Key(NAMESPACE, f"bad-{number}")
            w.accounts.queue_of(key).add(key, Urgency.EDIT)
        await asyncio.sleep(10)
        w.object("good")
        w.accounts.queue_of(Key(NAMESPACE, "good")).add(Key(NAMESPACE, "good"), Urgency.RESYNC)
        async with asyncio.timeout(60):
            await w.finished.wait()
        assert w.worked == {"good"}


async def test_a_deletion_is_expected_by_every_account_of_the_project() -> None:
    """Two tokens see the same endpoints: what one deletes, the other's LIST may miss without being doubted."""
    async with world() as w:
        for name, token in (("a", ONE), ("b", TWO)):
            w.secret(name, token)
            w.object(name, name)
        endpoints = [an_endpoint(f"ep-{number}", description=mark(uid=f"u{number}")) for number in range(4)]
        for name in ("a", "b"):
            cloud = w.poller(name).cloud
            assert isinstance(cloud, ACloud)
            cloud.endpoints = {each.id: each for each in endpoints}
            await w.poller(name).poll()
        for gone in ("ep-0", "ep-1", "ep-2"):
            w.poller("a").inventory.delete_answered(gone)
        cloud = w.poller("b").cloud
        assert isinstance(cloud, ACloud)
        cloud.endpoints = {"ep-3": endpoints[3]}
        w.clock.seconds += 30
        await w.poller("b").poll()
        assert w.poller("b").inventory.untrusted() == ""


def projects(w: World, count: int) -> None:
    """Objects with one Secret and a project each, as a tenant can write them."""
    w.secret("many", ONE)
    for number in range(count):
        credentials = {"secretRef": {"name": "many"}, "projectId": f"project-{number}"}
        w.objects.put(an_object(name=f"p-{number}", uid=f"uid-{number}", spec={"credentials": credentials}))


async def test_projects_without_number() -> None:
    """As many accounts as a namespace may have; the other objects are told, and come in when there is room."""
    async with world() as w:
        projects(w, 40)
        reasons = [w.poller(f"p-{number}").inventory.outage for number in range(40)]
        reported = [outage.reason for outage in reasons if outage is not None]
        assert reported == [Reason.TOO_MANY_CREDENTIALS] * 30
        assert len(w.clouds) == 1 + 10
        assert w.poller("p-30") is w.poller("p-31")  # what cannot be called costs nothing for each object
        w.objects.remove(Key(NAMESPACE, "p-0"), "uid-0")
        w.woken.clear()
        w.accounts.sweep()
        assert len(w.woken) == 1
        assert w.poller(w.woken[0].name).inventory.outage is None


async def test_a_project_that_never_worked_has_no_workers() -> None:
    """Its objects are told by the shared ones; with the first LIST that works it has its own."""
    async with world() as w:
        w.broken_lists.add("project-0")
        projects(w, 2)
        keys = [Key(NAMESPACE, f"p-{number}") for number in range(2)]
        for key in keys:
            w.accounts.queue_of(key).add(key, Urgency.EDIT)
        await until(lambda: w.poller("p-1").inventory.listed_once and w.poller("p-0").inventory.outage is not None)
        without = w.accounts.queue_of(Key(NAMESPACE, "nobody"))
        assert [w.accounts.queue_of(key) is without for key in keys] == [True, False]


async def test_an_endpoint_keeps_its_credential() -> None:
    """Whoever has one takes the place of a project that never worked, whose objects are looked at again."""
    async with world() as w:
        w.broken_lists.update(f"project-{number}" for number in range(20))
        projects(w, 10)
        for number in range(10):
            w.poller(f"p-{number}")
        w.secret("b", TWO)
        body = an_object(name="held", uid="uid-held", spec={"credentials": {"secretRef": {"name": "b"}}})
        body["status"]["endpointId"] = "ep-1"
        w.objects.put(body)
        assert w.poller("held").inventory.outage is None
        assert w.woken == [Key(NAMESPACE, "p-0")]
        outage = w.poller("p-0").inventory.outage
        assert outage is not None
        assert outage.reason is Reason.TOO_MANY_CREDENTIALS


@pytest.mark.looptime
async def test_workers_come_with_the_work() -> None:
    """One waits while there is nothing to do; a burst has as many as are allowed, and they go with it."""
    async with world() as w:
        w.may_go_on.clear()
        own = w.accounts.own()
        assert own is not None
        for number in range(5):
            w.object(f"o-{number}")
            key = Key(NAMESPACE, f"o-{number}")
            w.accounts.queue_of(key).add(key, Urgency.EDIT)
        await asyncio.sleep(1)
        busy = [task for task in asyncio.all_tasks() if task.get_name() == f"worker {own.scope}"]
        assert len(busy) == 2
        w.may_go_on.set()
        await until(lambda: len(w.worked) == 5)
        await asyncio.sleep(1)
        idle = [task for task in asyncio.all_tasks() if task.get_name() == f"worker {own.scope}"]
        assert len(idle) == 1


@pytest.mark.looptime
async def test_a_token_that_never_worked_leaves_no_trail() -> None:
    """Rotated again and again, with more keys than a namespace may have: only those that are open are remembered."""
    made = World(linger=60.0)
    made.accounts.start()
    made.broken_lists.add(None)
    for turn in range(20):
        for number in range(15):
            made.secret(f"key-{number}", f"token-{turn:04}-{number:04}", version=turn + 1)
            if not turn:
                made.object(f"o-{number}", f"key-{number}")
            made.accounts.queue_of(Key(NAMESPACE, f"o-{number}"))
        await asyncio.sleep(1)
        made.accounts.sweep()
        await asyncio.sleep(0.1)
        assert len(made.open_tokens) <= 1 + 10
        assert len(made.remembered) - len(made.forgotten) <= 1 + 10
    await made.accounts.shut_down(grace=1.0)


async def test_marks_of_nobody_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody who may edit endpoints writes any uid into a mark; those of objects that there are stay known."""
    monkeypatch.setattr("tokenfactory_operator.state.owners.MOST_STRANGERS", 1)
    async with world() as w:
        w.object("a")
        owners = w.poller("a").inventory.owners
        for uid in ("uid-of-a", "nobody-1", "nobody-2"):
            owners.hint(uid, "a1", 1.0)
        w.accounts.sweep()
        assert [owners.last_seen(uid) == 1.0 for uid in ("uid-of-a", "nobody-1", "nobody-2")] == [True, False, True]
