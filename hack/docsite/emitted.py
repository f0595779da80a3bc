"""The reasons of the Events that the operator's code emits, read from its syntax trees.

An Event that hands on the reason of a condition is left out: docs/conditions.md has those.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tokenfactory_operator.domain.reasons import Reason

PACKAGE: Final = Path(__file__).resolve().parents[2] / "operator" / "tokenfactory_operator"
FORWARDED: Final = frozenset({"action.event", "reason", "change.reason", "condition.reason", "ready.reason"})
"""Expressions for the reason of an Event that hand on what an action or a condition has."""


class UnknownEventError(Exception):
    """An Event's reason is an expression that cannot be read."""


def modules() -> Iterator[ast.Module]:
    """The operator's code."""
    for file in sorted(PACKAGE.rglob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


def emitted() -> frozenset[str]:
    """The reasons of all Events.

    Raises:
        UnknownEventError: one of them cannot be read.
    """
    found = set()
    for module in modules():
        constants = _constants(module)
        for node in ast.walk(module):
            reason = _reason(node) if isinstance(node, ast.Call) else None
            if reason is not None:
                found.add(_text(reason, constants))
    return frozenset(reason for reason in found if reason is not None)


def _reason(call: ast.Call) -> ast.expr | None:
    """The reason in a call that emits an Event, or in an action that will."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name == "event":
        return next((keyword.value for keyword in call.keywords if keyword.arg == "reason"), None)
    if name == "emit" and len(call.args) > 2:  # noqa: PLR2004 - object, reason, message
        return call.args[1]
    return call.args[0] if name in {"RemoveFinalizer", "Change"} and call.args else None


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
    if name not in FORWARDED:
        raise UnknownEventError(f"which Event is {name}?")
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
