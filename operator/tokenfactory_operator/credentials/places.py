"""How many credentials may be in use, for each namespace and in all, and which one gives way.

A place is taken in the name of the namespace whose object first needed the credential; the operator's own credential
takes none. Bookkeeping only: `Accounts` opens and closes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.domain.errors import TooManyCredentials
from tokenfactory_operator.state.inventory import OPERATOR


@dataclass(frozen=True)
class Limits:
    """How many different credentials (token and project) the objects may have."""

    per_namespace: int = 10
    in_all: int = 500


@dataclass
class Place:
    """That of one credential."""

    namespace: str
    needed: bool = False
    """An object that has an endpoint, or may have one, needs it: without it that could not be deleted."""


class Places:
    """Those that are taken."""

    def __init__(self, limits: Limits, *, works: Callable[[Credential], bool]) -> None:
        """`works`: whether the cloud has been listed with a credential that has a place."""
        self._limits = limits
        self._works = works
        self._taken: dict[Credential, Place] = {}
        self._count: Counter[str] = Counter()

    def take(self, credential: Credential, namespace: str, *, needed: bool) -> tuple[Place, Credential | None]:
        """A place, and the credential that has to give way for it, if there is one.

        Raises:
            TooManyCredentials: there is no room.
        """
        leaves = None if namespace == OPERATOR else self._room(namespace, needed=needed)
        place = self._taken[credential] = Place(namespace, needed=needed)
        self._count[namespace] += 1
        return place, leaves

    def leave(self, credential: Credential) -> None:
        """The credential is not in use any more."""
        place = self._taken.pop(credential)
        self._count[place.namespace] -= 1
        self._count += Counter()  # forgets the namespaces that have none

    def hand_over(self, credential: Credential, users: Iterable[str], *, needed: bool) -> None:
        """Say who uses it now: where the namespace that took the place is not among them, another one has it."""
        place, namespaces = self._taken[credential], set(users)
        place.needed = needed
        if place.namespace != OPERATOR and namespaces and place.namespace not in namespaces:
            self._count[place.namespace] -= 1
            place.namespace = min(namespaces)
            self._count[place.namespace] += 1

    def room(self, namespace: str) -> int:
        """How many more the namespace may have now."""
        return min(self._limits.per_namespace - self._count[namespace], self._limits.in_all - self._all())

    def _all(self) -> int:
        return self._count.total() - self._count[OPERATOR]

    def _room(self, namespace: str, *, needed: bool) -> Credential | None:
        """Who gives way: in the own namespace only for one that is needed, elsewhere for whoever has fewer."""
        if self._count[namespace] >= self._limits.per_namespace:
            leaves = self._weakest(namespace) if needed else None
            if leaves is None:
                raise TooManyCredentials(
                    f"The objects of the namespace {namespace} name more than {self._limits.per_namespace} different "
                    "credentials (a token and a project each), which is the limit "
                    "(TOKENFACTORY_CREDENTIALS_PER_NAMESPACE). Let objects share them, delete objects that are not "
                    "needed, or have the limit raised."
                )
            return leaves
        if self._all() < self._limits.in_all:
            return None
        for richer, count in self._count.most_common():
            if richer != OPERATOR and count > self._count[namespace] + 1 and (found := self._weakest(richer)):
                return found
        raise TooManyCredentials(
            f"The objects that this operator serves name more than {self._limits.in_all} different credentials (a "
            "token and a project each), which is the limit (TOKENFACTORY_CREDENTIALS_IN_ALL). Have it raised, or let "
            "objects share credentials."
        )

    def _weakest(self, namespace: str) -> Credential | None:
        """One that has never worked, and that nothing in the cloud depends on."""
        for credential, place in self._taken.items():
            if place.namespace == namespace and not place.needed and not self._works(credential):
                return credential
        return None
