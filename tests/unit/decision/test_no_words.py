"""No behaviour follows from the words of a message: what is decided from is a type, a reason or a field."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import tokenfactory_operator

PACKAGE: Final = Path(tokenfactory_operator.__file__).parent
ALLOWED: Final = frozenset({"credentials/choice.py"})
"""There two errors are compared, to tell whether the same would be said again."""
SHOWN_BY: Final = "cli/"
"""The command line shows messages to a person, and decides nothing about endpoints."""
MODULES: Final = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))


def _is_message(node: ast.AST) -> bool:
    """`x.message`, `x["message"]` or `x.get("message")`."""
    match node:
        case ast.Attribute(attr="message") | ast.Subscript(slice=ast.Constant(value="message")):
            return True
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value="message"), *_]):
            return True
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return _is_message(inner)
    return False


def readings(source: str) -> Iterator[int]:
    """Lines in which a message is compared, searched, or taken apart."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(map(_is_message, (node.left, *node.comparators))):
            yield node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_message(node.func.value):
            yield node.lineno


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ALLOWED and not name.startswith(SHOWN_BY)])
def test_no_message_is_read(module: str) -> None:
    """A text may be passed on and shown; nothing may depend on what it says."""
    assert list(readings((PACKAGE / module).read_text())) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("a.message == b.message", [1], id="compared"),
        pytest.param("'x' in a.message", [1], id="searched"),
        pytest.param("a.message.startswith('Refused')", [1], id="its-beginning"),
        pytest.param("str(a.get('message')).split()", [1], id="its-words"),
        pytest.param("a['message'].lower()", [1], id="of-json"),
        pytest.param("Verdict(a.reason, a.message)", [], id="passed-on"),
        pytest.param("f'{a.message}.'", [], id="shown"),
    ],
)
def test_what_counts_as_reading(source: str, found: list[int]) -> None:
    """The rule notices what it is there for."""
    assert list(readings(source)) == found
