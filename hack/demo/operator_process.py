"""The operator as a process of its own: the service account's kubeconfig, a token file, and nothing of the caller's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

from controlplane.ports import ADDRESS, free_ports
from controlplane.processes import finish, spawn
from demo.errors import DemoError
from demo.target import Target
from tokenfactory_operator.domain.desired import INFERENCE_HOSTS

INTERVAL: Final = 2.0
"""Seconds between two LISTs; 30 by default, and short here for the person who watches."""
SETTLE: Final = 2 * INTERVAL
"""Seconds that a call may take, and by which a LIST may lag behind; 60 by default, and the simulator needs neither."""
TAIL: Final = 25
"""Lines of the log in an error."""

Samples = dict[tuple[str, tuple[str, ...]], float]
"""Metrics by name and label values."""


class OperatorProcess:
    """Runs under a guard that ends it when this process is gone, and apart from the terminal's Ctrl-C."""

    def __init__(self, target: Target, account: tuple[str, str], *, url: str, token: str, directory: Path) -> None:
        """`account` is the service account's namespace and name; log and token go into `directory`."""
        self.kubeconfig = target.token_kubeconfig(*account)
        self.log = directory / "operator.log"
        token_file = directory / "token"
        token_file.touch(mode=0o600)
        token_file.write_text(token, encoding="utf-8")
        (port,) = free_ports(1)
        self._address = f"{ADDRESS}:{port}"
        self._directory = directory
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "KUBECONFIG": str(self.kubeconfig),
            "TOKENFACTORY_API_URL": url,
            "TOKENFACTORY_TOKEN_FILE": str(token_file),
            # The simulator answers chat completions too, for every region.
            "TOKENFACTORY_INFERENCE_HOSTS": ",".join(f"{region}={url}" for region in INFERENCE_HOSTS),
            "TOKENFACTORY_POLL_INTERVAL": f"{INTERVAL:g}s",
            "TOKENFACTORY_POLL_INTERVAL_IN_TRANSITION": f"{INTERVAL:g}s",
            "TOKENFACTORY_REQUEST_TIMEOUT": f"{SETTLE:g}s",
            "TOKENFACTORY_CREATE_SETTLE": f"{SETTLE:g}s",
            "TOKENFACTORY_LOST_SETTLE": f"{SETTLE:g}s",
            "TOKENFACTORY_METRICS_ADDRESS": self._address,
            "TOKENFACTORY_HEALTH_ADDRESS": self._address,
            "TOKENFACTORY_LOG_FORMAT": "console",
            # One process, and a person who waits: a first leader waits for one duration of the Lease.
            "TOKENFACTORY_LEADER_ELECTION": "false",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, namespace: str) -> None:
        """Have it look at one namespace only; before it is started."""
        self._environment["TOKENFACTORY_WATCH_NAMESPACES"] = namespace

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tokenfactory_operator", "run"]
        with self.log.open("ab") as output:
            self._process = spawn(
                command, remove=self._directory, output=output, environment=self._environment, directory=self._directory
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            finish(self._process, signal.SIGTERM)

    def check(self) -> None:
        """Raises `DemoError` if it has ended."""
        status = self._process.poll() if self._process is not None else None
        if status is not None:
            raise DemoError(f"The operator has ended by itself, with status {status}.")

    def tail(self) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])

    def ready(self) -> bool:
        """Whether its readiness probe passes now."""
        return self._get("/readyz").is_success

    def metrics(self) -> Samples:
        """What it counts of itself."""
        return {
            (sample.name, tuple(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(self._get("/metrics").text)
            for sample in family.samples
        }

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self._address}{path}", timeout=10.0, trust_env=False)
