"""The page that people search at night has every word that the operator can say, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.reasons import ConditionType, Reason

ROOT: Final = Path(__file__).parents[3]
PACKAGE: Final = ROOT / "operator" / "tokenfactory_operator"
PAGE: Final = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
FORWARDED: Final = frozenset(
    {"action.event", "reason", "change.reason", "condition.reason or ''", "ready.reason or ''"}
)
"""Expressions for the reason of an Event that hand on what an action or a condition says."""


def part(title: str) -> str:
    """The text below a heading of the second level."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def sections() -> dict[str, str]:
    """What is said about each reason."""
    found = re.split(r"^### (.+)$", part("Reasons"), flags=re.MULTILINE)
    assert len(found[1::2]) == len(set(found[1::2]))
    return dict(zip(found[1::2], found[2::2], strict=True))


def modules() -> Iterator[ast.Module]:
    """The operator's code."""
    for file in sorted(PACKAGE.rglob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


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


# Events


def _text(node: ast.expr, constants: dict[str, str]) -> str | None:
    """The reason that an expression stands for; None where it hands on another one."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "str":
        return _text(node.args[0], constants)
    name = ast.unparse(node)
    if name.startswith("Reason."):
        return str(Reason[name.removeprefix("Reason.")])
    if name in constants:
        return constants[name]
    assert name in FORWARDED, f"no test knows which Event {name} is"
    return None


def _constants(module: ast.Module) -> dict[str, str]:
    return {
        node.target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _told(call: ast.Call) -> ast.expr | None:
    """The reason in a call that tells an Event, or in an action that will."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name == "event":
        return next((keyword.value for keyword in call.keywords if keyword.arg == "reason"), None)
    if name == "_tell" and len(call.args) > 2:
        return call.args[1]
    return call.args[0] if name in {"RemoveFinalizer", "Change"} and call.args else None


def emitted() -> set[str]:
    """The Events of the code, but for those that repeat the reason of a condition."""
    found = set()
    for module in modules():
        constants = _constants(module)
        for node in ast.walk(module):
            told = _told(node) if isinstance(node, ast.Call) else None
            if told is not None:
                found.add(_text(told, constants))
    return {reason for reason in found if reason is not None}


def test_every_event_has_its_row() -> None:
    """Both ways, read from the code: each Event that it tells, and no other."""
    rows = re.findall(r"^\| `(\w+)` \|", part("Events"), flags=re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == emitted()


def test_the_events_are_found_in_the_code() -> None:
    """The reading finds each of the four ways to tell one."""
    assert {"CreatedEndpoint", "DeletedEndpoint", "ForceReleased", "EndpointLost", "Recovered"} <= emitted()
