"""etcd, kube-apiserver and kube-controller-manager as one thing that is ready, or gone.

Ready means: /readyz says ok, and the controller manager works, seen by the service account that it makes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from controlplane import audit
from controlplane.commands import ADMIN, Layout
from controlplane.errors import PortTakenError, StartError
from controlplane.kubeconfig import Access
from controlplane.processes import Program
from controlplane.readiness import Probe
from controlplane.signing import private_key_pem

_POLL = 0.1  # seconds between two looks
_RESTARTS = 5  # tries to have a program's port again
_RESTART_PAUSE = 1.0  # seconds between them
_TAKEN = "address already in use"


class Stack:
    """The programs of one run, in one directory, on fixed ports."""

    def __init__(self, layout: Layout, *, token: str, timeout: float) -> None:
        """Write the files that the programs read; nothing runs yet. The timeout is in seconds, for each wait."""
        self.layout = layout
        self._timeout = timeout
        self._probe = Probe(port=layout.api, ca_file=layout.ca_file, token=token, address=layout.address)
        self._write_files(token)
        self._etcd = Program("etcd", layout.etcd(), directory=layout.directory)
        self._api = Program("kube-apiserver", layout.kube_apiserver(), directory=layout.directory)
        self._controllers = Program(
            "kube-controller-manager", layout.kube_controller_manager(), directory=layout.directory
        )
        self._programs = (self._etcd, self._api, self._controllers)

    def start(self) -> None:
        """Start all and wait until they are ready.

        Raises:
            PortTakenError: another process was quicker; to be tried with other ports.
            StartError: one ended or was not ready in time.
        """
        self._etcd.start()
        self._api.start()
        self._wait("/readyz", self._etcd, self._api)
        self._controllers.start()
        self._wait("/api/v1/namespaces/default/serviceaccounts/default", *self._programs)

    def kill(self) -> None:
        """End all at once: their data is thrown away, so there is nothing to end gracefully."""
        for program in reversed(self._programs):
            program.stop(graceful=False)

    @property
    def healthy(self) -> bool:
        """Whether all programs run."""
        return all(program.running for program in self._programs)

    def stop_api(self, *, graceful: bool) -> None:
        """End the API server alone."""
        self._api.stop(graceful=graceful)

    def start_api(self) -> None:
        """Start the API server again, on its port and data, and wait until it is ready.

        Raises:
            StartError: it ended or was not ready in time.
        """
        self._again(self._api)

    def stop_etcd(self, *, graceful: bool) -> None:
        """End etcd alone."""
        self._etcd.stop(graceful=graceful)

    def start_etcd(self) -> None:
        """Start etcd again, on its port and data, and wait until the API server, which has to run, is ready.

        Raises:
            StartError: one of them ended or was not ready in time.
        """
        self._again(self._etcd)

    def _again(self, program: Program) -> None:
        for remaining in reversed(range(_RESTARTS)):
            program.start()
            try:
                return self._wait("/readyz", self._etcd, self._api)
            except PortTakenError:
                if not remaining:
                    raise
                time.sleep(_RESTART_PAUSE)
        return None

    def _write_files(self, token: str) -> None:
        layout = self.layout
        layout.signing_key.touch(mode=0o600)
        layout.signing_key.write_text(private_key_pem(), encoding="ascii")
        layout.tokens.touch(mode=0o600)
        layout.tokens.write_text(f"{token},{ADMIN},{ADMIN},system:masters\n", encoding="ascii")
        layout.audit_policy.write_text(json.dumps(audit.POLICY), encoding="ascii")
        admin = Access(server=layout.server, ca_file=layout.ca_file, user=ADMIN, token=token)
        admin.write(layout.kubeconfig)

    def _wait(self, path: str, *programs: Program) -> None:
        """Wait until the path answers 200 while the programs run."""
        if not _holds(lambda: _all_run(programs) and self._probe.succeeds(path), self._timeout):
            tails = "\n".join(f"--- {program.name}\n{program.tail()}" for program in programs)
            raise StartError(
                f"The test control plane was not ready within {self._timeout:.0f} s ({path}). "
                f"Is the machine short of memory or busy? The ends of the logs:\n{tails}"
            )


def _holds(condition: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _all_run(programs: tuple[Program, ...]) -> bool:
    """True, or an error that names the program that has ended."""
    for program in programs:
        if not program.running:
            tail = program.tail()
            kind = PortTakenError if _TAKEN in tail else StartError
            raise kind(f"{program.name} ended while it was to become ready. The end of its log:\n{tail}")
    return True
