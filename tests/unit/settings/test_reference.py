import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


def generate(module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"tokenfactory_operator.{module}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("module", ["settings", "telemetry"])
def test_page_is_current(module: str) -> None:
    """The page in docs/ says what the code says."""
    page = DOCS / {"settings": "settings.md", "telemetry": "metrics.md"}[module]
    result = generate(module, "--check", page)
    assert (result.returncode, result.stderr) == (0, "")


def test_stale_page_is_found_and_mended(tmp_path: Path) -> None:
    """--check changes nothing and fails on a page that differs; without it the page is written."""
    page = tmp_path / "settings.md"
    page.write_text("old", encoding="utf-8")
    assert generate("settings", "--check", page).returncode == 1
    assert page.read_text(encoding="utf-8") == "old"
    assert generate("settings", page).returncode == 0
    assert generate("settings", "--check", page).returncode == 0
    assert page.read_text(encoding="utf-8") == generate("settings").stdout
