"""What is found by a key that several may have: endpoints by their marks, objects by what they name."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

FEW: Final = 8
"""Members of one key that a tuple holds; a LIST of a hostile cloud may have fifty thousand with one mark."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)


class Index(Generic[K, V]):
    """Members by a key. Nearly all keys have one, so a tuple holds them; of many, each is found at once in a dict."""

    def __init__(self) -> None:
        self._members: dict[K, tuple[V, ...] | dict[V, None]] = {}

    def add(self, key: K, member: V) -> None:
        """Each member stands once."""
        held = self._members.get(key, ())
        if isinstance(held, dict):
            held[member] = None
        elif member not in held:
            members = (*held, member)
            self._members[key] = members if len(members) <= FEW else dict.fromkeys(members)

    def discard(self, key: K, member: V) -> None:
        """Take the member away, if it is there."""
        held = self._members.pop(key, ())
        if isinstance(held, dict):
            held.pop(member, None)
        else:
            held = tuple(each for each in held if each != member)
        if held:
            self._members[key] = held

    def get(self, key: K) -> tuple[V, ...]:
        """The members of one key, in the order of their coming; empty if it has none."""
        return tuple(self._members.get(key, ()))

    def items(self) -> Iterator[tuple[K, Iterable[V]]]:
        """Each key that has members, with them."""
        return iter(self._members.items())

    def besides(self, keys: Mapping[K, object]) -> Iterator[K]:
        """The keys that are not among these."""
        return iter(self._members.keys() - keys.keys())
