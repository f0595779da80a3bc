"""docs/cli.md shows the true output of the commands, and names each of them.

`tests/cluster/test_cli_page.py` compares the files with what the commands print. `GOLDEN=write` writes the page anew.
"""

from __future__ import annotations

import re
from typing import Final

import pytest
from typer.main import get_command

from cluster.support.printed import FOLDER
from tokenfactory_operator.cli.app import COMMANDS, build
from unit.docs.golden_blocks import shown_on
from unit.docs.pages import PAGES, ROOT, blocks

PAGE: Final = ROOT / "docs" / "cli.md"
SHOWN: Final = (
    *("doctor", "plan", "import", "why", "why-all", "list", "templates", "create", "reconcile", "resume", "crd"),
)
CALLED: Final = sorted(
    {
        command
        for block in blocks()
        for command in block.commands
        if re.match(r"(kubectl tokenfactory|tokenfactory-operator) (?!run\b)", command)
    }
)


def test_the_page_shows_the_true_output() -> None:
    """Each block of output is a whole file, in this order."""
    files = [(FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in SHOWN]
    assert shown_on(PAGE, files) == files
    assert {path.stem for path in FOLDER.iterdir()} == set(SHOWN)


def test_the_page_names_each_command() -> None:
    """In a heading of its own, or together with its like."""
    headings = ", ".join(re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {name for name, _, _ in COMMANDS} <= set(headings.split(", "))


@pytest.mark.parametrize("called", CALLED)
def test_a_command_of_a_page_can_be_typed(called: str) -> None:
    """Its name and its options are known."""
    words = called.removeprefix("kubectl tokenfactory ").removeprefix("tokenfactory-operator ").split(" |")[0].split()
    group = get_command(build("kubectl tokenfactory"))
    command = group.commands[words[0]]  # type: ignore[attr-defined]  # it is a group
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in words[1:] if word.startswith("-") and word != "-"} <= options


def test_commands_of_the_pages_are_found() -> None:
    """The reading finds them."""
    assert len(CALLED) >= len(SHOWN)
    assert "docs/cli.md" in PAGES
