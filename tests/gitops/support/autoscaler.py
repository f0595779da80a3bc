"""Kubernetes' own controller for HorizontalPodAutoscalers, and an API service with the metric that it asks for."""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cluster.support.eventually import eventually
from cluster.support.namespaces import a_namespace
from controlplane import Cluster
from controlplane.ports import ADDRESS
from controlplane.processes import Program
from e2e.support.tls import Authority, certify_name

JsonObject = dict[str, Any]

METRIC: Final = "queued-requests"
SERVICE: Final = "metrics"
NAMESPACE: Final = "external-metrics"
_VERSION: Final = "external.metrics.k8s.io/v1beta1"
_API_SERVICE: Final = "v1beta1.external.metrics.k8s.io"


@dataclass
class Metric:
    """The one value that the API service answers, for every namespace."""

    value: int = 0

    def answer(self, path: str) -> JsonObject | None:
        """The body for a path; None for one that is not served."""
        prefix, _, rest = path.partition(f"/apis/{_VERSION}")
        if prefix or (rest and not rest.endswith(f"/{METRIC}")):
            return None
        if not rest:
            served = {"name": METRIC, "namespaced": True, "kind": "ExternalMetricValueList", "verbs": ["get"]}
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _VERSION, "resources": [served]}
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        item = {"metricName": METRIC, "metricLabels": {}, "timestamp": now, "value": str(self.value)}
        return {"kind": "ExternalMetricValueList", "apiVersion": _VERSION, "metadata": {}, "items": [item]}


@contextmanager
def running_autoscaler(cluster: Cluster, folder: Path) -> Iterator[Metric]:
    """Both, until the end; the controller has the rights that every cluster gives it, and looks every second."""
    metric = Metric()
    command = [
        str(cluster.bin / "kube-controller-manager"),
        f"--kubeconfig={cluster.kubeconfig}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--secure-port=0",
        "--controllers=horizontal-pod-autoscaler-controller",
        "--horizontal-pod-autoscaler-sync-period=1s",
    ]
    controller = Program("horizontal-pod-autoscaler", command, directory=folder)
    with ExitStack() as stack:
        authority = certify_name(f"DNS:{SERVICE}.{NAMESPACE}.svc", folder, called=SERVICE)
        port = stack.enter_context(_served(metric, authority))
        stack.enter_context(_registered(cluster, port, authority))
        controller.start()
        try:
            yield metric
        finally:
            controller.stop(graceful=False)
            print(f"--- {controller.name}\n{controller.tail(60)}")  # noqa: T201 - shown by pytest where a test failed


@contextmanager
def _served(metric: Metric, authority: Authority) -> Iterator[int]:
    """The API service over TLS, with the name by which the API server asks for a Service; answers its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metric.answer(self.path.partition("?")[0])
            content = json.dumps(body or {}).encode()
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.certificate, authority.key)
    with http.server.ThreadingHTTPServer((ADDRESS, 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _registered(cluster: Cluster, port: int, authority: Authority) -> Iterator[None]:
    """The API server passes requests for the group on. It goes at the end: no namespace could be deleted without it.

    There is no network of pods: the Service is a name for this machine, and its certificate is verified all the same.
    """
    objects: list[JsonObject] = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": SERVICE, "namespace": NAMESPACE},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": _API_SERVICE},
            "spec": {
                "group": "external.metrics.k8s.io",
                "version": "v1beta1",
                "service": {"name": SERVICE, "namespace": NAMESPACE, "port": port},
                "caBundle": base64.b64encode(authority.certificate.read_bytes()).decode(),
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        },
    ]
    with a_namespace(cluster, NAMESPACE):
        cluster.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(objects))
        try:
            wait = ("wait", "--for=condition=Available", "apiservice", _API_SERVICE, "--timeout=60s")
            cluster.kubectl(*wait, timeout=90)
            eventually(lambda: cluster.kubectl("get", "--raw", f"/apis/{_VERSION}").stdout, what="the API service")
            yield
        finally:
            cluster.kubectl("delete", "apiservice", _API_SERVICE)
