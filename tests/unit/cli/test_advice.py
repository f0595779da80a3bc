"""Each reason has its next step, or needs none."""

from __future__ import annotations

import pytest

from tokenfactory_operator.cli.advice import STEPS, next_step, who_acts
from tokenfactory_operator.domain.reasons import Actor, Reason
from tokenfactory_operator.ports import Key

KEY = Key("ml", "llm")


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_each_reason_has_its_step(reason: Reason) -> None:
    """Unless nobody must act; a command names the object where it needs one."""
    step = next_step(reason, KEY)
    assert bool(step) == (reason.acts is not Actor.NOBODY)
    assert "{" not in step.replace('{"', "")
    assert bool(who_acts(reason)) == bool(step)


def test_a_question_is_asked_only_once_a_person_is_asked() -> None:
    """Before, it goes on by itself."""
    assert "confirm" in next_step(Reason.INVENTORY_UNTRUSTED, KEY)
    assert next_step(Reason.INVENTORY_UNTRUSTED, KEY, stalled=False).startswith("wait: ")


def test_a_reason_of_a_newer_operator() -> None:
    """Nothing is made up."""
    assert "docs/troubleshooting.md" in next_step("SomethingNew", KEY)
    assert who_acts("SomethingNew") == ""


def test_every_step_is_of_a_reason() -> None:
    """The table has no dead row."""
    assert set(STEPS) <= set(Reason)
