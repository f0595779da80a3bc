"""docs/architecture.md fits what `ls` shows, what the decision checks, and the way that a field takes to the cloud."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tokenfactory_operator.cloud import wire
from tokenfactory_operator.decision import plan
from tokenfactory_operator.decision.finalizer import REASONS_TO_KEEP, Ending
from tokenfactory_operator.domain.desired import create_body, owner_mark
from tokenfactory_operator.domain.drift import drift, patch_of
from tokenfactory_operator.domain.identity import Identity
from tokenfactory_operator.domain.resource import parse
from unit.support.builders import an_endpoint, an_object

ROOT: Final = Path(__file__).parents[3]
OPERATOR: Final = ROOT / "operator" / "tokenfactory_operator"
PAGE: Final = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def part(title: str) -> str:
    """The text below a heading of the second level."""
    return PAGE.split(f"\n## {title}", 1)[1].partition("\n")[2].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of its tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def code(text: str) -> list[str]:
    """What stands in code spans."""
    return re.findall(r"`([^`]+)`", text)


# What `ls` shows


def test_the_packages_are_those_of_the_folder() -> None:
    """Each one, and nothing else."""
    packages = {path.parent.name for path in OPERATOR.glob("*/__init__.py")}
    named = [name for row in rows(part("Packages")) for name in code(row[0])]
    assert sorted(named) == sorted(packages)


def test_the_modules_beside_them_are_those_of_the_folder() -> None:
    """Each one, and nothing else."""
    named = {name for name in code(part("Packages").split("These modules", 1)[1]) if name.endswith(".py")}
    assert named == {path.name for path in OPERATOR.glob("*.py")} - {"__init__.py"}


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z]+/[a-z_]+\.py)`", PAGE))))
def test_a_module_that_is_named_exists(name: str) -> None:
    """Below the operator's package."""
    assert (OPERATOR / name).is_file()


# The decision


LIVING = [check.__name__ for check in plan.LIVING]
TERMINATING = [*(how.value for how in Ending), *(check.__name__ for check, _ in REASONS_TO_KEEP)]


@pytest.mark.parametrize(("title", "chain"), [("Living", LIVING), ("Terminating", TERMINATING)])
def test_the_chains_are_those_of_the_decision(title: str, chain: list[str]) -> None:
    """Each check, ending and reason in its order."""
    text = part("The decision").split(f"**{title} objects**", 1)[1].split("\n**", 1)[0]
    assert [name for row in rows(text) for name in code(row[0])] == chain


def test_the_reasons_apply_to_the_endings_of_the_decision() -> None:
    """The page's column names them as the decision has them; `observed` is short for `observed_only`."""
    told = {
        name: {word.replace("observed", Ending.OBSERVED.value) for word in row[1].split(", ")}
        for row in rows(part("The decision"))
        if len(row) > 2
        for name in code(row[0])
    }
    for check, endings in REASONS_TO_KEEP:
        assert told[check.__name__] == {ending.value for ending in endings}, check.__name__


# One field


@cache
def functions(module: str) -> dict[str, str]:
    """The source of each function and class of a module."""
    source = (OPERATOR / module).read_text(encoding="utf-8")
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {
        node.name: ast.get_source_segment(source, node) or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, kinds)
    }


def test_the_steps_of_a_field_are_in_the_code() -> None:
    """Each function is there; no module comes twice."""
    steps = [(code(module)[0], code(text)) for _, module, text in rows(part("One field"))]
    modules = [module for module, _ in steps]
    assert len(modules) == len(set(modules))
    for module, names in steps:
        assert functions(module).keys() & set(names), module


def test_no_step_leads_back() -> None:
    """The decision knows nothing of the client, and the client nothing of the resource or the decision."""
    modules = [code(module)[0] for _, module, _ in rows(part("One field"))]
    assert [module.partition("/")[0] for module in modules] == ["api", "domain", "domain", "domain", "cloud", "cloud"]
    later = {
        "api": "domain|cloud",
        "domain": "loop|state|cloud",
        "cloud": r"api|loop|state|domain\.(?:desired|drift|resource)",
    }
    for module in modules:
        source = (OPERATOR / module).read_text(encoding="utf-8")
        forbidden = later[module.partition("/")[0]]
        assert (
            re.findall(rf"^(?:from|import) tokenfactory_operator\.(?:{forbidden})\b", source, flags=re.MULTILINE) == []
        )


def reads(source: str, field: str) -> bool:
    """Whether a module's code has an attribute of that name."""
    return any(isinstance(node, ast.Attribute) and node.attr == field for node in ast.walk(ast.parse(source)))


def test_nothing_else_reads_the_field() -> None:
    """Whoever reads it stands in the section, apart from the command line and the CRD's rules and columns."""
    modules = {
        path.relative_to(OPERATOR).as_posix(): path.read_text(encoding="utf-8") for path in OPERATOR.rglob("*.py")
    }
    readers = {
        name for name, source in modules.items() if reads(source, "min_replicas") and not name.startswith("cli/")
    }
    assert readers <= set(re.findall(r"`([a-z]+/[a-z0-9_]+\.py)`", part("One field")))
    assert {"domain/desired.py", "domain/drift.py"} <= readers


def test_the_field_arrives() -> None:
    """From an object's `minReplicas` to the bodies of a POST and of a PATCH."""
    resource = parse(an_object(spec={"scaling": {"minReplicas": 7, "maxReplicas": 9}}))
    assert resource.spec is not None
    mark = owner_mark(resource, Identity("00000000", resource.uid), "a1")
    create = create_body(resource, resource.spec, mark)
    assert wire.create_body(create)["scaling"]["min_replicas"] == 7
    found = drift(resource.spec, an_endpoint(min_replicas=1, max_replicas=9), mark)
    assert wire.patch_body(patch_of(found))["scaling"] == {"min_replicas": 7, "max_replicas": 9}
