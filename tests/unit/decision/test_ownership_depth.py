"""Ownership is judged in one place: few calls deep, and no check asks again what it follows from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import tokenfactory_operator

PACKAGE: Final = Path(tokenfactory_operator.__file__).parent
DECISION: Final = PACKAGE / "decision"
JUDGES: Final = ("ownership", "claims")
"""The modules that say what an endpoint is to an object."""
DEPTH: Final = 3


def functions(module: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module, each by its qualified name."""
    tree = ast.parse((DECISION / f"{module}.py").read_text(encoding="utf-8"))
    yield from ((f"{module}.{node.name}", node) for node in tree.body if isinstance(node, ast.FunctionDef))


def called(module: str, node: ast.FunctionDef) -> Iterator[str]:
    """Qualified names of what a function calls, as far as it is in one of these modules."""
    for call in ast.walk(node):
        match call:
            case ast.Call(func=ast.Name(id=name)):
                yield f"{module}.{name}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=other), attr=name)) if other in JUDGES:
                yield f"{other}.{name}"


CALLS: Final = {name: set(called(module, node)) for module in JUDGES for name, node in functions(module)}


@cache
def depth(name: str) -> int:
    """How many calls deep the longest way down from it is."""
    return max((1 + depth(other) for other in CALLS[name] & CALLS.keys()), default=0)


def test_ownership_is_judged_in_few_calls() -> None:
    """From `judge` down: a claim, and what the claim asks."""
    assert depth("ownership.judge") <= DEPTH


SAID: Final = frozenset({"other_owners", "same_uid_text", "unchangeable", "unproven_text"})
"""Functions of `claims` that give words for people. From the others ownership follows."""


def test_no_check_asks_what_ownership_follows_from() -> None:
    """Checks, conditions and status read the record."""
    asking = {
        path.stem
        for package in ("decision", "report")
        for path in (PACKAGE / package).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if _asks_claims(node)
    }
    assert asking == {"ownership"}


def _asks_claims(node: ast.AST) -> bool:
    """Whether it imports the module, or more of it than words."""
    if isinstance(node, ast.ImportFrom) and str(node.module).endswith(".claims"):
        return not {alias.name for alias in node.names} <= SAID
    return isinstance(node, ast.ImportFrom | ast.Import) and any(name.name.endswith("claims") for name in node.names)
