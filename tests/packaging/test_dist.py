"""`make dist`: the files of a release, made once and looked at as who downloads them does."""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cluster.support.chart import GENERATED, documents
from cluster.support.namespaces import a_namespace
from controlplane import Cluster

pytestmark = pytest.mark.cluster

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(bare_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that it has made."""
    made = tmp_path_factory.mktemp("made") / "dist"
    command = ["make", "dist", f"DIST={made}", f"HELM={bare_cluster.bin / 'helm'}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(command, cwd=ROOT, env=kept, check=True, capture_output=True, timeout=300)
    return made


@pytest.fixture(scope="module")
def system(bare_cluster: Cluster, dist: Path) -> Iterator[str]:
    """The namespace that install.yaml brings, there already: a dry run makes none for the objects that follow."""
    (name,) = (
        document["metadata"]["name"]
        for document in documents((dist / "install.yaml").read_text(encoding="utf-8"))
        if document["kind"] == "Namespace"
    )
    with a_namespace(bare_cluster, name):
        yield name


def test_files(dist: Path) -> None:
    """One wheel, one chart, two manifests."""
    names = sorted(path.name for path in dist.iterdir())
    assert [name.rpartition(".")[2] for name in names] == ["yaml", "yaml", "tgz", "whl"]
    assert names[:2] == ["crds.yaml", "install.yaml"]


def test_the_wheel_has_the_operators_command(dist: Path) -> None:
    """Who installs it has `tokenfactory-operator`."""
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (entries,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert b"tokenfactory-operator = tokenfactory_operator.__main__:main" in archive.read(entries)


def test_the_crd_stands_apart(dist: Path) -> None:
    """`kubectl delete -f install.yaml` must not delete the CRD: every object, and its endpoint, would go with it."""
    assert (dist / "crds.yaml").read_bytes() == GENERATED.read_bytes()
    installed = documents((dist / "install.yaml").read_text(encoding="utf-8"))
    assert "CustomResourceDefinition" not in {document["kind"] for document in installed}


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("file", ["crds.yaml", "install.yaml"])
def test_the_api_server_accepts_it(bare_cluster: Cluster, dist: Path, file: str) -> None:
    """As a person applies it, strict about fields."""
    arguments = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", str(dist / file))
    assert "serverside-applied" in bare_cluster.kubectl(*arguments).stdout
