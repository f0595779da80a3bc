"""The workflows: what the linters do not judge, and that the linters notice what they are there for."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tools.go_tool import command, environment

ROOT: Final = Path(__file__).parents[3]
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
PINNED: Final = re.compile(r"uses: (\S+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$")


def steps(file: Path) -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values():
        yield from job.get("steps", ())


def used() -> Iterator[str]:
    for file in WORKFLOWS:
        yield from re.findall(r"uses: .*", file.read_text(encoding="utf-8"))


def test_an_action_has_one_commit_and_its_version_beside_it() -> None:
    """Everywhere the same, and by the whole digest; only workflows of this repository go without."""
    pins: dict[str, set[tuple[str, str]]] = {}
    for line in used():
        if line.startswith("uses: ./"):
            continue
        found = PINNED.fullmatch(line)
        assert found, line
        pins.setdefault(found[1].split("/restore")[0], set()).add((found[2], found[3]))
    assert pins
    assert {action: pin for action, pin in pins.items() if len(pin) > 1} == {}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_no_expression_in_a_script(file: Path) -> None:
    """What a script needs comes by its environment, where nobody's branch or tag name becomes code."""
    assert [step["run"] for step in steps(file) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_rights_are_given_to_jobs_only(file: Path) -> None:
    """None for the whole workflow; each job says which it needs, and writes are for the release alone."""
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert isinstance(job["permissions"], dict)
        assert file.stem == "release" or set(job["permissions"].values()) <= {"read"}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_targets_exist(file: Path) -> None:
    """Each target of make that a step runs."""
    named = {name for step in steps(file) for name in re.findall(r"\bmake ([a-z][a-z0-9-]*)", step.get("run", ""))}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, flags=re.MULTILINE))


def test_the_matrix_is_what_the_project_supports() -> None:
    """Every Python of the classifiers, and every Kubernetes that has a control plane."""
    (matrix,) = (
        job["strategy"]["matrix"]
        for file in WORKFLOWS
        for name, job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].items()
        if name == "test"
    )
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert matrix["python"] == re.findall(r"Python :: (3\.\d+)", project)
    assert matrix["kubernetes"] == sorted(folder.name for folder in (ROOT / "hack" / "controlplane").glob("v*"))


SOUND: Final = """\
name: x
on: {push: {branches: [main]}}
permissions: {}
concurrency: {group: x, cancel-in-progress: true}
jobs:
  a:
    name: a
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {persist-credentials: false}
      - run: make check
"""


def complaints(folder: Path, text: str) -> str:
    """What `make workflows` would say about such a workflow: the first linter that finds something ends it."""
    file = folder / ".github" / "workflows" / "x.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    programs = Path(sys.executable).parent
    actionlint = [*command("actionlint"), "-shellcheck", str(programs / "shellcheck"), str(file)]
    zizmor = [str(programs / "zizmor"), "--offline", "--quiet", "--no-config", "--persona=pedantic", str(file)]
    for linter in (actionlint, zizmor):
        done = subprocess.run(linter, capture_output=True, text=True, check=False, env=environment(), timeout=300)
        if done.returncode:
            return done.stdout + done.stderr
    return ""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param("make check", "make check", "", id="sound"),
        pytest.param("run: make", "rum: make", "syntax-check", id="misspelled"),
        pytest.param("run: make check", "run: cat $HOME/x", "SC2086", id="shell"),
        pytest.param("3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "v7", "unpinned-uses", id="by tag"),
        pytest.param("make check", "echo '${{ github.ref_name }}'", "template-injection", id="injection"),
        pytest.param("permissions: {}\n", "", "excessive-permissions", id="default rights"),
        pytest.param("        with: {persist-credentials: false}\n", "", "artipacked", id="token left on disk"),
    ],
)
def test_the_linters_notice(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """A sound workflow passes, and each kind of mistake is found by its name."""
    assert old in SOUND
    said = complaints(tmp_path, SOUND.replace(old, new))
    assert complaint in said if complaint else said == ""
