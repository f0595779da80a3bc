"""Requests and answers that cross: a LIST is as old as its question, not as its answer."""

from __future__ import annotations

from dataclasses import replace

from unit.support.fakes import Turn
from unit.support.stage import Stage


async def test_an_answer_that_comes_while_a_list_is_under_way() -> None:
    """Evidence: what a PATCH answered after the LIST was asked for is not overwritten by that LIST's answer."""
    stage = await Stage().ready()
    newer = replace(stage.cloud.endpoints["ep-1"], max_replicas=9)

    def patched() -> None:
        stage.inventory.take_answer(newer)

    stage.script.plan("list", Turn(effect=True, meanwhile=patched))
    await stage.poll()
    assert stage.inventory.endpoint("ep-1") == newer
