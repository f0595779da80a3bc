"""Worlds in which one of the operator's two ways leads through a TCP proxy; everybody else goes around it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from cluster.support.kube import KubeApi
from cluster.support.world import World
from cluster.support.worlds import PROJECT, TOKEN, Chart, made
from controlplane import Cluster
from faults.support.tcp import TcpProxy, running_proxy
from tokenfactory_simulator.testing import running_simulator

Proxied = tuple[World, TcpProxy]


@contextmanager
def proxied_cloud(
    cluster: Cluster, kube: KubeApi, chart: Chart, folder: Path, *, label: str, settings: Mapping[str, str]
) -> Iterator[Proxied]:
    """The operator reaches the cloud through the proxy."""
    with running_simulator(tokens={TOKEN: PROJECT}) as simulator, running_proxy(_port_of(simulator.url)) as proxy:
        given = {**settings, "API_URL": f"http://127.0.0.1:{proxy.port}"}
        with made(cluster, kube, chart, folder, label=label, settings=given, start=True, cloud={}) as around:
            yield replace(around, cloud=simulator.admin), proxy


@contextmanager
def proxied_kube(
    cluster: Cluster, kube: KubeApi, chart: Chart, folder: Path, *, label: str, settings: Mapping[str, str]
) -> Iterator[Proxied]:
    """The operator reaches the API server through the proxy, whose address the certificate covers too."""
    with running_proxy(_port_of(cluster.server)) as proxy:
        config = json.loads(chart.kubeconfig.read_text(encoding="utf-8"))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        (folder / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
        own = replace(chart, kubeconfig=folder / "kubeconfig")
        with made(cluster, kube, own, folder, label=label, settings=settings, start=True, cloud={}) as world:
            yield world, proxy


def _port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port
