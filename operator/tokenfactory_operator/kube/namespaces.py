"""Whether a namespace exists, asked with no right but that to create Events there. Nothing is written.

A list of a namespace that does not exist is empty, like that of one without objects. Only what is created there is
refused. So an Event is created there as a dry run (Kubernetes: "API concepts", dry-run).
"""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.kube.client import DRY_RUN, MANAGER, KubeClient
from tokenfactory_operator.kube.errors import ApiServerError
from tokenfactory_operator.kube.paths import EVENTS

_REFUSALS: Final = frozenset({400, 403, 422})


def absent(namespace: str) -> str:
    """What to say of one that does not exist."""
    return f"Namespace {namespace} does not exist: create it, or correct the setting of the watched namespaces."


async def exists(client: KubeClient, namespace: str) -> bool | None:
    """Whether it is there; None where that is not known. Ask where the right to create Events is there."""
    reference = {"apiVersion": "v1", "kind": "Namespace", "namespace": namespace, "name": namespace}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "exists", "namespace": namespace},
        "involvedObject": reference,
        "type": "Normal",
        "reason": "Exists",
        "message": "Is the namespace there?",
        "source": {"component": MANAGER},
    }
    try:
        await client.request("POST", EVENTS.within(namespace), query=(DRY_RUN,), body=event)
    except KubeNotFound:
        return False
    except KubeConflict:  # somebody has made an Event of this name there
        return True
    except ApiServerError as error:  # a quota or an admission policy may refuse it: they come later
        return error.status in _REFUSALS or None
    except KubeError:
        return None
    return True
