"""Whether the API server is new enough; asked once, at the start, of what every account may read."""

from __future__ import annotations

import re
from typing import Final

from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import SetupError

OLDEST: Final = (1, 30)
"""Oldest Kubernetes that the chart accepts (`kubeVersion`): the CRD's rules need its CEL."""


async def check_version(client: KubeClient) -> None:
    """Return when the cluster is of a supported version, or does not say of which it is.

    Raises:
        SetupError: it is older; the message says what is supported.
        KubeError: the API server cannot be asked.
    """
    answer = await client.request("GET", "/version")
    version = str(answer.get("gitVersion", ""))
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) >= OLDEST:
        return
    raise SetupError(
        f"This cluster runs Kubernetes {version[:20]}, the operator needs {OLDEST[0]}.{OLDEST[1]} or newer: "
        "upgrade the cluster."
    )
