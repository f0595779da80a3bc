"""The logs of every pod of the operator, kept while they come: those of a deleted pod cannot be had afterwards."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from e2e.support import kubectl

_POLL = 1.0  # seconds between two looks for new pods


class LogKeeper:
    """A context manager that follows the logs of a namespace's pods."""

    def __init__(self, namespace: str, folder: Path) -> None:
        """Nothing is followed yet."""
        self._namespace = namespace
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="logs", daemon=True)
        self._streams: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        for stream in self._streams.values():
            stream.terminate()
            stream.wait()

    def texts(self) -> dict[str, str]:
        """By the pod's name, so far."""
        return {path.stem: path.read_text(errors="replace") for path in self._folder.glob("*.log")}

    def _follow(self) -> None:
        while not self._ended.wait(_POLL):
            answer = kubectl.kubectl("get", "pods", "-n", self._namespace, "-o", "json", check=False)
            for pod in json.loads(answer.stdout)["items"] if answer.returncode == 0 else []:
                self._follow_pod(pod)

    def _follow_pod(self, pod: kubectl.JsonObject) -> None:
        """From its first line, once it runs; again when the connection was lost."""
        name = pod["metadata"]["name"]
        known = self._streams.get(name)
        runs = any("running" in status["state"] for status in pod["status"].get("containerStatuses", []))
        if runs and (known is None or known.poll() is not None):
            command = ["kubectl", "logs", "--follow", "-n", self._namespace, name]
            with (self._folder / f"{name}.log").open("wb") as output:
                self._streams[name] = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
                )
