"""The YAML of the pages: the API server accepts each object, and the chart each file of values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cluster.support.chart import CHART
from cluster.support.namespaces import a_namespace
from controlplane import Cluster
from unit.docs.pages import VALUES, Block, blocks

pytestmark = pytest.mark.cluster

OURS: Final = [
    pytest.param(block, id=f"{block.page}: {block.heading}")
    for block in blocks()
    if block.language == "yaml" and block.file != VALUES and not re.search("fluxcd.io|argoproj.io", block.text)
]
CHART_VALUES: Final = [
    pytest.param(block, id=f"{block.page}: {block.heading}") for block in blocks() if block.file == VALUES
]
TEMPLATE: Final = ("template", "tokenfactory-operator", "--namespace", "tokenfactory-system", str(CHART))


@pytest.fixture(scope="module")
def cluster(with_crd: Cluster) -> Iterator[Cluster]:
    """The CRD is served, and there is the namespace that the pages use."""
    with a_namespace(with_crd, "ml"):
        yield with_crd


@pytest.mark.parametrize("block", OURS)
def test_an_object_is_accepted(block: Block, cluster: Cluster) -> None:
    """By the API server, with no field unknown."""
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", input=block.text)


@pytest.fixture(scope="module")
def by_default(bare_cluster: Cluster) -> str:
    """What the chart makes with its defaults."""
    return bare_cluster.helm(*TEMPLATE, "--set", "token.existingSecret=tokenfactory-token").stdout


@pytest.mark.parametrize("block", CHART_VALUES)
def test_values_are_accepted(block: Block, bare_cluster: Cluster, by_default: str, tmp_path: Path) -> None:
    """The chart's schema knows each, and the chart makes objects of them that differ from those of its defaults."""
    (tmp_path / "values.yaml").write_text(block.text, encoding="utf-8")
    assert bare_cluster.helm(*TEMPLATE, "--values", str(tmp_path / "values.yaml")).stdout != by_default
