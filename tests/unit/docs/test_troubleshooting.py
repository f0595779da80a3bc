"""The page that people search at night has every word that the operator can say, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final, get_args

import pytest

from docsite.conditions import ACTORS
from docsite.emitted import emitted, modules
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import Action, Nothing
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.loop.acting import DONE

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def part(title: str) -> str:
    """The text below a heading of the second level."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def sections() -> dict[str, str]:
    """What is said about each reason."""
    found = re.split(r"^### (.+)$", part("Reasons"), flags=re.MULTILINE)
    assert len(found[1::2]) == len(set(found[1::2]))
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_the_page_has_each_outcome_in_the_log() -> None:
    """All that an action ends with when it goes well."""
    listed = re.search(r"^- It succeeded: (.+?)\.$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert listed is not None
    ends = {DONE[action] for action in get_args(Action) if action is not Nothing} | {"adopted"}
    assert set(re.findall(r"`([^`]+)`", listed[1])) == ends


# Reasons


def test_every_reason_has_its_section() -> None:
    """Both ways: none is missing, and none is there that the code does not have."""
    assert set(sections()) == {str(reason) for reason in Reason}


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_a_section_says_who_does_what(reason: Reason) -> None:
    """What it means, what the operator does by itself, and what a person does."""
    text = sections()[reason]
    meaning, _, answers = text.strip().partition("\n\n- **Operator")
    assert len(meaning.split()) >= 4
    assert answers.startswith((":** ", ", you:** ")), text
    assert answers.startswith(", you:** ") or "\n- **You:** " in answers


def test_reserved_is_what_no_code_reports() -> None:
    """Both ways: a reason that only `reasons.py` knows is said to be reserved."""
    used = {
        node.attr
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"
    }
    unused = {str(reason) for reason in Reason if reason.name not in used}
    assert unused == {name for name, text in sections().items() if text.strip().startswith("Reserved:")}


def test_the_conditions_are_explained() -> None:
    """One line for each type."""
    lines = re.findall(r"^\d\. \*\*`(\w+)`", part("Read a status"), flags=re.MULTILINE)
    assert sorted(lines) == sorted(ConditionType)


def test_the_annotations_are_explained() -> None:
    """With the command that sets each, by its whole name."""
    for annotation in (api.PAUSED, api.RECONCILE_REQUESTED_AT, api.FORCE_RELEASE):
        assert re.search(rf"kubectl .*annotate dep .*{re.escape(annotation)}=", part("Annotations")), annotation


def test_the_contents_are_complete() -> None:
    """Each heading of the second level has its line, in order."""
    headings = [heading for heading in re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE) if heading != "Contents"]
    assert re.findall(r"^- \[(.+)\]\(#\S+\)$", part("Contents"), flags=re.MULTILINE) == headings


# Events


def test_every_event_has_its_row() -> None:
    """Both ways: each Event that the code emits, and no other."""
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == emitted()


def test_the_events_are_found_in_the_code() -> None:
    """The reading finds each of the four ways to emit one."""
    assert {"CreatedEndpoint", "DeletedEndpoint", "ForceReleased", "EndpointLost", "Recovered"} <= emitted()


def test_every_reason_says_who_must_act() -> None:
    """Both ways: below the heading of the one who must act, with what tools that wait conclude."""
    page = (ROOT / "docs" / "conditions.md").read_text(encoding="utf-8")
    for actor, heading in ACTORS.items():
        section = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
        rows = re.findall(r"^\| \[`(\w+)`\]\(\S+\) \| .+ \| (\w+)[^|]* \|$", section, flags=re.MULTILINE)
        assert dict(rows) == {reason: str(reason.kstatus) for reason in Reason if reason.acts is actor}
