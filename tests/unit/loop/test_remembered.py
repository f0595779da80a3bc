"""What is remembered of a failed call is what it said: neither the frames that it came through, nor the answer."""

from __future__ import annotations

import gc
import weakref

import pytest

from tokenfactory_operator.domain.errors import CloudError, InvalidSpec, QuotaExceeded
from unit.support.fakes import Turn
from unit.support.stage import Stage


class Answer:
    """A large one, that only the frames of a call hold."""


def refused(kind: type[CloudError]) -> tuple[CloudError, weakref.ref[Answer]]:
    """An error as an adapter raises it: from another one, in a frame that holds the answer."""
    answer = Answer()
    try:
        try:
            raise ValueError(answer)  # noqa: TRY301 - what is wanted is the chain
        except ValueError as error:
            raise kind("no", refused=True) from error
    except CloudError as error:
        return error, weakref.ref(answer)


@pytest.mark.parametrize("kind", [InvalidSpec, QuotaExceeded])
async def test_a_failure_does_not_hold_its_answer(kind: type[CloudError]) -> None:
    """400 refusals of 950 kB each once took 420 MB for as long as the objects were there."""
    stage = Stage()
    error, answer = refused(kind)
    stage.script.plan("create", Turn(error))
    del error
    await stage.turn()
    assert stage.reported("Synced") == f"False {kind.reason}"
    gc.collect()
    assert answer() is None


def test_what_it_says_is_kept() -> None:
    """The same error, with its message."""
    error, _ = refused(InvalidSpec)
    assert error.remembered() is error
    assert (error.message, error.__traceback__, error.__cause__, error.__context__) == ("no", None, None, None)
