"""The samples that we show: valid, of different shapes, and on offer."""

from pathlib import Path

import pytest
import yaml

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_simulator.catalog import Catalog

FOLDER = Path(__file__).parents[3] / "deploy" / "samples"
SAMPLES = [
    pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("*.yaml")) if path.name != "kustomization.yaml"
]


def sample_spec(path: Path) -> api.Spec:
    """The spec in a sample file."""
    return api.Spec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))["spec"])


@pytest.mark.parametrize("path", SAMPLES)
def test_a_sample_is_on_offer(path: Path) -> None:
    """The simulator's catalog has the combination, so that the demo can bring the sample to Ready."""
    spec = sample_spec(path)
    Catalog().check(
        {
            "model_name": spec.model,
            "flavor_name": spec.flavor,
            "gpu_type": spec.gpu.type,
            "gpu_count": spec.gpu.count,
            "region": spec.region,
            "max_replicas": spec.scaling.max_replicas,
        }
    )


@pytest.mark.parametrize("path", SAMPLES)
def test_a_sample_serves_and_is_deleted_with_its_object(path: Path) -> None:
    """Whoever tries a sample gets an endpoint, and no bill after deleting it."""
    spec = sample_spec(path)
    assert spec.enabled is not False
    assert spec.endpoint_id is None
    assert (spec.deletion_policy, spec.management_policy) == (None, api.ManagementPolicy.MANAGE)


def test_samples_differ() -> None:
    """There are at least three, each for another model."""
    models = {sample_spec(path).model for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml"}
    assert len(models) == len(SAMPLES) >= 3
