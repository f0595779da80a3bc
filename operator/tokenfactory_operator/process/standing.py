"""What this process needs of Kubernetes, by its settings, and who looks whether it has that."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from tokenfactory_operator.kube.access import (
    CLUSTER_ID_RIGHT,
    Right,
    config_map_rights,
    event_rights,
    lease_rights,
    missing,
    named_secret_rights,
    object_rights,
    secret_rights,
)
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.refusals import Refusals
from tokenfactory_operator.kube.supervision import Supervisor
from tokenfactory_operator.loop.dispatch import ECHO_LIMIT, Dispatch
from tokenfactory_operator.network.tls import BUNDLE
from tokenfactory_operator.settings import Settings
from tokenfactory_operator.telemetry.health import HealthServer
from tokenfactory_operator.telemetry.metrics import Metrics


def own_rights(settings: Settings, namespace: str) -> tuple[Right, ...]:
    """Rights that are no watched namespace's; `namespace` is the operator's own.

    Its Events about endpoints without an object go there. With all namespaces watched, that right is among theirs.
    """
    lease = lease_rights(settings.lease_namespace or namespace, settings.lease_name)
    return (
        # Without election the Lease is read once: whether somebody else holds it.
        *(right for right in lease if settings.leader_election or right.verb == "get"),
        *(() if settings.cluster_id else (CLUSTER_ID_RIGHT,)),
        *(event_rights(namespace) if settings.watch_namespaces else ()),
        *(named_secret_rights(settings.secret_names) if settings.secret_credentials else ()),
    )


def watched_rights(settings: Settings, namespace: str) -> tuple[Right, ...]:
    """Rights in a watched namespace; an empty one means the whole cluster."""
    return (
        *object_rights(namespace),
        *event_rights(namespace),
        *(secret_rights(namespace) if settings.secret_credentials else ()),
        *(config_map_rights(namespace) if settings.connection_config_maps else ()),
    )


def make_supervisor(settings: Settings, client: KubeClient) -> Supervisor:
    """Looks after the namespaces that the settings name."""
    return Supervisor(
        client,
        namespaces=settings.watch_namespaces,
        secrets=settings.secret_credentials,
        config_maps=settings.connection_config_maps,
        own=own_rights(settings, client.namespace),
        bundles=[str(path) for path in (settings.ca_file, os.environ.get(BUNDLE)) if path],
    )


def outlives_role(settings: Settings, client: KubeClient) -> Callable[[str], Awaitable[bool]]:
    """Whether a Secret of this name can be released after its namespace's Role is gone; may raise `KubeError`.

    The API server is asked, since rights may come from elsewhere than from the chart.
    """

    async def asked(name: str) -> bool:
        return not settings.watch_namespaces or not await missing(client, named_secret_rights((name,)))

    return asked


def watch_check(dispatch: Dispatch, watcher: Supervisor) -> Callable[[], str | None]:
    """For the liveness probe: a watch that is silent is doubted first, since its namespace may have lost its rights."""

    def check() -> str | None:
        for watch, waited in dispatch.silence().items():
            if waited > ECHO_LIMIT / 2:
                watcher.doubt(watch)
        return dispatch.silent_watch(watcher.served)

    return check


def report_to(health: HealthServer, metrics: Metrics, watcher: Supervisor, refusals: Refusals) -> None:
    """Register what is known of Kubernetes with the probes and gauges."""
    health.add_readiness("kubernetes", watcher.problem)
    health.add_readiness("writes", refusals.problem)
    health.add_note("refused writes", refusals.note)
    if watcher.states():
        health.add_note("namespaces", watcher.note)
        metrics.watch_namespaces(watcher.states)
