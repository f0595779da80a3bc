"""What the pages for people name exists: settings, metrics, targets of make, files and headings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tokenfactory_operator.settings import Settings
from unit.docs.pages import PAGES as ALL_PAGES
from unit.docs.pages import ROOT

PAGES: Final = [page for page in ALL_PAGES if "/adr/" not in page]


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Files and headings within the repository."""
    for link in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_settings_exist(page: str) -> None:
    """By the name of their environment variable."""
    known = {f"TOKENFACTORY_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"TOKENFACTORY_[A-Z_]+[A-Z]", text(page))) <= known


def has_value(schema: dict[str, Any], path: list[str]) -> bool:
    """Whether the chart takes a value at `path`."""
    return not path or (path[0] in schema.get("properties", {}) and has_value(schema["properties"][path[0]], path[1:]))


@pytest.mark.parametrize("page", PAGES)
def test_values_exist(page: str) -> None:
    """Each value that a command gives to Helm, also in a command that leaves out what the reader has."""
    schema = json.loads(text("helm/tokenfactory-operator/values.schema.json"))
    named = re.findall(r"--set(?:-json|-string|-file)?[ =]'?([A-Za-z.]+)", text(page))
    assert [name for name in named if not has_value(schema, name.split("."))] == []


@pytest.mark.parametrize("page", PAGES)
def test_metrics_exist(page: str) -> None:
    """The reference page of the metrics is generated from the code."""
    named = set(re.findall(r"`(tokenfactory_\w+_(?:total|seconds|endpoints))`", text(page)))
    assert named <= set(re.findall(r"`(\w+)`", text("docs/metrics.md")))


@pytest.mark.parametrize("page", PAGES)
def test_targets_exist(page: str) -> None:
    """Each `make something`."""
    code = re.findall(r"`([^`\n]+)`", text(page)) + re.findall(r"```console\n(.*?)```", text(page), flags=re.DOTALL)
    named = {target for part in code for target in re.findall(r"\bmake ([a-z0-9-]+)", part)}
    assert named <= set(re.findall(r"^([a-z0-9-]+):", text("Makefile"), flags=re.MULTILINE))


def test_the_index_of_decisions_has_their_titles() -> None:
    """Each page once, by its number and its title."""
    pages = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    titles = {path.name: path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in pages}
    rows = re.findall(r"^\| \[(\d+)\]\(([^)]+)\) \| (.+) \|$", text("docs/adr/README.md"), flags=re.MULTILINE)
    assert [(file, f"{number}. {title}") for number, file, title in rows] == list(titles.items())
