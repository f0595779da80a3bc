"""The operator as a process of its own, with the rights that the chart gives it and nothing of the admin's.

Times are short, so that a lifecycle takes seconds; the protocol's order between them is kept (settings refuse others).
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from authorities import ONE
from cluster.support import forkserver
from cluster.support.eventually import DEADLINE, eventually
from tokenfactory_operator.network import tls

QUICK: Final[Mapping[str, str]] = {
    "POLL_INTERVAL": "300ms",
    "POLL_INTERVAL_IN_TRANSITION": "200ms",
    "INVENTORY_MAX_AGE": "30s",
    "REQUEST_TIMEOUT": "2s",
    "CREATE_SETTLE": "2s",
    "DELETE_SETTLE": "3s",
    "SEND_DEADLINE": "1s",
    "CORRECTION_PAUSE": "500ms",
    "RATE_LIMIT": "100",
    "METRICS_ADDRESS": "127.0.0.1:0",
    "HEALTH_ADDRESS": "127.0.0.1:0",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "info",
    "LEADER_ELECTION": "false",
}
"""Settings of these tests, without the prefix of the environment variables.

Their operators come and go, each alone with its objects: a killed one's lease would only have to be waited for.
"""
PATIENT: Final[Mapping[str, str]] = dict.fromkeys(("REQUEST_TIMEOUT", "CREATE_SETTLE", "DELETE_SETTLE"), "15s")
"""For tests that count calls: on a busy machine a call may take a while, and one that times out is made again."""
CREATE_SETTLE: Final = 2.0
DELETE_SETTLE: Final = 3.0
_HTTP: Final = httpx.Client(
    trust_env=False,
    verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    limits=httpx.Limits(max_keepalive_connections=0),
)
"""For the probes, which are asked many times a second: a client of its own for each costs 20 ms."""
_PREFIX: Final = "TOKENFACTORY_"
_STOP_TIMEOUT: Final = 40.0


class OperatorProcess:
    """Start it, stop it, kill it, start it again: each life appends to one log file."""

    def __init__(self, *, kubeconfig: Path, log: Path, settings: Mapping[str, str], folder: Path | None = None) -> None:
        """`settings` override `QUICK`; an empty value leaves a setting out.

        `folder`: its working directory, its home, and where its temporary files go; by default the test's own.
        """
        merged = {**QUICK, **settings}
        merged.setdefault("LOST_SETTLE", merged["CREATE_SETTLE"])  # a minute of maintenance has tests of its own
        own = {"HOME": str(folder), "TMPDIR": str(folder)} if folder else {}
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "KUBECONFIG": str(kubeconfig),
            tls.BUNDLE: str(ONE),  # the API server's authority is in the kubeconfig, and the cloud here has no TLS
            **own,
            **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
            **{f"{_PREFIX}{name}": value for name, value in merged.items() if value},
        }
        self._log = log
        self._folder = folder
        self._read_from = 0
        self._process: subprocess.Popen[bytes] | forkserver.Life | None = None
        self._fresh = folder is not None
        """Whether it needs an interpreter of its own; else it is forked, which costs a tenth of that."""

    @property
    def token(self) -> str:
        """The cloud token that it was given at its start, where that was no file."""
        return self.setting("TOKEN")

    def setting(self, name: str) -> str:
        """A setting as it was given, without the prefix of its environment variable."""
        return self._environment[f"{_PREFIX}{name}"]

    def configure(self, **settings: str) -> None:
        """Settings of the next life, without the prefix; an empty value leaves one out."""
        for name, value in settings.items():
            self._environment.pop(f"{_PREFIX}{name}", None)
            self._environment |= {f"{_PREFIX}{name}": value} if value else {}

    def surround(self, **variables: str) -> None:
        """Variables of the next life's environment that are no settings of ours; some are read by imports already."""
        self._environment |= variables
        self._fresh = True

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None, "never started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Start a new life; with `wait` return when the probe says ready, so the cloud was listed."""
        self._read_from = self._log.stat().st_size if self._log.exists() else 0
        fork = forkserver.shared().start
        self._process = self._begun() if self._fresh else fork(self._environment, self._log)
        if wait:
            eventually(lambda: self.probe("readyz"), what="readiness of the operator")

    def _begun(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "tokenfactory_operator", "run"]
            return subprocess.Popen(
                command, env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def stop(self) -> int:
        """SIGTERM, as the kubelet does; answers the exit status."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_STOP_TIMEOUT)

    def send(self, number: signal.Signals) -> None:
        """Any other signal, to a process that lives."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: no word is said, nothing is finished."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_TIMEOUT)

    def wait(self) -> int:
        """Return when it has ended by itself; answers the exit status."""
        assert self._process is not None
        return self._process.wait(DEADLINE)

    def restart(self) -> None:
        """Stop in order and start again."""
        assert self.stop() == 0
        self.start()

    def log_text(self) -> str:
        """The log of all lives."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def log_lines(self) -> list[dict[str, Any]]:
        """The log of this life, parsed; a line still being written is left out."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as stream:
            stream.seek(self._read_from)
            text = stream.read()
        whole = text[: text.rfind(b"\n") + 1].decode()
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def probe(self, name: str, *, within: float = 5.0) -> bool:
        """Whether `readyz` or `livez` passes now: is answered in so many seconds, and with success.

        The process must not have ended by itself.
        """
        assert self.running, f"the operator has ended:\n{self.log_text()[-3000:]}"
        address = self.address(f"/{name}")
        if not address:
            return False
        try:
            return _HTTP.get(f"http://{address}/{name}", timeout=within).is_success
        except httpx.TransportError:
            return False

    @property
    def listening(self) -> bool:
        """Whether the probes are served."""
        return bool(self.address("/readyz"))

    def metrics(self) -> dict[tuple[str, str], float]:
        """All samples, by name and by the label values joined with commas."""
        return {
            (sample.name, ",".join(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(self.served("/metrics"))
            for sample in family.samples
        }

    def served(self, path: str) -> str:
        """What a probe or `/metrics` answers, as text; that it does not answer is a failed assertion."""
        try:
            return _HTTP.get(f"http://{self.address(path)}{path}", timeout=5.0).text
        except httpx.TransportError as error:
            raise AssertionError(f"{path} is not answered: {error!r}") from error

    def address(self, path: str) -> str:
        """Where this life serves a path; empty while it does not."""
        served = [line["address"] for line in self.log_lines() if path in line.get("paths", [])]
        return served[-1] if served else ""
