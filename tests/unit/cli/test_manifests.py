"""Which files are manifests, and what is said of a kustomization."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenfactory_operator.cli import manifests
from tokenfactory_operator.cli.errors import CliError

OBJECT = "apiVersion: tokenfactory.nebius.com/v1alpha1\nkind: DedicatedEndpoint\nmetadata: {name: a}\n"
KUSTOMIZATION = "resources:\n- a.yaml\n"


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml"])
@pytest.mark.parametrize("head", ["", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"])
def test_a_kustomization_beside_objects(tmp_path: Path, name: str, head: str) -> None:
    """It is no object, and no other kind of object: `kubectl kustomize` reads it, and here it is named."""
    (tmp_path / "a.yaml").write_text(OBJECT)
    (tmp_path / name).write_text(head + KUSTOMIZATION)
    read = manifests.read([str(tmp_path)])
    assert [each["metadata"]["name"] for each in read.found] == ["a"]
    assert read.others == 0
    assert read.kustomizations == [tmp_path / name]


@pytest.mark.parametrize("given", ["", "kustomization.yaml"])
def test_nothing_but_a_kustomization(tmp_path: Path, given: str) -> None:
    """The message has what to type."""
    (tmp_path / "kustomization.yaml").write_text(KUSTOMIZATION)
    with pytest.raises(CliError, match="no DedicatedEndpoint") as failure:
        manifests.read([str(tmp_path / given)]).needed()
    assert failure.value.hint == f"`kubectl kustomize {tmp_path} | kubectl tokenfactory plan -f -`"


def test_nothing(tmp_path: Path) -> None:
    """Objects of other kinds are no reason to speak of kustomize."""
    (tmp_path / "a.yaml").write_text("kind: Secret\n")
    read = manifests.read([str(tmp_path)])
    assert read.others == 1
    with pytest.raises(CliError, match="no DedicatedEndpoint") as failure:
        read.needed()
    assert failure.value.hint == manifests.PLACES
