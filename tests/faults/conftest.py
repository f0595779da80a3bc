"""Worlds for the tests of this level: an operator, a cloud and a namespace on the run's control plane."""

from cluster.support.worlds import chart, kube, name, new_world

__all__ = ["chart", "kube", "name", "new_world"]  # fixtures: pytest finds them here
