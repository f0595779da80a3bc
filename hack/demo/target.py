"""The cluster that the demo runs on: one of its own, kind's, or that of kubectl's current context.

The own one is `controlplane.Cluster` itself. The others are wrapped here to look the same; nothing on them may be
touched that the demo has not made.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from controlplane import CommandError
from demo.errors import RefusedError

Result = subprocess.CompletedProcess[str]


class Target(Protocol):
    """What the demo needs of a cluster."""

    def kubectl(self, *args: str, check: bool = True, timeout: float = 60) -> Result:
        """Run kubectl; raises `CommandError` where it fails and `check` is set."""
        ...

    def helm(self, *args: str, check: bool = True, timeout: float = 60) -> Result:
        """Run helm, likewise."""
        ...

    def token_kubeconfig(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig for a service account, with a token of its own."""
        ...


class OutsideCluster:
    """A cluster that is reached by the caller's own kubectl and helm."""

    def __init__(self, directory: Path, *, kubeconfig: Path | None = None) -> None:
        """`directory` takes the service account's kubeconfig; without a `kubeconfig` it is the current context's.

        Raises:
            RefusedError: a program is missing, or there is no current context.
        """
        self._directory = directory
        self.kubeconfig = kubeconfig
        self._environment = {**os.environ, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})}
        self._programs = {name: program(name) for name in ("kubectl", "helm")}
        view = self.kubectl("config", "view", "--minify", "--flatten", "--raw", "-o", "json", check=False)
        if view.returncode:
            raise RefusedError(f"kubectl has no current context: {view.stderr.strip()}")
        self._config: dict[str, Any] = json.loads(view.stdout)

    @property
    def described(self) -> str:
        """Context and address, for a question to a person."""
        return f"{self._config['current-context']} at {self._config['clusters'][0]['cluster']['server']}"

    def kubectl(self, *args: str, check: bool = True, timeout: float = 60) -> Result:
        """As `Target.kubectl`."""
        return self._run("kubectl", args, check=check, timeout=timeout)

    def helm(self, *args: str, check: bool = True, timeout: float = 60) -> Result:
        """As `Target.helm`."""
        return self._run("helm", args, check=check, timeout=timeout)

    def token_kubeconfig(self, namespace: str, service_account: str) -> Path:
        """As `Target.token_kubeconfig`: the same cluster, and none of its user's credentials."""
        token = self.kubectl("create", "token", service_account, "--namespace", namespace, "--duration", "8h")
        path = self._directory / "operator.kubeconfig"
        return write_kubeconfig(self._config, token.stdout.strip(), path, namespace=namespace)

    def _run(self, name: str, args: tuple[str, ...], *, check: bool, timeout: float) -> Result:
        command = [self._programs[name], *args]
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env=self._environment,
        )
        if check and result.returncode:
            raise CommandError(name, result)
        return result


def write_kubeconfig(config: Mapping[str, Any], token: str, path: Path, *, namespace: str) -> Path:
    """A kubeconfig with the cluster of `config` and the token as its only user; answers the path.

    `namespace` is that of the token's account: what is the operator's own stands there.
    """
    cluster = config["clusters"][0]
    context = {"cluster": cluster["name"], "user": "operator", "namespace": namespace}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "users": [{"name": "operator", "user": {"token": token}}],
        "contexts": [{"name": "operator", "context": context}],
        "current-context": "operator",
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(document, stream)
    return path


def program(name: str) -> str:
    """The path of a program of the caller's. Raises `RefusedError` where there is none."""
    path = shutil.which(name)
    if path is None:
        raise RefusedError(
            f"CLUSTER=kind and CLUSTER=current need {name} on PATH. Without CLUSTER the demo builds its own."
        )
    return path
