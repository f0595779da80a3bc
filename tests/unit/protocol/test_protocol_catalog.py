"""The spec is held against the catalog before anything is sent, and a catalog that cannot be read holds up nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.domain.catalog import Combination, Flavor, Template
from tokenfactory_operator.domain.errors import CloudUnavailable, InvalidSpec
from unit.support.fakes import Turn
from unit.support.stage import Stage

DOWN = CloudUnavailable("HTTP 503", status=503)
OFFER = Combination(("gpu-h100-sxm",), (1, 2), ("eu-north1",), 4)
ON_OFFER = (Template("openai/gpt-oss-120b", (Flavor("base", (OFFER,)),)),)


def stage_with(*templates: Template, **spec: Any) -> Stage:  # noqa: ANN401  # fields of the wire
    stage = Stage(**spec)
    stage.cloud.templates = templates
    return stage


@pytest.mark.rule("C38")
async def test_a_typo_is_told_and_nothing_is_sent() -> None:
    """`CatalogMismatch` with the way out; an edit heals it."""
    stage = stage_with(*ON_OFFER, model="openai/gpt-oss-12b")
    await stage.turn()
    assert stage.reported("Stalled") == "True CatalogMismatch"
    assert 'Did you mean "openai/gpt-oss-120b"?' in stage.message("Stalled")
    assert stage.journal("POST") == []
    assert "createAttempt" not in stage.status
    stage.edit(model="openai/gpt-oss-120b")
    await stage.turn()
    assert stage.journal("POST") == ["POST"]
    assert stage.reported("Stalled") is None


async def test_a_combination_that_comes_later_heals_by_itself() -> None:
    """The catalog is read again from time to time."""
    stage = stage_with(*ON_OFFER, gpu={"type": "gpu-h100-sxm", "count": 8})
    again = await stage.turn()
    assert (stage.reported("Synced"), again.after) == ("False CatalogMismatch", 300.0)
    stage.cloud.templates = (Template("openai/gpt-oss-120b", (Flavor("base", (Combination((), (8,)),)),)),)
    await stage.turn(301)
    assert stage.journal("POST") == ["POST"]


@pytest.mark.rule("C38")
@pytest.mark.parametrize("known", [True, False])
async def test_a_catalog_that_cannot_be_read_holds_up_nothing(*, known: bool) -> None:
    """The create call is the judge; what was known an hour ago rules out nothing either."""
    stage = stage_with(*ON_OFFER, model="openai/gpt-oss-12b")
    if known:
        await stage.turn()
        await stage.poll(3700)
    stage.script.plan("templates", *[Turn(DOWN)] * 5)
    await stage.turn()
    assert stage.journal("POST") == ["POST"]


async def test_it_is_read_once_an_hour() -> None:
    """However many changes there are."""
    stage = await stage_with(*ON_OFFER).ready()
    reads = stage.cloud.catalogs
    assert reads == 1
    for replicas in (3, 4, 2):
        stage.edit(scaling={"minReplicas": 1, "maxReplicas": replicas})
        await stage.turn()
        await stage.turn()
    assert stage.cloud.catalogs == reads
    stage.edit(scaling={"minReplicas": 1, "maxReplicas": 3})
    await stage.turn(3700)
    assert stage.cloud.catalogs == reads + 1


async def test_a_change_that_is_not_offered_is_not_sent() -> None:
    """What runs goes on; other fields are not held up once the spec is right again."""
    stage = await stage_with(*ON_OFFER).ready()
    stage.edit(scaling={"minReplicas": 1, "maxReplicas": 9})
    await stage.turn(61)
    assert (stage.journal("PATCH"), stage.reported("Stalled")) == ([], "True CatalogMismatch")
    assert stage.reported("Serving") == "True Ready"
    stage.edit(scaling={"minReplicas": 1, "maxReplicas": 3})
    await stage.turn()
    assert stage.journal("PATCH") == ["PATCH ep-1 scaling"]


@pytest.mark.rule("C39")
async def test_a_model_that_is_no_longer_offered_still_scales() -> None:
    """The catalog never blocks what runs."""
    stage = await stage_with(*ON_OFFER).ready()
    stage.cloud.templates = (Template("other"),)
    stage.edit(scaling={"minReplicas": 1, "maxReplicas": 9})
    await stage.turn(3700)
    assert stage.journal("PATCH") == ["PATCH ep-1 scaling"]


async def test_a_failed_call_keeps_its_backoff_while_the_catalog_is_read() -> None:
    """Reading it says nothing about what had failed."""
    stage = await stage_with(*ON_OFFER).ready()
    stage.script.plan("update", *[Turn(DOWN)] * 9)
    stage.edit(displayName="chat")
    for _ in range(4):
        await stage.turn(400)
    assert len(stage.journal("PATCH")) == 4


@pytest.mark.parametrize(
    ("value", "posts"),
    [
        pytest.param("true", ["POST"], id="as the message says"),
        pytest.param("", ["POST"], id="empty"),
        pytest.param("False", [], id="switched off"),
    ],
)
async def test_a_person_sends_it_anyway(value: str, posts: list[str]) -> None:
    """The annotation that the message names leaves the judgement to the create call; the catalog is not asked."""
    stage = stage_with(*ON_OFFER, model="openai/gpt-oss-12b")
    await stage.turn()
    assert "tokenfactory.nebius.com/ignore-catalog=true" in stage.message("Stalled")
    reads = stage.cloud.catalogs
    stage.annotate(ignore_catalog=value)
    await stage.turn(400)
    assert stage.journal("POST") == posts
    assert (stage.cloud.catalogs == reads) is bool(posts)


async def test_what_the_cloud_refuses_then_is_sent_once() -> None:
    """The create call is the judge; nothing is repeated until the spec changes."""
    stage = stage_with(*ON_OFFER, model="openai/gpt-oss-12b")
    stage.annotate(ignore_catalog="true")
    stage.script.plan("create", Turn(InvalidSpec("no such model", status=422)))
    for _ in range(4):
        await stage.turn(400)
    assert stage.journal("POST") == ["POST"]
    assert stage.message("Stalled") == "no such model"


async def test_a_change_is_sent_anyway_too() -> None:
    """A PATCH as well as a POST."""
    stage = await stage_with(*ON_OFFER).ready()
    stage.annotate(ignore_catalog="true")
    stage.edit(scaling={"minReplicas": 1, "maxReplicas": 9})
    await stage.turn(61)
    assert stage.journal("PATCH") == ["PATCH ep-1 scaling"]


async def test_a_long_offer_leaves_room_for_the_way_out() -> None:
    """However much there is to tell, the message ends with what a person can do."""
    stage = stage_with(*(Template("x" * 200 + str(number)) for number in range(9)))
    await stage.turn()
    assert stage.message("Stalled").endswith(
        "… To send it anyway, set the annotation tokenfactory.nebius.com/ignore-catalog=true."
    )
