"""Every command of the pages is run by a test, or there is a reason why not; every file is looked at by a test."""

from __future__ import annotations

import re
import subprocess
from typing import Final

import pytest
import yaml

from unit.docs.pages import (
    LANGUAGES,
    NOT_RUN,
    ROOT,
    SCENARIOS,
    VALUES,
    Block,
    blocks,
    commands,
    files,
    reason_not_to_run,
)

COMMANDS: Final = sorted({(block.page, command) for block in blocks() for command in block.commands})
RUN: Final = frozenset(command for scenario in SCENARIOS for command in commands(scenario))
README_LINES: Final = 120
FIRST_ANSWER: Final = 6


def test_no_block_is_of_an_unknown_kind() -> None:
    """So that nothing can be looked over."""
    assert [(block.page, block.text) for block in blocks() if block.language not in LANGUAGES] == []


def test_yaml_and_python_are_files() -> None:
    """Each has its name in its first line."""
    named = [block for block in blocks() if block.language in ("yaml", "python")]
    assert [(block.page, block.text) for block in named if block.file is None] == []


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_is_run_or_has_its_reason(page: str, command: str) -> None:
    """A scenario runs it, here or on another page, or its form is known, with a reason."""
    assert page
    assert command in RUN or reason_not_to_run(command)


def test_the_commands_can_be_typed() -> None:
    """The shell accepts each as it stands."""
    for page, command in COMMANDS:
        done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{page}: {command}: {done.stderr}"


SCRIPT: Final = re.compile(r"^(?:\.|source|eval)\s+(\S+)", re.MULTILINE)


def test_the_shell_runs_nothing_that_comes_from_an_object() -> None:
    """A routing key, or a key of a ConfigMap, may be `$(…)`: whoever may write it would have a shell of the reader."""
    ours = {".venv/bin/activate", "<(tokenfactory-operator"}
    run = {(page, script) for page, command in COMMANDS for script in SCRIPT.findall(command)}
    assert {script for _, script in run} == ours, run


def test_the_lists_are_current() -> None:
    """Each part of a scenario has something to run, and each reason is that of some command."""
    there = {(block.page, block.heading) for block in blocks() if block.commands}
    parts = {part for scenario in SCENARIOS for part in scenario.parts if part[1] != "*"}
    assert parts - there == set()
    assert [scenario.name for scenario in SCENARIOS if not commands(scenario)] == []
    assert [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, text) for _, text in COMMANDS)] == []


def _parsed(block: Block) -> None:
    if block.language == "python":
        compile(block.text, str(block.file), "exec")
    elif block.file == VALUES:
        assert isinstance(yaml.safe_load(block.text), dict)
    else:
        assert all("kind" in document for document in yaml.safe_load_all(block.text))


def test_files_are_used() -> None:
    """A file is Python, values of the chart or objects; a scenario with a file has a command that names it."""
    for block in blocks():
        if block.file:
            _parsed(block)
    for scenario in SCENARIOS:
        for name in files(scenario).keys() - {VALUES}:
            assert any(name in command for command in commands(scenario)), f"{scenario.name}: {name}"


def test_the_readme_is_short() -> None:
    """It is read in half a minute."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_an_answer_takes_few_commands() -> None:
    """From `helm install` to the first answer, all of them in the README."""
    (block,) = [block for block in blocks() if block.heading == "From install to the first answer" and block.commands]
    assert block.commands[0].startswith("helm install ")
    assert "/chat/completions" in block.commands[-1]
    assert len(block.commands) <= FIRST_ANSWER
