"""What is in the image, and what is not."""

from __future__ import annotations

import re
import stat

import pytest

from image.containers import Image

SITE = r"^opt/operator/lib/python3[^/]*/site-packages"


def test_runs_as_a_user_of_its_own_in_exec_form(built: Image) -> None:
    """The user is a number, which Kubernetes can check, and no shell stands between the operator and its signals."""
    config = built.inspected["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["tokenfactory-operator"]
    assert config["Cmd"] == ["run"]


@pytest.mark.parametrize("name", ["title", "description", "licenses", "base.name"])
def test_is_labelled(built: Image, name: str) -> None:
    """The labels of the Open Container Initiative say what it is and what it stands on."""
    assert built.inspected["Config"]["Labels"][f"org.opencontainers.image.{name}"]


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(rf"{SITE}/tokenfactory_operator/__main__\.py$", id="the operator"),
        pytest.param(rf"{SITE}/tokenfactory_operator/__pycache__/__main__\.[^/]*\.pyc$", id="compiled beforehand"),
        pytest.param(rf"{SITE}/kopf/__init__\.py$", id="its dependencies"),
        pytest.param(r"^etc/ssl/certs/ca-certificates\.crt$", id="certificate authorities"),
    ],
)
def test_has(built: Image, pattern: str) -> None:
    """What the operator needs is there."""
    assert any(re.search(pattern, file.name) for file in built.files)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"(^|/)bin/(pip|uv|easy_install)[^/]*$", id="installer's command"),
        pytest.param(r"/(pip|ensurepip|setuptools|hatchling)(/|-[^/]*$)|/(pip|setuptools)-[^/]*\.whl$", id="installer"),
        pytest.param(
            r"(^|/)bin/([^/]*-)?(gcc|g\+\+|cc|c\+\+|clang|ld|as|go|rustc|cargo|make)(-[\d.]+)?$", id="compiler"
        ),
        pytest.param(r"tokenfactory_simulator", id="simulator"),
        pytest.param(rf"(^|/)tests/(unit|cluster|conftest)|{SITE}/_?pytest/", id="tests"),
        pytest.param(r"^src/", id="sources that it was built from"),
    ],
)
def test_has_no(built: Image, pattern: str) -> None:
    """What an intruder could use, and what is there for developers, is not."""
    assert [file.name for file in built.files if re.search(pattern, file.name)] == []


def test_no_file_lends_its_owners_rights(built: Image) -> None:
    """No file has the setuid or the setgid bit."""
    lending = [file.name for file in built.files if file.isfile() and file.mode & (stat.S_ISUID | stat.S_ISGID)]
    assert lending == []


def test_the_operator_cannot_change_itself(built: Image) -> None:
    """Nothing of the operator belongs to its user or can be written by everybody."""
    own = [file for file in built.files if file.name.startswith("opt/operator") and not file.issym()]
    assert own
    assert [file.name for file in own if file.uid == 65532 or file.mode & stat.S_IWOTH] == []
