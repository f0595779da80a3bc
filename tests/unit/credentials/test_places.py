"""Credentials are limited, for each namespace and in all, and what gives way is what nothing depends on."""

from __future__ import annotations

import random

import pytest
from pydantic import SecretStr

from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.credentials.places import Limits, Places
from tokenfactory_operator.domain.errors import TooManyCredentials
from tokenfactory_operator.state.inventory import OPERATOR

LIMITS = Limits(per_namespace=3, in_all=7)


def named(name: str) -> Credential:
    return Credential(SecretStr("one-token"), name)


class Stage:
    """Places, and which credentials have worked."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.worked: set[Credential] = set()
        self.places = Places(limits, works=self.worked.__contains__)
        self.open: dict[Credential, str] = {}

    def take(self, name: str, namespace: str, *, needed: bool = False, works: bool = False) -> str | None:
        """The name of the one that gave way."""
        if works:
            self.worked.add(named(name))
        _, leaves = self.places.take(named(name), namespace, needed=needed)
        self.open[named(name)] = namespace
        if leaves is not None:
            self.leave(str(leaves.project_id))
        return leaves.project_id if leaves is not None else None

    def leave(self, name: str) -> None:
        """Closed."""
        self.places.leave(named(name))
        del self.open[named(name)]


def test_a_namespace_has_its_limit() -> None:
    """What comes on top is refused and says what to do; another namespace and the operator are not concerned."""
    stage = Stage()
    for number in range(3):
        stage.take(f"a{number}", "a")
    with pytest.raises(TooManyCredentials, match="TOKENFACTORY_CREDENTIALS_PER_NAMESPACE"):
        stage.take("a3", "a")
    assert stage.take("b0", "b") is None
    assert stage.take("own", OPERATOR) is None
    stage.leave("a1")
    assert stage.take("a3", "a") is None


def test_what_has_an_endpoint_takes_the_place_of_what_never_worked() -> None:
    """After a restart the order of the objects is chance: an endpoint must not become undeletable by it."""
    stage = Stage()
    stage.take("works", "a", works=True)
    stage.take("needed", "a", needed=True)
    stage.take("bogus", "a")
    assert stage.take("also-needed", "a", needed=True) == "bogus"
    with pytest.raises(TooManyCredentials):
        stage.take("needed-too", "a", needed=True)


def test_the_richest_gives_way_to_the_poor() -> None:
    """With all places taken, a namespace that has few gets one of those that never worked of the one with most."""
    stage = Stage()
    for number in range(3):
        stage.take(f"a{number}", "a", works=number == 0)
        stage.take(f"b{number}", "b", works=True)
    stage.take("c0", "c")
    assert stage.take("d0", "d") == "a1"
    with pytest.raises(TooManyCredentials, match="TOKENFACTORY_CREDENTIALS_IN_ALL"):
        stage.take("d1", "d")


def test_handed_over() -> None:
    """Who took the place does not use it any more, and another namespace does: it counts for that one."""
    stage = Stage()
    for number in range(3):
        stage.take(f"a{number}", "a")
    stage.places.hand_over(named("a0"), ["b", "c"], needed=False)
    assert (stage.places.room("a"), stage.places.room("b"), stage.places.room("c")) == (1, 2, 3)


@pytest.mark.parametrize("seed", range(50))
def test_no_storm_exceeds_the_limits(seed: int) -> None:
    """Whatever comes and goes, nothing that has worked or is needed gives way, and no limit is exceeded."""
    rng, stage = random.Random(seed), Stage()
    needed: set[str] = set()
    for step in range(300):
        if stage.open and rng.random() < 0.3:
            stage.leave(str(rng.choice(list(stage.open)).project_id))
            continue
        name, namespace = f"p{step}", rng.choice("abcd")
        is_needed, works = rng.random() < 0.2, rng.random() < 0.2
        try:
            leaves = stage.take(name, namespace, needed=is_needed, works=works)
        except TooManyCredentials:
            continue
        if is_needed:
            needed.add(name)
        assert leaves not in needed
        assert leaves is None or named(leaves) not in stage.worked
        counts = [list(stage.open.values()).count(each) for each in "abcd"]
        assert max(counts) <= LIMITS.per_namespace
        assert sum(counts) <= LIMITS.in_all
