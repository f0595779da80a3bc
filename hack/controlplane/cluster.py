"""A control plane for one run of tests, the demo, or a person: the public face of this package.

Whatever it starts ends with the process that made it, and its directory goes too (see guard.py).
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from controlplane import release
from controlplane.acquire import acquire
from controlplane.audit import AuditLog
from controlplane.commands import Layout
from controlplane.directories import RunDirectory, sweep
from controlplane.errors import CommandError, PortTakenError
from controlplane.kubeconfig import Access
from controlplane.ports import free_ports
from controlplane.stack import Stack

_START_TRIES = 4
# Settings of the caller's own kubectl and helm, and of a pod that this may run in, which are for other clusters.
_DROPPED = ("HELM_", "KUBECTL_", "KUBERNETES_")
START_TIMEOUT = 120.0  # seconds; 4 to 7 are usual, and a busy machine takes longer


class Cluster:
    """etcd, kube-apiserver and kube-controller-manager on 127.0.0.1, with kubectl, helm and kubeconform at hand.

    Use it as a context manager, or `start` and `stop`. All other members need it to be started.
    """

    def __init__(
        self,
        *,
        version: str | None = None,
        max_requests_inflight: int = 400,
        max_mutating_requests_inflight: int = 200,
        start_timeout: float = START_TIMEOUT,
        choose_ports: Callable[[int], list[int]] = free_ports,
    ) -> None:
        """Say what is wanted; nothing runs yet.

        Args:
            version: a supported release such as `v1.37`; by default that of `CONTROLPLANE_VERSION`, or else the newest.
            max_requests_inflight: with the next, the API server's limit of concurrent requests; its own defaults.
            max_mutating_requests_inflight: see above.
            start_timeout: seconds for each step of the start.
            choose_ports: answers so many ports; asked again when one of them proves to be taken.
        """
        self.version = version
        self._inflight = (max_requests_inflight, max_mutating_requests_inflight)
        self._timeout = start_timeout
        self._choose_ports = choose_ports
        self._directory: RunDirectory | None = None
        self._stack: Stack | None = None
        self._audit: AuditLog | None = None

    def start(self) -> Self:
        """Have the programs (building them if need be), start them and wait until they are ready.

        Raises:
            ControlPlaneError: with what to do about it; nothing is left running or lying around.
        """
        if self._stack is not None:
            return self
        sweep()
        programs = acquire(release.load(self.version))
        for remaining in reversed(range(_START_TRIES)):
            try:
                self._start_on_fresh_ports(programs)
            except PortTakenError:
                self.stop()
                if not remaining:
                    raise
            except BaseException:  # a Ctrl-C too must leave nothing behind
                self.stop()
                raise
            else:
                break
        return self

    def stop(self) -> None:
        """End everything and remove the directory; may be called again, and at any moment of a start."""
        if self._stack is not None:
            self._stack.kill()
        if self._directory is not None:
            self._directory.remove()
        self._stack = self._directory = self._audit = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def healthy(self) -> bool:
        """Whether it is started and all of its programs run."""
        return self._stack is not None and self._stack.healthy

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig file."""
        return self._layout.kubeconfig

    @property
    def server(self) -> str:
        """The API server's address, `https://127.0.0.1:<port>`."""
        return self._layout.server

    @property
    def ca_file(self) -> Path:
        """PEM file that the API server's certificate is verified with."""
        return self._layout.ca_file

    @property
    def bin(self) -> Path:
        """The folder with kubectl, helm, kubeconform and the servers."""
        return self._layout.bin

    @property
    def directory(self) -> Path:
        """This cluster's own directory, with the logs in it; removed on stop."""
        return self._layout.directory

    def env(self) -> dict[str, str]:
        """This process's environment, with the programs first on PATH, as admin, with state of its own.

        kubectl and helm keep caches in the home directory otherwise, by address: a port used again would find
        another cluster's.
        """
        own = {
            "PATH": os.pathsep.join([str(self.bin), os.environ.get("PATH", os.defpath)]),
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.directory / "kubectl-cache"),
            "KUBERC": "off",
            "HELM_CACHE_HOME": str(self.directory / "helm" / "cache"),
            "HELM_CONFIG_HOME": str(self.directory / "helm" / "config"),
            "HELM_DATA_HOME": str(self.directory / "helm" / "data"),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
        return kept | own

    def kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - named as in subprocess.run, whose result it gives
        check: bool = True,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as admin.

        Args:
            args: its arguments.
            input: its standard input.
            check: whether a status other than 0 is an error.
            timeout: seconds until it is killed.

        Raises:
            CommandError: it failed; the text has what it said.
            subprocess.TimeoutExpired: it took too long.
        """
        return self._run("kubectl", args, standard_input=input, check=check, timeout=timeout)

    def helm(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - as kubectl
        check: bool = True,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run helm as admin; arguments and errors as `kubectl`."""
        return self._run("helm", args, standard_input=input, check=check, timeout=timeout)

    def token_kubeconfig(self, namespace: str, service_account: str, *, duration: str = "8h") -> Path:
        """A kubeconfig for an existing service account, with a token of the TokenRequest API.

        Raises:
            CommandError: there is no such service account.
        """
        arguments = ("create", "token", service_account, "--namespace", namespace, "--duration", duration)
        access = Access(
            server=self.server,
            ca_file=self.ca_file,
            user=f"system:serviceaccount:{namespace}:{service_account}",
            token=self.kubectl(*arguments).stdout.strip(),
            namespace=namespace,
        )
        return access.write(self.directory / "kubeconfigs" / f"{namespace}.{service_account}")

    def audit(self) -> list[dict[str, Any]]:
        """The audit events so far (`audit.k8s.io/v1`), oldest first; see audit.py for what is logged and how fully."""
        if self._audit is None:
            self._audit = AuditLog(self._layout.audit_log)
        return self._audit.events()

    def stop_apiserver(self, *, graceful: bool = False) -> None:
        """An outage: end the API server alone; what it has acknowledged is in etcd, which runs on.

        Args:
            graceful: by SIGTERM rather than SIGKILL. It then lets open watches live on, and 30 s later it is killed.
        """
        self._running.stop_api(graceful=graceful)

    def start_apiserver(self) -> None:
        """End the outage: same port, same data, same certificate; returns when it is ready.

        Raises:
            StartError: it did not become ready.
        """
        self._running.start_api()

    def stop_etcd(self, *, graceful: bool = False) -> None:
        """An outage of the store: end etcd alone; the API server runs on and answers with errors, or not at all.

        Args:
            graceful: by SIGTERM rather than SIGKILL.
        """
        self._running.stop_etcd(graceful=graceful)

    def start_etcd(self) -> None:
        """End that outage: same port, same data; returns when the API server, which has to run, is ready.

        Raises:
            StartError: it did not become ready.
        """
        self._running.start_etcd()

    @property
    def _running(self) -> Stack:
        if self._stack is None:
            raise RuntimeError("the cluster is not started")
        return self._stack

    @property
    def _layout(self) -> Layout:
        return self._running.layout

    def _start_on_fresh_ports(self, programs: Path) -> None:
        self._directory = RunDirectory()
        etcd_client, etcd_peer, api = self._choose_ports(3)
        layout = Layout(
            bin=programs,
            directory=self._directory.path,
            etcd_client=etcd_client,
            etcd_peer=etcd_peer,
            api=api,
            max_requests_inflight=self._inflight[0],
            max_mutating_requests_inflight=self._inflight[1],
        )
        self._stack = Stack(layout, token=secrets.token_hex(16), timeout=self._timeout)
        self._stack.start()

    def _run(
        self, name: str, args: tuple[str, ...], *, standard_input: str | None, check: bool, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        # Without input of the caller's none is inherited: a tool that reads it would wait for a terminal.
        source = {"input": standard_input} if standard_input is not None else {"stdin": subprocess.DEVNULL}
        result = subprocess.run(
            [str(self.bin / name), *args],
            **source,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env=self.env(),
        )
        if check and result.returncode:
            raise CommandError(name, result)
        return result
