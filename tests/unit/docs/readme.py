"""README.md as commands and files: what tests run of it, and why they do not run the rest.

A heading of `SCENARIOS` is run as one script, in the order of its text. Its YAML blocks become the files that their
first line names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

ROOT: Final = Path(__file__).parents[3]
README: Final = ROOT / "README.md"
FILE_NAME: Final = re.compile(r"# ([a-z-]+\.yaml)$")

INSTALLED: Final = "installed"
"""Run on an API server with the chart installed and the operator at work against the simulated cloud."""
BARE: Final = "bare"
"""Run on an API server with nothing of ours."""
INSTALLS: Final = "installs"
"""Run on an API server with nothing of ours, after the commands below `Install`; a Deployment has to be there then."""
SYNCS: Final = "syncs"
"""Run where the kinds of Flux and Argo CD are served, after the same commands; what is applied names the chart."""
FIRST: Final = "Install"
SCENARIOS: Final[Mapping[str, str]] = {
    FIRST: INSTALLS,
    "Helm": INSTALLS,
    "kustomize": INSTALLS,
    "Flux": SYNCS,
    "Argo CD": SYNCS,
    "An endpoint": INSTALLED,
    "With a key of its own": INSTALLED,
    "Try it without a bill": BARE,
}
"""Headings whose commands are run, and on what."""

NOT_RUN: Final[Mapping[str, str]] = {
    r"make demo\b.*": "tests/cluster/test_demo.py runs it",
    r"make test\b.*": "it is what runs the tests",
    r"make help\b.*": "it only prints",
    r"kubectl rollout status .*": "no pod runs without a node; make e2e looks at the pods",
    r"make venv": "the tests run in what it makes",
}
"""Commands that no scenario runs, as regular expressions, each with the reason."""


@dataclass(frozen=True)
class Block:
    """One block of code below its nearest heading."""

    heading: str
    language: str
    text: str

    @property
    def commands(self) -> tuple[str, ...]:
        """Of a console block: its commands, each with its continued lines."""
        if self.language != "console":
            return ()
        lines = self.text.replace("\\\n", " ").splitlines()
        return tuple(re.sub(r"\s+", " ", line).strip() for line in lines if line.strip() and not line.startswith("#"))

    @property
    def file(self) -> str | None:
        """Of a YAML block: the name in its first line."""
        found = FILE_NAME.match(self.text.partition("\n")[0])
        return found[1] if self.language == "yaml" and found else None


def blocks() -> tuple[Block, ...]:
    """All of them, in their order."""
    found, heading = [], ""
    tokens = MarkdownIt().parse(README.read_text(encoding="utf-8"))
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before is not None and before.type == "heading_open":
            heading = token.content
        if token.type in ("fence", "code_block"):
            found.append(Block(heading, token.info, token.content))
    return tuple(found)


def reason_not_to_run(command: str) -> str | None:
    """Why no test runs the command; None where one has to."""
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, command)), None)


def commands(heading: str) -> tuple[str, ...]:
    """What a scenario runs."""
    found = (command for block in blocks() if block.heading == heading for command in block.commands)
    return tuple(command for command in found if reason_not_to_run(command) is None)


def files(heading: str) -> Mapping[str, str]:
    """The files that a scenario's commands use, by name."""
    return {block.file: block.text for block in blocks() if block.heading == heading and block.file is not None}


def headings(where: str) -> list[str]:
    """The scenarios of one kind."""
    return [heading for heading, kind in SCENARIOS.items() if kind == where]
