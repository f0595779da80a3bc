"""Which licences may be in the image, and how a package's metadata is read."""

from __future__ import annotations

from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import cast

import pytest

from tools.licences import DEVELOPMENT, LOCK, Package, development, installed, licence, locked, main, needed, refuse


def package(**fields: str) -> metadata.PackageMetadata:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return cast("metadata.PackageMetadata", message)


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        pytest.param({"License_Expression": "mit or Apache-2.0"}, "MIT OR Apache-2.0", id="expression"),
        pytest.param({"License": "Apache 2.0"}, "Apache-2.0", id="loose"),
        pytest.param({"License_Expression": "MIT", "License": "GPL-3.0-only"}, "MIT", id="expression counts first"),
        pytest.param({"License": "see the file"}, "", id="prose"),
        pytest.param({}, "", id="none"),
    ],
)
def test_licence(fields: dict[str, str], read: str) -> None:
    """The expression counts, else the older field where that is one; anything else is no licence."""
    assert licence(package(**fields)) == read


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        pytest.param("MIT", True, id="allowed"),
        pytest.param("Apache-2.0 AND (MIT OR BSD-3-Clause)", True, id="all allowed"),
        pytest.param("GPL-3.0-only", False, id="not allowed"),
        pytest.param("MIT OR GPL-3.0-only", False, id="a choice has to be made by a person"),
        pytest.param("Apache-2.0 WITH LLVM-exception", False, id="an exception is another licence"),
        pytest.param("", False, id="none"),
    ],
)
def test_allowed(expression: str, *, allowed: bool) -> None:
    """Every licence that an expression names has to be on the list."""
    assert Package("a", expression).allowed is allowed


def test_the_whole_lock_is_read() -> None:
    """Each requirement of the lock, with its installed version."""
    text = LOCK.read_text(encoding="utf-8")
    assert len(list(installed(text))) == text.count("==") == len(list(locked(text)))


def test_another_version_than_the_locked_one_is_refused() -> None:
    """The licence of another version says nothing."""
    with pytest.raises(SystemExit, match=r"pyyaml is installed as .* and locked as 0.0.1"):
        list(installed("pyyaml==0.0.1 \\\n    --hash=sha256:0\n"))


def test_a_stale_page_is_refused(tmp_path: Path) -> None:
    """What was written passes, and one changed line does not."""
    page = tmp_path / "licences.md"
    main([str(page)])
    main(["--check", str(page)])
    page.write_text(page.read_text(encoding="utf-8").replace("| PyYAML | MIT |", "").replace("| kopf | MIT |\n", ""))
    with pytest.raises(SystemExit, match="stale"):
        main(["--check", str(page)])


# Development


def test_what_is_for_another_system_is_not_needed() -> None:
    """A lock has the packages of all systems."""
    lock = "a==1 \\\n    --hash=sha256:0\nb==1 ; sys_platform == 'emscripten' \\\n    --hash=sha256:0\nc==2\n"
    assert list(needed(lock)) == ["a", "c"]


def test_the_development_packages_are_read() -> None:
    """More than the image has, and each has a licence that is allowed."""
    packages = list(development(DEVELOPMENT.read_text(encoding="utf-8")))
    assert {name for name, _ in locked(LOCK.read_text(encoding="utf-8"))} < {package.name for package in packages}
    assert {"mkdocs-material", "pytest", "lupa"} <= {package.name for package in packages}
    refuse(packages)


def test_a_classifier_is_enough_for_development() -> None:
    """Where there is no expression; the image asks for one."""
    (package,) = development("vulture==2.14")
    assert (package.licence, licence(metadata.metadata("vulture"))) == ("MIT", "")


def test_a_licence_that_is_not_allowed_is_named() -> None:
    """With its package."""
    with pytest.raises(SystemExit, match=r"not allowed: b \(GPL-3.0-only\), c \(says none\)\."):
        refuse([Package("a", "MIT"), Package("b", "GPL-3.0-only"), Package("c", "")])
