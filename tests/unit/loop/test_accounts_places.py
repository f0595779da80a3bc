"""Accounts give way to each other where there is room for so many only."""

from __future__ import annotations

from tokenfactory_operator.credentials.places import Limits
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.resource import parse
from tokenfactory_operator.ports import Key
from unit.support.accounts import World
from unit.support.builders import an_object, labelled_secret
from unit.support.secrets import read_through
from unit.support.waiting import until


def an_owner(w: World, namespace: str, token: str, *, endpoint: str = "") -> Key:
    """An object with a Secret of its own that holds this token; `endpoint` is what its status names."""
    name = f"{namespace}-{token}"
    secret = labelled_secret(name, namespace=namespace, token=f"{token}-token-000000")
    read_through(w.values, secret)
    body = an_object(name=name, uid=f"uid-of-{name}", spec={"credentials": {"secretRef": {"name": name}}})
    body["metadata"]["namespace"] = namespace
    if endpoint:
        body["status"]["endpointId"] = endpoint
    w.objects.put(body)
    return Key(namespace, name)


async def test_whoever_gives_way_may_look_for_a_place_at_once() -> None:
    """The objects of one that gave way are woken. One of them takes a place elsewhere: here that of the newcomer."""
    w = World(limits=Limits(per_namespace=3, in_all=4))
    w.follows = True
    w.accounts.start()
    w.accounts.queue_of(an_owner(w, "rich", "shared"))
    for namespace, number in (("rich", 1), ("rich", 2), ("less", 3)):
        w.accounts.queue_of(an_owner(w, namespace, f"kept-{number}", endpoint=f"ep-{number}"))
    poor = an_owner(w, "poor", "shared")
    newcomer = an_owner(w, "less", "newcomer")
    w.accounts.queue_of(newcomer)
    assert [outage_of(w, key) for key in (poor, newcomer)] == [None, Reason.TOO_MANY_CREDENTIALS]
    await until(lambda: len(w.open_tokens) == 1 + 4)
    await w.accounts.shut_down(grace=1.0)


def outage_of(w: World, key: Key) -> Reason | None:
    """What the poller of an object says."""
    body = w.objects.get(key)
    assert body is not None
    outage = w.accounts.poller_of(parse(body)).inventory.outage
    return outage.reason if outage is not None else None


async def test_a_place_is_taken_in_the_name_of_whichever_namespace_has_room() -> None:
    """A credential that two namespaces have waits for none of them: the other's limit does not count."""
    w = World(limits=Limits(per_namespace=1, in_all=2))
    w.accounts.start()
    for namespace in ("full", "other"):
        w.accounts.queue_of(an_owner(w, namespace, namespace, endpoint=f"ep-{namespace}"))
    an_owner(w, "full", "shared")
    waiting = an_owner(w, "roomy", "shared")
    w.accounts.queue_of(waiting)
    w.objects.remove(Key("other", "other-other"), "uid-of-other-other")
    w.accounts.sweep()
    assert waiting in w.woken
    await w.accounts.shut_down(grace=1.0)
