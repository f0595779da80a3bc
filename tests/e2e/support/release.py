"""The chart's release under test: installed in a namespace that enforces the Pod Security Standard `restricted`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.support.chart import CHART
from cluster.support.eventually import eventually
from e2e.support.kubectl import JsonObject, Result, get, items, kubectl, run

NAMESPACE: Final = "tokenfactory-system"
NAME: Final = "tokenfactory-operator"
SECRET: Final = "cloud-token"
AUTHORITY: Final = "cloud-authority"
REPLICAS: Final = 2
_STARTED: Final = 180.0
"""Seconds: two pods, one of which waits for the lease's duration where a leader was killed."""


@dataclass(frozen=True)
class Release:
    """What is installed, and how to change it."""

    url: str
    image: str
    folder: Path

    def prepare(self, *, token: str, certificate: Path) -> None:
        """The namespace, the Secret and the cloud's authority, as a person makes them beforehand."""
        kubectl("create", "namespace", NAMESPACE)
        kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
        kubectl("create", "secret", "generic", SECRET, "-n", NAMESPACE, f"--from-literal=token={token}")
        kubectl("create", "configmap", AUTHORITY, "-n", NAMESPACE, f"--from-file=ca.crt={certificate}")

    def install(self, **settings: str) -> None:
        """`helm install`, and wait for both pods."""
        self._helm("install", settings)
        self.until_up()

    def upgrade(self, **settings: str) -> None:
        """`helm upgrade` to other settings, and wait for the rollout."""
        self._helm("upgrade", settings)
        self.until_rolled_out()

    def rollback(self) -> None:
        """To the revision before."""
        run("helm", "rollback", NAME, "-n", NAMESPACE)
        self.until_rolled_out()

    def uninstall(self) -> None:
        """`helm uninstall`, and wait until its pods are gone."""
        run("helm", "uninstall", NAME, "-n", NAMESPACE)
        eventually(lambda: not self.pods(), within=_STARTED, what="the end of the pods")

    def test(self) -> Result:
        """`helm test`."""
        return run("helm", "test", NAME, "-n", NAMESPACE, "--logs", timeout=300)

    def restart(self) -> None:
        """Begin a rolling update; `until_rolled_out` waits for its end."""
        kubectl("rollout", "restart", f"deployment/{NAME}", "-n", NAMESPACE)

    def until_rolled_out(self) -> None:
        """Only new pods, all of them available."""
        kubectl("rollout", "status", f"deployment/{NAME}", "-n", NAMESPACE, f"--timeout={_STARTED:.0f}s", timeout=200)
        self.until_up()

    def until_up(self) -> None:
        """As many ready pods as there should be and no other, one of which holds the lease."""

        def up() -> bool:
            pods = self.pods()
            assert len(pods) == REPLICAS
            assert all(_ready(pod) for pod in pods)
            return self.leader() in {pod["metadata"]["name"] for pod in pods}

        eventually(up, within=_STARTED, what=f"{REPLICAS} ready pods and a leader")

    def pods(self) -> list[JsonObject]:
        """The operator's, also those that are ending."""
        found = items("pods", "-n", NAMESPACE)
        return [pod for pod in found if pod["metadata"]["labels"].get("app.kubernetes.io/name") == NAME]

    def running(self) -> list[str]:
        """The names of those that have a node."""
        return [pod["metadata"]["name"] for pod in self.pods() if "nodeName" in pod["spec"]]

    def leader(self) -> str:
        """The name of the pod that holds the lease; empty while there is none."""
        answer = kubectl("get", "lease", NAME, "-n", NAMESPACE, "-o", "json", check=False)
        holder = json.loads(answer.stdout)["spec"].get("holderIdentity", "") if answer.returncode == 0 else ""
        names = [pod["metadata"]["name"] for pod in self.pods()]
        return next((name for name in names if name in holder), "")

    def revision(self) -> int:
        """Of the Deployment's pods."""
        annotations = get("deployment", NAME, "-n", NAMESPACE)["metadata"]["annotations"]
        return int(annotations["deployment.kubernetes.io/revision"])

    def _helm(self, action: str, settings: dict[str, str]) -> None:
        values = self.folder / "values.json"
        values.write_text(json.dumps(self._values(settings)))
        run("helm", action, NAME, str(CHART), "-n", NAMESPACE, "--values", str(values), timeout=300)

    def _values(self, settings: dict[str, str]) -> JsonObject:
        repository, _, tag = self.image.partition(":")
        quick: JsonObject = {
            "apiUrl": self.url,
            "caFile": "/etc/cloud/ca.crt",
            "pollInterval": "2s",
            "pollIntervalInTransition": "500ms",
            "createSettle": "15s",
            "deleteSettle": "20s",
            "requestTimeout": "10s",
            "rateLimit": 10,
        }
        return {
            "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
            "replicas": REPLICAS,
            "token": {"existingSecret": SECRET},
            "settings": quick | settings,
            "extraVolumes": [{"name": "authority", "configMap": {"name": AUTHORITY}}],
            "extraVolumeMounts": [{"name": "authority", "mountPath": "/etc/cloud", "readOnly": True}],
        }


def _ready(pod: JsonObject) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any((item["type"], item["status"]) == ("Ready", "True") for item in conditions)
