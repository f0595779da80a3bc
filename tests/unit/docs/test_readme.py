"""Every command of README.md is run by a test, or there is a reason why not."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from unit.docs.readme import NOT_RUN, SCENARIOS, blocks, commands, files, reason_not_to_run

COMMANDS = [(block.heading, command) for block in blocks() for command in block.commands]


def test_blocks_are_commands_or_named_files() -> None:
    """No other language, so that nothing can be looked over."""
    assert {block.language for block in blocks()} <= {"console", "yaml"}
    assert [block.text for block in blocks() if block.language == "yaml" and block.file is None] == []


@pytest.mark.parametrize(("heading", "command"), COMMANDS)
def test_a_command_is_run_or_has_its_reason(heading: str, command: str) -> None:
    """Its heading is a scenario, or its form is known, with a reason."""
    assert heading in SCENARIOS or reason_not_to_run(command)


@pytest.mark.parametrize(("heading", "command"), COMMANDS)
def test_a_command_can_be_typed(heading: str, command: str) -> None:
    """The shell accepts it as it stands."""
    assert heading
    done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_lists_are_current() -> None:
    """Each scenario runs something, and each reason is that of some command."""
    assert [heading for heading in SCENARIOS if not commands(heading)] == []
    assert [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, text) for _, text in COMMANDS)] == []


def test_files_are_used() -> None:
    """A YAML block is an object, and a command below the same heading names its file."""
    for heading in {block.heading for block in blocks() if block.file}:
        for name, text in files(heading).items():
            assert all("kind" in document for document in yaml.safe_load_all(text))
            assert any(f"-f {name}" in command for command in commands(heading)), name
