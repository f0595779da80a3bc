"""Pictures of commands in docs/images, drawn from their true output: `tests/cluster/test_cli_page.py` compares that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from docsite.terminal import Styles, drawn

FOLDER: Final = Path(__file__).parents[2] / "tests" / "cluster" / "data" / "cli"
COMMANDS: Final[Mapping[str, str]] = {
    "doctor": "kubectl tokenfactory doctor",
    "plan": "kubectl tokenfactory plan -f endpoints.yaml",
    "why": "kubectl tokenfactory why typo -n ml",
    "import": "kubectl tokenfactory import -n ml",
}
"""By the names of their pictures; each is what was typed."""
STYLES: Final[Styles] = (
    (r"^\$ .*", "bold"),
    (r"^(Cluster|Operator|Cloud|Endpoints)$", "bold"),
    (r"^[A-Z]+( {3}[A-Z]+)+$", "bold"),
    (r"^✔", "green"),
    (r"^✗", "red"),
    (r"^\+(?= )", "green"),
    (r"^~(?= )", "yellow"),
    (r"^!(?= )", "red"),
    (r"^  → .*|^Next: .*", "cyan"),
)
"""As on a terminal."""


def render(name: str) -> str:
    """The picture of a command."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    typed = COMMANDS[name]
    return drawn([f"$ {typed}", *text.splitlines()], title=typed, name=name, styles=STYLES)
