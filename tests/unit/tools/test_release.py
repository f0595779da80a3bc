"""A tag makes a release only where every place has its version and the changelog has its date."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.release import ROOT, ReleaseError, notes, versions


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The three files of a project at version 1.2.3."""
    chart = tmp_path / "helm" / "tokenfactory-operator" / "Chart.yaml"
    chart.parent.mkdir(parents=True)
    chart.write_text("version: 1.2.3\nappVersion: 1.2.3\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [1.2.3] - 2027-01-31\n\n### Added\n\n- One thing.\n\n## [1.2.2] - 2027-01-01\n\n- Older.\n",
        encoding="utf-8",
    )
    return tmp_path


def test_versions_agree() -> None:
    """Wheel, chart and image of this tree have one version."""
    assert len(set(versions(ROOT).values())) == 1


def test_notes(tree: Path) -> None:
    """The changelog's section and nothing of the next one."""
    assert notes("v1.2.3", tree) == "### Added\n\n- One thing.\n"


@pytest.mark.parametrize(
    ("tag", "file", "old", "new", "complaint"),
    [
        pytest.param("1.2.3", "CHANGELOG.md", "", "", "has to be like v1.2.3", id="no v"),
        pytest.param("v1.2.4", "CHANGELOG.md", "", "", "pyproject.toml: version is 1.2.3", id="another tag"),
        pytest.param("v1.2.3", "pyproject.toml", "1.2.3", "1.2.4", "pyproject.toml: version is 1.2.4", id="project"),
        pytest.param(
            "v1.2.3",
            "helm/tokenfactory-operator/Chart.yaml",
            "appVersion: 1.2.3",
            "appVersion: 1.2.2",
            "Chart.yaml: appVersion is 1.2.2",
            id="chart",
        ),
        pytest.param("v1.2.3", "CHANGELOG.md", "2027-01-31", "Unreleased", "with a date", id="no date"),
        pytest.param("v1.2.3", "CHANGELOG.md", "[1.2.3]", "[1.2.4]", "no section for 1.2.3", id="no section"),
    ],
)
def test_refused(tree: Path, tag: str, file: str, old: str, new: str, complaint: str) -> None:
    """Each place that disagrees is named."""
    place = tree / file
    place.write_text(place.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ReleaseError, match=complaint):
        notes(tag, tree)
