"""`create`: a wrong name or answer is one sentence."""

from __future__ import annotations

import io

import pytest

from tokenfactory_operator.cli.errors import Exit
from tokenfactory_operator.cli.main import main
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.catalog import Flavor, Template

SILENT = Template("m", flavors=(Flavor("base"),))
"""A model of which the catalog tells no GPUs and no regions."""


class Keyboard(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        """Whether somebody does."""
        return True


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with that catalog, and a namespace."""

    async def templates(_: Session) -> tuple[Template, ...]:
        return (SILENT,)

    async def namespace(_: Session) -> str:
        return "ml"

    monkeypatch.setattr(Session, "templates", templates)
    monkeypatch.setattr(Session, "namespace", namespace)


def test_a_count_that_is_no_number(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the catalog tells none, any answer is taken: what is no number is told."""
    monkeypatch.setattr("sys.stdin", Keyboard("gpu-a\nabc\n"))
    assert main(["create", "a", "--dry-run"]) == Exit.ERROR
    printed = capsys.readouterr().err
    assert "Error: abc is no number." in printed
    assert "Hint: Give --count as a number, such as 1." in printed


def test_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each stands in the manifest."""
    monkeypatch.setattr("sys.stdin", Keyboard("gpu-a\n2\nr1\n"))
    assert main(["create", "a.b-c", "--dry-run"]) == Exit.DONE
    assert "count: 2" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Foo_Bar", "", "-a", "a.", "a..b", "a/b", "ä", "a\n", "a" * 254], ids=repr)
def test_a_name_that_kubernetes_does_not_take(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed for Git, and nothing is asked; the rule is said."""
    assert main(["create", "--dry-run", "--", name]) == Exit.ERROR
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "is no name of an object." in printed.err
    assert "Hint: A name has small letters, digits, - and . only" in printed.err
