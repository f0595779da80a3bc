"""A real Kubernetes control plane without containers, for tests, the demo and by hand.

Standard library only: it must run before there is any environment. See README.md beside this file.
"""

from controlplane.cluster import Cluster
from controlplane.errors import CommandError, ControlPlaneError

__all__ = ["Cluster", "CommandError", "ControlPlaneError"]
