"""One namespace, one simulated cloud and one operator behind proxies: where flows run, one after the other.

An operator lives on from one flow to the next, unless a flow has killed it.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cluster.support import forkserver
from cluster.support.eventually import eventually
from cluster.support.forkserver import Life
from cluster.support.kube import KubeApi
from cluster.support.lists import after_lists
from cluster.support.operator_process import QUICK
from cluster.support.views import View
from cluster.support.worlds import DEFECTS, PROJECT, TOKEN, Chart
from controlplane import Cluster
from faults.support.points import Point, Tower
from faults.support.proxy import Proxy, ProxyHost
from tokenfactory_simulator.client import AdminClient
from tokenfactory_simulator.testing import running_simulator

JsonObject = dict[str, Any]

SETTINGS: Final = {
    **QUICK,
    "POLL_INTERVAL": "200ms",
    "POLL_INTERVAL_IN_TRANSITION": "200ms",
    "SEND_DEADLINE": "500ms",
    "REQUEST_TIMEOUT": "1500ms",
    "CREATE_SETTLE": "1500ms",
    "DELETE_SETTLE": "1500ms",
    "LOST_SETTLE": "1500ms",
    "ADOPTION_NAMESPACES": "*",
    "TOKEN": TOKEN,
}
_LISTS: Final = 2


@dataclass
class Stage:
    """Where a flow runs; methods that take a name speak of the object of that name."""

    kube: KubeApi
    cloud: AdminClient
    namespace: str
    cluster_id: str
    """As the marks of this cluster have it."""
    tower: Tower
    log: Path
    _host: ProxyHost
    _environment: dict[str, str]
    _life: Life | None = None
    lives: int = field(default=0)
    """Processes started so far."""

    def begin(self, name: str, target: Point | None = None, *, starting: bool = False) -> None:
        """From now on calls about this object count; the operator dies at `target`."""
        self._host.run(self.tower.open(name, target, starting=starting))

    def points(self) -> list[Point]:
        """The boundaries seen since `begin`."""
        return self._host.run(self.tower.points())

    def start(self) -> None:
        """Another life, in place of one that has ended."""
        if self._life is not None:
            self._life.close()
        self._host.run(self.tower.expect())
        self._life = forkserver.shared().start(self._environment, self.log)
        self._host.run(self.tower.lives(self._life))
        self.lives += 1

    def watched(self) -> None:
        """Have an operator that watches the objects."""
        if self._life is None or not self._life.running:
            self.start()
        eventually(self.tower.watching.is_set, within=15, what="the operator watches")

    def end(self) -> None:
        """No operator lives any more."""
        if self._life is not None:
            self._life.close()
            self._life = None

    def alive(self) -> None:
        """Raises `AssertionError` if the operator has ended by itself."""
        assert self._life is not None
        assert self._life.running or self.tower.killed.is_set(), f"the operator has ended:\n{self.log_tail()}"

    def log_tail(self) -> str:
        """The end of the operator's log."""
        return self.log.read_text(encoding="utf-8")[-3000:]

    def find(self, name: str) -> View | None:
        """The object, if it is there."""
        body = self.kube.get(self.namespace, name)
        return View(body) if body is not None else None

    def after_lists(self) -> None:
        """The operator has seen the cloud as it is now: two more of its LISTs have been answered."""
        after_lists(self.cloud, _LISTS)

    def endpoints(self, name: str, *, alive_only: bool = True) -> list[JsonObject]:
        """Endpoints that carry the object's mark."""
        mark = f" {self.namespace}/{name} uid="
        return [item for item in self.cloud.endpoints(alive_only=alive_only) if mark in (item["description"] or "")]


def _behind(kubeconfig: Path, url: str, path: Path) -> Path:
    """The same account by way of a proxy."""
    document = json.loads(kubeconfig.read_text(encoding="utf-8"))
    for entry in document["clusters"]:
        entry["cluster"]["server"] = url
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(document, stream)
    return path


@contextmanager
def staged(cluster: Cluster, kube: KubeApi, chart: Chart, folder: Path, *, host: ProxyHost) -> Iterator[Stage]:
    """A stage in a new namespace; its end asks that the operator's log shows no defect and no secret."""
    namespace = f"kills-{secrets.token_hex(4)}"
    log = folder / f"{namespace}.log"
    tower = Tower()
    # The proxy answers with the API server's own certificate, so that clients verify it as they verify that one.
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(cluster.ca_file, cluster.ca_file.with_suffix(".key"))
    upstream = ssl.create_default_context(cafile=str(cluster.ca_file))
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator(tokens={TOKEN: PROJECT}, manual_clock=True))
        to_cloud = stack.enter_context(host.proxy(Proxy(simulator.url, gate=tower.cloud_gate)))
        to_kube = stack.enter_context(
            host.proxy(Proxy(cluster.server, gate=tower.kube_gate, upstream_tls=upstream, own_tls=own))
        )
        tower.proxies += [to_cloud, to_kube]
        kube.create_namespace(namespace)
        stack.callback(kube.delete_namespace, namespace)
        given = {**SETTINGS, "API_URL": to_cloud.url, "WATCH_NAMESPACES": namespace}
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "KUBECONFIG": str(_behind(chart.kubeconfig, to_kube.url, folder / f"{namespace}.kubeconfig")),
            **{f"TOKENFACTORY_{setting}": value for setting, value in given.items()},
        }
        uid = cluster.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}").stdout
        stage = Stage(kube, simulator.admin, namespace, uid[:8], tower, log, host, environment)
        stack.callback(stage.end)
        yield stage
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    found = [word for word in DEFECTS if word in text]
    assert not found, f"in the operator's log: {found}"
