"""What a process remembers of an object changes by what has happened, and by nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

import tokenfactory_operator
from tokenfactory_operator.domain.attempt import Attempt, Event, IllegalTransition
from tokenfactory_operator.domain.call_memory import Calls, Failure
from tokenfactory_operator.domain.endpoint_memory import EndpointMemories
from tokenfactory_operator.domain.errors import CloudUnavailable, InvalidSpec, OperatorError
from tokenfactory_operator.domain.memory import Attempts, Memory
from tokenfactory_operator.domain.timing import NEVER
from unit.support.builders import an_endpoint

PACKAGE: Final = Path(tokenfactory_operator.__file__).parent
MODULES: Final = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
MOST_FIELDS: Final = 12


def _below_memory(target: ast.expr) -> bool:
    """`s.memory.calls.mutated`, or anything else below a `memory`."""
    inner = target.value if isinstance(target, ast.Attribute | ast.Subscript) else None
    while inner is not None:
        match inner:
            case ast.Attribute(attr="memory") | ast.Name(id="memory"):
                return True
            case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Call(func=value):
                inner = value
            case _:
                return False
    return False


def writings(source: str) -> Iterator[int]:
    """Lines that assign a field of a memory, or of a record in it."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                pass
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                targets = [target]
            case _:
                continue
        flat = [each for item in targets for each in (item.elts if isinstance(item, ast.Tuple) else [item])]
        if any(map(_below_memory, flat)):
            yield node.lineno


@pytest.mark.parametrize("module", MODULES)
def test_only_a_memory_writes_itself(module: str) -> None:
    """Each change has a name: a method of the record, called after what has happened."""
    assert list(writings((PACKAGE / module).read_text())) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("s.memory.calls.mutated = 1.0", [1], id="assigned"),
        pytest.param("memory.calls.failures += 1", [1], id="added"),
        pytest.param("a, held.memory.claimed = 1, 'x'", [1], id="beside-another"),
        pytest.param("s.memory.endpoints['x'] = y", [1], id="item"),
        pytest.param("del memory.endpoints['x']", [1], id="deleted"),
        pytest.param("s.memory.calls.answered(1.0)", [], id="event"),
        pytest.param("at = s.memory.calls.mutated", [], id="read"),
        pytest.param("self.memory = Memory(uid)", [], id="made"),
    ],
)
def test_what_counts_as_writing(source: str, found: list[int]) -> None:
    """The rule notices what it is there for."""
    assert list(writings(source)) == found


def test_a_memory_has_few_subjects() -> None:
    """A reader of a decision can hold them in the head."""
    assert len(fields(Memory)) <= MOST_FIELDS


def test_first_sights_count() -> None:
    """What is known since, or pending since, is known since the first time."""
    endpoints, attempts = EndpointMemories(), Attempts()
    for at in (1.0, 2.0):
        endpoints.seen("ep-1", at)
        attempts.finalizer_seen(at)
    assert (endpoints["ep-1"].known_since, attempts.pending_seen) == (1.0, 1.0)


def test_another_credential_knows_nothing_by_id() -> None:
    """What GET and DELETE by id have told goes with the credential; what was seen, released or gone stays."""
    endpoints = EndpointMemories()
    endpoints.seen("ep-1", 1.0)
    endpoints.probe_begun("ep-1", 2.0)
    endpoints.look_answered("ep-1")
    endpoints.proven_gone("ep-1", 3.0)
    endpoints.release_answered("ep-1", 4.0)
    endpoints.delete_answered("ep-1", 5.0)
    endpoints.credential_changed()
    kept = endpoints["ep-1"]
    assert (kept.probed, kept.looked, kept.deleted, kept.deleted_first) == (NEVER, False, NEVER, NEVER)
    assert (kept.known_since, kept.gone, kept.released) == (1.0, 3.0, 4.0)


def test_the_recorded_endpoint_is_remembered_alone() -> None:
    """A probe sends what the recorded endpoint was last, never what an earlier one was."""
    endpoints = EndpointMemories()
    endpoints.recorded_seen(an_endpoint("ep-1"))
    endpoints.recorded_seen(an_endpoint("ep-2"))
    assert (endpoints["ep-1"].last_seen, endpoints["ep-2"].last_seen) == (None, an_endpoint("ep-2"))


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        pytest.param(CloudUnavailable("busy"), False, id="transient"),
        pytest.param(InvalidSpec("no such flavour"), True, id="terminal"),
    ],
)
def test_only_what_the_spec_causes_outlives_the_credential(error: OperatorError, *, stays: bool) -> None:
    """A refusal of the spec is the same with another credential; an outage or a bad token may not be."""
    calls = Calls()
    calls.failed(Failure(error, 1, 0.0, "", "Create", 0.0))
    calls.credential_changed()
    assert (calls.failure is not None, calls.failures) == (stays, int(stays))


def test_an_attempt_that_another_replaces_unsent_is_known_as_such() -> None:
    """A write that opened it may have taken effect: its trace in a status then needs no resolving."""
    attempts = Attempts()
    for attempt_id in ("a1", "a2"):
        attempts.opening(attempt_id)
        attempts.opened(Attempt(attempt_id))
    assert attempts.unsent == {"a1"}


def test_nothing_happens_to_no_attempt() -> None:
    """An event without an attempt is an error of this program."""
    with pytest.raises(IllegalTransition):
        Attempts().happened(Event.SENT)
