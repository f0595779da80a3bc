"""What the chart tells Artifact Hub is what the chart installs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from tokenfactory_operator.api.v1alpha1 import Spec

ROOT: Final = Path(__file__).parents[3]
CRD: Final = ROOT / "crds" / "tokenfactory.nebius.com_dedicatedendpoints.yaml"
CHART: Final = ROOT / "helm" / "tokenfactory-operator" / "Chart.yaml"


def annotation(name: str) -> Any:  # noqa: ANN401  # YAML in YAML
    chart = yaml.safe_load(CHART.read_text(encoding="utf-8"))
    return yaml.safe_load(chart["annotations"][f"artifacthub.io/{name}"])


def test_the_resources_are_named() -> None:
    """The CRD by its kind, its name and its stored version."""
    crd = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    (stored,) = (version["name"] for version in crd["spec"]["versions"] if version["storage"])
    (named,) = annotation("crds")
    assert (named["kind"], named["name"], named["version"]) == (
        crd["spec"]["names"]["kind"],
        crd["metadata"]["name"],
        stored,
    )


def test_the_example_is_one() -> None:
    """Of the same kind and version, with a spec that the operator accepts as it stands."""
    (named,) = annotation("crds")
    (example,) = annotation("crdsExamples")
    assert example["apiVersion"] == f"tokenfactory.nebius.com/{named['version']}"
    assert example["kind"] == named["kind"]
    read = Spec.model_validate(example["spec"])
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == example["spec"]
