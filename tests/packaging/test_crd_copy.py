"""The CRD in the chart is the generated one."""

from cluster.support.chart import GENERATED, PACKAGED


def test_chart_has_the_generated_crd() -> None:
    """`make crds` writes both files; a chart with a stale one would install an older resource than the operator's."""
    assert PACKAGED.read_bytes() == GENERATED.read_bytes(), "the chart's CRD is stale: run `make crds`"
    assert not PACKAGED.is_symlink()
